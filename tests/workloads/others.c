// SPDX-License-Identifier: GPL-2.0
/*
 * others: pins that belong to a process and are not taken by its main thread: by another thread, by
 * the threads that io_uring makes for it, or by another process that reads its memory.
 *
 * All are held until a line, or the end, of stdin. Direct I/O has pins for as long as it takes: the
 * caller sees to it that the read of --path takes long. process_vm_readv has them while it copies:
 * the reader copies to memory whose page never comes, by userfaultfd.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "crew.h"
#include "pinargs.h"

#define WAYS_MAX 4

struct job {
	const struct way *way;
	const char *path;
	struct mem mem;
	struct io_uring ring;
	struct member reader;
	int status;
};

struct way {
	const char *name;
	const char *doc;
	int (*pin)(struct job *job); /* held until the process ends */
};

/* ---- another thread ---- */

static void *register_buffer(void *arg)
{
	struct job *job = arg;

	uring__pin(&job->mem, &job->status);
	return NULL;
}

static int by_thread(struct job *job)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, register_buffer, job);
	if (errno)
		return fail("pthread_create");
	pthread_join(thread, NULL);
	return job->status;
}

/* ---- threads of io_uring ---- */

static int submit_read(struct job *job, unsigned int setup_flags, unsigned int sqe_flags)
{
	int fd = open(job->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	struct io_uring_sqe *sqe;

	if (fd < 0)
		return fail("%s", job->path);
	errno = -io_uring_queue_init(4, &job->ring, setup_flags);
	if (errno)
		return fail("io_uring_queue_init");
	sqe = io_uring_get_sqe(&job->ring);
	io_uring_prep_read(sqe, fd, job->mem.addr, job->mem.len, 0);
	io_uring_sqe_set_flags(sqe, sqe_flags);
	return io_uring_submit(&job->ring) < 0 ? fail("io_uring_submit") : 0;
}

static int by_sqpoll(struct job *job)
{
	return submit_read(job, IORING_SETUP_SQPOLL, 0);
}

static int by_worker(struct job *job)
{
	return submit_read(job, 0, IOSQE_ASYNC);
}

/* ---- another process ---- */

/* A page that whoever touches it waits for; NULL after a message. */
static void *page_that_never_comes(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	void *page =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	range.range.start = (unsigned long)page;
	range.range.len = page_size();
	if (fd >= 0 && page != MAP_FAILED && !ioctl(fd, UFFDIO_API, &api) &&
	    !ioctl(fd, UFFDIO_REGISTER, &range))
		return page;
	fail("userfaultfd");
	return NULL;
}

static int read_for_ever(const struct member *me, void *arg)
{
	const struct job *job = arg;
	struct iovec remote = { job->mem.addr, job->mem.len };
	struct iovec local = { page_that_never_comes(), 1 };

	crew__report(me, local.iov_base ? 0 : EXIT_RUN, 0);
	if (local.iov_base)
		process_vm_readv(getppid(), &local, 1, &remote, 1, 0);
	return fail("process_vm_readv came back");
}

static int by_reader(struct job *job)
{
	int status = crew__start(&job->reader, 0, read_for_ever, job);

	if (!status)
		status = crew__hear(&job->reader, NULL);
	return status;
}

static const struct way ways[WAYS_MAX] = {
	{ "thread", "another thread registers a buffer with io_uring", by_thread },
	{ "sqpoll", "io_uring's SQPOLL thread reads --path by O_DIRECT", by_sqpoll },
	{ "worker", "a worker of io_uring does", by_worker },
	{ "reader", "another process reads the memory by process_vm_readv", by_reader },
};

/* ---- the order of events ---- */

struct env {
	struct job jobs[WAYS_MAX];
	unsigned int nr;
	unsigned long count;
	const char *path;
};

static const struct argp_option options[] = {
	{ "count", 'n', "N", 0,
	  "pages of the first WAY (default 61); each other has the next prime", 0 },
	{ "path", 'p', "PATH", 0, "what sqpoll and worker read", 0 },
	{ 0 },
};

static const char doc[] = "Have pages pinned for, or of, this process by another task; hold them.\v"
			  "WAY is thread, sqpoll, worker or reader. Waits for a line on stdin; "
			  "pins, and prints for each "
			  "`WAY PID PAGES` with the process that pins; then `pinned`, and holds "
			  "all until a second line "
			  "or the end of stdin.\n\n"
			  "Exit status: 0 done, 2 usage, 4 failed.";

static int add_way(struct env *env, const char *name)
{
	for (size_t i = 0; env->nr < WAYS_MAX && i < ARRAY_SIZE(ways); i++) {
		if (strcmp(name, ways[i].name))
			continue;
		env->jobs[env->nr++].way = &ways[i];
		return 0;
	}
	return -1;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case 'n':
		env->count = num_arg(arg, state);
		break;
	case 'p':
		env->path = arg;
		break;
	case ARGP_KEY_ARG:
		if (add_way(env, arg))
			argp_error(state, "%s: no such WAY, or too many", arg);
		break;
	case ARGP_KEY_END:
		if (!env->nr)
			argp_error(state, "no WAY given");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int map_all(struct env *env)
{
	unsigned long pages = env->count;
	int status = 0;

	for (unsigned int i = 0; !status && i < env->nr; i++) {
		env->jobs[i].path = env->path;
		status = mem__map(&env->jobs[i].mem, "anon", pages);
		pages = next_prime(pages);
	}
	return status;
}

static int pin_all(struct env *env)
{
	for (struct job *job = env->jobs; job < env->jobs + env->nr; job++) {
		int status = job->way->pin(job);

		if (status)
			return status;
		say("%s %d %zu", job->way->name, job->reader.pid ? job->reader.pid : getpid(),
		    job->mem.len / page_size());
	}
	say("pinned");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, "WAY...", doc, NULL, NULL, NULL };
	struct env env = { .count = 61, .path = "" };
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	raise_memlock();
	status = map_all(&env);
	wait_line();
	if (!status)
		status = pin_all(&env);
	if (!status)
		wait_line();
	return status;
}
