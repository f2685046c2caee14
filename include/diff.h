/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Compares two audited snapshots: what grew, what shrank, what is new or gone,
 * by pin site, owner's name and cgroup. Not by process id, so that a service
 * that was restarted is compared with itself.
 */
#ifndef GUP_DIFF_H
#define GUP_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "forms.h"
#include "snapshot.h"

enum change { CHANGE_NEW, CHANGE_GREW, CHANGE_SHRANK, CHANGE_GONE, CHANGE_SAME, CHANGE_CNT };

/* What is compared. All strings belong to one of the snapshots. */
struct diff_key {
	const char *comm;   /* of the owner; "NAME?" by evidence only; NULL = unknown */
	const char *cgroup; /* NULL = unknown */
	const char *site;   /* function, else kind of the file or of the memory */
	const char *module; /* of that function, NULL = the kernel itself */
};

struct diff_row {
	struct diff_key key;
	enum change change;
	struct quantity before, now;
};

struct diff {
	const struct snapshot *before, *now;
	struct diff_row *rows; /* largest change of memory first */
	size_t row_cnt;
	const struct finding **added; /* not suppressed, warnings and errors first */
	size_t added_cnt;
	const struct finding **gone;
	size_t gone_cnt;
	int exit_code; /* 1: a warning or error was added */
};

/*
 * NULL with errno. Keeps pointers into both snapshots, which must live longer.
 * A finding is new if the other side has none of its rule and key.
 */
struct diff *diff__make(struct snapshot *before, struct snapshot *now);
void diff__free(struct diff *diff);

const char *change_name(enum change change); /* "grew" */

/* Forms: 0, -EIO or -ENOMEM. */
int diff__text(FILE *out, const struct diff *diff, const struct text_options *opts);
/* As $defs/diff of the schema says. */
int diff__json(FILE *out, const struct diff *diff);

#endif
