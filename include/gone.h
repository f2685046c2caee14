/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which owners and processes a tracker may forget: of processes that have exited,
 * as no call of theirs can be under way any more, and where room gets scarce, owners
 * that are idle. Plain data.
 */
#ifndef GUP_GONE_H
#define GUP_GONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tracker.h"

/*
 * Puts those owners first whose process had exited before before_ns (monotonic)
 * and whose id is not in use: used[id], used_cnt of them. How many. Sorts procs.
 */
size_t gone__owners(struct gup_owner *owners, size_t cnt, struct proc_item *procs, size_t proc_cnt,
		    const bool *used, size_t used_cnt, uint64_t before_ns);

/* The same with those that have not called since before_ns. */
size_t gone__idle(struct gup_owner *owners, size_t cnt, const bool *used, size_t used_cnt,
		  uint64_t before_ns);

/*
 * Puts those processes first that had exited before before_ns, own nothing of owners,
 * and that no other process was forked from. How many; of a line of dead processes
 * only the last, so call it again the next time.
 */
size_t gone__procs(struct proc_item *procs, size_t cnt, const struct gup_owner *owners,
		   size_t owner_cnt, uint64_t before_ns);

#endif
