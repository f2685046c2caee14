/* SPDX-License-Identifier: GPL-2.0-only */
/* What this process itself has used, for a snapshot's "cost". */
#ifndef GUP_OWN_COST_H
#define GUP_OWN_COST_H

#include <stdint.h>

#include "snapshot.h"

struct own_cost {
	uint64_t wall_ns, cpu_ns; /* when it was looked at last, and what had been used by then */
};

/* Begins to count. */
void own_cost__begin(struct own_cost *cost);

/*
 * Sets checks.cpu_percent: of one CPU, since begin or the last call. What the
 * hooks take is not in it: they run in others' time.
 */
void own_cost__set(struct own_cost *cost, struct snapshot *snap);

#endif
