/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forms of an audited snapshot: text for people, JSON for programs, folded
 * stacks for flame graphs. Each returns 0, -EIO if the stream failed, or
 * -ENOMEM. None of them decides anything: audit.h has done that.
 */
#ifndef GUP_FORMS_H
#define GUP_FORMS_H

#include <stdbool.h>
#include <stdio.h>

#include "snapshot.h"

struct text_options {
	bool quiet;	    /* the verdict's line only */
	bool verbose;	    /* offsets, all groups, all sites; long paths unbroken */
	bool color;	    /* the level word */
	unsigned int width; /* columns, 0 = 80 */
	unsigned int top;   /* most entries of each list, 0 = the default of each */
};

int form_text(FILE *out, const struct snapshot *snap, const struct text_options *opts);
int form_json(FILE *out, const struct snapshot *snap);
/* One line a group: "comm;outermost;...;innermost pins". */
int form_folded(FILE *out, const struct snapshot *snap);

/* The JSON schema of form_json()'s output. */
const char *schema_text(void);
int form_schema(FILE *out);

#endif
