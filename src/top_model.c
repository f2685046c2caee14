// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop's model: which snapshot is shown, in which view and order, what is
 * selected, and the figures of the header. See top_model.h; rows are made in
 * top_views.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "top_rows.h"
#include "util.h"

#define NS_PER_S 1000000000ULL

static void set_look(struct top_look *look, const struct top_view_info *info)
{
	char list[256], *bad = NULL;

	snprintf(list, sizeof(list), "%s,%s", info->columns, info->more);
	look->sort = top_column(info->sort, strlen(info->sort));
	/* The lists are our own: a unit test sees that they can be read. */
	top_columns__parse(list, look->columns, &look->column_cnt, &bad);
	free(bad);
	look->usual_cnt = 1;
	for (const char *c = info->columns; *c; c++)
		look->usual_cnt += *c == ',';
}

void top_model__init(struct top_model *model)
{
	memset(model, 0, sizeof(*model));
	for (int view = 0; view < TOP_VIEW_CNT; view++)
		set_look(&model->looks[view], top_view_info(view));
}

void top_model__done(struct top_model *model)
{
	free(model->rows);
	free(model->index);
	top_pages__free(model->pages);
	memset(model, 0, sizeof(*model));
}

/* Counters of the flow: the kernel's, else what the hooks saw. False if neither is known. */
static bool read_flow(const struct checks *checks, uint64_t *acquired, uint64_t *released)
{
	*acquired = checks->vmstat_known ? checks->vmstat_acquired : checks->events_acquired;
	*released = checks->vmstat_known ? checks->vmstat_released : checks->events_released;
	return checks->vmstat_known || checks->plan;
}

static void forget_rates_after(struct top_model *model, uint64_t taken_ns)
{
	while (model->rate_cnt && model->rates[model->rate_cnt - 1].to_ns > taken_ns)
		model->rate_cnt--;
}

static void add_rate(struct top_model *model, const struct top_rate *rate)
{
	if (model->rate_cnt == TOP_RATES_MAX) {
		model->rate_cnt--;
		memmove(model->rates, model->rates + 1, model->rate_cnt * sizeof(*rate));
	}
	model->rates[model->rate_cnt++] = *rate;
}

/* A rate needs two snapshots of one tracking, the later one later; a step back takes rates away. */
static void note_rate(struct top_model *model, const struct snapshot *snap)
{
	uint64_t acquired, released, ns = snap->taken_ns - model->last.taken_ns;
	bool known = read_flow(&snap->checks, &acquired, &released);

	forget_rates_after(model, snap->taken_ns);
	if (known && model->last.taken_ns && snap->taken_ns > model->last.taken_ns &&
	    model->last.since_ns == snap->checks.tracking_since_ns &&
	    acquired >= model->last.acquired && released >= model->last.released) {
		struct top_rate rate = {
			.from_ns = model->last.taken_ns,
			.to_ns = snap->taken_ns,
			.acquired = (acquired - model->last.acquired) * (double)NS_PER_S / ns,
			.released = (released - model->last.released) * (double)NS_PER_S / ns,
		};

		add_rate(model, &rate);
	}
	model->last.taken_ns = known ? snap->taken_ns : 0;
	model->last.since_ns = snap->checks.tracking_since_ns;
	model->last.acquired = acquired;
	model->last.released = released;
}

int top_model__show(struct top_model *model, const struct snapshot *snap)
{
	note_rate(model, snap);
	model->snap = snap;
	return top_model__view(model, model->view);
}

int top_model__view(struct top_model *model, enum top_view view)
{
	int err;

	model->view = view;
	top_rows__clear(model);
	if (!model->snap)
		return 0;
	err = top_view_info(view)->build(model);
	top_model__sort(model);
	return err;
}

int top_model__set_filter(struct top_model *model, const char *text, char *why, size_t room)
{
	cleanup_free char *words = strdup(text);
	struct filter filter = {};
	char *rest = words;
	int err = words ? 0 : -ENOMEM;

	for (char *word; !err && (word = strsep(&rest, " "));)
		if (*word)
			err = filter__parse(&filter, word, why, room);
	if (err)
		return err;
	model->filter = filter;
	model->filtered = !filter__is_empty(&filter);
	return 0;
}

/* What a row is ordered by, taken once. */
struct sort_key {
	struct top_value value;
	const struct top_row *row;
};

static int compare_values(const struct top_value *a, const struct top_value *b)
{
	if (a->num != b->num)
		return a->num < b->num ? -1 : 1;
	return a->text && b->text ? strcmp(a->text, b->text) : 0;
}

static int compare_keys(const void *one, const void *other, void *ctx)
{
	const struct sort_key *a = one, *b = other;
	const bool *descending = ctx;
	int order = compare_values(&a->value, &b->value);

	/* What is not known comes last, either way round. */
	if (a->value.known != b->value.known)
		return a->value.known ? -1 : 1;
	if (order)
		return *descending ? -order : order;
	if (a->row->q.bytes != b->row->q.bytes)
		return a->row->q.bytes > b->row->q.bytes ? -1 : 1;
	return (a->row->id > b->row->id) - (a->row->id < b->row->id);
}

static void sort_rows(struct top_model *model)
{
	const struct top_look *look = &model->looks[model->view];
	cleanup_free struct sort_key *keys = calloc(model->row_cnt + 1, sizeof(*keys));
	bool descending = top_column__descends(look->sort) != look->reverse;
	struct top_row *rows = malloc((model->row_room + 1) * sizeof(*rows));

	if (!keys || !rows) {
		free(rows); /* they stay as they came: largest first */
		return;
	}
	for (size_t i = 0; i < model->row_cnt; i++)
		keys[i] = (struct sort_key){ look->sort->get(model, &model->rows[i]),
					     &model->rows[i] };
	qsort_r(keys, model->row_cnt, sizeof(*keys), compare_keys, &descending);
	for (size_t i = 0; i < model->row_cnt; i++)
		rows[i] = *keys[i].row;
	free(model->rows);
	model->rows = rows;
}

struct top_row top_model__row(const struct top_model *model, size_t at)
{
	const struct top_view_info *info = top_view_info(model->view);

	return info->row ? info->row(model, at) : model->rows[at];
}

static size_t find_row(const struct top_model *model, uint64_t id)
{
	const struct top_view_info *info = top_view_info(model->view);

	if (info->find)
		return info->find(model, id);
	for (size_t i = 0; i < model->row_cnt; i++)
		if (model->rows[i].id == id)
			return i;
	return SIZE_MAX;
}

void top_model__sort(struct top_model *model)
{
	const struct top_view_info *info = top_view_info(model->view);

	if (info->arrange)
		info->arrange(model);
	else
		sort_rows(model);
}

size_t top_model__selected(const struct top_model *model)
{
	const struct top_look *look = &model->looks[model->view];
	size_t at;

	if (!look->chosen || !model->row_cnt)
		return 0;
	if (look->at < model->row_cnt && top_model__row(model, look->at).id == look->selected)
		return look->at;
	at = find_row(model, look->selected);
	if (at != SIZE_MAX)
		return at;
	return look->at < model->row_cnt ? look->at : model->row_cnt - 1;
}

void top_model__select(struct top_model *model, size_t row)
{
	struct top_look *look = top_look(model);

	if (row >= model->row_cnt)
		return;
	look->chosen = true;
	look->selected = top_model__row(model, row).id;
	look->at = row;
}

static bool row_has_word(const struct top_model *model, const struct top_row *row, const char *what)
{
	const struct top_look *look = &model->looks[model->view];
	char cell[512];

	for (size_t i = 0; i < look->column_cnt; i++) {
		top_cell(model, row, look->columns[i], false, cell, sizeof(cell));
		if (strcasestr(cell, what))
			return true;
	}
	return false;
}

enum top_found top_model__search(struct top_model *model, const char *what, size_t *looked)
{
	size_t from = top_model__selected(model), end = *looked + TOP_SEARCH_ROWS;

	for (; *looked < model->row_cnt && *looked < end; ++*looked) {
		size_t at = (from + *looked + 1) % model->row_cnt;
		struct top_row row = top_model__row(model, at);

		if (row_has_word(model, &row, what)) {
			top_model__select(model, at);
			return TOP_FOUND;
		}
	}
	return *looked < model->row_cnt ? TOP_GO_ON : TOP_NOT_FOUND;
}

static bool is_file_backed(const struct memory *memory)
{
	return memory->kind == MEM_FILE || memory->kind == MEM_FSDAX;
}

static void sum_groups(const struct snapshot *snap, struct top_summary *sum)
{
	for (size_t i = 0; i < snap->group_cnt; i++) {
		const struct group *group = &snap->groups[i];

		if (group->flags & PIN_LONGTERM)
			sum->longterm += group->q.bytes;
		if (group->state == STATE_LEAKED || group->state == STATE_LEFT_BEHIND)
			sum->leaked += group->q.bytes;
		if (group->state == STATE_ORPHANED)
			sum->orphaned += group->q.bytes;
		for (size_t m = 0; m < group->memory_cnt; m++)
			if (is_file_backed(&group->memory[m]))
				sum->file += group->memory[m].folios * group->memory[m].folio_bytes;
		sum->approximate |= group->shares_folios;
	}
}

static uint64_t sum_lost(const struct checks *c)
{
	uint64_t missed = c->recursion_misses > c->repaired ? c->recursion_misses - c->repaired : 0;

	return missed + c->map_full + c->owners_full + c->processes_full + c->sites_full +
	       c->stacks_lost;
}

/* The first rate within the span that ends with the newest. */
static size_t first_rate(const struct top_model *model)
{
	uint64_t end = model->rate_cnt ? model->rates[model->rate_cnt - 1].to_ns : 0;
	size_t first = model->rate_cnt;

	while (first > 0 && model->rates[first - 1].to_ns + TOP_RATE_SPAN_NS > end)
		first--;
	return first;
}

void top_model__summary(const struct top_model *model, struct top_summary *sum)
{
	const struct snapshot *snap = model->snap;
	const struct top_rate *now = &model->rates[model->rate_cnt ? model->rate_cnt - 1 : 0];

	memset(sum, 0, sizeof(*sum));
	sum_groups(snap, sum);
	sum->lost = sum_lost(&snap->checks);
	for (size_t i = 0; i < snap->finding_cnt; i++) {
		if (snap->findings[i].suppressed_by)
			continue;
		sum->errors += snap->findings[i].level == LEVEL_ERROR;
		sum->warnings += snap->findings[i].level == LEVEL_WARNING;
		sum->notes += snap->findings[i].level == LEVEL_NOTE;
	}
	sum->rate_known = model->rate_cnt && now->to_ns == snap->taken_ns;
	if (!sum->rate_known)
		return;
	sum->acquired = now->acquired;
	sum->released = now->released;
	for (size_t i = first_rate(model); i < model->rate_cnt; i++)
		if (model->rates[i].acquired > sum->peak)
			sum->peak = model->rates[i].acquired;
}

uint64_t top_model__spark(const struct top_model *model, unsigned char *levels, size_t cnt,
			  unsigned int most)
{
	size_t first = first_rate(model);
	uint64_t end, begin, peak = 1;

	if (cnt)
		memset(levels, 0, cnt);
	if (!model->rate_cnt)
		return 0;
	end = model->rates[model->rate_cnt - 1].to_ns;
	begin = end - TOP_RATE_SPAN_NS;
	for (size_t i = first; i < model->rate_cnt; i++)
		if (model->rates[i].acquired > peak)
			peak = model->rates[i].acquired;
	for (size_t i = first; i < model->rate_cnt; i++) {
		const struct top_rate *rate = &model->rates[i];
		uint64_t from = rate->from_ns > begin ? rate->from_ns - begin : 0;
		size_t at = from * cnt / TOP_RATE_SPAN_NS;
		size_t last = (rate->to_ns - begin) * cnt / TOP_RATE_SPAN_NS;
		/* A flow of any size is at least one level high. */
		unsigned int level = 1 + (double)rate->acquired / peak * (most - 1);

		do {
			if (at < cnt && level > levels[at])
				levels[at] = level;
		} while (++at < last);
	}
	return end - (model->rates[first].from_ns > begin ? model->rates[first].from_ns : begin);
}
