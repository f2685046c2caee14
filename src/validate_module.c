// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-validate --module NAME [-- CMD]: the code of one module, and the pins and
 * releases that go through it while CMD runs. The results are rows like all
 * others, made here instead of taken from a table.
 */
#include <err.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "command.h"
#include "util.h"
#include "validate_impl.h"

#define EXIT_BROKEN 4
#define POLL_MS 20
#define SOON_NS 1000000000ULL  /* work items of the kernel release within that time */
#define GRACE_NS 7000000000ULL /* what is released within that is late, not leaked */
#define ROWS_MAX 64

struct module_run {
	const struct validate_env *env;
	char name[64]; /* as lsmod has it */
	struct validation val;
	struct command cmd;
	struct notes *notes;
	struct take_options take;
	struct snapshot *snap;
	uint64_t late_ns; /* until when after CMD's end pins were left */
	struct row rows[ROWS_MAX];
	struct outcome outcomes[ROWS_MAX];
	const struct row *done[ROWS_MAX];
	size_t cnt;
};

static struct outcome *add_row(struct module_run *run, const char *id, const char *promise)
{
	size_t at = run->cnt < ROWS_MAX ? run->cnt++ : ROWS_MAX - 1;

	run->rows[at] = (struct row){ .part = PART_SITES, .id = id, .promise = promise };
	run->done[at] = &run->rows[at];
	run->outcomes[at] = (struct outcome){};
	return &run->outcomes[at];
}

/* ---- what its code says ---- */

static void judge_code(struct module_run *run)
{
	const char *const only[] = { run->name, NULL };
	struct outcome *out = add_row(run, "code", "calls pin_user_pages*, releases with unpin_*");
	cleanup_free char *path = strdup(run->env->module);
	const struct census_unit *unit;
	struct census census = {};
	struct utsname uts;
	char dir[128];

	uname(&uts);
	snprintf(dir, sizeof(dir), "/lib/modules/%s", uts.release);
	out->is_static = true;
	snprintf(out->did, sizeof(out->did), "read the relocations of %s", run->env->module);
	census__modules(&census, path && strchr(path, '/') ? dirname(path) : dir, only);
	unit = census__find(&census, run->name);
	if (!census__has_module(&census, run->name)) {
		out->verdict = outcome__skip(out, "no file of it is found: give its path");
	} else {
		enum census_class class = unit ? unit->class : CLASS_NONE;

		outcome__saw(out, "%s", census_class_words(class));
		for (size_t i = 0; unit && i < unit->call_cnt; i++)
			outcome__saw(out, "%s < %s", unit->calls[i].callee,
				     unit->calls[i].caller ? unit->calls[i].caller : "?");
		if (class == CLASS_STILL_GET || class == CLASS_BOTH)
			out->verdict = outcome__skip(
				out, "%s: right only where struct page alone is needed",
				census_class_words(class));
		else if (class == CLASS_NONE)
			out->verdict = outcome__skip(out, "%s", census_class_words(class));
	}
	census__free(&census);
}

/* ---- what it did ---- */

static bool through_module(const struct module_run *run, int stack)
{
	if (stack < 0)
		return false;
	for (size_t i = 0; i < run->snap->stacks[stack].frame_cnt; i++) {
		const char *module = run->snap->stacks[stack].frames[i].module;

		if (module && !strcmp(module, run->name))
			return true;
	}
	return false;
}

/* Who still holds what a site pinned: the state of its groups, the worst first. */
static enum state state_of(const struct module_run *run, const struct site *site)
{
	enum state state = STATE_HELD;

	for (size_t i = 0; i < run->snap->group_cnt; i++) {
		const struct group *group = &run->snap->groups[i];

		if (group->api == site->api && through_module(run, group->kernel_stack) &&
		    group->state != STATE_IN_FLIGHT)
			state = group->state > state ? group->state : state;
	}
	return state;
}

static uint64_t wrong_pins(const struct snapshot *snap, enum wrong_kind kind)
{
	uint64_t pins = 0;

	for (size_t i = 0; i < snap->wrong_cnt; i++)
		pins += snap->wrongs[i].kind == kind ? snap->wrongs[i].pins : 0;
	return pins;
}

static enum verdict judge_releases(const struct module_run *run, const struct site *site,
				   struct outcome *out)
{
	unsigned long long put =
		wrong_pins(run->snap, WRONG_PUT_PAGE) + wrong_pins(run->snap, WRONG_FREED_PINNED);
	unsigned long long twice = wrong_pins(run->snap, WRONG_UNPIN_NOT_PINNED);

	if (put)
		return outcome__fail(out, "put_page: %llu pins released as plain references", put);
	if (twice)
		return outcome__fail(out, "released twice: %llu pins more than were taken", twice);
	if (site->left && state_of(run, site) == STATE_HELD)
		return outcome__skip(out, "%llu pins are still held by a living process",
				     (unsigned long long)site->left);
	if (site->left)
		return outcome__fail(out, "leaks: %llu of %llu pins (%s)",
				     (unsigned long long)site->left, (unsigned long long)site->pins,
				     state_name(state_of(run, site)));
	if (site->clean)
		return outcome__fail(out,
				     "released as clean: %llu pins for writing, of file pages that "
				     "were not dirty: what was written, if anything, is lost",
				     (unsigned long long)site->clean);
	if (run->snap->checks.sites_full)
		return outcome__skip(out,
				     "not all releases were looked at: the site table was full");
	if (run->late_ns > SOON_NS)
		return outcome__fail(out, "late: pins outlived the command by %.1f s",
				     (double)run->late_ns / 1e9);
	return VERDICT_PASS;
}

static void judge_site(struct module_run *run, const struct site *site)
{
	const char *id = snapshot__printf(run->snap, "%s < %s", api_name(site->api),
					  site->caller ? site->caller : "?");
	struct outcome *out =
		add_row(run, id, "what it pins it releases, once, by unpin_*, in time");

	out->pins = site->pins;
	snprintf(out->expected, sizeof(out->expected), "%llu pins released, none left",
		 (unsigned long long)site->pins);
	outcome__saw(out, "%llu calls asked for %llu pages, %llu short, %llu failed",
		     (unsigned long long)site->calls, (unsigned long long)site->pages_asked,
		     (unsigned long long)site->short_calls, (unsigned long long)site->failed_calls);
	outcome__saw(out, "%llu pinned, %llu released, %llu left", (unsigned long long)site->pins,
		     (unsigned long long)site->released, (unsigned long long)site->left);
	for (size_t i = 0; i < site->release_cnt; i++)
		outcome__saw(out, "%llu by %s", (unsigned long long)site->releases[i].pins,
			     site->releases[i].function ? site->releases[i].function : "?");
	out->verdict = judge_releases(run, site, out);
}

/* Releases of what was never pinned have no site of their own: "run" stands for them. */
static bool judge_never_pinned(struct module_run *run)
{
	unsigned long long pins = wrong_pins(run->snap, WRONG_UNPIN_NOT_PINNED);
	struct outcome *out;

	if (!pins)
		return false;
	out = add_row(run, "run", "releases by unpin_* only what it pinned");
	out->verdict = outcome__fail(out, "unpinned what is no pin: %llu pages", pins);
	return true;
}

static void judge_run(struct module_run *run)
{
	bool exercised = false, never_pinned;

	for (size_t i = 0; i < run->snap->site_cnt; i++) {
		const struct site *site = &run->snap->sites[i];

		if (!site->in_tree || !site->pins || !through_module(run, site->kernel_stack))
			continue;
		exercised = true;
		judge_site(run, site);
	}
	never_pinned = !exercised && judge_never_pinned(run);
	for (size_t i = 0; i < run->snap->get_site_cnt; i++) {
		const struct get_site *get = &run->snap->get_sites[i];
		struct outcome *out;

		if (!get->caller_module || strcmp(get->caller_module, run->name))
			continue;
		out = add_row(run,
			      snapshot__printf(run->snap, "%s < %s", get->function,
					       get->caller ? get->caller : "?"),
			      "is converted to pin_user_pages*");
		outcome__saw(out, "%llu calls took %llu plain references",
			     (unsigned long long)get->calls, (unsigned long long)get->pages);
		out->verdict =
			outcome__skip(out, "%s: plain references can't be paired",
				      exercised ? "mixed, it pins as well" : "not converted");
		exercised = true;
	}
	if (!exercised && !never_pinned) {
		struct outcome *out = add_row(run, "run", "pins while the command runs");

		out->verdict =
			outcome__skip(out, "not exercised: no call went through %s", run->name);
	}
}

/* ---- the run ---- */

/* The command writes to stderr, so that stdout holds nothing but our results. */
static int prepare_aside(struct command *cmd, char **argv)
{
	int out = dup(STDOUT_FILENO), err;

	if (out < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		return -errno;
	err = command__prepare(cmd, argv);
	if (dup2(out, STDOUT_FILENO) < 0 && !err)
		err = -errno;
	close(out);
	return err;
}

static int start(struct module_run *run)
{
	struct bench *bench = &run->val.bench;
	char **argv = run->env->cmd;
	int err;

	run->notes = notes__new();
	if (!run->notes || prepare_aside(&run->cmd, argv)) {
		warn("can't start %s", argv[0]);
		return EXIT_BROKEN;
	}
	tracker__on_record(bench->tracker, notes__take, run->notes);
	run->take = (struct take_options){
		.tool = "gup-validate",
		.notes = run->notes,
		.ksyms = bench->ksyms,
		.base = &bench->base,
		.selftest = &bench->selftest,
		.since_ns = clock_ns(CLOCK_REALTIME),
		.tree_only = true,
	};
	tracker__set_root(bench->tracker, run->cmd.pid);
	err = command__start(&run->cmd);
	if (!err)
		return 0;
	warnx("%s: %s", argv[0], strerror(-err));
	return err == -ENOENT ? 127 : 126;
}

/* Until the command has ended, and then until nothing is left, or the time is up. */
static int wait_end(struct module_run *run)
{
	struct tracker *tracker = run->val.bench.tracker;
	uint64_t ended, pins = 1;
	int err = 0;

	while (!command__ended(&run->cmd) && !err)
		err = tracker__poll(tracker, POLL_MS);
	ended = clock_ns(CLOCK_MONOTONIC);
	while (!err && run->late_ns < GRACE_NS) {
		err = snapshot__held(tracker, &run->take, &pins);
		if (err || !pins)
			break;
		err = tracker__poll(tracker, POLL_MS);
		run->late_ns = clock_ns(CLOCK_MONOTONIC) - ended;
	}
	return err;
}

static int observe(struct module_run *run)
{
	const struct audit_options audit = { .cmd_mode = true };
	int err = wait_end(run);

	if (!err)
		err = ksyms__refresh(run->val.bench.ksyms);
	if (!err)
		run->snap = snapshot__take(run->val.bench.tracker, &run->take);
	if (err || !run->snap) {
		warnx("can't read the tracker: %s", strerror(err ? -err : errno));
		return EXIT_BROKEN;
	}
	run->snap->grace_ns = GRACE_NS;
	run->snap->waited_ns = run->late_ns;
	snapshot__audit(run->snap, &audit);
	judge_run(run);
	return 0;
}

static int report(const struct module_run *run)
{
	const size_t counts[PART_CNT] = { [PART_SITES] = run->cnt };
	bool failed = false;

	for (size_t i = 0; i < run->cnt; i++)
		failed |= run->outcomes[i].verdict == VERDICT_FAIL;
	if (run->env->json) {
		form_validation_json(stdout, run->done, run->outcomes, run->cnt);
		return failed;
	}
	form_begin(stdout, counts);
	form_part(stdout, PART_SITES, run->cnt);
	for (size_t i = 0; i < run->cnt; i++)
		form_row(stdout, i + 1, run->done[i], &run->outcomes[i]);
	form_part_end(stdout, 1, PART_SITES, failed);
	form_table(stdout, run->done, run->outcomes, run->cnt);
	return failed;
}

static void run__close(struct module_run *run)
{
	snapshot__free(run->snap);
	bench__close(&run->val.bench);
	notes__free(run->notes);
	free(run);
}

/* "drivers/my-driver.ko.xz" is my_driver. */
static void module_name(const char *arg, char *buf, size_t size)
{
	const char *base = strrchr(arg, '/');
	size_t len;

	base = base ? base + 1 : arg;
	snprintf(buf, size, "%s", base);
	len = strlen(buf);
	for (size_t i = 0; i < len; i++) {
		if (buf[i] == '-')
			buf[i] = '_';
		if (!strncmp(buf + i, ".ko", 3)) {
			buf[i] = 0;
			break;
		}
	}
}

int validate_module(const struct validate_env *env)
{
	static const struct tracker_options opts = { .clean_sites = true };
	struct module_run *run = calloc(1, sizeof(*run));
	int ret = 0;

	if (!run) {
		warn("can't run");
		return EXIT_BROKEN;
	}
	run->env = env;
	module_name(env->module, run->name, sizeof(run->name));
	judge_code(run);
	if (env->cmd)
		ret = bench__open(&run->val.bench, &opts);
	if (!ret && env->cmd)
		ret = start(run);
	if (!ret && env->cmd)
		ret = observe(run);
	if (!ret)
		ret = report(run);
	run__close(run);
	return ret;
}
