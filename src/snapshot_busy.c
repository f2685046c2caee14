// SPDX-License-Identifier: GPL-2.0-only
/* See snapshot_busy.h. */
#include "snapshot_busy.h"

#include <stdlib.h>

static uint64_t end_pfn(const struct snapshot *look, const struct page_info *page)
{
	return page->pfn + page->folio_bytes / look->page_size;
}

static bool is_listed(const struct snapshot *look, uint64_t pfn)
{
	size_t first = 0, end = look ? look->page_cnt : 0;

	while (first < end) {
		size_t middle = first + (end - first) / 2;

		if (look->pages[middle].pfn == pfn)
			return true;
		if (look->pages[middle].pfn < pfn)
			first = middle + 1;
		else
			end = middle;
	}
	return false;
}

/* Who, by one of the look's groups; -1 = in none. */
static struct busy_holder holder_of(const struct snapshot *look, int index)
{
	const struct group *group = index < 0 ? NULL : &look->groups[index];
	struct busy_holder holder = {};
	int process = group ? group->owner : -1;

	if (!group)
		return holder;
	holder.api = group->api;
	holder.basis = group->owner_basis;
	if (process < 0 && group->likely_cnt) {
		process = group->likely[0].process;
		holder.basis = group->likely[0].basis;
	}
	if (process < 0)
		return holder;
	holder.pid = look->processes[process].pid;
	holder.comm = look->processes[process].comm;
	return holder;
}

static struct busy_holder *copy_holder(struct snapshot *snap, struct busy_range *range,
				       const struct busy_holder *holder)
{
	struct busy_holder *added =
		snapshot__append(snap, &range->holders, &range->holder_cnt, sizeof(*added));

	*added = *holder;
	added->comm = snapshot__str(snap, holder->comm);
	return added;
}

void snapshot__busy_holders(struct snapshot *snap, struct busy_range *range,
			    const struct snapshot *look, const struct snapshot *before)
{
	int *place = snapshot__alloc(snap, (look->group_cnt + 1) * sizeof(*place));

	for (size_t i = 0; i < look->page_cnt; i++) {
		const struct page_info *page = &look->pages[i];
		struct busy_holder holder;
		int *at = &place[page->group + 1];

		if (!page->pins || !page->certain || page->pfn >= range->end_pfn ||
		    end_pfn(look, page) <= range->start_pfn || is_listed(before, page->pfn))
			continue;
		if (!*at) {
			holder = holder_of(look, page->group);
			holder.first_pfn = page->pfn;
			copy_holder(snap, range, &holder);
			*at = range->holder_cnt;
		}
		range->holders[*at - 1].q.pins += page->pins;
		range->holders[*at - 1].q.folios++;
		range->holders[*at - 1].q.bytes += page->folio_bytes;
	}
}

struct busy_range *snapshot__add_busy(struct snapshot *snap, const struct busy_range *range)
{
	struct busy_range *copy =
		snapshot__append(snap, &snap->busy, &snap->busy_cnt, sizeof(*copy));

	*copy = *range;
	copy->by = snapshot__str(snap, range->by);
	copy->holders = NULL;
	copy->holder_cnt = 0;
	for (size_t i = 0; i < range->holder_cnt; i++)
		copy_holder(snap, copy, &range->holders[i]);
	return copy;
}
