/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plan call in user space: whose are the pins that a scan found? Matches pinned
 * folios to records of pin calls by the identity of the memory, and keeps what
 * it found out: a folio that stays pinned stays whose it was, whatever becomes
 * of the address, the file or the record. Plain data: no maps, no kernel.
 *
 * Life: new; then, as often as there is a scan: load, match, claims, gc; free.
 * The scan must have begun before the records were read.
 */
#ifndef GUP_RECORDS_H
#define GUP_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gup_abi.h"
#include "scan.h"

/* Pins of one folio that are one owner's. */
struct claim {
	uint32_t owner; /* id; 0 = nobody's that we know */
	bool inferred;	/* several owners pinned it and some of the pins have gone: by rule */
	uint64_t pins;
	uint64_t since; /* monotonic ns of the call that took them; 0 = unknown */
	/* For the next match: */
	uint64_t firm;	/* pins that this one is sure enough of to build upon */
	uint32_t again; /* calls in them that the next one will read once more */
	uint64_t loose; /* nobody's pins whose call may have been under way still */
	bool longterm;
	bool doubtful; /* inferred for good: what has gone by now cannot be learnt later */
};

/* What a report shows as one. Owners beyond those that are told stand for themselves. */
struct owner_class {
	uint32_t kind;	  /* same number: same process, memory, file, function and flags */
	uint32_t process; /* same number: same process */
};

struct records;

/* vmemmap: opaque address of the struct page of pfn 0; page_bytes: its size. NULL: no memory. */
struct records *records__new(uint64_t vmemmap, uint64_t page_bytes);
void records__free(struct records *records);

/* What the map holds now, and what was pushed out of it since. 0 or -ENOMEM. */
int records__load(struct records *records, const struct gup_spill *live, size_t live_cnt,
		  const struct gup_spill *spilled, size_t spilled_cnt);

/*
 * Decides about each hit (ascending by pfn) of a scan that began at began_ns
 * (monotonic). classes by owner id. 0 or -ENOMEM.
 */
int records__match(struct records *records, const struct scan_hit *hits, size_t cnt,
		   uint64_t began_ns, const struct owner_class *classes, size_t class_cnt);

/* The claims on hit i of the last match; their pins sum to what the hit holds for certain. */
const struct claim *records__claims(const struct records *records, size_t i, size_t *cnt);

/*
 * Drops what the next match will not need: records of FOLL_LONGTERM calls, whose
 * folios are known by now, and of others that were not used since the scan
 * before the last. take(ctx, key, record) removes one from the map and returns
 * it as it was then, 0; or -ENOENT. *changed: one of these had been called since it
 * was loaded, and is known here only. How many were dropped.
 */
size_t records__gc(struct records *records,
		   int (*take)(void *ctx, const struct gup_record_key *key,
			       struct gup_record *record),
		   void *ctx, bool *changed);

/*
 * All that the next match needs, for another process of this build: *bytes is
 * malloc'ed, the caller frees. 0 or -ENOMEM.
 */
int records__save(const struct records *records, void **bytes, size_t *cnt);
/* After restore: owners have other ids now, ids[old]; those beyond cnt are nobody. */
void records__translate(struct records *records, const uint32_t *ids, size_t cnt);
/* Instead of what is known. 0, or -EBADMSG: not saved by this build on this kernel. */
int records__restore(struct records *records, const void *bytes, size_t cnt);

/* Sets used[id] of all owners that a claim of the last match or a record names; ids up to cnt. */
void records__mark_owners(const struct records *records, bool *used, size_t cnt);

/* Records that the next match knows, and bytes of memory in use. */
size_t records__cnt(const struct records *records);
size_t records__bytes(const struct records *records);

#endif
