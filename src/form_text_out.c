// SPDX-License-Identifier: GPL-2.0-only
/*
 * The sink of the text report. All text goes through put_wrapped(), which
 * escapes what could move the cursor and breaks what is too long: no line
 * is wider than asked, whatever a process calls itself. See form_text.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "form_text.h"

/* How many bytes of str fill at most room columns, and how many columns that is. */
static size_t fit(const char *str, unsigned int room, unsigned int *columns)
{
	size_t bytes = 0, len;
	uint32_t code;

	*columns = 0;
	while (str[bytes]) {
		len = utf8_decode(str + bytes, &code);
		if (*columns + fmt_columns(code) > room)
			break;
		*columns += fmt_columns(code);
		bytes += len;
	}
	return bytes;
}

/* The bytes of str that go on this line: whole words if one fits. */
static size_t next_line(const struct text *text, const char *str, unsigned int room, bool fresh)
{
	unsigned int columns;
	size_t bytes = fit(str, room, &columns), cut = bytes;

	if (!str[bytes] || str[bytes] == ' ')
		return bytes;
	while (cut > 0 && str[cut - 1] != ' ')
		cut--;
	if (cut > 0)
		return cut;
	if (!fresh)
		return 0; /* the next line has more room */
	if (text->opts->verbose)
		return strcspn(str, " "); /* long paths stay whole: to be copied */
	return bytes ? bytes : strlen(str);
}

static void put_line(struct text *text, const char *str, size_t bytes)
{
	while (bytes && str[bytes - 1] == ' ')
		bytes--;
	fprintf(text->out, "%.*s\n", (int)bytes, str);
}

/* Writes the text from column `at`, further lines from column `indent`. str is safe. */
static void put_wrapped(struct text *text, unsigned int at, unsigned int indent, const char *str)
{
	bool fresh = at <= indent;
	size_t bytes;

	do {
		bytes = next_line(text, str, text->width > at ? text->width - at : 1, fresh);
		put_line(text, str, bytes);
		str += bytes;
		str += strspn(str, " ");
		if (*str)
			fprintf(text->out, "%*s", (int)indent, "");
		at = indent;
		fresh = true;
	} while (*str);
}

static void wrap(struct text *text, const char *prefix, unsigned int indent, const char *fmt,
		 va_list args)
{
	unsigned int at = strlen(prefix);
	char *raw = NULL, *safe = NULL;

	if (vasprintf(&raw, fmt, args) >= 0)
		safe = fmt_safe(raw);
	else
		raw = NULL;
	if (safe && !*safe) {
		fprintf(text->out, "%s\n", prefix);
	} else if (safe) {
		fprintf(text->out, "%s%*s", prefix, at < indent ? (int)(indent - at) : 0, "");
		put_wrapped(text, at < indent ? indent : at, indent, safe);
	} else {
		text->err = -ENOMEM;
	}
	free(safe);
	free(raw);
}

void text__wrap(struct text *text, const char *prefix, unsigned int indent, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	wrap(text, prefix, indent, fmt, args);
	va_end(args);
}

void text__line(struct text *text, const char *label, const char *fmt, ...)
{
	char prefix[32];
	va_list args;

	snprintf(prefix, sizeof(prefix), "   %-10s ", label ? label : "");
	va_start(args, fmt);
	wrap(text, prefix, TEXT_LABELLED, fmt, args);
	va_end(args);
}

void text__section(struct text *text, const char *fmt, ...)
{
	va_list args;

	fputc('\n', text->out);
	va_start(args, fmt);
	wrap(text, "", 0, fmt, args);
	va_end(args);
}

size_t text__top(const struct text *text, size_t cnt, size_t usual)
{
	size_t most = text->opts->top ? text->opts->top : text->opts->verbose ? cnt : usual;

	return cnt < most ? cnt : most;
}
