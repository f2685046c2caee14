/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctl PAGEMAP_SCAN: which parts of an address space are there at all. In
 * the kernel since commit 52526ca7fdb9 ("fs/proc/task_mmu: implement IOCTL to
 * get and optionally clear info about PTEs") (in v6.7); headers of older
 * distributions lack it.
 */
#ifndef GUP_PAGEMAP_SCAN_H
#define GUP_PAGEMAP_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>

struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags;
	uint64_t start, end, walk_end; /* walk_end: how far it came */
	uint64_t vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN_PAGEMAP _IOWR('f', 16, struct scan_arg)
#define SCAN_IS_PRESENT (1 << 3)

/* Regions of [*at, end) with present pages, at most cnt; moves *at. Their number or -1 with errno. */
static inline int pagemap_scan(int pagemap, uint64_t *at, uint64_t end, struct scan_region *regions,
			       size_t cnt)
{
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = *at,
		.end = end,
		.vec = (uintptr_t)regions,
		.vec_len = cnt,
		.category_mask = SCAN_IS_PRESENT,
		.return_mask = SCAN_IS_PRESENT,
	};
	int got = ioctl(pagemap, SCAN_PAGEMAP, &arg);

	if (got >= 0)
		*at = arg.walk_end;
	return got;
}

/* Does this kernel have it? pagemap is our own. */
static inline bool pagemap_can_scan(int pagemap)
{
	struct scan_region region;
	uint64_t page = (uintptr_t)&region & ~4095ULL, at = page;

	return pagemap_scan(pagemap, &at, page + 4096, &region, 1) == 1;
}

#endif
