// SPDX-License-Identifier: GPL-2.0-only
/*
 * The JSON reader's values: each kind of field from its JSON into the C type of
 * the snapshot, with its range checked. See read_json.c.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "read_json.h"

#define NS_PER_S 1000000000ULL

void json_reader__path(const struct json_reader *reader, char path[JSON_PATH_BYTES])
{
	size_t len = 0;

	path[0] = '\0';
	for (unsigned int i = 0; i < reader->depth && len < JSON_PATH_BYTES; i++) {
		const struct json_step *step = &reader->path[i];

		len += snprintf(path + len, JSON_PATH_BYTES - len, "%s%s", i ? "." : "", step->key);
		if (step->place && len < JSON_PATH_BYTES)
			len += snprintf(path + len, JSON_PATH_BYTES - len, "[%zu]", step->place);
	}
}

int json_reader__null(struct json_reader *reader, const struct json_field *field)
{
	bool allowed = field->shown || field->gate || field->zero_is_null;

	switch (field->kind) {
	case JSON_STR:
	case JSON_WORD:
	case JSON_NONZERO:
	case JSON_KNOWN:
	case JSON_TIME:
	case JSON_BOOT:
	case JSON_OPAQUE:
	case JSON_PERCENT:
	case JSON_PROCESS:
	case JSON_STACK:
	case JSON_GROUP:
	case JSON_SAYS:
		allowed = true;
		break;
	default:
		break;
	}
	if (!allowed || field->no_null)
		return json_in__fail(&reader->in, "must not be null");
	return json_in__word(&reader->in, "null");
}

static size_t hash_of(const char *str)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (; *str; str++)
		hash = (hash ^ (unsigned char)*str) * 0x100000001b3ULL;
	return hash ^ hash >> 32;
}

static size_t slot_of(const struct json_reader *reader, const char *str)
{
	size_t slot = hash_of(str) & (reader->known_room - 1);

	while (reader->known[slot] && strcmp(reader->known[slot], str) != 0)
		slot = (slot + 1) & (reader->known_room - 1);
	return slot;
}

static void grow_known(struct json_reader *reader)
{
	const char **old = reader->known;
	size_t room = reader->known_room;

	reader->known_room = room ? room * 2 : 64;
	reader->known = calloc(reader->known_room, sizeof(*reader->known));
	if (!reader->known)
		err(4, "out of memory");
	for (size_t i = 0; i < room; i++)
		if (old[i])
			reader->known[slot_of(reader, old[i])] = old[i];
	free(old);
}

/* The snapshot's copy of the string just read; equal ones are kept once. */
static const char *keep_text(struct json_reader *reader)
{
	size_t slot;

	if (reader->known_cnt * 2 >= reader->known_room)
		grow_known(reader);
	slot = slot_of(reader, reader->in.text);
	if (!reader->known[slot]) {
		reader->known[slot] = snapshot__str(reader->snap, reader->in.text);
		reader->known_cnt++;
	}
	return reader->known[slot];
}

static int read_range(struct json_reader *reader, int64_t least, int64_t most, int64_t *value)
{
	int err = json_in__whole(&reader->in, value);

	if (!err && (*value < least || *value > most))
		err = json_in__fail(&reader->in, "%lld is not from %lld to %lld", (long long)*value,
				    (long long)least, (long long)most);
	return err;
}

static int read_id(struct json_reader *reader, enum json_kind kind, int *index)
{
	struct json_id *ids = kind == JSON_STACK   ? &reader->stacks
			      : kind == JSON_GROUP ? &reader->groups
						   : &reader->processes;
	int64_t value;
	int err = read_range(reader, 1, INT32_MAX, &value);

	if (err)
		return err;
	*index = value - 1;
	if (value > ids->most) {
		ids->most = value;
		json_reader__path(reader, ids->where);
	}
	return 0;
}

/* Exactly so many digits. */
static bool take_digits(const char **str, unsigned int cnt, unsigned int *value)
{
	for (*value = 0; cnt; cnt--, (*str)++) {
		if (**str < '0' || **str > '9')
			return false;
		*value = *value * 10 + (**str - '0');
	}
	return true;
}

static bool take_char(const char **str, char c)
{
	return *(*str)++ == c;
}

/* "2026-11-22T10:12:41.020Z"; the day must be in the calendar. */
static bool parse_utc(const char *s, uint64_t *ns)
{
	unsigned int year, month, day, hour, minute, second, ms;
	struct tm tm;

	if (!take_digits(&s, 4, &year) || !take_char(&s, '-') || !take_digits(&s, 2, &month) ||
	    !take_char(&s, '-') || !take_digits(&s, 2, &day) || !take_char(&s, 'T') ||
	    !take_digits(&s, 2, &hour) || !take_char(&s, ':') || !take_digits(&s, 2, &minute) ||
	    !take_char(&s, ':') || !take_digits(&s, 2, &second) || !take_char(&s, '.') ||
	    !take_digits(&s, 3, &ms) || !take_char(&s, 'Z') || *s)
		return false;
	if (year < 1970 || year > 2500 || month < 1 || month > 12 || hour > 23 || minute > 59 ||
	    second > 59)
		return false;
	tm = (struct tm){ .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
	*ns = (timegm(&tm) + hour * 3600ULL + minute * 60 + second) * NS_PER_S + ms * 1000000ULL;
	return tm.tm_mday == (int)day && tm.tm_mon == (int)month - 1;
}

/* "1000.000004186": seconds and nanoseconds; two centuries at most. */
static bool parse_boot(const char *s, uint64_t *ns)
{
	size_t digits = strspn(s, "0123456789");
	unsigned int rest;

	if (!digits || digits > 10 || strlen(s) != digits + 10 || s[digits] != '.')
		return false;
	*ns = strtoull(s, NULL, 10) * NS_PER_S;
	s += digits + 1;
	if (!take_digits(&s, 9, &rest))
		return false;
	*ns += rest;
	return true;
}

static bool parse_opaque(const char *s, uint64_t *value)
{
	*value = strtoull(s, NULL, 16);
	return strlen(s) == 16 && strspn(s, "0123456789abcdef") == 16;
}

static int read_number_string(struct json_reader *reader, const struct json_field *field,
			      uint64_t *value)
{
	static const struct {
		enum json_kind kind;
		bool (*parse)(const char *s, uint64_t *value);
		const char *form;
	} forms[] = {
		{ JSON_TIME, parse_utc, "a time like 2026-11-22T10:12:41.020Z" },
		{ JSON_BOOT, parse_boot, "seconds since boot like 1000.000004186" },
		{ JSON_OPAQUE, parse_opaque, "16 hex digits" },
	};
	int err = json_in__string(&reader->in), i = 0;

	while (forms[i].kind != field->kind)
		i++;
	if (!err && !forms[i].parse(reader->in.text, value))
		err = json_in__fail(&reader->in, "expected %s", forms[i].form);
	return err;
}

/* 0.3; no exponent, no minus, and not strtod(), which knows the locale. */
static int read_percent(struct json_reader *reader, double *value)
{
	const char *s = reader->in.text;
	double unit = 1;
	int err = json_in__number(&reader->in);

	if (err)
		return err;
	if (s[strspn(s, "0123456789.")] || strcspn(s, ".") > 5)
		return json_in__fail(&reader->in, "a plain number from 0 to 99999 expected");
	for (*value = 0; *s && *s != '.'; s++)
		*value = *value * 10 + (*s - '0');
	for (s += *s == '.'; *s; s++)
		*value += (*s - '0') * (unit /= 10);
	return 0;
}

static int read_enum(struct json_reader *reader, const struct json_field *field,
		     unsigned int *value)
{
	int err = json_in__string(&reader->in);

	if (err)
		return err;
	for (*value = 0; *value < field->name_cnt; (*value)++)
		if (strcmp(field->name(*value), reader->in.text) == 0)
			return 0;
	return json_in__fail(&reader->in, "no such word");
}

/* A word of the list, which is kept; not the copy in the document. */
static int read_word(struct json_reader *reader, const struct json_field *field, const char **word)
{
	int err = json_in__string(&reader->in);

	for (size_t i = 0; !err && field->words && field->words[i]; i++) {
		*word = field->words[i];
		if (strcmp(*word, reader->in.text) == 0)
			return 0;
	}
	return err || !field->words ? err : json_in__fail(&reader->in, "no such word");
}

static int read_flag(struct json_reader *reader, uint32_t *flags)
{
	int err = json_in__string(&reader->in);

	for (unsigned int bit = 0; !err && pin_flag_name(bit); bit++) {
		if (strcmp(pin_flag_name(bit), reader->in.text) == 0) {
			*flags |= 1u << bit;
			return 0;
		}
	}
	return err ? err : json_in__fail(&reader->in, "no such flag");
}

/* Lists of what is no object: flags, ids of processes, strings. */
static int read_plain_list(struct json_reader *reader, const struct json_field *field, char *object)
{
	size_t *cnt = (size_t *)(object + field->cnt_at);
	void *array = object + field->at;
	bool more;
	int err = json_in__enter(&reader->in, '[', ']', &more);

	while (!err && more) {
		if (field->kind == JSON_FLAGS) {
			err = read_flag(reader, array);
		} else if (field->kind == JSON_PROCESSES) {
			int *id = snapshot__append(reader->snap, array, cnt, sizeof(*id));

			err = read_id(reader, JSON_PROCESS, id);
		} else {
			const char **string =
				snapshot__append(reader->snap, array, cnt, sizeof(*string));

			err = json_in__string(&reader->in);
			if (!err)
				*string = keep_text(reader);
		}
		if (!err)
			err = json_in__more(&reader->in, ']', &more);
	}
	return err;
}

static int read_text(struct json_reader *reader, const struct json_field *field, char *at)
{
	const char *word = NULL;
	unsigned int value = 0;
	int err;

	switch (field->kind) {
	case JSON_STR:
		err = json_in__string(&reader->in);
		word = err ? NULL : keep_text(reader);
		memcpy(at, &word, sizeof(word));
		return err;
	case JSON_CHARS:
		err = json_in__string(&reader->in);
		if (!err && reader->in.text_bytes >= sizeof(((struct finding *)0)->id))
			return json_in__fail(&reader->in, "too long");
		if (!err)
			memcpy(at, reader->in.text, reader->in.text_bytes + 1);
		return err;
	case JSON_SAYS:
		return read_word(reader, field, &word);
	case JSON_WORD:
		err = read_word(reader, field, &word);
		memcpy(at, &word, sizeof(word));
		return err;
	case JSON_EITHER:
		err = read_enum(reader, field, &value);
		*(bool *)at = value;
		return err;
	default:
		return read_enum(reader, field, (unsigned int *)at);
	}
}

static int read_integer(struct json_reader *reader, const struct json_field *field, char *at,
			size_t place)
{
	int64_t value = 0;
	int err;

	switch (field->kind) {
	case JSON_U32:
		err = read_range(reader, 0, UINT32_MAX, &value);
		*(uint32_t *)at = value;
		return err;
	case JSON_I32:
		err = read_range(reader, INT32_MIN, INT32_MAX, &value);
		*(int32_t *)at = value;
		return err;
	case JSON_KNOWN:
		err = read_range(reader, 0, INT32_MAX, &value);
		*(int *)at = value;
		return err;
	case JSON_SIGNED:
		return json_in__whole(&reader->in, (int64_t *)at);
	case JSON_SELF:
		err = json_in__whole(&reader->in, &value);
		if (!err && value != (int64_t)place)
			err = json_in__fail(&reader->in, "ids count from 1: expected %zu", place);
		return err;
	case JSON_SUM:
		return read_range(reader, 0, JSON_INT_MAX, &value);
	case JSON_MS:
		err = read_range(reader, 0, INT64_MAX / 1000000, &value);
		*(uint64_t *)at = value * 1000000ULL;
		return err;
	default:
		err = read_range(reader, 0, JSON_INT_MAX, &value);
		*(uint64_t *)at = value;
		return err;
	}
}

int json_reader__value(struct json_reader *reader, const struct json_field *field, char *object,
		       size_t place)
{
	void *at = object + field->at;
	bool value = false;
	int err;

	switch (field->kind) {
	case JSON_BOOL:
	case JSON_NOT:
		err = json_in__bool(&reader->in, &value);
		*(bool *)at = value == (field->kind == JSON_BOOL);
		return err;
	case JSON_TIME:
	case JSON_BOOT:
	case JSON_OPAQUE:
		return read_number_string(reader, field, (uint64_t *)at);
	case JSON_PERCENT:
		return read_percent(reader, (double *)at);
	case JSON_PROCESS:
	case JSON_STACK:
	case JSON_GROUP:
		return read_id(reader, field->kind, (int *)at);
	case JSON_FLAGS:
	case JSON_PROCESSES:
	case JSON_STRS:
		return read_plain_list(reader, field, object);
	case JSON_COUNT:
	case JSON_NONZERO:
	case JSON_U32:
	case JSON_I32:
	case JSON_KNOWN:
	case JSON_SIGNED:
	case JSON_MS:
	case JSON_SELF:
	case JSON_SUM:
		return read_integer(reader, field, at, place);
	default:
		return read_text(reader, field, at);
	}
}
