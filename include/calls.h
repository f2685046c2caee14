/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plan call at work: scans for pinned folios, reads the records of pin calls and
 * matches them, again and again. What one scan found out the next one knows, so
 * it is kept as long as the tracker.
 */
#ifndef GUP_CALLS_H
#define GUP_CALLS_H

#include "records.h"
#include "scan.h"
#include "tracker.h"

struct calls;

/*
 * For an attached tracker of plan call. The first scan finds what is pinned
 * already: nobody's. NULL with errno after one line on stderr.
 */
struct calls *calls__open(struct tracker *tracker);
void calls__close(struct calls *calls);

/* Scans, matches, forgets old records. 0 or -errno. */
int calls__scan(struct calls *calls);

/*
 * Scans if it is time to: new long-term records lose nothing if they are scanned
 * for soon (a second), others can wait (ten). 0 or -errno.
 */
int calls__tick(struct calls *calls);

/* What the last scan found; records__claims() of its hits; vmstat's outstanding pins around it. */
struct calls_view {
	const struct scan_result *scan;
	const struct records *records;
	bool out_known;
	int64_t out;	/* by vmstat, after the scan */
	uint64_t moved; /* pins acquired or released while it ran */
};
struct calls_view calls__view(const struct calls *calls);
/* Opaque address of a page's struct page. */
uint64_t calls__page(const struct calls *calls, uint64_t pfn);

#endif
