// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plan call's matching where several owners come into question for a folio, and since
 * when they have it: see test_records.c.
 */
#include "records_world.h"

/* --- several owners --- */

static void two_owners(struct world *w)
{
	call(w, A, 0x1000, 0x80, 7, 1, 10);
	call(w, B, 0x2000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 2);
	scan(w);
	has(w, 0, A, 1, false);
	has(w, 0, B, 1, false);
}

static void test_two_owners_one_releases(void **state)
{
	struct world *w = *state;
	size_t cnt;

	two_owners(w);
	w->hits[0].pins = 1;
	scan(w);
	assert_true(records__claims(w->records, 0, &cnt)->inferred);
	assert_int_equal(cnt, 1);
	/* It stays so: nothing has been learnt. */
	scan(w);
	assert_true(records__claims(w->records, 0, &cnt)->inferred);
}

/* More pins than both took: both have theirs, the rest is nobody's. */
static void test_two_owners_and_more(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	call(w, B, 0x2000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 5);
	scan(w);
	has(w, 0, A, 1, false);
	has(w, 0, B, 1, false);
	has(w, 0, 0, 3, false);
}

static void test_two_owners_one_unseen_release(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	call(w, B, 0x2000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	only(w, 0, B, 1, true);
}

/* --- calls while a scan runs --- */

/* Both were seen by a scan that had begun before they called: the next one counts neither twice. */
static void test_two_owners_during_scan(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10)->last_ns += 100;
	call(w, B, 0x2000, 0x80, 7, 1, 10)->last_ns += 100;
	pinned(w, 10, 0x80, 7, 2);
	scan(w);
	has(w, 0, A, 1, false);
	has(w, 0, B, 1, false);
	w->now += 200;
	scan(w);
	has(w, 0, A, 1, false);
	has(w, 0, B, 1, false);
	/* Nor does it forget that both called. */
	w->hits[0].pins = 1;
	scan(w);
	only(w, 0, B, 1, true);
}

/* The scan had passed when B called. It might be that A let go before: the next one tells. */
static void late_owner(struct world *w, uint32_t pins)
{
	call(w, A, 0x1000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	call(w, B, 0x2000, 0x80, 7, 1, 10)->last_ns += 100;
	scan(w);
	only(w, 0, A, 1, true);
	w->now += 200;
	w->hits[0].pins = pins;
	scan(w);
}

static void test_late_owner_comes_too(void **state)
{
	struct world *w = *state;

	late_owner(w, 2);
	has(w, 0, A, 1, false);
	has(w, 0, B, 1, false);
}

static void test_late_owner_took_its_place(void **state)
{
	struct world *w = *state;

	late_owner(w, 1);
	only(w, 0, B, 1, true);
}

/* Pinned, and the call not yet recorded when the scan was over: the next one knows whose. */
static void test_call_under_way(void **state)
{
	struct world *w = *state;

	scan(w);
	pinned(w, 10, 0x80, 7, 1);
	pinned(w, 11, 0x80, 8, 1);
	scan(w);
	only(w, 0, 0, 1, false);
	call(w, A, 0x1000, 0x80, 7, 1, 10);
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, 0, 1, false);
	/* What no call explained the next time will not be explained later. */
	call(w, A, 0x2000, 0x80, 8, 1, 11);
	scan(w);
	only(w, 1, A, 1, true);
}

/* One owner calls twice while the scan runs, which sees the first: the second is its too. */
static void test_two_late_calls(void **state)
{
	struct world *w = *state;
	struct gup_record *record = call(w, A, 0x1000, 0x80, 7, 1, 10);

	again(w, record);
	record->last_ns += 100;
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	only(w, 0, A, 1, false);
	w->now += 200;
	w->hits[0].pins = 2;
	scan(w);
	only(w, 0, A, 2, false);
}

/* A long-term pin of old is believed to stay rather than a short one of now. */
static void test_short_beside_known(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	call(w, B, 0x2000, 0x80, 7, 1, 10)->notes = 0;
	scan(w);
	only(w, 0, A, 1, true);
}

/* A short call beside a long-term pin: the long one is believed to stay. */
static void test_short_beside_long(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	call(w, B, 0x2000, 0x80, 7, 1, 10)->notes = 0;
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	only(w, 0, A, 1, true);
}

/* A is kind 1 and B kind b, of processes 1 and b_process; they pin one page, one pin is left. */
static const struct claim *two_classes(struct world *w, uint32_t b, uint32_t b_process)
{
	const struct claim *claims;
	size_t cnt;

	w->classes[A] = (struct owner_class){ 1, 1 };
	w->classes[B] = (struct owner_class){ b, b_process };
	w->class_cnt = 16;
	call(w, A, 0x1000, 0x80, 7, 1, 10);
	call(w, B, 0x2000, 0x80, 7, 1, 10)->notes = 0;
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	claims = records__claims(w->records, 0, &cnt);
	assert_int_equal(cnt, 1);
	return claims;
}

/* Owners that a report shows as one are one. */
static void test_same_kind(void **state)
{
	assert_false(two_classes(*state, 1, 1)->inferred);
}

/* A process uses its registered buffer for a moment too: no doubt about the registered one. */
static void test_same_process(void **state)
{
	const struct claim *claim = two_classes(*state, 2, 1);

	assert_int_equal(claim->owner, A);
	assert_false(claim->inferred);
}

static void test_other_process(void **state)
{
	assert_true(two_classes(*state, 2, 2)->inferred);
}

/* Two long-term ways of one process: the file that it came through cannot be told. */
static void test_same_process_two_files(void **state)
{
	struct world *w = *state;

	w->classes[A] = (struct owner_class){ 1, 1 };
	w->classes[B] = (struct owner_class){ 2, 1 };
	w->class_cnt = 16;
	call(w, A, 0x1000, 0x80, 7, 1, 10);
	call(w, B, 0x2000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	only(w, 0, B, 1, true);
}

/* Parent and child pin the same address after a fork: other pages, other anon_vma. */
static void test_fork(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 2, 10);
	call(w, B, 0x1000, 0x90, 7, 2, 20);
	pinned(w, 10, 0x80, 7, 1);
	pinned(w, 11, 0x80, 8, 1);
	pinned(w, 20, 0x90, 7, 1);
	pinned(w, 21, 0x90, 8, 1);
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, A, 1, false);
	only(w, 2, B, 1, false);
	only(w, 3, B, 1, false);
}

/* An anon_vma that was freed and serves another process now, at the same index. */
static void test_anon_vma_reused(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 3, 10);
	call(w, B, 0x1000, 0x80, 7, 3, 20);
	for (int i = 0; i < 3; i++)
		pinned(w, 20 + i, 0x80, 7 + i, 1);
	scan(w);
	only(w, 0, B, 1, false);
	only(w, 1, B, 1, true);
	only(w, 2, B, 1, false);
}

/* A has three pages; other ones are mapped at their place, and B pins these: none of A's. */
static void pinned_anew(struct world *w, uint64_t late)
{
	call(w, A, 0x1000, 0x80, 7, 3, 10);
	for (int i = 0; i < 3; i++)
		pinned(w, 10 + i, 0x80, 7 + i, 1);
	scan(w);
	call(w, B, 0x1000, 0x80, 7, 3, 20)->last_ns += late;
}

static void test_place_of_known(void **state)
{
	struct world *w = *state;

	pinned_anew(w, 0);
	for (int i = 0; i < 3; i++)
		pinned(w, 20 + i, 0x80, 7 + i, 1);
	scan(w);
	for (int i = 0; i < 6; i++)
		only(w, i, i < 3 ? A : B, 1, false);
}

/* One of B's pages is not found: it may be A's, who let go of it. */
static void test_place_of_known_partly(void **state)
{
	struct world *w = *state;

	pinned_anew(w, 0);
	pinned(w, 20, 0x80, 7, 1);
	pinned(w, 22, 0x80, 9, 1);
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, B, 1, true);
	only(w, 3, B, 1, false);
}

/* B called while a scan ran, which saw one of its pages: the next one sees that all are there. */
static void test_place_of_known_late(void **state)
{
	struct world *w = *state;

	pinned_anew(w, 100);
	pinned(w, 20, 0x80, 7, 1);
	scan(w);
	only(w, 1, A, 1, true);
	w->now += 200;
	pinned(w, 21, 0x80, 8, 1);
	pinned(w, 22, 0x80, 9, 1);
	scan(w);
	for (int i = 0; i < 6; i++)
		only(w, i, i < 3 ? A : B, 1, false);
}

/* Two overlapping ranges of one owner, one released: the owner is right all the same. */
static void test_overlap(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 3, 10);
	call(w, A, 0x2000, 0x80, 8, 3, 11);
	pinned(w, 10, 0x80, 7, 1);
	pinned(w, 11, 0x80, 8, 2);
	pinned(w, 12, 0x80, 9, 2);
	pinned(w, 13, 0x80, 10, 1);
	scan(w);
	only(w, 1, A, 2, false);
	w->hits[1].pins = w->hits[2].pins = 1;
	memmove(&w->hits[0], &w->hits[1], 3 * sizeof(w->hits[0]));
	w->hit_cnt = 3;
	scan(w);
	for (int i = 0; i < 3; i++)
		only(w, i, A, 1, false);
}

/* More owners than are looked at: never more certain than it is. */
static void test_crowd(void **state)
{
	struct world *w = *state;
	size_t cnt;
	const struct claim *claims;

	for (uint32_t i = 0; i < 101; i++)
		call(w, 100 + i, 0x1000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 101);
	scan(w);
	claims = records__claims(w->records, 0, &cnt);
	for (size_t i = 0; i < cnt; i++)
		assert_true(claims[i].inferred || !claims[i].owner);
}

/* --- since when --- */

static void since(struct world *w, uint64_t ns)
{
	size_t cnt;
	const struct claim *claims = records__claims(w->records, 0, &cnt);

	assert_int_equal(cnt, 1);
	assert_int_equal(claims->since, ns);
}

/* Short-term, and pinned whenever somebody looks: since its last call. */
static void test_in_use_all_the_time(void **state)
{
	struct world *w = *state;
	struct gup_record *record = call(w, A, 0x1000, 0x80, 7, 1, 10);

	record->notes = 0;
	again(w, record);
	again(w, record);
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	since(w, record->last_ns);
	again(w, record);
	again(w, record);
	scan(w);
	since(w, record->last_ns);
}

/* All pins of all calls are there still: since the first. */
static void test_none_released(void **state)
{
	struct world *w = *state;
	struct gup_record *record = call(w, A, 0x1000, 0x80, 7, 1, 10);
	struct scan_hit *hit = pinned(w, 10, 0x80, 7, 2);
	uint64_t first = w->now;

	record->notes = 0;
	again(w, record);
	scan(w);
	since(w, first);
	again(w, record);
	hit->pins = 3;
	scan(w);
	since(w, first);
}

/* Most have been there since the first scan, and one call since is not the pins of all. */
static void test_left_behind(void **state)
{
	struct world *w = *state;
	struct gup_record *record = call(w, A, 0x1000, 0x80, 7, 1, 10);
	uint64_t first = w->now;

	record->notes = 0;
	again(w, record);
	again(w, record);
	pinned(w, 10, 0x80, 7, 3);
	scan(w);
	since(w, first);
	again(w, record);
	scan(w);
	since(w, first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_two_owners_one_releases),
		TEST(test_two_owners_and_more),
		TEST(test_two_owners_one_unseen_release),
		TEST(test_two_owners_during_scan),
		TEST(test_late_owner_comes_too),
		TEST(test_late_owner_took_its_place),
		TEST(test_call_under_way),
		TEST(test_two_late_calls),
		TEST(test_short_beside_known),
		TEST(test_short_beside_long),
		TEST(test_same_kind),
		TEST(test_same_process),
		TEST(test_other_process),
		TEST(test_same_process_two_files),
		TEST(test_fork),
		TEST(test_anon_vma_reused),
		TEST(test_place_of_known),
		TEST(test_place_of_known_partly),
		TEST(test_place_of_known_late),
		TEST(test_overlap),
		TEST(test_crowd),
		TEST(test_in_use_all_the_time),
		TEST(test_none_released),
		TEST(test_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) |
	       cmocka_run_group_tests_name("restarts", tests, restarting, NULL);
}
