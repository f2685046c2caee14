// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plan call's matching, with made-up records and pinned folios: who is said to
 * own what, and when it is only inferred. Every case in which memory's identity
 * alone does not tell (fork, remap, truncation, overlap, reuse) has a test.
 */
#include "records_world.h"

/* --- held, unmapped, forked: the identity stays --- */

static void test_held(void **state)
{
	struct world *w = *state;

	call(w, A, 0x7000, 0x80, 50, 5, 900);
	for (int i = 0; i < 5; i++)
		pinned(w, 900 + i, 0x80, 50 + i, 1);
	scan(w);
	for (int i = 0; i < 5; i++)
		only(w, i, A, 1, false);
	/* The record has gone from the map, the folios are still known. */
	assert_int_equal(w->live_cnt, 0);
	assert_int_equal(records__cnt(w->records), 0);
	scan(w);
	for (int i = 0; i < 5; i++)
		only(w, i, A, 1, false);
}

static void test_neighbours_are_not_ours(void **state)
{
	struct world *w = *state;

	call(w, A, 0x7000, 0x80, 50, 5, 900);
	pinned(w, 899, 0x80, 49, 1);
	pinned(w, 902, 0x80, 52, 1);
	pinned(w, 905, 0x80, 55, 1);
	pinned(w, 907, 0x88, 51, 1);
	scan(w);
	only(w, 0, 0, 1, false);
	only(w, 1, A, 1, false);
	only(w, 2, 0, 1, false);
	only(w, 3, 0, 1, false);
}

/* A huge page: one pin for each of its pages, or only one kept; and a part of it pinned. */
static void test_large_folio(void **state)
{
	struct world *w = *state;

	call(w, A, 0x200000, 0x80, 512, 1024, 1024);
	pinned(w, 1024, 0x80, 512, 512)->order = 9;
	pinned(w, 1536, 0x80, 1024, 1)->order = 9;
	call(w, B, 0x200000, 0x90, 700, 3, 2048 + 188);
	pinned(w, 2048, 0x90, 512, 3)->order = 9;
	scan(w);
	only(w, 0, A, 512, false);
	only(w, 1, A, 1, false);
	only(w, 2, B, 3, false);
}

/* --- before tracking, and more than is explained --- */

static void test_before_tracking(void **state)
{
	struct world *w = *state;

	pinned(w, 10, 0x80, 1, 1);
	scan(w);
	only(w, 0, 0, 1, false);
	call(w, A, 0x1000, 0x80, 1, 1, 10);
	w->hits[0].pins = 2;
	scan(w);
	has(w, 0, A, 1, false);
	has(w, 0, 0, 1, false);
	/* One of the two went: whose? */
	w->hits[0].pins = 1;
	scan(w);
	only(w, 0, A, 1, true);
}

static void test_more_than_explained(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 1, 1, 10);
	pinned(w, 10, 0x80, 1, 3);
	scan(w);
	has(w, 0, A, 1, false);
	has(w, 0, 0, 2, false);
}

/* --- truncation: no mapping any more --- */

static void test_truncated(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 2, 10);
	pinned(w, 10, 0x80, 7, 1);
	pinned(w, 11, 0x80, 8, 1);
	scan(w);
	w->hits[0].mapping = w->hits[1].mapping = 0;
	w->hits[0].kind = w->hits[1].kind = MEM_KERNEL;
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, A, 1, false);
	scan(w);
	only(w, 0, A, 1, false);
}

/* Truncated before the first scan: lost, and said to be nobody's or nothing. */
static void test_truncated_unseen(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 2, 10);
	pinned(w, 10, 0, 7, 1);
	scan(w);
	only(w, 0, 0, 0, false);
}

/* A page frame that was freed and is something else now: the old owner has nothing to do with it. */
static void test_frame_reused(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	call(w, B, 0x9000, 0x90, 3, 1, 10);
	w->hits[0].mapping = 0x90;
	w->hits[0].index = 3;
	scan(w);
	only(w, 0, B, 1, false);
}

/* --- the same address again --- */

/* Pinned, remapped, pinned again under the same key while the old pin stays; a scan in between. */
static void test_remapped_with_scan(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	call(w, B, 0x1000, 0x80, 7, 1, 20);
	pinned(w, 20, 0x80, 7, 1);
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, B, 1, false);
}

/* Without one: the ends are known by their struct pages, the middle is not. */
static void test_remapped_without_scan(void **state)
{
	struct world *w = *state;

	w->spilled[w->spilled_cnt++] =
		(struct gup_spill){ { 0x1000 + A, 0x1000 }, *call(w, A, 0x1000, 0x80, 7, 3, 10) };
	w->live_cnt = 0;
	call(w, B, 0x1000, 0x80, 7, 3, 20);
	for (int i = 0; i < 3; i++)
		pinned(w, 10 + i, 0x80, 7 + i, 1);
	for (int i = 0; i < 3; i++)
		pinned(w, 20 + i, 0x80, 7 + i, 1);
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, B, 1, true); /* by rule: the newer */
	only(w, 2, A, 1, false);
	only(w, 3, B, 1, false);
	only(w, 4, B, 1, true);
	only(w, 5, B, 1, false);
}

/* --- one record, many calls --- */

static void test_same_buffer_again(void **state)
{
	struct world *w = *state;
	struct gup_record *record = call(w, A, 0x1000, 0x80, 7, 1, 10);

	record->notes = 0;
	scan(w);
	assert_int_equal(w->live_cnt, 1); /* in use: it stays */
	again(w, record);
	again(w, record);
	again(w, record);
	pinned(w, 10, 0x80, 7, 4);
	scan(w);
	/* The first of the four calls had released when the first scan came. */
	has(w, 0, A, 3, false);
	has(w, 0, 0, 1, false);
}

/* A call during the scan, which may have come too late for it: counts for the next one. */
static void test_call_during_scan(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10)->last_ns = w->now + 100;
	scan(w);
	assert_int_equal(w->live_cnt, 1);
	pinned(w, 10, 0x80, 7, 1);
	w->now += 200;
	scan(w);
	only(w, 0, A, 1, false);
	assert_int_equal(w->live_cnt, 0);
}

/* A call between reading the map and dropping its record: the record comes back with it. */
static void test_call_during_gc(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	match(w);
	again(w, &w->live[0].record);
	assert_true(gc(w));
	assert_int_equal(w->live_cnt, 0);
	assert_int_equal(records__cnt(w->records), 1);
	pinned(w, 10, 0x80, 7, 1);
	scan(w);
	only(w, 0, A, 1, false);
}

/* Another call took its key just then, with as many calls: a new record all the same. */
static void test_other_call_during_gc(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	match(w);
	w->live_cnt = 0;
	call(w, A, 0x1000, 0x80, 9, 1, 20);
	gc(w);
	pinned(w, 20, 0x80, 9, 1);
	scan(w);
	only(w, 0, A, 1, false);
}

/* --- records that are lengthened by the calls behind them --- */

static void lengthen(struct world *w, struct gup_record *record, uint32_t pages)
{
	record->pages += pages;
	record->last_page += pages * PAGE_BYTES;
	record->last_ns = ++w->now;
}

/* From one scan to the next: the pages that were known before are not counted twice. */
static void test_lengthened_over_scan(void **state)
{
	struct world *w = *state;
	struct gup_record *record = call(w, A, 0x1000, 0x80, 7, 2, 10);

	record->last_ns = w->now + 100; /* while the scan ran */
	pinned(w, 10, 0x80, 7, 1);
	pinned(w, 11, 0x80, 8, 1);
	scan(w);
	assert_int_equal(w->live_cnt, 1);
	call(w, B, 0x9000, 0x80, 8, 1, 11);
	lengthen(w, record, 2);
	w->hits[1].pins = 2;
	pinned(w, 12, 0x80, 9, 1);
	pinned(w, 13, 0x80, 10, 1);
	scan(w);
	only(w, 0, A, 1, false);
	has(w, 1, A, 1, false);
	has(w, 1, B, 1, false);
	only(w, 2, A, 1, false);
	only(w, 3, A, 1, false);
}

/* By a call that had begun before a scan and ended when that had seen all of the record. */
static void test_lengthened_when_seen(void **state)
{
	struct world *w = *state;
	struct gup_record *record = call(w, A, 0x1000, 0x80, 7, 2, 10);

	pinned(w, 10, 0x80, 7, 1);
	match(w);
	lengthen(w, record, 2);
	pinned(w, 13, 0x80, 10, 1);
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, A, 1, false);
}

/* Between reading the map and dropping the record. */
static void test_lengthened_during_gc(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 2, 10);
	match(w);
	lengthen(w, &w->live[0].record, 2);
	gc(w);
	assert_int_equal(w->live_cnt, 0);
	pinned(w, 13, 0x80, 10, 1);
	scan(w);
	only(w, 0, A, 1, false);
}

static int by_pfn(const void *a, const void *b)
{
	const struct scan_hit *x = a, *y = b;

	return (x->pfn > y->pfn) - (x->pfn < y->pfn);
}

static void test_gc(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 211; i++)
		call(w, A, 0x1000 + i * 0x1000, 0x80, i, 1, 1000 + i)->notes = 0;
	scan(w);
	assert_int_equal(w->live_cnt, 211);
	again(w, &w->live[13].record);
	scan(w);
	assert_int_equal(w->live_cnt, 1);
	scan(w);
	assert_int_equal(w->live_cnt, 0);
	assert_int_equal(records__cnt(w->records), 0);
}

/* Folios in line cost no memory each; when one of them goes, the others are what they were. */
static void test_in_line(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 500, 1000);
	for (int i = 0; i < 500; i++)
		pinned(w, 1000 + i, 0x80, 7 + i, 1);
	scan(w);
	assert_in_range(records__bytes(w->records), 1, 500 * 20);
	call(w, B, 0x9000, 0x80, 7 + 250, 1, 1250);
	w->hits[250].pins = 2;
	w->hits[300] = w->hits[--w->hit_cnt];
	qsort(w->hits, w->hit_cnt, sizeof(*w->hits), by_pfn);
	for (int round = 0; round < 2; round++) {
		scan(w);
		for (size_t i = 0; i < w->hit_cnt; i++)
			if (i == 250)
				has(w, i, B, 1, false);
			else
				only(w, i, A, 1, false);
	}
}

/* --- memory without a mapping, uncertain counts --- */

static void test_no_mapping(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0, VMEMMAP / PAGE_BYTES + 10, 3, 10);
	for (int i = 0; i < 4; i++)
		pinned(w, 10 + i, 0, 0, 1);
	scan(w);
	for (int i = 0; i < 3; i++)
		only(w, i, A, 1, false);
	only(w, 3, 0, 0, false);
}

static void test_uncertain(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 5)->certain = false;
	pinned(w, 11, 0x80, 8, 5)->certain = false;
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, 0, 0, false);
}

/* A range over two VMAs is two records; the index of the one may run over that of the other. */
static void test_parts(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 2, 10)->notes |= GUP_RECORD_PART;
	call(w, A, 0x3000, 0x90, 40, 3, 30)->notes |= GUP_RECORD_PART;
	call(w, B, 0x3000, 0x80, 9, 1, 12);
	pinned(w, 10, 0x80, 7, 1);
	pinned(w, 12, 0x80, 9, 1);
	pinned(w, 30, 0x90, 40, 1);
	pinned(w, 32, 0x90, 42, 1);
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, B, 1, false);
	only(w, 2, A, 1, false);
	only(w, 3, A, 1, false);
}

/* Many records in one mapping, a long one before them: all that cover a folio are found. */
static void test_many_spans(void **state)
{
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 0, 1009, 100000);
	for (uint32_t i = 0; i < 499; i++)
		call(w, B, 0x100000 + i * 0x1000, 0x80, i, 1, 200000 + i);
	pinned(w, 100000, 0x80, 0, 1);
	pinned(w, 101008, 0x80, 1008, 1);
	pinned(w, 200498, 0x80, 498, 1);
	scan(w);
	only(w, 0, A, 1, false);
	only(w, 1, A, 1, false);
	has(w, 2, B, 1, true); /* may be A's too, after a remap */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_held),
		TEST(test_neighbours_are_not_ours),
		TEST(test_large_folio),
		TEST(test_before_tracking),
		TEST(test_more_than_explained),
		TEST(test_truncated),
		TEST(test_truncated_unseen),
		TEST(test_frame_reused),
		TEST(test_remapped_with_scan),
		TEST(test_remapped_without_scan),
		TEST(test_same_buffer_again),
		TEST(test_call_during_scan),
		TEST(test_call_during_gc),
		TEST(test_other_call_during_gc),
		TEST(test_lengthened_over_scan),
		TEST(test_lengthened_when_seen),
		TEST(test_lengthened_during_gc),
		TEST(test_gc),
		TEST(test_in_line),
		TEST(test_no_mapping),
		TEST(test_uncertain),
		TEST(test_parts),
		TEST(test_many_spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) |
	       cmocka_run_group_tests_name("restarts", tests, restarting, NULL);
}
