// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builders of the JSON tree on json-c, which takes strings as they come and
 * would pass invalid UTF-8 on: everything enters through str(). Interface:
 * form_json.h.
 */
#include <stdlib.h>

#include "fmt.h"
#include "form_json.h"

#define INT_LIMIT ((1ULL << 53) - 1)

json *need(struct doc *doc, json *value)
{
	if (!value)
		doc->oom = true;
	return value;
}

static json *obj(struct doc *doc)
{
	return need(doc, json_object_new_object());
}

void put(struct doc *doc, json *to, const char *key, json *value)
{
	if (to && json_object_object_add(to, key, value) == 0)
		return;
	doc->oom = true;
	json_object_put(value);
}

void push(struct doc *doc, json *to, json *value)
{
	if (to && json_object_array_add(to, value) == 0)
		return;
	doc->oom = true;
	json_object_put(value);
}

json *put_array(struct doc *doc, json *to, const char *key)
{
	json *array = need(doc, json_object_new_array());

	put(doc, to, key, array);
	return doc->oom ? NULL : array;
}

json *put_object(struct doc *doc, json *to, const char *key)
{
	json *value = obj(doc);

	put(doc, to, key, value);
	return doc->oom ? NULL : value;
}

json *push_object(struct doc *doc, json *to)
{
	json *value = obj(doc);

	push(doc, to, value);
	return doc->oom ? NULL : value;
}

json *str(struct doc *doc, const char *string)
{
	char *valid;
	json *value;

	if (!string)
		return NULL;
	valid = fmt_utf8(string);
	value = need(doc, valid ? json_object_new_string(valid) : NULL);
	free(valid);
	return value;
}

void put_str(struct doc *doc, json *to, const char *key, const char *string)
{
	put(doc, to, key, str(doc, string));
}

void put_int(struct doc *doc, json *to, const char *key, uint64_t value)
{
	put(doc, to, key, need(doc, json_object_new_int64(value < INT_LIMIT ? value : INT_LIMIT)));
}

void put_known(struct doc *doc, json *to, const char *key, int64_t value)
{
	put(doc, to, key, value < 0 ? NULL : need(doc, json_object_new_int64(value)));
}

void put_id(struct doc *doc, json *to, const char *key, int index)
{
	put_known(doc, to, key, index < 0 ? -1 : (int64_t)index + 1);
}

void put_bool(struct doc *doc, json *to, const char *key, bool value)
{
	put(doc, to, key, need(doc, json_object_new_boolean(value)));
}

void put_time(struct doc *doc, json *to, const char *key, uint64_t epoch_ns)
{
	put_str(doc, to, key, epoch_ns ? fmt_utc(epoch_ns).s : NULL);
}

void put_quantity(struct doc *doc, json *to, const struct quantity *q)
{
	put_int(doc, to, "pins", q->pins);
	put_int(doc, to, "folios", q->folios);
	put_int(doc, to, "bytes", q->bytes);
}
