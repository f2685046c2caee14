/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of the JSON reader and nobody else; see read_json.c. */
#ifndef GUP_READ_JSON_H
#define GUP_READ_JSON_H

#include "form_json.h"
#include "read_json_lex.h"
#include "snapshot.h"

#define JSON_PATH_MAX 8 /* steps: deeper than the table nests */
#define JSON_PATH_BYTES 256

struct json_step {
	const char *key;
	size_t place; /* in the list, counts from 1; 0 = no list */
};

/* The largest id that was named, and where: checked when all are known. */
struct json_id {
	uint32_t most;
	char where[JSON_PATH_BYTES];
};

struct json_reader {
	struct json_in in;
	struct snapshot *snap;
	struct json_step path[JSON_PATH_MAX];
	unsigned int depth;
	struct json_id processes, stacks, groups;
	const char **known; /* hash of strings read before: names repeat */
	size_t known_cnt, known_room;
};

/* "groups[3].owner", counted from 1 as ids are. */
void json_reader__path(const struct json_reader *reader, char path[JSON_PATH_BYTES]);
/* Takes null where the field allows it. */
int json_reader__null(struct json_reader *reader, const struct json_field *field);
/* A field that is neither a list of objects nor an object. */
int json_reader__value(struct json_reader *reader, const struct json_field *field, char *object,
		       size_t place);

#endif
