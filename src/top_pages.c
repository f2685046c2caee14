// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop's view of single pages. A snapshot may list millions, so that a
 * row is made only when it is asked for; what is kept is the order. A radix
 * sort makes it: stable, and linear in the pages.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "top_rows.h"
#include "top_texts.h"
#include "util.h"

#define DIGIT_BITS 8
#define DIGITS (1U << DIGIT_BITS)
#define KEY_UNKNOWN (1ULL << 63) /* above every key: last, either way round */
#define KEY_MOST (KEY_UNKNOWN - 1)

struct place {
	uint64_t key;
	size_t page; /* index in the snapshot */
};

struct top_pages {
	struct top_row *holds; /* what a page's row has from its group; the last: of no group */
	size_t hold_room;
	struct place *order, *spare;
	size_t order_room;
};

void top_pages__free(struct top_pages *pages)
{
	if (!pages)
		return;
	free(pages->holds);
	free(pages->order);
	free(pages->spare);
	free(pages);
}

static int reserve(void *array, size_t *room, size_t cnt, size_t bytes)
{
	void **old = array, *new;

	if (cnt <= *room)
		return 0;
	new = reallocarray(*old, cnt, bytes);
	if (!new)
		return -ENOMEM;
	*old = new;
	*room = cnt;
	return 0;
}

static int make_room(struct top_model *model)
{
	const struct snapshot *snap = model->snap;
	struct top_pages *pages = model->pages;
	size_t spare_room;

	if (!pages)
		pages = model->pages = calloc(1, sizeof(*pages));
	if (!pages)
		return -ENOMEM;
	spare_room = pages->order_room;
	if (reserve(&pages->holds, &pages->hold_room, snap->group_cnt + 1, sizeof(*pages->holds)) ||
	    reserve(&pages->spare, &spare_room, snap->page_cnt, sizeof(*pages->spare)) ||
	    reserve(&pages->order, &pages->order_room, snap->page_cnt, sizeof(*pages->order)))
		return -ENOMEM;
	return 0;
}

int top_pages__build(struct top_model *model)
{
	const struct snapshot *snap = model->snap;
	struct top_row *row;

	model->row_cnt = 0;
	if (make_room(model))
		return -ENOMEM;
	for (size_t i = 0; i <= snap->group_cnt; i++) {
		const struct group *group = i < snap->group_cnt ? &snap->groups[i] : NULL;

		row = &model->pages->holds[i];
		*row = (struct top_row){ .process = -1, .node = -1, .lead = SIZE_MAX };
		if (!group || !top_accepts(model, group))
			continue;
		top_row__describe(row, snap, group);
		row->process = top_group_process(group);
		row->guessed = group->owner < 0;
	}
	model->row_cnt = snap->page_cnt; /* until they are put in order */
	return 0;
}

static struct top_row *hold_of(const struct top_model *model, const struct page_info *page)
{
	return &model->pages->holds[page->group < 0 ? model->snap->group_cnt : (size_t)page->group];
}

static void fill(struct top_row *row, const struct page_info *page)
{
	row->id = page->pfn;
	row->page = page;
	row->kind = page->kind;
	row->node = page->node;
	row->name = page->file;
	row->q = (struct quantity){ page->pins, 1, page->folio_bytes };
}

struct top_row top_pages__row(const struct top_model *model, size_t at)
{
	const struct page_info *page = &model->snap->pages[model->pages->order[at].page];
	struct top_row row = *hold_of(model, page);

	fill(&row, page);
	return row;
}

static int compare_pfns(const void *pfn, const void *page)
{
	uint64_t one = *(const uint64_t *)pfn, other = ((const struct page_info *)page)->pfn;

	return (one > other) - (one < other);
}

size_t top_pages__find(const struct top_model *model, uint64_t pfn)
{
	const struct snapshot *snap = model->snap;
	const struct page_info *page =
		bsearch(&pfn, snap->pages, snap->page_cnt, sizeof(*page), compare_pfns);

	for (size_t i = 0; page && i < model->row_cnt; i++)
		if (model->pages->order[i].page == (size_t)(page - snap->pages))
			return i;
	return SIZE_MAX;
}

/* Pages that the filter lets pass, in the snapshot's order: ascending by pfn. */
static void list_pages(struct top_model *model)
{
	const struct snapshot *snap = model->snap;
	struct place *order = model->pages->order;
	size_t cnt = 0;

	for (size_t i = 0; i < snap->page_cnt; i++)
		if (!model->filtered || hold_of(model, &snap->pages[i])->groups)
			order[cnt++].page = i;
	model->row_cnt = cnt;
}

static void sort_by_digit(struct top_pages *pages, size_t cnt, unsigned int shift)
{
	size_t starts[DIGITS] = {}, start = 0;
	struct place *from = pages->order, *to = pages->spare;

	for (size_t i = 0; i < cnt; i++)
		starts[from[i].key >> shift & (DIGITS - 1)]++;
	for (size_t i = 0; i < DIGITS; i++) {
		size_t digits = starts[i];

		starts[i] = start;
		start += digits;
	}
	for (size_t i = 0; i < cnt; i++)
		to[starts[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
	pages->order = to;
	pages->spare = from;
}

/* From the lowest bit on; bits that no two keys differ in cost nothing. */
static void sort_by_key(struct top_pages *pages, size_t cnt)
{
	uint64_t differ = 0;

	for (size_t i = 1; i < cnt; i++)
		differ |= pages->order[i].key ^ pages->order[0].key;
	while (differ) {
		unsigned int shift = __builtin_ctzll(differ);

		sort_by_digit(pages, cnt, shift);
		differ &= ~((uint64_t)(DIGITS - 1) << shift);
	}
}

static uint64_t key_of(uint64_t num, bool descending)
{
	if (num > KEY_MOST)
		num = KEY_MOST;
	return descending ? KEY_MOST - num : num;
}

static void sort_by_bytes(struct top_model *model)
{
	struct place *order = model->pages->order;

	for (size_t i = 0; i < model->row_cnt; i++)
		order[i].key = key_of(model->snap->pages[order[i].page].folio_bytes, true);
	sort_by_key(model->pages, model->row_cnt);
}

static struct top_value value_of(struct top_model *model, const struct place *place)
{
	const struct page_info *page = &model->snap->pages[place->page];
	struct top_row *row = hold_of(model, page);

	fill(row, page);
	return top_look(model)->sort->get(model, row);
}

/*
 * Values as keys. A text counts below its number, by its own number among the texts; its rank takes
 * that place in sort_by_value(). In a column either all values that are known have a text or none.
 */
static int note_values(struct top_model *model, struct top_texts *texts)
{
	struct place *order = model->pages->order;

	for (size_t i = 0; i < model->row_cnt; i++) {
		struct top_value value = value_of(model, &order[i]);

		order[i].key = value.known ? key_of(value.num, false) : KEY_UNKNOWN;
		if (!value.known || !value.text)
			continue;
		order[i].key = key_of(value.num << 32 | top_texts__add(texts, value.text), false);
		if (texts->failed)
			return -ENOMEM;
	}
	return 0;
}

static int sort_by_value(struct top_model *model)
{
	const struct top_look *look = top_look(model);
	bool descending = top_column__descends(look->sort) != look->reverse;
	struct place *order = model->pages->order;
	struct top_texts texts = {};
	int err = note_values(model, &texts);

	if (!err)
		err = top_texts__rank(&texts);
	for (size_t i = 0; i < model->row_cnt && !err; i++) {
		if (order[i].key == KEY_UNKNOWN)
			continue;
		if (texts.cnt)
			order[i].key =
				(order[i].key >> 32 << 32) + texts.ranks[(uint32_t)order[i].key];
		order[i].key = key_of(order[i].key, descending);
	}
	if (!err)
		sort_by_key(model->pages, model->row_cnt);
	top_texts__free(&texts);
	return err;
}

/* Among equals the largest come first, and the lowest pfn. */
void top_pages__sort(struct top_model *model)
{
	if (!model->row_cnt)
		return;
	list_pages(model);
	sort_by_bytes(model);
	sort_by_value(model); /* without memory they stay in that order */
}
