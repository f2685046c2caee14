// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scan without a kernel: what counts and flags of a struct page mean, and
 * which page frames are walked.
 */
#include <errno.h>
#include <sys/stat.h>

#include "fixture.h"
#include "scan_impl.h"

#define ANON 0xffff888000001001ULL
#define FILE_ 0xffff888000002000ULL

enum {
	SWAPBACKED = 1 << 0,
	LRU = 1 << 1,
	PRIVATE = 1 << 2,
	RESERVED = 1 << 3,
	SLAB = 1 << 4,
	SWAPCACHE = 1 << 5
};

/* As 6.12 and later have it: types in the top byte. */
static const struct scan_judge with_bytes = {
	.facts = { .pg_swapbacked = SWAPBACKED,
		   .pg_lru = LRU,
		   .pg_private = PRIVATE,
		   .pg_reserved = RESERVED,
		   .pg_swapcache = SWAPCACHE,
		   .pgty_buddy = 0xf0,
		   .pgty_offline = 0xf1,
		   .pgty_table = 0xf2,
		   .pgty_hugetlb = 0xf4,
		   .pgty_slab = 0xf5 },
};

/* As before: types as cleared bits, slabs by a flag. */
static const struct scan_judge with_bits = {
	.facts = { .pg_swapbacked = SWAPBACKED,
		   .pg_lru = LRU,
		   .pg_private = PRIVATE,
		   .pg_reserved = RESERVED,
		   .pg_slab = SLAB },
	.hugetlb_index_in_huge_pages = true,
};

struct small_case {
	uint64_t mapping, flags;
	int32_t refs, mapcount;
	uint32_t pins;
	bool certain;
	enum mem_kind kind;
};

static const struct small_case small_cases[] = {
	/* nothing that looks like a pin */
	{ ANON, SWAPBACKED, 1, 1, 0, false, MEM_ANON },
	{ FILE_, LRU, 1101, 1100, 0, false, MEM_FILE },
	{ FILE_, LRU, 1024, 0, 0, false, MEM_FILE },
	{ FILE_, LRU | PRIVATE, 1025, 0, 0, false, MEM_FILE },
	/* pins, beside mappings and caches */
	{ ANON, SWAPBACKED, 1025, 1, 1, true, MEM_ANON },
	{ ANON, SWAPBACKED, 1024, 0, 1, true, MEM_ANON },
	{ ANON, SWAPBACKED | SWAPCACHE, 1026, 1, 1, true, MEM_ANON },
	{ FILE_, LRU, 2125, 1100, 1, true, MEM_FILE },
	{ FILE_, LRU | PRIVATE, 7 * 1024 + 3, 1, 7, true, MEM_FILE },
	{ FILE_, LRU | SWAPBACKED, 2134, 1109, 1, true, MEM_SHMEM },
	{ ANON | 2, SWAPBACKED, 1024 + 5, 5, 1, true, MEM_KSM },
	/* undecidable: 1,030 pipe references; the edge; and clearly doubtful */
	{ ANON, SWAPBACKED, 1031, 1, 1, true, MEM_ANON },
	{ ANON, SWAPBACKED, 1025 + 64, 1, 1, true, MEM_ANON },
	{ ANON, SWAPBACKED, 1025 + 65, 1, 1, false, MEM_ANON },
	{ ANON, SWAPBACKED, 1501, 1, 1, false, MEM_ANON },
	/* a truncated file's page is user memory still; a driver's is not */
	{ 0, LRU | SWAPBACKED, 1024, 0, 1, true, MEM_SHMEM },
	{ 0, LRU, 1024, 0, 1, true, MEM_FILE },
	{ 0, 0, 1024, 0, 1, false, MEM_KERNEL },
	{ 0, 0, 65535, 0, 63, false, MEM_KERNEL },
	{ 0, 0, 32769, 0, 32, false, MEM_KERNEL },
	/* never: the zero page, other kernel memory */
	{ 0, RESERVED, 5000, 0, 0, false, MEM_KERNEL },
	{ FILE_ | 2, 0, 5000, 0, 0, false, MEM_KERNEL },
};

static void test_small_pages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(small_cases); i++) {
		const struct small_case *c = &small_cases[i];
		const struct gup_scan_folio folio = { .pfn = 17,
						      .flags = c->flags,
						      .mapping = c->mapping,
						      .refcount = c->refs,
						      .mapcount = c->mapcount,
						      .page_type = c->mapcount - 1 };
		struct scan_hit hit;

		assert_int_equal(scan_judge(&with_bytes, &folio, false, &hit), c->pins > 0);
		assert_int_equal(hit.pins, c->pins);
		assert_int_equal(hit.certain, c->certain);
		assert_int_equal(hit.kind, c->kind);
		if (hit.kind != MEM_KERNEL)
			assert_int_equal(hit.mapping, c->mapping & ~3ULL);
	}
}

static void test_large_folios(void **state)
{
	struct gup_scan_folio folio = { .mapping = ANON,
					.large = 1,
					.order = 9,
					.refcount = 513,
					.pincount = 512,
					.index = 3,
					.page_type = 0xffffffff };
	struct scan_hit hit;

	(void)state;
	assert_true(scan_judge(&with_bytes, &folio, false, &hit));
	assert_true(hit.certain && hit.pins == 512 && hit.kind == MEM_THP && !hit.in_file);
	folio.order = 4;
	assert_true(scan_judge(&with_bytes, &folio, false, &hit));
	assert_int_equal(hit.kind, MEM_ANON);
	/* more pins than references: not a pin count at all */
	folio.pincount = 514;
	assert_false(scan_judge(&with_bytes, &folio, false, &hit));
	folio.pincount = -5;
	assert_false(scan_judge(&with_bytes, &folio, false, &hit));
	/* any number of references of a large folio is no pin */
	folio.pincount = 0;
	folio.refcount = 32769;
	assert_false(scan_judge(&with_bytes, &folio, false, &hit));
	/* but of a compound page of order 1, before struct folio */
	folio.order = 1;
	folio.refcount = 1025;
	folio.mapcount = 1;
	assert_true(scan_judge(&with_bits, &folio, false, &hit));
	assert_int_equal(hit.pins, 1);
}

static void test_hugetlb(void **state)
{
	struct gup_scan_folio folio = { .mapping = FILE_,
					.large = 1,
					.hugetlb = 1,
					.order = 9,
					.refcount = 3,
					.pincount = 1,
					.index = 3,
					.page_type = 0xf4000000 };
	struct scan_hit hit;

	(void)state;
	assert_true(scan_judge(&with_bytes, &folio, false, &hit));
	assert_true(hit.kind == MEM_HUGETLB && hit.in_file && hit.index == 3);
	assert_true(scan_judge(&with_bits, &folio, false, &hit));
	assert_int_equal(hit.index, 3 * 512);
	folio.mapping = ANON;
	assert_true(scan_judge(&with_bytes, &folio, false, &hit));
	assert_true(hit.kind == MEM_HUGETLB && !hit.in_file);
}

struct what_case {
	const struct scan_judge *judge;
	uint64_t flags, mapping;
	uint32_t page_type;
	int32_t refs;
	enum scan_what what;
};

static const struct what_case what_cases[] = {
	{ &with_bytes, 0, 0, 0xf0000000, 0, SCAN_FREE },
	{ &with_bytes, 0, 0, 0xffffffff, 0, SCAN_FREE },
	{ &with_bytes, 0, 0, 0xf1000000, 5000, SCAN_OFFLINE },
	{ &with_bytes, 0, 0, 0xf2000000, 5000, SCAN_PAGE_TABLE },
	{ &with_bytes, 0, 0, 0xf5000000, 5000, SCAN_SLAB },
	{ &with_bytes, 0, 0, 0xf8000000, 5000, SCAN_KERNEL },
	{ &with_bits, 0, 0, 0xffffff7f, 0, SCAN_FREE },
	{ &with_bits, 0, 0, 0xfffffeff, 5000, SCAN_OFFLINE },
	{ &with_bits, 0, 0, 0xfffffdff, 5000, SCAN_PAGE_TABLE },
	{ &with_bits, SLAB, FILE_, 0x1f, 5000, SCAN_SLAB },
	{ &with_bytes, RESERVED, 0, 0xffffffff, 1, SCAN_RESERVED },
	{ &with_bytes, 0, 0, 0xffffffff, 1, SCAN_KERNEL },
	{ &with_bytes, 0, ANON, 0, 1, SCAN_USER },
	{ &with_bytes, LRU, FILE_, 1200, 1202, SCAN_USER },
};

static void test_what(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(what_cases); i++) {
		const struct what_case *c = &what_cases[i];
		const struct gup_scan_folio folio = { .flags = c->flags,
						      .mapping = c->mapping,
						      .refcount = c->refs,
						      .private = 4,
						      .mapcount = (int32_t)c->page_type + 1,
						      .page_type = c->page_type };
		struct scan_hit hit;

		assert_true(scan_judge(c->judge, &folio, true, &hit));
		assert_int_equal(hit.what, c->what);
		/* none of this is a pin, whatever the count of references says */
		if (c->what != SCAN_KERNEL)
			assert_false(scan_judge(c->judge, &folio, false, &hit));
	}
}

static char folder[] = "/tmp/gup-scan-XXXXXX";

static void write_file(const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_dir(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void remove_all(void)
{
	static const char *const names[] = {
		"memory0/state",    "memory1/state", "memory0", "memory1",
		"block_size_bytes", "iomem",	     ""
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(remove(path), 0);
	}
}

static int read_ranges(struct pfn_range **ranges, size_t *cnt, uint64_t *left_out)
{
	char iomem[256];

	snprintf(iomem, sizeof(iomem), "%s/iomem", folder);
	return ram_ranges__read_from(iomem, folder, ranges, cnt, left_out);
}

static void test_ranges(void **state)
{
	struct pfn_range *ranges;
	uint64_t left_out;
	size_t cnt;

	(void)state;
	assert_non_null(mkdtemp(folder));
	write_file("iomem", "00000000-00000fff : Reserved\n"
			    "00001000-0009fbff : System RAM\n"
			    "00100000-17ffffff : System RAM\n"
			    "  01000000-02209987 : Kernel code\n"
			    "100000000-13fffffff : Persistent Memory\n"
			    "  100000000-107ffffff : dax0.0\n"
			    "    100000000-107ffffff : System RAM (kmem)\n");
	assert_int_equal(read_ranges(&ranges, &cnt, &left_out), 0);
	assert_int_equal(cnt, 3);
	assert_true(ranges[0].start == 1 && ranges[0].end == 0x9f);
	assert_true(ranges[1].start == 0x100 && ranges[1].end == 0x18000);
	assert_true(ranges[2].start == 0x100000 && ranges[2].end == 0x108000);
	assert_int_equal(left_out, 0x38000);
	free(ranges);
	/* block 1 of 128 MiB is offline */
	write_file("block_size_bytes", "8000000\n");
	make_dir("memory0");
	write_file("memory0/state", "online\n");
	make_dir("memory1");
	write_file("memory1/state", "offline\n");
	assert_int_equal(read_ranges(&ranges, &cnt, &left_out), 0);
	assert_int_equal(cnt, 4);
	assert_true(ranges[1].end == 0x8000 && ranges[2].start == 0x10000);
	assert_int_equal(left_out, 0x38000 + 0x8000);
	free(ranges);
	/* without privilege */
	write_file("iomem", "00000000-00000000 : System RAM\n");
	assert_int_equal(read_ranges(&ranges, &cnt, &left_out), -EPERM);
	remove_all();
}

static void test_within(void **state)
{
	const struct pfn_range ram[] = { { 10, 20 }, { 30, 40 } };
	const struct pfn_range asked[] = { { 35, 50 }, { 0, 12 }, { 11, 32 } };
	struct pfn_range *kept;
	size_t cnt;

	(void)state;
	assert_int_equal(pfn_ranges__within(asked, 3, ram, 2, &kept, &cnt), 0);
	assert_int_equal(cnt, 3);
	assert_true(kept[0].start == 10 && kept[0].end == 20);
	assert_true(kept[1].start == 30 && kept[1].end == 32);
	assert_true(kept[2].start == 35 && kept[2].end == 40);
	free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_pages), cmocka_unit_test(test_large_folios),
		cmocka_unit_test(test_hugetlb),	    cmocka_unit_test(test_what),
		cmocka_unit_test(test_ranges),	    cmocka_unit_test(test_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
