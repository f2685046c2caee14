// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the folios of a scan to groups: those with the same story about who may
 * hold them are one group, so that a report is short. See snapshot_scan.h.
 *
 * Each folio costs a few look-ups in one hash table, however many groups,
 * files and processes there are.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot_order.h"
#include "snapshot_scan.h"
#include "util.h"

struct key {
	uint64_t what, first, second;
};

/* Open addressing; values count from 1. */
struct index {
	struct key *keys;
	int *values;
	size_t room, used;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

static size_t index__slot(const struct index *index, const struct key *key)
{
	size_t at = mix(mix(mix(1, key->what), key->first), key->second) & (index->room - 1);

	while (index->values[at] && memcmp(&index->keys[at], key, sizeof(*key)))
		at = (at + 1) & (index->room - 1);
	return at;
}

static void index__grow(struct index *index)
{
	struct index wide = { .room = index->room ? index->room * 2 : 256, .used = index->used };

	wide.keys = calloc(wide.room, sizeof(*wide.keys));
	wide.values = calloc(wide.room, sizeof(*wide.values));
	if (!wide.keys || !wide.values)
		err(4, "out of memory");
	for (size_t i = 0; i < index->room; i++) {
		if (!index->values[i])
			continue;
		size_t at = index__slot(&wide, &index->keys[i]);

		wide.keys[at] = index->keys[i];
		wide.values[at] = index->values[i];
	}
	free(index->keys);
	free(index->values);
	*index = wide;
}

/* Where the value of the key is: 0 if it is new. Valid until the next call. */
static int *index__value(struct index *index, struct key key)
{
	size_t at;

	if (2 * index->used >= index->room)
		index__grow(index);
	at = index__slot(index, &key);
	if (!index->values[at]) {
		index->keys[at] = key;
		index->used++;
	}
	return &index->values[at];
}

static bool is_anon(const struct scan_hit *hit)
{
	return hit->kind == MEM_ANON || hit->kind == MEM_THP || hit->kind == MEM_KSM ||
	       (hit->kind == MEM_HUGETLB && !hit->in_file);
}

static bool is_pinned(const struct scan_hit *hit)
{
	return hit->certain && hit->pins && hit->kind != MEM_KERNEL;
}

size_t scan_view__matches(const struct scan_view *view, size_t hit,
			  const struct evidence_match **first)
{
	const struct evidence *evidence = view->evidence;
	size_t low = 0, high = evidence->match_cnt, cnt = 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (evidence->matches[middle].hit < hit)
			low = middle + 1;
		else
			high = middle;
	}
	*first = evidence->matches + low;
	while (low + cnt < evidence->match_cnt && evidence->matches[low + cnt].hit == hit)
		cnt++;
	return cnt;
}

enum story scan_view__story(const struct scan_view *view, size_t hit)
{
	const struct scan_hit *h = &view->scan->hits[hit];
	const struct evidence_match *match;

	if (!is_pinned(h))
		return STORY_NONE;
	if (view->gone && view->gone[hit])
		return STORY_GONE;
	if (scan_view__matches(view, hit, &match))
		return STORY_MATCHED;
	if (h->mapcount > 0)
		return STORY_MAPPED;
	return is_anon(h) ? STORY_RESIDUE : STORY_FILE;
}

int scan_view__process(struct scan_view *view, uint32_t proc)
{
	const struct evidence_proc *found = &view->evidence->procs[proc];
	struct process *process;

	if (view->process_of[proc])
		return view->process_of[proc] - 1;
	process = snapshot__append(view->snap, &view->snap->processes, &view->snap->process_cnt,
				   sizeof(*process));
	process->pid = found->pid;
	process->start_boot_ns = found->start_boot_ns;
	process->forked_from = -1;
	process->exit_status = -1;
	process->comm = snapshot__str(view->snap, found->comm);
	process->uid = found->uid;
	if (view->describe)
		view->describe(view->snap, process);
	view->process_of[proc] = view->snap->process_cnt;
	return view->snap->process_cnt - 1;
}

const char *scan_view__zone_name(struct scan_view *view, const struct zone *zone)
{
	const char **name = zone ? &view->zone_names[zone - view->zones->list] : NULL;

	if (name && !*name)
		*name = snapshot__str(view->snap, zone->name);
	return name ? *name : NULL;
}

/* Folios with equal keys have the same story. */
static struct key story_key(const struct scan_view *view, size_t hit)
{
	enum story story = scan_view__story(view, hit);
	struct key key = { .what = story };
	const struct evidence_match *match;
	size_t cnt;

	switch (story) {
	case STORY_MATCHED:
		cnt = scan_view__matches(view, hit, &match);
		key.second = cnt;
		for (size_t i = 0; i < cnt; i++)
			key.first = mix(mix(key.first, match[i].proc), match[i].file);
		break;
	case STORY_MAPPED:
		key.first = view->evidence->mapped_by[hit];
		break;
	case STORY_FILE:
		key.first = view->scan->hits[hit].file + 1;
		break;
	default:
		break;
	}
	return key;
}

static int new_group(struct scan_view *view, enum story story)
{
	struct snapshot *snap = view->snap;
	struct group *group =
		snapshot__append(snap, &snap->groups, &snap->group_cnt, sizeof(*group));

	group->state = story == STORY_GONE ? STATE_IN_FLIGHT : STATE_UNATTRIBUTED;
	group->residue = story == STORY_RESIDUE;
	group->owner = group->memory_of = group->kernel_stack = group->user_stack = -1;
	group->through.fd = -1;
	group->mapped_known = story != STORY_MAPPED && story != STORY_MATCHED;
	group->holders_complete = view->evidence->complete;
	return snap->group_cnt;
}

static void add_mapped_by(struct scan_view *view, struct index *index, int at, size_t hit)
{
	const struct evidence_set *set = &view->evidence->sets[view->evidence->mapped_by[hit]];
	struct group *group = &view->snap->groups[at];

	group->mapped_known |= view->evidence->complete || set->cnt;
	for (uint32_t i = 0; i < set->cnt; i++) {
		const struct key key = { 'm', at, set->procs[i] };
		int *known = index__value(index, key), *slot;

		if (*known)
			continue;
		*known = 1;
		slot = snapshot__append(view->snap, &group->mapped_by, &group->mapped_by_cnt,
					sizeof(*slot));
		*slot = scan_view__process(view, set->procs[i]);
	}
}

static int new_memory(struct scan_view *view, struct group *group, const struct scan_hit *hit,
		      const struct zone *zone)
{
	struct memory *part =
		snapshot__append(view->snap, &group->memory, &group->memory_cnt, sizeof(*part));

	part->kind = hit->kind;
	part->folio_bytes = hit_bytes(view, hit);
	part->node = zone ? zone->node : -1;
	part->zone = scan_view__zone_name(view, zone);
	part->cma = zones__is_cma(view->zones, hit->pfn);
	part->first_byte = UINT64_MAX;
	if (hit->file >= 0) {
		const struct scan_file *file = &view->scan->files[hit->file];

		part->file = view->paths[hit->file];
		part->deleted = file->deleted;
		part->dev = file->dev;
		part->ino = file->ino;
		part->file_bytes = file->bytes;
	}
	return group->memory_cnt;
}

static void add_memory(struct scan_view *view, struct index *index, int at,
		       const struct scan_hit *hit)
{
	struct group *group = &view->snap->groups[at];
	const struct zone *zone = zones__find(view->zones, hit->pfn);
	const struct key key = {
		'p' | (uint64_t)hit->kind << 8 | (uint64_t)hit->order << 16 |
			(uint64_t)zones__is_cma(view->zones, hit->pfn) << 24 | (uint64_t)at << 32,
		hit->file + 1,
		zone ? zone - view->zones->list + 1 : 0,
	};
	int *value = index__value(index, key);
	struct memory *part;
	uint64_t first;

	if (!*value)
		*value = new_memory(view, group, hit, zone);
	part = &group->memory[*value - 1];
	part->folios++;
	part->dirty_folios += hit->dirty;
	part->writeback_folios += hit->writeback;
	if (hit->file < 0) {
		part->first_byte = 0;
		return;
	}
	first = hit->index * view->snap->page_size;
	if (first < part->first_byte)
		part->first_byte = first;
	if (first + part->folio_bytes > part->end_byte)
		part->end_byte = first + part->folio_bytes;
}

static void add_to(struct quantity *q, uint64_t pins, uint64_t bytes)
{
	q->pins += pins;
	q->folios++;
	q->bytes += bytes;
}

static void add_hit(struct scan_view *view, struct index *index, size_t at)
{
	const struct scan_hit *hit = &view->scan->hits[at];
	struct snapshot *snap = view->snap;
	int *value, group;

	if (!is_pinned(hit)) {
		if (!hit->certain && hit->pins && hit->kind != MEM_KERNEL)
			add_to(&snap->maybe, 0, hit_bytes(view, hit));
		return;
	}
	value = index__value(index, story_key(view, at));
	if (!*value)
		*value = new_group(view, scan_view__story(view, at));
	group = *value - 1;
	view->group_of[at] = group;
	add_to(&snap->groups[group].q, hit->pins, hit_bytes(view, hit));
	add_to(&snap->pinned, hit->pins, hit_bytes(view, hit));
	snap->groups[group].mapped_folios += hit->mapcount > 0;
	add_mapped_by(view, index, group, at);
	add_memory(view, index, group, hit);
}

static void sort_groups(struct scan_view *view)
{
	cleanup_free int *now = snapshot__sort_groups(view->snap);

	for (size_t i = 0; i < view->scan->hit_cnt; i++)
		if (view->group_of[i] >= 0)
			view->group_of[i] = now[view->group_of[i]];
}

void scan_view__groups(struct scan_view *view)
{
	struct snapshot *snap = view->snap;
	struct index index = {};

	view->group_of = snapshot__alloc(snap, (view->scan->hit_cnt + 1) * sizeof(int));
	view->process_of = snapshot__alloc(snap, (view->evidence->proc_cnt + 1) * sizeof(int));
	view->zone_names =
		snapshot__alloc(snap, (view->zones->cnt + 1) * sizeof(*view->zone_names));
	for (size_t i = 0; i < view->scan->hit_cnt; i++) {
		view->group_of[i] = -1;
		add_hit(view, &index, i);
	}
	free(index.keys);
	free(index.values);
	snap->unattributed = snap->pinned;
	sort_groups(view);
}
