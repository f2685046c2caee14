// SPDX-License-Identifier: GPL-2.0-only
/* The bench of gup-validate: see bench.h. */
#include "bench.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "census.h"
#include "util.h"

#define EXIT_CANNOT 3
#define SETTLE_STEPS 100
#define SETTLE_US 10000

int bench__open(struct bench *bench, const struct tracker_options *opts)
{
	int err;

	kernel_reader__log(false);
	if (geteuid()) {
		warnx("the checks need root (CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN): run it with "
		      "sudo");
		return EXIT_CANNOT;
	}
	err = kernel_facts__read(&bench->facts);
	if (err) {
		kernel_facts__explain(err);
		return EXIT_CANNOT;
	}
	if (!bench->facts.has_cmpxchg) {
		warnx("this kernel's BPF has no compare-and-exchange, so no ledger: 5.12 or newer "
		      "is "
		      "needed");
		return EXIT_CANNOT;
	}
	bench->ksyms = ksyms__load();
	bench->reader = bench->ksyms ? kernel_reader__open() : NULL;
	if (!bench->reader) {
		kernel_reader__explain();
		return EXIT_CANNOT;
	}
	bench->tracker = tracker__open(&bench->facts, bench->reader, bench->ksyms, opts);
	if (!bench->tracker || tracker__attach(bench->tracker))
		return EXIT_CANNOT;
	err = tracker__selftest(bench->tracker, &bench->selftest);
	if (err) {
		warnx("the tracker's self-test failed: %s",
		      err == -EBADE ? bench->selftest.failure : strerror(-err));
		return EXIT_CANNOT;
	}
	ksyms__refresh(bench->ksyms);
	return flow__read(bench->tracker, &bench->base) ? EXIT_CANNOT : 0;
}

void bench__close(struct bench *bench)
{
	tracker__close(bench->tracker);
	kernel_reader__close(bench->reader);
	ksyms__free(bench->ksyms);
	kernel_facts__free(&bench->facts);
}

static int is_func(void *ctx, const char *name)
{
	return !strcmp(ctx, name);
}

bool bench__has(const struct bench *bench, const char *func)
{
	return kernel_facts__each_func(&bench->facts, is_func, (void *)func);
}

void bench__rest(struct bench *bench)
{
	tracker__poll(bench->tracker, 0);
}

int mark__set(struct mark *mark, struct bench *bench)
{
	uint64_t stats[GUP_STAT_CNT] = {};
	int err;

	*mark = (struct mark){};
	err = tracker__owners(bench->tracker, &mark->owners, &mark->owner_cnt);
	if (!err)
		err = tracker__sites(bench->tracker, &mark->sites, &mark->site_cnt);
	if (!err)
		err = tracker__stats(bench->tracker, stats);
	mark->unpinned = stats[GUP_STAT_UNPINNED];
	return err ? err : flow__read(bench->tracker, &mark->flow);
}

void mark__free(struct mark *mark)
{
	free(mark->owners);
	free(mark->sites);
	*mark = (struct mark){};
}

/* The same owner before; all zero if it is new. */
static struct gup_owner owner_before(const struct mark *mark, const struct gup_owner *owner)
{
	for (size_t i = 0; i < mark->owner_cnt; i++)
		if (mark->owners[i].id == owner->id &&
		    !memcmp(&mark->owners[i].key, &owner->key, sizeof(owner->key)))
			return mark->owners[i];
	return (struct gup_owner){};
}

static void see_owner(const struct mark *mark, struct bench *bench, const struct gup_owner *owner,
		      struct seen *seen)
{
	const struct gup_owner before = owner_before(mark, owner);
	uint32_t flags = kernel_facts__pin_flags(&bench->facts, owner->key.flags, false);

	seen->calls += owner->calls - before.calls;
	seen->asked += owner->pages_asked - before.pages_asked;
	seen->failed += owner->failed_calls - before.failed_calls;
	seen->pinned += owner->pinned - before.pinned;
	seen->released += owner->released - before.released;
	if (owner->calls == before.calls && owner->pinned == before.pinned)
		return;
	seen->apis |= 1U << owner->key.api;
	seen->flags_any |= flags;
	seen->flags_all &= flags;
	seen->foll_pin_passed |= (owner->key.flags & bench->facts.foll_pin) != 0;
}

/* Pages of a site; what a thread has not yet added to it is an item of its own. */
static uint64_t pages_of(const struct site_item *sites, size_t cnt, const struct gup_site_key *key)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < cnt; i++)
		if (!memcmp(&sites[i].key, key, sizeof(*key)))
			pages += sites[i].cnt.pages;
	return pages;
}

/* The release function of a site, innermost first. */
static void note_release(struct bench *bench, const struct gup_site_key *key, struct seen *seen)
{
	for (int i = 0; i < GUP_SITE_DEPTH; i++) {
		const struct ksym *sym = ksyms__find(bench->ksyms, key->ip[i]);
		size_t len = strlen(seen->releases);
		enum gup_family family;
		const char *name = sym ? census_func(sym->name, &family) : NULL;

		if (!name || family != FAMILY_UNPIN)
			continue;
		if (!strstr(seen->releases, name))
			snprintf(seen->releases + len, sizeof(seen->releases) - len, "%s%s",
				 len ? ", " : "", name);
		return;
	}
}

static int see_sites(const struct mark *mark, struct bench *bench, const struct gup_owner *owners,
		     size_t owner_cnt, struct seen *seen)
{
	cleanup_free struct site_item *sites = NULL;
	size_t cnt = 0;
	int err = tracker__sites(bench->tracker, &sites, &cnt);

	for (size_t i = 0; i < cnt && !err; i++) {
		if (pages_of(sites, cnt, &sites[i].key) ==
		    pages_of(mark->sites, mark->site_cnt, &sites[i].key))
			continue;
		seen->gets += sites[i].key.api != 0;
		for (size_t o = 0; o < owner_cnt; o++)
			if (owners[o].id == sites[i].key.owner &&
			    owners[o].key.tgid == (uint32_t)getpid())
				note_release(bench, &sites[i].key, seen);
	}
	return err;
}

int mark__seen(const struct mark *mark, struct bench *bench, struct seen *seen)
{
	cleanup_free struct gup_owner *owners = NULL;
	uint64_t stats[GUP_STAT_CNT] = {};
	struct flow flow;
	size_t cnt = 0;
	int err = flow__read(bench->tracker, &flow);

	*seen = (struct seen){ .flags_all = UINT32_MAX };
	if (!err)
		err = tracker__owners(bench->tracker, &owners, &cnt);
	for (size_t i = 0; i < cnt && !err; i++)
		if (owners[i].key.tgid == (uint32_t)getpid())
			see_owner(mark, bench, &owners[i], seen);
	if (!err)
		err = see_sites(mark, bench, owners, cnt, seen);
	if (!err)
		err = tracker__stats(bench->tracker, stats);
	seen->unpinned = stats[GUP_STAT_UNPINNED] - mark->unpinned;
	seen->vm_acquired = flow.vm_acquired - mark->flow.vm_acquired;
	seen->vm_released = flow.vm_released - mark->flow.vm_released;
	return err;
}

int mark__settle(const struct mark *mark, struct bench *bench, struct seen *seen)
{
	int err = 0;

	for (int i = 0; i < SETTLE_STEPS && !err; i++) {
		err = mark__seen(mark, bench, seen);
		if (seen->pinned <= seen->released)
			break;
		usleep(SETTLE_US);
	}
	return err;
}

static bool is_own(const struct ledger_item *item, const struct gup_owner *owners, size_t cnt)
{
	uint32_t id = GUP_SLOT_OWNER(item->entry.slot[0].word);

	for (size_t o = 0; o < cnt; o++)
		if (owners[o].id == id && owners[o].key.tgid == (uint32_t)getpid())
			return true;
	return false;
}

int bench__held(struct bench *bench, struct held *held)
{
	cleanup_free struct ledger_item *items = NULL;
	cleanup_free struct gup_owner *owners = NULL;
	size_t cnt = 0, owner_cnt = 0;
	int err = tracker__ledger(bench->tracker, &items, &cnt);

	memset(held, 0, sizeof(*held));
	if (!err)
		err = tracker__owners(bench->tracker, &owners, &owner_cnt);
	for (size_t i = 0; i < cnt && !err; i++) {
		const struct gup_truth *truth = &items[i].truth;
		uint64_t pins = items[i].entry.word & GUP_COUNT_MASK;

		if (!is_own(&items[i], owners, owner_cnt))
			continue;
		if (held->folios < HELD_FOLIOS)
			held->folio[held->folios] = items[i].folio;
		held->folios++;
		held->large += truth->large;
		held->pins += pins;
		held->differing += truth_pins_of(truth) != pins;
		if (pins <= held->most)
			continue;
		held->most = pins;
		held->refcount = truth->refcount;
		held->pincount = truth->pincount;
	}
	return err;
}

int bench__still_pinned(struct bench *bench, const struct held *held, size_t *cnt)
{
	size_t asked = held->folios < HELD_FOLIOS ? held->folios : HELD_FOLIOS;
	cleanup_free struct gup_truth *truth = calloc(asked ? asked : 1, sizeof(*truth));
	int err;

	*cnt = 0;
	if (!truth)
		return -ENOMEM;
	for (size_t i = 0; i < asked; i++)
		truth[i].folio = held->folio[i];
	err = tracker__truth(bench->tracker, truth, asked);
	for (size_t i = 0; i < asked && !err; i++)
		*cnt += truth_pins_of(&truth[i]) > 0;
	return err;
}

int bench__references(struct bench *bench, uint64_t pfn, int32_t *cnt)
{
	uint64_t base = bench->selftest.vmemmap;
	struct gup_truth truth = { .folio = base + pfn * bench->facts.page_struct_bytes };
	int err = base && pfn ? tracker__truth(bench->tracker, &truth, 1) : -ENODATA;

	*cnt = truth.refcount;
	return err;
}
