/* SPDX-License-Identifier: GPL-2.0-only */
/* The two halves of serve.h: what makes answers, and what hands them out. */
#ifndef GUP_SERVE_IMPL_H
#define GUP_SERVE_IMPL_H

#include <stddef.h>
#include <stdint.h>

#include "serve.h"

struct MHD_Response;

enum page { PAGE_METRICS, PAGE_OPEN_METRICS, PAGE_SNAPSHOT, PAGE_FINDINGS, PAGE_SCHEMA, PAGE_CNT };

/* Answers, made whole before the first client asks. All zero: none. */
struct pages {
	struct MHD_Response *of[PAGE_CNT]; /* NULL: not yet */
	uint64_t taken_ns;		   /* of the snapshot that they show; 0 = none yet */
	char degraded[256];		   /* why; empty = it is not */
};

/* A page that never changes. text is copied. */
void pages__set(struct pages *pages, enum page page, const char *text, size_t bytes,
		const char *type);

/*
 * Adds the answers from what the feed has, and sends to the relay what goes there.
 * 0, also if there was nothing; -EPIPE: there will be no more.
 */
int pages__take(struct pages *pages, const struct serve_options *opts);

/* Replaces what there is in from, which is empty then; answers being sent live on. */
void pages__move(struct pages *into, struct pages *from);

void pages__clear(struct pages *pages);

#endif
