// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups and totals from the ledger: every entry is held against its struct
 * page first, so that what is reported as pinned is what the kernel holds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot_impl.h"
#include "util.h"

#define RECONCILE_TRIES 3
#define RECONCILE_US 10000
#define PLAIN_REFS_MAX 64 /* references beside pins up to which a small page's surplus is certain */

enum match { MATCH, SURPLUS, STALE, MAYBE, PUT_PAGE };

/*
 * Struct page against the ledger. For a small page 1,024 plain references look
 * like a pin: what mappings and the page cache explain is taken off first, and
 * a surplus is certain only when little is left beside it.
 */
static enum match compare(const struct ledger_item *item, uint64_t *extra)
{
	uint64_t booked = item->entry.word & GUP_COUNT_MASK, truth = truth_pins_of(&item->truth);
	const struct gup_truth *t = &item->truth;
	long rest;

	*extra = missing_references(item);
	if (*extra)
		return PUT_PAGE;
	if (truth < booked) {
		*extra = booked - truth;
		return STALE;
	}
	if (truth == booked)
		return MATCH;
	if (t->large) {
		*extra = truth - booked;
		return SURPLUS;
	}
	rest = t->refcount - (long)booked * GUP_BIAS - t->mapcount -
	       (t->kind == GUP_FOLIO_FILE || t->kind == GUP_FOLIO_SHMEM ? 2 : 0);
	if (rest < GUP_BIAS - 2)
		return MATCH;
	*extra = (rest + 2) / GUP_BIAS;
	return (rest + 2) % GUP_BIAS <= PLAIN_REFS_MAX ? SURPLUS : MAYBE;
}

struct verdict {
	enum match match;
	uint64_t extra;
	bool settled;
};

static bool is_plain(enum match match)
{
	return match == MATCH || match == MAYBE;
}

/* Reads a folio that differed again; settled when it says the same with its entry unchanged. */
static void look_again(struct take *take, struct ledger_item *item, struct verdict *verdict)
{
	uint64_t word = item->entry.word;

	if (tracker__entry(take->tracker, item->folio, &item->entry)) {
		item->entry.word = 0;
		*verdict = (struct verdict){ MATCH, 0, true };
		return;
	}
	if (tracker__truth(take->tracker, &item->truth, 1))
		return;
	verdict->match = compare(item, &verdict->extra);
	verdict->settled = item->entry.word == word || is_plain(verdict->match);
}

/*
 * A difference counts only if two readings 10 ms apart show it with the entry
 * unchanged. All that differ wait together: there may be a hundred thousand.
 */
static void settle(struct take *take, struct ledger_item *items, size_t cnt,
		   struct verdict *verdicts)
{
	bool pending = false;

	for (size_t i = 0; i < cnt; i++) {
		verdicts[i].match = compare(&items[i], &verdicts[i].extra);
		verdicts[i].settled = is_plain(verdicts[i].match);
		pending |= !verdicts[i].settled;
	}
	for (int round = 0; round < RECONCILE_TRIES && pending; round++) {
		usleep(RECONCILE_US);
		pending = false;
		for (size_t i = 0; i < cnt; i++) {
			if (!verdicts[i].settled)
				look_again(take, &items[i], &verdicts[i]);
			pending |= !verdicts[i].settled;
		}
	}
}

static bool same_group(const struct gup_owner *a, const struct gup_owner *b)
{
	return a->key.tgid == b->key.tgid && a->key.start_boottime == b->key.start_boottime &&
	       a->key.mm == b->key.mm && a->key.api == b->key.api && a->key.flags == b->key.flags &&
	       a->key.kstack == b->key.kstack && a->key.file == b->key.file;
}

static const char *syscall_name(int nr)
{
	static const struct {
		int nr;
		const char *name;
	} names[] = {
		{ 0, "read" },
		{ 1, "write" },
		{ 16, "ioctl" },
		{ 17, "pread64" },
		{ 18, "pwrite64" },
		{ 19, "readv" },
		{ 20, "writev" },
		{ 40, "sendfile" },
		{ 44, "sendto" },
		{ 45, "recvfrom" },
		{ 46, "sendmsg" },
		{ 47, "recvmsg" },
		{ 54, "setsockopt" },
		{ 209, "io_submit" },
		{ 295, "preadv" },
		{ 296, "pwritev" },
		{ 310, "process_vm_readv" },
		{ 311, "process_vm_writev" },
		{ 327, "preadv2" },
		{ 328, "pwritev2" },
		{ 425, "io_uring_setup" },
		{ 426, "io_uring_enter" },
		{ 427, "io_uring_register" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].nr == nr)
			return names[i].name;
	return NULL;
}

static void fill_through(struct take *take, struct group *group, const struct gup_owner *owner)
{
	const struct gup_file *f = &owner->file;
	struct file_facts facts = {
		.mode = f->mode,
		.dev = f->dev,
		.ino = f->ino,
		.rdev = f->rdev,
	};
	char path[256];

	group->through.syscall = syscall_name(f->syscall);
	group->through.fd = f->fd;
	if (!f->file)
		return;
	snprintf(facts.name, sizeof(facts.name), "%.*s", GUP_NAME_LEN, f->name);
	group->through.known = true;
	group->through.kind = file_kind(&facts);
	if (!strcmp(group->through.kind, "socket") && owner->key.api == GUP_API_PIN_USER_PAGES)
		group->through.kind = "xdp";
	if (!file_path(&facts, path, sizeof(path)))
		group->through.path = snapshot__str(take->snap, path);
}

static int new_group(struct take *take, const struct gup_owner *owner)
{
	const struct kernel_facts *facts = tracker__facts(take->tracker);
	struct snapshot *snap = take->snap;
	struct group *group =
		snapshot__append(snap, &snap->groups, &snap->group_cnt, sizeof(*group));

	group->state = STATE_HELD;
	group->owner = take__process(take, owner->key.tgid, owner->key.start_boottime);
	group->owner_basis = BASIS_RECORDED;
	group->memory_of = -1;
	if (owner->mm_tgid && owner->mm_tgid != owner->key.tgid)
		group->memory_of = take__living(take, owner->mm_tgid);
	group->api = owner->key.api < API_CNT ? owner->key.api : API_UNKNOWN;
	group->flags = kernel_facts__pin_flags(facts, owner->key.flags, group->memory_of >= 0);
	group->kernel_stack = take__kernel_stack(take, owner);
	group->user_stack = take__user_stack(take, owner);
	group->owner_id = owner->id;
	fill_through(take, group, owner);
	return snap->group_cnt - 1;
}

/* The group of an owner; owners that differ in their user stack alone share one. */
static int group_of(struct take *take, int owner)
{
	if (take->notes[owner].group >= 0)
		return take->notes[owner].group;
	for (size_t i = 0; i < take->owner_cnt; i++)
		if (take->notes[i].group >= 0 && same_group(&take->owners[i], &take->owners[owner]))
			return take->notes[owner].group = take->notes[i].group;
	return take->notes[owner].group = new_group(take, &take->owners[owner]);
}

static int unattributed_group(struct take *take)
{
	struct snapshot *snap = take->snap;
	struct group *group;

	for (size_t i = 0; i < snap->group_cnt; i++)
		if (snap->groups[i].state == STATE_UNATTRIBUTED)
			return i;
	group = snapshot__append(snap, &snap->groups, &snap->group_cnt, sizeof(*group));
	group->state = STATE_UNATTRIBUTED;
	group->owner = group->memory_of = group->kernel_stack = group->user_stack = -1;
	group->through.fd = -1;
	return snap->group_cnt - 1;
}

/* 0 = unknown. */
static uint64_t pfn_of(const struct take *take, uint64_t folio)
{
	uint64_t bytes = tracker__facts(take->tracker)->page_struct_bytes;

	return take->vmemmap && bytes ? (folio - take->vmemmap) / bytes : 0;
}

static const struct zone *zone_of(const struct take *take, uint64_t folio)
{
	uint64_t pfn = pfn_of(take, folio);

	return pfn ? zones__find(&take->zones, pfn) : NULL;
}

static enum mem_kind mem_kind(const struct take *take, const struct gup_truth *truth)
{
	static const enum mem_kind kinds[] = {
		[GUP_FOLIO_OTHER] = MEM_KERNEL,	   [GUP_FOLIO_ANON] = MEM_ANON,
		[GUP_FOLIO_KSM] = MEM_KSM,	   [GUP_FOLIO_SHMEM] = MEM_SHMEM,
		[GUP_FOLIO_HUGETLB] = MEM_HUGETLB, [GUP_FOLIO_FILE] = MEM_FILE,
	};

	if (zone__is_device(zone_of(take, truth->folio)))
		return truth->kind == GUP_FOLIO_FILE && *truth->name ? MEM_FSDAX : MEM_DEVICE;
	if (truth->kind >= ARRAY_SIZE(kinds))
		return MEM_UNKNOWN;
	return truth->kind == GUP_FOLIO_ANON && truth->order >= 9 ? MEM_THP : kinds[truth->kind];
}

static void add_memory(struct take *take, struct group *group, const struct folio_facts *folio)
{
	const struct zone *zone = zone_of(take, folio->address);
	uint64_t bytes = take->snap->page_size << folio->order;
	const char *file = folio->file ? folio->file : "";
	const char *zone_name = zone ? zone->name : NULL;
	bool cma = zones__is_cma(&take->zones, pfn_of(take, folio->address));
	int node = zone ? zone->node : -1;
	struct memory *part;

	for (size_t i = 0; i < group->memory_cnt; i++) {
		part = &group->memory[i];
		if (part->kind == folio->kind && part->folio_bytes == bytes && part->node == node &&
		    part->cma == cma &&
		    !strcmp(part->zone ? part->zone : "", zone_name ? zone_name : "") &&
		    !strcmp(part->file ? part->file : "", file)) {
			part->folios++;
			return;
		}
	}
	part = snapshot__append(take->snap, &group->memory, &group->memory_cnt, sizeof(*part));
	part->kind = folio->kind;
	part->folio_bytes = bytes;
	part->folios = 1;
	part->node = node;
	part->cma = cma;
	part->zone = snapshot__str(take->snap, zone_name);
	part->file = file[0] ? snapshot__str(take->snap, file) : NULL;
}

static void add_to(struct quantity *q, uint64_t pins, uint64_t bytes)
{
	q->pins += pins;
	q->folios++;
	q->bytes += bytes;
}

static void add_hold(struct take *take, int index, const struct folio_facts *folio,
		     const struct claim *claim, bool shared)
{
	struct group *group = &take->snap->groups[index];
	uint64_t since = claim->since;

	add_to(&group->q, claim->pins, take->snap->page_size << folio->order);
	/* Monotonic until all are in: see date_groups(). */
	if (since && (!group->oldest_ns || since < group->oldest_ns))
		group->oldest_ns = since;
	if (since > group->newest_ns)
		group->newest_ns = since;
	if (folio->mapcount > 0)
		group->mapped_folios++;
	group->shares_folios |= shared;
	if (claim->inferred)
		group->owner_basis = BASIS_INFERRED;
	add_memory(take, group, folio);
}

/* Slots of an entry, its own and those beyond. */
static size_t claims_of(const struct ledger_item *item,
			struct claim out[GUP_SLOTS + GUP_MORE_SLOTS])
{
	bool inferred = item->entry.notes & GUP_ENTRY_INFERRED;
	size_t cnt = 0;

	for (int i = 0; i < GUP_SLOTS + (item->has_more ? GUP_MORE_SLOTS : 0); i++) {
		const struct gup_slot *slot =
			i < GUP_SLOTS ? &item->entry.slot[i] : &item->more.slot[i - GUP_SLOTS];

		if (GUP_SLOT_PINS(slot->word))
			out[cnt++] = (struct claim){
				.owner = GUP_SLOT_OWNER(slot->word),
				.pins = GUP_SLOT_PINS(slot->word),
				.since = slot->since,
				.inferred = inferred,
			};
	}
	return cnt;
}

/* A copy in the snapshot, unless the one before will do: most folios in a row are alike. */
static const char *copy_of(struct snapshot *snap, const char *name, const char *before)
{
	return name && before && !strcmp(name, before) ? before : snapshot__str(snap, name);
}

/* A folio of several groups names the first. */
static void add_page(struct take *take, const struct folio_facts *folio, uint64_t pins, int group)
{
	const struct zone *zone = zone_of(take, folio->address);
	uint64_t pfn = pfn_of(take, folio->address);
	struct snapshot *snap = take->snap;
	struct page_info *page, before = {};

	if (!pfn)
		return;
	if (snap->page_cnt)
		before = snap->pages[snap->page_cnt - 1];
	page = snapshot__append(snap, &snap->pages, &snap->page_cnt, sizeof(*page));
	page->pfn = pfn;
	page->folio_bytes = snap->page_size << folio->order;
	page->pins = pins;
	page->certain = true;
	page->refcount = folio->refcount;
	page->mapcount = folio->mapcount;
	page->kind = folio->kind;
	page->node = zone ? zone->node : -1;
	page->zone = copy_of(snap, zone ? zone->name : NULL, before.zone);
	page->group = group;
	page->file = copy_of(snap, folio->file, before.file);
	page->offset = folio->offset;
}

void take__folio(struct take *take, const struct folio_facts *folio, const struct claim *claims,
		 size_t cnt, uint64_t pins)
{
	uint64_t bytes = take->snap->page_size << folio->order, named = 0, other = 0;
	bool all = !take->opts->tree_only && !take->opts->pid;
	int first = -1, group; /* of its groups */

	for (size_t i = 0; i < cnt; i++) {
		struct claim claim = claims[i];
		int owner = claim.owner < take->id_cnt ? take->by_id[claim.owner] : -1;

		if (owner < 0)
			continue;
		if (claim.pins > pins - named - other)
			claim.pins = pins - named - other;
		if (!claim.pins)
			break;
		if (take->notes[owner].selected) {
			named += claim.pins;
			group = group_of(take, owner);
			add_hold(take, group, folio, &claim, cnt > 1);
			first = first < 0 ? group : first;
			continue;
		}
		other += claim.pins;
		/* Work done on the memory of CMD's tree by others, not reported otherwise. */
		if (take->opts->tree_only && take->owners[owner].mm_in_tree)
			add_to(&take->snap->other_for_cmd, claim.pins, bytes);
	}
	if (named)
		add_to(&take->snap->attributed, named, bytes);
	if (pins > named + other && all) {
		struct claim nobody = { .pins = pins - named - other };

		group = unattributed_group(take);
		add_hold(take, group, folio, &nobody, cnt > 0);
		first = first < 0 ? group : first;
		add_to(&take->snap->unattributed, nobody.pins, bytes);
	}
	if (!named && !(pins > other && all))
		return;
	add_to(&take->snap->pinned, named ? pins - other : pins, bytes);
	if (take->opts->pages)
		add_page(take, folio, named ? pins - other : pins, first);
}

static void add_folio(struct take *take, const struct ledger_item *item, uint64_t pins)
{
	struct claim claims[GUP_SLOTS + GUP_MORE_SLOTS];
	size_t cnt = claims_of(item, claims);
	struct folio_facts folio = {
		.address = item->folio,
		.order = item->truth.order,
		.kind = mem_kind(take, &item->truth),
		.refcount = item->truth.refcount,
		.mapcount = item->truth.mapcount,
	};

	if (folio.kind == MEM_FILE || folio.kind == MEM_FSDAX || folio.kind == MEM_SHMEM ||
	    folio.kind == MEM_HUGETLB) {
		folio.file = item->truth.name;
		folio.offset = item->truth.index * take->snap->page_size;
	}
	take__folio(take, &folio, claims, cnt, pins);
}

static void put_page_wrong(struct take *take, const struct ledger_item *item, uint64_t pins)
{
	uint32_t id = GUP_SLOT_OWNER(item->entry.slot[0].word);
	int owner = id < take->id_cnt ? take->by_id[id] : -1, process = -1;

	if (owner >= 0 && !take->notes[owner].selected)
		return;
	if (owner >= 0)
		process = take__process(take, take->owners[owner].key.tgid,
					take->owners[owner].key.start_boottime);
	take__wrong(take, WRONG_PUT_PAGE, pins, "put_page", process);
}

static void reconcile(struct take *take, struct ledger_item *item, const struct verdict *verdict)
{
	struct snapshot *snap = take->snap;
	enum match match = verdict->match;
	uint64_t extra = verdict->extra, booked;

	if (!verdict->settled) {
		snap->checks.in_motion++;
		return;
	}
	booked = item->entry.word & GUP_COUNT_MASK;
	if (match == STALE) {
		snap->checks.stale_dropped += extra;
		booked -= extra;
	} else if (match == PUT_PAGE) {
		put_page_wrong(take, item, extra);
		booked -= extra;
	} else if (match == SURPLUS) {
		booked += extra;
	} else if (match == MAYBE) {
		add_to(&snap->maybe, 0, snap->page_size << item->truth.order);
	}
	if (booked)
		add_folio(take, item, booked);
}

/* Calls of all owners that share the group. */
static void count_calls(struct take *take)
{
	for (size_t i = 0; i < take->owner_cnt; i++)
		if (take->notes[i].group >= 0)
			take->snap->groups[take->notes[i].group].calls += take->owners[i].calls;
}

int take__groups(struct take *take)
{
	cleanup_free struct ledger_item *items = NULL;
	cleanup_free struct verdict *verdicts = NULL;
	size_t cnt;
	int err;

	err = tracker__ledger(take->tracker, &items, &cnt);
	if (err)
		return err;
	verdicts = calloc(cnt + 1, sizeof(*verdicts));
	if (!verdicts)
		return -ENOMEM;
	settle(take, items, cnt, verdicts);
	take->vmemmap = take->opts->selftest->vmemmap;
	zones__read(&take->zones);
	for (size_t i = 0; i < cnt; i++)
		reconcile(take, &items[i], &verdicts[i]);
	count_calls(take);
	return 0;
}
