// SPDX-License-Identifier: GPL-2.0-only
/* Adds up /proc/meminfo. See meminfo.h. */
#include "meminfo.h"

#include <errno.h>
#include <string.h>

#include "util.h"

#define KIB 1024ULL

/*
 * Lines that do not overlap. AnonPages are those that somebody maps: pinned
 * ones that nobody maps are in no line. Shmem is in Cached, AnonHugePages in
 * AnonPages, SReclaimable in Slab and KReclaimable.
 */
static const struct {
	const char *name;
	int sign;
} lines[] = {
	{ "MemFree", 1 },     { "Buffers", 1 },	   { "Cached", 1 },	   { "SwapCached", 1 },
	{ "AnonPages", 1 },   { "Slab", 1 },	   { "KReclaimable", 1 },  { "SReclaimable", -1 },
	{ "KernelStack", 1 }, { "PageTables", 1 }, { "SecPageTables", 1 }, { "Percpu", 1 },
	{ "VmallocUsed", 1 }, { "Hugetlb", 1 },	   { "Bounce", 1 },	   { "Zswap", 1 },
	{ "Balloon", 1 },
};

int meminfo__read(FILE *file, struct meminfo *info)
{
	int64_t total = -1, sum = 0;
	char line[256], name[64];
	long long kib;

	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]: %lld kB", name, &kib) != 2)
			continue;
		if (!strcmp(name, "MemTotal"))
			total = kib;
		for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
			if (!strcmp(name, lines[i].name))
				sum += lines[i].sign * kib;
	}
	if (total < 0)
		return -EINVAL;
	info->total_bytes = total * KIB;
	info->unexplained_bytes = total > sum ? (total - sum) * KIB : 0;
	return 0;
}
