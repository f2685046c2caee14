/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's counters of pins around a scan, and whether they agree with what it found. */
#ifndef GUP_SCAN_COUNTERS_H
#define GUP_SCAN_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot.h"

/* At one moment. */
struct scan_counters {
	bool known;
	uint64_t acquired, released;
	uint64_t slack; /* may be that far from what is so */
};

/* as_they_are: not made exact first, which interrupts every CPU. */
struct scan_counters scan_counters__read(bool as_they_are);

/*
 * How far the pins found and the counters around the scan are apart, and whether
 * they may be: what moved meanwhile bounds it, and the pages that the scan left
 * out, as checks has them already. undecided: pins that are only maybe ones;
 * biased: see scan_counters__biased().
 */
void scan_counters__weigh(struct checks *checks, const struct scan_counters counters[2],
			  uint64_t pins, uint64_t undecided, bool biased);

/* Has this kernel pins that it never counts as acquired, but as released? */
bool scan_counters__biased(void);

#endif
