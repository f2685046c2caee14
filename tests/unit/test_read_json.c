// SPDX-License-Identifier: GPL-2.0-only
/*
 * The JSON reader: what was written is read and written again as the same
 * document, and judged alike; what is wrong is refused in one line with its
 * place. Mutations: test_read_mutations.c.
 */
#include "fixture.h"
#include "fixture_saved.h"

static void check_round_trip(const struct snapshot *snap)
{
	char *first = written(snap, form_json), *second, *line;
	struct snapshot *back = read_text(first), *from_line;

	second = written(back, form_json);
	assert_string_equal(second, first);
	free(second);
	line = written(snap, form_json_line);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	from_line = read_text(line);
	second = written(from_line, form_json);
	assert_string_equal(second, first);
	snapshot__free(from_line);
	snapshot__free(back);
	free(first);
	free(second);
	free(line);
}

static void test_golden(void **state)
{
	glob_t files;
	struct snapshot *snap;
	char *text, *again;

	(void)state;
	assert_true(golden_files(&files) >= 5);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		text = read_file(files.gl_pathv[i]);
		snap = read_text(text);
		again = written(snap, form_json);
		if (strcmp(text, again))
			print_message("%s\n", files.gl_pathv[i]);
		assert_string_equal(again, text);
		check_round_trip(snap);
		snapshot__free(snap);
		free(again);
		free(text);
	}
	globfree(&files);
}

static void test_fixtures(void **state)
{
	struct snapshot *(*const fixtures[])(void) = {
		fixture_empty,	 fixture_rdma,	   fixture_clean, fixture_leak,
		fixture_hostile, fixture_degraded, fixture_scan,
	};
	struct snapshot *snap;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		snap = fixtures[i]();
		audit(snap);
		check_round_trip(snap);
		snapshot__free(snap);
	}
}

/* Fields that a document does not show one by one: compared in the struct. */
static void test_fields(void **state)
{
	struct snapshot *snap = fixture_scan(), *back;
	char *text = written(snap, form_json);
	const struct memory *memory;

	(void)state;
	back = read_text(text);
	assert_int_equal(back->taken_ns, snap->taken_ns);
	assert_int_equal(back->processes[0].start_boot_ns, snap->processes[0].start_boot_ns);
	assert_int_equal(back->processes[0].exit_status, -1);
	assert_int_equal(back->processes[0].exit_signal, 11);
	assert_int_equal(back->processes[1].exit_signal, 0);
	assert_int_equal(back->processes[1].forked_from, 0);
	assert_int_equal(back->processes[1].cgroup_id, 4711);
	assert_false(back->processes[1].exited);
	assert_int_equal(back->grace_ns, 2 * S);
	assert_int_equal(back->cmd_signal, 9);
	assert_true(back->groups[0].through.known);
	assert_int_equal(back->groups[0].owner_basis, BASIS_RECORDED);
	assert_int_equal(back->groups[0].held_by[0].fd, 9);
	assert_false(back->groups[2].through.known);
	assert_int_equal(back->groups[2].through.fd, -1);
	assert_int_equal(back->groups[2].owner_id, 0xfedcba9876543210);
	assert_int_equal(back->groups[2].likely[0].process, 3);
	assert_string_equal(back->groups[2].likely[0].why, "has uverbs0 open");
	assert_int_equal(back->groups[2].mapped_by[0], 2);
	assert_false(back->groups[1].mapped_known);
	memory = &back->groups[2].memory[0];
	assert_int_equal(memory->kind, MEM_FILE);
	assert_int_equal(memory->node, -1);
	assert_int_equal(memory->ino, 131101);
	assert_int_equal(memory->first_byte, 8 * KIB);
	assert_int_equal(memory->writeback_folios, 1);
	assert_string_equal(memory->file, "/srv/model \"7\"\n.bin");
	assert_int_equal(back->page_cnt, 3);
	assert_int_equal(back->pages[2].mapcount, -1);
	assert_int_equal(back->pages[0].node, -1);
	assert_int_equal(back->checks.above_scan, -7);
	assert_int_equal(back->zones[0].pageblocks, 2);
	assert_true(back->checks.cpu_percent > 0.29 && back->checks.cpu_percent < 0.31);
	assert_non_null(strstr(text, "\"container\": \"0123456789abcdef01"));
	free(text);
	snapshot__free(back);
	snapshot__free(snap);
}

/* A saved snapshot is judged as the fresh one was: the same findings, in all forms. */
static void test_judged_alike(void **state)
{
	struct snapshot *(*const fixtures[])(void) = { fixture_rdma, fixture_leak,
						       fixture_degraded };
	struct snapshot *snap, *back;
	char *text, *again;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fixtures); i++) {
		snap = fixtures[i]();
		audit(snap);
		text = written(snap, form_json);
		back = read_text(text);
		audit(back);
		again = written(back, form_json);
		assert_string_equal(again, text);
		snapshot__free(back);
		snapshot__free(snap);
		free(again);
		free(text);
	}
}

/* The document with the first `from` replaced. */
static char *with(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *changed;

	if (!at)
		fail_msg("no %s to replace", from);
	assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) >
		    0);
	return changed;
}

static void assert_refused(const char *text, const char *want)
{
	char why[256] = "";
	struct snapshot *snap;

	errno = 0;
	snap = form_json__read_buffer(text, strlen(text), why, sizeof(why));
	if (snap || !strstr(why, want))
		fail_msg("expected: %s\nsaid: %s", want, snap ? "nothing" : why);
	assert_int_equal(errno, EINVAL);
	assert_null(strchr(why, '\n'));
}

static const struct {
	const char *from, *to, *want;
} refused[] = {
	{ "snapshot/1", "snapshot/2", "schema: no such word (line 2)" },
	{ "\"pid\": 4186", "\"pid\": \"4186\"", "processes[1].pid: number expected" },
	{ "\"pid\": 4186", "\"pid\": 4186.0", "processes[1].pid: a whole number" },
	{ "\"pid\": 4186", "\"pid\": -1", "processes[1].pid: -1 is not from 0" },
	{ "\"pid\": 4186", "\"pid\": 4294967296", "is not from 0 to 4294967295" },
	{ "\"pid\": 4186", "\"pid\": 99999999999999999999", "beyond 2^53" },
	{ "\"pid\": 4186", "\"pid\": 9007199254740992", "beyond 2^53" },
	{ "\"pid\": 4186", "\"pid\": 04186", "end of number expected" },
	{ "\"pid\": 4186", "\"pid\": null", "processes[1].pid: must not be null" },
	{ "\"pid\": 4186", "\"pid\": 4186, \"pid\": 4187", "processes[1].pid: there twice" },
	{ "\"pid\": 4186", "\"dip\": 4186", "processes[1]: lacks \"pid\"" },
	{ "\"comm\": \"python3\"", "\"comm\": null", "must not be null" },
	{ "\"comm\": \"python3\"", "\"comm\": \"\xff\"", "comm: invalid UTF-8" },
	{ "\"comm\": \"python3\"", "\"comm\": \"\xed\xa0\x80\"", "invalid UTF-8" },
	{ "\"comm\": \"python3\"", "\"comm\": \"\\u0000\"", "a string with a NUL" },
	{ "\"comm\": \"python3\"", "\"comm\": \"\\ud800x\"", "half a surrogate pair" },
	{ "\"comm\": \"python3\"", "\"comm\": \"\\x\"", "escape expected, not 'x'" },
	{ "\"comm\": \"python3\"", "\"comm\": \"a\nb\"", "end of string expected" },
	{ "\"owner\": 1", "\"owner\": 5", "groups[1].owner: there is no process 5" },
	{ "\"owner\": 1", "\"owner\": 0", "groups[1].owner: 0 is not from 1" },
	{ "\"kernel_stack\": 1", "\"kernel_stack\": 3", "there is no stack 3" },
	{ "\"group\": 1", "\"group\": 4", "findings[1].group: there is no group 4" },
	{ "\"process\": 2", "\"process\": 5", "groups[1].held_by[1].process: there is no" },
	{ "\"mapped_by\": []", "\"mapped_by\": [1, 9]", "mapped_by: there is no process 9" },
	{ "\"id\": 2", "\"id\": 3", "ids count from 1: expected 2" },
	{ "\"orphaned\"", "\"lost\"", "groups[1].state: no such word" },
	{ "\"WRITE\"", "\"RIGHT\"", "groups[1].flags: no such flag" },
	{ "\"flags\": [", "\"flags\": [\"WRITE\" ", "',' or ']' expected" },
	{ "\"exact\"", "\"sure\"", "findings[1].certainty: no such word" },
	{ "10:12:41.420Z", "10:12:61.420Z", "groups[1].oldest: expected a time" },
	{ "-22T10:12:41.420Z", "-31T10:12:41.420Z", "groups[1].oldest: expected a time" },
	{ "10:12:41.420Z", "10:12:41.420", "groups[1].oldest: expected a time" },
	{ "\"1000.000004186\"", "\"1000.4186\"", "expected seconds since boot" },
	{ "\"cpu_percent\": 0.3", "\"cpu_percent\": -0.3", "plain number" },
	{ "\"cpu_percent\": 0.3", "\"cpu_percent\": 3e9", "plain number" },
	{ "\"complete\": true", "\"complete\": 1", "false expected, not '1'" },
	{ "\"groups\": [", "\"groups\": null, \"x\": [", "groups: must not be null" },
	{ "\"groups\": [", "\"groups\": {", "groups: '[' expected" },
	{ "\"tool\": {", "\"x\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{", "nested deeper than 32" },
	{ "\"taken\"", "\"x\": tru, \"taken\"", "true expected" },
	{ "\"taken\"", "\"x\": [1,], \"taken\"", "number expected, not ']'" },
	{ "{", "", "'{' expected" },
	{ "{", "\xef\xbb\xbf{", "'{' expected, not byte 0xef" },
};

static void test_refused(void **state)
{
	struct snapshot *snap = fixture_rdma();
	char *text, *changed;

	(void)state;
	audit(snap);
	text = written(snap, form_json);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		changed = with(text, refused[i].from, refused[i].to);
		assert_refused(changed, refused[i].want);
		free(changed);
	}
	assert_refused("", "'{' expected, but the file ends here");
	assert_refused("{}", "lacks \"schema\"");
	text[strlen(text) - 2] = '\0';
	assert_refused(text, "',' or '}' expected, but the file ends here");
	free(text);
	snapshot__free(snap);
}

static void test_long(void **state)
{
	struct snapshot *snap = fixture_rdma();
	char *name = calloc(1, 70000), *text, *changed;

	(void)state;
	text = written(snap, form_json);
	memset(name, 'x', 69999);
	changed = with(text, "python3", name);
	assert_refused(changed, "processes[1].comm: a string longer than 65535 bytes");
	free(changed);
	name[65535] = '\0';
	changed = with(text, "python3", name);
	snapshot__free(snap);
	snap = read_text(changed);
	assert_int_equal(strlen(snap->processes[0].comm), 65535);
	free(changed);
	free(name);
	free(text);
	snapshot__free(snap);
}

/* The least that the schema asks for: the rest is unknown, and nothing is made of it. */
static void test_least(void **state)
{
	char path[512], *text;
	struct snapshot *snap;

	(void)state;
	snprintf(path, sizeof(path), "%s/least/snapshot.json", golden_dir());
	text = read_file(path);
	snap = read_text(text);
	assert_true(snap->processes[0].exited);
	assert_false(snap->processes[1].exited);
	assert_int_equal(snap->processes[0].start_boot_ns, 0);
	assert_int_equal(snap->groups[0].memory_of, -1);
	assert_false(snap->checks.has_ledger);
	check_round_trip(snap);
	audit(snap);
	assert_int_equal(snap->groups[0].state, STATE_ORPHANED);
	assert_int_equal(snap->exit_code, 1);
	free(text);
	snapshot__free(snap);
}

/* What a later version may add is skipped; what an early one did not have is unknown. */
static void test_other_versions(void **state)
{
	struct snapshot *snap = fixture_rdma(), *back;
	char *text = written(snap, form_json), *changed;

	(void)state;
	changed =
		with(text, "\"pid\": 4186",
		     "\"new\": {\"a\": [1e-7, {}, [], \"\\u20ac\\ud83d\\ude00\"]}, \"pid\": 4186");
	back = read_text(changed);
	free(changed);
	changed = written(back, form_json);
	assert_string_equal(changed, text);
	free(changed);
	snapshot__free(back);
	changed = with(text, "\"holders_complete\"", "\"holders_once_complete\"");
	back = read_text(changed);
	assert_false(back->groups[0].holders_complete);
	free(changed);
	free(text);
	snapshot__free(back);
	snapshot__free(snap);
}

static void test_many(void **state)
{
	struct snapshot *snap = fixture_scan();
	struct page_info *page;
	struct group *group;

	(void)state;
	while (snap->group_cnt < 2003) {
		group = add_group(snap, snap->group_cnt % 3, 1, 1, 4 * KIB);
		add_memory(snap, group, MEM_ANON, 4 * KIB, 1);
	}
	while (snap->page_cnt < 20011) {
		page = snapshot__append(snap, &snap->pages, &snap->page_cnt, sizeof(*page));
		*page = (struct page_info){ .pfn = 1 << 21 | snap->page_cnt, .zone = "Normal" };
		page->group = snap->page_cnt % snap->group_cnt;
		page->why = snapshot__printf(snap, "why %zu", snap->page_cnt);
	}
	check_round_trip(snap);
	snapshot__free(snap);
}

static void test_stream(void **state)
{
	struct snapshot *one = fixture_rdma(), *two = fixture_leak(), *snap;
	FILE *file = tmpfile();
	char why[256] = "";

	(void)state;
	assert_int_equal(form_json_line(file, one), 0);
	assert_int_equal(form_json(file, two), 0);
	assert_int_equal(form_json_line(file, one), 0);
	fputs("{\"schema\": 1}\n", file);
	rewind(file);
	for (int i = 0; i < 3; i++) {
		snap = form_json__read_next(file, why, sizeof(why));
		assert_non_null(snap);
		assert_int_equal(snap->group_cnt, (i == 1 ? two : one)->group_cnt);
		snapshot__free(snap);
	}
	assert_null(form_json__read_next(file, why, sizeof(why)));
	assert_int_equal(errno, EINVAL);
	rewind(file);
	assert_null(form_json__read(file, why, sizeof(why)));
	assert_non_null(strstr(why, "something follows the snapshot (line 2)"));
	fclose(file);
	file = tmpfile();
	fputs(" \n", file);
	rewind(file);
	errno = EINVAL;
	assert_null(form_json__read_next(file, why, sizeof(why)));
	assert_int_equal(errno, 0);
	fclose(file);
	snapshot__free(one);
	snapshot__free(two);
}

/* A read that fails is no end of the stream. */
static void test_broken_stream(void **state)
{
	FILE *file = fopen("/proc/self/mem", "re"); /* nothing is mapped at 0 */
	char why[256] = "";

	(void)state;
	assert_non_null(file);
	assert_null(form_json__read_next(file, why, sizeof(why)));
	assert_int_equal(errno, EIO);
	assert_non_null(strstr(why, "can't read: Input/output error"));
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	      cmocka_unit_test(test_fixtures),
		cmocka_unit_test(test_fields),	      cmocka_unit_test(test_judged_alike),
		cmocka_unit_test(test_refused),	      cmocka_unit_test(test_long),
		cmocka_unit_test(test_many),	      cmocka_unit_test(test_stream),
		cmocka_unit_test(test_broken_stream), cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_least),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
