// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes owners and processes that are gone out of the tracker's maps, see gone.h.
 *
 * Owners of a process that lives are retired first: no call finds them any more, but
 * for one that goes on behind a record of theirs. Their ids are free for others when
 * all calls that had found them before must have ended, and none has left a record.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "tracker_impl.h"
#include "util.h"

#define RETIRED_NS 10000000000ULL

static int by_id(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Kernel stacks are as many as there are ways through the kernel; user stacks are new in each process. */
static void forget_stack(const struct tracker *tracker, int id)
{
	const struct bpf_map *map = id & GUP_STACK_MORE ? tracker->skel->maps.ustacks_more
							: tracker->skel->maps.ustacks;
	int key = id & ~GUP_STACK_MORE;

	bpf_map_delete_elem(bpf_map__fd(map), &key);
}

static int free_id(const struct tracker *tracker, uint32_t id)
{
	const struct gup_owner none = {};
	int err = bpf_map_update_elem(bpf_map__fd(tracker->skel->maps.owners), &id, &none, BPF_ANY);

	return err ? err
		   : bpf_map_update_elem(bpf_map__fd(tracker->skel->maps.free_owners), NULL, &id,
					 BPF_ANY);
}

/* The user stacks of owners, sorted; malloc'ed. */
static int *stacks_of(const struct gup_owner *owners, size_t cnt)
{
	int *stacks = malloc((cnt + 1) * sizeof(*stacks));

	for (size_t i = 0; stacks && i < cnt; i++)
		stacks[i] = owners[i].key.ustack;
	if (stacks)
		qsort(stacks, cnt, sizeof(*stacks), by_id);
	return stacks;
}

static void forget_unshared(const struct tracker *tracker, int ustack, const int *kept, size_t cnt)
{
	if (ustack >= 0 && !bsearch(&ustack, kept, cnt, sizeof(*kept), by_id))
		forget_stack(tracker, ustack);
}

int tracker__forget_owners(struct tracker *tracker, const struct gup_owner *owners, size_t gone,
			   size_t cnt)
{
	cleanup_free int *kept = stacks_of(owners + gone, cnt - gone);
	int err = 0;

	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < gone && !err; i++) {
		err = bpf_map_delete_elem(bpf_map__fd(tracker->skel->maps.owner_ids),
					  &owners[i].key);
		if (!err)
			err = free_id(tracker, owners[i].id);
		forget_unshared(tracker, owners[i].key.ustack, kept, cnt - gone);
	}
	return err;
}

static int add_retired(struct tracker *tracker, uint32_t id)
{
	/* Programs that remember an owner look again. */
	tracker->skel->bss->owners_epoch++;
	struct retired *more =
		reallocarray(tracker->retired, tracker->retired_cnt + 1, sizeof(*tracker->retired));

	if (!more)
		return -ENOMEM;
	tracker->retired = more;
	tracker->retired[tracker->retired_cnt++] =
		(struct retired){ id, clock_ns(CLOCK_MONOTONIC) };
	return 0;
}

int tracker__retire_owners(struct tracker *tracker, const struct gup_owner *owners, size_t cnt)
{
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++) {
		err = bpf_map_delete_elem(bpf_map__fd(tracker->skel->maps.owner_ids),
					  &owners[i].key);
		if (!err)
			err = add_retired(tracker, owners[i].id);
	}
	return err;
}

/* Is it what a call finds for its key? Then it is not retired. */
static bool is_findable(const struct tracker *tracker, const struct gup_owner *owner)
{
	uint32_t id;

	return !bpf_map_lookup_elem(bpf_map__fd(tracker->skel->maps.owner_ids), &owner->key, &id) &&
	       id == owner->id;
}

int tracker__find_retired(struct tracker *tracker)
{
	struct gup_owner owner;
	int err = 0;

	for (uint32_t id = 1; id < TRACKER_OWNERS_END && !err; id++)
		if (!bpf_map_lookup_elem(bpf_map__fd(tracker->skel->maps.owners), &id, &owner) &&
		    owner.key.tgid && !is_findable(tracker, &owner))
			err = add_retired(tracker, id);
	return err;
}

/* False: it stays retired. */
static bool settle(const struct tracker *tracker, const struct gup_owner *owner, bool used,
		   const int *kept, size_t cnt)
{
	if (is_findable(tracker, owner))
		return true;
	if (used)
		return !bpf_map_update_elem(bpf_map__fd(tracker->skel->maps.owner_ids), &owner->key,
					    &owner->id, BPF_NOEXIST);
	forget_unshared(tracker, owner->key.ustack, kept, cnt);
	return !free_id(tracker, owner->id);
}

int tracker__free_retired(struct tracker *tracker, const struct gup_owner *owners, size_t cnt,
			  const bool used[TRACKER_OWNERS_END])
{
	cleanup_free int *kept = tracker->retired_cnt ? stacks_of(owners, cnt) : NULL;
	size_t left = 0;

	if (!tracker->retired_cnt)
		return 0;
	if (!kept)
		return -ENOMEM;
	for (size_t i = 0; i < tracker->retired_cnt; i++) {
		struct retired retired = tracker->retired[i];
		struct gup_owner owner;

		if (retired.ns + RETIRED_NS > clock_ns(CLOCK_MONOTONIC) ||
		    bpf_map_lookup_elem(bpf_map__fd(tracker->skel->maps.owners), &retired.id,
					&owner) ||
		    !settle(tracker, &owner, used[retired.id], kept, cnt))
			tracker->retired[left++] = retired;
	}
	tracker->retired_cnt = left;
	return 0;
}

void tracker__forget_proc(struct tracker *tracker, const struct gup_proc_key *key)
{
	bpf_map_delete_elem(bpf_map__fd(tracker->skel->maps.procs), key);
}
