/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the JSON form: a tree under construction that remembers
 * that memory ran out somewhere, so that its builders need not ask each time.
 * A NULL value is JSON's null; a NULL target means that memory ran out before.
 */
#ifndef GUP_FORM_JSON_H
#define GUP_FORM_JSON_H

#include <json-c/json.h>

#include "snapshot.h"

typedef struct json_object json;

struct doc {
	const struct snapshot *snap;
	bool oom;
};

/* Passes on what json-c made; NULL means that memory ran out. */
json *need(struct doc *doc, json *value);
json *str(struct doc *doc, const char *string); /* valid UTF-8 whatever comes in */

void put(struct doc *doc, json *to, const char *key, json *value);
void push(struct doc *doc, json *to, json *value);
json *put_array(struct doc *doc, json *to, const char *key);
json *put_object(struct doc *doc, json *to, const char *key);
json *push_object(struct doc *doc, json *to);

void put_str(struct doc *doc, json *to, const char *key, const char *string);
void put_int(struct doc *doc, json *to, const char *key, uint64_t value);  /* below 2^53 */
void put_known(struct doc *doc, json *to, const char *key, int64_t value); /* < 0: null */
void put_id(struct doc *doc, json *to, const char *key, int index);	   /* counts from 1 */
void put_bool(struct doc *doc, json *to, const char *key, bool value);
void put_time(struct doc *doc, json *to, const char *key, uint64_t epoch_ns);
void put_quantity(struct doc *doc, json *to, const struct quantity *q);

void put_processes(struct doc *doc, json *root);
void put_stacks(struct doc *doc, json *root);
void put_groups(struct doc *doc, json *root);
void put_findings(struct doc *doc, json *root);
void put_balance(struct doc *doc, json *root);
void put_get_callers(struct doc *doc, json *root);
void put_wrong_releases(struct doc *doc, json *root);

#endif
