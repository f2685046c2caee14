// SPDX-License-Identifier: GPL-2.0-only
/*
 * work: what tracking costs is the difference that it makes to these. Each
 * workload pins a known number of pages, again and again, and the quickest run
 * counts, so that what else happens in the guest does not. Prints a line each:
 * `NAME NANOSECONDS PAGES`, for one call (or for each page, where PAGES is
 * above 1, see the table in run). Under QEMU's -icount a nanosecond of the
 * guest's clock is one instruction.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define POOL_PAGES 20000UL /* or what the largest workload needs */

struct workload {
	const char *name;
	size_t pages; /* of one call */
	int runs;
	/* Nanoseconds of one call. */
	uint64_t (*run)(const struct workload *work, int run);
};

static char *pool; /* small pages, touched in an order that scatters them */
static size_t pool_pages = POOL_PAGES;
static int disk = -1;
static char *aligned;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static uint64_t read_pages(char *mem, size_t pages)
{
	char byte;
	struct iovec local = { &byte, 1 }, remote = { mem, pages * PAGE };
	uint64_t begin = now_ns();

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0)
		err(4, "process_vm_readv");
	return now_ns() - begin;
}

/* A buffer that was not pinned before. */
static uint64_t read_new(const struct workload *work, int run)
{
	return read_pages(pool + (run * 7919UL + 1) % (pool_pages - work->pages) * PAGE,
			  work->pages);
}

static uint64_t read_same(const struct workload *work, int run)
{
	(void)run;
	return read_pages(pool, work->pages);
}

/* In calls of 1,000 pages, as the kernel pins at most 1,024 at a time. */
static uint64_t read_all(const struct workload *work, int run)
{
	uint64_t begin = now_ns();

	(void)run;
	for (size_t done = 0; done < work->pages; done += 1000)
		read_pages(pool + done * PAGE, 1000);
	return now_ns() - begin;
}

static int ring(void)
{
	static int fd = -1;
	struct io_uring_params params = {};

	if (fd < 0)
		fd = syscall(__NR_io_uring_setup, 1, &params);
	if (fd < 0)
		err(4, "io_uring_setup");
	return fd;
}

static uint64_t change_ring(int op, char *mem, size_t pages)
{
	struct iovec iov = { mem, pages * PAGE };
	bool on = op == IORING_REGISTER_BUFFERS;
	uint64_t begin = now_ns();

	if (syscall(__NR_io_uring_register, ring(), op, on ? &iov : NULL, on))
		err(4, "io_uring_register");
	return now_ns() - begin;
}

static uint64_t ring_register(const struct workload *work, int run)
{
	uint64_t ns;

	(void)run;
	ns = change_ring(IORING_REGISTER_BUFFERS, pool, work->pages);
	change_ring(IORING_UNREGISTER_BUFFERS, NULL, 0);
	return ns;
}

static uint64_t ring_unregister(const struct workload *work, int run)
{
	(void)run;
	change_ring(IORING_REGISTER_BUFFERS, pool, work->pages);
	return change_ring(IORING_UNREGISTER_BUFFERS, NULL, 0);
}

static uint64_t ring_huge(const struct workload *work, int run)
{
	static char *mem;
	uint64_t ns;

	(void)run;
	if (!mem) {
		mem = mmap(NULL, (work->pages * PAGE) + HUGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		mem = (char *)(((uintptr_t)mem + HUGE - 1) & ~(HUGE - 1));
		madvise(mem, work->pages * PAGE, MADV_HUGEPAGE);
		memset(mem, 1, work->pages * PAGE);
	}
	ns = change_ring(IORING_REGISTER_BUFFERS, mem, work->pages);
	change_ring(IORING_UNREGISTER_BUFFERS, NULL, 0);
	return ns;
}

/* The first RDMA device; NULL = none. */
static struct ibv_pd *rdma(void)
{
	static struct ibv_pd *pd;
	struct ibv_device **devices = pd ? NULL : ibv_get_device_list(NULL);
	struct ibv_context *ctx;

	if (pd || !devices || !*devices)
		return pd;
	ctx = ibv_open_device(*devices);
	pd = ctx ? ibv_alloc_pd(ctx) : NULL;
	if (!pd)
		err(4, "RDMA device");
	return pd;
}

static uint64_t rdma_register(const struct workload *work, int run)
{
	uint64_t begin = now_ns(), ns;
	struct ibv_mr *mr = ibv_reg_mr(rdma(), pool, work->pages * PAGE, IBV_ACCESS_LOCAL_WRITE);

	(void)run;
	ns = now_ns() - begin;
	if (!mr || ibv_dereg_mr(mr))
		err(4, "RDMA memory region");
	return ns;
}

static uint64_t direct_read(const struct workload *work, int run)
{
	uint64_t begin;

	(void)run;
	begin = now_ns();
	if (pread(disk, aligned, work->pages * PAGE, 0) != (ssize_t)(work->pages * PAGE))
		err(4, "O_DIRECT read");
	return now_ns() - begin;
}

static const struct workload workloads[] = {
	{ "readv-1-new", 1, 400, read_new },
	{ "readv-1-same", 1, 400, read_same },
	{ "readv-64", 64, 200, read_new },
	{ "readv-1000", 1000, 40, read_new },
	{ "readv-100000", 100000, 3, read_all },
	{ "ring-register", 4096, 12, ring_register },
	{ "ring-unregister", 4096, 12, ring_unregister },
	{ "ring-register-thp", 4096, 12, ring_huge },
	{ "rdma-register", 4096, 12, rdma_register },
	{ "direct-4k", 1, 200, direct_read },
	{ "direct-1m", 256, 60, direct_read },
};

#define WORKLOADS (sizeof(workloads) / sizeof(*workloads))

/*
 * Pinning marks a page as accessed, which takes longer the third time than the first:
 * mark them, without a pin, until that is the same for every run.
 */
static void mark_accessed(char *mem, size_t size)
{
	for (int i = 0; i < 4; i++)
		if (madvise(mem, size, MADV_POPULATE_READ))
			err(4, "MADV_POPULATE_READ");
}

static void make_pool(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	pool = mmap(NULL, pool_pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (pool == MAP_FAILED || madvise(pool, pool_pages * PAGE, MADV_NOHUGEPAGE))
		err(4, "memory");
	for (size_t i = 0; i < pool_pages; i++)
		pool[i * 7919 % pool_pages * PAGE] = 1;
	mark_accessed(pool, pool_pages * PAGE);
	aligned = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(aligned, HUGE, MADV_NOHUGEPAGE);
	memset(aligned, 1, HUGE);
	mark_accessed(aligned, HUGE);
}

static void measure(const struct workload *work)
{
	uint64_t best = UINT64_MAX;

	if ((work->run == direct_read && disk < 0) || (work->run == rdma_register && !rdma()))
		return;
	for (int i = 0; i < work->runs; i++) {
		uint64_t ns = work->run(work, i);

		if (ns < best)
			best = ns;
	}
	printf("%s %llu %zu\n", work->name, (unsigned long long)best, work->pages);
	fflush(stdout);
}

static bool is_wanted(const struct workload *work, int argc, char **argv)
{
	for (int a = 2; a < argc; a++)
		if (!strcmp(argv[a], work->name))
			return true;
	return argc == 2;
}

/* work DISK [NAME]...: all, or those named; DISK may be "" where O_DIRECT is not measured. */
int main(int argc, char **argv)
{
	if (argc < 2) {
		warnx("usage: work DISK [NAME]...");
		return 2;
	}
	if (*argv[1])
		disk = open(argv[1], O_RDONLY | O_DIRECT | O_CLOEXEC);
	for (size_t i = 0; i < WORKLOADS; i++)
		if (is_wanted(&workloads[i], argc, argv) && workloads[i].pages > pool_pages)
			pool_pages = workloads[i].pages;
	make_pool();
	for (size_t i = 0; i < WORKLOADS; i++)
		if (is_wanted(&workloads[i], argc, argv))
			measure(&workloads[i]);
	return 0;
}
