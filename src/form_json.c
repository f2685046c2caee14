// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes the JSON snapshot, the only form between programs and time: walks the
 * table of form_json.h over the snapshot and writes as it goes. Integers stay
 * below 2^53, times are UTC strings, unknown is null, ids count from 1. No key
 * holds a kernel address.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fmt.h"
#include "form_json.h"
#include "form_json_out.h"
#include "forms.h"

static void write_object(struct json_out *out, const struct json_type *type,
			 const struct json_at *w, size_t place);

static const void *pointer_at(const void *at)
{
	const void *pointer;

	/* of the caller's own type: copy, do not alias */
	memcpy(&pointer, at, sizeof(pointer));
	return pointer;
}

static void write_or_null(struct json_out *out, bool known, uint64_t value)
{
	if (known)
		json_out__uint(out, value);
	else
		json_out__raw(out, "null");
}

static void write_percent(struct json_out *out, double value)
{
	unsigned int tenths;
	char digits[24];

	if (!(value >= 0 && value < 1e6)) {
		json_out__raw(out, "null");
		return;
	}
	tenths = value * 10 + 0.5;
	/* not %.1f, which knows the locale */
	snprintf(digits, sizeof(digits), "%u.%u", tenths / 10, tenths % 10);
	json_out__raw(out, digits);
}

static void write_flags(struct json_out *out, uint32_t flags)
{
	unsigned int bit;

	json_out__open(out, '[', true);
	for (bit = 0; pin_flag_name(bit); bit++) {
		if (!(flags & 1u << bit))
			continue;
		json_out__next(out);
		json_out__string(out, pin_flag_name(bit));
	}
	json_out__close(out, ']');
}

static void write_ids(struct json_out *out, const int *indices, size_t cnt)
{
	json_out__open(out, '[', true);
	for (size_t i = 0; i < cnt; i++) {
		json_out__next(out);
		json_out__int(out, indices[i] + 1);
	}
	json_out__close(out, ']');
}

static void write_strings(struct json_out *out, const char *const *strings, size_t cnt)
{
	json_out__open(out, '[', true);
	for (size_t i = 0; i < cnt; i++) {
		json_out__next(out);
		json_out__string(out, strings[i]);
	}
	json_out__close(out, ']');
}

static void write_list(struct json_out *out, const struct json_field *field,
		       const struct json_at *w, const char *elements, size_t cnt)
{
	struct json_at element = { .snap = w->snap, .parent = w->object };

	json_out__open(out, '[', false);
	for (size_t i = 0; i < cnt; i++) {
		element.object = elements + i * field->type->bytes;
		json_out__next(out);
		write_object(out, field->type, &element, i + 1);
	}
	json_out__close(out, ']');
}

static void write_nested(struct json_out *out, const struct json_field *field,
			 const struct json_at *w)
{
	const char *object = w->object;
	size_t cnt = field->cnt_at ? *(const size_t *)(object + field->cnt_at) : 0;
	const struct json_at inner = { w->snap, object + field->at, object };

	switch (field->kind) {
	case JSON_PROCESSES:
		write_ids(out, pointer_at(object + field->at), cnt);
		break;
	case JSON_STRS:
		write_strings(out, pointer_at(object + field->at), cnt);
		break;
	case JSON_LIST:
		write_list(out, field, w, pointer_at(object + field->at), cnt);
		break;
	default:
		write_object(out, field->type, &inner, 0);
	}
}

static void write_text(struct json_out *out, const struct json_field *field,
		       const struct json_at *w, const char *at)
{
	uint64_t value = 0;
	char buf[256];

	switch (field->kind) {
	case JSON_STR:
	case JSON_WORD:
		json_out__string(out, pointer_at(at));
		return;
	case JSON_CHARS:
		json_out__string(out, at);
		return;
	case JSON_EITHER:
		json_out__string(out, field->name(*(const bool *)at));
		return;
	case JSON_ENUM:
		value = *(const unsigned int *)at;
		json_out__string(out, value || !field->zero_is_null ? field->name(value) : NULL);
		return;
	case JSON_SAYS:
		json_out__string(out, field->says(w, buf, sizeof(buf)));
		return;
	default:
		value = *(const uint64_t *)at;
	}
	if (field->kind == JSON_BOOT)
		snprintf(buf, sizeof(buf), "%llu.%09u", (unsigned long long)(value / 1000000000),
			 (unsigned int)(value % 1000000000));
	else if (field->kind == JSON_OPAQUE)
		snprintf(buf, sizeof(buf), "%016llx", (unsigned long long)value);
	else
		snprintf(buf, sizeof(buf), "%s", fmt_utc(value).s);
	json_out__string(out, value ? buf : NULL);
}

static void write_value(struct json_out *out, const struct json_field *field,
			const struct json_at *w, size_t place)
{
	const void *at = (const char *)w->object + field->at;

	switch (field->kind) {
	case JSON_COUNT:
		return json_out__uint(out, *(const uint64_t *)at);
	case JSON_NONZERO:
		return write_or_null(out, *(const uint64_t *)at > 0, *(const uint64_t *)at);
	case JSON_SIGNED:
		return json_out__int(out, *(const int64_t *)at);
	case JSON_U32:
		return json_out__uint(out, *(const uint32_t *)at);
	case JSON_I32:
		return json_out__int(out, *(const int32_t *)at);
	case JSON_KNOWN:
		return write_or_null(out, *(const int *)at >= 0, *(const int *)at);
	case JSON_PROCESS:
	case JSON_STACK:
	case JSON_GROUP:
		return write_or_null(out, *(const int *)at >= 0, (uint64_t) * (const int *)at + 1);
	case JSON_BOOL:
		return json_out__raw(out, *(const bool *)at ? "true" : "false");
	case JSON_NOT:
		return json_out__raw(out, *(const bool *)at ? "false" : "true");
	case JSON_MS:
		return json_out__uint(out, *(const uint64_t *)at / 1000000);
	case JSON_PERCENT:
		return write_percent(out, *(const double *)at);
	case JSON_FLAGS:
		return write_flags(out, *(const uint32_t *)at);
	case JSON_SELF:
		return json_out__uint(out, place);
	case JSON_SUM:
		return json_out__uint(out, field->sum(w));
	case JSON_PROCESSES:
	case JSON_STRS:
	case JSON_LIST:
	case JSON_OBJECT:
		return write_nested(out, field, w);
	default:
		return write_text(out, field, w, at);
	}
}

static void write_object(struct json_out *out, const struct json_type *type,
			 const struct json_at *w, size_t place)
{
	const struct json_field *field;
	bool hidden;

	json_out__open(out, '{', type->flat);
	for (size_t i = 0; i < type->field_cnt; i++) {
		field = &type->fields[i];
		hidden = json_hidden(field, w);
		if (hidden && field->omit)
			continue;
		json_out__key(out, field->key);
		if (hidden)
			json_out__raw(out, "null");
		else
			write_value(out, field, w, place);
	}
	json_out__close(out, '}');
}

static int write_snapshot(FILE *file, const struct snapshot *snap, const struct json_type *type,
			  bool one_line)
{
	struct json_out out = { .file = file, .one_line = one_line };
	const struct json_at w = { .snap = snap, .object = snap };

	flockfile(file);
	write_object(&out, type, &w, 0);
	json_out__raw(&out, "\n");
	funlockfile(file);
	return fflush(file) || ferror(file) ? -EIO : 0;
}

int form_json(FILE *out, const struct snapshot *snap)
{
	return write_snapshot(out, snap, &json_snapshot, false);
}

int form_json_line(FILE *out, const struct snapshot *snap)
{
	return write_snapshot(out, snap, &json_snapshot, true);
}

int form_json_findings(FILE *out, const struct snapshot *snap)
{
	return write_snapshot(out, snap, &json_findings, false);
}

int form_schema(FILE *out)
{
	return fputs(schema_text(), out) < 0 || fflush(out) || ferror(out) ? -EIO : 0;
}
