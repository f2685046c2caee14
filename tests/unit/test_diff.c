// SPDX-License-Identifier: GPL-2.0-only
/*
 * Comparing two snapshots: rows by site, name and cgroup whatever the process
 * ids; what counts as new; the text's form, also with hostile names.
 */
#include "diff.h"
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
	audit(snap);
	return snap;
}

static char *diff_written(const struct diff *diff, const struct text_options *opts)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_int_equal(opts ? diff__text(out, diff, opts) : diff__json(out, diff), 0);
	fclose(out);
	return text;
}

static const struct diff_row *row_of(const struct diff *diff, const char *comm, const char *site)
{
	for (size_t i = 0; i < diff->row_cnt; i++) {
		const struct diff_key *key = &diff->rows[i].key;

		if (key->comm && !strcmp(key->comm, comm) && !strcmp(key->site, site))
			return &diff->rows[i];
	}
	fail_msg("no row of %s at %s", comm, site);
	return NULL;
}

static void test_golden(void **state)
{
	struct snapshot *before = golden("several"), *now = golden("rules");
	struct diff *diff = diff__make(before, now);
	const struct text_options opts = { 0 };
	char *text;

	(void)state;
	text = diff_written(diff, &opts);
	assert_golden("diff.txt", text);
	assert_int_equal(diff->exit_code, 1);
	free(text);
	diff__free(diff);
	snapshot__free(before);
	snapshot__free(now);
}

/* The same service under other process ids, in several groups. */
static struct snapshot *service(uint32_t pid, uint64_t pins, uint64_t more, bool exited)
{
	static const char *const kernel[] = { "pin_user_pages_fast", "ib_umem_get@ib_uverbs",
					      NULL };
	struct snapshot *snap = fixture_empty();
	int owner = add_process(snap, pid, "train"), fio = add_process(snap, pid + 1, "fio");
	struct group *group = add_group(snap, owner, pins, pins, pins * 4 * KIB);

	group->kernel_stack = add_stack(snap, false, NULL, kernel);
	if (exited)
		end_process(snap, owner, EXITED);
	if (more) {
		group = add_group(snap, owner, more, more, more * 4 * KIB);
		group->kernel_stack = 0;
	}
	group = add_group(snap, fio, 61, 61, 244 * KIB);
	group->flags = PIN_WRITE;
	group->oldest_ns = TAKEN - 4 * MS;
	add_memory(snap, group, MEM_THP, 4 * KIB, 61);
	add_up(snap);
	audit(snap);
	return snap;
}

static void check_service(struct snapshot *before, struct snapshot *now, enum change change,
			  int exit_code, size_t added)
{
	struct diff *diff = diff__make(before, now);

	assert_int_equal(diff->row_cnt, 2);
	assert_int_equal(row_of(diff, "train", "ib_umem_get")->change, change);
	assert_int_equal(row_of(diff, "fio", "thp")->change, CHANGE_SAME);
	assert_int_equal(diff->exit_code, exit_code);
	assert_int_equal(diff->added_cnt, added);
	diff__free(diff);
	snapshot__free(before);
	snapshot__free(now);
}

static void test_rows(void **state)
{
	struct diff *diff;
	struct snapshot *before = service(100, 1031, 0, false),
			*now = service(200, 1021, 17, false);

	(void)state;
	diff = diff__make(before, now);
	assert_int_equal(row_of(diff, "train", "ib_umem_get")->before.pins, 1031);
	assert_int_equal(row_of(diff, "train", "ib_umem_get")->now.pins, 1038);
	assert_string_equal(row_of(diff, "train", "ib_umem_get")->key.module, "ib_uverbs");
	assert_ptr_equal(&diff->rows[0], row_of(diff, "train", "ib_umem_get"));
	diff__free(diff);
	check_service(before, now, CHANGE_GREW, 0, 0);
	check_service(service(1, 7, 5, false), service(2, 11, 0, false), CHANGE_SHRANK, 0, 0);
	check_service(service(1, 7, 4, false), service(2, 11, 0, false), CHANGE_SAME, 0, 0);
	check_service(service(1, 7, 0, false), service(2, 7, 0, true), CHANGE_SAME, 1, 1);
	check_service(service(1, 7, 0, true), service(2, 7, 0, true), CHANGE_SAME, 0, 0);
}

static void test_cgroup_is_a_key(void **state)
{
	struct snapshot *before = service(1, 7, 0, false), *now = service(2, 7, 0, false);
	struct diff *diff;

	(void)state;
	now->processes[0].cgroup = "/other";
	diff = diff__make(before, now);
	assert_int_equal(diff->row_cnt, 3);
	diff__free(diff);
	now->processes[0].cgroup = NULL;
	diff = diff__make(before, now);
	assert_int_equal(diff->row_cnt, 3);
	diff__free(diff);
	snapshot__free(before);
	snapshot__free(now);
}

/* The title of a wrong release tells it from another; notes alone are no reason for 1. */
static void test_findings(void **state)
{
	struct snapshot *before = fixture_degraded(), *now = fixture_degraded();
	struct wrong_release *wrong;
	struct diff *diff;

	(void)state;
	audit(before);
	audit(now);
	diff = diff__make(before, now);
	assert_int_equal(diff->added_cnt + diff->gone_cnt, 0);
	diff__free(diff);
	wrong = snapshot__append(now, &now->wrongs, &now->wrong_cnt, sizeof(*wrong));
	*wrong = (struct wrong_release){ WRONG_FREED_PINNED, 5, "free_pages", -1 };
	audit(now);
	diff = diff__make(before, now);
	assert_int_equal(diff->added_cnt, 1);
	assert_int_equal(diff->exit_code, 1);
	diff__free(diff);
	diff = diff__make(now, before);
	assert_int_equal(diff->gone_cnt, 1);
	assert_int_equal(diff->exit_code, 0);
	diff__free(diff);
	snapshot__free(before);
	before = fixture_empty();
	now->wrong_cnt = now->group_cnt = 0;
	audit(before);
	audit(now);
	diff = diff__make(before, now);
	assert_int_equal(diff->added_cnt, 1);
	assert_int_equal(diff->added[0]->rule, RULE_DEGRADED);
	assert_int_equal(diff->exit_code, 0);
	diff__free(diff);
	snapshot__free(before);
	snapshot__free(now);
}

/* None of which may be a control character. */
static size_t characters(const char *line)
{
	size_t cnt = 0;

	for (; *line; line++) {
		assert_true((unsigned char)*line >= 0x20);
		cnt += (*line & 0xc0) != 0x80;
	}
	return cnt;
}

static void test_hostile(void **state)
{
	struct snapshot *before = fixture_empty(), *now = fixture_hostile();
	const struct text_options opts = { 0 };
	struct diff *diff;
	char *text, *line, *rest;

	(void)state;
	audit(before);
	audit(now);
	diff = diff__make(before, now);
	text = rest = diff_written(diff, &opts);
	assert_non_null(strstr(text, "\\x1b]0;own"));
	while ((line = strsep(&rest, "\n")))
		assert_true(characters(line) <= 80);
	free(text);
	text = diff_written(diff, NULL);
	assert_non_null(strstr(text, "\\u001b]0;own"));
	free(text);
	diff__free(diff);
	snapshot__free(before);
	snapshot__free(now);
}

static void test_caveats(void **state)
{
	static const struct text_options opts = { 0 };
	static const char *const notes[] = { "the first one is the younger",
					     "they show different parts", "was booted in between",
					     "these are two machines" };
	struct snapshot *before = fixture_empty(), *now = fixture_empty();
	struct diff *diff = diff__make(before, now);
	char *text = diff_written(diff, &opts);

	(void)state;
	assert_null(strstr(text, "note"));
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		before->taken_ns += S;
		before->filter = i > 0 ? "pid=1" : NULL;
		before->boot_id = i > 1 ? "another" : now->boot_id;
		before->host = i > 2 ? "node18" : now->host;
		free(text);
		text = diff_written(diff, &opts);
		assert_non_null(strstr(text, notes[i]));
	}
	free(text);
	diff__free(diff);
	snapshot__free(before);
	snapshot__free(now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_cgroup_is_a_key), cmocka_unit_test(test_findings),
		cmocka_unit_test(test_hostile),		cmocka_unit_test(test_caveats),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
