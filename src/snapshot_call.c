// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups and totals under plan call: what the scan found pinned, by the owners
 * that the records name. Writes what snapshot_groups.c writes from the ledger.
 */
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "scan_counters.h"
#include "snapshot_impl.h"

static bool same_kind(const struct gup_owner_key *a, const struct gup_owner_key *b)
{
	return a->tgid == b->tgid && a->start_boottime == b->start_boottime && a->mm == b->mm &&
	       a->file == b->file && a->api == b->api && a->flags == b->flags;
}

/*
 * Short small calls have their stacks taken by sample. If all that were taken of
 * this kind are the same, they stand for those that were not.
 */
static bool lend_stack(struct take *take, struct gup_owner *owner)
{
	const struct gup_owner *lender = NULL;

	for (size_t i = 0; i < take->owner_cnt; i++) {
		const struct gup_owner *other = &take->owners[i];

		if (other->key.kstack < 0 || !same_kind(&other->key, &owner->key))
			continue;
		if (lender && lender->key.kstack != other->key.kstack)
			return false;
		lender = other;
	}
	if (!lender)
		return false;
	owner->key.kstack = lender->key.kstack;
	owner->key.ustack = lender->key.ustack;
	return true;
}

static void lend_stacks(struct take *take)
{
	for (size_t i = 0; i < take->owner_cnt; i++)
		if (take->owners[i].key.kstack < 0)
			take->notes[i].lent = lend_stack(take, &take->owners[i]);
}

/* The last part of a path is what the ledger's folios have as their file's name. */
static const char *file_name(const struct scan_result *scan, const struct scan_hit *hit)
{
	const char *path, *slash;

	if (hit->file < 0 || (size_t)hit->file >= scan->file_cnt)
		return NULL;
	path = scan->files[hit->file].path;
	slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The pins of a hit that are believed in. */
static uint64_t add_hit(struct take *take, const struct calls_view *view, size_t i)
{
	const struct scan_hit *hit = &view->scan->hits[i];
	struct folio_facts folio = {
		.address = calls__page(take->opts->calls, hit->pfn),
		.kind = hit->kind,
		.order = hit->order,
		.refcount = hit->refcount,
		.mapcount = hit->mapcount,
		.file = file_name(view->scan, hit),
		.offset = hit->index * take->snap->page_size,
	};
	uint64_t pins = 0;
	size_t cnt;
	const struct claim *claims = records__claims(view->records, i, &cnt);

	for (size_t c = 0; c < cnt; c++)
		pins += claims[c].pins;
	if (pins) {
		take__folio(take, &folio, claims, cnt, pins);
	} else if (hit->kind != MEM_KERNEL) {
		take->snap->maybe.folios++;
		take->snap->maybe.bytes += take->snap->page_size << hit->order;
	}
	return pins;
}

static void fill_scan_checks(struct take *take, const struct calls_view *view, uint64_t pins,
			     uint64_t undecided)
{
	struct checks *checks = &take->snap->checks;

	checks->scanned_struct_pages = view->scan->pages;
	checks->scan_ms = view->scan->ns / 1000000;
	checks->scan_left_out = view->scan->left_out;
	checks->in_motion = view->scan->in_motion;
	scan_counters__weigh(checks, view->counters, pins, undecided, scan_counters__biased());
}

void take__call_groups(struct take *take)
{
	struct calls_view view = calls__view(take->opts->calls);
	uint64_t pins = 0, undecided = 0, believed;

	lend_stacks(take);
	take->vmemmap = calls__page(take->opts->calls, 0);
	zones__read(&take->zones);
	for (size_t i = 0; i < view.scan->hit_cnt; i++) {
		believed = add_hit(take, &view, i);
		pins += believed;
		if (view.scan->hits[i].pins > believed)
			undecided += view.scan->hits[i].pins - believed;
	}
	for (size_t i = 0; i < take->owner_cnt; i++) {
		if (take->notes[i].group < 0)
			continue;
		take->snap->groups[take->notes[i].group].calls += take->owners[i].calls;
		take->snap->groups[take->notes[i].group].stack_sampled |= take->notes[i].lent;
	}
	fill_scan_checks(take, &view, pins, undecided);
}

void take__call_held(struct take *take, uint64_t *pins)
{
	struct calls_view view = calls__view(take->opts->calls);

	for (size_t i = 0; i < view.scan->hit_cnt; i++) {
		size_t cnt;
		const struct claim *claims = records__claims(view.records, i, &cnt);

		for (size_t c = 0; c < cnt; c++) {
			int owner =
				claims[c].owner < take->id_cnt ? take->by_id[claims[c].owner] : -1;

			if (owner >= 0 && take->notes[owner].selected)
				*pins += claims[c].pins;
		}
	}
}
