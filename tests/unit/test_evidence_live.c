// SPDX-License-Identifier: GPL-2.0-only
/*
 * The evidence against the real /proc: children pin prime numbers of pages by
 * io_uring, and what is said of them must be exact. Needs root and io_uring.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "evidence.h"

#define PAGE 4096UL
#define OWN 13	  /* pages of the child alone */
#define SHARED 17 /* pages of parent and child */
#define BESIDE 19 /* pages of the child that are in no buffer */
#define ALL (OWN + SHARED + BESIDE)

struct child {
	pid_t pid;
	int ring; /* its descriptor there */
	int go;	  /* closing it ends the child */
};

static int ring_open(void)
{
	struct io_uring_params params = {};

	return syscall(SYS_io_uring_setup, 4, &params);
}

static char *map_pages(size_t pages, int flags)
{
	char *addr = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	assert_true(addr != MAP_FAILED);
	madvise(addr, pages * PAGE, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < pages; i++)
		addr[i * PAGE] = 1;
	return addr;
}

/* One at a time, and not by the code under test. */
static uint64_t pfn_of(pid_t pid, const char *addr)
{
	uint64_t entry = 0;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(pread(fd, &entry, 8, (uintptr_t)addr / PAGE * 8), 8);
	close(fd);
	assert_true(entry >> 63);
	return entry & ((1ULL << 55) - 1);
}

static void live(int ready, int go, char *own, char *shared, char *beside)
{
	struct iovec bufs[] = { { own, OWN * PAGE }, { shared, SHARED * PAGE } };
	int ring = ring_open();
	char c;

	for (size_t i = 0; i < OWN; i++) /* break copy on write: pages of our own */
		own[i * PAGE] = 2;
	for (size_t i = 0; i < BESIDE; i++)
		beside[i * PAGE] = 2;
	for (size_t i = 0; i < SHARED; i++)
		shared[i * PAGE] = 2;
	if (ring < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, bufs, 2))
		ring = -1;
	if (write(ready, &ring, sizeof(ring)) == sizeof(ring))
		while (read(go, &c, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

static void start(struct child *child, char *own, char *shared, char *beside)
{
	int ready[2], go[2];

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	child->pid = fork();
	if (!child->pid) {
		close(go[1]);
		live(ready[1], go[0], own, shared, beside);
	}
	close(ready[1]);
	close(go[0]);
	child->go = go[1];
	assert_int_equal(read(ready[0], &child->ring, sizeof(child->ring)), sizeof(child->ring));
	close(ready[0]);
}

static void stop(const struct child *child)
{
	close(child->go);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}

static int compare_folios(const void *left, const void *right)
{
	const struct evidence_folio *a = left, *b = right;

	return (a->pfn > b->pfn) - (a->pfn < b->pfn);
}

/* How many folios are mapped by exactly these processes, and nobody else. */
static size_t mapped_by(const struct evidence *evidence, size_t folio_cnt, pid_t a, pid_t b)
{
	size_t cnt = 0;

	for (size_t i = 0; i < folio_cnt; i++) {
		const struct evidence_set *set = &evidence->sets[evidence->mapped_by[i]];
		uint32_t found = 0;

		for (uint32_t j = 0; j < set->cnt; j++) {
			pid_t pid = evidence->procs[set->procs[j]].pid;

			found += pid == a || pid == b;
		}
		cnt += found == set->cnt && found == (a == b ? 1 : 2);
	}
	return cnt;
}

static void check_rings(const struct evidence *evidence, const struct child *child)
{
	size_t matched = 0;

	for (size_t i = 0; i < evidence->match_cnt; i++) {
		const struct evidence_proc *proc = &evidence->procs[evidence->matches[i].proc];
		const struct evidence_file *file = &proc->files[evidence->matches[i].file];

		assert_int_equal(proc->pid, child->pid);
		assert_int_equal(file->fd, child->ring);
		assert_string_equal(file->kind, "io_uring");
		assert_string_equal(file->says, "UserBufs 2, 120 KiB");
		assert_int_equal(file->says_bytes, (OWN + SHARED) * PAGE);
		assert_true(proc->fds_read && proc->maps_read);
		matched++;
	}
	assert_int_equal(matched, OWN + SHARED);
}

static void read_all(const struct evidence_folio *folios, size_t cnt, bool skip_maps,
		     struct evidence *evidence)
{
	struct evidence_options opts = { folios, cnt, skip_maps };

	assert_int_equal(evidence__read(&opts, evidence), 0);
}

static void test_rings(void **state)
{
	char *own = map_pages(OWN, MAP_PRIVATE), *beside = map_pages(BESIDE, MAP_PRIVATE);
	char *shared = map_pages(SHARED, MAP_SHARED);
	struct evidence_folio folios[ALL] = {};
	struct evidence evidence;
	struct child child;

	(void)state;
	start(&child, own, shared, beside);
	if (child.ring < 0 || geteuid()) {
		stop(&child);
		skip();
	}
	for (size_t i = 0; i < OWN; i++)
		folios[i].pfn = pfn_of(child.pid, own + i * PAGE);
	for (size_t i = 0; i < SHARED; i++)
		folios[OWN + i].pfn = pfn_of(child.pid, shared + i * PAGE);
	for (size_t i = 0; i < BESIDE; i++)
		folios[OWN + SHARED + i].pfn = pfn_of(child.pid, beside + i * PAGE);
	qsort(folios, ALL, sizeof(folios[0]), compare_folios);
	read_all(folios, ALL, false, &evidence);
	assert_int_equal(mapped_by(&evidence, ALL, child.pid, child.pid), OWN + BESIDE);
	assert_int_equal(mapped_by(&evidence, ALL, child.pid, getpid()), SHARED);
	check_rings(&evidence, &child);
	evidence__free(&evidence);

	read_all(folios, ALL, true, &evidence);
	assert_int_equal(evidence.match_cnt, 0);
	assert_int_equal(evidence.set_cnt, 1);
	evidence__free(&evidence);

	stop(&child);
	/* Its own pages may be anybody's by now. */
	for (size_t i = 0; i < SHARED; i++)
		folios[i].pfn = pfn_of(getpid(), shared + i * PAGE);
	qsort(folios, SHARED, sizeof(folios[0]), compare_folios);
	read_all(folios, SHARED, false, &evidence);
	assert_int_equal(mapped_by(&evidence, SHARED, getpid(), getpid()), SHARED);
	assert_int_equal(evidence.match_cnt, 0);
	evidence__free(&evidence);
}

/* Terabytes that are reserved and empty but for one page must not cost more than a moment. */
static void test_reserved(void **state)
{
	const size_t len = 1ULL << 42;
	char *area = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct evidence_folio folio = {};
	struct timespec from, to;
	struct evidence evidence;

	(void)state;
	if (geteuid())
		skip();
	assert_true(area != MAP_FAILED);
	madvise(area, len, MADV_NOHUGEPAGE);
	assert_int_equal(mprotect(area + len / 2, PAGE, PROT_READ | PROT_WRITE), 0);
	area[len / 2] = 1;
	folio.pfn = pfn_of(getpid(), area + len / 2);
	assert_int_equal(mprotect(area + len / 2, PAGE, PROT_NONE), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	read_all(&folio, 1, false, &evidence);
	clock_gettime(CLOCK_MONOTONIC, &to);
	/* Kernels before 6.7 cannot tell where in it the page is: then we say so. */
	if (!evidence.mapped_by[0])
		assert_false(evidence.complete);
	else
		assert_int_equal(evidence.sets[evidence.mapped_by[0]].cnt, 1);
	assert_in_range(to.tv_sec - from.tv_sec, 0, 10);
	evidence__free(&evidence);
	munmap(area, len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rings),
		cmocka_unit_test(test_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
