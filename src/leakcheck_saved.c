// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-leakcheck on saved snapshots: --input judges one again, with the options
 * of this run and the clock of its own. Needs no privilege and no kernel.
 */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "audit.h"
#include "forms.h"
#include "leakcheck.h"
#include "suppress.h"
#include "util.h"

#define EXIT_USAGE 2

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

static int judge(FILE *out, const struct env *env, struct snapshot *snap)
{
	struct audit_options audit = {
		.min_age_ns = env->min_age_ns,
		.min_pages = env->min_pages,
		.cmd_mode = snap->cmd != NULL,
	};
	struct suppressions *suppressions = NULL;
	struct filter filter = env->filter;
	int ret;

	if (env->suppress) {
		suppressions = suppressions__load(env->suppress, snap->taken_ns);
		if (!suppressions)
			return EXIT_USAGE;
	}
	audit.suppressions = suppressions;
	filter.by_pid = env->pid > 0;
	filter.pid = env->pid;
	filter__apply(snap, &filter);
	snapshot__audit(snap, &audit);
	ret = leakcheck_report(out, env, snap, suppressions);
	suppressions__free(suppressions);
	return ret;
}

int leakcheck_input(const struct env *env)
{
	cleanup_file FILE *file = env->output ? fopen(env->output, "we") : NULL;
	struct snapshot *snap;
	int ret = EXIT_USAGE;

	if (env->output && !file) {
		warn("%s", env->output);
		return EXIT_USAGE;
	}
	snap = read_saved(env->input);
	if (snap)
		ret = judge(file ? file : stdout, env, snap);
	snapshot__free(snap);
	return ret;
}
