// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which records with calls since the last scan cover a folio: they are sorted by
 * the memory that they name.
 */
#include <errno.h>
#include <stdlib.h>

#include "records_impl.h"

static int by_place(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	if (x->mapping != y->mapping)
		return x->mapping < y->mapping ? -1 : 1;
	return (x->begin > y->begin) - (x->begin < y->begin);
}

int spans__index(struct records *records)
{
	struct span *spans =
		realloc(records->spans, (records->rec_cnt + 1) * sizeof(*records->spans));

	if (!spans)
		return -ENOMEM;
	records->spans = spans;
	records->span_cnt = 0;
	for (size_t i = 0; i < records->rec_cnt; i++) {
		const struct gup_record *r = &records->recs[i].spill.record;

		if (fresh_calls(&records->recs[i]))
			spans[records->span_cnt++] = (struct span){
				.mapping = r->m0,
				.begin = r->i0,
				.end = r->i0 + r->pages,
				.rec = &records->recs[i],
			};
	}
	qsort(spans, records->span_cnt, sizeof(*spans), by_place);
	for (size_t i = 0; i < records->span_cnt; i++) {
		bool first = !i || spans[i - 1].mapping != spans[i].mapping;

		spans[i].max_end = !first && spans[i - 1].max_end > spans[i].end
					   ? spans[i - 1].max_end
					   : spans[i].end;
	}
	return 0;
}

struct place place__of(const struct records *records, const struct scan_hit *hit)
{
	struct place place = {
		.mapping = hit->mapping,
		.begin = hit->index,
		.page = records->first_page + hit->pfn,
		.pages = 1ULL << hit->order,
	};

	if (!place.mapping)
		place.begin = place.page;
	place.end = place.begin + place.pages;
	return place;
}

/* False if the page that the record has at index (address of its struct page) is no page of this folio. */
static bool end_agrees(const struct records *records, const struct place *place, uint64_t index,
		       uint64_t page)
{
	uint64_t number = page / records->page_bytes;

	if (index < place->begin || index >= place->end)
		return true;
	return number >= place->page && number < place->page + place->pages;
}

/* How many spans may cover the folio; those beyond are of a later mapping, or begin behind it. */
static size_t spans_up_to(const struct records *records, const struct place *place)
{
	size_t low = 0, high = records->span_cnt;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct span *span = &records->spans[middle];

		if (span->mapping < place->mapping ||
		    (span->mapping == place->mapping && span->begin < place->end))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The next span among the first *i, from behind, that covers the folio, or NULL. */
static struct span *next_span(const struct records *records, const struct place *place, size_t *i)
{
	while (*i) {
		struct span *span = &records->spans[--*i];
		const struct gup_record *r = &span->rec->spill.record;

		if (span->mapping != place->mapping || span->max_end <= place->begin)
			break;
		if (span->end > place->begin && end_agrees(records, place, r->i0, r->page) &&
		    end_agrees(records, place, r->i0 + r->pages - 1, r->last_page))
			return span;
	}
	return NULL;
}

/* How many pages of the folio it covers. */
static uint64_t covered(const struct span *span, const struct place *place)
{
	uint64_t begin = span->begin > place->begin ? span->begin : place->begin;
	uint64_t end = span->end < place->end ? span->end : place->end;

	return end - begin;
}

/*
 * The span that alone explains the folio's pins: nobody had any at the last scan,
 * but for what it has seen of the same call. Else NULL.
 */
static struct span *only_span(const struct records *records, const struct place *place,
			      const struct bound *known)
{
	size_t i = spans_up_to(records, place);
	struct span *span = next_span(records, place, &i);
	const struct claim *claim = known ? &records->now.claims[known->first] : NULL;

	if (!span || next_span(records, place, &i))
		return NULL;
	if (claim &&
	    (known->cnt != 1 || !claim->again || claim->owner != span->rec->spill.record.owner))
		return NULL;
	return span;
}

void spans__count_found(struct records *records, const struct place *place,
			const struct bound *known)
{
	struct span *span = only_span(records, place, known);

	if (span)
		span->found += covered(span, place);
}

/*
 * A call pins one page at each index. If all of its pages have been found, it has
 * no part in others at the same place: memory from before that place was mapped
 * anew, pinned still.
 */
static bool is_found(const struct span *span)
{
	return fresh_calls(span->rec) == 1 && span->found == span->end - span->begin;
}

void spans__find(const struct records *records, const struct place *place,
		 const struct bound *known, uint64_t began_ns, struct parties *parties)
{
	const struct span *span;
	size_t i = spans_up_to(records, place);

	while ((span = next_span(records, place, &i))) {
		const struct gup_record *r = &span->rec->spill.record;
		struct fresh fresh = { .open = span->rec->open, .pages = covered(span, place) };

		if (is_found(span) && span != only_span(records, place, known))
			continue;
		fresh.since = fresh_calls(span->rec) - fresh.open;
		fresh.late = r->last_ns >= began_ns;
		parties__add_fresh(parties, r, &fresh);
	}
}
