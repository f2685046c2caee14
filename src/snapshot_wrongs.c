// SPDX-License-Identifier: GPL-2.0-only
/*
 * Releases that cannot be right, as far as books and struct pages can prove it:
 * a pin dropped by put_page(), a page unpinned that nobody had pinned.
 */
#include <string.h>

#include "snapshot_impl.h"
#include "util.h"

#define PUT_PAGE_MAX 64 /* references missing up to which put_page() is the only explanation */

/*
 * put_page() on a pin takes 1 of the 1,024 references that the pin added, so a
 * small page then has fewer than its pins and mappings alone account for.
 */
uint64_t missing_references(const struct ledger_item *item)
{
	uint64_t booked = item->entry.word & GUP_COUNT_MASK;
	long missing = (long)booked * GUP_BIAS + item->truth.mapcount - item->truth.refcount;

	if (item->truth.large || missing <= 0 || missing > PUT_PAGE_MAX)
		return 0;
	return (uint64_t)missing < booked ? (uint64_t)missing : booked;
}

void take__wrong(struct take *take, enum wrong_kind kind, uint64_t pins, const char *function,
		 int process)
{
	struct snapshot *snap = take->snap;
	struct wrong_release *wrong;

	for (size_t i = 0; i < snap->wrong_cnt; i++) {
		wrong = &snap->wrongs[i];
		if (wrong->kind == kind && wrong->process == process &&
		    !strcmp(wrong->function ? wrong->function : "", function ? function : "")) {
			wrong->pins += pins;
			return;
		}
	}
	wrong = snapshot__append(snap, &snap->wrongs, &snap->wrong_cnt, sizeof(*wrong));
	wrong->kind = kind;
	wrong->pins = pins;
	wrong->function = function;
	wrong->process = process;
}

/*
 * Releases that the books know nothing of belong to pins from before tracking,
 * or to pins that were lost. What is more than both, or was in no struct page
 * either, was never pinned. The function is named where only one released unknown pins.
 */
void take__unknown_releases(struct take *take, uint64_t unmatched, uint64_t unpinned,
			    const struct flow *base, uint64_t lost, const char *only_site)
{
	uint64_t before =
		base->vm_acquired > base->vm_released ? base->vm_acquired - base->vm_released : 0;

	/* Where folio_add_pin() has been at work, the kernel's counters do not tell how many there were. */
	if (base->vm_known && base->vm_acquired >= base->vm_released &&
	    unmatched > before + unpinned)
		unpinned = unmatched - before;
	/* A lost event may be the pin that is missing, and of many pages at once. */
	if (unpinned && !lost)
		take__wrong(take, WRONG_UNPIN_NOT_PINNED, unpinned, only_site, -1);
}
