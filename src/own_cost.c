// SPDX-License-Identifier: GPL-2.0-only
/* What this process itself has used. See own_cost.h. */
#include "own_cost.h"

#include "util.h"

void own_cost__begin(struct own_cost *cost)
{
	cost->wall_ns = clock_ns(CLOCK_MONOTONIC);
	cost->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

void own_cost__set(struct own_cost *cost, struct snapshot *snap)
{
	struct own_cost before = *cost;

	own_cost__begin(cost);
	if (cost->wall_ns > before.wall_ns)
		snap->checks.cpu_percent =
			100.0 * (cost->cpu_ns - before.cpu_ns) / (cost->wall_ns - before.wall_ns);
}
