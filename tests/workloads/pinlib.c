// SPDX-License-Identifier: GPL-2.0
/*
 * Helpers of the pinning test programs, see pinlib.h. Only libc and raw system calls, so that the
 * programs run on every kernel from 5.10 on, whatever libraries a guest has.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "pinlib.h"

static void complain(const char *fmt, va_list ap)
{
	int err = errno;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, ap);
	if (err)
		fprintf(stderr, ": %s", strerror(err));
	fputc('\n', stderr);
}

int fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return EXIT_RUN;
}

int skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	return EXIT_SKIP;
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* ---- memory ---- */

struct mem_kind {
	const char *name; /* with a trailing = where a path follows */
	int (*map)(struct mem *m, const struct mem_kind *kind, const char *path);
	int flags;	/* of mmap */
	bool read_only; /* touch it by reading */
};

static void touch(const struct mem *m, const struct mem_kind *kind)
{
	size_t step = page_size();
	volatile char *p = m->addr;

	for (size_t off = 0; off < m->map_len; off += step) {
		if (kind->read_only)
			(void)p[off];
		else
			p[off] = 1;
	}
}

static int map_small(struct mem *m, const struct mem_kind *kind, const char *path)
{
	(void)path;
	m->addr = mmap(NULL, m->map_len, PROT_READ | PROT_WRITE, kind->flags, m->fd, 0);
	if (m->addr == MAP_FAILED)
		return fail("mmap of %zu bytes", m->map_len);
	/* Refused where the kernel has no THP at all: small pages then, as wanted. */
	madvise(m->addr, m->map_len, MADV_NOHUGEPAGE);
	touch(m, kind);
	return 0;
}

static size_t round_huge(size_t len)
{
	return (len + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);
}

/* Bytes of the mapping that begins at addr which are mapped by huge pages, as smaps has it. */
static size_t huge_bytes(const char *addr)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool inside = false;
	size_t kib, huge = 0;
	char line[512];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start == (unsigned long)addr;
		else if (inside && sscanf(line, "AnonHugePages: %zu", &kib) == 1)
			huge = kib << 10;
	}
	fclose(f);
	return huge;
}

static int map_thp(struct mem *m, const struct mem_kind *kind, const char *path)
{
	size_t room;
	char *base;

	(void)path;
	m->map_len = round_huge(m->len);
	/* The mapping stays alone between inaccessible neighbours, so that smaps shows just it. */
	room = m->map_len + 2 * HUGE_SIZE;
	base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return fail("mmap of %zu bytes", room);
	m->addr = (char *)round_huge((size_t)base + 1);
	if (mprotect(m->addr, m->map_len, PROT_READ | PROT_WRITE))
		return fail("mprotect");
	if (madvise(m->addr, m->map_len, MADV_HUGEPAGE))
		return skip("no transparent huge pages: madvise");
	touch(m, kind);
	errno = 0;
	if (huge_bytes(m->addr) != m->map_len)
		return skip("no huge pages to be had: %zu of %zu bytes are huge",
			    huge_bytes(m->addr), m->map_len);
	return 0;
}

#define OVERCOMMIT "/proc/sys/vm/nr_overcommit_hugepages"
#define SURPLUS "/sys/kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages"

static void write_num(const char *path, unsigned long num)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return;
	fprintf(f, "%lu\n", num);
	fclose(f);
}

static unsigned long read_num(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned long num = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu", &num) != 1)
		num = 0;
	fclose(f);
	return num;
}

/*
 * Huge pages beyond the pool: they are taken when the mapping is made and go back when it goes, so
 * the limit needs to be up only meanwhile, and no pool is left behind.
 */
static int map_hugetlb(struct mem *m, const struct mem_kind *kind, const char *path)
{
	unsigned long before = read_num(OVERCOMMIT);

	(void)path;
	m->map_len = round_huge(m->len);
	write_num(OVERCOMMIT, before + read_num(SURPLUS) + m->map_len / HUGE_SIZE);
	m->addr = mmap(NULL, m->map_len, PROT_READ | PROT_WRITE, kind->flags, m->fd, 0);
	write_num(OVERCOMMIT, before);
	if (m->addr == MAP_FAILED)
		return skip("no hugetlb pages to be had: mmap of %zu bytes", m->map_len);
	touch(m, kind);
	return 0;
}

/* udmabuf wants the seal against shrinking. */
static int make_memfd(struct mem *m, unsigned int flags)
{
	m->fd = memfd_create("gup-pin-test", flags | MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (m->fd < 0)
		return skip("memfd_create");
	if (ftruncate(m->fd, m->map_len))
		return fail("ftruncate of a memfd to %zu bytes", m->map_len);
	if (fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return fail("sealing a memfd");
	return 0;
}

static int map_memfd(struct mem *m, const struct mem_kind *kind, const char *path)
{
	int status = make_memfd(m, 0);

	return status ? status : map_small(m, kind, path);
}

static int map_hugememfd(struct mem *m, const struct mem_kind *kind, const char *path)
{
	int status;

	m->map_len = round_huge(m->len);
	status = make_memfd(m, MFD_HUGETLB);
	return status ? status : map_hugetlb(m, kind, path);
}

int fill_file(int fd, const char *path, size_t len)
{
	static const char zeros[1 << 16];
	struct stat st;

	if (fstat(fd, &st))
		return fail("%s", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	/* Written, not fallocated: a direct read of an unwritten extent does no I/O. */
	for (size_t off = st.st_size; off < len;) {
		size_t want = len - off < sizeof(zeros) ? len - off : sizeof(zeros);
		ssize_t done = pwrite(fd, zeros, want, off);

		if (done <= 0)
			return fail("%s: writing at %zu", path, off);
		off += done;
	}
	if (fsync(fd))
		return fail("%s: fsync", path);
	return 0;
}

static int map_file(struct mem *m, const struct mem_kind *kind, const char *path)
{
	int status;

	m->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->fd < 0)
		return fail("%s", path);
	status = fill_file(m->fd, path, m->len);
	return status ? status : map_small(m, kind, path);
}

static const struct mem_kind kinds[] = {
	{ "anon", map_small, MAP_PRIVATE | MAP_ANONYMOUS, false },
	{ "thp", map_thp, 0, false },
	{ "hugetlb", map_hugetlb, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, false },
	{ "zero", map_small, MAP_PRIVATE | MAP_ANONYMOUS, true },
	{ "shmem", map_small, MAP_SHARED | MAP_ANONYMOUS, false },
	{ "memfd", map_memfd, MAP_SHARED, false },
	{ "hugememfd", map_hugememfd, MAP_SHARED, false },
	{ "file=", map_file, MAP_SHARED, false },
	{ "private=", map_file, MAP_PRIVATE, false },
};

static const struct mem_kind *find_kind(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (kinds[i].name[len - 1] == '=') {
			if (!strncmp(kind, kinds[i].name, len) && kind[len])
				return &kinds[i];
		} else if (!strcmp(kind, kinds[i].name)) {
			return &kinds[i];
		}
	}
	return NULL;
}

bool mem__kind_ok(const char *kind)
{
	return find_kind(kind);
}

int mem__map(struct mem *m, const char *kind, size_t pages)
{
	const struct mem_kind *k = find_kind(kind);

	errno = 0;
	if (!k)
		return fail("%s: no such kind of memory", kind);
	*m = (struct mem){ .fd = -1 };
	m->len = pages * page_size();
	m->map_len = m->len;
	return k->map(m, k, kind + strlen(k->name));
}

void mem__unmap(struct mem *m)
{
	if (m->addr)
		munmap(m->addr, m->map_len);
	m->addr = NULL;
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

void mem__read(const struct mem *m)
{
	for (size_t at = 0; at < m->len; at += page_size())
		(void)*(volatile const char *)(m->addr + at);
}

/* ---- pinning ---- */

int uring__open(void)
{
	struct io_uring_params p = { 0 };
	int fd = syscall(__NR_io_uring_setup, 4, &p);

	return fd < 0 ? -errno : fd;
}

int uring__register(int ring, const struct iovec *bufs, unsigned int nr)
{
	return syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, bufs, nr) ? -errno
											: 0;
}

int uring__unregister(int ring)
{
	return syscall(__NR_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0) ? -errno
											 : 0;
}

int uring__pin(const struct mem *m, int *status)
{
	struct iovec buf = { m->addr, m->len };
	int ring = uring__open();
	int err;

	errno = ring < 0 ? -ring : 0;
	if (ring < 0) {
		*status = errno == ENOSYS || errno == EPERM ? skip("io_uring_setup")
							    : fail("io_uring_setup");
		return -1;
	}
	err = uring__register(ring, &buf, 1);
	if (err) {
		close(ring);
		errno = -err;
		*status = fail("io_uring: registering a buffer of %zu bytes", m->len);
		return -1;
	}
	*status = 0;
	return ring;
}

int pv_pin(pid_t pid, char *addr, size_t pages, bool write)
{
	size_t psize = page_size();
	char byte = 1;

	for (size_t done = 0; done < pages;) {
		size_t n = pages - done < PV_BATCH ? pages - done : PV_BATCH;
		struct iovec local = { &byte, 1 };
		struct iovec remote = { addr + done * psize, n * psize };
		ssize_t ret = write ? process_vm_writev(pid, &local, 1, &remote, 1, 0)
				    : process_vm_readv(pid, &local, 1, &remote, 1, 0);

		if (ret < 0 && errno == ENOSYS)
			return skip("process_vm_%s", write ? "writev" : "readv");
		if (ret != 1)
			return fail("process_vm_%s of %zu pages", write ? "writev" : "readv", n);
		done += n;
	}
	return 0;
}

/* ---- counters ---- */

int pin_stat__read(struct pin_stat *st)
{
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);
	unsigned int found = 0;
	char line[128];
	FILE *f;

	if (fd < 0)
		return skip("/proc/sys/vm/stat_refresh");
	/* Some kernels report EINVAL where any counter is negative, after the refresh. */
	if (write(fd, "1", 1) < 0 && errno != EINVAL) {
		close(fd);
		return skip("/proc/sys/vm/stat_refresh");
	}
	close(fd);
	f = fopen("/proc/vmstat", "re");
	if (!f)
		return skip("/proc/vmstat");
	while (fgets(line, sizeof(line), f)) {
		found += sscanf(line, "nr_foll_pin_acquired %llu", &st->acquired) == 1;
		found += sscanf(line, "nr_foll_pin_released %llu", &st->released) == 1;
	}
	fclose(f);
	errno = 0;
	return found == 2 ? 0 : skip("/proc/vmstat has no nr_foll_pin_acquired");
}

bool pin_stat__settle(const struct pin_stat *base, int timeout_ms)
{
	long long before = base->acquired - base->released;
	struct pin_stat now;

	for (int waited = 0; waited <= timeout_ms; waited += 10) {
		if (pin_stat__read(&now))
			return false;
		if ((long long)(now.acquired - now.released) <= before)
			return true;
		sleep_ms(10);
	}
	return false;
}

/* ---- odds and ends ---- */

void raise_memlock(void)
{
	struct rlimit lim = { RLIM_INFINITY, RLIM_INFINITY };

	if (!setrlimit(RLIMIT_MEMLOCK, &lim))
		return;
	/* Without the right to raise it, use what there is. */
	if (!getrlimit(RLIMIT_MEMLOCK, &lim)) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &lim);
	}
}

void sleep_ms(unsigned long ms)
{
	struct timespec ts = { ms / 1000, (ms % 1000) * 1000000 };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

void wait_line(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
}

void leave_stdio(void)
{
	int fd = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3; i++) {
		if (fd < 0)
			close(i);
		else
			dup2(fd, i);
	}
	if (fd > 2)
		close(fd);
}

bool parse_num(const char *arg, unsigned long *num)
{
	char *end;

	errno = 0;
	*num = strtoul(arg, &end, 0);
	return !errno && end != arg && !*end && *arg != '-';
}

unsigned long next_prime(unsigned long above)
{
	for (unsigned long n = above + 1;; n++) {
		unsigned long d = 2;

		while (d * d <= n && n % d)
			d++;
		if (n > 1 && d * d > n)
			return n;
	}
}
