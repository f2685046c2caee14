/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's fuse: it does less when it costs too much. Plain arithmetic on
 * what it is told, no clock and no system call of its own.
 */
#ifndef GUP_FUSE_H
#define GUP_FUSE_H

#include <stdbool.h>
#include <stdint.h>

#define FUSE_WINDOW_NS 10000000000ULL /* too much for so long is too much */
#define FUSE_UP_NS 3600000000000ULL   /* at most one step up in that time */

enum fuse_level {
	FUSE_WHOLE,
	FUSE_NO_STACKS, /* who pins, but not by which code */
	FUSE_SCAN,	/* no hook any more: struct pages are read */
	FUSE_CNT,
};

struct fuse {
	uint64_t max_cpu_ppm; /* millionths of all CPUs together */
	uint64_t max_bytes;
	unsigned int cpus;
	enum fuse_level least; /* no step up beyond that */

	enum fuse_level level;
	uint64_t cpu_ppm; /* in the last window */
	uint64_t bytes;
	uint64_t window_ns, window_cpu_ns; /* when it began, and what had been used by then */
	uint64_t stepped_ns;
};

/*
 * now_ns: monotonic; cpu_ns: processor time used so far; bytes: held now. True
 * when level has changed, by one step.
 */
bool fuse__look(struct fuse *fuse, uint64_t now_ns, uint64_t cpu_ns, uint64_t bytes);

const char *fuse_level_name(enum fuse_level level); /* "no stacks" */

#endif
