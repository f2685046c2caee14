// SPDX-License-Identifier: GPL-2.0-only
/* Busy page frames: whose pins are in the range, and what JSON and the report make of it. */
#include "fixture.h"
#include "snapshot_busy.h"

/* Pins of two groups, one of them recorded; folios of one and of 512 pages. */
static struct snapshot *look(bool recorded)
{
	struct snapshot *snap = snapshot__new();
	int qemu = add_process(snap, 4242, "qemu");
	const struct page_info pages[] = {
		{ .pfn = 0x0c00, .folio_bytes = 2 * MIB, .pins = 3, .certain = true, .group = 0 },
		{ .pfn = 0x1000, .folio_bytes = 4 * KIB, .pins = 2, .certain = true, .group = 0 },
		{ .pfn = 0x1001, .folio_bytes = 4 * KIB, .pins = 0, .certain = true, .group = -1 },
		{ .pfn = 0x1002, .folio_bytes = 4 * KIB, .pins = 9, .certain = false, .group = -1 },
		{ .pfn = 0x1200, .folio_bytes = 4 * KIB, .pins = 1, .certain = true, .group = 1 },
		{ .pfn = 0x1201, .folio_bytes = 4 * KIB, .pins = 1, .certain = true, .group = 0 },
	};

	snap->page_size = 4 * KIB;
	add_group(snap, recorded ? qemu : -1, 6, 3, 2 * MIB + 8 * KIB);
	add_group(snap, -1, 1, 1, 4 * KIB)->api = API_UNKNOWN;
	if (!recorded)
		snap->groups[0].likely =
			memcpy(snapshot__alloc(snap, sizeof(struct holder)),
			       &(struct holder){ .process = qemu, .basis = BASIS_LIKELY },
			       sizeof(struct holder));
	snap->groups[0].likely_cnt = !recorded;
	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		*(struct page_info *)snapshot__append(snap, &snap->pages, &snap->page_cnt,
						      sizeof(pages[i])) = pages[i];
	return snap;
}

static struct busy_range *range(struct snapshot *snap, uint64_t start, uint64_t end)
{
	const struct busy_range busy = {
		.first_ns = TAKEN - 61 * S,
		.last_ns = TAKEN,
		.times = 7,
		.start_pfn = start,
		.end_pfn = end,
		.by = "cma:cma_alloc_busy_retry",
	};

	return snapshot__add_busy(snap, &busy);
}

static void assert_holder(const struct busy_holder *holder, uint32_t pid, enum basis basis,
			  uint64_t pins, uint64_t bytes, uint64_t first_pfn)
{
	assert_int_equal(holder->pid, pid);
	assert_int_equal(holder->basis, basis);
	assert_int_equal(holder->q.pins, pins);
	assert_int_equal(holder->q.bytes, bytes);
	assert_int_equal(holder->first_pfn, first_pfn);
}

/* A folio that begins before the range is in it; one that ends or begins at an end is not. */
static void test_ends(void **state)
{
	struct snapshot *snap = snapshot__new(), *seen = look(true);
	struct busy_range *busy = range(snap, 0x0dff, 0x1201);

	(void)state;
	snapshot__busy_holders(snap, busy, seen, NULL);
	assert_int_equal(busy->holder_cnt, 2);
	assert_holder(&busy->holders[0], 4242, BASIS_RECORDED, 5, 2 * MIB + 4 * KIB, 0x0c00);
	assert_string_equal(busy->holders[0].comm, "qemu");
	assert_int_equal(busy->holders[0].api, API_PIN_USER_PAGES_FAST);
	assert_holder(&busy->holders[1], 0, BASIS_UNKNOWN, 1, 4 * KIB, 0x1200);
	busy = range(snap, 0x0e00, 0x1000);
	snapshot__busy_holders(snap, busy, seen, NULL);
	assert_int_equal(busy->holder_cnt, 0);
	snapshot__free(seen);
	snapshot__free(snap);
}

/* What the tracker has recorded is not told again by the scan. */
static void test_both(void **state)
{
	struct snapshot *snap = snapshot__new(), *recorded = look(true), *found = look(false);
	struct busy_range *busy = range(snap, 0x1000, 0x2000);

	(void)state;
	recorded->page_cnt = 2; /* up to pfn 1000 */
	snapshot__busy_holders(snap, busy, recorded, NULL);
	snapshot__busy_holders(snap, busy, found, recorded);
	assert_int_equal(busy->holder_cnt, 3);
	assert_holder(&busy->holders[0], 4242, BASIS_RECORDED, 2, 4 * KIB, 0x1000);
	assert_holder(&busy->holders[1], 0, BASIS_UNKNOWN, 1, 4 * KIB, 0x1200);
	assert_holder(&busy->holders[2], 4242, BASIS_LIKELY, 1, 4 * KIB, 0x1201);
	snapshot__free(recorded);
	snapshot__free(found);
	snapshot__free(snap);
}

static char *text_of(const struct snapshot *snap, bool json)
{
	const struct text_options opts = { .width = 100 };
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_int_equal(json ? form_json(out, snap) : form_text(out, snap, &opts), 0);
	fclose(out);
	return text;
}

static void test_forms(void **state)
{
	struct snapshot *snap = fixture_leak(), *seen = look(false), *back;
	struct busy_range *busy = range(snap, 0x1000, 0x1202);
	char why[256] = "", *json, *again, *text;

	(void)state;
	snapshot__busy_holders(snap, busy, seen, NULL);
	snapshot__free(seen);
	range(snap, 0x5000, 0x5200);
	json = text_of(snap, true);
	assert_non_null(strstr(json, "\"end_pfn\": 4610"));
	back = form_json__read_buffer(json, strlen(json), why, sizeof(why));
	assert_string_equal(why, "");
	again = text_of(back, true);
	assert_string_equal(json, again);
	text = text_of(back, false);
	assert_non_null(strstr(text, "   [1000, 1202) "));
	assert_non_null(strstr(text, ", 7 times until "));
	assert_non_null(strstr(text, "      3 pins, 8.00 KiB, likely by qemu (pid 4242), "
				     "pin_user_pages_fast; first at 1000\n"));
	assert_non_null(strstr(text, "      1 pin, 4.00 KiB, by nobody known; first at 1200\n"));
	assert_non_null(strstr(text, "      nothing was pinned there when it looked\n"));
	free(text);
	free(again);
	free(json);
	snapshot__free(back);
	snapshot__free(snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
