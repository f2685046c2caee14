/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tracker of this process's own, with all that a snapshot needs besides:
 * opened, tested and ready. Life: open, (poll, take)..., close.
 */
#ifndef GUP_OWN_TRACKER_H
#define GUP_OWN_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot.h"

struct own_tracker;

struct take_options;
struct tracker;

enum own_plan {
	OWN_PLAN_CALL_FIRST, /* core where call cannot be used */
	OWN_PLAN_CORE_FIRST, /* the other way round */
	OWN_PLAN_CORE,
	OWN_PLAN_CALL,
};

struct own_tracker_options {
	enum own_plan plan;
	uint32_t stack_every; /* these four as in tracker.h */
	uint64_t max_folios;
	uint64_t max_records;
	const char *skip_func;
	bool verbose;	    /* libbpf's messages to stderr */
	const char *tool;   /* name in the snapshots, kept */
	const char *source; /* "by ..." in the snapshots, kept; NULL = own tracker */
	/*
	 * Folder of bpffs where tracking outlives this process, and where that of
	 * a process before is taken over; kept. NULL = tracking ends with close.
	 */
	const char *pin_dir;
	/* For those who stay: no stat_refresh at all, scans in the background. */
	bool counters_as_they_are;
	uint64_t max_pages_per_s; /* of scans, as in scan.h */
	uint64_t release_ns; /* so long at least the pins of a process that ended may take to go */
};

/*
 * Opens, attaches and tests. NULL after one line on stderr that says what to
 * do; *status is the exit status then: 3 cannot run here, 4 failed.
 */
struct own_tracker *own_tracker__open(const struct own_tracker_options *opts, int *status);
void own_tracker__close(struct own_tracker *own);

/*
 * For those who take snapshots in their own way: the tracker, and the options of
 * take.h as own_tracker__take() would use them. Both live as long as own.
 */
struct tracker *own_tracker__tracker(const struct own_tracker *own);
const struct take_options *own_tracker__take_options(const struct own_tracker *own);
/* Plan core: its ledger has room for an eighth of RAM's pages. */
bool own_tracker__has_ledger(const struct own_tracker *own);

/* Ends tracking that outlived its process. 0, also if there is none, or -errno. */
int own_tracker__detach(const char *pin_dir);

/* Serves the tracker for up to timeout_ms. 0 or -errno. */
int own_tracker__poll(struct own_tracker *own, int timeout_ms);
/* A descriptor that is readable when there is something to serve. */
int own_tracker__poll_fd(const struct own_tracker *own);

/* As tracker.h has them. */
void own_tracker__set_stacks(struct own_tracker *own, bool stacks);
int own_tracker__measure(void);
uint64_t own_tracker__run_ns(const struct own_tracker *own);

/*
 * An audited snapshot whose findings hold: what is found is looked at a second
 * time, as pins are read before the holders of their files. NULL after one
 * line on stderr.
 */
struct snapshot *own_tracker__take(struct own_tracker *own);
/* A quick one, not audited, with each folio in pages. NULL after one line on stderr. */
struct snapshot *own_tracker__look(struct own_tracker *own);

#endif
