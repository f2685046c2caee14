// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowest layer of the JSON reader: characters, strings, numbers. Own code
 * instead of json-c, which keeps the whole document (2.9 GB for a million pages;
 * the snapshot of them takes 114 MiB), takes the last of duplicate keys without
 * a word and rounds large integers.
 * Interface: read_json_lex.h.
 */
#include "read_json_lex.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"

int json_in__fail(struct json_in *in, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(in->what, sizeof(in->what), fmt, args);
	va_end(args);
	return -EINVAL;
}

/* The character at the front, not taken. Too long a document ends early. */
static int look(struct json_in *in)
{
	if (in->ahead != JSON_NO_CHAR)
		return in->ahead;
	if (in->pos >= JSON_BYTES_MAX)
		in->ahead = EOF;
	else if (in->file)
		in->ahead = getc_unlocked(in->file);
	else
		in->ahead = in->pos < in->bytes ? (unsigned char)in->buf[in->pos] : EOF;
	return in->ahead;
}

static int take(struct json_in *in)
{
	int c = look(in);

	if (c == EOF)
		return c;
	in->ahead = JSON_NO_CHAR;
	in->pos++;
	in->line += c == '\n';
	return c;
}

static int fail_at(struct json_in *in, const char *wanted)
{
	int c = look(in);

	if (c != EOF)
		return json_in__fail(in,
				     c > 0x20 && c < 0x7f ? "%s expected, not '%c'"
							  : "%s expected, not byte 0x%02x",
				     wanted, c);
	if (in->file && ferror(in->file)) {
		json_in__fail(in, "can't read: %s", strerror(errno));
		return -EIO;
	}
	if (in->pos >= JSON_BYTES_MAX)
		return json_in__fail(in, "more than %llu MiB", JSON_BYTES_MAX >> 20);
	return json_in__fail(in, "%s expected, but the file ends here", wanted);
}

int json_in__peek(struct json_in *in)
{
	int c;

	while ((c = look(in)) == ' ' || c == '\n' || c == '\t' || c == '\r')
		take(in);
	return c;
}

int json_in__expect(struct json_in *in, char c)
{
	const char wanted[] = { '\'', c, '\'', '\0' };

	if (json_in__peek(in) != c)
		return fail_at(in, wanted);
	take(in);
	return 0;
}

int json_in__more(struct json_in *in, char bracket, bool *more)
{
	int c = json_in__peek(in);

	*more = c == ',';
	if (c != ',' && c != bracket)
		return fail_at(in, bracket == '}' ? "',' or '}'" : "',' or ']'");
	take(in);
	return 0;
}

int json_in__enter(struct json_in *in, char open, char close, bool *more)
{
	int err = json_in__expect(in, open);

	*more = !err && json_in__peek(in) != close;
	if (!err && !*more)
		take(in);
	return err;
}

int json_in__word(struct json_in *in, const char *word)
{
	json_in__peek(in);
	for (const char *c = word; *c; c++) {
		if (look(in) != *c)
			return fail_at(in, word);
		take(in);
	}
	return 0;
}

static int put(struct json_in *in, const char *bytes, size_t cnt)
{
	if (in->text_bytes + cnt >= sizeof(in->text))
		return json_in__fail(in, "a string longer than %zu bytes", sizeof(in->text) - 1);
	memcpy(in->text + in->text_bytes, bytes, cnt);
	in->text_bytes += cnt;
	return 0;
}

static int take_hex4(struct json_in *in, uint32_t *code)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;

	*code = 0;
	for (int i = 0; i < 4; i++) {
		int c = look(in);

		digit = c > 0 ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
		if (!digit)
			return fail_at(in, "hex digit");
		*code = *code << 4 | (digit - digits);
		take(in);
	}
	return 0;
}

static int put_code(struct json_in *in, uint32_t code)
{
	char bytes[4];
	size_t cnt = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	if (cnt == 1) {
		bytes[0] = code;
		return put(in, bytes, 1);
	}
	for (size_t i = cnt - 1; i; i--, code >>= 6)
		bytes[i] = 0x80 | (code & 0x3f);
	bytes[0] = (0xf00 >> cnt) | code;
	return put(in, bytes, cnt);
}

/* After "\u": one character, of two escapes if it is beyond 0xffff. */
static int take_unicode(struct json_in *in)
{
	uint32_t code, low;
	int err = take_hex4(in, &code);

	if (err)
		return err;
	if (!code)
		return json_in__fail(in, "a string with a NUL");
	if (code >= 0xdc00 && code <= 0xdfff)
		return json_in__fail(in, "half a surrogate pair");
	if (code < 0xd800 || code > 0xdbff)
		return put_code(in, code);
	if (take(in) != '\\' || take(in) != 'u')
		return json_in__fail(in, "half a surrogate pair");
	err = take_hex4(in, &low);
	if (err)
		return err;
	if (low < 0xdc00 || low > 0xdfff)
		return json_in__fail(in, "half a surrogate pair");
	return put_code(in, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
}

static int take_escape(struct json_in *in)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int c = look(in);
	const char *at = c > 0 ? strchr(from, c) : NULL;

	if (c == 'u') {
		take(in);
		return take_unicode(in);
	}
	if (!at)
		return fail_at(in, "escape");
	take(in);
	return put(in, &to[at - from], 1);
}

/* A character of two bytes and more. */
static int take_multibyte(struct json_in *in)
{
	int first = take(in), err;
	char bytes[5] = { first };
	size_t cnt = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	uint32_t code;

	for (size_t i = 1; i < cnt && (look(in) & 0xc0) == 0x80; i++)
		bytes[i] = take(in);
	err = utf8_decode(bytes, &code) == cnt ? 0 : json_in__fail(in, "invalid UTF-8");
	return err ? err : put(in, bytes, cnt);
}

/* What most strings consist of, in one go; then the character at the front. */
static int look_past_plain(struct json_in *in)
{
	size_t room = sizeof(in->text) - 1 - in->text_bytes;
	int c;

	while ((c = look(in)) >= 0x20 && c < 0x80 && c != '"' && c != '\\' && room--) {
		in->text[in->text_bytes++] = c;
		in->ahead = JSON_NO_CHAR;
		in->pos++;
	}
	return c;
}

int json_in__string(struct json_in *in)
{
	int err = json_in__peek(in) == '"' ? 0 : fail_at(in, "string"), c;
	char byte;

	in->text_bytes = 0;
	if (!err)
		take(in);
	while (!err && (c = look_past_plain(in)) != '"') {
		if (c == EOF || c < 0x20) {
			err = fail_at(in, "end of string");
		} else if (c >= 0x80) {
			err = take_multibyte(in);
		} else {
			byte = take(in);
			err = byte == '\\' ? take_escape(in) : put(in, &byte, 1);
		}
	}
	if (err)
		return err;
	take(in);
	in->text[in->text_bytes] = '\0';
	return 0;
}

static int take_digits(struct json_in *in)
{
	int err = look(in) >= '0' && look(in) <= '9' ? 0 : fail_at(in, "digit");

	while (!err && look(in) >= '0' && look(in) <= '9') {
		char c = take(in);

		err = put(in, &c, 1);
	}
	return err;
}

static bool take_if(struct json_in *in, char a, char b)
{
	char c = look(in);

	if (c != a && c != b)
		return false;
	take(in);
	put(in, &c, 1);
	return true;
}

int json_in__number(struct json_in *in)
{
	int c = json_in__peek(in), err;

	in->text_bytes = 0;
	if (c != '-' && (c < '0' || c > '9'))
		return fail_at(in, "number");
	take_if(in, '-', '-');
	if (take_if(in, '0', '0'))
		err = look(in) >= '0' && look(in) <= '9' ? fail_at(in, "end of number") : 0;
	else
		err = take_digits(in);
	if (!err && take_if(in, '.', '.'))
		err = take_digits(in);
	if (!err && take_if(in, 'e', 'E')) {
		take_if(in, '+', '-');
		err = take_digits(in);
	}
	in->text[in->text_bytes] = '\0';
	return err;
}

int json_in__whole(struct json_in *in, int64_t *value)
{
	int err = json_in__number(in);
	bool negative = !err && in->text[0] == '-';
	const char *digits = in->text + negative;

	if (err)
		return err;
	if (digits[strspn(digits, "0123456789")])
		return json_in__fail(in, "a whole number expected");
	errno = 0;
	*value = strtoll(in->text, NULL, 10);
	if (errno || *value > (int64_t)JSON_INT_MAX || *value < -(int64_t)JSON_INT_MAX)
		return json_in__fail(in, "a number beyond 2^53");
	return 0;
}

int json_in__bool(struct json_in *in, bool *value)
{
	*value = json_in__peek(in) == 't';
	return json_in__word(in, *value ? "true" : "false");
}

/* Depth by a loop, not by recursion: bits say which bracket is open, one a level. */
int json_in__skip(struct json_in *in)
{
	unsigned long long is_object = 0;
	unsigned int depth = 0;
	bool more;
	int err, c;

	do {
		if (depth && is_object & 1) {
			err = json_in__string(in);
			if (!err)
				err = json_in__expect(in, ':');
			if (err)
				return err;
		}
		c = json_in__peek(in);
		more = false;
		if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return json_in__fail(in, "nested deeper than %d", JSON_DEPTH_MAX);
			is_object = is_object << 1 | (c == '{');
			err = json_in__enter(in, c, c == '{' ? '}' : ']', &more);
			if (!err && !more) {
				depth--;
				is_object >>= 1;
			}
		} else if (c == '"') {
			err = json_in__string(in);
		} else if (c == 't' || c == 'f' || c == 'n') {
			err = json_in__word(in, c == 't' ? "true" : c == 'f' ? "false" : "null");
		} else {
			err = json_in__number(in);
		}
		while (!err && depth && !more) {
			err = json_in__more(in, is_object & 1 ? '}' : ']', &more);
			if (!err && !more) {
				depth--;
				is_object >>= 1;
			}
		}
	} while (!err && depth);
	return err;
}
