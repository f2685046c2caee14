// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-leakcheck: who pins which pages, and who forgot to let go. Scans the
 * machine as it is; or runs a command under the tracker, or watches a process or
 * all for a while, and reports what is still pinned. Options here, the run in
 * src/leakcheck*.c.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "forms.h"
#include "leakcheck.h"
#include "options.h"
#include "pfn_list.h"
#include "probe.h"

const char *argp_program_version = "gup-leakcheck " GUP_VERSION;

static const char doc[] =
	"Report which memory pages are pinned by get_user_pages() and friends, by whom, and who "
	"forgot to let go.\n\n"
	"Without a command: report what gup-pind has recorded; where it does not run, scan memory "
	"once and tell by evidence who is likely to hold what is pinned. With -- CMD: run CMD "
	"under the tracker and report what it and its descendants "
	"still hold after the grace period. With --duration: watch that long. Needs root.\v"
	"EXAMPLES\n"
	"  gup-leakcheck                        what is pinned now, and by whom?\n"
	"  gup-leakcheck --pfn '[a5a80, a5ade)' why are these pages busy?\n"
	"  gup-leakcheck -- ./my_program        what did it leave pinned?\n"
	"  gup-leakcheck -p 4186 --duration 10s what does this process pin?\n"
	"  gup-leakcheck --probe                what can be tracked here, and what not?\n\n"
	"EXIT STATUS\n"
	"  0 clean  1 findings  2 usage  3 cannot run here  4 failed\n"
	"  126 CMD cannot be executed  127 CMD not found";

enum {
	OPT_GRACE = 256,
	OPT_DURATION,
	OPT_MIN_AGE,
	OPT_MIN_PAGES,
	OPT_TOP,
	OPT_SUPPRESS,
	OPT_JSON,
	OPT_FOLDED,
	OPT_SCHEMA,
	OPT_PROBE,
	OPT_PLAN,
	OPT_STACK_EVERY,
	OPT_MAX_FOLIOS,
	OPT_MAX_RECORDS,
	OPT_SKIP_HOOK,
	OPT_INPUT,
	OPT_DIFF,
	OPT_PFN,
	OPT_BLOCK,
	OPT_PAGES,
	OPT_LIMITS,
	OPT_SOCKET,
	OPT_NO_DAEMON,
	OPT_SCAN_RATE,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "What to watch:", 1 },
	{ "pid", 'p', "PID", 0, "only what this process pins, or whose memory it is", 1 },
	{ "duration", OPT_DURATION, "TIME", 0,
	  "watch that long (500ms, 10s, 5m), 0: until interrupted", 1 },
	{ "grace", OPT_GRACE, "TIME", 0, "wait at most that long for late releases (2s)", 1 },
	{ "input", OPT_INPUT, "FILE", 0, "judge a saved snapshot (--json -o), - is stdin; no root",
	  1 },
	{ "diff", OPT_DIFF, "OLD NEW", 0, "compare two saved snapshots; no root", 1 },
	{ "pfn", OPT_PFN, "LIST", 0,
	  "scan and explain only these page frames, in hex: a5a80, a5a80-a5add, several by "
	  "commas, or as the kernel logs them: [a5a80, a5ade)",
	  1 },
	{ "block", OPT_BLOCK, "memoryN", 0, "the same for a memory block that does not go offline",
	  1 },
	{ "socket", OPT_SOCKET, "PATH", 0, "ask the gup-pind that serves there, whatever it knows",
	  1 },
	{ "no-daemon", OPT_NO_DAEMON, NULL, 0, "scan, also where gup-pind runs", 1 },
	{ NULL, 0, NULL, 0, "Only what fits all of these:", 2 },
	FILTER_OPTIONS,
	{ NULL, 0, NULL, 0, "What to report:", 3 },
	{ "pages", OPT_PAGES, NULL, 0, "list every pinned folio, too", 3 },
	{ "min-age", OPT_MIN_AGE, "TIME", 0, "no finding for younger pins", 3 },
	{ "min-pages", OPT_MIN_PAGES, "N", 0, "no finding for less memory than N pages", 3 },
	{ "top", OPT_TOP, "N", 0, "at most N entries of each list", 3 },
	{ "suppress", OPT_SUPPRESS, "FILE", 0, "findings to live with: rule:glob  # why", 3 },
	{ "limits", OPT_LIMITS, NULL, 0, "what is pinned and charged per process and user; exit",
	  3 },
	{ NULL, 0, NULL, 0, "How to report it:", 4 },
	{ "json", OPT_JSON, NULL, 0, "the snapshot as JSON (see --schema)", 4 },
	{ "folded", OPT_FOLDED, NULL, 0, "stacks for flame graphs, weighted by pins", 4 },
	{ "output", 'o', "FILE", 0, "the report into FILE, apart from what CMD prints", 4 },
	{ "quiet", 'q', NULL, 0, "the first line only", 4 },
	{ "verbose", 'v', NULL, 0, "offsets, all groups and sites; the loader's messages", 4 },
	{ "schema", OPT_SCHEMA, NULL, 0, "print the JSON schema and exit", 4 },
	{ NULL, 0, NULL, 0, "This kernel:", 5 },
	{ "scan-rate", OPT_SCAN_RATE, "N", 0,
	  "a scan reads at most N struct pages a second; default as fast as it goes", 5 },
	{ "probe", OPT_PROBE, NULL, 0, "print what would be attached here, and why not; exit", 5 },
	{ "plan", OPT_PLAN, "PLAN", 0,
	  "how to track: core (each page, default) or call (each call; next to no cost)", 5 },
	{ "stack-every", OPT_STACK_EVERY, "N", 0,
	  "plan call: stacks of one in N short calls of under 64 pages (8)", 5 },
	{ "max-folios", OPT_MAX_FOLIOS, "N", 0, "ledger size; default an eighth of RAM's pages",
	  5 },
	{ "max-records", OPT_MAX_RECORDS, "N", 0,
	  "plan call: records between two scans (262144); memory is taken for what is there", 5 },
	{ "skip-hook", OPT_SKIP_HOOK, "FUNC", OPTION_HIDDEN, "for tests: leave this function out",
	  5 },
	{ 0 },
};

static error_t parse_report(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case OPT_MIN_AGE:
		env->min_age_ns = option_duration("--min-age", arg);
		return 0;
	case OPT_MIN_PAGES:
		env->min_pages = option_number("--min-pages", arg, 0, UINT64_MAX);
		return 0;
	case OPT_TOP:
		env->top = option_number("--top", arg, 1, UINT32_MAX);
		return 0;
	case OPT_SUPPRESS:
		env->suppress = arg;
		return 0;
	case OPT_PAGES:
		env->pages = true;
		return 0;
	case OPT_JSON:
		env->form = FORM_JSON;
		return 0;
	case OPT_FOLDED:
		env->form = FORM_FOLDED;
		return 0;
	case 'o':
		env->output = arg;
		return 0;
	case 'q':
		env->quiet = true;
		return 0;
	case 'v':
		env->verbose = true;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static void add_pfns(struct env *env, const char *arg)
{
	if (pfn_list__parse(arg, &env->ranges, &env->range_cnt))
		usage_error("--pfn: '%s' is no list of page frames: use a5a80, a5a80-a5add or "
			    "'[a5a80, a5ade)', in hex",
			    arg);
}

static void add_block(struct env *env, const char *arg)
{
	int err = pfn_list__block(arg, &env->ranges, &env->range_cnt);

	if (err == -ENOENT)
		usage_error("--block: no %s in /sys/devices/system/memory", arg);
	if (err)
		usage_error("--block: '%s' is no memory block: use memory32", arg);
}

static void check_together(const struct env *env)
{
	if (env->cmd && env->pid)
		usage_error("give either -p or a command, not both");
	if (env->input && (env->cmd || env->watch || env->ranges || env->pages || env->scan_rate))
		usage_error(
			"--input and --diff judge what was saved: nothing to run, watch or scan");
	if (env->socket && (env->input || env->cmd || env->watch || env->pages))
		usage_error("--socket: gup-pind has one snapshot for all: nothing to run, watch, "
			    "scan or read");
	if (env->socket && env->no_daemon)
		usage_error("give either --socket or --no-daemon, not both");
	if (env->diff && env->form == FORM_FOLDED)
		usage_error("--diff has no folded form: use --json or neither");
	if ((env->cmd || env->watch) && (env->ranges || env->scan_rate))
		usage_error("--pfn, --block and --scan-rate are for a scan: no command, "
			    "no --duration");
}

static error_t parse_tracking(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case OPT_GRACE:
		env->grace_ns = option_duration("--grace", arg);
		return 0;
	case OPT_PLAN:
		env->plan = leakcheck_plan(arg);
		env->plan_chosen = true;
		if (env->plan < 0)
			usage_error("--plan: core or call, not '%s'", arg);
		return 0;
	case OPT_STACK_EVERY:
		env->stack_every = option_number("--stack-every", arg, 1, 1U << 20);
		return 0;
	case OPT_MAX_FOLIOS:
		env->max_folios = option_number("--max-folios", arg, 256, 1U << 28);
		return 0;
	case OPT_SCAN_RATE:
		env->scan_rate = option_number("--scan-rate", arg, 1, UINT32_MAX);
		return 0;
	case OPT_MAX_RECORDS:
		env->max_records = option_number("--max-records", arg, 8, 1U << 28);
		return 0;
	case OPT_SKIP_HOOK:
		env->skip_hook = arg;
		return 0;
	case OPT_SOCKET:
		env->socket = arg;
		return 0;
	case OPT_NO_DAEMON:
		env->no_daemon = true;
		return 0;
	}
	return parse_report(key, arg, state);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case 'p':
		env->pid = option_number("--pid", arg, 1, INT32_MAX);
		return 0;
	case OPT_DURATION:
		env->duration_ns = option_duration("--duration", arg);
		env->watch = true;
		return 0;
	case OPT_PFN:
		add_pfns(env, arg);
		return 0;
	case OPT_BLOCK:
		add_block(env, arg);
		return 0;
	case OPT_INPUT:
		env->what = DO_SAVED;
		env->input = arg;
		return 0;
	case OPT_DIFF:
		if (state->next >= state->argc)
			usage_error("--diff wants two files: OLD NEW");
		env->what = DO_SAVED;
		env->diff = arg;
		env->input = state->argv[state->next++];
		return 0;
	case OPT_LIMITS:
		env->what = DO_LIMITS;
		return 0;
	case OPT_SCHEMA:
		env->what = DO_SCHEMA;
		return 0;
	case OPT_PROBE:
		env->what = DO_PROBE;
		return 0;
	case FILTER_KEY_FILE ... FILTER_KEY_END - 1:
		filter__option(&env->filter, key, arg);
		return 0;
	case ARGP_KEY_ARGS:
		env->cmd = state->argv + state->next;
		return 0;
	}
	return parse_tracking(key, arg, state);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, parse, "[-- CMD [ARG...]]", doc, NULL, NULL, NULL
	};
	struct env env = { .grace_ns = 2000000000ULL };
	int ret;

	stdout_must_be_written();
	options_check(argc, argv, options);
	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &env))
		return 2;
	if (!env.cmd && argc > 1 && !strcmp(argv[argc - 1], "--"))
		usage_error("no command after --");
	check_together(&env);
	switch (env.what) {
	case DO_SAVED:
		ret = leakcheck_saved(&env);
		break;
	case DO_LIMITS:
		ret = leakcheck_limits(&env);
		break;
	case DO_SCHEMA:
		if (form_schema(stdout))
			err(4, "can't write the schema");
		ret = 0;
		break;
	case DO_PROBE:
		ret = probe_print(stdout);
		break;
	default:
		ret = leakcheck_run(&env);
	}
	free(env.ranges);
	return ret;
}
