// SPDX-License-Identifier: GPL-2.0
/*
 * twoowners: two processes pin the same shared pages by io_uring, and one lets go first. Which of
 * the two still holds them cannot be told from the pages alone: a report must say so, or know.
 */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "crew.h"

struct env {
	unsigned long pages;
	const char *kind;
	struct mem mem;
};

static const struct argp_option options[] = {
	{ "count", 'n', "N", 0, "pages (default 1)", 0 },
	{ "kind", 'k', "KIND", 0, "shared memory: memfd (default), hugememfd, shmem", 0 },
	{ 0 },
};

static const char doc[] =
	"Two processes pin the same page; the first releases it, then the second.\v"
	"Prints `first PID`, `second PID` and `pinned PAGES` (by each); after a line on stdin "
	"`released first`, after the next one `released second`. Exit status: 0 done, 2 usage, "
	"4 failed, 77 no io_uring here.";

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case 'n':
		if (!parse_num(arg, &env->pages) || !env->pages)
			argp_error(state, "%s: not a number above 0", arg);
		return 0;
	case 'k':
		env->kind = arg;
		if (strcmp(arg, "memfd") && strcmp(arg, "hugememfd") && strcmp(arg, "shmem"))
			argp_error(state, "%s: not a kind of shared memory", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int own_page(const struct member *me, void *arg)
{
	const struct env *env = arg;
	int status;
	int ring = uring__pin(&env->mem, &status);

	crew__report(me, status, 0);
	if (status)
		return status;
	crew__wait(me);
	errno = -uring__unregister(ring);
	status = errno ? fail("io_uring: unregistering") : 0;
	crew__report(me, status, 0);
	/* Alive and without pins, until the parent goes on. */
	crew__wait(me);
	return status;
}

static int run(struct env *env, struct member *crew)
{
	static const char *const names[] = { "first", "second" };
	int status = mem__map(&env->mem, env->kind, env->pages);

	for (unsigned int i = 0; !status && i < 2; i++) {
		status = crew__start(&crew[i], i, own_page, env);
		if (!status)
			status = crew__hear(&crew[i], NULL);
		if (!status)
			say("%s %d", names[i], crew[i].pid);
	}
	if (status)
		return status;
	say("pinned %lu", env->pages);
	for (unsigned int i = 0; !status && i < 2; i++) {
		wait_line();
		crew__tell(&crew[i]);
		status = crew__hear(&crew[i], NULL);
		if (!status)
			say("released %s", names[i]);
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, NULL, doc, NULL, NULL, NULL };
	struct env env = { .pages = 1, .kind = "memfd" };
	struct member crew[2] = { 0 };
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	raise_memlock();
	status = run(&env, crew);
	for (unsigned int i = 0; i < 2; i++) {
		int ret = crew__end(&crew[i]);

		if (ret && !status)
			status = ret;
	}
	return status;
}
