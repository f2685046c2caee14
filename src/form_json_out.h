/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes JSON as it goes, so that a million folios need no memory: nesting,
 * commas, indentation, and strings that are valid UTF-8 whatever comes in.
 * The stream's error flag tells whether it worked.
 */
#ifndef GUP_FORM_JSON_OUT_H
#define GUP_FORM_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
	FILE *file;
	bool one_line;	    /* the whole document, for streams */
	unsigned int depth; /* open objects and arrays */
	unsigned int flat;  /* of these, from that depth on in one line; 0 = none */
	bool empty;	    /* nothing was written yet into the innermost one */
};

void json_out__open(struct json_out *out, char bracket, bool flat);
void json_out__close(struct json_out *out, char bracket);
/* Before each element of an array. */
void json_out__next(struct json_out *out);
/* Before each value of an object. key: plain ASCII. */
void json_out__key(struct json_out *out, const char *key);
void json_out__raw(struct json_out *out, const char *text);
void json_out__string(struct json_out *out, const char *string); /* NULL: null */
void json_out__uint(struct json_out *out, uint64_t value);	 /* at most JSON_INT_MAX */
void json_out__int(struct json_out *out, int64_t value);

#endif
