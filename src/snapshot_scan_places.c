// SPDX-License-Identifier: GPL-2.0-only
/* What the pins of a scan cost each zone, and each folio by itself. See snapshot_scan.h. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot_scan.h"
#include "util.h"

#define MAYBE_MAX 64

/* While the folios go by in ascending order. */
struct count {
	int use;	     /* index in snap->zones + 1, 0 = none yet */
	uint64_t next_block; /* pageblocks below are counted */
};

static struct zone_use *use_of(struct scan_view *view, struct count *count, const struct zone *zone)
{
	struct snapshot *snap = view->snap;
	struct zone_use *use;

	if (count->use)
		return &snap->zones[count->use - 1];
	use = snapshot__append(snap, &snap->zones, &snap->zone_cnt, sizeof(*use));
	count->use = snap->zone_cnt;
	use->node = zone->node;
	use->zone = scan_view__zone_name(view, zone);
	use->pageblock_bytes = view->zones->pageblock_pages * snap->page_size;
	return use;
}

void scan_view__zones(struct scan_view *view)
{
	cleanup_free struct count *counts = calloc(view->zones->cnt + 1, sizeof(*counts));

	if (!counts)
		err(4, "out of memory");
	for (size_t i = 0; i < view->scan->hit_cnt; i++) {
		const struct scan_hit *hit = &view->scan->hits[i];
		const struct zone *zone = zones__find(view->zones, hit->pfn);
		enum story story = scan_view__story(view, i);
		uint64_t first, end;
		struct count *count;
		struct zone_use *use;

		if (!zone || story == STORY_NONE || story == STORY_GONE)
			continue;
		count = &counts[zone - view->zones->list];
		use = use_of(view, count, zone);
		use->q.pins += hit->pins;
		use->q.folios++;
		use->q.bytes += hit_bytes(view, hit);
		use->cma_folios += zones__is_cma(view->zones, hit->pfn);
		use->blocks_offline |= use->cma_folios || !strcmp(zone->name, "Movable");
		first = hit->pfn / view->zones->pageblock_pages;
		end = (hit->pfn + (1ULL << hit->order) - 1) / view->zones->pageblock_pages + 1;
		if (first < count->next_block)
			first = count->next_block;
		if (first < end)
			use->pageblocks += end - first;
		count->next_block = end;
	}
}

void scan_view__page(struct scan_view *view, size_t at)
{
	const struct scan_hit *hit = &view->scan->hits[at];
	const struct evidence_set *set = &view->evidence->sets[view->evidence->mapped_by[at]];
	const struct zone *zone = zones__find(view->zones, hit->pfn);
	struct snapshot *snap = view->snap;
	struct page_info *page =
		snapshot__append(snap, &snap->pages, &snap->page_cnt, sizeof(*page));

	page->pfn = hit->pfn;
	page->folio_bytes = hit_bytes(view, hit);
	page->pins = hit->pins;
	page->certain = hit->certain;
	page->refcount = hit->refcount;
	page->mapcount = hit->mapcount;
	page->kind = hit->kind;
	page->node = zone ? zone->node : -1;
	page->zone = scan_view__zone_name(view, zone);
	page->group = view->group_of[at];
	if (hit->file >= 0) {
		page->file = view->paths[hit->file];
		page->offset = hit->index * snap->page_size;
	}
	for (uint32_t i = 0; i < set->cnt; i++) {
		int *slot = snapshot__append(snap, &page->mapped_by, &page->mapped_by_cnt,
					     sizeof(*slot));

		*slot = scan_view__process(view, set->procs[i]);
	}
}

void scan_view__pages(struct scan_view *view, bool all)
{
	size_t maybe = 0;

	for (size_t i = 0; i < view->scan->hit_cnt; i++) {
		const struct scan_hit *hit = &view->scan->hits[i];
		bool undecided = !hit->certain && hit->pins && hit->kind != MEM_KERNEL;

		if (undecided ? maybe++ < MAYBE_MAX || all : all && view->group_of[i] >= 0)
			scan_view__page(view, i);
	}
}
