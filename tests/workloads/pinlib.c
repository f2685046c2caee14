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
#include <sys/resource.h>
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

/* ---- pinning ---- */

#define BUFFER_MOST (1ul << 30)

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

/* One buffer may have 1 GiB at most. */
int uring__pin(const struct mem *m, int *status)
{
	struct iovec bufs[16];
	int ring = uring__open();
	unsigned int nr = 0;
	int err;

	for (size_t off = 0; off < m->len && nr < ARRAY_SIZE(bufs); off += BUFFER_MOST, nr++) {
		bufs[nr].iov_base = m->addr + off;
		bufs[nr].iov_len = m->len - off < BUFFER_MOST ? m->len - off : BUFFER_MOST;
	}

	errno = ring < 0 ? -ring : 0;
	if (ring < 0) {
		*status = errno == ENOSYS || errno == EPERM ? skip("io_uring_setup")
							    : fail("io_uring_setup");
		return -1;
	}
	err = uring__register(ring, bufs, nr);
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
