// SPDX-License-Identifier: GPL-2.0-only
/*
 * Matching of pinned folios to records. Between two scans only calls can have
 * added pins, so the records that matter are those with calls since the last
 * scan ("fresh"); what was found out before is kept by page frame number.
 * Who gets which pins of a folio is decided in records_decide.c.
 */
#include "records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "records_impl.h"
#include "util.h"

struct records *records__new(uint64_t vmemmap, uint64_t page_bytes)
{
	struct records *records = calloc(1, sizeof(*records));

	if (!records)
		return NULL;
	records->page_bytes = page_bytes;
	records->first_page = vmemmap / page_bytes;
	return records;
}

void bounds__drop(struct bounds *bounds)
{
	free(bounds->items);
	free(bounds->claims);
	*bounds = (struct bounds){};
}

void records__free(struct records *records)
{
	if (!records)
		return;
	bounds__drop(&records->now);
	free(records->recs);
	free(records->spans);
	free(records);
}

static int by_identity(const void *a, const void *b)
{
	const struct gup_spill *x = &((const struct rec *)a)->spill;
	const struct gup_spill *y = &((const struct rec *)b)->spill;

	if (x->key.mm != y->key.mm)
		return x->key.mm < y->key.mm ? -1 : 1;
	if (x->key.start != y->key.start)
		return x->key.start < y->key.start ? -1 : 1;
	if (x->record.first_ns != y->record.first_ns)
		return x->record.first_ns < y->record.first_ns ? -1 : 1;
	return 0;
}

static bool says_more(const struct gup_record *a, const struct gup_record *b)
{
	return a->calls > b->calls || (a->calls == b->calls && a->pages > b->pages);
}

/*
 * One of the two says more; what was seen of either was seen. But of one that
 * grew after a scan had seen it whole, nobody knows what: its call is new again.
 */
static void unite(struct rec *into, const struct rec *from)
{
	uint32_t seen = into->seen > from->seen ? into->seen : from->seen;
	uint32_t open = into->open > from->open ? into->open : from->open;
	bool in_map = into->in_map || from->in_map;

	if (seen && from->spill.record.pages != into->spill.record.pages)
		seen = open = 0;
	if (says_more(&from->spill.record, &into->spill.record))
		*into = *from;
	into->seen = seen;
	into->open = open;
	into->in_map = in_map;
}

int records__load(struct records *records, const struct gup_spill *live, size_t live_cnt,
		  const struct gup_spill *spilled, size_t spilled_cnt)
{
	size_t cnt = records->rec_cnt, kept = 0;
	struct rec *recs =
		realloc(records->recs, (cnt + live_cnt + spilled_cnt + 1) * sizeof(*recs));

	if (!recs)
		return -ENOMEM;
	records->recs = recs;
	for (size_t i = 0; i < cnt; i++)
		recs[i].in_map = false;
	for (size_t i = 0; i < live_cnt; i++)
		recs[cnt++] = (struct rec){ live[i], 0, 0, true };
	for (size_t i = 0; i < spilled_cnt; i++)
		recs[cnt++] = (struct rec){ spilled[i], 0, 0, false };
	qsort(recs, cnt, sizeof(*recs), by_identity);
	for (size_t i = 0; i < cnt; i++) {
		if (kept && !by_identity(&recs[kept - 1], &recs[i]))
			unite(&recs[kept - 1], &recs[i]);
		else
			recs[kept++] = recs[i];
	}
	records->rec_cnt = kept;
	return 0;
}

/* The binding of a folio from the last scan, as if it stood alone, unless it is another folio by now. */
static bool find_bound(const struct bounds *bounds, size_t *next, const struct scan_hit *hit,
		       struct bound *before)
{
	uint64_t past = 0;

	while (*next < bounds->cnt) {
		*before = bounds->items[*next];
		past = hit->pfn - before->pfn;
		if (hit->pfn < before->pfn || past < (uint64_t)before->folios << before->order)
			break;
		++*next;
	}
	if (*next == bounds->cnt || hit->pfn < before->pfn || past & ((1ULL << before->order) - 1))
		return false;
	before->pfn += past;
	before->index += past;
	/* A file that was truncated lets go of its pages: no mapping any more, and still the same. */
	return !hit->mapping || (before->mapping == hit->mapping && before->index == hit->index);
}

static bool same_claim(const struct claim *a, const struct claim *b)
{
	return a->owner == b->owner && a->pins == b->pins && a->since == b->since &&
	       a->inferred == b->inferred && a->firm == b->firm && a->again == b->again &&
	       a->loose == b->loose && a->longterm == b->longterm && a->doubtful == b->doubtful;
}

/* Is the next folio in line with the last ones, and has it the same claims? */
static bool is_in_line(const struct bounds *bounds, const struct bound *bound,
		       const struct claim *claims)
{
	const struct bound *last = &bounds->items[bounds->cnt - 1];
	uint64_t past = (uint64_t)last->folios << last->order;

	if (last->order != bound->order || last->pfn + past != bound->pfn ||
	    last->mapping != bound->mapping || last->index + past != bound->index ||
	    last->cnt != bound->cnt || last->folios == UINT32_MAX)
		return false;
	for (uint32_t i = 0; i < bound->cnt; i++)
		if (!same_claim(&bounds->claims[last->first + i], &claims[i]))
			return false;
	return true;
}

/* Room for one more of so many items; NULL if there is none, then the old ones stay. */
static void *make_room(void *items, size_t cnt, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 64;

	if (cnt < *room)
		return items;
	items = realloc(items, more * size);
	if (items)
		*room = more;
	return items;
}

static int add_bound(struct bounds *bounds, struct bound *bound, const struct claim *claims)
{
	void *items;

	if (bounds->cnt && is_in_line(bounds, bound, claims)) {
		bounds->items[bounds->cnt - 1].folios++;
		return 0;
	}
	items = make_room(bounds->items, bounds->cnt, &bounds->room, sizeof(*bounds->items));
	if (!items)
		return -ENOMEM;
	bounds->items = items;
	bound->first = bounds->claim_cnt;
	bounds->items[bounds->cnt++] = *bound;
	for (uint32_t i = 0; i < bound->cnt; i++) {
		items = make_room(bounds->claims, bounds->claim_cnt, &bounds->claim_room,
				  sizeof(*bounds->claims));
		if (!items)
			return -ENOMEM;
		bounds->claims = items;
		bounds->claims[bounds->claim_cnt++] = claims[i];
	}
	return 0;
}

static int decide_hit(const struct records *records, size_t i, const struct scan_hit *hit,
		      uint64_t began_ns, size_t *next, struct bounds *after,
		      struct parties *parties)
{
	struct place place = place__of(records, hit);
	struct bound before = {},
		     bound = { .pfn = hit->pfn, .hit = i, .folios = 1, .order = hit->order };
	struct claim claims[PARTIES_MAX + 1];
	bool known = find_bound(&records->now, next, hit, &before);

	bound.mapping = hit->mapping ? hit->mapping : known ? before.mapping : 0;
	bound.index = known && !hit->mapping ? before.index : hit->index;
	parties->cnt = 0;
	parties->crowded = false;
	for (uint32_t c = 0; known && c < before.cnt; c++)
		parties__add_known(parties, &records->now.claims[before.first + c]);
	spans__find(records, &place, known ? &before : NULL, began_ns, parties);
	bound.cnt = parties__decide(parties, hit->pins, hit->certain && hit->kind != MEM_KERNEL,
				    claims);
	return add_bound(after, &bound, claims);
}

static void count_found(struct records *records, const struct scan_hit *hits, size_t cnt)
{
	size_t next = 0;

	for (size_t i = 0; i < cnt; i++) {
		struct place place = place__of(records, &hits[i]);
		struct bound before;
		bool known = find_bound(&records->now, &next, &hits[i], &before);

		if (hits[i].pins && hits[i].certain)
			spans__count_found(records, &place, known ? &before : NULL);
	}
}

int records__match(struct records *records, const struct scan_hit *hits, size_t cnt,
		   uint64_t began_ns, const struct owner_class *classes, size_t class_cnt)
{
	struct parties parties = {
		.classes = classes,
		.class_cnt = class_cnt,
		.first = !records->began_ns,
	};
	struct bounds after = {};
	size_t next = 0;
	int err = spans__index(records);

	if (!err && records->now.cnt && records->span_cnt)
		count_found(records, hits, cnt);
	for (size_t i = 0; i < cnt && !err; i++)
		err = decide_hit(records, i, &hits[i], began_ns, &next, &after, &parties);
	if (err) {
		bounds__drop(&after);
		return err;
	}
	bounds__drop(&records->now);
	records->now = after;
	/* The pins of calls that came while the scan ran may not have been seen by it. */
	for (size_t i = 0; i < records->rec_cnt; i++) {
		struct rec *rec = &records->recs[i];

		rec->seen += rec->open;
		rec->open = rec->spill.record.calls - rec->seen;
		if (rec->spill.record.last_ns >= began_ns)
			continue;
		rec->seen += rec->open;
		rec->open = 0;
	}
	records->before_ns = records->began_ns;
	records->began_ns = began_ns;
	return 0;
}

const struct claim *records__claims(const struct records *records, size_t i, size_t *cnt)
{
	const struct bounds *now = &records->now;
	size_t low = 0, high = now->cnt;

	/* The last run that begins at this hit or before. */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (now->items[middle].hit <= i)
			low = middle;
		else
			high = middle;
	}
	*cnt = now->items[low].cnt;
	return now->claims + now->items[low].first;
}

static bool is_wanted(const struct records *records, const struct rec *rec)
{
	const struct gup_record *r = &rec->spill.record;

	if (fresh_calls(rec))
		return true;
	/* Of a short-term record that is in use its count of calls is needed. */
	return rec->in_map && !(r->notes & GUP_RECORD_LONGTERM) && r->last_ns >= records->before_ns;
}

size_t records__gc(struct records *records,
		   int (*take)(void *ctx, const struct gup_record_key *key,
			       struct gup_record *record),
		   void *ctx, bool *changed)
{
	size_t kept = 0, cnt = records->rec_cnt;

	*changed = false;
	for (size_t i = 0; i < cnt; i++) {
		struct rec *rec = &records->recs[i];
		struct gup_record last;

		if (!is_wanted(records, rec) && rec->in_map && !take(ctx, &rec->spill.key, &last)) {
			rec->in_map = false;
			*changed |= last.calls != rec->spill.record.calls;
			if (last.first_ns != rec->spill.record.first_ns ||
			    last.pages != rec->spill.record.pages)
				rec->seen = rec->open = 0;
			rec->spill.record = last;
		}
		if (is_wanted(records, rec))
			records->recs[kept++] = *rec;
	}
	records->rec_cnt = kept;
	return cnt - kept;
}

void records__mark_owners(const struct records *records, bool *used, size_t cnt)
{
	for (size_t i = 0; i < records->rec_cnt; i++)
		if (records->recs[i].spill.record.owner < cnt)
			used[records->recs[i].spill.record.owner] = true;
	for (size_t i = 0; i < records->now.claim_cnt; i++)
		if (records->now.claims[i].owner < cnt)
			used[records->now.claims[i].owner] = true;
}

size_t records__cnt(const struct records *records)
{
	return records->rec_cnt;
}

size_t records__bytes(const struct records *records)
{
	return records->rec_cnt * (sizeof(struct rec) + sizeof(struct span)) +
	       records->now.room * sizeof(struct bound) +
	       records->now.claim_room * sizeof(struct claim);
}
