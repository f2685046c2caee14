/* SPDX-License-Identifier: GPL-2.0-only */
/* Takes a snapshot of a running tracker: maps and struct pages in, plain C out. */
#ifndef GUP_TAKE_H
#define GUP_TAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "calls.h"
#include "notes.h"
#include "resolve.h"
#include "selftest.h"
#include "snapshot.h"
#include "tracker.h"

/* Event counters and vmstat, read together: the point from which flows are compared. */
struct flow {
	uint64_t acquired, released, add_pins; /* the hooks' */
	uint64_t vm_acquired, vm_released;     /* the kernel's, 0 = unknown */
	bool vm_known;
	uint64_t missed_acquires, missed_releases, unmatched;
	uint64_t regained; /* of the missed acquires, those that a second copy booked */
	uint64_t vm_slack; /* the kernel's may be that far behind; 0 = exact */
	uint64_t out;	   /* pins from before tracking, by struct page */
	bool out_known;	   /* else what the kernel's counters leave, if it is more than vm_slack */
};

/* Reads both, after making the kernel's counters exact, which interrupts every CPU. 0 or -errno. */
int flow__read(const struct tracker *tracker, struct flow *flow);
/* The same, with the kernel's counters as they are. */
int flow__read_as_it_is(const struct tracker *tracker, struct flow *flow);
/* The same, with out, by a scan in the background that reads at most so many struct pages a second. */
int flow__read_before(const struct tracker *tracker, uint64_t max_pages_per_s, struct flow *flow);

struct take_options {
	const char *tool;
	const char *source; /* NULL = "own tracker" */
	bool counters_as_they_are;
	uint32_t tested_by;	     /* another process that tested the tracker; 0 = none */
	uint64_t tested_by_start_ns; /* its start, as struct proc_facts has it */
	struct notes *notes;
	struct ksyms *ksyms;
	const struct flow *base; /* flow when tracking began */
	const struct selftest_result *selftest;
	struct calls *calls; /* plan call only */
	uint64_t since_ns;   /* realtime when tracking began */
	bool tree_only;	     /* only what CMD's tree pinned */
	bool pages;	     /* list each folio, too */
	uint32_t pid;	     /* only what this process pinned, or whose memory it is; 0 = all */
};

/*
 * A snapshot, not yet audited. NULL with errno after one line on stderr. The
 * caller sets cmd* and ran_ns, and frees it with snapshot__free().
 */
struct snapshot *snapshot__take(struct tracker *tracker, const struct take_options *opts);

/* Pins still held by what the options choose: a cheap look at the ledger. 0 or -errno. */
int snapshot__held(struct tracker *tracker, const struct take_options *opts, uint64_t *pins);

#endif
