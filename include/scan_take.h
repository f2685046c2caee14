/* SPDX-License-Identifier: GPL-2.0-only */
/* Takes a snapshot without a tracker: one scan, the evidence, and second looks at what is suspicious. */
#ifndef GUP_SCAN_TAKE_H
#define GUP_SCAN_TAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

struct pfn_range;

struct scan_take_options {
	const char *tool;
	const struct pfn_range *ranges; /* NULL = all RAM; else explain each page of these */
	size_t range_cnt;
	bool pages;		   /* list every pinned folio */
	bool counters_as_they_are; /* do not make /proc/vmstat exact, which interrupts every CPU */
	uint64_t max_pages_per_s;  /* as in scan_options */
	uint64_t min_age_ns;	   /* what is suspicious must still be there that much later */
};

/*
 * A snapshot, not yet audited. NULL with errno after one line on stderr. Free
 * with snapshot__free().
 */
struct snapshot *snapshot__scan(const struct scan_take_options *opts);

#endif
