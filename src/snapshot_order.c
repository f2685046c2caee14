// SPDX-License-Identifier: GPL-2.0-only
/* The order of a snapshot's groups and pages. */
#include <err.h>
#include <stdlib.h>

#include "snapshot_order.h"
#include "util.h"

/* A group with the place that it had when the folios were told about it. */
struct placed {
	struct group group;
	int was;
};

static int by_bytes(const void *left, const void *right)
{
	const struct placed *l = left, *r = right;

	if (l->group.q.bytes != r->group.q.bytes)
		return l->group.q.bytes < r->group.q.bytes ? 1 : -1;
	return l->was - r->was;
}

int *snapshot__sort_groups(struct snapshot *snap)
{
	cleanup_free struct placed *placed = calloc(snap->group_cnt + 1, sizeof(*placed));
	int *now = calloc(snap->group_cnt + 1, sizeof(*now));

	if (!placed || !now)
		err(4, "out of memory");
	for (size_t i = 0; i < snap->group_cnt; i++)
		placed[i] = (struct placed){ snap->groups[i], i };
	qsort(placed, snap->group_cnt, sizeof(*placed), by_bytes);
	for (size_t i = 0; i < snap->group_cnt; i++) {
		snap->groups[i] = placed[i].group;
		now[placed[i].was] = i;
	}
	return now;
}

static int by_pfn(const void *left, const void *right)
{
	const struct page_info *l = left, *r = right;

	return (l->pfn > r->pfn) - (l->pfn < r->pfn);
}

void snapshot__sort_pages(struct snapshot *snap)
{
	qsort(snap->pages, snap->page_cnt, sizeof(*snap->pages), by_pfn);
}
