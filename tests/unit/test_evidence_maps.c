// SPDX-License-Identifier: GPL-2.0-only
/* Which processes map the folios asked for: maps, smaps and pagemap of a folder that plays /proc. */
#include "proc_tree.h"

static bool is_mapped_by(const struct evidence *evidence, size_t hit, uint32_t pid)
{
	const struct evidence_set *set = &evidence->sets[evidence->mapped_by[hit]];

	for (uint32_t i = 0; i < set->cnt; i++)
		if (evidence->procs[set->procs[i]].pid == pid)
			return true;
	return false;
}

/* ---- maps ---- */

static void test_map_lines(void **state)
{
	static const struct {
		const char *line;
		uint64_t start, end, bytes;
		bool skip;
	} wanted[] = {
		{ "1000-3000 rw-p 00000000 00:00 0 \n", 0x1000, 0x3000, UINT64_MAX, false },
		{ "4000-5000 r--p 00000000 00:00 0 [vvar]\n", 0x4000, 0x5000, UINT64_MAX, true },
		{ "5000-6000 r-xp 00000000 00:00 0 [vdso]\n", 0x5000, 0x6000, UINT64_MAX, true },
		{ "6000-7000 r--p 0 08:01 9 /tmp/[vdso]\n", 0x6000, 0x7000, UINT64_MAX, false },
		{ "7000-8000 r--p 0 08:01 9 /tmp/a [vvar]\n", 0x7000, 0x8000, UINT64_MAX, false },
		{ "ffffffffff600000-ffffffffff601000 --xp 0 0:0 0 [vsyscall]\n", 0xffffffffff600000,
		  0xffffffffff601000, UINT64_MAX, true },
	};
	static const char *const bad[] = {
		"",	 "-",	      "1000",	"1000-",       "3000-1000 rw-p\n",
		"x-y\n", "1000-2000", "\xff\n", "Rss: -1 kB\n"
	};
	struct map_area open = {}, area;

	(void)state;
	for (size_t i = 0; i <= ARRAY_SIZE(wanted); i++) {
		const char *line = i < ARRAY_SIZE(wanted) ? wanted[i].line : NULL;

		assert_int_equal(map_area__feed(&open, line, &area), i > 0);
		if (!i)
			continue;
		assert_int_equal(area.start, wanted[i - 1].start);
		assert_int_equal(area.end, wanted[i - 1].end);
		assert_int_equal(area.bytes, wanted[i - 1].bytes);
		assert_int_equal(area.skip, wanted[i - 1].skip);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(map_area__feed(&open, bad[i], &area));
	assert_false(map_area__feed(&open, NULL, &area));
	/* smaps: hugetlb pages are not in Rss. */
	map_area__feed(&open, "1000-3000 rw-p 00000000 00:00 0 \n", &area);
	map_area__feed(&open, "Rss:                  12 kB\n", &area);
	map_area__feed(&open, "AnonHugePages:        99 kB\n", &area);
	map_area__feed(&open, "Shared_Hugetlb:     2048 kB\n", &area);
	map_area__feed(&open, "Private_Hugetlb:    4096 kB\n", &area);
	assert_true(map_area__feed(&open, NULL, &area));
	assert_int_equal(area.bytes, (12 + 6144) << 10);
}

static void test_folio_index(void **state)
{
	static const struct evidence_folio folios[] = {
		{ 10, 0 },   { 11, 0 },		{ 512, 9 },
		{ 2048, 3 }, { 1ULL << 40, 0 }, { (1ULL << 40) + 512, 9 }
	};
	static const struct {
		uint64_t pfn;
		size_t hit;
	} asked[] = { { 9, SIZE_MAX },
		      { 10, 0 },
		      { 11, 1 },
		      { 12, SIZE_MAX },
		      { 511, SIZE_MAX },
		      { 512, 2 },
		      { 1023, 2 },
		      { 1024, SIZE_MAX },
		      { 2048, 3 },
		      { 2055, 3 },
		      { 2056, SIZE_MAX },
		      { 1ULL << 40, 4 },
		      { (1ULL << 40) + 1, SIZE_MAX },
		      { (1ULL << 40) + 1023, 5 },
		      { (1ULL << 40) + 1024, SIZE_MAX },
		      { 0, SIZE_MAX },
		      { UINT64_MAX, SIZE_MAX } };
	struct folio_index index;

	(void)state;
	/* With and without a shift: the last two folios are far away. */
	for (size_t cnt = 4; cnt <= 6; cnt += 2) {
		assert_int_equal(folio_index__init(&index, folios, cnt), 0);
		assert_int_equal(index.shift > 0, cnt == 6);
		for (size_t round = 0; round < 2; round++) /* the last answer must not matter */
			for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
				size_t at = round ? ARRAY_SIZE(asked) - 1 - i : i;
				size_t want = asked[at].hit < cnt ? asked[at].hit : SIZE_MAX;

				assert_int_equal(folio_index__find(&index, asked[at].pfn), want);
			}
		folio_index__free(&index);
	}
	assert_int_equal(folio_index__init(&index, NULL, 0), 0);
	assert_int_equal(folio_index__find(&index, 0), SIZE_MAX);
	folio_index__free(&index);
}

/* 7 pages of one process, 11 of both, 13 of the other, 3 of nobody. */
static void check_mapped(const struct proc_tree *tree, bool has_scan)
{
	struct evidence_folio *folios = small_folios(5000, 34);
	struct evidence evidence;

	read_tree(tree, folios, 34, has_scan, &evidence);
	assert_int_equal(evidence.proc_cnt, 2);
	assert_true(find_proc(&evidence, 11)->maps_read);
	assert_int_equal(evidence.set_cnt, 4);
	assert_int_equal(evidence.sets[0].cnt, 0);
	for (size_t i = 0; i < 34; i++) {
		assert_int_equal(is_mapped_by(&evidence, i, 11), i < 18);
		assert_int_equal(is_mapped_by(&evidence, i, 13), i >= 7 && i < 31);
	}
	evidence__free(&evidence);
	free(folios);
}

static void test_mapped_by(void **state)
{
	/* Terabytes of nothing in the way, and special areas that hold a hit by accident. */
	static const char smaps[] = "100000-200000 rw-p 0 00:00 0 \nRss: 1024 kB\n"
				    "200000-300000 r--p 0 00:00 0 [vvar]\nRss: 12 kB\n"
				    "2000000-2001000 rw-p 0 00:00 0 \nRss: 4 kB\n"
				    "10000000000-20000000000 ---p 0 00:00 0 \nRss: 0 kB\n";
	const struct proc_tree *tree = *state;

	for (uint32_t pid = 11; pid <= 17; pid += 2) {
		tree__add(tree, pid, "mapper", 0, "");
		if (pid == 15)
			continue;
		tree__text(tree, pid, "smaps", smaps);
		tree__map(tree, pid, 0x200000, 5031, 3);
	}
	tree__map(tree, 11, 0x100000, 5000, 18);
	tree__map(tree, 13, 0x100000, 5007, 23);
	tree__map(tree, 13, 0x2000000, 5030, 1);
	tree__map(tree, 13, 0x140000, 5007, 2); /* twice in one process: one member */
	tree__map(tree, 17, 0x100000, 9000, 30);
	check_mapped(tree, false);
	tree__text(tree, 11, "maps", "100000-200000 rw-p 0 00:00 0 \n");
	/* 17 MiB: large enough to scan first, which this file system refuses. */
	tree__text(tree, 13, "maps",
		   "100000-200000 rw-p 0 00:00 0 \n2000000-3100000 rw-p 0 00:00 0 \n");
	tree__text(tree, 17, "maps", "");
	check_mapped(tree, true);
}

/* Half a terabyte with something in it: without PAGEMAP_SCAN nobody knows where. */
static void test_too_big(void **state)
{
	static const struct evidence_folio folio = { 5000, 0 };
	const struct proc_tree *tree = *state;
	struct evidence evidence;

	tree__add(tree, 11, "sparse", 0, "VmLck:\t 4 kB\n");
	tree__text(tree, 11, "smaps",
		   "10000000000-18000000000 rw-p 0 00:00 0 \nRss: 4 kB\n"
		   "20000000000-20000001000 rw-p 0 00:00 0 \nRss: 4 kB\n");
	tree__map(tree, 11, 0x20000000000, 5000, 1);
	read_tree(tree, &folio, 1, false, &evidence);
	assert_true(is_mapped_by(&evidence, 0, 11));
	assert_false(find_proc(&evidence, 11)->maps_read);
	assert_false(evidence.complete);
	assert_int_equal(evidence.denied, 0);
	evidence__free(&evidence);
}

static void test_big_folio(void **state)
{
	static const struct evidence_folio folios[] = { { 512, 9 }, { 1024, 0 } };
	const struct proc_tree *tree = *state;
	struct evidence evidence;

	tree__add(tree, 11, "tail", 0, "");
	tree__text(tree, 11, "smaps", "100000-200000 rw-p 0 00:00 0 \nRss: 12 kB\n");
	tree__map(tree, 11, 0x1ff000, 1023, 1); /* its last page only */
	read_tree(tree, folios, 2, false, &evidence);
	assert_true(is_mapped_by(&evidence, 0, 11));
	assert_int_equal(evidence.mapped_by[1], 0);
	evidence__free(&evidence);
}

static void test_sets_are_bounded(void **state)
{
	struct evidence evidence = { .complete = true };
	struct mappers mappers;
	uint32_t set = 0;

	(void)state;
	assert_int_equal(mappers__init(&mappers), 0);
	for (uint32_t proc = 0; proc < 3u << 20; proc++) {
		uint32_t next = mappers__add(&mappers, 0, proc);

		if (proc == 1)
			set = mappers__add(&mappers, set, proc);
		if (!next) {
			assert_true(mappers.full);
			break;
		}
		set = next;
	}
	assert_true(mappers.full);
	assert_in_range(mappers.cnt, 1 << 20, 3 << 20);
	evidence.mapped_by = calloc(1, sizeof(uint32_t));
	evidence.mapped_by[0] = set;
	assert_int_equal(mappers__finish(&mappers, &evidence, 1), 0);
	assert_int_equal(evidence.set_cnt, 2);
	assert_int_equal(evidence.sets[evidence.mapped_by[0]].cnt, 1);
	assert_false(evidence.complete);
	free(mappers.nodes);
	evidence__free(&evidence);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_lines), cmocka_unit_test(test_folio_index),
		tree_test(test_mapped_by),	  tree_test(test_big_folio),
		tree_test(test_too_big),	  cmocka_unit_test(test_sets_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
