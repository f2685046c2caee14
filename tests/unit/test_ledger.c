// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger against a simple model of it: a million random steps of pins and
 * releases by more owners than a folio has slots for, with lost events, full
 * maps, a truth that can't be read and a reaper. One thread; races are in
 * test_ledger_races.c.
 */
#include "ledger_fake.h"

/* --- the model: what the books should say --- */

struct model_slot {
	__u32 owner, pins;
	__u64 since;
};

struct model_folio {
	bool in, more, inferred, nameless_noted;
	__u32 nameless;
	__u32 held[OWNERS + 1]; /* by whom really: what can be released */
	struct model_slot slot[ALL_SLOTS];
};

static struct {
	struct model_folio folio[FOLIOS];
	int in_cnt, in_max, more_cnt, more_max;
	__u64 stats[GUP_STAT_CNT], released[OWNERS + 1], stale[OWNERS + 1];
} model;

static __u32 model_count(const struct model_folio *m)
{
	__u32 sum = m->nameless;

	for (int i = 0; i < ALL_SLOTS; i++)
		sum += m->slot[i].pins;
	return sum;
}

static bool model_better(const struct model_slot *a, const struct model_slot *b,
			 const struct releaser *who)
{
	if (is_sure(a->owner, who) != is_sure(b->owner, who))
		return is_sure(a->owner, who);
	if ((tgid_of(a->owner) == who->tgid) != (tgid_of(b->owner) == who->tgid))
		return tgid_of(a->owner) == who->tgid;
	if ((a->owner == who->avoid) != (b->owner == who->avoid))
		return b->owner == who->avoid;
	if (is_short(a->owner) != is_short(b->owner))
		return is_short(a->owner);
	return a->since < b->since;
}

/* The owner that lost last, 0 = none. */
static __u32 model_take(struct model_folio *m, __u32 n, const struct releaser *who)
{
	__u32 owner = 0;

	while (n) {
		struct model_slot *best = NULL;
		int holders = 0;
		__u32 take;

		for (int i = 0; i < ALL_SLOTS; i++) {
			struct model_slot *slot = &m->slot[i];

			holders += slot->pins > 0;
			if (slot->pins && (!best || model_better(slot, best, who)))
				best = slot;
		}
		if (!best) {
			m->nameless -= n;
			return owner;
		}
		take = best->pins < n ? best->pins : n;
		if ((holders > 1 || m->nameless_noted) && !is_sure(best->owner, who))
			m->inferred = true;
		(who->avoid ? model.stale : model.released)[best->owner] += take;
		owner = best->owner;
		best->pins -= take;
		n -= take;
	}
	return owner;
}

static bool model_place(struct model_slot *slot, int cnt, __u32 owner, __u32 n, __u64 now)
{
	struct model_slot *empty = NULL;

	for (int i = cnt - 1; i >= 0; i--) {
		if (slot[i].pins && slot[i].owner == owner) {
			slot[i].pins += n;
			return true;
		}
		if (!slot[i].pins)
			empty = &slot[i];
	}
	if (empty)
		*empty = (struct model_slot){ owner, n, now };
	return empty;
}

static bool model_place_more(struct model_folio *m, __u32 owner, __u32 n, __u64 now)
{
	if (!m->more && model.more_cnt == model.more_max)
		return false;
	model.more_cnt += !m->more;
	m->more = true;
	return model_place(m->slot + GUP_SLOTS, GUP_MORE_SLOTS, owner, n, now);
}

static void model_pin(int f, __u32 n, __u32 owner, __u64 now)
{
	struct model_folio *m = &model.folio[f];
	struct releaser nobody = { .avoid = owner ? owner : NOBODY };
	__u32 before = model_count(m);

	if (!m->in && model.in_cnt == model.in_max) {
		model.stats[GUP_STAT_MAP_FULL] += n;
		return;
	}
	model.in_cnt += !m->in;
	model.stats[GUP_STAT_INSERTED] += !m->in;
	m->in = true;
	if (!before)
		m->inferred = m->nameless_noted = false;
	if (before && truth_known && truth[f] < before + n) {
		model_take(m, before + n - truth[f], &nobody);
		model.stats[GUP_STAT_STALE] += before + n - truth[f];
	}
	if (!owner || (!model_place(m->slot, GUP_SLOTS, owner, n, now) &&
		       !model_place_more(m, owner, n, now))) {
		m->nameless += n;
		m->nameless_noted = true;
		model.stats[GUP_STAT_NAMELESS] += n;
	}
}

static __u32 model_unpin(int f, __u32 n, const struct releaser *who)
{
	struct model_folio *m = &model.folio[f];
	__u32 have = model_count(m), take = have < n ? have : n;

	model.stats[GUP_STAT_UNMATCHED] += n - take;
	return model_take(m, take, who);
}

static bool model_reap(int f)
{
	struct model_folio *m = &model.folio[f];

	if (!m->in || model_count(m))
		return false;
	model.in_cnt--;
	model.more_cnt -= m->more;
	m->in = m->more = false;
	return true;
}

/* --- the books against the model --- */

static void check_folio(int f)
{
	const struct model_folio *m = &model.folio[f];
	__u32 is[OWNERS + 1] = {}, should[OWNERS + 1] = {};
	struct gup_entry *entry = entry_of(f);
	__u64 key = folio(f);

	assert_int_equal(!!entry, m->in);
	assert_int_equal(!!bpf_map_lookup_elem(&more_owners, &key), m->more);
	if (!entry)
		return;
	assert_true(word_is(entry->word, ledger_tag(key)));
	assert_int_equal(entry->word & GUP_COUNT_MASK, model_count(m));
	for (int i = 0; i < ALL_SLOTS; i++)
		should[m->slot[i].owner] += m->slot[i].pins;
	assert_int_equal(slot_sums(f, is), model_count(m) - m->nameless);
	assert_memory_equal(is, should, sizeof(is));
	assert_int_equal(!!(entry->notes & GUP_ENTRY_INFERRED), m->inferred);
	assert_int_equal(!!(entry->notes & GUP_ENTRY_NAMELESS), m->nameless_noted);
}

static void check_all(void)
{
	for (int f = 0; f < FOLIOS; f++)
		check_folio(f);
	assert_int_equal(shim_map_of(&ledger)->used, model.in_cnt);
	assert_int_equal(shim_map_of(&more_owners)->used, model.more_cnt);
	/* Follows from which folios' books are whole, which the model does not keep; tested by itself. */
	model.stats[GUP_STAT_UNPINNED] = stats[GUP_STAT_UNPINNED];
	assert_memory_equal(stats, model.stats, sizeof(stats));
	assert_memory_equal(released, model.released, sizeof(released));
	assert_memory_equal(stale, model.stale, sizeof(stale));
}

/* --- random steps --- */

static __u64 seed, now;

static __u32 rnd(__u32 below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed >> 16) % below;
}

static __u32 how_many(void)
{
	static const __u32 some[] = { 1, 1, 1, 2, 3, 7, 511 };

	return some[rnd(sizeof(some) / sizeof(some[0]))];
}

/* struct page first, then the books. */
static void step_pin(int f, bool lost)
{
	__u32 owner = rnd(OWNERS + 1), n = how_many();

	model.folio[f].held[owner] += n;
	truth[f] += n;
	if (lost)
		return;
	model_pin(f, n, owner, ++now);
	ledger_pin(folio(f), n, owner, now);
}

/* The books first, then struct page. Somebody who holds some releases them, in some context. */
static void step_release(int f, bool lost)
{
	struct model_folio *m = &model.folio[f];
	struct releaser who = {};
	__u32 owner = rnd(OWNERS + 1), n = how_many(), lost_by;

	for (int i = 0; !m->held[owner] && i < OWNERS; i++)
		owner = (owner + 1) % (OWNERS + 1);
	if (!m->held[owner])
		return;
	if (rnd(3) == 0 || n > m->held[owner])
		n = m->held[owner];
	if (rnd(4)) {
		who.tgid = tgid_of(owner);
		who.file = rnd(2) ? file_of(owner) : 0;
		who.last = rnd(2) ? owner : rnd(OWNERS + 1);
	}
	releasing_file = who.file;
	releasing_last = who.last;
	if (!lost) {
		lost_by = model_unpin(f, n, &who);
		assert_int_equal(ledger_unpin(folio(f), n, who.tgid), lost_by);
	}
	m->held[owner] -= n;
	truth[f] -= n;
}

static void step(int f, bool filling, __u32 lost_of)
{
	bool lost = lost_of && !rnd(lost_of);

	truth_known = rnd(101) != 0;
	if (!rnd(29))
		assert_int_equal(ledger_reap(folio(f)), model_reap(f));
	else if (rnd(100) < (filling ? 60 : 40))
		step_pin(f, lost);
	else
		step_release(f, lost);
	check_folio(f);
	if (!lost_of && model.in_max > FOLIOS)
		assert_int_equal(count_of(f), truth[f]);
}

static void random_steps(int steps, int max, int more_max, __u32 lost_of)
{
	memset(&model, 0, sizeof(model));
	seed = 88172645463325252ULL + steps;
	ledger_open(max, more_max);
	model.in_max = max;
	model.more_max = more_max;
	for (int i = 0; i < steps; i++) {
		/* A few folios see most of it: they get more owners than there are slots. */
		int f = rnd(5) ? rnd(7) : rnd(FOLIOS);

		step(f, i / 1009 % 2, lost_of);
		if (i % 1009 == 0)
			check_all();
	}
	check_all();
}

static int open_ledger(void **state)
{
	(void)state;
	ledger_open(7, 3);
	return 0;
}

static int close_ledger(void **state)
{
	(void)state;
	shim_maps_close();
	return 0;
}

static void test_everything_seen(void **state)
{
	(void)state;
	random_steps(200003, 101, 101, 0);
	assert_true(model.stats[GUP_STAT_NAMELESS] > 0);
	assert_int_equal(stats[GUP_STAT_STALE], 0);
	assert_int_equal(stats[GUP_STAT_UNMATCHED], 0);
	assert_int_equal(stats[GUP_STAT_MAP_FULL], 0);
}

static void test_lost_events(void **state)
{
	(void)state;
	random_steps(400009, 101, 101, 31);
	assert_true(stats[GUP_STAT_STALE] > 0);
	assert_true(stats[GUP_STAT_UNMATCHED] > 0);
}

static void test_full_maps(void **state)
{
	(void)state;
	random_steps(400009, 53, 5, 103);
	assert_true(stats[GUP_STAT_MAP_FULL] > 0);
	assert_true(stats[GUP_STAT_NAMELESS] > 0);
}

/* --- what the random steps would only hit by chance --- */

static void pin(int f, __u32 n, __u32 owner)
{
	truth[f] += n;
	ledger_pin(folio(f), n, owner, ++now);
}

static void unpin(int f, __u32 n, __u32 tgid)
{
	ledger_unpin(folio(f), n, tgid);
	truth[f] -= n;
}

/* Each of 23 owners pins 13 times: 16 find a slot, 7 do not; all 299 are counted. */
static void test_more_owners_than_slots(void **state)
{
	__u32 by_owner[OWNERS + 1] = {};

	(void)state;
	for (__u32 owner = 1; owner <= OWNERS; owner++)
		pin(0, 13, owner);
	assert_int_equal(count_of(0), 23 * 13);
	assert_int_equal(slot_sums(0, by_owner), 16 * 13);
	assert_int_equal(stats[GUP_STAT_NAMELESS], 7 * 13);
	for (__u32 owner = 1; owner <= OWNERS; owner++)
		assert_int_equal(by_owner[owner], owner <= ALL_SLOTS ? 13 : 0);
	unpin(0, 23 * 13, 0);
	assert_int_equal(count_of(0), 0);
	assert_int_equal(slot_sums(0, by_owner), 0);
	assert_int_equal(stats[GUP_STAT_UNMATCHED], 0);
}

/* All releases of 11 owners were missed: the next pin drops them all, and each is told. */
static void test_stale_of_many_owners(void **state)
{
	__u32 by_owner[OWNERS + 1] = {};

	(void)state;
	for (__u32 owner = 1; owner <= 11; owner++)
		pin(0, 3, owner);
	truth[0] = 0;
	pin(0, 5, 17);
	assert_int_equal(count_of(0), 5);
	assert_int_equal(slot_sums(0, by_owner), 5);
	assert_int_equal(by_owner[17], 5);
	assert_int_equal(stats[GUP_STAT_STALE], 33);
	for (__u32 owner = 1; owner <= 11; owner++)
		assert_int_equal(stale[owner], 3);
	assert_int_equal(stale[17], 0);
}

/* Also when the pin that finds them has no owner itself: they are stale, not released. */
static void test_stale_found_by_nobody(void **state)
{
	(void)state;
	pin(0, 3, 5);
	truth[0] = 0;
	pin(0, 2, 0);
	assert_int_equal(count_of(0), 2);
	assert_int_equal(stale[5], 3);
	assert_int_equal(released[5], 0);
}

/* Whose pins go is only inferred while there is somebody else whose they could be. */
static void test_inferred_ends(void **state)
{
	(void)state;
	pin(0, 3, 1);
	pin(0, 2, 2);
	unpin(0, 3, 0);
	assert_true(entry_of(0)->notes & GUP_ENTRY_INFERRED);
	unpin(0, 2, 0);
	pin(0, 1, 4);
	assert_false(entry_of(0)->notes & GUP_ENTRY_INFERRED);
	pin(0, 2, 5);
	releasing_file = file_of(4);
	unpin(0, 1, tgid_of(4));
	releasing_file = 0;
	assert_int_equal(released[4], 1);
	unpin(0, 1, 0);
	assert_int_equal(released[5], 1);
	assert_false(entry_of(0)->notes & GUP_ENTRY_INFERRED);
}

/* The highest count that a word holds; one more is refused and counted, not wrapped. */
static void test_count_limit(void **state)
{
	__u32 most = GUP_COUNT_MASK;

	(void)state;
	pin(0, most, 1);
	assert_int_equal(count_of(0), most);
	pin(0, 1, 1);
	assert_int_equal(count_of(0), most);
	assert_int_equal(stats[GUP_STAT_RETRIES_OUT], 1);
	assert_int_equal(GUP_SLOT_PINS(entry_of(0)->slot[0].word), most);
	assert_true(word_is(entry_of(0)->word, ledger_tag(folio(0))));
	unpin(0, most, 0);
	assert_int_equal(count_of(0), 0);
}

/* A full map refuses a new folio, counts its pins, and takes it once the reaper has been. */
static void test_full_then_reaped(void **state)
{
	(void)state;
	for (int f = 0; f < 7; f++)
		pin(f, 1, 1);
	assert_int_equal(ledger_pin(folio(7), 13, 1, ++now), -1);
	assert_int_equal(stats[GUP_STAT_MAP_FULL], 13);
	assert_false(ledger_reap(folio(3)));
	unpin(3, 1, 0);
	assert_true(ledger_reap(folio(3)));
	assert_false(ledger_reap(folio(3)));
	assert_int_equal(ledger_pin(folio(7), 13, 1, ++now), 0);
	assert_int_equal(count_of(7), 13);
	unpin(3, 5, 0);
	assert_int_equal(stats[GUP_STAT_UNMATCHED], 5);
	assert_int_equal(stats[GUP_STAT_INSERTED], 8);
}

/* Releases that the books know nothing of: only what struct page lacks too was never pinned. */
static void test_released_once_too_often(void **state)
{
	(void)state;
	truth[1] = 5; /* pinned before the books were opened */
	unpin(1, 5, 0);
	assert_int_equal(stats[GUP_STAT_UNMATCHED], 5);
	assert_int_equal(stats[GUP_STAT_UNPINNED], 0);
	pin(0, 3, 1);
	unpin(0, 3, 0);
	ledger_unpin(folio(0), 2, 0);
	ledger_unpin(folio(2), 7, 0);
	assert_int_equal(stats[GUP_STAT_UNMATCHED], 5 + 2 + 7);
	assert_int_equal(stats[GUP_STAT_UNPINNED], 2 + 7);
	truth_known = false;
	ledger_unpin(folio(2), 7, 0);
	assert_int_equal(stats[GUP_STAT_UNPINNED], 2 + 7);
}

int main(void)
{
#define ON_SEVEN(test) cmocka_unit_test_setup_teardown(test, open_ledger, close_ledger)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_everything_seen, close_ledger),
		cmocka_unit_test_teardown(test_lost_events, close_ledger),
		cmocka_unit_test_teardown(test_full_maps, close_ledger),
		ON_SEVEN(test_more_owners_than_slots),
		ON_SEVEN(test_stale_of_many_owners),
		ON_SEVEN(test_stale_found_by_nobody),
		ON_SEVEN(test_inferred_ends),
		ON_SEVEN(test_count_limit),
		ON_SEVEN(test_full_then_reaped),
		ON_SEVEN(test_released_once_too_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
