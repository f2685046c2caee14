// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census against module files that this test has the compiler make: plain
 * and compressed, converted and not, and files that are no module at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "census.h"

static char dir[] = "/tmp/census.XXXXXX";

/* Compiles code into DIR/file, and runs a command on it. */
static void make_module(const char *file, const char *code, const char *then)
{
	char cmd[256];
	FILE *cc;

	snprintf(cmd, sizeof(cmd), "cd %s && gcc -w -O1 -ffunction-sections -x c -c -o %s -", dir,
		 file);
	cc = popen(cmd, "w");
	assert_non_null(cc);
	fputs(code, cc);
	assert_int_equal(pclose(cc), 0);
	if (!then)
		return;
	snprintf(cmd, sizeof(cmd), "cd %s && %s %s", dir, then, file);
	assert_int_equal(system(cmd), 0);
}

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	make_module("good-one.ko",
		    "int pin_user_pages_fast(); void unpin_user_pages();"
		    "int take(void) { return pin_user_pages_fast(1) + pin_user_pages_fast(2) + 1; }"
		    "void drop(void) { unpin_user_pages(); __asm__(\"\"); }",
		    NULL);
	make_module("old.ko",
		    "int get_user_pages_fast(); int f(void) { return 1 + get_user_pages_fast(); }",
		    "xz -k");
	make_module("gone.ko", "", "rm");
	make_module("mixed.ko",
		    "int get_user_pages(), pin_user_pages();"
		    "int f(void) { return get_user_pages() + pin_user_pages(); }",
		    "gzip");
	/* A pointer to a function is no call; a function of one's own by that name is another. */
	make_module("pointer.ko", "int pin_user_pages(); void *ops[] = { pin_user_pages };", NULL);
	make_module("own.ko",
		    "__attribute__((noinline)) int pin_user_pages(int x) { return x * 3; }"
		    "int f(int x) { return pin_user_pages(x) + 1; }",
		    NULL);
	make_module("lender.ko",
		    "int memfd_pin_folios(); int f(void) { return 1 + memfd_pin_folios(); }", NULL);
	make_module("broken.ko", "int x;", "truncate -s 97");
	make_module("not-a-module.o",
		    "int pin_user_pages(); int f(void) { return 1 + pin_user_pages(); }", NULL);
	return 0;
}

static int tear_down(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	return system(cmd);
}

static void expect_class(const struct census *census, const char *name, enum census_class class)
{
	const struct census_unit *unit = census__find(census, name);

	assert_true(census__has_module(census, name));
	if (class == CLASS_NONE)
		assert_null(unit);
	else
		assert_string_equal(census_class_name(unit->class), census_class_name(class));
}

static void test_classes(void **state)
{
	struct census census = {};

	(void)state;
	assert_int_equal(census__modules(&census, dir, NULL), 0);
	/* old.ko is there twice, plain and compressed. */
	assert_int_equal(census.modules, 8);
	assert_int_equal(census.unit_cnt, 5);
	assert_int_equal(census.unreadable, 1);
	expect_class(&census, "good_one", CLASS_CONVERTED);
	expect_class(&census, "old", CLASS_STILL_GET);
	expect_class(&census, "mixed", CLASS_BOTH);
	expect_class(&census, "lender", CLASS_PINS);
	expect_class(&census, "pointer", CLASS_NONE);
	expect_class(&census, "own", CLASS_NONE);
	expect_class(&census, "broken", CLASS_NONE);
	assert_false(census__has_module(&census, "gone"));
	assert_false(census__has_module(&census, "not_a_module"));
	census__free(&census);
}

static void test_calls(void **state)
{
	const struct census_unit *unit;
	struct census census = {};

	(void)state;
	assert_int_equal(census__modules(&census, dir, NULL), 0);
	unit = census__find(&census, "good_one");
	assert_int_equal(unit->call_cnt, 2);
	assert_string_equal(unit->calls[0].caller, "drop");
	assert_string_equal(unit->calls[0].callee, "unpin_user_pages");
	assert_int_equal(unit->calls[0].family, FAMILY_UNPIN);
	assert_int_equal(unit->calls[0].cnt, 1);
	assert_string_equal(unit->calls[1].caller, "take");
	assert_string_equal(unit->calls[1].callee, "pin_user_pages_fast");
	assert_int_equal(unit->calls[1].cnt, 2);
	census__free(&census);
}

static void test_only(void **state)
{
	static const char *const only[] = { "mixed", "gone", NULL };
	struct census census = {};

	(void)state;
	assert_int_equal(census__modules(&census, dir, only), 0);
	assert_int_equal(census.unit_cnt, 1);
	assert_int_equal(census.unreadable, 0);
	expect_class(&census, "mixed", CLASS_BOTH);
	assert_true(census__has_module(&census, "old"));
	census__free(&census);
}

static void test_no_modules(void **state)
{
	struct census census = {};

	(void)state;
	assert_int_equal(census__modules(&census, "/nonexistent", NULL), -ENOENT);
	census__free(&census);
}

static void test_forms(void **state)
{
	struct census census = {};
	char *text = NULL;
	size_t len;
	FILE *out;

	(void)state;
	assert_int_equal(census__modules(&census, dir, NULL), 0);
	out = open_memstream(&text, &len);
	assert_int_equal(census__print(out, &census, "DIR"), 0);
	assert_int_equal(census__json(out, &census, "DIR"), 0);
	fclose(out);
	assert_non_null(
		strstr(text, "8 modules below DIR: 5 call GUP functions, 1 could not be read\n"));
	assert_non_null(strstr(text, "still get_user_pages* (2)\n  old\n"));
	assert_non_null(
		strstr(text, "    take                               pin_user_pages_fast x2\n"));
	assert_non_null(strstr(text, "\"class\":\"converted\""));
	free(text);
	census__free(&census);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes), cmocka_unit_test(test_calls),
		cmocka_unit_test(test_only),	cmocka_unit_test(test_no_modules),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
