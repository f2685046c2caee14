// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-validate without a kernel: the tables are whole, a pass that breaks a
 * promise fails with the right words, and the stream is KTAP.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "validate_impl.h"

static void test_tables(void **state)
{
	static const char *const rules[] = { "R1", "R2",  "R3",	 "R4",	"R5",  "R6",  "R7",  "R8",
					     "R9", "R10", "R11", "R12", "R13", "R14", "R15", "V1" };
	char number[12];

	(void)state;
	for (int i = 1; i <= 23; i++) {
		snprintf(number, sizeof(number), "%d", i);
		assert_true(validate_knows('p', number));
	}
	assert_false(validate_knows('p', "24"));
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		assert_true(validate_knows('r', rules[i]));
	for (const struct row *row = rows; row->id; row++) {
		assert_non_null(row->check);
		assert_non_null(row->promise);
		assert_int_equal(!row->gate, !row->no_gate);
		if (row->check == check_way || row->check == check_reference)
			assert_non_null(row->way);
		for (const struct row *other = rows; other < row; other++)
			assert_false(other->part == row->part && !strcmp(other->id, row->id));
	}
}

static const struct way held_way = { "a way", .transient = false, .memory = MEMORY_ANON,
				     .pages = 61 };

/* A pass of 61 pages that keeps every promise. */
static struct pass good_pass(void)
{
	struct pass pass = { .was_dirty = false, .is_dirty = true };

	pass.hold.pages = 61;
	pass.seen = (struct seen){
		.calls = 1,
		.asked = 61,
		.pinned = 61,
		.released = 61,
		.apis = 1U << API_PIN_USER_PAGES_FAST,
		.flags_any = PIN_LONGTERM | PIN_WRITE,
		.flags_all = PIN_LONGTERM | PIN_WRITE,
	};
	pass.held.pins = 61;
	pass.held.folios = 61;
	return pass;
}

static enum verdict judge(const struct pass *pass, unsigned int want, struct outcome *out)
{
	const struct row row = { .id = "x", .promise = "p", .way = &held_way, .want = want };

	*out = (struct outcome){};
	return pass__judge(pass, &row, out);
}

static void expect_broken(const struct pass *pass, unsigned int want, const char *words)
{
	struct outcome out;

	assert_int_equal(judge(pass, want, &out), VERDICT_FAIL);
	if (!strstr(out.reason, words))
		fail_msg("%s: %s", words, out.reason);
}

static void test_good(void **state)
{
	struct pass pass = good_pass();
	struct outcome out;

	(void)state;
	assert_int_equal(judge(&pass, WANT_LONGTERM | WANT_DIRTY, &out), VERDICT_PASS);
	assert_int_equal(out.pins, 61);
	assert_non_null(
		strstr(out.saw, "pin_user_pages_fast pinned 61 FOLL_LONGTERM, 61 released"));
}

static void test_broken(void **state)
{
	struct pass pass;

	(void)state;
	/* A huge page pinned once, and released page by page. */
	pass = good_pass();
	pass.seen.pinned = 1;
	expect_broken(&pass, 0, "1 of 61 pages pinned");
	/* An error path that keeps one. */
	pass = good_pass();
	pass.seen.released = 60;
	expect_broken(&pass, 0, "pinned 61, released 60");
	/* put_page() on a pin: the books say released, struct page does not. */
	pass = good_pass();
	pass.still = 1;
	expect_broken(&pass, 0, "1 folios still hold a pin");
	pass = good_pass();
	pass.held.differing = 2;
	expect_broken(&pass, 0, "differs from the books on 2");
	/* Released once too often. */
	pass = good_pass();
	pass.seen.unpinned = 3;
	expect_broken(&pass, 0, "3 releases of what was not pinned");
	/* FOLL_LONGTERM of one call missing; or there where the pin is short. */
	pass = good_pass();
	pass.seen.flags_all = PIN_WRITE;
	expect_broken(&pass, WANT_LONGTERM, "without FOLL_LONGTERM");
	expect_broken(&pass, WANT_SHORT, "but FOLL_LONGTERM");
	/* Written, not released as dirty. */
	pass = good_pass();
	pass.is_dirty = false;
	expect_broken(&pass, WANT_DIRTY, "still clean");
	pass = good_pass();
	pass.refused = -EFAULT;
	expect_broken(&pass, 0, "refused");
	pass = good_pass();
	pass.held = (struct held){};
	expect_broken(&pass, 0, "nothing was held");
}

/* Without the name of the function, neither its flags nor the promise can be judged. */
static void test_unhooked(void **state)
{
	struct pass pass = good_pass();
	struct outcome out;

	(void)state;
	pass.seen.apis = 0;
	assert_int_equal(judge(&pass, 0, &out), VERDICT_SKIP);
}

static void test_ktap(void **state)
{
	const struct row row = { .part = PART_RULES, .id = "R7", .promise = "words" };
	const struct row *const done[] = { &row, &row, &row };
	const size_t counts[PART_CNT] = { [PART_RULES] = 3 };
	struct outcome out[3] = {};
	char *text = NULL;
	size_t len;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	strcpy(out[0].saw, "61 pinned");
	out[1].verdict = outcome__fail(&out[1], "broke %d", 7);
	out[2].verdict = outcome__skip(&out[2], "no device");
	form_begin(file, counts);
	form_part(file, PART_RULES, 3);
	for (int i = 0; i < 3; i++)
		form_row(file, i + 1, &row, &out[i]);
	form_part_end(file, 1, PART_RULES, true);
	form_table(file, done, out, 3);
	fclose(file);
	assert_string_equal(text, "KTAP version 1\n1..1\n"
				  "  KTAP version 1\n  # Subtest: rules\n  1..3\n"
				  "    # saw:      61 pinned\n  ok 1 R7: words\n"
				  "    # broken:   broke 7\n  not ok 2 R7: words\n"
				  "  ok 3 R7: words # SKIP no device\n"
				  "not ok 1 rules\n"
				  "#\n# WHAT               HOLDS PROMISE\n"
				  "# R7                 yes   words\n"
				  "# R7                 NO    words: broke 7\n"
				  "# R7                 -     words: no device\n"
				  "# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:1 error:0\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables), cmocka_unit_test(test_good),
		cmocka_unit_test(test_broken), cmocka_unit_test(test_unhooked),
		cmocka_unit_test(test_ktap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
