// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lowest layer of the JSON form: punctuation, numbers, strings. Knows no
 * snapshot. Interface: form_json_out.h.
 */
#include <string.h>

#include "fmt.h"
#include "form_json.h"
#include "form_json_out.h"

static void put_text(struct json_out *out, const char *text, size_t bytes)
{
	fwrite_unlocked(text, 1, bytes, out->file);
}

static void put_char(struct json_out *out, char c)
{
	putc_unlocked(c, out->file);
}

static bool in_line(const struct json_out *out)
{
	return out->one_line || (out->flat && out->depth >= out->flat);
}

static void new_line(struct json_out *out)
{
	unsigned int i;

	put_char(out, '\n');
	for (i = 0; i < out->depth; i++)
		put_text(out, "  ", 2);
}

void json_out__open(struct json_out *out, char bracket, bool flat)
{
	put_char(out, bracket);
	out->depth++;
	out->empty = true;
	if (flat && !out->flat)
		out->flat = out->depth;
}

void json_out__close(struct json_out *out, char bracket)
{
	bool line = in_line(out);

	if (out->flat == out->depth)
		out->flat = 0;
	out->depth--;
	if (!out->empty && !line)
		new_line(out);
	else if (!out->empty && !out->one_line && bracket == '}')
		put_char(out, ' ');
	put_char(out, bracket);
	out->empty = false;
}

void json_out__next(struct json_out *out)
{
	if (!out->empty)
		put_char(out, ',');
	if (!in_line(out))
		new_line(out);
	else if (!out->empty && !out->one_line)
		put_char(out, ' ');
	out->empty = false;
}

void json_out__key(struct json_out *out, const char *key)
{
	bool first = out->empty;

	json_out__next(out);
	if (first && in_line(out) && !out->one_line)
		put_char(out, ' ');
	put_char(out, '"');
	put_text(out, key, strlen(key));
	put_text(out, "\": ", out->one_line ? 2 : 3);
}

void json_out__raw(struct json_out *out, const char *text)
{
	put_text(out, text, strlen(text));
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(struct json_out *out, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;
	char hex[8];

	if (at) {
		put_char(out, '\\');
		put_char(out, to[at - from]);
		return;
	}
	snprintf(hex, sizeof(hex), "\\u%04x", c);
	put_text(out, hex, 6);
}

void json_out__string(struct json_out *out, const char *string)
{
	size_t plain, len;
	uint32_t code;

	if (!string) {
		json_out__raw(out, "null");
		return;
	}
	put_char(out, '"');
	while (*string) {
		for (plain = 0; is_plain(string[plain]); plain++)
			;
		put_text(out, string, plain);
		string += plain;
		if (!*string)
			break;
		len = utf8_decode(string, &code);
		if (len > 1)
			put_text(out, string, len);
		else if (len)
			put_escaped(out, *string);
		else
			put_text(out, "\xef\xbf\xbd", 3);
		string += len ? len : 1;
	}
	put_char(out, '"');
}

void json_out__uint(struct json_out *out, uint64_t value)
{
	char digits[24], *at = digits + sizeof(digits);

	if (value > JSON_INT_MAX)
		value = JSON_INT_MAX;
	do
		*--at = '0' + value % 10;
	while (value /= 10);
	put_text(out, at, digits + sizeof(digits) - at);
}

void json_out__int(struct json_out *out, int64_t value)
{
	if (value < 0)
		put_char(out, '-');
	json_out__uint(out, value < 0 ? -(uint64_t)value : (uint64_t)value);
}
