// SPDX-License-Identifier: GPL-2.0-only
/*
 * Explains page frames: pinned by whom, or what else it is and why it may be
 * busy. Neighbours that are the same become one entry. See snapshot_scan.h.
 */
#include <string.h>

#include "fmt.h"
#include "snapshot_scan.h"
#include "util.h"

/* References that a folio may have for a moment: lists of a CPU, private data. */
#define PASSING_REFS 2

/* References that no mapping and no cache explains. */
static int64_t extra_refs(const struct scan_hit *hit)
{
	int64_t cache = hit->file >= 0 || hit->in_file ? 1LL << hit->order : 0;

	return (int64_t)hit->refcount - hit->mapcount - cache;
}

static const char *why_user(struct snapshot *snap, const struct scan_hit *hit)
{
	int64_t extra = extra_refs(hit);

	if (!hit->certain && hit->pins)
		return "maybe pinned: plain references could look like that";
	if (hit->writeback)
		return "being written back";
	if (extra > PASSING_REFS)
		return snapshot__printf(
			snap,
			"not pinned; busy by %s references that no mapping explains: "
			"I/O, a pipe, get_user_pages()",
			fmt_count(extra).s);
	return hit->mapcount > 0 ? "not pinned; mapped" : "not pinned; in no use but its cache's";
}

static const char *const why_kernel[SCAN_WHAT_CNT] = {
	[SCAN_FREE] = "free",
	[SCAN_HUGETLB_POOL] = "free hugetlb page",
	[SCAN_SLAB] = "slab: cannot be moved",
	[SCAN_PAGE_TABLE] = "page table: cannot be moved",
	[SCAN_OFFLINE] = "taken by a balloon or the hypervisor",
	[SCAN_MOVABLE] = "the kernel's own, can be moved",
	[SCAN_RESERVED] = "reserved by the kernel: cannot be moved",
	[SCAN_POISONED] = "bad memory, out of use",
	[SCAN_KERNEL] = "kernel memory: cannot be moved",
};

static const char *why_of(struct snapshot *snap, const struct scan_hit *hit)
{
	if (hit->what == SCAN_USER)
		return why_user(snap, hit);
	return hit->what < SCAN_WHAT_CNT ? why_kernel[hit->what] : "unknown";
}

/* Does the page go on where the last one ended, and is it the same? Folios of users stay apart. */
static bool goes_on(const struct snapshot *snap, uint64_t pfn, const char *why)
{
	const struct page_info *last = snap->page_cnt ? &snap->pages[snap->page_cnt - 1] : NULL;

	return last && last->kind == MEM_KERNEL && last->why && !strcmp(last->why, why) &&
	       last->pfn + last->folio_bytes / snap->page_size == pfn;
}

static void put_run(struct snapshot *snap, uint64_t pfn, uint64_t end, const char *why)
{
	struct page_info *page;

	if (pfn >= end)
		return;
	if (!goes_on(snap, pfn, why)) {
		page = snapshot__append(snap, &snap->pages, &snap->page_cnt, sizeof(*page));
		page->pfn = pfn;
		page->kind = MEM_KERNEL;
		page->node = page->group = -1;
		page->why = why;
	}
	snap->pages[snap->page_cnt - 1].folio_bytes += (end - pfn) * snap->page_size;
}

static void explain_hit(struct scan_view *view, size_t at, const struct pfn_range *range)
{
	const struct scan_hit *hit = &view->scan->hits[at];
	uint64_t end = hit->pfn + (1ULL << hit->order);

	if (hit->what != SCAN_USER) {
		put_run(view->snap, hit->pfn > range->start ? hit->pfn : range->start,
			end < range->end ? end : range->end, why_of(view->snap, hit));
		return;
	}
	scan_view__page(view, at);
	if (view->group_of[at] < 0)
		view->snap->pages[view->snap->page_cnt - 1].why = why_of(view->snap, hit);
}

void scan_view__explain(struct scan_view *view, const struct pfn_range *ranges, size_t cnt)
{
	const char *const absent = "no page: offline, absent or not System RAM";
	size_t at = 0;

	for (size_t i = 0; i < cnt; i++) {
		uint64_t next = ranges[i].start;

		for (; at < view->scan->hit_cnt && view->scan->hits[at].pfn < ranges[i].end; at++) {
			const struct scan_hit *hit = &view->scan->hits[at];
			uint64_t end = hit->pfn + (1ULL << hit->order);

			put_run(view->snap, next, hit->pfn, absent);
			explain_hit(view, at, &ranges[i]);
			next = end > next ? end : next;
		}
		put_run(view->snap, next, ranges[i].end, absent);
	}
}
