// SPDX-License-Identifier: GPL-2.0-only
/*
 * An upgrade: tracking by other code runs beside ours, and both have seen each pin
 * and release since ours was attached. What its ledger holds beyond that is booked
 * in ours, as inferred: a release in this very moment may leave a pin too many, which
 * the next snapshot finds by struct page and drops.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracker_impl.h"
#include "util.h"

#define OWNERS_MAX 65536
#define SLOTS (GUP_SLOTS + GUP_MORE_SLOTS)

struct import {
	struct tracker *tracker;
	int ledger, more, owners, procs; /* theirs */
	uint32_t *ids;			 /* of ours, by theirs; 0 = none yet */
	uint64_t owner_cnt, pins;	 /* or records */
};

static int map_of(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

/* So that our hooks tell of its exit, too. */
static void take_proc(const struct import *import, const struct gup_owner *owner)
{
	const struct gup_proc_key key = { .tgid = owner->key.tgid,
					  .start_boottime = owner->key.start_boottime };
	struct gup_proc proc;

	if (!bpf_map_lookup_elem(import->procs, &key, &proc))
		bpf_map_update_elem(map_of(import->tracker->skel->maps.procs), &key, &proc,
				    BPF_NOEXIST);
}

/* A new owner in ours like this one; its id, or -errno. */
static int add_owner(struct import *import, struct gup_owner *owner)
{
	const struct track_bpf *skel = import->tracker->skel;
	uint32_t id;

	if (bpf_map_lookup_and_delete_elem(map_of(skel->maps.free_owners), NULL, &id))
		return -errno;
	owner->id = id;
	owner->pinned = owner->released = owner->stale = 0;
	if (bpf_map_update_elem(map_of(skel->maps.owners), &id, owner, BPF_ANY) ||
	    bpf_map_update_elem(map_of(skel->maps.owner_ids), &owner->key, &id, BPF_NOEXIST))
		return -errno;
	take_proc(import, owner);
	import->owner_cnt++;
	return id;
}

/* Stacks stay behind: nobody but the kernel can put one into a map. */
static uint32_t owner_id(struct import *import, uint32_t theirs)
{
	struct gup_owner owner;
	uint32_t id;
	int ret;

	if (theirs >= OWNERS_MAX || bpf_map_lookup_elem(import->owners, &theirs, &owner))
		return 0;
	if (import->ids[theirs])
		return import->ids[theirs];
	owner.key.kstack = owner.key.ustack = -ENOENT;
	ret = bpf_map_lookup_elem(map_of(import->tracker->skel->maps.owner_ids), &owner.key, &id)
		      ? add_owner(import, &owner)
		      : (int)id;
	import->ids[theirs] = ret < 0 ? 0 : ret;
	return import->ids[theirs];
}

static void count_pins(const struct import *import, uint32_t id, uint32_t pins)
{
	int fd = map_of(import->tracker->skel->maps.owners);
	struct gup_owner owner;

	/* Nobody else changes an owner without stacks. */
	if (!bpf_map_lookup_elem(fd, &id, &owner)) {
		owner.pinned += pins;
		bpf_map_update_elem(fd, &id, &owner, BPF_EXIST);
	}
}

/* What their entry holds beyond ours. */
static uint64_t surplus(const struct import *import, uint64_t folio, const struct gup_entry *theirs)
{
	uint64_t booked = theirs->word & GUP_COUNT_MASK;
	struct gup_entry ours;

	if (theirs->word & GUP_DEAD)
		return 0;
	if (tracker__entry(import->tracker, folio, &ours))
		return booked;
	return booked > (ours.word & GUP_COUNT_MASK) ? booked - (ours.word & GUP_COUNT_MASK) : 0;
}

static int book(struct import *import, uint32_t cnt)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct track_bpf *skel = import->tracker->skel;

	skel->bss->request_cnt = cnt;
	return bpf_prog_test_run_opts(bpf_program__fd(skel->progs.import_holds), &opts);
}

/* The holds of one folio that are older than our hooks. */
static int take_entry(struct import *import, uint64_t folio, const struct gup_entry *entry)
{
	uint64_t left = surplus(import, folio, entry);
	struct gup_slot slots[SLOTS] = {};
	uint32_t cnt = 0;

	memcpy(slots, entry->slot, sizeof(entry->slot));
	bpf_map_lookup_elem(import->more, &folio, slots + GUP_SLOTS);
	for (int i = 0; i < SLOTS && left; i++) {
		uint64_t pins = GUP_SLOT_PINS(slots[i].word);
		uint32_t id;

		pins = pins < left ? pins : left;
		if (!pins || slots[i].since >= import->tracker->attach_ns)
			continue;
		id = owner_id(import, GUP_SLOT_OWNER(slots[i].word));
		if (!id)
			continue;
		count_pins(import, id, pins);
		import->tracker->skel->bss->imports[cnt++] =
			(struct gup_import){ folio, slots[i].since, id, pins };
		import->pins += pins;
		left -= pins;
	}
	return cnt ? book(import, cnt) : 0;
}

static int take_all(struct import *import)
{
	struct gup_entry entry;
	uint64_t folio = 0;
	int err = 0;

	for (bool first = true;
	     !err && !bpf_map_get_next_key(import->ledger, first ? NULL : &folio, &folio);
	     first = false)
		if (!bpf_map_lookup_elem(import->ledger, &folio, &entry) &&
		    (entry.word & GUP_COUNT_MASK))
			err = take_entry(import, folio, &entry);
	return err;
}

/* A map of theirs and where its descriptor goes. */
struct left_map {
	const char *name;
	int *fd;
};

static int open_maps(const struct import *import, const struct left_map *maps, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		*maps[i].fd = -1;
	for (size_t i = 0; i < cnt; i++) {
		*maps[i].fd = tracker__pinned_map(import->tracker, maps[i].name);
		if (*maps[i].fd < 0)
			return *maps[i].fd;
	}
	return 0;
}

static void close_maps(const struct left_map *maps, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (*maps[i].fd >= 0)
			close(*maps[i].fd);
}

static void say_taken(const struct import *import, const char *what)
{
	warnx("the tracking pinned in %s is of another version or size: goes on with %llu %s of "
	      "its %llu owners, without their stacks",
	      import->tracker->opts.pin_dir, (unsigned long long)import->pins, what,
	      (unsigned long long)import->owner_cnt);
}

int tracker__import(struct tracker *tracker)
{
	struct import import = { .tracker = tracker };
	const struct left_map maps[] = {
		{ "ledger", &import.ledger },
		{ "more_owners", &import.more },
		{ "owners", &import.owners },
		{ "procs", &import.procs },
	};
	int err;

	if (!tracker->left)
		return 0;
	import.ids = calloc(OWNERS_MAX, sizeof(*import.ids));
	if (!import.ids)
		return -ENOMEM;
	err = open_maps(&import, maps, ARRAY_SIZE(maps));
	if (!err)
		err = take_all(&import);
	close_maps(maps, ARRAY_SIZE(maps));
	free(import.ids);
	if (!err)
		say_taken(&import, "pins");
	return err;
}

/* --- plan call --- */

/* Calls since our hooks are there have records of ours. */
static int add_record(const struct import *import, struct left_calls *left,
		      const struct gup_record_key *key, const struct gup_record *record)
{
	void *more;

	if (record->last_ns >= import->tracker->attach_ns)
		return 0;
	if (!(left->cnt & (left->cnt + 1))) {
		more = reallocarray(left->records, 2 * (left->cnt + 1), sizeof(*left->records));
		if (!more)
			return -ENOMEM;
		left->records = more;
	}
	left->records[left->cnt++] = (struct gup_spill){ *key, *record };
	return 0;
}

static int take_records(const struct import *import, int records, int spills,
			struct left_calls *left)
{
	struct gup_record_key key = {};
	struct gup_record record;
	struct gup_spill spill;
	int err = 0;

	for (bool first = true; !err && !bpf_map_get_next_key(records, first ? NULL : &key, &key);
	     first = false)
		if (!bpf_map_lookup_elem(records, &key, &record))
			err = add_record(import, left, &key, &record);
	while (!err && !bpf_map_lookup_and_delete_elem(spills, NULL, &spill))
		err = add_record(import, left, &spill.key, &spill.record);
	return err;
}

/* Whoever holds nothing any more is forgotten later, as ever. */
static void take_owners(struct import *import)
{
	int ids = tracker__pinned_map(import->tracker, "owner_ids");
	struct gup_owner_key key = {};
	uint32_t id;

	for (bool first = true; ids >= 0 && !bpf_map_get_next_key(ids, first ? NULL : &key, &key);
	     first = false)
		if (!bpf_map_lookup_elem(ids, &key, &id))
			owner_id(import, id);
	if (ids >= 0)
		close(ids);
}

/* What was found at scans, if anything was; its form may be another. */
static void take_kept(const struct tracker *tracker, struct left_calls *left)
{
	int err = tracker__kept_before(tracker, &left->kept, &left->kept_bytes);

	if (err == -ENOENT || (!err && tracker->left_kept))
		return;
	free(left->kept);
	left->kept = NULL;
	warnx("what the tracking pinned in %s had found at its scans cannot be read: those pins "
	      "become unattributed",
	      tracker->opts.pin_dir);
}

int tracker__import_calls(struct tracker *tracker, struct left_calls *left)
{
	struct import import = { .tracker = tracker };
	int records, spills, err;
	const struct left_map maps[] = {
		{ "records", &records },
		{ "spills", &spills },
		{ "owners", &import.owners },
		{ "procs", &import.procs },
	};

	*left = (struct left_calls){};
	if (!tracker->left)
		return 0;
	import.ids = left->ids = calloc(OWNERS_MAX, sizeof(*import.ids));
	left->id_cnt = OWNERS_MAX;
	if (!import.ids)
		return -ENOMEM;
	err = open_maps(&import, maps, ARRAY_SIZE(maps));
	if (!err)
		take_owners(&import);
	if (!err)
		err = take_records(&import, records, spills, left);
	close_maps(maps, ARRAY_SIZE(maps));
	import.pins = left->cnt;
	if (!err)
		say_taken(&import, "records");
	if (!err)
		take_kept(tracker, left);
	return err;
}

void tracker__left_free(struct left_calls *left)
{
	free(left->records);
	free(left->kept);
	free(left->ids);
	*left = (struct left_calls){};
}
