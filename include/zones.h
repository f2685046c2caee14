/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a page frame lies: node, zone, CMA range, pageblock. From /proc/zoneinfo,
 * /proc/iomem, /proc/pagetypeinfo and debugfs; what cannot be read is unknown.
 */
#ifndef GUP_ZONES_H
#define GUP_ZONES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zone {
	uint64_t start_pfn, end_pfn;
	int node;
	char name[16];
};

struct cma_range {
	uint64_t start_pfn, end_pfn;
};

struct pfn_range;

struct zones {
	struct zone *list;
	size_t cnt;
	struct pfn_range *ram; /* all System RAM */
	size_t ram_cnt;	       /* 0: it could not be read, or the list has no zone of devices */
	struct cma_range *cma; /* only where debugfs is mounted and the kernel has CMA_DEBUGFS */
	size_t cma_cnt;
	uint64_t pageblock_pages; /* the usual 512 where /proc/pagetypeinfo cannot be read */
};

/* Reads what can be read. Free with zones__free(). */
void zones__read(struct zones *zones);
void zones__free(struct zones *zones);
/* The zone that spans the page frame, NULL = unknown. Valid as long as zones. */
const struct zone *zones__find(const struct zones *zones, uint64_t pfn);
/* What is not System RAM lies in ZONE_DEVICE, whatever zone spans it. zone may be NULL. */
bool zone__is_device(const struct zone *zone);
bool zones__is_cma(const struct zones *zones, uint64_t pfn);

#endif
