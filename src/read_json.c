// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads a JSON snapshot: walks the table of form_json.h, as its writer does, and
 * fills a struct snapshot that is written again as the same document. Trusts
 * nothing: types, ranges, ids, duplicate and missing keys are checked, and the
 * first thing that is wrong is told with its place. Keys that the table does
 * not know are skipped: a later version may have added them.
 *
 * Values one by one: read_json_value.c; characters: read_json_lex.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "forms.h"
#include "read_json.h"
#include "util.h"

static int read_object(struct json_reader *reader, const struct json_type *type, void *object,
		       size_t place);

/* Until they are read: those whose null is not all zeroes. */
static void set_unknown(const struct json_type *type, char *object)
{
	for (size_t i = 0; i < type->field_cnt; i++) {
		void *at = object + type->fields[i].at;

		switch (type->fields[i].kind) {
		case JSON_KNOWN:
		case JSON_PROCESS:
		case JSON_STACK:
		case JSON_GROUP:
			*(int *)at = -1;
			break;
		case JSON_PERCENT:
			*(double *)at = -1;
			break;
		default:
			break;
		}
	}
}

/* An object that is null. */
static void set_nothing(struct json_reader *reader, const struct json_type *type, char *object)
{
	set_unknown(type, object);
	if (type->read)
		type->read(reader->snap, object);
}

static int read_list(struct json_reader *reader, const struct json_field *field, char *object)
{
	size_t *cnt = (size_t *)(object + field->cnt_at);
	struct json_step *step = &reader->path[reader->depth - 1];
	bool more;
	int err = json_in__enter(&reader->in, '[', ']', &more);

	while (!err && more) {
		void *element =
			snapshot__append(reader->snap, object + field->at, cnt, field->type->bytes);

		step->place = *cnt;
		err = read_object(reader, field->type, element, *cnt);
		if (!err)
			err = json_in__more(&reader->in, ']', &more);
	}
	return err;
}

static int read_field(struct json_reader *reader, const struct json_field *field, char *object,
		      size_t place)
{
	if (json_in__peek(&reader->in) == 'n') {
		if (field->kind == JSON_OBJECT)
			set_nothing(reader, field->type, object + field->at);
		return json_reader__null(reader, field);
	}
	if (field->gate)
		*(bool *)(object + field->gate) = true;
	switch (field->kind) {
	case JSON_LIST:
		return read_list(reader, field, object);
	case JSON_OBJECT:
		return read_object(reader, field->type, object + field->at, 0);
	default:
		return json_reader__value(reader, field, object, place);
	}
}

/* The table has the order in which the keys usually come. */
static const struct json_field *find_field(const struct json_type *type, const char *key,
					   size_t *next)
{
	for (size_t i = 0; i < type->field_cnt; i++) {
		size_t at = (*next + i) % type->field_cnt;

		if (strcmp(type->fields[at].key, key) == 0) {
			*next = at + 1;
			return &type->fields[at];
		}
	}
	return NULL;
}

static int read_member(struct json_reader *reader, const struct json_type *type, void *object,
		       size_t place, size_t *next, uint64_t *seen)
{
	const struct json_field *field;
	uint64_t bit;
	int err = json_in__string(&reader->in);

	if (!err)
		err = json_in__expect(&reader->in, ':');
	if (err)
		return err;
	field = find_field(type, reader->in.text, next);
	if (!field)
		return json_in__skip(&reader->in);
	bit = 1ULL << (field - type->fields);
	reader->path[reader->depth++] = (struct json_step){ field->key, 0 };
	if (*seen & bit)
		return json_in__fail(&reader->in, "there twice");
	*seen |= bit;
	err = read_field(reader, field, object, place);
	if (!err)
		reader->depth--;
	return err;
}

static int read_object(struct json_reader *reader, const struct json_type *type, void *object,
		       size_t place)
{
	uint64_t seen = 0;
	size_t next = 0;
	bool more;
	int err = json_in__enter(&reader->in, '{', '}', &more);

	set_unknown(type, object);
	while (!err && more) {
		err = read_member(reader, type, object, place, &next, &seen);
		if (!err)
			err = json_in__more(&reader->in, '}', &more);
	}
	for (size_t i = 0; !err && i < type->field_cnt; i++)
		if (type->fields[i].need && !(seen & 1ULL << i))
			err = json_in__fail(&reader->in, "lacks \"%s\"", type->fields[i].key);
	if (!err && type->read)
		type->read(reader->snap, object);
	return err;
}

static int check_ids(struct json_reader *reader)
{
	const struct {
		size_t cnt;
		const char *what;
		const struct json_id *last;
	} ids[] = {
		{ reader->snap->process_cnt, "process", &reader->processes },
		{ reader->snap->stack_cnt, "stack", &reader->stacks },
		{ reader->snap->group_cnt, "group", &reader->groups },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (ids[i].last->most <= ids[i].cnt)
			continue;
		json_in__fail(&reader->in, "%s: there is no %s %u", ids[i].last->where, ids[i].what,
			      ids[i].last->most);
		return -EINVAL;
	}
	return 0;
}

/* "groups[3].owner: there is no process 9 (line 214)" */
static void explain(const struct json_reader *reader, char *why, size_t bytes)
{
	char path[JSON_PATH_BYTES];

	json_reader__path(reader, path);
	snprintf(why, bytes, "%s%s%s (line %u)", path, *path ? ": " : "", reader->in.what,
		 reader->in.line);
}

/* json_reader is large: its buffer holds any string. */
static struct snapshot *read_snapshot(FILE *file, const char *buf, size_t bytes, bool alone,
				      char *why, size_t why_bytes)
{
	cleanup_free struct json_reader *reader = calloc(1, sizeof(*reader));
	struct snapshot *snap;
	int err;

	if (!reader)
		return NULL;
	reader->in.file = file;
	reader->in.buf = buf;
	reader->in.bytes = bytes;
	reader->in.line = 1;
	reader->in.ahead = JSON_NO_CHAR;
	if (json_in__peek(&reader->in) == EOF && !alone && !(file && ferror(file))) {
		errno = 0;
		return NULL;
	}
	snap = reader->snap = snapshot__new();
	if (!snap)
		return NULL;
	err = read_object(reader, &json_snapshot, snap, 0);
	if (!err)
		err = check_ids(reader);
	if (!err && alone && json_in__peek(&reader->in) != EOF)
		err = json_in__fail(&reader->in, "something follows the snapshot");
	free(reader->known);
	if (!err)
		return snap;
	explain(reader, why, why_bytes);
	snapshot__free(snap);
	errno = -err;
	return NULL;
}

struct snapshot *form_json__read(FILE *in, char *why, size_t why_bytes)
{
	return read_snapshot(in, NULL, 0, true, why, why_bytes);
}

struct snapshot *form_json__read_next(FILE *in, char *why, size_t why_bytes)
{
	return read_snapshot(in, NULL, 0, false, why, why_bytes);
}

struct snapshot *form_json__read_buffer(const void *buf, size_t bytes, char *why, size_t why_bytes)
{
	return read_snapshot(NULL, buf, bytes, true, why, why_bytes);
}
