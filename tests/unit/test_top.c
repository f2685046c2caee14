// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop's model: rows, order, selection, rates, cells, the story. No
 * terminal here; the screen is tests/top's.
 */
#include "top_fixture.h"

/* Lists of views name columns that exist, sort by one of them, and names are words. */
static void test_tables(void **state)
{
	const struct top_column *found[TOP_COLUMNS_MAX], *columns;
	char list[512], *bad = NULL;
	size_t cnt;

	(void)state;
	for (int view = 0; view < TOP_VIEW_CNT; view++) {
		const struct top_view_info *info = top_view_info(view);

		snprintf(list, sizeof(list), "%s,%s", info->columns, info->more);
		assert_int_equal(top_columns__parse(list, found, &cnt, &bad), 0);
		assert_non_null(strstr(list, info->sort));
	}
	columns = top_columns(&cnt);
	for (size_t i = 0; i < cnt; i++) {
		assert_int_equal(strspn(columns[i].name, "abcdefghijklmnopqrstuvwxyz"),
				 strlen(columns[i].name));
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(columns[i].name, columns[other].name);
	}
}

static void test_parse_columns(void **state)
{
	const struct top_column *found[TOP_COLUMNS_MAX];
	char *bad = NULL;
	size_t cnt = 0;

	(void)state;
	assert_int_equal(top_columns__parse("pid,memory", found, &cnt, &bad), 0);
	assert_int_equal(cnt, 2);
	assert_string_equal(found[0]->name, "pid");
	assert_int_equal(top_columns__parse("pid,mem", found, &cnt, &bad), -EINVAL);
	assert_string_equal(bad, "mem");
	free(bad);
	assert_int_equal(top_columns__parse("pid,", found, &cnt, &bad), -EINVAL);
	free(bad);
	assert_int_equal(cnt, 2);
}

static void test_processes(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;

	(void)state;
	show(&model, snap, TOP_PROCESSES);
	assert_int_equal(model.row_cnt, 3);
	assert_string_equal(cell(&model, 0, "memory", false), "1.20 GiB");
	assert_string_equal(cell(&model, 0, "memory", true), "1288589312");
	assert_string_equal(cell(&model, 0, "pins", false), "314,597");
	assert_string_equal(cell(&model, 0, "age", false), "2h31m");
	assert_string_equal(cell(&model, 0, "age", true), "9085.798");
	assert_string_equal(cell(&model, 0, "flags", false), "WL");
	assert_string_equal(cell(&model, 0, "kind", false), "anon");
	assert_string_equal(cell(&model, 0, "state", false), "ORPHANED!");
	assert_string_equal(cell(&model, 0, "state", true), "orphaned");
	assert_string_equal(cell(&model, 0, "pid", false), "4186");
	assert_string_equal(cell(&model, 0, "through", false), "uverbs0");
	assert_string_equal(cell(&model, 0, "through", true), "/dev/infiniband/uverbs0");
	assert_string_equal(cell(&model, 1, "state", false), "in flight");
	assert_string_equal(cell(&model, 1, "flags", false), "W");
	/* By evidence only: a name with a question mark, no pid, unknown age. */
	assert_string_equal(cell(&model, 2, "command", false), "ibacm?");
	assert_string_equal(cell(&model, 2, "command", true), "ibacm");
	assert_string_equal(cell(&model, 2, "pid", false), "-");
	assert_string_equal(cell(&model, 2, "age", false), "?");
	assert_string_equal(cell(&model, 2, "age", true), "-");
	done(&model, snap);
}

/* Two groups of one process are one row, as bad as the worse of them. */
static void test_sum(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;
	struct group *group;

	(void)state;
	group = add_group(snap, 0, 31, 31, 124 * KIB);
	group->flags = PIN_FORCE;
	group->oldest_ns = TAKEN - 20000 * S;
	group->memory_cnt = 0;
	show(&model, snap, TOP_PROCESSES);
	assert_int_equal(model.row_cnt, 3);
	assert_int_equal(model.rows[0].groups, 2);
	assert_int_equal(model.rows[0].q.pins, 314597 + 31);
	assert_int_equal(model.rows[0].q.folios, 843 + 31);
	assert_int_equal(model.rows[0].q.bytes, 614 * 2 * MIB + 229 * 4 * KIB + 124 * KIB);
	assert_string_equal(cell(&model, 0, "flags", false), "WLF");
	assert_string_equal(cell(&model, 0, "age", false), "5h33m");
	assert_int_equal(model.rows[0].lead, 0);
	done(&model, snap);
}

static void test_sort(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;

	(void)state;
	show(&model, snap, TOP_PROCESSES);
	sort_by(&model, "memory", true);
	assert_string_equal(cell(&model, 0, "memory", true), "12288");
	sort_by(&model, "pid", false);
	assert_string_equal(cell(&model, 0, "pid", true), "4186");
	assert_string_equal(cell(&model, 1, "pid", true), "5120");
	/* Unknown is last, whichever way round. */
	assert_string_equal(cell(&model, 2, "pid", true), "-");
	sort_by(&model, "pid", true);
	assert_string_equal(cell(&model, 0, "pid", true), "5120");
	assert_string_equal(cell(&model, 2, "pid", true), "-");
	sort_by(&model, "command", false);
	assert_string_equal(cell(&model, 0, "command", true), "fio");
	sort_by(&model, "state", false);
	assert_string_equal(cell(&model, 0, "state", true), "orphaned");
	assert_string_equal(cell(&model, 2, "state", true), "in-flight");
	done(&model, snap);
}

/* The selection follows its row, not its place; a row that goes leaves it nearby. */
static void test_selection(void **state)
{
	struct snapshot *snap = fixture_rdma(), *next = fixture_rdma(), *last = fixture_empty();
	struct top_model model;

	(void)state;
	show(&model, snap, TOP_PROCESSES);
	assert_int_equal(top_model__selected(&model), 0);
	top_model__select(&model, 1);
	sort_by(&model, "memory", true);
	assert_string_equal(cell(&model, top_model__selected(&model), "pid", true), "5120");
	next->groups[1].q.bytes = 7 * GIB;
	audit(next);
	assert_int_equal(top_model__show(&model, next), 0);
	assert_int_equal(top_model__selected(&model), 2);
	assert_string_equal(cell(&model, 2, "pid", true), "5120");
	assert_int_equal(top_model__show(&model, last), 0);
	assert_int_equal(model.row_cnt, 0);
	assert_int_equal(top_model__selected(&model), 0);
	top_model__select(&model, 5); /* there is none: nothing happens */
	snapshot__free(last);
	snapshot__free(next);
	done(&model, snap);
}

static enum top_found search(struct top_model *model, const char *what)
{
	size_t looked = 0;

	return top_model__search(model, what, &looked);
}

static void test_search(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;

	(void)state;
	show(&model, snap, TOP_PROCESSES);
	assert_int_equal(search(&model, "IBACM"), TOP_FOUND);
	assert_int_equal(top_model__selected(&model), 2);
	assert_int_equal(search(&model, "anon"), TOP_FOUND);
	assert_int_equal(top_model__selected(&model), 0);
	assert_int_equal(search(&model, "anon"), TOP_FOUND);
	assert_int_equal(top_model__selected(&model), 1);
	assert_int_equal(search(&model, "nobody-is-called-so"), TOP_NOT_FOUND);
	assert_int_equal(top_model__selected(&model), 1);
	done(&model, snap);
}

static void set_flow(struct snapshot *snap, uint64_t taken_ns, uint64_t acquired, uint64_t released)
{
	snap->taken_ns = taken_ns;
	snap->checks.vmstat_known = true;
	snap->checks.vmstat_acquired = acquired;
	snap->checks.vmstat_released = released;
}

static void test_rates(void **state)
{
	static const struct {
		uint64_t s, acquired, released;
	} flows[] = { { 0, 1000, 10 }, { 2, 3000, 16 }, { 4, 3000, 16 }, { 14, 53000, 36 } };
	struct snapshot *snaps[ARRAY_SIZE(flows)];
	struct top_summary sum;
	struct top_model model;
	unsigned char levels[30];
	size_t i;

	(void)state;
	top_model__init(&model);
	for (i = 0; i < ARRAY_SIZE(flows); i++) {
		snaps[i] = fixture_rdma();
		set_flow(snaps[i], TAKEN + flows[i].s * S, flows[i].acquired, flows[i].released);
		assert_int_equal(top_model__show(&model, snaps[i]), 0);
		top_model__summary(&model, &sum);
		assert_int_equal(sum.rate_known, i > 0);
	}
	assert_int_equal(sum.acquired, 5000);
	assert_int_equal(sum.released, 2);
	assert_int_equal(sum.peak, 5000);
	/* Thirty columns of ten seconds: the first two intervals share the last but one. */
	assert_int_equal(top_model__spark(&model, levels, 30, 8), 14 * S);
	assert_int_equal(levels[29], 8);
	assert_int_equal(levels[28], 1 + 1000 * 7 / 5000);
	assert_int_equal(levels[27], 0);
	/* A step back takes the rates of what has not been yet. */
	assert_int_equal(top_model__show(&model, snaps[1]), 0);
	top_model__summary(&model, &sum);
	assert_true(sum.rate_known);
	assert_int_equal(sum.acquired, 1000);
	assert_int_equal(model.rate_cnt, 1);
	/* Another tracking has other counters. */
	snaps[3]->checks.tracking_since_ns += S;
	assert_int_equal(top_model__show(&model, snaps[3]), 0);
	top_model__summary(&model, &sum);
	assert_false(sum.rate_known);
	top_model__done(&model);
	for (i = 0; i < ARRAY_SIZE(flows); i++)
		snapshot__free(snaps[i]);
}

static void test_summary(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_summary sum;
	struct top_model model;

	(void)state;
	snap->groups[1].memory[0].kind = MEM_FILE;
	show(&model, snap, TOP_PROCESSES);
	top_model__summary(&model, &sum);
	assert_int_equal(sum.longterm, 1288589312 + 12 * KIB);
	assert_int_equal(sum.file, 3 * MIB);
	assert_int_equal(sum.orphaned, 1288589312);
	assert_int_equal(sum.leaked, 0);
	assert_false(sum.approximate);
	assert_int_equal(sum.warnings, 1);
	assert_int_equal(sum.lost, 0);
	done(&model, snap);
	snap = fixture_degraded();
	show(&model, snap, TOP_PROCESSES);
	top_model__summary(&model, &sum);
	assert_true(sum.approximate);
	assert_int_equal(sum.lost, 3 + 5 + 2);
	done(&model, snap);
}

static void test_story(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_story story;
	struct top_model model;

	(void)state;
	show(&model, snap, TOP_PROCESSES);
	top_story(&model, &model.rows[0], &story);
	assert_string_equal(story.title, "python3 (pid 4186), exited 10:31:02");
	assert_string_equal(story.lines[0],
			    "Held by    pid 4199 python3 (forked from 4186), fd 9 -> uverbs0");
	assert_string_equal(story.lines[1],
			    "Mapped by  nobody: only the device can reach this memory");
	assert_string_equal(
		story.lines[5],
		"Next       close fd 9 in pid 4199, or end it: the last close frees the MR");
	top_story(&model, &model.rows[2], &story);
	assert_string_equal(story.title, "no owner; likely ibacm (pid 702)");
	assert_string_equal(story.lines[0], "Likely     pid 702 ibacm: maps them, VmPin 12 kB");
	done(&model, snap);
}

/* The drill-down has each hold of the row and none of another. */
static void test_holds(void **state)
{
	struct snapshot *snap = fixture_rdma();
	struct top_model model;
	char *text;

	(void)state;
	show(&model, snap, TOP_PROCESSES);
	assert_int_equal(top_holds(&model, &model.rows[0], 80, &text), 0);
	assert_non_null(strstr(text, "mlx5_ib_reg_user_mr [mlx5_ib]"));
	assert_non_null(strstr(text, "ibv_cmd_reg_mr [libibverbs.so.1]"));
	assert_null(strstr(text, "fio"));
	free(text);
	assert_int_equal(top_holds(&model, &model.rows[1], 80, &text), 0);
	assert_non_null(strstr(text, "/srv/data.img"));
	assert_null(strstr(text, "python3"));
	free(text);
	done(&model, snap);
}

/* Every view, column, story and page of every fixture, hostile names among them. */
static void test_harmless(void **state)
{
	struct snapshot *(*const make[])(
		void) = { fixture_empty, fixture_rdma,	  fixture_clean,
			  fixture_leak,	 fixture_hostile, fixture_degraded };
	const struct top_column *columns;
	struct top_story story;
	struct top_model model;
	struct top_row shown_row;
	char *text;
	size_t cnt, i, row, at;

	(void)state;
	columns = top_columns(&cnt);
	for (i = 0; i < ARRAY_SIZE(make) * TOP_VIEW_CNT; i++) {
		struct snapshot *snap = make[i / TOP_VIEW_CNT]();

		show(&model, snap, i % TOP_VIEW_CNT);
		for (row = 0; row < model.row_cnt; row++) {
			for (at = 0; at < cnt; at++) {
				const char *shown = cell(&model, row, columns[at].name, false);

				assert_null(strpbrk(shown, "\033\n\r\t\007"));
				shown = cell(&model, row, columns[at].name, true);
				assert_null(strpbrk(shown, " \033\n\r\t\007"));
				assert_true(*shown);
			}
			shown_row = top_model__row(&model, row);
			top_story(&model, &shown_row, &story);
			assert_null(strpbrk(story.title, "\033\n\r\t\007"));
			for (at = 0; at < TOP_STORY_LINES; at++)
				assert_null(strpbrk(story.lines[at], "\033\n\r\t\007"));
			assert_int_equal(top_holds(&model, &shown_row, 80, &text), 0);
			assert_null(strpbrk(text, "\033\r\t\007"));
			free(text);
		}
		done(&model, snap);
	}
}

/* More rows than the first room: the index grows, and every row is found again. */
static void test_many(void **state)
{
	struct snapshot *snap = fixture_empty();
	struct top_model model;
	int i;

	(void)state;
	for (i = 0; i < 2 * 1709; i++)
		add_group(snap, add_process(snap, 1000 + i % 1709, "many"), 1, 1, (1 + i) * KIB);
	add_up(snap);
	show(&model, snap, TOP_PROCESSES);
	assert_int_equal(model.row_cnt, 1709);
	for (i = 0; i < 1709; i++)
		assert_int_equal(model.rows[i].groups, 2);
	assert_string_equal(cell(&model, 0, "pid", true), "2708");
	done(&model, snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),	  cmocka_unit_test(test_parse_columns),
		cmocka_unit_test(test_processes), cmocka_unit_test(test_sum),
		cmocka_unit_test(test_sort),	  cmocka_unit_test(test_selection),
		cmocka_unit_test(test_search),	  cmocka_unit_test(test_rates),
		cmocka_unit_test(test_summary),	  cmocka_unit_test(test_story),
		cmocka_unit_test(test_holds),	  cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_many),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
