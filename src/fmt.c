// SPDX-License-Identifier: GPL-2.0-only
/*
 * Figures and names for people. Strings that come from other programs (comm,
 * paths, symbol names) may hold any bytes; fmt_safe() and fmt_utf8() are the
 * only two ways they leave the program.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fmt.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define NS_PER_S 1000000000ULL

static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

struct fmt fmt_bytes(uint64_t bytes)
{
	double value = bytes;
	unsigned int unit = 0;
	struct fmt fmt;

	/* 1023.5 would print as 1024: the limits are where rounding adds a digit */
	while (value >= 1023.5 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(fmt.s, sizeof(fmt.s), "%.*f %s",
		 unit == 0 || value >= 99.95 ? 0
		 : value >= 9.995	     ? 1
					     : 2,
		 value, units[unit]);
	return fmt;
}

struct fmt fmt_size(uint64_t bytes)
{
	unsigned int unit = 0;
	struct fmt fmt;

	while (bytes && bytes % 1024 == 0 && unit + 1 < ARRAY_SIZE(units)) {
		bytes /= 1024;
		unit++;
	}
	if (bytes >= 10240)
		return fmt_bytes(bytes << (10 * unit));
	snprintf(fmt.s, sizeof(fmt.s), "%llu %s", (unsigned long long)bytes, units[unit]);
	return fmt;
}

struct fmt fmt_count(uint64_t cnt)
{
	char digits[24];
	size_t len, in, out = 0;
	struct fmt fmt;

	len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)cnt);
	for (in = 0; in < len; in++) {
		if (in && (len - in) % 3 == 0)
			fmt.s[out++] = ',';
		fmt.s[out++] = digits[in];
	}
	fmt.s[out] = '\0';
	return fmt;
}

struct fmt fmt_plural(uint64_t cnt, const char *noun)
{
	struct fmt fmt;

	snprintf(fmt.s, sizeof(fmt.s), "%s%s", noun, cnt == 1 ? "" : "s");
	return fmt;
}

struct fmt fmt_age(uint64_t ns)
{
	unsigned long long s = ns / NS_PER_S;
	struct fmt fmt;

	if (ns < 1000000)
		snprintf(fmt.s, sizeof(fmt.s), "%llu us", (unsigned long long)ns / 1000);
	else if (ns < NS_PER_S)
		snprintf(fmt.s, sizeof(fmt.s), "%llu ms", (unsigned long long)ns / 1000000);
	else if (s < 10)
		snprintf(fmt.s, sizeof(fmt.s), "%llu.%llu s", s,
			 (unsigned long long)ns % NS_PER_S / 100000000);
	else if (s < 60)
		snprintf(fmt.s, sizeof(fmt.s), "%llu s", s);
	else if (s < 3600)
		snprintf(fmt.s, sizeof(fmt.s), "%llum%02llus", s / 60, s % 60);
	else if (s < 86400)
		snprintf(fmt.s, sizeof(fmt.s), "%lluh%02llum", s / 3600, s / 60 % 60);
	else
		snprintf(fmt.s, sizeof(fmt.s), "%llud%lluh", s / 86400, s / 3600 % 24);
	return fmt;
}

static struct fmt fmt_tm(const struct tm *tm, const char *format)
{
	struct fmt fmt = { "?" };

	if (tm && strftime(fmt.s, sizeof(fmt.s), format, tm) == 0)
		strcpy(fmt.s, "?");
	return fmt;
}

struct fmt fmt_local(uint64_t epoch_ns)
{
	time_t s = epoch_ns / NS_PER_S;
	struct tm tm;

	return fmt_tm(epoch_ns ? localtime_r(&s, &tm) : NULL, "%Y-%m-%d %H:%M:%S");
}

struct fmt fmt_local_near(uint64_t epoch_ns, uint64_t near_ns)
{
	struct fmt when = fmt_local(epoch_ns), near = fmt_local(near_ns);
	struct fmt time = { "?" };

	if (strlen(when.s) < 19 || strncmp(when.s, near.s, 10) != 0)
		return when;
	memcpy(time.s, when.s + 11, sizeof("10:31:02"));
	return time;
}

struct fmt fmt_utc(uint64_t epoch_ns)
{
	time_t s = epoch_ns / NS_PER_S;
	struct tm tm;
	struct fmt fmt = fmt_tm(epoch_ns ? gmtime_r(&s, &tm) : NULL, "%Y-%m-%dT%H:%M:%S");
	size_t len = strlen(fmt.s);

	if (len > 1)
		snprintf(fmt.s + len, sizeof(fmt.s) - len, ".%03uZ",
			 (unsigned int)(epoch_ns % NS_PER_S / 1000000));
	return fmt;
}

size_t utf8_decode(const char *str, uint32_t *code)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t min;
	} forms[] = { { 0x80, 0x00, 0 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };
	const unsigned char *s = (const unsigned char *)str;
	size_t len, i;
	uint32_t c;

	for (len = 0; len < ARRAY_SIZE(forms); len++)
		if ((s[0] & forms[len].mask) == forms[len].lead)
			break;
	if (len == ARRAY_SIZE(forms))
		return 0;
	c = s[0] & (unsigned char)~forms[len].mask;
	for (i = 1; i <= len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < forms[len].min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return len + 1;
}

/* Control characters, and those that change how their neighbours are shown. */
static bool is_harmful(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },	       /* C0: escape sequences, newlines */
		{ 0x7f, 0x9f },	       /* DEL and C1: 0x9b starts a sequence too */
		{ 0xad, 0xad },	       /* soft hyphen */
		{ 0x61c, 0x61c },      /* Arabic letter mark */
		{ 0x180e, 0x180e },    /* Mongolian vowel separator */
		{ 0x200b, 0x200f },    /* zero width, direction marks */
		{ 0x2028, 0x202e },    /* line and paragraph separators, bidi embedding */
		{ 0x2060, 0x206f },    /* invisible operators, bidi isolates */
		{ 0xfe00, 0xfe0f },    /* variation selectors */
		{ 0xfeff, 0xfeff },    /* byte order mark */
		{ 0xfff0, 0xfffb },    /* specials */
		{ 0xe0000, 0x10ffff }, /* tags, private planes */
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

unsigned int fmt_columns(uint32_t code)
{
	return code >= 0x1100 ? 2 : 1; /* East Asian wide starts there */
}

char *fmt_safe(const char *str)
{
	/* the longest growth is one byte to "\x1b"; two bytes and more to "\u{10ffff}" */
	char *safe = malloc(strlen(str) * 5 + 1), *out = safe;
	uint32_t code = 0;
	size_t len;

	if (!safe)
		return NULL;
	for (; *str; str += len) {
		len = utf8_decode(str, &code);
		if (len && !is_harmful(code)) {
			memcpy(out, str, len);
			out += len;
		} else if (len > 1) {
			out += sprintf(out, code > 0xffff ? "\\u{%x}" : "\\u%04x", code);
		} else {
			out += sprintf(out, "\\x%02x", (unsigned char)*str);
			len = 1;
		}
	}
	*out = '\0';
	return safe;
}

char *fmt_utf8(const char *str)
{
	char *valid = malloc(strlen(str) * 3 + 1), *out = valid;
	uint32_t code;
	size_t len;

	if (!valid)
		return NULL;
	for (; *str; str += len) {
		len = utf8_decode(str, &code);
		memcpy(out, len ? str : "\xef\xbf\xbd", len ? len : 3);
		out += len ? len : 3;
		if (!len)
			len = 1;
	}
	*out = '\0';
	return valid;
}
