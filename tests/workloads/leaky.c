// SPDX-License-Identifier: GPL-2.0
/*
 * leaky: something to find. It leaves memory pinned that no living process can reach any more,
 * next to pins that were taken and given back, so that a report has all of its parts.
 *
 * One io_uring ring holds a prime number of 4 KiB pages and one huge page; a forked child keeps
 * that ring's file descriptor and nothing else, and the parent exits: an orphaned hold, until the
 * child ends. A second ring registers and unregisters a buffer, and process_vm_readv pins and
 * releases pages within its calls. Runs on every kernel from 5.10 on that has io_uring.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "pinlib.h"

#define RELEASED_PAGES 257ul
#define READ_PAGES 1021ul

struct env {
	unsigned long pages;
	unsigned long seconds;
};

static const struct argp_option options[] = {
	{ "pages", 'n', "N", 0, "4 KiB pages to leave pinned (default 1031)", 0 },
	{ "seconds", 's', "N", 0, "the child's life (default 15)", 0 },
	{ 0 },
};

static const char doc[] =
	"Leave memory pinned by an exited process: its child keeps the io_uring ring open.\v"
	"Exit status: 0 done, 2 usage, 4 failed, 77 no io_uring here.";

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;
	unsigned long *num;

	if (key != 'n' && key != 's')
		return ARGP_ERR_UNKNOWN;
	num = key == 'n' ? &env->pages : &env->seconds;
	if (!parse_num(arg, num) || !*num)
		argp_error(state, "%s: not a number above 0", arg);
	return 0;
}

/* Register the pages, and the huge page if there is one, with one ring. */
static int pin_for_good(const struct mem *small, const struct mem *huge, int *ring)
{
	struct iovec bufs[] = { { small->addr, small->len }, { huge->addr, huge->len } };
	int err;

	*ring = uring__open();
	errno = *ring < 0 ? -*ring : 0;
	if (errno)
		return errno == ENOSYS || errno == EPERM ? skip("io_uring_setup")
							 : fail("io_uring_setup");
	err = uring__register(*ring, bufs, huge->addr ? 2 : 1);
	errno = -err;
	return err ? fail("io_uring: registering %zu bytes", small->len + huge->len) : 0;
}

/* A hold as it should be: taken and given back. */
static int pin_and_release(void)
{
	struct mem mem;
	int status = mem__map(&mem, "anon", RELEASED_PAGES);
	int ring, err;

	if (status)
		return status;
	ring = uring__pin(&mem, &status);
	if (status)
		return status;
	err = uring__unregister(ring);
	close(ring);
	mem__unmap(&mem);
	errno = -err;
	return err ? fail("io_uring: unregistering") : 0;
}

/* The child has the ring and neither the memory nor anything that somebody else reads. */
static int leave_behind(struct mem *small, struct mem *huge, int ring, unsigned long seconds)
{
	pid_t pid = fork();

	if (pid < 0)
		return fail("fork");
	if (!pid) {
		leave_stdio();
		mem__unmap(small);
		mem__unmap(huge);
		sleep_ms(seconds * 1000);
		_exit(0);
	}
	say("leaky: pid %d exits, its child %d keeps io_uring fd %d open for %lu s", getpid(), pid,
	    ring, seconds);
	return 0;
}

static int run(const struct env *env)
{
	unsigned long read = env->pages < READ_PAGES ? env->pages : READ_PAGES;
	struct mem small, huge;
	int ring, status;

	status = mem__map(&small, "anon", env->pages);
	if (status)
		return status;
	if (mem__map(&huge, "thp", HUGE_SIZE / page_size())) {
		fprintf(stderr, "leaky: going on without the huge page\n");
		huge = (struct mem){ .fd = -1 };
	}
	status = pin_for_good(&small, &huge, &ring);
	if (!status)
		status = pin_and_release();
	if (!status)
		status = pv_pin(getpid(), small.addr, read, false);
	if (status)
		return status;
	say("leaky: %lu pages%s stay pinned by io_uring; %lu were released", env->pages,
	    huge.addr ? " and a huge page" : "", RELEASED_PAGES + read);
	return leave_behind(&small, &huge, ring, env->seconds);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, NULL, doc, NULL, NULL, NULL };
	struct env env = { .pages = 1031, .seconds = 15 };

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	raise_memlock();
	return run(&env);
}
