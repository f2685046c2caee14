/* SPDX-License-Identifier: GPL-2.0-only */
/* RAM that no line of /proc/meminfo accounts for: memory of drivers, as a rule. */
#ifndef GUP_MEMINFO_H
#define GUP_MEMINFO_H

#include <stdint.h>
#include <stdio.h>

struct meminfo {
	uint64_t total_bytes;
	uint64_t unexplained_bytes; /* 0 also where the lines add up to more than the total */
};

/* Of a file in the form of /proc/meminfo. 0, or -EINVAL: it has no MemTotal. */
int meminfo__read(FILE *file, struct meminfo *info);

#endif
