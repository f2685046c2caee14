// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rows of gup-pintop's views: found by id, and summed up from groups. What the
 * views are made of is in top_views.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "top_rows.h"
#include "util.h"

/* Row number + 1 by id, open addressing; always at most half full. */
struct top_index {
	size_t mask;
	size_t slots[];
};

#define INDEX_LEAST 1024

/* Rising: what a person should see first. */
static const unsigned char severity[STATE_CNT] = {
	[STATE_HELD] = 0,	    [STATE_IN_FLIGHT] = 1,   [STATE_UNATTRIBUTED] = 2,
	[STATE_RELEASING] = 3,	    [STATE_HANDED_OVER] = 4, [STATE_SHORT_HELD] = 5,
	[STATE_UNKNOWN_HOLDER] = 6, [STATE_ORPHANED] = 7,    [STATE_LEFT_BEHIND] = 8,
	[STATE_LEAKED] = 9,
};

unsigned int state_severity(enum state state)
{
	return state < STATE_CNT ? severity[state] : 0;
}

uint64_t top_hash(uint64_t hash, const char *text)
{
	if (!hash)
		hash = 14695981039346656037ULL;
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 1099511628211ULL;
	return (hash ^ 0xff) * 1099511628211ULL; /* "a" "b" is not "ab" "" */
}

uint64_t top_hash_number(uint64_t hash, uint64_t number)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);
	return top_hash(hash, digits);
}

static size_t *slot_of(struct top_index *index, const struct top_row *rows, uint64_t id)
{
	size_t at = (id ^ id >> 32) & index->mask;

	while (index->slots[at] && rows[index->slots[at] - 1].id != id)
		at = (at + 1) & index->mask;
	return &index->slots[at];
}

/* Room for one more row, in the array and in the index. */
static int grow(struct top_model *model)
{
	struct top_index *index = model->index;
	size_t room = model->row_room ? model->row_room * 2 : INDEX_LEAST / 2;
	struct top_row *rows;

	if (model->row_cnt < model->row_room)
		return 0;
	rows = realloc(model->rows, room * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	model->rows = rows;
	index = calloc(1, sizeof(*index) + 2 * room * sizeof(index->slots[0]));
	if (!index)
		return -ENOMEM;
	index->mask = 2 * room - 1;
	for (size_t i = 0; i < model->row_cnt; i++)
		*slot_of(index, rows, rows[i].id) = i + 1;
	free(model->index);
	model->index = index;
	model->row_room = room;
	return 0;
}

void top_rows__clear(struct top_model *model)
{
	model->row_cnt = 0;
	if (model->index)
		memset(model->index->slots, 0,
		       (model->index->mask + 1) * sizeof(model->index->slots[0]));
}

struct top_row *top_row(struct top_model *model, uint64_t id)
{
	struct top_row *row;
	size_t *slot;

	if (grow(model))
		return NULL;
	slot = slot_of(model->index, model->rows, id);
	if (*slot)
		return &model->rows[*slot - 1];
	row = &model->rows[model->row_cnt++];
	*slot = model->row_cnt;
	*row = (struct top_row){ .id = id, .process = -1, .node = -1, .lead = SIZE_MAX };
	return row;
}

bool top_accepts(const struct top_model *model, const struct group *group)
{
	return !model->filtered || filter__fits(&model->filter, model->snap, group);
}

/* The process that a group without an owner is likely to belong to; -1 = none. */
static int likely_process(const struct group *group)
{
	for (size_t i = 0; i < group->likely_cnt; i++)
		if (group->likely[i].process >= 0)
			return group->likely[i].process;
	for (size_t i = 0; i < group->held_by_cnt; i++)
		if (group->held_by[i].process >= 0)
			return group->held_by[i].process;
	return -1;
}

int top_group_process(const struct group *group)
{
	return group->owner >= 0 ? group->owner : likely_process(group);
}

void top_row__describe(struct top_row *row, const struct snapshot *snap, const struct group *group)
{
	size_t at = group - snap->groups;

	if (row->described == at + 1)
		return;
	row->described = at + 1;
	row->groups++;
	row->overlaps |= group->shares_folios;
	row->flags |= group->flags;
	if (group->oldest_ns && (!row->oldest_ns || group->oldest_ns < row->oldest_ns))
		row->oldest_ns = group->oldest_ns;
	if (row->groups == 1 || state_severity(group->state) > state_severity(row->state))
		row->state = group->state;
	for (size_t i = 0; i < group->memory_cnt; i++) {
		const struct memory *memory = &group->memory[i];

		if (memory->folios * memory->folio_bytes <= row->kind_bytes)
			continue;
		row->kind_bytes = memory->folios * memory->folio_bytes;
		row->kind = memory->kind;
	}
	if (row->lead == SIZE_MAX || group->q.bytes > snap->groups[row->lead].q.bytes) {
		row->lead = at;
		row->api = group->api;
	}
	row->unowned |= group->owner < 0;
}

void top_row__add(struct top_row *row, const struct snapshot *snap, const struct group *group)
{
	top_row__describe(row, snap, group);
	row->q.pins += group->q.pins;
	row->q.folios += group->q.folios;
	row->q.bytes += group->q.bytes;
}
