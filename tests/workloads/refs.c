// SPDX-License-Identifier: GPL-2.0
/*
 * refs: pages with many references that are no pins, for tests of what tells the two apart.
 *
 * mapped N: a shared page that N processes map. pipes N: a page that lies in pipes N times; more
 * than 1,024 look like a pin to the kernel itself. thp: huge pages are touched, split and freed
 * without end. pinning: pages are pinned and released without end. Says `ready ADDRESS` on stdout,
 * then goes on until a line, or the end, of stdin.
 */
#include <argp.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinlib.h"

#define THPS 31

struct env {
	const char *mode;
	unsigned long count;
	bool pin;
};

static const struct argp_option options[] = {
	{ "pin", 'p', NULL, 0, "mapped: pin the page once, too", 0 },
	{ 0 },
};

static const char doc[] = "Give a page many references.\v"
			  "MODE is mapped, pipes, thp or pinning. Exit status: 0 done, 2 usage, 4 "
			  "failed, 77 cannot be done.";

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case 'p':
		env->pin = true;
		break;
	case ARGP_KEY_ARG:
		if (!state->arg_num)
			env->mode = arg;
		else if (state->arg_num > 1 || !parse_num(arg, &env->count))
			argp_error(state, "%s: not a number", arg);
		break;
	case ARGP_KEY_END:
		if (!env->mode)
			argp_error(state, "no MODE given");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* ---- mapped ---- */

static int map_by_children(const struct mem *mem, unsigned long count)
{
	for (unsigned long i = 1; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return fail("fork");
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			mem__read(mem);
			kill(getpid(), SIGSTOP);
			_exit(0);
		}
	}
	/* A child that has stopped has the page in its page table. */
	for (unsigned long i = 1; i < count; i++)
		if (waitpid(-1, NULL, WUNTRACED) < 0)
			return fail("waitpid");
	return 0;
}

static int mapped(const struct env *env)
{
	struct mem mem;
	int status = mem__map(&mem, "shmem", 1);

	if (!status && env->pin)
		uring__pin(&mem, &status);
	if (!status)
		status = map_by_children(&mem, env->count);
	if (!status) {
		say("ready %p", (void *)mem.addr);
		wait_line();
	}
	/* The children die with us. */
	return status;
}

/* ---- pipes ---- */

#define SLOTS 256 /* of a pipe of the size that everybody may have */

static int fill_pipe(const struct mem *mem, unsigned long count)
{
	struct iovec iov = { mem->addr, page_size() };
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return fail("pipe");
	if (fcntl(fds[1], F_SETPIPE_SZ, SLOTS * page_size()) < 0)
		return skip("a pipe for %d pages", SLOTS);
	for (unsigned long i = 0; i < count; i++)
		if (vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK) != (ssize_t)page_size())
			return fail("vmsplice");
	return 0;
}

static int pipes(const struct env *env)
{
	struct mem mem;
	int status = mem__map(&mem, "anon", 1);

	for (unsigned long done = 0; done < env->count && !status; done += SLOTS)
		status = fill_pipe(&mem, env->count - done < SLOTS ? env->count - done : SLOTS);
	if (status)
		return status;
	say("ready %p", (void *)mem.addr);
	wait_line();
	return 0;
}

/* ---- thp ---- */

/* Touches huge pages, splits every other one, frees parts, then all. */
static void churn(char *mem)
{
	for (size_t i = 0; i < THPS; i++) {
		char *huge = mem + i * HUGE_SIZE;

		huge[0] = 1;
		huge[HUGE_SIZE / 2] = 1;
		/* A part of a huge page can only turn cold alone: splits it. */
		if (i & 1)
			madvise(huge, HUGE_SIZE / 2, MADV_COLD);
		if (i % 3 == 0)
			madvise(huge + HUGE_SIZE / 4, HUGE_SIZE / 4, MADV_DONTNEED);
	}
	madvise(mem, THPS * HUGE_SIZE, MADV_DONTNEED);
}

static int thp(void)
{
	struct pollfd input = { .events = POLLIN };
	struct mem mem;
	int status = mem__map(&mem, "thp", THPS * HUGE_SIZE / page_size());

	if (status)
		return status;
	say("ready %p", (void *)mem.addr);
	while (!poll(&input, 1, 0))
		for (int i = 0; i < 10; i++)
			churn(mem.addr);
	return 0;
}

/* ---- pinning ---- */

/* Pins and releases small and huge pages as fast as it can, for good or for a moment. */
static int pinning(void)
{
	struct pollfd input = { .events = POLLIN };
	struct mem small, huge;
	int ring = uring__open(), status = mem__map(&small, "anon", 1009);

	if (!status)
		status = mem__map(&huge, "thp", 5 * HUGE_SIZE / page_size());
	if (status)
		return status;
	if (ring < 0)
		return skip("io_uring");
	say("ready %p", (void *)small.addr);
	while (!poll(&input, 1, 0)) {
		const struct iovec bufs[] = { { small.addr, small.len }, { huge.addr, huge.len } };

		if (pv_pin(getpid(), small.addr, 1009, false))
			return EXIT_RUN;
		if (uring__register(ring, bufs, 2))
			return fail("io_uring buffers");
		uring__unregister(ring);
		/* The next round's pages are new ones. */
		madvise(small.addr, small.len, MADV_DONTNEED);
		memset(small.addr, 1, small.len);
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, "MODE [N]", doc, NULL, NULL, NULL };
	struct env env = { .count = 1 };

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	raise_memlock();
	if (!strcmp(env.mode, "mapped"))
		return mapped(&env);
	if (!strcmp(env.mode, "pipes"))
		return pipes(&env);
	if (!strcmp(env.mode, "thp"))
		return thp();
	if (!strcmp(env.mode, "pinning"))
		return pinning();
	fprintf(stderr, "refs: no mode '%s'\n", env.mode);
	return EXIT_USAGE;
}
