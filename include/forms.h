/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forms of an audited snapshot: text for people, JSON for programs, folded
 * stacks for flame graphs. Each returns 0, -EIO if the stream failed, or
 * -ENOMEM. None of them decides anything: audit.h has done that.
 */
#ifndef GUP_FORMS_H
#define GUP_FORMS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "snapshot.h"

struct text_options {
	bool quiet;	    /* the verdict's line only */
	bool verbose;	    /* offsets, all groups, all sites; long paths unbroken */
	bool color;	    /* the level word */
	unsigned int width; /* columns, 0 = 80 */
	uint64_t age_ns;    /* of a snapshot that somebody else took; 0 = it is of now */
	unsigned int top;   /* most entries of each list, 0 = the default of each */
};

int form_text(FILE *out, const struct snapshot *snap, const struct text_options *opts);
int form_json(FILE *out, const struct snapshot *snap);
/* The same document in one line, for streams (NDJSON). */
int form_json_line(FILE *out, const struct snapshot *snap);
/* The verdict and the findings alone; a document of its own in the schema ("#findings"). */
int form_json_findings(FILE *out, const struct snapshot *snap);
/* One line a group: "comm;outermost;...;innermost pins". */
int form_folded(FILE *out, const struct snapshot *snap);

/*
 * Reads what form_json() wrote, from whatever source: written again it is the
 * same document. The stream must hold nothing else; read_next() takes the next
 * of several and not a byte more, and returns NULL with errno 0 at the end.
 * Free with snapshot__free(). NULL with errno: EINVAL or EIO with the reason,
 * one line, in why, which holds words of the program only.
 */
struct snapshot *form_json__read(FILE *in, char *why, size_t why_bytes);
struct snapshot *form_json__read_next(FILE *in, char *why, size_t why_bytes);
struct snapshot *form_json__read_buffer(const void *buf, size_t bytes, char *why, size_t why_bytes);

/* The JSON schema of form_json()'s output. */
const char *schema_text(void);
int form_schema(FILE *out);

#endif
