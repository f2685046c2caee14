/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the records*.c files only: what is known of records and folios, and who may own one. */
#ifndef GUP_RECORDS_IMPL_H
#define GUP_RECORDS_IMPL_H

#include "records.h"

#define PARTIES_MAX 64

/* A record, how many of its calls earlier scans have seen, and how many the last one may have. */
struct rec {
	struct gup_spill spill;
	uint32_t seen, open;
	bool in_map;
};

/* Memory that a fresh record covers. */
struct span {
	uint64_t mapping, begin, end;
	uint64_t max_end; /* of all spans up to this one in the same mapping */
	uint64_t found;	  /* pages of it that nothing else explains */
	const struct rec *rec;
};

/*
 * What is known of pinned folios in line, in physical memory and in what they are
 * of, of one order, and pinned alike: their claims are claims[first..first + cnt).
 */
struct bound {
	uint64_t pfn, mapping, index; /* of the first of them */
	uint64_t hit;		      /* its number in the scan */
	uint32_t folios;
	uint32_t first, cnt;
	uint8_t order;
};

struct bounds {
	struct bound *items;
	size_t cnt, room;
	struct claim *claims;
	size_t claim_cnt, claim_room;
};

void bounds__drop(struct bounds *bounds);

struct records {
	uint64_t first_page; /* number of the struct page of pfn 0 */
	uint64_t page_bytes;
	struct rec *recs;
	size_t rec_cnt;
	struct span *spans;
	size_t span_cnt;
	struct bounds now;
	uint64_t began_ns, before_ns; /* the last scan, and the one before */
};

static inline uint32_t fresh_calls(const struct rec *rec)
{
	return rec->spill.record.calls - rec->seen;
}

/* A folio as the records name it. */
struct place {
	uint64_t mapping, begin, end; /* indices */
	uint64_t page;		      /* number of the head's struct page */
	uint64_t pages;
};
struct place place__of(const struct records *records, const struct scan_hit *hit);

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

/* Sorts the fresh records. 0 or -ENOMEM. */
int spans__index(struct records *records);
/* A pinned folio, before any is decided about; known: its binding from the last scan, or NULL. */
void spans__count_found(struct records *records, const struct place *place,
			const struct bound *known);
/* Adds the parties whose fresh records cover the folio; the scan began at began_ns. */
void spans__find(const struct records *records, const struct place *place,
		 const struct bound *known, uint64_t began_ns, struct parties *parties);

#endif
