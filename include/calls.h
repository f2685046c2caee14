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

struct calls_options {
	bool counters_as_they_are; /* see take.h */
	bool in_background;	   /* scans are in nobody's way: see background.h */
	uint64_t max_pages_per_s;  /* see scan.h */
	/* What a process before, which tracked with the same maps, gave to calls__keep(); NULL = none. */
	const void *kept;
	size_t kept_bytes;
	/* Of other code than ours, see tracker__import_calls(); NULL = none. */
	const struct left_calls *left;
};

/*
 * For an attached tracker of plan call. What its first scan finds, and nothing
 * kept explains, is nobody's. NULL with errno after one line on stderr.
 */
struct calls *calls__open(struct tracker *tracker, const struct calls_options *opts);
void calls__close(struct calls *calls);

/*
 * From now on keep() is given what another process needs to go on, at once and
 * each time before a record is dropped from the map. 0 or what keep() returns, -errno.
 */
typedef int (*calls_keep_fn)(void *ctx, const void *bytes, size_t cnt);
int calls__keep(struct calls *calls, calls_keep_fn keep, void *ctx);

/* Scans, matches, forgets old records. 0 or -errno. */
int calls__scan(struct calls *calls);

/*
 * Scans if it is time to: new long-term records lose nothing if they are scanned
 * for soon (a second), others can wait (ten); but on a machine so large that a scan
 * takes long, no more than a hundredth of the time, or a quarter while owners become
 * thousands more. 0 or -errno.
 */
int calls__tick(struct calls *calls);

struct scan_counters;

/* What the last scan found; records__claims() of its hits; the kernel's counters around it. */
struct calls_view {
	const struct scan_result *scan;
	const struct records *records;
	const struct scan_counters *counters; /* before and after it */
};
struct calls_view calls__view(const struct calls *calls);
/* Opaque address of a page's struct page. */
uint64_t calls__page(const struct calls *calls, uint64_t pfn);

#endif
