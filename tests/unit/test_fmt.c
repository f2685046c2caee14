// SPDX-License-Identifier: GPL-2.0-only
/* Figures at the edges where a digit or a unit changes, and hostile strings. */
#include "fixture.h"
#include "fmt.h"

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.00 KiB" },
		{ 12 * KIB, "12.0 KiB" },
		{ 10234, "9.99 KiB" },
		{ 10236, "10.0 KiB" },
		{ 102348, "99.9 KiB" },
		{ 102400 - 40, "100 KiB" },
		{ 1023 * KIB, "1023 KiB" },
		{ MIB - 1, "1.00 MiB" },
		{ 1288589312, "1.20 GiB" },
		{ 25769803776, "24.0 GiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_string_equal(fmt_bytes(rows[i].bytes).s, rows[i].text);
	assert_string_equal(fmt_size(4096).s, "4 KiB");
	assert_string_equal(fmt_size(2 * MIB).s, "2 MiB");
	assert_string_equal(fmt_size(4097).s, "4097 B");
	assert_string_equal(fmt_size(0).s, "0 B");
	assert_string_equal(fmt_size(20000 * KIB + 1).s, "19.5 MiB");
}

static void test_counts(void **state)
{
	(void)state;
	assert_string_equal(fmt_count(0).s, "0");
	assert_string_equal(fmt_count(999).s, "999");
	assert_string_equal(fmt_count(1000).s, "1,000");
	assert_string_equal(fmt_count(314597).s, "314,597");
	assert_string_equal(fmt_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
	assert_string_equal(fmt_plural(1, "pin").s, "pin");
	assert_string_equal(fmt_plural(0, "pin").s, "pins");
}

static void test_ages(void **state)
{
	(void)state;
	assert_string_equal(fmt_age(0).s, "0 us");
	assert_string_equal(fmt_age(999999).s, "999 us");
	assert_string_equal(fmt_age(4 * MS).s, "4 ms");
	assert_string_equal(fmt_age(2500 * MS).s, "2.5 s");
	assert_string_equal(fmt_age(10 * S - 1).s, "9.9 s");
	assert_string_equal(fmt_age(59 * S).s, "59 s");
	assert_string_equal(fmt_age(65 * S).s, "1m05s");
	assert_string_equal(fmt_age((2 * 60 + 31) * 60 * S).s, "2h31m");
	assert_string_equal(fmt_age((9 * 24 + 4) * 3600 * S).s, "9d4h");
}

static void test_times(void **state)
{
	(void)state;
	assert_string_equal(fmt_utc(TAKEN).s, "2026-11-22T12:44:07.218Z");
	assert_string_equal(fmt_utc(0).s, "?");
	assert_string_equal(fmt_local(TAKEN).s, "2026-11-22 12:44:07");
	assert_string_equal(fmt_local(0).s, "?");
	assert_string_equal(fmt_local_near(EXITED, TAKEN).s, "10:31:02");
	assert_string_equal(fmt_local_near(TAKEN - 86400 * S, TAKEN).s, "2026-11-21 12:44:07");
	assert_string_equal(fmt_local_near(0, TAKEN).s, "?");
}

static void assert_decodes(const char *bytes, size_t len, uint32_t want)
{
	uint32_t code = 0;

	assert_int_equal(utf8_decode(bytes, &code), len);
	if (len)
		assert_int_equal(code, want);
}

static void test_utf8(void **state)
{
	(void)state;
	assert_decodes("a", 1, 'a');
	assert_decodes("\xc2\x80", 2, 0x80);
	assert_decodes("\xe6\xbc\xa2", 3, 0x6f22);
	assert_decodes("\xf4\x8f\xbf\xbf", 4, 0x10ffff);
	assert_decodes("\x80", 0, 0);	  /* continuation alone */
	assert_decodes("\xc1\x81", 0, 0); /* overlong */
	assert_decodes("\xe0\x80\x80", 0, 0);
	assert_decodes("\xf0\x80\x80\x80", 0, 0);
	assert_decodes("\xed\xa0\x80", 0, 0);	  /* surrogate */
	assert_decodes("\xf4\x90\x80\x80", 0, 0); /* past the end */
	assert_decodes("\xff", 0, 0);
	assert_decodes("\xe6\xbc", 0, 0); /* truncated by the end */
	assert_decodes("\xf0", 0, 0);
}

static void assert_made(char *made, const char *want)
{
	assert_string_equal(made, want);
	free(made);
}

static void test_strings(void **state)
{
	(void)state;
	assert_made(fmt_safe(""), "");
	assert_made(fmt_safe("a\033[2J\n\x7f"), "a\\x1b[2J\\x0a\\x7f");
	assert_made(fmt_safe("\xc2\x9b"
			     "1m"),
		    "\\u009b1m");
	assert_made(fmt_safe("\xe2\x80\xae\xff\xe6\xbc\xa2"), "\\u202e\\xff\xe6\xbc\xa2");
	assert_made(fmt_safe("\xf3\xa0\x81\x81"), "\\u{e0041}");
	assert_made(fmt_utf8("a\xff\xe6\xbc\xa2\xe6\xbc"),
		    "a\xef\xbf\xbd\xe6\xbc\xa2\xef\xbf\xbd\xef\xbf\xbd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_ages),  cmocka_unit_test(test_times),
		cmocka_unit_test(test_utf8),  cmocka_unit_test(test_strings),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
