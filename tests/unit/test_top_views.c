// SPDX-License-Identifier: GPL-2.0-only
/* The views of gup-pintop: what each makes its rows of. */
#include "top_fixture.h"

/* A filter holds in each view, and takes away what no group stands for. */
static void test_filter(void **state)
{
	static const size_t rows[TOP_VIEW_CNT] = { 1, 1, 1, 1, 1, 1, 0 };
	struct snapshot *snap = fixture_rdma();
	struct top_model model;
	char why[160];

	(void)state;
	show(&model, snap, TOP_PROCESSES);
	assert_int_equal(top_model__set_filter(&model, " pid=4186  kind=anon", why, sizeof(why)),
			 0);
	for (int view = 0; view < TOP_VIEW_CNT; view++) {
		assert_int_equal(top_model__view(&model, view), 0);
		assert_int_equal(model.row_cnt, rows[view]);
	}
	assert_int_equal(top_model__set_filter(&model, "pid=nobody", why, sizeof(why)), -EINVAL);
	assert_true(model.filtered);
	assert_int_equal(top_model__set_filter(&model, " ", why, sizeof(why)), 0);
	assert_int_equal(top_model__view(&model, TOP_PROCESSES), 0);
	assert_int_equal(model.row_cnt, 3);
	done(&model, snap);
}

static void test_sites(void **state)
{
	struct snapshot *snap = fixture_leak();
	struct top_model model;

	(void)state;
	show(&model, snap, TOP_SITES);
	/* Two sites of the balance, the server's without a stack, and a FOLL_GET caller. */
	assert_int_equal(model.row_cnt, 4);
	assert_string_equal(cell(&model, 0, "caller", false), "leaky_pin");
	assert_string_equal(cell(&model, 0, "memory", true), "118784");
	assert_string_equal(cell(&model, 0, "left", true), "29");
	assert_string_equal(cell(&model, 0, "pinned", true), "2053");
	assert_string_equal(cell(&model, 0, "released", true), "2024");
	assert_string_equal(cell(&model, 0, "failed", true), "5");
	assert_string_equal(cell(&model, 0, "short", true), "1");
	sort_by(&model, "calls", false);
	assert_string_equal(cell(&model, 0, "api", true), "get_user_pages_fast");
	assert_string_equal(cell(&model, 0, "memory", false), "?");
	assert_string_equal(cell(&model, 0, "pins", false), "-");
	done(&model, snap);
}

/* A file's pages and what was pinned through it are two things. */
static void test_files(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;
	struct group *group = &snap->groups[1];

	(void)state;
	add_memory(snap, group, MEM_FILE, 4 * KIB, 11);
	group->memory[1].file = "/srv/data.img";
	group->memory[1].dirty_folios = 3;
	show(&model, snap, TOP_FILES);
	assert_int_equal(model.row_cnt, 3);
	sort_by(&model, "memory", true);
	assert_string_equal(cell(&model, 0, "use", false), "pinned");
	assert_string_equal(cell(&model, 0, "file", false), "/srv/data.img");
	assert_string_equal(cell(&model, 0, "memory", true), "45056");
	assert_string_equal(cell(&model, 0, "dirty", true), "3");
	assert_string_equal(cell(&model, 0, "pins", false), "?"); /* its share is not known */
	assert_string_equal(cell(&model, 1, "use", false), "through");
	assert_string_equal(cell(&model, 1, "pins", true), "768");
	done(&model, snap);
}

/* What a scan has counted by zone is exact, whatever the groups add up to. */
static void test_nodes(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;
	struct zone_use *zone =
		snapshot__append(snap, &snap->zones, &snap->zone_cnt, sizeof(*zone));

	(void)state;
	*zone = (struct zone_use){ .node = 0,
				   .zone = "Normal",
				   .q = { 71, 61, 59 * KIB },
				   .pageblocks = 53,
				   .pageblock_bytes = 2 * MIB,
				   .cma_folios = 47 };
	snap->groups[2].memory[0].node = 1;
	show(&model, snap, TOP_NODES);
	assert_int_equal(model.row_cnt, 2);
	assert_string_equal(cell(&model, 0, "memory", true), "60416");
	assert_string_equal(cell(&model, 0, "pins", true), "71");
	assert_string_equal(cell(&model, 0, "blocks", true), "53");
	assert_string_equal(cell(&model, 0, "cma", true), "47");
	assert_string_equal(cell(&model, 1, "node", true), "1");
	assert_string_equal(cell(&model, 1, "pins", true), "3");
	assert_string_equal(cell(&model, 1, "blocks", false), "?");
	done(&model, snap);
}

static void test_findings_and_cgroups(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;

	(void)state;
	show(&model, snap, TOP_FINDINGS);
	assert_int_equal(model.row_cnt, 1);
	assert_string_equal(cell(&model, 0, "level", false), "WARNING!");
	assert_string_equal(cell(&model, 0, "level", true), "warning");
	assert_string_equal(cell(&model, 0, "rule", false), "orphaned");
	assert_string_equal(cell(&model, 0, "memory", true), "1288589312");
	assert_int_equal(top_model__view(&model, TOP_CGROUPS), 0);
	assert_int_equal(model.row_cnt, 2);
	assert_string_equal(cell(&model, 0, "cgroup", false), "/system.slice/train.service");
	assert_int_equal(model.rows[0].groups, 2);
	assert_string_equal(cell(&model, 1, "cgroup", false), "?");
	done(&model, snap);
}

static void test_pages(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;
	struct page_info *page =
		snapshot__append(snap, &snap->pages, &snap->page_cnt, sizeof(*page));

	(void)state;
	*page = (struct page_info){ .pfn = 104729,
				    .folio_bytes = 4 * KIB,
				    .pins = 13,
				    .refcount = 13313,
				    .mapcount = 7,
				    .kind = MEM_ANON,
				    .node = 0,
				    .zone = "DMA32",
				    .group = 1 };
	show(&model, snap, TOP_PAGES);
	assert_int_equal(model.row_cnt, 1);
	assert_string_equal(cell(&model, 0, "pfn", true), "104729");
	assert_string_equal(cell(&model, 0, "pins", true), "13");
	assert_string_equal(cell(&model, 0, "refs", true), "13313");
	assert_string_equal(cell(&model, 0, "zone", true), "DMA32");
	assert_string_equal(cell(&model, 0, "pid", true), "5120");
	done(&model, snap);
}

#define MANY 5003
#define PFN_STEP 7

static void add_many_pages(struct snapshot *snap)
{
	static const char *const zones[] = { "DMA32", "Normal", "Movable", NULL };
	static const char *const files[] = { "/b", "/a/c", NULL, "/a" };

	srandom(1);
	for (size_t i = 0; i < MANY; i++) {
		struct page_info *page =
			snapshot__append(snap, &snap->pages, &snap->page_cnt, sizeof(*page));

		*page = (struct page_info){ .pfn = PFN_STEP * i,
					    .folio_bytes = (4 * KIB) << (random() % 3 ? 0 : 9),
					    .pins = random() % 5000,
					    .refcount = random() % 300,
					    .mapcount = random() % 3,
					    .kind = random() % 4,
					    .node = random() % 3,
					    .zone = zones[random() % 4],
					    .file = files[random() % 4],
					    .group = random() % ((long)snap->group_cnt + 1) - 1 };
	}
}

/* What the view promises of two rows, one after the other. */
static bool in_order(const struct top_model *model, const struct top_row *a,
		     const struct top_row *b)
{
	const struct top_look *look = &model->looks[model->view];
	struct top_value one = look->sort->get(model, a), other = look->sort->get(model, b);
	bool descends = top_column__descends(look->sort) != look->reverse;
	int order = (one.num > other.num) - (one.num < other.num);

	if (one.known != other.known)
		return one.known;
	if (one.known && !order && one.text && other.text)
		order = strcmp(one.text, other.text);
	if (one.known && order)
		return descends ? order > 0 : order < 0;
	return a->q.bytes != b->q.bytes ? a->q.bytes > b->q.bytes : a->id < b->id;
}

/* By every column, either way round: in order, and each page once. */
static void test_order_of_pages(void **state)
{
	struct snapshot *snap = fixture_rdma();
	const struct top_column *columns;
	struct top_model model;
	size_t cnt;

	(void)state;
	add_many_pages(snap);
	show(&model, snap, TOP_PAGES);
	columns = top_columns(&cnt);
	for (size_t i = 0; i < 2 * cnt; i++) {
		bool seen[MANY] = {};

		sort_by(&model, columns[i / 2].name, i % 2);
		assert_int_equal(model.row_cnt, MANY);
		for (size_t at = 0; at < MANY; at++) {
			struct top_row row = top_model__row(&model, at), next;

			assert_false(seen[row.id / PFN_STEP]);
			seen[row.id / PFN_STEP] = true;
			if (at + 1 == MANY)
				break;
			next = top_model__row(&model, at + 1);
			if (!in_order(&model, &row, &next))
				fail_msg("by %s: row %zu", columns[i / 2].name, at);
		}
	}
	done(&model, snap);
}

/* Many rows are searched a part at a time, round from the selected one to itself. */
static void test_search_of_pages(void **state)
{
	struct snapshot *snap = fixture_rdma();
	enum top_found found = TOP_GO_ON;
	size_t looked = 0, calls = 0, at;
	struct top_model model;

	(void)state;
	add_many_pages(snap);
	show(&model, snap, TOP_PAGES);
	top_model__select(&model, 7);
	for (; found == TOP_GO_ON; calls++)
		found = top_model__search(&model, "no such text", &looked);
	assert_int_equal(found, TOP_NOT_FOUND);
	assert_int_equal(looked, MANY);
	assert_int_equal(calls, (MANY + TOP_SEARCH_ROWS - 1) / TOP_SEARCH_ROWS);
	assert_true(calls > 1);
	assert_int_equal(top_model__selected(&model), 7);

	snap->pages[MANY / 2].file = "/srv/the-one";
	for (looked = 0; top_model__search(&model, "THE-ONE", &looked) == TOP_GO_ON;)
		;
	at = top_model__selected(&model);
	assert_int_equal(top_model__row(&model, at).id, snap->pages[MANY / 2].pfn);
	top_model__select(&model, at + 1);
	looked = 0;
	assert_int_equal(top_model__search(&model, "the-one", &looked), TOP_GO_ON);
	assert_int_equal(top_model__search(&model, "the-one", &looked), TOP_FOUND);
	assert_int_equal(top_model__selected(&model), at);
	done(&model, snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_sites),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_findings_and_cgroups),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_order_of_pages),
		cmocka_unit_test(test_search_of_pages),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
