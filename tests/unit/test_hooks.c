// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of hooks: its choice for kernels that are only lists of functions
 * (golden files; UPDATE_GOLDEN=1 rewrites them), what it says when a kernel
 * lacks something, and that table, BPF programs and ABI agree on all names.
 * Run from the root of the tree, after the BPF objects were built.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <bpf/libbpf.h>

#include "gup_abi.h"
#include "hooks.h"
#include "snapshot.h"
#include "util.h"

/* Versions in order; 6.5 has shapes that none of Debian's has. */
enum version { V5_10, V6_1, V6_5, V6_12, V6_18, V7_3, V_CNT };

static const char *const names[] = { "5.10", "6.1", "6.5", "6.12", "6.18", "7.3" };
_Static_assert(ARRAY_SIZE(names) == V_CNT, "a version without a name");

/* BTF of x86 kernels: each function, from and up to which version it has this shape. */
static const struct {
	const char *name;
	int nargs;
	enum hook_ret ret;
	enum version since, until;
} funcs[] = {
	{ "put_compound_head", 3, RET_VOID, V5_10, V5_10 },
	{ "gup_put_folio", 3, RET_VOID, V6_1, V7_3 },
	{ "try_grab_page", 2, RET_BOOL, V5_10, V6_1 },
	{ "try_grab_page", 2, RET_INT, V6_5, V6_5 },
	{ "try_grab_compound_head", 3, RET_PTR, V5_10, V5_10 },
	{ "try_grab_folio", 3, RET_PTR, V6_1, V6_5 },
	{ "try_grab_folio", 3, RET_INT, V6_12, V7_3 },
	{ "try_grab_folio_fast", 3, RET_PTR, V6_12, V7_3 },
	{ "folio_add_pin", 1, RET_VOID, V6_5, V7_3 },
	{ "folio_add_pins", 2, RET_INT, V6_18, V7_3 },
	{ "memfd_pin_folios", 6, RET_INT, V6_12, V7_3 },
	{ "unpin_user_page", 1, RET_VOID, V5_10, V7_3 },
	{ "unpin_folio", 1, RET_VOID, V6_12, V7_3 },
	{ "unpin_user_folio", 2, RET_VOID, V6_12, V7_3 },
	{ "unpin_folios", 2, RET_VOID, V6_12, V7_3 },
	{ "unpin_user_pages", 2, RET_VOID, V5_10, V7_3 },
	{ "unpin_user_pages_dirty_lock", 3, RET_VOID, V5_10, V7_3 },
	{ "unpin_user_page_range_dirty_lock", 3, RET_VOID, V6_1, V7_3 },
	{ "pin_user_pages", 5, RET_INT, V5_10, V6_1 },
	{ "pin_user_pages", 4, RET_INT, V6_5, V7_3 },
	{ "pin_user_pages_fast", 4, RET_INT, V5_10, V7_3 },
	{ "pin_user_pages_fast_only", 4, RET_INT, V5_10, V6_1 },
	{ "pin_user_pages_remote", 7, RET_INT, V5_10, V6_1 },
	{ "pin_user_pages_remote", 6, RET_INT, V6_5, V7_3 },
	{ "pin_user_pages_unlocked", 4, RET_INT, V5_10, V7_3 },
	{ "pin_user_pages_locked", 5, RET_INT, V5_10, V5_10 },
	{ "get_user_pages", 5, RET_INT, V5_10, V6_1 },
	{ "get_user_pages", 4, RET_INT, V6_5, V7_3 },
	{ "get_user_pages_fast", 4, RET_INT, V5_10, V7_3 },
	{ "get_user_pages_fast_only", 4, RET_INT, V5_10, V7_3 },
	{ "get_user_pages_remote", 7, RET_INT, V5_10, V6_1 },
	{ "get_user_pages_remote", 6, RET_INT, V6_5, V7_3 },
	{ "get_user_pages_unlocked", 4, RET_INT, V5_10, V7_3 },
	{ "get_user_pages_locked", 5, RET_INT, V5_10, V6_1 },
};

/* A kernel of a version, less one function. */
struct fake {
	enum version version;
	const char *lacks;
};

static bool fake_func(const void *ctx, const char *name, int *nargs, enum hook_ret *ret)
{
	const struct fake *fake = ctx;

	if (fake->lacks && !strcmp(fake->lacks, name))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++) {
		if (strcmp(funcs[i].name, name) || fake->version < funcs[i].since ||
		    fake->version > funcs[i].until)
			continue;
		*nargs = funcs[i].nargs;
		*ret = funcs[i].ret;
		return true;
	}
	return false;
}

static int choose_plan(const struct fake *fake, enum hook_plan plan, struct hook_choice *choice)
{
	const struct hook_kernel kernel = { fake_func, fake, fake->version > V5_10, false };

	return hooks__select(&kernel, plan, choice);
}

static int choose(const struct fake *fake, struct hook_choice *choice)
{
	return choose_plan(fake, PLAN_CORE, choice);
}

static void print_choice(FILE *out, const struct hook_choice *choice)
{
	for (size_t i = 0; i < choice->cnt; i++) {
		const struct hook *hook = choice->hooks[i];
		const char *prog;

		fprintf(out, "%-34s %-12s %s", hook->func, hook_role_name(hook->role),
			hook_choice__prog(choice, hook, 0));
		for (size_t p = 1; (prog = hook_choice__prog(choice, hook, p)); p++)
			fprintf(out, " + %s", prog);
		fprintf(out, "%s%s\n", hook->inlines ? " | inlines " : "",
			hook->inlines ? hook->inlines : "");
	}
}

/* Both plans' choices, as --probe prints them; 5.10 has no plan call. */
static char *choice_text(const struct fake *fake)
{
	struct hook_choice choice;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(choose(fake, &choice), 0);
	assert_int_equal(choice.lacking_cnt, 0);
	print_choice(out, &choice);
	assert_int_equal(choose_plan(fake, PLAN_CALL, &choice),
			 fake->version == V5_10 ? -ENOENT : 0);
	print_choice(out, &choice);
	fclose(out);
	return text;
}

static char *read_golden(const char *path)
{
	char *text = calloc(1, 1 << 16);
	FILE *in = fopen(path, "r");

	if (!in)
		fail_msg("%s: %s; UPDATE_GOLDEN=1 makes it", path, strerror(errno));
	assert_non_null(text);
	assert_in_range(fread(text, 1, (1 << 16) - 1, in), 1, (1 << 16) - 2);
	fclose(in);
	return text;
}

static void test_golden(void **state)
{
	(void)state;
	for (enum version v = 0; v < V_CNT; v++) {
		struct fake fake = { .version = v };
		char path[64], *golden, *text = choice_text(&fake);

		snprintf(path, sizeof(path), "tests/golden/hooks-%s.txt", names[v]);
		if (getenv("UPDATE_GOLDEN")) {
			FILE *out = fopen(path, "w");

			assert_non_null(out);
			fputs(text, out);
			assert_int_equal(fclose(out), 0);
		}
		golden = read_golden(path);
		assert_string_equal(text, golden);
		free(golden);
		free(text);
	}
}

/* Each group that must be there, taken away by its function: refused, and named. */
static void test_lacking(void **state)
{
	static const struct {
		enum version version;
		const char *func, *group;
	} cases[] = {
		{ V7_3, "try_grab_folio", "grab, slow path" },
		{ V7_3, "try_grab_folio_fast", "grab, fast path" },
		{ V7_3, "gup_put_folio", "put" },
		{ V7_3, "pin_user_pages", "pin_user_pages" },
		{ V7_3, "pin_user_pages_fast", "pin_user_pages_fast" },
		{ V6_5, "try_grab_page", "grab, slow path" },
		{ V6_1, "try_grab_folio", "grab, fast path" },
		{ V5_10, "try_grab_compound_head", "grab, fast path" },
		{ V5_10, "put_compound_head", "put" },
	};
	struct hook_choice choice;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fake fake = { cases[i].version, cases[i].func };

		assert_int_equal(choose(&fake, &choice), -ENOENT);
		assert_int_equal(choice.lacking_cnt, 1);
		assert_string_equal(choice.lacking[0], cases[i].group);
	}
}

static bool no_func(const void *ctx, const char *name, int *nargs, enum hook_ret *ret)
{
	(void)ctx, (void)name, (void)nargs, (void)ret;
	return false;
}

static void test_nothing_there(void **state)
{
	struct hook_kernel kernel = { no_func, NULL, true, false };
	struct fake fake = { .version = V7_3 };
	struct hook_choice choice;

	(void)state;
	assert_int_equal(hooks__select(&kernel, PLAN_CORE, &choice), -ENOENT);
	assert_int_equal(choice.cnt, 0);
	assert_int_equal(choice.lacking_cnt, 5);
	kernel = (struct hook_kernel){ fake_func, &fake, true, false };
	kernel.has_cmpxchg = false;
	assert_int_equal(hooks__select(&kernel, PLAN_CALL, &choice), -ENOENT);
	assert_int_equal(choice.cnt, 0);
	assert_int_equal(choice.lacking_cnt, 3);
}

/* IF_PRESENT rows may go one by one without a word. */
static void test_optional(void **state)
{
	size_t cnt, tried = 0;
	const struct hook *table = hooks__table(&cnt);

	(void)state;
	for (size_t i = 0; i < cnt; i++) {
		struct fake all = { V7_3, NULL }, less = { V7_3, table[i].func };
		struct hook_choice full, choice;
		int nargs;
		enum hook_ret ret;

		if (table[i].plan != PLAN_CORE || table[i].need != IF_PRESENT ||
		    !fake_func(&all, table[i].func, &nargs, &ret) || nargs != table[i].nargs)
			continue;
		assert_int_equal(choose(&all, &full), 0);
		assert_int_equal(choose(&less, &choice), 0);
		assert_int_equal(choice.cnt, full.cnt - 1);
		tried++;
	}
	assert_int_equal(tried, 17);
}

/* Without compare-and-exchange nothing may run that would need it, whatever else the kernel has. */
static void test_flow_only(void **state)
{
	struct fake fake = { .version = V5_10 };
	struct hook_kernel kernel = { fake_func, &fake, false, false };
	struct hook_choice choice;

	(void)state;
	assert_int_equal(hooks__select(&kernel, PLAN_CORE, &choice), 0);
	for (size_t i = 0; i < choice.cnt; i++) {
		assert_int_not_equal(choice.hooks[i]->role, ROLE_SITE);
		if (choice.hooks[i]->role <= ROLE_RELEASE)
			assert_true(choice.hooks[i]->flow_only);
	}
	fake.version = V6_1;
	assert_int_equal(hooks__select(&kernel, PLAN_CORE, &choice), -ENOENT);
}

/* --- the table itself --- */

static bool is_probe(const char *prog)
{
	return !strncmp(prog, "kprobe__", 8) || !strncmp(prog, "kretprobe__", 11);
}

static void test_table(void **state)
{
	size_t cnt;
	const struct hook *table = hooks__table(&cnt);

	(void)state;
	assert_in_range(cnt, 1, HOOKS_MAX);
	for (size_t i = 0; i < cnt; i++) {
		assert_non_null(table[i].progs[0]);
		/* What a trampoline carries everywhere; a probe any number. */
		assert_in_range(table[i].nargs, 1, is_probe(table[i].progs[0]) ? 7 : 6);
		assert_null(hooks__ignored(table[i].func));
		for (size_t j = i + 1; j < cnt; j++) {
			bool same = !strcmp(table[i].func, table[j].func) &&
				    table[i].nargs == table[j].nargs &&
				    table[i].ret == table[j].ret &&
				    table[i].plan == table[j].plan &&
				    table[i].flow_only == table[j].flow_only;

			if (same)
				fail_msg("rows %zu and %zu: both fit %s", i, j, table[i].func);
			if (!strcmp(table[i].group, table[j].group) &&
			    table[i].plan == table[j].plan) {
				assert_string_equal(table[j - 1].group, table[j].group);
				assert_int_equal(table[i].need, table[j].need);
				assert_int_equal(table[i].role, table[j].role);
			}
		}
	}
}

static void test_ignored(void **state)
{
	(void)state;
	assert_non_null(hooks__ignored("gup_fast_fallback"));
	assert_non_null(hooks__ignored("__get_user_pages"));
	assert_non_null(hooks__ignored("__gup_longterm_locked"));
	assert_null(hooks__ignored("pin_user_pages_tomorrow"));
	assert_null(hooks__ignored("unpin_user_pages_lockless"));
}

static int silent(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

static const struct hook *row_of(const char *prog)
{
	size_t cnt;
	const struct hook *table = hooks__table(&cnt);

	for (size_t i = 0; i < cnt; i++)
		for (int p = 0; p < HOOK_PROGS && table[i].progs[p]; p++)
			if (!strcmp(table[i].progs[p], prog))
				return &table[i];
	return NULL;
}

/* Each program of the object is in the table, with the function that its section names; and back. */
static void test_programs(void **state)
{
	size_t cnt;
	const struct hook *table = hooks__table(&cnt);
	struct bpf_program *prog;
	struct bpf_object *obj;

	(void)state;
	libbpf_set_print(silent);
	obj = bpf_object__open_file("build/track.bpf.o", NULL);
	assert_non_null(obj);
	bpf_object__for_each_program (prog, obj) {
		const char *name = bpf_program__name(prog), *sec = bpf_program__section_name(prog);
		const struct hook *row = row_of(name);
		bool hooked = !strncmp(sec, "fentry/", 7) || !strncmp(sec, "fexit/", 6) ||
			      !strncmp(sec, "kprobe/", 7) || !strncmp(sec, "kretprobe/", 10);

		if (hooked != !!row)
			fail_msg("%s (%s): %s the table", name, sec, row ? "in" : "not in");
		if (row && strcmp(strchr(sec, '/') + 1, row->func))
			fail_msg("%s is for %s, its row for %s", name, sec, row->func);
		assert_false(bpf_program__autoload(prog));
	}
	for (size_t i = 0; i < cnt; i++)
		for (int p = 0; p < HOOK_PROGS && table[i].progs[p]; p++)
			if (!bpf_object__find_program_by_name(obj, table[i].progs[p]))
				fail_msg("no program %s", table[i].progs[p]);
	bpf_object__close(obj);
}

/*
 * Where a task can be preempted anywhere, plan call's programs have one more copy, which is
 * attached first and so runs last; plan core's have none.
 */
static void test_spares(void **state)
{
	static const char *const copies[] = { "call4", "call3", "call2", "call" };
	const struct fake fake = { .version = V7_3 };
	const struct hook_kernel kernel = { fake_func, &fake, true, true };
	struct hook_choice choice;
	char expected[64];

	(void)state;
	assert_int_equal(hooks__select(&kernel, PLAN_CALL, &choice), 0);
	assert_true(choice.cnt >= 5);
	for (size_t i = 0; i < choice.cnt; i++) {
		const struct hook *hook = choice.hooks[i];

		for (size_t nth = 0; nth < ARRAY_SIZE(copies); nth++) {
			const char *prog = hook_choice__prog(&choice, hook, nth);

			assert_non_null(prog);
			snprintf(expected, sizeof(expected), "%s__%s", copies[nth], hook->func);
			assert_string_equal(prog, expected);
		}
		assert_null(hook_choice__prog(&choice, hook, ARRAY_SIZE(copies)));
	}
	assert_int_equal(hooks__select(&kernel, PLAN_CORE, &choice), 0);
	for (size_t i = 0; i < choice.cnt; i++)
		assert_string_equal(hook_choice__prog(&choice, choice.hooks[i], 0),
				    choice.hooks[i]->progs[0]);
}

/* The BPF side's numbers of the API functions are the snapshot's. */
static void test_api_numbers(void **state)
{
	static const struct {
		int bpf, snapshot;
		const char *name;
	} same[] = {
		{ GUP_API_PIN_USER_PAGES, API_PIN_USER_PAGES, "pin_user_pages" },
		{ GUP_API_PIN_USER_PAGES_FAST, API_PIN_USER_PAGES_FAST, "pin_user_pages_fast" },
		{ GUP_API_PIN_USER_PAGES_FAST_ONLY, API_PIN_USER_PAGES_FAST_ONLY,
		  "pin_user_pages_fast_only" },
		{ GUP_API_PIN_USER_PAGES_REMOTE, API_PIN_USER_PAGES_REMOTE,
		  "pin_user_pages_remote" },
		{ GUP_API_PIN_USER_PAGES_UNLOCKED, API_PIN_USER_PAGES_UNLOCKED,
		  "pin_user_pages_unlocked" },
		{ GUP_API_PIN_USER_PAGES_LOCKED, API_PIN_USER_PAGES_LOCKED,
		  "pin_user_pages_locked" },
		{ GUP_API_MEMFD_PIN_FOLIOS, API_MEMFD_PIN_FOLIOS, "memfd_pin_folios" },
		{ GUP_API_FOLIO_ADD_PIN, API_FOLIO_ADD_PIN, "folio_add_pin" },
		{ GUP_API_FOLIO_ADD_PINS, API_FOLIO_ADD_PINS, "folio_add_pins" },
	};

	(void)state;
	assert_int_equal(GUP_API_UNKNOWN, API_UNKNOWN);
	assert_int_equal(GUP_API_GET_USER_PAGES, API_CNT); /* from here on FOLL_GET, BPF only */
	assert_int_equal(ARRAY_SIZE(same), API_CNT - 1);
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		assert_int_equal(same[i].bpf, i + 1);
		assert_int_equal(same[i].snapshot, i + 1);
		assert_string_equal(api_name(same[i].snapshot), same[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	      cmocka_unit_test(test_lacking),
		cmocka_unit_test(test_nothing_there), cmocka_unit_test(test_optional),
		cmocka_unit_test(test_flow_only),     cmocka_unit_test(test_table),
		cmocka_unit_test(test_ignored),	      cmocka_unit_test(test_spares),
		cmocka_unit_test(test_programs),      cmocka_unit_test(test_api_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
