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
	struct site_item *sites;
	struct err_item *errs;
	size_t site_cnt, err_cnt;
	bool used[TRACKER_OWNERS_END];
	uint32_t heirs[TRACKER_OWNERS_END]; /* by id of who gives way; 0 = nobody's */
};

static int fd_of(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

/* Its counts may still change, or somebody will ask for it. */
static bool is_used(const struct tracker *tracker, const struct gup_owner *owner)
{
	return owner->pinned != owner->released + owner->stale || owner->key.tgid == HEIR_TGID ||
	       owner->key.tgid == tracker->tested_by;
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
static void become_heir(const struct tracker *tracker, const struct gup_owner *owner)
{
	int ids = fd_of(tracker->skel->maps.owner_ids);
	struct gup_owner heir = *owner;

	heir.key = heir_key(owner);
	heir.mm_tgid = heir.mm_in_tree = 0;
	bpf_map_update_elem(fd_of(tracker->skel->maps.owners), &owner->id, &heir, BPF_ANY);
	bpf_map_delete_elem(ids, &owner->key);
	bpf_map_update_elem(ids, &heir.key, &owner->id, BPF_ANY);
}

static void hand_over_counts(struct fold *fold, const struct gup_owner *owner, uint32_t id)
{
	int fd = fd_of(fold->tracker->skel->maps.owners);
	struct gup_owner heir = {};

	bpf_map_lookup_elem(fd, &id, &heir);
	heir.calls += owner->calls;
	heir.short_calls += owner->short_calls;
	heir.failed_calls += owner->failed_calls;
	heir.pages_asked += owner->pages_asked;
	heir.pinned += owner->pinned;
	heir.released += owner->released;
	heir.stale += owner->stale;
	if (owner->last_ns > heir.last_ns)
		heir.last_ns = owner->last_ns;
	bpf_map_update_elem(fd, &id, &heir, BPF_ANY);
	fold->heirs[owner->id] = id;
}

/* A program may take the place that was freed: these are lost then, and counted as others that find none. */
static void hand_over_sites(struct fold *fold)
{
	int fd = fd_of(fold->tracker->skel->maps.sites);

	for (size_t i = 0; i < fold->site_cnt; i++) {
		struct gup_site_key key = fold->sites[i].key;
		struct gup_site_cnt sum = {};

		if (key.owner >= TRACKER_OWNERS_END || !fold->heirs[key.owner])
			continue;
		key.owner = fold->heirs[key.owner];
		bpf_map_delete_elem(fd, &fold->sites[i].key);
		bpf_map_lookup_elem(fd, &key, &sum);
		sum.calls += fold->sites[i].cnt.calls;
		sum.pages += fold->sites[i].cnt.pages;
		if (bpf_map_update_elem(fd, &key, &sum, BPF_ANY))
			fold->tracker->sites_lost += fold->sites[i].cnt.pages;
	}
}

static void hand_over_errs(struct fold *fold)
{
	int fd = fd_of(fold->tracker->skel->maps.errs);

	for (size_t i = 0; i < fold->err_cnt; i++) {
		struct gup_err_key key = fold->errs[i].key;
		uint64_t sum = 0;

		if (key.owner >= TRACKER_OWNERS_END || !fold->heirs[key.owner])
			continue;
		key.owner = fold->heirs[key.owner];
		bpf_map_delete_elem(fd, &fold->errs[i].key);
		bpf_map_lookup_elem(fd, &key, &sum);
		sum += fold->errs[i].cnt;
		if (bpf_map_update_elem(fd, &key, &sum, BPF_ANY))
			fold->tracker->sites_lost += fold->errs[i].cnt;
	}
}

/* Puts those first whose counts others have now; how many. */
static size_t find_heirs(struct fold *fold, struct gup_owner *owners, size_t gone)
{
	size_t given = 0;

	for (size_t i = 0; i < gone; i++) {
		struct gup_owner owner = owners[i];
		struct gup_owner_key key = heir_key(&owner);
		uint32_t id;

		if (bpf_map_lookup_elem(fd_of(fold->tracker->skel->maps.owner_ids), &key, &id)) {
			become_heir(fold->tracker, &owner);
		} else {
			hand_over_counts(fold, &owner, id);
			owners[i] = owners[given];
			owners[given++] = owner;
		}
	}
	return given;
}

/* A thread that was at a site of an owner last has counted its releases only in part. */
static int mark_used(struct fold *fold, const struct gup_owner *owners, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		fold->used[owners[i].id] = is_used(fold->tracker, &owners[i]);
	return tracker__mark_releasing(fold->tracker, fold->used);
}

/* All that can fail comes first: half a fold would count twice in the next one. */
static int read_all(struct fold *fold, const struct gup_owner *owners, size_t cnt)
{
	int err = mark_used(fold, owners, cnt);

	if (!err)
		err = tracker__sites(fold->tracker, &fold->sites, &fold->site_cnt);
	if (!err)
		err = tracker__errs(fold->tracker, &fold->errs, &fold->err_cnt);
	return err;
}

static int fold_gone(struct fold *fold, uint64_t before_ns)
{
	struct tracker *tracker = fold->tracker;
	cleanup_free struct gup_owner *owners = NULL;
	cleanup_free struct proc_item *procs = NULL;
	size_t cnt, proc_cnt, gone, given;
	int err = tracker__owners(tracker, &owners, &cnt);

	if (!err)
		err = tracker__procs(tracker, &procs, &proc_cnt);
	if (!err)
		err = read_all(fold, owners, cnt);
	if (err)
		return err;
	gone = gone__owners(owners, cnt, procs, proc_cnt, fold->used, ARRAY_SIZE(fold->used),
			    before_ns);
	given = find_heirs(fold, owners, gone);
	hand_over_sites(fold);
	hand_over_errs(fold);
	err = tracker__forget_owners(tracker, owners, given, cnt);
	gone = gone__procs(procs, proc_cnt, owners + given, cnt - given, before_ns);
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
	free(fold->sites);
	free(fold->errs);
	free(fold);
	return err;
}
