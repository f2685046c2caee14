/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the JSON form: one table says which key stands for which
 * field of the snapshot. The writer (form_json.c) and the reader (read_json.c)
 * both walk it, so that what one writes the other reads.
 *
 * A new field of struct snapshot is one row in form_json_fields.c or
 * form_json_group.c and one property in form_json_schema.json.
 */
#ifndef GUP_FORM_JSON_H
#define GUP_FORM_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define JSON_INT_MAX ((1ULL << 53) - 1) /* larger integers are not safe in JSON */
#define JSON_STR_MAX 65536		/* bytes of a string, with its NUL */

/* How a field looks in JSON, and the C type at its offset. */
enum json_kind {
	JSON_STR,	/* const char *; NULL is null */
	JSON_CHARS,	/* char[64], never null */
	JSON_WORD,	/* const char *, one of field.words */
	JSON_COUNT,	/* uint64_t */
	JSON_NONZERO,	/* uint64_t; 0 is null */
	JSON_SIGNED,	/* int64_t */
	JSON_U32,	/* uint32_t */
	JSON_I32,	/* int32_t */
	JSON_KNOWN,	/* int; -1 is null */
	JSON_BOOL,	/* bool */
	JSON_NOT,	/* bool, the other way round */
	JSON_EITHER,	/* bool, named by field.name */
	JSON_TIME,	/* uint64_t since the epoch as a UTC string with ms; 0 is null */
	JSON_BOOT,	/* uint64_t since boot as "SECONDS.NANOSECONDS"; 0 is null */
	JSON_MS,	/* uint64_t in ns */
	JSON_OPAQUE,	/* uint64_t as 16 hex digits; 0 is null */
	JSON_PERCENT,	/* double with one decimal; < 0 is null */
	JSON_ENUM,	/* unsigned int, named by field.name */
	JSON_FLAGS,	/* uint32_t, PIN_*: list of names */
	JSON_PROCESS,	/* int, index of a process: id, counts from 1; -1 is null */
	JSON_STACK,	/* the same of a stack */
	JSON_GROUP,	/* the same of a group */
	JSON_PROCESSES, /* int *, with field.cnt_at: list of ids */
	JSON_STRS,	/* const char **, with field.cnt_at */
	JSON_LIST,	/* struct *, with field.cnt_at, of field.type */
	JSON_OBJECT,	/* at the offset itself lies one of field.type */
	JSON_SELF,	/* place of the object in its list, counts from 1 */
	JSON_SAYS,	/* field.says(), not read back */
	JSON_SUM,	/* field.sum(), not read back */
};

/* What a condition or a derived value is made from. */
struct json_at {
	const struct snapshot *snap;
	const void *object; /* whose field it is */
	const void *parent; /* what holds the object */
};

struct json_type;

struct json_field {
	const char *key;
	enum json_kind kind;
	size_t at;     /* offset in the object */
	size_t cnt_at; /* of the number of elements, size_t */
	bool need;     /* the reader refuses an object without it */
	bool no_null;  /* the reader refuses null */
	bool zero_is_null;
	bool omit;				/* hidden is left out, not null */
	size_t gate;				/* offset of a bool: false hides; 0 = none */
	bool (*shown)(const struct json_at *w); /* false hides; NULL = always shown */
	const char *(*name)(unsigned int value);
	unsigned int name_cnt;
	const char *const *words; /* ends with NULL */
	const struct json_type *type;
	const char *(*says)(const struct json_at *w, char *buf, size_t bytes);
	uint64_t (*sum)(const struct json_at *w);
};

struct json_type {
	const struct json_field *fields; /* at most 64 */
	size_t field_cnt;
	size_t bytes; /* of a list's element */
	bool flat;    /* written in one line */
	/* the reader's last word on an object: what follows from its fields */
	void (*read)(struct snapshot *snap, void *object);
};

extern const struct json_type json_snapshot;
extern const struct json_type json_findings; /* of a struct snapshot, too; written only */
extern const struct json_type json_process;
extern const struct json_type json_stack;
extern const struct json_type json_group;
extern const struct json_type json_page;
extern const struct json_type json_quantity;
extern const struct json_type json_checks;

/* What both ways need to know of a field of this object: is it null or left out? */
static inline bool json_hidden(const struct json_field *field, const struct json_at *w)
{
	if (field->gate && !*((const bool *)w->object + field->gate))
		return true;
	return field->shown && !field->shown(w);
}

/* Names of enumerations, as field.name wants them. */
const char *json_basis_name(unsigned int value);
const char *json_mem_kind_name(unsigned int value);
const char *json_api_name(unsigned int value);

#endif
