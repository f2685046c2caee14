// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ledger with several CPUs at once. First single races, forced: what
 * another CPU does is run between a look-up and the use of what it found, or
 * before a compare-and-exchange. Then threads on eight folios with a reaper
 * among them, so that elements change folios all the time.
 */
#include "ledger_fake.h"

#include <sched.h>

#define KEYS 8 /* folios of the threads */
#define THREADS_MAX 4

static __u64 now;

static int open_ledger(void **state)
{
	(void)state;
	ledger_open(KEYS, KEYS);
	return 0;
}

static int close_ledger(void **state)
{
	(void)state;
	shim_after_lookup = shim_before_cas = after_truth = NULL;
	shim_maps_close();
	return 0;
}

static int pin(int f, __u32 n, __u32 owner)
{
	__atomic_add_fetch(&truth[f], n, __ATOMIC_SEQ_CST);
	return ledger_pin(folio(f), n, owner, __atomic_add_fetch(&now, 1, __ATOMIC_RELAXED));
}

static void unpin(int f, __u32 n, __u32 tgid)
{
	ledger_unpin(folio(f), n, tgid);
	__atomic_sub_fetch(&truth[f], n, __ATOMIC_SEQ_CST);
}

static void assert_books(int f, __u32 owner, __u32 pins)
{
	__u32 by_owner[OWNERS + 1] = {};

	assert_int_equal(count_of(f), pins);
	assert_int_equal(slot_sums(f, by_owner), pins);
	assert_int_equal(by_owner[owner], pins);
}

/* Folio 0's entry goes, and folio 1 gets the element. */
static void recycle(void)
{
	assert_true(ledger_reap(folio(0)));
	pin(1, 7, 4);
}

/* A pin found folio 0's entry, and then it is folio 1's. */
static void test_pin_on_recycled(void **state)
{
	struct gup_entry *was;

	(void)state;
	pin(0, 3, 1);
	unpin(0, 3, 0);
	was = entry_of(0);
	shim_after_lookup = recycle;
	assert_int_equal(pin(0, 5, 2), 0);
	assert_ptr_equal(entry_of(1), was);
	assert_books(0, 2, 5);
	assert_books(1, 4, 7);
	assert_int_equal(stats[GUP_STAT_RETRIES_OUT], 0);
}

/* The same a moment later: the word was read, and changes before it is exchanged. */
static void test_pin_on_recycled_word(void **state)
{
	(void)state;
	pin(0, 3, 1);
	unpin(0, 3, 0);
	shim_before_cas = recycle;
	assert_int_equal(pin(0, 5, 2), 0);
	assert_books(0, 2, 5);
	assert_books(1, 4, 7);
}

/* A release that nothing was booked for, and the reaper that comes too late. */
static void test_release_and_reap_on_recycled(void **state)
{
	(void)state;
	pin(0, 3, 1);
	unpin(0, 3, 0);
	shim_after_lookup = recycle;
	ledger_unpin(folio(0), 2, 0);
	assert_int_equal(stats[GUP_STAT_UNMATCHED], 2);
	assert_books(1, 4, 7);

	unpin(1, 7, 0);
	assert_true(ledger_reap(folio(1)));
	pin(0, 3, 1);
	unpin(0, 3, 0);
	shim_after_lookup = recycle;
	assert_false(ledger_reap(folio(0)));
	assert_books(1, 4, 7);
}

static void pin_revives(void)
{
	pin(0, 5, 2);
}

/* The reaper has seen zero, and then the folio is pinned again. */
static void test_reap_loses_to_pin(void **state)
{
	(void)state;
	pin(0, 3, 1);
	unpin(0, 3, 0);
	shim_before_cas = pin_revives;
	assert_false(ledger_reap(folio(0)));
	assert_books(0, 2, 5);
}

/* A pin that meets an entry which the reaper has marked but not yet deleted: given up, counted. */
static void test_pin_on_dead(void **state)
{
	__u64 word;

	(void)state;
	pin(0, 3, 1);
	unpin(0, 3, 0);
	word = entry_of(0)->word;
	entry_of(0)->word |= GUP_DEAD;
	assert_int_equal(pin(0, 5, 2), -1);
	assert_int_equal(stats[GUP_STAT_RETRIES_OUT], 5);
	entry_of(0)->word = word;
	assert_int_equal(pin(0, 5, 2), 0);
	assert_books(0, 2, 5);
}

static void other_owner_moves_in(void)
{
	unpin(0, 3, 0);
	pin(0, 3, 2);
}

/* The slot that a release was about to take from gets another owner: it is that one who loses. */
static void test_release_tells_who_lost(void **state)
{
	(void)state;
	pin(0, 3, 1);
	shim_before_cas = other_owner_moves_in;
	assert_int_equal(ledger_unpin(folio(0), 3, 0), 2);
	assert_int_equal(released[1], 3);
	assert_int_equal(released[2], 3);
}

static void sole_owner_robbed(void)
{
	pin(0, 3, 2);
	unpin(0, 3, 0); /* by rule: takes the pins of owner 1, the older */
}

/* Somebody else's release took the slot that looked like the only one: the rest is found elsewhere. */
static void test_release_looks_further(void **state)
{
	(void)state;
	pin(0, 3, 1);
	shim_before_cas = sole_owner_robbed;
	assert_int_equal(ledger_unpin(folio(0), 3, 0), 2);
	assert_books(0, 2, 0);
	assert_int_equal(released[1], 3);
	assert_int_equal(released[2], 3);
}

static void pin_comes(void)
{
	pin(0, 3, 2);
}

/* More released than booked: a pin that arrives meanwhile is not what was released. */
static void test_release_takes_no_newcomer(void **state)
{
	(void)state;
	pin(0, 3, 1);
	shim_before_cas = pin_comes;
	ledger_unpin(folio(0), 5, 0);
	assert_books(0, 2, 3);
	assert_int_equal(stats[GUP_STAT_UNMATCHED], 2);
}

/* The books change after struct page was read: what is stale is left to who comes next. */
static void test_stale_not_while_moving(void **state)
{
	(void)state;
	pin(0, 3, 1);
	pin(0, 5, 2);
	truth[0] = 6;
	after_truth = pin_comes; /* drops the 2 itself */
	drop_stale(folio(0), 2);
	assert_int_equal(stats[GUP_STAT_STALE], 2);
	assert_int_equal(count_of(0), 9);
}

/* --- threads --- */

struct worker {
	pthread_t thread;
	__u64 seed;
	__u32 first_owner;
	__u32 steps;
	__u32 lost_of; /* one event of so many is not seen by the books; 0 = none */
	__u32 held[KEYS];
	__u64 booked, refused, asked, reaped;
};

static bool stop;
static __thread __u64 jitter_seed = 88172645463325252ULL;

static __u32 rnd(__u64 *seed, __u32 below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (*seed >> 16) % below;
}

static void delay(void)
{
	__u32 what = rnd(&jitter_seed, 64);

	if (!what)
		sched_yield();
	for (volatile __u32 i = 0; what < 8 && i < what * 32; i++)
		;
}

static void delay_lookup(void)
{
	delay();
	shim_after_lookup = delay_lookup;
}

static void delay_cas(void)
{
	delay();
	shim_before_cas = delay_cas;
}

static void worker_pin(struct worker *w, int f, __u32 n, bool lost)
{
	w->held[f] += n;
	if (lost) {
		__atomic_add_fetch(&truth[f], n, __ATOMIC_SEQ_CST);
	} else if (!pin(f, n, w->first_owner + rnd(&w->seed, 3))) {
		w->booked += n;
	} else {
		w->refused += n;
		if (w->lost_of)
			return;
		w->held[f] -= n;
		__atomic_sub_fetch(&truth[f], n, __ATOMIC_SEQ_CST);
	}
}

static void worker_release(struct worker *w, int f, bool lost)
{
	__u32 n = rnd(&w->seed, 3) ? w->held[f] : 1 + rnd(&w->seed, w->held[f]);

	if (lost) {
		__atomic_sub_fetch(&truth[f], n, __ATOMIC_SEQ_CST);
	} else {
		unpin(f, n, rnd(&w->seed, 2) ? tgid_of(w->first_owner) : 0);
		w->asked += n;
	}
	w->held[f] -= n;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	jitter_seed = w->seed * 3;
	shim_after_lookup = delay_lookup;
	shim_before_cas = delay_cas;
	for (__u32 i = 0; i < w->steps; i++) {
		bool lost = w->lost_of && !rnd(&w->seed, w->lost_of);
		int f = rnd(&w->seed, KEYS);

		/* One CPU at least, however late the reaper's thread gets to run. */
		if (w->first_owner == 1 && !rnd(&w->seed, 13))
			w->reaped += ledger_reap(folio(f));
		else if (w->held[f] && rnd(&w->seed, 3))
			worker_release(w, f, lost);
		else
			worker_pin(w, f, 1 + rnd(&w->seed, 3), lost);
	}
	for (int f = 0; f < KEYS; f++)
		while (w->held[f])
			worker_release(w, f, false);
	return NULL;
}

static void *reaper(void *arg)
{
	__u64 seed = 521288629, reaped = 0;

	jitter_seed = 362436069;
	shim_before_cas = delay_cas;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		reaped += ledger_reap(folio(rnd(&seed, KEYS)));
		delay();
	}
	*(__u64 *)arg = reaped;
	return NULL;
}

/* Runs them; the sums of all are left in total. */
static void run_threads(int cnt, __u32 steps, __u32 lost_of, struct worker *total)
{
	struct worker worker[THREADS_MAX] = {};
	pthread_t reaping;
	__u64 reaped;

	stop = false;
	memset(total, 0, sizeof(*total));
	assert_int_equal(pthread_create(&reaping, NULL, reaper, &reaped), 0);
	for (int i = 0; i < cnt; i++) {
		worker[i].seed = 2463534242ULL * (i + 1) + lost_of;
		worker[i].first_owner = 1 + 5 * i;
		worker[i].steps = steps;
		worker[i].lost_of = lost_of;
		assert_int_equal(pthread_create(&worker[i].thread, NULL, work, &worker[i]), 0);
	}
	for (int i = 0; i < cnt; i++) {
		pthread_join(worker[i].thread, NULL);
		total->booked += worker[i].booked;
		total->refused += worker[i].refused;
		total->asked += worker[i].asked;
		total->reaped += worker[i].reaped;
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(reaping, NULL);
	total->reaped += reaped;
}

/* Tags are right, and no count is below zero (it would be a huge one). The sum of the counts. */
static __u64 check_words(void)
{
	__u64 sum = 0;

	for (int f = 0; f < KEYS; f++) {
		struct gup_entry *entry = entry_of(f);

		if (entry)
			assert_true(word_is(entry->word, ledger_tag(folio(f))));
		assert_in_range(count_of(f), 0, 1 << 16);
		sum += count_of(f);
	}
	return sum;
}

/* When every event is seen, all that was pinned is released again, owner by owner. */
static void exact(int cnt, __u32 steps)
{
	__u32 left[OWNERS + 1] = {};
	__u64 by_owners = 0;
	struct worker total;

	run_threads(cnt, steps, 0, &total);
	assert_true(total.reaped > 101);
	assert_int_equal(check_words(), 0);
	for (int f = 0; f < KEYS; f++)
		assert_int_equal(slot_sums(f, left), 0);
	for (int owner = 1; owner <= OWNERS; owner++)
		by_owners += released[owner];
	assert_int_equal(by_owners, total.booked);
	assert_int_equal(total.asked, total.booked);
	assert_int_equal(stats[GUP_STAT_RETRIES_OUT], total.refused);
	assert_int_equal(stats[GUP_STAT_UNMATCHED], 0);
	assert_int_equal(stats[GUP_STAT_NAMELESS], 0);
	assert_int_equal(stats[GUP_STAT_STALE], 0);
	assert_int_equal(stats[GUP_STAT_INSERTED] - total.reaped, shim_map_of(&ledger)->used);
}

static void test_two_threads(void **state)
{
	(void)state;
	exact(2, 150001);
}

static void test_four_threads(void **state)
{
	(void)state;
	exact(4, 75011);
}

/* Events are lost on both sides: every pin is accounted for, and the next pins repair the books. */
static void test_threads_lose_events(void **state)
{
	struct worker total;
	__u64 gone;

	(void)state;
	run_threads(4, 75011, 61, &total);
	gone = total.asked - stats[GUP_STAT_UNMATCHED] + stats[GUP_STAT_STALE];
	/* Pins given up, and releases whose entry went to another folio meanwhile. */
	gone -= stats[GUP_STAT_RETRIES_OUT] - total.refused;
	assert_int_equal(check_words(), total.booked - gone);
	assert_true(stats[GUP_STAT_STALE] > 0);
	for (int f = 0; f < KEYS; f++) {
		assert_int_equal(truth[f], 0);
		pin(f, 13, 1);
		assert_int_equal(count_of(f), 13);
	}
}

int main(void)
{
#define ON_EIGHT(test) cmocka_unit_test_setup_teardown(test, open_ledger, close_ledger)
	const struct CMUnitTest tests[] = {
		ON_EIGHT(test_pin_on_recycled),
		ON_EIGHT(test_pin_on_recycled_word),
		ON_EIGHT(test_release_and_reap_on_recycled),
		ON_EIGHT(test_reap_loses_to_pin),
		ON_EIGHT(test_pin_on_dead),
		ON_EIGHT(test_release_tells_who_lost),
		ON_EIGHT(test_release_looks_further),
		ON_EIGHT(test_release_takes_no_newcomer),
		ON_EIGHT(test_stale_not_while_moving),
		ON_EIGHT(test_two_threads),
		ON_EIGHT(test_four_threads),
		ON_EIGHT(test_threads_lose_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
