// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop: who pins which pages, live. Options here, the run in src/top.c.
 */
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "top.h"

const char *argp_program_version = "gup-pintop " GUP_VERSION;

static const char doc[] =
	"Show who pins which memory pages, as they are pinned and released. It only looks: "
	"it ends no process and changes nothing.\v"
	"EXAMPLES\n"
	"  gup-pintop                          live: what gup-pind knows, else as root\n"
	"  gup-pintop --replay pins/*.json     look at recorded snapshots; [ and ] step\n"
	"  gup-pintop -b -n 3 -d 10s -o pid,memory --sort memory\n\n"
	"In the view: h lists all keys and columns, q quits.\n\n"
	"EXIT STATUS\n"
	"  0 ended by the user  2 usage  3 cannot run here  4 failed";

enum {
	OPT_REPLAY = 256,
	OPT_RECORD,
	OPT_JSON,
	OPT_SORT,
	OPT_FILTER,
	OPT_VIEW,
	OPT_ASCII,
	OPT_SOCKET,
	OPT_NO_DAEMON,
};

static const struct argp_option options[] = {
	{ NULL, 0, NULL, 0, "What to look at:", 1 },
	{ "replay", OPT_REPLAY, NULL, 0, "recorded snapshots, in FILE... (JSON or NDJSON)", 1 },
	{ "delay", 'd', "TIME", 0, "between two snapshots (2s)", 1 },
	{ "record", OPT_RECORD, "DIR", 0, "write each snapshot into DIR, as JSON", 1 },
	{ "socket", OPT_SOCKET, "PATH", 0, "show what the gup-pind that serves there knows", 1 },
	{ "no-daemon", OPT_NO_DAEMON, NULL, 0, "track by itself, also where gup-pind runs", 1 },
	{ NULL, 0, NULL, 0, "How to show it:", 2 },
	{ "view", OPT_VIEW, "VIEW", 0,
	  "begin with processes, sites, files, cgroups, nodes, findings or pages", 2 },
	{ "columns", 'o', "LIST", 0, "columns, separated by commas; help lists them", 2 },
	{ "sort", OPT_SORT, "COLUMN", 0, "sort by it; -COLUMN: the other way round", 2 },
	{ "filter", OPT_FILTER, "WORDS", 0,
	  "only what fits: comm=GLOB, pid=N, uid=USER, cgroup=PATH, file=PATH, driver=NAME, "
	  "node=N, zone=NAME, kind=KIND; several in quotes",
	  2 },
	{ "ascii", OPT_ASCII, NULL, 0, "draw with ASCII characters only", 2 },
	{ NULL, 0, NULL, 0, "Without a terminal:", 3 },
	{ "batch", 'b', NULL, 0, "lines of text with exact figures, for scripts and logs", 3 },
	{ "json", OPT_JSON, NULL, 0, "with -b: each snapshot as a line of JSON", 3 },
	{ "number", 'n', "N", 0, "with -b: end after N snapshots", 3 },
	{ 0 },
};

static enum top_view view(const char *name)
{
	for (int i = 0; i < TOP_VIEW_CNT; i++)
		if (!strcmp(top_view_info(i)->name, name))
			return i;
	usage_error("--view: no view '%s' (see --help)", name);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top_env *env = state->input;

	switch (key) {
	case OPT_REPLAY:
		env->replay = state->argv;
		return 0;
	case 'd':
		env->delay_ns = option_duration("-d", arg);
		if (env->delay_ns < TOP_DELAY_LEAST_NS)
			usage_error("-d: '%s' is too short: at least 100ms", arg);
		return 0;
	case OPT_RECORD:
		env->record = arg;
		return 0;
	case OPT_SOCKET:
		env->socket = arg;
		return 0;
	case OPT_NO_DAEMON:
		env->no_daemon = true;
		return 0;
	case OPT_VIEW:
		env->view = view(arg);
		return 0;
	case 'o':
		env->columns = arg;
		return 0;
	case OPT_SORT:
		env->sort = arg;
		return 0;
	case OPT_FILTER:
		env->filter = arg;
		return 0;
	case OPT_ASCII:
		env->ascii = true;
		return 0;
	case 'b':
		env->batch = true;
		return 0;
	case OPT_JSON:
		env->json = true;
		return 0;
	case 'n':
		env->frames = option_number("-n", arg, 1, UINT64_MAX);
		return 0;
	case ARGP_KEY_ARGS:
		env->replay_cnt = state->argc - state->next;
		if (!env->replay)
			usage_error("%s: files are for --replay", state->argv[state->next]);
		env->replay = state->argv + state->next;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "[FILE...]", doc, NULL, NULL, NULL };
	struct top_env env = { .delay_ns = 2000000000ULL };
	int ret;

	stdout_must_be_written();
	options_check(argc, argv, options);
	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, 0, NULL, &env))
		return 2;
	if (env.replay && !env.replay_cnt)
		usage_error("--replay wants the files to show");
	if (env.replay && env.record)
		usage_error("--record: these snapshots are recorded already");
	if (env.replay && (env.socket || env.no_daemon))
		usage_error("--replay asks no gup-pind: leave out --socket and --no-daemon");
	if (env.socket && env.no_daemon)
		usage_error("give either --socket or --no-daemon, not both");
	if ((env.json || env.frames) && !env.batch)
		usage_error("%s: only with -b", env.json ? "--json" : "-n");
	ret = top_run(&env);
	return ret;
}
