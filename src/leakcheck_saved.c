// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-leakcheck on saved snapshots: --input judges one again, with the options
 * of this run and the clock of its own; --diff compares two that were judged
 * so. Needs no privilege and no kernel.
 */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "audit.h"
#include "diff.h"
#include "forms.h"
#include "leakcheck_impl.h"
#include "suppress.h"
#include "util.h"

/* "-" is standard input. NULL after one line on stderr. */
static struct snapshot *read_saved(const char *path)
{
	bool from_stdin = strcmp(path, "-") == 0;
	cleanup_file FILE *file = from_stdin ? NULL : fopen(path, "re");
	struct snapshot *snap;
	char why[256] = "";

	if (!file && !from_stdin) {
		warn("%s", path);
		return NULL;
	}
	snap = form_json__read(from_stdin ? stdin : file, why, sizeof(why));
	if (!snap)
		warnx("%s: no snapshot: %s", from_stdin ? "standard input" : path,
		      *why ? why : strerror(errno));
	return snap;
}

void leakcheck_judge(const struct env *env, struct snapshot *snap,
		     const struct suppressions *suppressions)
{
	struct audit_options audit = {
		.min_age_ns = env->min_age_ns,
		.min_pages = env->min_pages,
		.cmd_mode = snap->cmd != NULL,
		.suppressions = suppressions,
	};
	struct filter filter = env->filter;

	filter.by_pid = env->pid > 0;
	filter.pid = env->pid;
	filter__apply(snap, &filter);
	snapshot__audit(snap, &audit);
}

/* In *suppressions, which may stay NULL; 0 or the exit status. Dates count as of the snapshot. */
static int load_suppressions(const struct env *env, const struct snapshot *snap,
			     struct suppressions **suppressions)
{
	*suppressions = NULL;
	if (env->suppress)
		*suppressions = suppressions__load(env->suppress, snap->taken_ns);
	return env->suppress && !*suppressions ? EXIT_USAGE : 0;
}

static int report_one(FILE *out, const struct env *env, struct snapshot *snap)
{
	struct suppressions *suppressions;
	int ret = load_suppressions(env, snap, &suppressions);

	if (ret)
		return ret;
	leakcheck_judge(env, snap, suppressions);
	ret = leakcheck_report(out, env, snap, suppressions, 0);
	suppressions__free(suppressions);
	return ret;
}

static int write_diff(FILE *out, const struct env *env, const struct diff *diff)
{
	const struct text_options opts = {
		.quiet = env->quiet,
		.verbose = env->verbose,
		.top = env->top,
	};
	int err;

	errno = 0;
	err = env->form == FORM_JSON ? diff__json(out, diff) : diff__text(out, diff, &opts);
	if (err)
		warnx("can't write the report: %s", strerror(errno ? errno : -err));
	return err ? EXIT_BROKEN : diff->exit_code;
}

static int report_diff(FILE *out, const struct env *env, struct snapshot *before,
		       struct snapshot *now)
{
	struct snapshot *const both[] = { before, now };
	struct suppressions *suppressions;
	struct diff *diff;
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
		ret = load_suppressions(env, both[i], &suppressions);
		if (ret)
			return ret;
		leakcheck_judge(env, both[i], suppressions);
		suppressions__free(suppressions);
	}
	diff = diff__make(before, now);
	if (!diff) {
		warn("can't compare");
		return EXIT_BROKEN;
	}
	ret = write_diff(out, env, diff);
	diff__free(diff);
	return ret;
}

int leakcheck_saved(const struct env *env)
{
	cleanup_file FILE *file = env->output ? fopen(env->output, "we") : NULL;
	struct snapshot *snap, *before = NULL;
	FILE *out = file ? file : stdout;
	int ret = EXIT_USAGE;

	if (env->output && !file) {
		warn("%s", env->output);
		return EXIT_USAGE;
	}
	if (env->diff)
		before = read_saved(env->diff);
	snap = env->diff && !before ? NULL : read_saved(env->input);
	if (snap)
		ret = before ? report_diff(out, env, before, snap) : report_one(out, env, snap);
	snapshot__free(before);
	snapshot__free(snap);
	return ret;
}
