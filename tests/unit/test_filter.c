// SPDX-License-Identifier: GPL-2.0-only
/*
 * Filters: each word takes what it should and nothing else, words together take
 * what fits all, totals are the sums of what is left, and what is said to have
 * been asked for is what was asked for.
 */
#include "filter.h"
#include "fixture.h"
#include "fixture_saved.h"

static struct snapshot *golden(const char *name)
{
	char path[512], *text;
	struct snapshot *snap;

	snprintf(path, sizeof(path), "%s/snapshots/%s.json", golden_dir(), name);
	text = read_file(path);
	snap = read_text(text);
	free(text);
	return snap;
}

/* Words are separated by ";". */
static void filter_by(struct snapshot *snap, const char *words)
{
	struct filter filter = { 0 };
	char copy[256], *rest = copy, *word, why[160] = "";

	snprintf(copy, sizeof(copy), "%s", words);
	while ((word = strsep(&rest, ";")))
		if (filter__parse(&filter, word, why, sizeof(why)))
			fail_msg("%s: %s", word, why);
	filter__apply(snap, &filter);
}

/* Pins of the groups, which name them: all differ. */
static void assert_left(const char *name, const char *words, const uint64_t *pins)
{
	struct snapshot *snap = golden(name);
	uint64_t sum = 0, want = 0;
	size_t cnt = 0;

	filter_by(snap, words);
	for (; pins[cnt]; cnt++)
		want += pins[cnt];
	if (snap->group_cnt != cnt)
		fail_msg("%s: %zu groups are left, not %zu", words, snap->group_cnt, cnt);
	for (size_t i = 0; i < cnt; i++) {
		if (snap->groups[i].q.pins != pins[i])
			fail_msg("%s: group %zu has %zu pins, not %zu", words, i,
				 (size_t)snap->groups[i].q.pins, (size_t)pins[i]);
		sum += snap->groups[i].q.bytes;
	}
	assert_int_equal(snap->pinned.pins, want);
	assert_int_equal(snap->pinned.bytes, sum);
	assert_int_equal(snap->attributed.bytes + snap->unattributed.bytes, sum);
	assert_non_null(snap->filter);
	snapshot__free(snap);
}

static void test_words(void **state)
{
	static const struct {
		const char *words;
		uint64_t pins[10]; /* largest memory first, ends with 0 */
	} cases[] = {
		{ "pid=5120", { 61 } },
		{ "pid=702", { 3 } }, /* by evidence, and as it maps them */
		{ "pid=90", { 127, 31 } },
		{ "pid=91", { 0 } },
		{ "comm=cam*", { 29 } },
		{ "comm=ca*", { 509, 29 } },
		{ "comm=?am*", { 29 } },
		{ "comm=pins", { 1031, 263, 257 } },
		{ "uid=1001", { 509, 29 } },
		{ "uid=64055", { 1048576 } },
		{ "uid=root;comm=fio", { 61 } },
		{ "cgroup=/user.slice", { 61, 29 } },
		{ "cgroup=/user.slice/", { 61, 29 } },
		{ "cgroup=/user.slice/user-1001.slice", { 29 } },
		{ "cgroup=/user.slice/user-1001", { 0 } },
		{ "driver=leaky", { 509, 29 } },
		{ "driver=vfio-iommu-type1", { 1048576 } },
		{ "driver=vfio_iommu", { 0 } },
		{ "driver=io_uring", { 1031, 263, 257, 31 } },
		{ "file=/srv/model.bin", { 31 } },
		{ "file=/srv/data.img", { 127, 61 } },
		{ "file=/srv/data", { 0 } },
		{ "kind=hugetlb", { 1048576 } },
		{ "kind=file", { 31 } },
		{ "zone=Movable", { 31 } },
		{ "node=1", { 0 } },
		{ "node=0;zone=Movable;kind=anon", { 0 } },
		{ "zone=Movable;pid=90", { 31 } },
		{ "pid=812;comm=capture;uid=1001;driver=leaky;node=0;kind=anon", { 509 } },
		{ "pid=812;comm=camera", { 0 } }, /* one process must fit both */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_left("rules", cases[i].words, cases[i].pins);
}

static void test_nothing_asked(void **state)
{
	struct snapshot *snap = golden("rules");
	char *before = written(snap, form_json), *after;
	struct filter filter = { .by_pid = true, .pid = 7 };
	char why[80] = "";

	(void)state;
	assert_int_equal(filter__parse(&filter, "  ", why, sizeof(why)), 0);
	assert_true(filter__is_empty(&filter));
	filter__apply(snap, &filter);
	after = written(snap, form_json);
	assert_string_equal(after, before);
	free(before);
	free(after);
	snapshot__free(snap);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "fio", "write it as word=value" },
		{ "=fio", "write it as word=value" },
		{ "name=fio", "no such word: use file, pid" },
		{ "comm=", "comm: what is wanted?" },
		{ "pid=0", "pid: not a process id" },
		{ "pid=-1", "pid: not a process id" },
		{ "pid=7x", "pid: not a process id" },
		{ "pid=4294967297", "pid: not a process id" },
		{ "uid=no such user", "uid: no user of that name" },
		{ "node=a", "node: not the number of a node" },
		{ "kind=none", "kind: use one of unknown anon thp" },
		{ "cgroup=a", "cgroup: a path from / on" },
	};
	struct filter filter = { 0 };
	char why[200], text[400] = "file=";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(filter__parse(&filter, cases[i].text, why, sizeof(why)), -EINVAL);
		if (!strstr(why, cases[i].why))
			fail_msg("%s: said %s", cases[i].text, why);
	}
	memset(text + 5, 'x', 300);
	assert_int_equal(filter__parse(&filter, text, why, sizeof(why)), -EINVAL);
	assert_string_equal(why, "file: too long");
	assert_true(filter__is_empty(&filter));
}

/* Pages follow their groups; zones are kept only where the words tell them apart. */
static void test_pages_and_zones(void **state)
{
	struct snapshot *snap = golden("scan");

	(void)state;
	assert_true(snap->page_cnt > 10);
	filter_by(snap, "zone=Movable");
	assert_int_equal(snap->page_cnt, 3);
	assert_int_equal(snap->pages[0].group, 0);
	assert_string_equal(snap->pages[0].file, "/srv/model.bin");
	assert_int_equal(snap->zone_cnt, 1);
	assert_string_equal(snap->zones[0].zone, "Movable");
	snapshot__free(snap);

	snap = golden("scan");
	filter_by(snap, "kind=anon");
	assert_int_equal(snap->zone_cnt, 0);
	for (size_t i = 0; i < snap->page_cnt; i++)
		assert_int_equal(snap->pages[i].kind, MEM_ANON);
	snapshot__free(snap);

	snap = golden("scan");
	filter_by(snap, "kind=unknown"); /* a free page, in no group */
	assert_int_equal(snap->page_cnt, 1);
	assert_int_equal(snap->pages[0].group, -1);
	assert_int_equal(snap->group_cnt, 0);
	assert_int_equal(snap->pinned.pins, 0);
	snapshot__free(snap);
}

static int plain_text(FILE *out, const struct snapshot *snap)
{
	const struct text_options opts = { 0 };

	return form_text(out, snap, &opts);
}

static void test_said(void **state)
{
	struct snapshot *snap = golden("rules");
	char *text;

	(void)state;
	filter_by(snap, "comm=c*;kind=anon;uid=1001");
	assert_string_equal(snap->filter, "comm=c* uid=1001 kind=anon");
	audit(snap);
	text = written(snap, plain_text);
	assert_non_null(strstr(text, "\n   only of what fits comm=c* uid=1001 kind=anon\n"));
	free(text);
	filter_by(snap, "pid=811");
	assert_string_equal(snap->filter, "comm=c* uid=1001 kind=anon pid=811");
	assert_int_equal(snap->group_cnt, 1);
	snapshot__free(snap);
}

/* Folios that two groups share count in both, and not more than once in the total. */
static void test_shared(void **state)
{
	struct snapshot *snap = fixture_rdma();

	(void)state;
	snap->groups[0].shares_folios = snap->groups[1].shares_folios = true;
	snap->pinned.folios -= 700;
	snap->attributed.folios -= 700;
	filter_by(snap, "kind=anon");
	assert_int_equal(snap->group_cnt, 3);
	assert_int_equal(snap->attributed.folios, 843 + 768 - 700);
	snapshot__free(snap);
}

static void test_sites(void **state)
{
	struct snapshot *snap = fixture_leak();

	(void)state;
	filter_by(snap, "driver=leaky");
	assert_int_equal(snap->site_cnt, 1);
	assert_string_equal(snap->sites[0].caller, "leaky_pin");
	assert_int_equal(snap->get_site_cnt, 0);
	/* Of 2,153 in all: what it took is of the sites that are shown. */
	assert_int_equal(snap->cmd_pins, 2053);
	snapshot__free(snap);
	snap = fixture_degraded();
	filter_by(snap, "pid=90");
	assert_int_equal(snap->wrong_cnt, 1);
	snapshot__free(snap);
	snap = fixture_degraded();
	filter_by(snap, "pid=91");
	assert_int_equal(snap->wrong_cnt, 0);
	snapshot__free(snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),		cmocka_unit_test(test_nothing_asked),
		cmocka_unit_test(test_refused),		cmocka_unit_test(test_said),
		cmocka_unit_test(test_pages_and_zones), cmocka_unit_test(test_shared),
		cmocka_unit_test(test_sites),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
