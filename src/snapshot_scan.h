/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared by the snapshot_scan*.c files and their unit tests: what a scan and
 * the evidence gave, while a snapshot is being made of it. Nothing here reads
 * the system but through describe.
 */
#ifndef GUP_SNAPSHOT_SCAN_H
#define GUP_SNAPSHOT_SCAN_H

#include "evidence.h"
#include "scan.h"
#include "snapshot.h"
#include "zones.h"

/* What a folio's holder is looked for by; the first that applies. */
enum story {
	STORY_NONE,    /* not pinned, maybe pinned, or the kernel's own */
	STORY_MATCHED, /* an open file tells that it holds the very pages */
	STORY_RESIDUE, /* anonymous and mapped by nobody */
	STORY_MAPPED,  /* processes map it */
	STORY_FILE,    /* of a file, mapped by nobody */
	STORY_GONE,    /* released between two looks */
};

struct scan_view {
	struct snapshot *snap;
	const struct scan_result *scan;
	const struct evidence *evidence; /* asked for all hits, in their order */
	const struct zones *zones;
	const bool *gone;   /* of each hit: not pinned any more at a later look; NULL = none */
	const char **paths; /* of each of the scan's files, NULL = unknown; see mounts.h */
	/* Fills in the rest of a process: when it began, its cgroup; NULL = nobody. */
	void (*describe)(struct snapshot *snap, struct process *process);
	/* filled by scan_view__groups() */
	int *group_of;	 /* of each hit, -1 = none; belongs to the snapshot */
	int *process_of; /* of each of the evidence's processes + 1, 0 = not in the snapshot */
	const char **zone_names; /* of each zone, NULL = not asked for yet */
};

enum story scan_view__story(const struct scan_view *view, size_t hit);
/* The matches of a hit: their number, and the first of them. */
size_t scan_view__matches(const struct scan_view *view, size_t hit,
			  const struct evidence_match **first);
/* Index in snap->processes of one of the evidence's processes, added if new. */
int scan_view__process(struct scan_view *view, uint32_t proc);

/* The zone's name, once in the snapshot's memory; NULL for NULL. */
const char *scan_view__zone_name(struct scan_view *view, const struct zone *zone);

/*
 * Looks again, some times if memory is found that nobody maps, and fills in
 * gone. 0 or -errno.
 */
int scan_view__settle(struct scan_view *view, struct scanner *scanner, uint64_t min_age_ns);
/* One such look: which of the doubtful among hits [from, end) are not in again any more. */
void scan_view__compare(struct scan_view *view, size_t from, size_t end,
			const struct scan_result *again, bool *gone);

/* Groups, largest first, and totals. */
void scan_view__groups(struct scan_view *view);
/* Who is likely to hold each group. */
void scan_view__likely(struct scan_view *view);
/* What pins cost each zone. */
void scan_view__zones(struct scan_view *view);
/* One folio, at the end of the snapshot's pages. */
void scan_view__page(struct scan_view *view, size_t hit);
/* What each page of the ranges, ascending and apart, is. */
void scan_view__explain(struct scan_view *view, const struct pfn_range *ranges, size_t cnt);
/* Each folio: those that may be pinned (at most 64), or with all also the pinned ones. */
void scan_view__pages(struct scan_view *view, bool all);

static inline uint64_t hit_bytes(const struct scan_view *view, const struct scan_hit *hit)
{
	return view->snap->page_size << hit->order;
}

#endif
