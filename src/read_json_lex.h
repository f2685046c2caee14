/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads JSON value by value, from a stream or from memory, without keeping it:
 * strict (RFC 8259, valid UTF-8), bounded in size, depth and string length,
 * never reading past the value asked for, so that it can follow a live stream.
 *
 * Errors are -EINVAL (or -EIO), with the reason in `what`; nothing may be read
 * after one.
 */
#ifndef GUP_READ_JSON_LEX_H
#define GUP_READ_JSON_LEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "form_json.h"

#define JSON_BYTES_MAX (1ULL << 30) /* of one document; a million pages take a quarter */
#define JSON_DEPTH_MAX 32

struct json_in {
	FILE *file;	 /* or, if NULL: */
	const char *buf; /* this, */
	size_t bytes;	 /* so long */
	uint64_t pos;	 /* characters taken */
	unsigned int line;
	int ahead; /* looked at, not taken; JSON_NO_CHAR = none */
	size_t text_bytes;
	char text[JSON_STR_MAX]; /* the last string or number, ends with NUL */
	char what[160];
};

#define JSON_NO_CHAR (-2)

/* Sets the reason, returns -EINVAL. */
int json_in__fail(struct json_in *in, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The next character that is no white space, not taken; EOF at the end or if reading failed. */
int json_in__peek(struct json_in *in);
/* Takes that character, which must be c. */
int json_in__expect(struct json_in *in, char c);
/* After an element: takes "," (*more true) or the closing bracket (*more false). */
int json_in__more(struct json_in *in, char bracket, bool *more);
/* Takes "[" or "{"; *more: it is not empty, else its end was taken, too. */
int json_in__enter(struct json_in *in, char open, char close, bool *more);
int json_in__word(struct json_in *in, const char *word); /* null, true, false */
int json_in__string(struct json_in *in);		 /* into text */
int json_in__number(struct json_in *in);		 /* into text, as written */
int json_in__whole(struct json_in *in, int64_t *value);	 /* no fraction, below 2^53 */
int json_in__bool(struct json_in *in, bool *value);
int json_in__skip(struct json_in *in); /* any value */

#endif
