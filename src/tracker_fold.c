// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes room among plan core's owners. They are kept for the balance of the sites when
 * all they pinned is released, but of a process that has ended only the counts matter:
 * they are added to those of an heir, the first such owner, that from then on stands for
 * all with the same function, flags and kernel stack, and in or out of the command under
 * test. What is known of their releases and errors goes along, and their ids are free.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gone.h"
#include "tracker_impl.h"
#include "util.h"

#define REST_NS 2000000000ULL
#define HEIR_TGID UINT32_MAX /* no process has it */

struct fold {
	struct tracker *tracker;
	bool used[TRACKER_OWNERS_END];
	uint32_t heirs[TRACKER_OWNERS_END]; /* by id of who gives way; 0 = nobody's */
};

static int fd_of(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

/* Its counts may still change, or somebody will ask for it. */
static bool is_used(const struct gup_owner *owner)
{
	return owner->pinned != owner->released + owner->stale || owner->key.tgid == HEIR_TGID;
}

static struct gup_owner_key heir_key(const struct gup_owner *owner)
{
	return (struct gup_owner_key){
		.tgid = HEIR_TGID,
		.start_boottime = owner->in_tree,
		.api = owner->key.api,
		.flags = owner->key.flags,
		.kstack = owner->key.kstack,
		.ustack = -1,
	};
}

/* The first of its kind, where it stands, so that no room is needed; its sites stay its own. */
static int become_heir(const struct tracker *tracker, const struct gup_owner *owner)
{
	int ids = fd_of(tracker->skel->maps.owner_ids);
	struct gup_owner heir = *owner;

	heir.key = heir_key(owner);
	if (bpf_map_delete_elem(ids, &owner->key) ||
	    bpf_map_update_elem(fd_of(tracker->skel->maps.owners), &owner->id, &heir, BPF_ANY) ||
	    bpf_map_update_elem(ids, &heir.key, &owner->id, BPF_NOEXIST))
		return -errno;
	return 0;
}

static int hand_over_counts(struct fold *fold, const struct gup_owner *owner, uint32_t id)
{
	int fd = fd_of(fold->tracker->skel->maps.owners);
	struct gup_owner heir;

	if (bpf_map_lookup_elem(fd, &id, &heir))
		return -errno;
	heir.calls += owner->calls;
	heir.short_calls += owner->short_calls;
	heir.failed_calls += owner->failed_calls;
	heir.pages_asked += owner->pages_asked;
	heir.pinned += owner->pinned;
	heir.released += owner->released;
	heir.stale += owner->stale;
	if (owner->last_ns > heir.last_ns)
		heir.last_ns = owner->last_ns;
	if (bpf_map_update_elem(fd, &id, &heir, BPF_ANY))
		return -errno;
	fold->heirs[owner->id] = id;
	return 0;
}

static int hand_over_sites(const struct fold *fold)
{
	int fd = fd_of(fold->tracker->skel->maps.sites);
	cleanup_free struct site_item *sites = NULL;
	size_t cnt;
	int err = tracker__sites(fold->tracker, &sites, &cnt);

	for (size_t i = 0; i < cnt && !err; i++) {
		struct gup_site_key key = sites[i].key;
		struct gup_site_cnt sum = {};

		if (key.owner >= TRACKER_OWNERS_END || !fold->heirs[key.owner])
			continue;
		key.owner = fold->heirs[key.owner];
		bpf_map_delete_elem(fd, &sites[i].key);
		bpf_map_lookup_elem(fd, &key, &sum);
		sum.calls += sites[i].cnt.calls;
		sum.pages += sites[i].cnt.pages;
		err = bpf_map_update_elem(fd, &key, &sum, BPF_ANY);
	}
	return err;
}

static int hand_over_errs(const struct fold *fold)
{
	int fd = fd_of(fold->tracker->skel->maps.errs);
	cleanup_free struct err_item *errs = NULL;
	size_t cnt;
	int err = tracker__errs(fold->tracker, &errs, &cnt);

	for (size_t i = 0; i < cnt && !err; i++) {
		struct gup_err_key key = errs[i].key;
		uint64_t sum = 0;

		if (key.owner >= TRACKER_OWNERS_END || !fold->heirs[key.owner])
			continue;
		key.owner = fold->heirs[key.owner];
		bpf_map_delete_elem(fd, &errs[i].key);
		bpf_map_lookup_elem(fd, &key, &sum);
		sum += errs[i].cnt;
		err = bpf_map_update_elem(fd, &key, &sum, BPF_ANY);
	}
	return err;
}

/* Puts those first whose counts others have now; how many, or -errno. */
static int find_heirs(struct fold *fold, struct gup_owner *owners, size_t gone)
{
	int given = 0, err;

	for (size_t i = 0; i < gone; i++) {
		struct gup_owner owner = owners[i];
		struct gup_owner_key key = heir_key(&owner);
		uint32_t id;

		if (bpf_map_lookup_elem(fd_of(fold->tracker->skel->maps.owner_ids), &key, &id)) {
			err = become_heir(fold->tracker, &owner);
		} else {
			err = hand_over_counts(fold, &owner, id);
			owners[i] = owners[given];
			owners[given++] = owner;
		}
		if (err)
			return err;
	}
	return given;
}

/* A thread that was at a site of an owner last has counted its releases only in part. */
static int mark_used(struct fold *fold, const struct gup_owner *owners, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		fold->used[owners[i].id] = is_used(&owners[i]);
	return tracker__mark_releasing(fold->tracker, fold->used);
}

static int fold_gone(struct fold *fold, uint64_t before_ns)
{
	struct tracker *tracker = fold->tracker;
	cleanup_free struct gup_owner *owners = NULL;
	cleanup_free struct proc_item *procs = NULL;
	size_t cnt, proc_cnt, gone;
	int given, err = tracker__owners(tracker, &owners, &cnt);

	if (!err)
		err = tracker__procs(tracker, &procs, &proc_cnt);
	if (!err)
		err = mark_used(fold, owners, cnt);
	if (err)
		return err;
	gone = gone__owners(owners, cnt, procs, proc_cnt, fold->used, ARRAY_SIZE(fold->used),
			    before_ns);
	given = find_heirs(fold, owners, gone);
	err = given < 0 ? given : hand_over_sites(fold);
	if (!err)
		err = hand_over_errs(fold);
	if (!err)
		err = tracker__forget_owners(tracker, owners, given, cnt);
	gone = err ? 0 : gone__procs(procs, proc_cnt, owners + given, cnt - given, before_ns);
	for (size_t i = 0; i < gone; i++)
		tracker__forget_proc(tracker, &procs[i].key);
	return err;
}

int tracker__fold(struct tracker *tracker)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	struct fold *fold;
	int err;

	if (now < tracker->folded_ns + REST_NS)
		return 0;
	tracker->folded_ns = now;
	if (tracker__owner_cnt(tracker) < TRACKER_OWNERS_END / 4)
		return 0;
	fold = calloc(1, sizeof(*fold));
	if (!fold)
		return -ENOMEM;
	fold->tracker = tracker;
	err = fold_gone(fold, now - REST_NS);
	free(fold);
	return err;
}
