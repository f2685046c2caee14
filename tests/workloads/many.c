// SPDX-License-Identifier: GPL-2.0
/*
 * many: many owners at once. Each of 200 processes pins another prime number of its own pages by
 * io_uring and holds them until the parent gets a line, so that a report can be compared owner by
 * owner.
 */
#include <argp.h>
#include <stdio.h>

#include "crew.h"

struct env {
	unsigned long procs;
	unsigned long first; /* the smallest number of pages is the first prime from here on */
	const char *kind;
};

static const struct argp_option options[] = {
	{ "procs", 'p', "N", 0, "processes (default 200)", 0 },
	{ "first", 'f', "N", 0, "the first one pins the next prime number from N on (default 2)",
	  0 },
	{ "kind", 'k', "KIND", 0, "memory, as of the program pins (default anon)", 0 },
	{ 0 },
};

static const char doc[] =
	"Pin a different prime number of pages in each of many processes.\v"
	"Prints `owner PID PAGES` for each, `pinned TOTAL`, and after a line or the end of stdin "
	"`released`. Exit status: 0 done, 2 usage, 4 failed, 77 no io_uring here.";

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;
	unsigned long *num = key == 'p' ? &env->procs : &env->first;

	if (key == 'k') {
		env->kind = arg;
		if (!mem__kind_ok(arg))
			argp_error(state, "%s: no such kind of memory", arg);
		return 0;
	}
	if (key != 'p' && key != 'f')
		return ARGP_ERR_UNKNOWN;
	if (!parse_num(arg, num) || !*num || *num > 1000000)
		argp_error(state, "%s: not a number from 1 to 1000000", arg);
	return 0;
}

struct share {
	const char *kind;
	unsigned long pages;
};

static int own_pages(const struct member *me, void *arg)
{
	const struct share *share = arg;
	struct mem mem;
	int status = mem__map(&mem, share->kind, share->pages);
	int ring = -1;

	if (!status)
		ring = uring__pin(&mem, &status);
	crew__report(me, status, share->pages);
	if (status)
		return status;
	crew__wait(me);
	errno = -uring__unregister(ring);
	return errno ? fail("io_uring: unregistering") : 0;
}

static int start_all(const struct env *env, struct member *crew)
{
	struct share share = { .kind = env->kind, .pages = env->first - 1 };
	unsigned long total = 0;
	int status;

	for (unsigned int i = 0; i < env->procs; i++) {
		share.pages = next_prime(share.pages);
		status = crew__start(&crew[i], i, own_pages, &share);
		if (!status)
			status = crew__hear(&crew[i], NULL);
		if (status)
			return status;
		say("owner %d %lu", crew[i].pid, share.pages);
		total += share.pages;
	}
	say("pinned %lu", total);
	return 0;
}

static int end_all(const struct env *env, struct member *crew)
{
	int status = 0;

	for (unsigned int i = 0; i < env->procs; i++) {
		int ret = crew__end(&crew[i]);

		if (ret && !status)
			status = ret;
	}
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, NULL, doc, NULL, NULL, NULL };
	struct env env = { .procs = 200, .first = 2, .kind = "anon" };
	struct member *crew;
	int status, ret;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	raise_memlock();
	crew = calloc(env.procs, sizeof(*crew));
	if (!crew)
		return fail("calloc");
	status = start_all(&env, crew);
	if (!status)
		wait_line();
	ret = end_all(&env, crew);
	if (!status && !ret)
		say("released");
	free(crew);
	return status ? status : ret;
}
