/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bench of gup-validate: the tracker on one side, this process that pins
 * its own memory on the other. Everything is compared as differences since a
 * mark, for this process's own calls only, so that other programs do not matter.
 */
#ifndef GUP_BENCH_H
#define GUP_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel.h"
#include "resolve.h"
#include "selftest.h"
#include "take.h"
#include "tracker.h"

struct bench {
	struct kernel_facts facts;
	struct kernel_reader *reader;
	struct ksyms *ksyms;
	struct tracker *tracker;
	struct selftest_result selftest;
	struct flow base;
};

/* Opens, attaches and tests the tracker. 0, or the exit status after one line on stderr. */
int bench__open(struct bench *bench, const struct tracker_options *opts);
void bench__close(struct bench *bench);
/* Has the kernel this function, by BTF? */
bool bench__has(const struct bench *bench, const char *func);
/* Takes the tracker's records: between checks, as it may recycle what marks compare. */
void bench__rest(struct bench *bench);

/* What was there before. */
struct mark {
	struct gup_owner *owners;
	size_t owner_cnt;
	struct site_item *sites;
	size_t site_cnt;
	struct flow flow;
	uint64_t unpinned; /* releases of what was not pinned */
};

/* 0 or -errno. Free with mark__free(), also after an error. */
int mark__set(struct mark *mark, struct bench *bench);
void mark__free(struct mark *mark);

#define SEEN_RELEASES 96

/* What this process's calls did since the mark. */
struct seen {
	uint64_t calls, asked, failed;
	uint64_t pinned, released;
	uint32_t apis;			   /* bit per enum gup_api */
	uint32_t flags_any;		   /* PIN_* that any of the calls had */
	uint32_t flags_all;		   /* that all had */
	bool foll_pin_passed;		   /* a caller passed FOLL_PIN itself */
	uint64_t gets;			   /* calls that took plain references: of all processes */
	uint64_t unpinned;		   /* releases of what was not pinned: of all processes */
	uint64_t vm_acquired, vm_released; /* the kernel's counters: of all processes */
	char releases[SEEN_RELEASES];	   /* names of the functions that released */
};

int mark__seen(const struct mark *mark, struct bench *bench, struct seen *seen);
/* Waits up to a second until all pins that were seen since the mark are released. */
int mark__settle(const struct mark *mark, struct bench *bench, struct seen *seen);

#define HELD_FOLIOS 2048

/* What this process holds now. */
struct held {
	uint64_t pins;
	size_t folios, large;
	uint64_t differing;	     /* folios whose struct page holds another number of pins */
	uint64_t most;		     /* pins on the most pinned folio */
	int32_t refcount, pincount;  /* of that folio */
	uint64_t folio[HELD_FOLIOS]; /* opaque, the first ones */
};

int bench__held(struct bench *bench, struct held *held);
/* How many of these folios hold a pin by their struct page now. 0 or -errno. */
int bench__still_pinned(struct bench *bench, const struct held *held, size_t *cnt);
/* References of a page frame of small pages, by struct page. 0 or -errno. */
int bench__references(struct bench *bench, uint64_t pfn, int32_t *cnt);

#endif
