/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts that repeat, each kept once, so that only different ones are compared. */
#ifndef GUP_TOP_TEXTS_H
#define GUP_TOP_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct top_texts {
	struct top_text {
		const char *text; /* the caller's */
		uint64_t hash;
		uint32_t number;
	} * list;
	uint32_t cnt;
	uint32_t *slots; /* number + 1 by hash, open addressing; at most half full */
	size_t slot_cnt;
	uint32_t last;	 /* number of the last one: neighbours are often alike */
	uint32_t *ranks; /* by number, in the order of strcmp(); after top_texts__rank() */
	bool failed;	 /* out of memory */
};

/* All zero is empty. The text's number, counted from 0 as they come; sets failed. */
uint32_t top_texts__add(struct top_texts *texts, const char *text);
/* Fills ranks and puts the list in order: nothing can be added any more. 0 or -ENOMEM. */
int top_texts__rank(struct top_texts *texts);
void top_texts__free(struct top_texts *texts);

#endif
