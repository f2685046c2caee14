/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pinning test programs share: memory of a wanted kind, io_uring buffer registration and
 * process_vm access by raw system calls, the kernel's pin counters, and the hold protocol.
 *
 * Functions that return int give 0 or an exit status (EXIT_RUN, EXIT_SKIP) after one line on
 * stderr, unless said otherwise. Nothing here exits.
 */
#ifndef PINLIB_H
#define PINLIB_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define HUGE_SIZE (2ul << 20) /* PMD size with 4 KiB base pages */
#define PV_BATCH 1024	      /* most pages that process_vm_readv pins at a time */

enum {
	EXIT_USAGE = 2,
	EXIT_RUN = 4,	/* something went wrong */
	EXIT_SKIP = 77, /* this kernel or machine cannot do it */
};

/* One line on stderr, with the text of errno unless that is 0; return EXIT_RUN or EXIT_SKIP. */
int fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* One line on stdout, flushed. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct mem {
	char *addr;
	size_t len;	/* the part to pin, a multiple of the page size */
	size_t map_len; /* what is mapped; more than len for huge pages */
	int fd;		/* memfd or file, or -1 */
};

/*
 * Map and touch `pages` pages of a kind: anon (4 KiB pages), thp, hugetlb, zero (the zero page),
 * shmem, memfd, hugememfd, file=PATH (shared), private=PATH (copied on write). Huge kinds are
 * rounded up to whole huge pages. A file is made, or made longer, where needed.
 */
int mem__map(struct mem *m, const char *kind, size_t pages);
bool mem__kind_ok(const char *kind);
void mem__unmap(struct mem *m); /* the mapping and the fd */
/* Read each page: a fork leaves the page tables of shared memory empty, so the child maps it only now. */
void mem__read(const struct mem *m);

size_t page_size(void);
/* Make sure that a regular file has at least len bytes of written blocks. */
int fill_file(int fd, const char *path, size_t len);

/* These return a file descriptor, 0, or -errno; nothing is printed. */
int uring__open(void);
int uring__register(int ring, const struct iovec *bufs, unsigned int nr);
int uring__unregister(int ring);
/* Open a ring and register m as one buffer; the ring or -1, with *status set after a message. */
int uring__pin(const struct mem *m, int *status);

/*
 * Pin and release `pages` pages of process pid by process_vm_readv or writev with a local buffer
 * of one byte, in PV_BATCH pages a call: all are pinned, one byte is copied.
 */
int pv_pin(pid_t pid, char *addr, size_t pages, bool write);

struct pin_stat {
	unsigned long long acquired;
	unsigned long long released;
};

/* Exact counters, by way of stat_refresh, which needs root. */
int pin_stat__read(struct pin_stat *st);
/* Wait until no more is pinned than at base, at most so many milliseconds; true if so. */
bool pin_stat__settle(const struct pin_stat *base, int timeout_ms);

void raise_memlock(void);
void sleep_ms(unsigned long ms);
void wait_line(void);	/* a line, or the end, of stdin */
void leave_stdio(void); /* point 0, 1 and 2 at /dev/null, so that no reader waits for us */
bool parse_num(const char *arg, unsigned long *num);
unsigned long next_prime(unsigned long above);

#endif
