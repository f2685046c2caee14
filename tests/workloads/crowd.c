// SPDX-License-Identifier: GPL-2.0
/*
 * crowd: more processes than the tracker has room for, one after another, as a large test suite
 * starts them; then a program of their own kind that is to be found among them all.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinlib.h"

struct env {
	unsigned long procs;
	bool idle;
	char **then;
};

static const struct argp_option options[] = {
	{ "procs", 'p', "N", 0, "processes (default 20000)", 0 },
	{ "idle", 'i', NULL, 0, "they pin nothing; else each a page, and releases it", 0 },
	{ 0 },
};

static const char doc[] = "Start many short processes, then become PROGRAM.\v"
			  "Exit status: PROGRAM's, else 0 done, 2 usage, 4 failed.";

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case 'p':
		if (!parse_num(arg, &env->procs))
			argp_error(state, "%s: not a number", arg);
		return 0;
	case 'i':
		env->idle = true;
		return 0;
	case ARGP_KEY_ARGS:
		env->then = state->argv + state->next;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Without a copy of the page tables, which takes longer than all else. */
static pid_t start_idle(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid;
}

static pid_t start_pinning(char *page)
{
	pid_t pid = fork();

	if (!pid)
		_exit(pv_pin(getpid(), page, 1, false));
	return pid;
}

static int start_one(const struct env *env, char *page)
{
	pid_t pid = env->idle ? start_idle() : start_pinning(page);
	int status;

	if (pid < 0)
		return fail("fork");
	if (waitpid(pid, &status, 0) != pid)
		return fail("waitpid");
	errno = 0;
	return status ? fail("pid %d: status %#x", pid, status) : 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, "[PROGRAM [ARG...]]", doc, NULL,
					  NULL,	   NULL };
	static char page[1] = "p";
	struct env env = { .procs = 20000 };
	int status = 0;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &env);
	for (unsigned long i = 0; i < env.procs && !status; i++)
		status = start_one(&env, page);
	if (status || !env.then)
		return status;
	execv(env.then[0], env.then);
	return fail("%s", env.then[0]);
}
