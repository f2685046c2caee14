// SPDX-License-Identifier: GPL-2.0-only
/*
 * What differs between two snapshots: the groups of both by their keys, sorted
 * and merged; then the findings. Forms: diff_form.c. See diff.h.
 */
#include "diff.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

static const char *const change_names[] = {
	[CHANGE_NEW] = "new",	[CHANGE_GREW] = "grew", [CHANGE_SHRANK] = "shrank",
	[CHANGE_GONE] = "gone", [CHANGE_SAME] = "same",
};
static_assert(ARRAY_SIZE(change_names) == CHANGE_CNT, "each change has a name");

const char *change_name(enum change change)
{
	return change_names[change];
}

static struct diff_key key_of(struct snapshot *snap, const struct group *group)
{
	const struct frame *caller = pin_site__caller(snap, group->kernel_stack);
	const struct process *process = NULL;
	struct diff_key key = { 0 };

	if (group->owner >= 0)
		process = &snap->processes[group->owner];
	else if (group->likely_cnt)
		process = &snap->processes[group->likely[0].process];
	if (process) {
		key.comm = group->owner >= 0 ? process->comm
					     : snapshot__printf(snap, "%s?", process->comm);
		key.cgroup = process->cgroup;
	}
	if (caller) {
		key.site = caller->function;
		key.module = caller->module;
	} else if (group->through.kind) {
		key.site = group->through.kind;
	} else {
		key.site = mem_kind_name(group->memory_cnt ? group->memory[0].kind : MEM_UNKNOWN);
	}
	return key;
}

static int compare_strings(const char *a, const char *b)
{
	return !a || !b ? !b - !a : strcmp(a, b);
}

static int compare_keys(const struct diff_key *a, const struct diff_key *b)
{
	int order = compare_strings(a->comm, b->comm);

	if (!order)
		order = compare_strings(a->site, b->site);
	if (!order)
		order = compare_strings(a->module, b->module);
	return order ? order : compare_strings(a->cgroup, b->cgroup);
}

static int by_key(const void *a, const void *b)
{
	return compare_keys(&((const struct diff_row *)a)->key, &((const struct diff_row *)b)->key);
}

static uint64_t difference(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static int by_change(const void *left, const void *right)
{
	const struct diff_row *l = left, *r = right;
	uint64_t l_bytes = difference(l->now.bytes, l->before.bytes);
	uint64_t r_bytes = difference(r->now.bytes, r->before.bytes);

	if (l_bytes != r_bytes)
		return l_bytes < r_bytes ? 1 : -1;
	if (l->now.bytes != r->now.bytes)
		return l->now.bytes < r->now.bytes ? 1 : -1;
	return compare_keys(&l->key, &r->key);
}

static void add_to(struct quantity *sum, const struct quantity *q)
{
	sum->pins += q->pins;
	sum->folios += q->folios;
	sum->bytes += q->bytes;
}

static enum change change_of(const struct diff_row *row)
{
	const struct quantity *before = &row->before, *now = &row->now;

	if (!before->pins && !before->folios)
		return CHANGE_NEW;
	if (!now->pins && !now->folios)
		return CHANGE_GONE;
	if (now->bytes != before->bytes)
		return now->bytes > before->bytes ? CHANGE_GREW : CHANGE_SHRANK;
	if (now->pins != before->pins)
		return now->pins > before->pins ? CHANGE_GREW : CHANGE_SHRANK;
	return CHANGE_SAME;
}

/* One side, with the keys of its groups. */
struct side {
	struct snapshot *snap;
	struct diff_key *keys;
};

static int side__open(struct side *side, struct snapshot *snap)
{
	side->snap = snap;
	side->keys = calloc(snap->group_cnt + 1, sizeof(*side->keys));
	for (size_t i = 0; side->keys && i < snap->group_cnt; i++)
		side->keys[i] = key_of(snap, &snap->groups[i]);
	return side->keys ? 0 : -ENOMEM;
}

static void add_groups(struct diff *diff, const struct side *side)
{
	for (size_t i = 0; i < side->snap->group_cnt; i++) {
		struct diff_row *row = &diff->rows[diff->row_cnt++];

		row->key = side->keys[i];
		*(side->snap == diff->now ? &row->now : &row->before) = side->snap->groups[i].q;
	}
}

/* Rows of one key become one. */
static void merge(struct diff *diff)
{
	size_t cnt = 0;

	qsort(diff->rows, diff->row_cnt, sizeof(*diff->rows), by_key);
	for (size_t i = 0; i < diff->row_cnt; i++) {
		const struct diff_row *row = &diff->rows[i];

		if (!cnt || compare_keys(&diff->rows[cnt - 1].key, &row->key)) {
			diff->rows[cnt++] = *row;
			continue;
		}
		add_to(&diff->rows[cnt - 1].before, &row->before);
		add_to(&diff->rows[cnt - 1].now, &row->now);
	}
	diff->row_cnt = cnt;
	for (size_t i = 0; i < cnt; i++)
		diff->rows[i].change = change_of(&diff->rows[i]);
	qsort(diff->rows, cnt, sizeof(*diff->rows), by_change);
}

/* Are they of one rule and key? A wrong release has no group: its title has the function. */
static bool alike(const struct side *a, const struct finding *x, const struct side *b,
		  const struct finding *y)
{
	if (x->rule != y->rule || (x->group < 0) != (y->group < 0))
		return false;
	if (x->group < 0)
		return x->rule != RULE_WRONG_RELEASE || !strcmp(x->title, y->title);
	return !compare_keys(&a->keys[x->group], &b->keys[y->group]);
}

static bool has_like(const struct side *side, const struct side *other,
		     const struct finding *finding)
{
	const struct snapshot *snap = side->snap;

	for (size_t i = 0; i < snap->finding_cnt; i++)
		if (!snap->findings[i].suppressed_by &&
		    alike(side, &snap->findings[i], other, finding))
			return true;
	return false;
}

static int by_level(const void *left, const void *right)
{
	const struct finding *l = *(const struct finding *const *)left;
	const struct finding *r = *(const struct finding *const *)right;

	if (l->level != r->level)
		return l->level < r->level ? 1 : -1;
	return l < r ? -1 : l > r; /* as in the snapshot: largest first */
}

/* Findings of one side that the other has not. */
static const struct finding **only_in(const struct side *side, const struct side *other,
				      size_t *cnt)
{
	const struct snapshot *snap = side->snap;
	const struct finding **list = calloc(snap->finding_cnt + 1, sizeof(*list));

	for (size_t i = 0; list && i < snap->finding_cnt; i++)
		if (!snap->findings[i].suppressed_by && !has_like(other, side, &snap->findings[i]))
			list[(*cnt)++] = &snap->findings[i];
	if (list)
		qsort(list, *cnt, sizeof(*list), by_level);
	return list;
}

static int fill(struct diff *diff, const struct side *before, const struct side *now)
{
	diff->rows =
		calloc(before->snap->group_cnt + now->snap->group_cnt + 1, sizeof(*diff->rows));
	diff->added = only_in(now, before, &diff->added_cnt);
	diff->gone = only_in(before, now, &diff->gone_cnt);
	if (!diff->rows || !diff->added || !diff->gone)
		return -ENOMEM;
	add_groups(diff, before);
	add_groups(diff, now);
	merge(diff);
	for (size_t i = 0; i < diff->added_cnt; i++)
		diff->exit_code |= diff->added[i]->level >= LEVEL_WARNING;
	return 0;
}

struct diff *diff__make(struct snapshot *before, struct snapshot *now)
{
	struct diff *diff = calloc(1, sizeof(*diff));
	struct side old = { 0 }, new = { 0 };
	int err = diff ? 0 : -ENOMEM;

	if (!err) {
		diff->before = before;
		diff->now = now;
		err = side__open(&old, before);
	}
	if (!err)
		err = side__open(&new, now);
	if (!err)
		err = fill(diff, &old, &new);
	free(old.keys);
	free(new.keys);
	if (!err)
		return diff;
	diff__free(diff);
	errno = -err;
	return NULL;
}

void diff__free(struct diff *diff)
{
	if (!diff)
		return;
	free(diff->rows);
	free(diff->added);
	free(diff->gone);
	free(diff);
}
