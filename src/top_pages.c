// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop's view of single pages. A snapshot may list millions, so that a
 * row is made only when it is asked for; what is kept is the order. A radix
 * sort makes it: stable, and linear in the pages. Time goes by cache misses, so
 * pages are only read one after the other; what is read at random is small.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "top_rows.h"
#include "top_texts.h"
#include "util.h"

#define DIGIT_BITS 11
#define DIGITS (1U << DIGIT_BITS)
#define KEY_UNKNOWN (1ULL << 63) /* above every key: last, either way round */
#define KEY_MOST (KEY_UNKNOWN - 1)

struct place {
	uint64_t key;
	uint32_t page; /* index in the snapshot */
};

struct top_pages {
	struct top_row *holds; /* what a page's row has from its group; the last: of no group */
	size_t hold_room;
	struct place *order, *spare;
	size_t order_room, spare_room;
	uint32_t *largest; /* pages that the filter lets pass, the largest first, then by pfn */
	size_t largest_room;
	uint64_t *keys; /* of the column, by page */
	size_t key_room;
};

void top_pages__free(struct top_pages *pages)
{
	if (!pages)
		return;
	free(pages->holds);
	free(pages->order);
	free(pages->spare);
	free(pages->largest);
	free(pages->keys);
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
	size_t cnt = snap->page_cnt;

	if (!pages)
		pages = model->pages = calloc(1, sizeof(*pages));
	if (!pages || cnt > UINT32_MAX ||
	    reserve(&pages->holds, &pages->hold_room, snap->group_cnt + 1, sizeof(*pages->holds)) ||
	    reserve(&pages->spare, &pages->spare_room, cnt, sizeof(*pages->spare)) ||
	    reserve(&pages->order, &pages->order_room, cnt, sizeof(*pages->order)) ||
	    reserve(&pages->largest, &pages->largest_room, cnt, sizeof(*pages->largest)) ||
	    reserve(&pages->keys, &pages->key_room, cnt, sizeof(*pages->keys)))
		return -ENOMEM;
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

/* From the lowest bit on; bits that no two keys differ in cost nothing, nor does what is in order. */
static void sort_by_key(struct top_pages *pages, size_t cnt)
{
	uint64_t differ = 0;
	bool sorted = true;

	for (size_t i = 1; i < cnt; i++) {
		differ |= pages->order[i].key ^ pages->order[0].key;
		sorted &= pages->order[i].key >= pages->order[i - 1].key;
	}
	while (differ && !sorted) {
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

/* Pages that the filter lets pass: ascending by pfn in the snapshot, the largest first here. */
static void list_pages(struct top_model *model)
{
	const struct snapshot *snap = model->snap;
	struct top_pages *pages = model->pages;
	size_t cnt = 0;

	for (size_t i = 0; i < snap->page_cnt; i++) {
		const struct page_info *page = &snap->pages[i];

		if (!model->filtered || hold_of(model, page)->groups)
			pages->order[cnt++] = (struct place){ key_of(page->folio_bytes, true), i };
	}
	sort_by_key(pages, cnt);
	for (size_t i = 0; i < cnt; i++)
		pages->largest[i] = pages->order[i].page;
	model->row_cnt = cnt;
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
	list_pages(model);
	return 0;
}

/*
 * A value as key. A text counts below its number, by its own number among the texts; its rank takes
 * that place in final_key(). In a column either all values that are known have a text or none.
 */
static uint64_t note_value(const struct top_model *model, const struct top_row *row,
			   struct top_texts *texts)
{
	struct top_value value = model->looks[model->view].sort->get(model, row);

	if (!value.known)
		return KEY_UNKNOWN;
	if (!value.text)
		return key_of(value.num, false);
	return key_of(value.num << 32 | top_texts__add(texts, value.text), false);
}

static void note_pages(struct top_model *model, struct top_texts *texts)
{
	const struct snapshot *snap = model->snap;
	struct top_row row = model->pages->holds[snap->group_cnt]; /* of no group */

	for (size_t i = 0; i < snap->page_cnt && !texts->failed; i++) {
		fill(&row, &snap->pages[i]);
		model->pages->keys[i] = note_value(model, &row, texts);
	}
}

/* Once for each group, however many pages it has. */
static int note_groups(struct top_model *model, struct top_texts *texts)
{
	const struct snapshot *snap = model->snap;
	struct top_pages *pages = model->pages;
	cleanup_free uint64_t *keys = malloc((snap->group_cnt + 1) * sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	for (size_t i = 0; i <= snap->group_cnt; i++) {
		struct top_row row = pages->holds[i];

		fill(&row, &snap->pages[0]); /* any */
		keys[i] = note_value(model, &row, texts);
	}
	for (size_t i = 0; i < snap->page_cnt; i++)
		pages->keys[i] = keys[hold_of(model, &snap->pages[i]) - pages->holds];
	return 0;
}

/* Is the column the page's own, not its group's? */
static bool is_own(const struct top_column *column)
{
	static const char *const names[] = {
		"pfn",	"memory", "pins", "folios", "refs",   "maps",
		"kind", "node",	  "zone", "file",   "caller", "title"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(column->name, names[i]))
			return true;
	return false;
}

static int note_values(struct top_model *model, struct top_texts *texts)
{
	int err = 0;

	if (is_own(top_look(model)->sort))
		note_pages(model, texts);
	else
		err = note_groups(model, texts);
	return texts->failed ? -ENOMEM : err;
}

static uint64_t final_key(const struct top_texts *texts, uint64_t key, bool descending)
{
	if (key == KEY_UNKNOWN)
		return key;
	if (texts->cnt)
		key = (key >> 32 << 32) + texts->ranks[(uint32_t)key];
	return key_of(key, descending);
}

static void sort_by_value(struct top_model *model)
{
	const struct top_look *look = top_look(model);
	bool descending = top_column__descends(look->sort) != look->reverse;
	struct top_pages *pages = model->pages;
	struct top_texts texts = {};

	if (!note_values(model, &texts) && !top_texts__rank(&texts)) {
		for (size_t i = 0; i < model->row_cnt; i++)
			pages->order[i].key =
				final_key(&texts, pages->keys[pages->order[i].page], descending);
		sort_by_key(pages, model->row_cnt);
	}
	top_texts__free(&texts);
}

/* Among equals the largest come first, and the lowest pfn. Without memory all come so. */
void top_pages__sort(struct top_model *model)
{
	struct top_pages *pages = model->pages;

	if (!model->row_cnt)
		return;
	for (size_t i = 0; i < model->row_cnt; i++)
		pages->order[i].page = pages->largest[i];
	sort_by_value(model);
}
