/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by records.c and records_decide.c only: who may own the pins of one folio. */
#ifndef GUP_RECORDS_IMPL_H
#define GUP_RECORDS_IMPL_H

#include "records.h"

#define PARTIES_MAX 64

struct party {
	struct claim claim;   /* before the decision: what it had at the last scan */
	uint64_t least, most; /* pins that it has, if it has released none since */
	uint64_t ns;	      /* of its last call */
	uint64_t known;	      /* of these, those that it had at the last scan */
	bool longterm;
};

struct parties {
	struct party items[PARTIES_MAX];
	size_t cnt;
	bool crowded; /* there were more: nothing is certain */
	const struct owner_class *classes;
	size_t class_cnt;
};

/* Has held these pins since the last scan or longer. */
void parties__add_known(struct parties *parties, const struct claim *claim);
/* Has pinned since the last scan: calls times, up to pages of the folio's pages each time. */
void parties__add_fresh(struct parties *parties, const struct gup_record *record, uint32_t calls,
			uint64_t pages);

/*
 * Splits pins between the parties. If they are not certain (they may be plain
 * references), no more of them are believed in than the parties explain. Fills
 * up to PARTIES_MAX + 1 claims; how many.
 */
size_t parties__decide(struct parties *parties, uint64_t pins, bool certain, struct claim *claims);

#endif
