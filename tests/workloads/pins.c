// SPDX-License-Identifier: GPL-2.0
/*
 * pins: make the kernel pin a known number of pages by one call site, hold them, release them.
 *
 * A site is a way into the kernel's pin_user_pages family: process_vm access
 * (pin_user_pages_remote, transient), io_uring buffers (pin_user_pages, by 6.12 io_pin_pages), an
 * AF_XDP umem (pin_user_pages), a udmabuf (memfd_pin_folios), O_DIRECT (pin_user_pages_fast; up to
 * 6.1 get_user_pages_fast, which counts nothing). The sites are in pins_sites.c; here are the
 * options and the order of events. `pinned PAGES` and `released` on stdout bracket the hold, so
 * that a test can measure in between.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "pinargs.h"
#include "pins.h"

#define SETTLE_MS 2000 /* io_uring and AF_XDP release from a work item */

struct env {
	struct job job;
	struct member helper; /* child process that owns the memory, if there is one */
	const struct site *site;
	unsigned long calls;
	unsigned long hold_ms;
	bool wait;
	bool vmstat;
	bool list;
	bool munmap;
	bool fork_holder;
	bool munmap_child;
	unsigned long holder_ms;
	struct pin_stat base;
	bool have_base;
};

enum {
	OPT_BS = 256,
	OPT_CHILD,
	OPT_FORK_HOLDER,
	OPT_MUNMAP,
	OPT_MUNMAP_CHILD,
	OPT_PATH,
	OPT_VMSTAT,
	OPT_WAIT,
	OPT_LIST
};

static const struct argp_option options[] = {
	{ "count", 'n', "N", 0, "pages (default: a prime number that depends on the site)", 0 },
	{ "kind", 'k', "KIND", 0,
	  "memory: anon, thp, hugetlb, zero, shmem, memfd, hugememfd, "
	  "file=PATH or private=PATH",
	  0 },
	{ "path", OPT_PATH, "PATH", 0,
	  "file or block device of odread and odwrite (default: that "
	  "of --kind file=PATH, with anon memory)",
	  0 },
	{ "bs", OPT_BS, "BYTES", 0, "bytes of one O_DIRECT call (default: all)", 0 },
	{ "calls", 'c', "N", 0, "pin and release so often; only the last one is held", 0 },
	{ "child", OPT_CHILD, NULL, 0, "pvread, pvwrite: the memory is a child's", 0 },
	{ "hold", 'H', "SECONDS", 0, "hold the pins so long", 0 },
	{ "wait", OPT_WAIT, NULL, 0, "hold the pins until a line, or the end, of stdin", 0 },
	{ "munmap", OPT_MUNMAP, NULL, 0, "unmap the memory while it is pinned", 0 },
	{ "fork-holder", OPT_FORK_HOLDER, "SECONDS", 0,
	  "while pinned, fork a child that keeps the "
	  "file descriptor open so long, and exit",
	  0 },
	{ "munmap-child", OPT_MUNMAP_CHILD, NULL, 0, "that child unmaps the memory", 0 },
	{ "vmstat", OPT_VMSTAT, NULL, 0, "print how far /proc/vmstat went up", 0 },
	{ "list", OPT_LIST, NULL, 0, "list the sites", 0 },
	{ 0 },
};

static const char doc[] =
	"Pin pages by one call site of the kernel, hold them, release them.\v"
	"Prints `pinned PAGES`, then, after the hold, `released`. With --vmstat also "
	"`vmstat held +ACQUIRED -RELEASED` before the first and `vmstat end ...` after the "
	"second, both since the start. With --fork-holder `holder PID` instead of `released`. "
	"A transient site has released its pins before `pinned`.\n\n"
	"A forked child gets copies of private pages that are pinned: nobody maps the pinned ones "
	"then. Use shared memory for a holder that maps what it holds.\n\n"
	"Exit status: 0 done, 2 usage, 4 failed (also: pin refused), 77 cannot be done here.";

static const struct site *find_site(const char *name)
{
	for (const struct site *s = pin_sites; s->name; s++) {
		if (!strcmp(s->name, name))
			return s;
	}
	return NULL;
}

static void list_sites(void)
{
	for (const struct site *s = pin_sites; s->name; s++)
		printf("%-16s %s: %lu pages of %s%s\n", s->name, s->doc, s->count, s->kind,
		       s->transient ? ", transient" : "");
}

/* Checks that need all options. */
static void check_args(struct argp_state *state, struct env *env)
{
	struct job *job = &env->job;

	if (env->list)
		return;
	if (!env->site) {
		argp_error(state, "no site given, see --list");
		return;
	}
	if (env->fork_holder && (env->site->transient || env->site->in_child))
		argp_error(state, "%s: nothing that a child could hold", env->site->name);
	if (job->child && strncmp(env->site->name, "pv", 2))
		argp_error(state, "--child goes with pvread and pvwrite");
	if (env->munmap && (env->calls > 1 || env->site->in_child))
		argp_error(state, "--munmap does not go with --calls and iouring-exit");
	if (env->site->prepare && !job->path && job->kind && !strncmp(job->kind, "file=", 5)) {
		job->path = job->kind + 5;
		job->kind = NULL;
	}
	if (!job->kind)
		job->kind = env->site->kind;
	if (!job->count)
		job->count = env->site->count;
}

static bool *find_flag(struct env *env, int key)
{
	switch (key) {
	case OPT_CHILD:
		return &env->job.child;
	case OPT_WAIT:
		return &env->wait;
	case OPT_MUNMAP:
		return &env->munmap;
	case OPT_MUNMAP_CHILD:
		return &env->munmap_child;
	case OPT_VMSTAT:
		return &env->vmstat;
	case OPT_LIST:
		return &env->list;
	default:
		return NULL;
	}
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;
	bool *flag = find_flag(env, key);

	if (flag) {
		*flag = true;
		return 0;
	}
	switch (key) {
	case 'n':
		env->job.count = num_arg(arg, state);
		break;
	case 'k':
		env->job.kind = kind_arg(arg, state);
		break;
	case OPT_PATH:
		env->job.path = arg;
		break;
	case OPT_BS:
		env->job.block = num_arg(arg, state);
		break;
	case 'c':
		env->calls = num_arg(arg, state);
		break;
	case 'H':
		env->hold_ms = ms_arg(arg, state);
		break;
	case OPT_FORK_HOLDER:
		env->fork_holder = true;
		env->holder_ms = ms_arg(arg, state);
		break;
	case ARGP_KEY_ARG:
		env->site = state->arg_num ? NULL : find_site(arg);
		if (!env->site)
			argp_error(state, "%s: no such site, see --list", arg);
		break;
	case ARGP_KEY_END:
		check_args(state, env);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- a helper process that owns the memory ---- */

/* The helper: map, pin if the site asks for it, say so, and live until it is told to end. */
static int helper_main(const struct member *me, void *arg)
{
	struct env *env = arg;
	struct job *job = &env->job;
	int status = mem__map(&job->mem, job->kind, job->count);

	if (!status && env->site->in_child)
		status = env->site->pin(job);
	crew__report(me, status, (unsigned long)job->mem.addr);
	if (!status)
		crew__wait(me);
	return status;
}

static int start_helper(struct env *env)
{
	struct job *job = &env->job;
	unsigned long addr = 0;
	int status = crew__start(&env->helper, 0, helper_main, env);

	if (!status)
		status = crew__hear(&env->helper, &addr);
	if (status)
		return status;
	job->mem.addr = (char *)addr;
	job->mem.len = job->count * page_size();
	job->target = env->helper.pid;
	return 0;
}

/* ---- the order of events ---- */

static int prepare(struct env *env)
{
	struct job *job = &env->job;
	int status = 0;

	if (!env->site->in_child && !job->child)
		status = mem__map(&job->mem, job->kind, job->count);
	if (!status && job->child)
		status = start_helper(env);
	if (!status && env->site->prepare)
		status = env->site->prepare(job);
	if (status)
		return status;
	/* Without --vmstat the counters only tell when a late release is done, so do without. */
	if (env->vmstat)
		return pin_stat__read(&env->base);
	if (!access("/proc/sys/vm/stat_refresh", W_OK))
		env->have_base = !pin_stat__read(&env->base);
	return 0;
}

static int release(struct env *env)
{
	if (env->site->in_child)
		return crew__end(&env->helper);
	return env->site->release ? env->site->release(&env->job) : 0;
}

static int pin(struct env *env)
{
	int status = 0;

	for (unsigned long i = 0; !status && i < env->calls; i++) {
		if (i)
			status = release(env);
		if (!status)
			status =
				env->site->in_child ? start_helper(env) : env->site->pin(&env->job);
	}
	return status;
}

static int run(struct env *env)
{
	int status = prepare(env);

	if (!status)
		status = pin(env);
	if (!status)
		status = env->vmstat ? say_vmstat(&env->base, "held") : 0;
	if (status)
		return status;
	if (env->munmap)
		mem__unmap(&env->job.mem);
	say("pinned %lu", env->job.count);
	sleep_ms(env->hold_ms);
	if (env->wait)
		wait_line();
	if (env->fork_holder)
		return fork_holder(&env->job.mem, env->munmap_child, env->holder_ms);
	status = release(env);
	if (status)
		return status;
	if ((env->vmstat || env->have_base) && !env->site->transient)
		pin_stat__settle(&env->base, SETTLE_MS);
	say("released");
	return env->vmstat ? say_vmstat(&env->base, "end") : 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, "SITE", doc, NULL, NULL, NULL };
	struct env env = { .calls = 1, .job = { .fd = -1, .mem.fd = -1 } };
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	if (env.list) {
		list_sites();
		return 0;
	}
	raise_memlock();
	status = run(&env);
	if (crew__end(&env.helper) && !status)
		status = EXIT_RUN;
	return status;
}
