/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by records.c and records_decide.c only: who may own the pins of one folio. */
#ifndef GUP_RECORDS_IMPL_H
#define GUP_RECORDS_IMPL_H

#include "records.h"

#define PARTIES_MAX 64

struct party {
	struct claim claim; /* before the decision: what it had at the last scan */
	uint64_t known;	    /* pins that it had then */
	uint64_t least;	    /* with those of its calls since, if it has released none */
	uint64_t maybe;	    /* of calls that came while the scan ran: it may have passed before */
	uint64_t most;	    /* of all calls, if each took all pages of the folio that it named */
	uint64_t sure_most; /* the same without those of maybe */
	uint64_t ns;	    /* of its last call */
	uint32_t counted;   /* calls that the last match has counted, and that come again */
	uint32_t again;	    /* calls of this match that come again in the next */
	bool longterm;
};

struct parties {
	struct party items[PARTIES_MAX];
	size_t cnt;
	bool crowded; /* there were more: nothing is certain */
	bool first; /* nothing was scanned before: what nobody explains is older than the tracker */
	const struct owner_class *classes;
	size_t class_cnt;
};

/* Has held these pins since the last scan or longer; all are told before those that are fresh. */
void parties__add_known(struct parties *parties, const struct claim *claim);
/* Calls of a record that the last scan may not have seen; each took up to pages of the folio's pages. */
struct fresh {
	uint32_t open;	/* known then, and counted then or not */
	uint32_t since; /* not known then */
	bool late;	/* the last of them came while this scan ran */
	uint64_t pages;
};
void parties__add_fresh(struct parties *parties, const struct gup_record *record,
			const struct fresh *fresh);

/*
 * Splits pins between the parties. If they are not certain (they may be plain
 * references), no more of them are believed in than the parties explain. Fills
 * up to PARTIES_MAX + 1 claims; how many.
 */
size_t parties__decide(struct parties *parties, uint64_t pins, bool certain, struct claim *claims);

#endif
