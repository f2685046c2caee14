// SPDX-License-Identifier: GPL-2.0-only
/* Which node and zone a folio lies in: by its page frame number, from /proc/zoneinfo. */
#include <stdio.h>
#include <stdlib.h>

#include "snapshot_impl.h"
#include "util.h"

/* /proc/zoneinfo: which page frames are in which zone of which node. */
void take__read_zones(struct take *take)
{
	cleanup_file FILE *file = fopen("/proc/zoneinfo", "re");
	struct zone zone = {};
	unsigned long spanned = 0, value;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Node %d, zone %15s", &zone.node, zone.name) == 2) {
			spanned = 0;
		} else if (sscanf(line, " spanned %lu", &value) == 1) {
			spanned = value;
		} else if (sscanf(line, " start_pfn: %lu", &value) == 1 && spanned) {
			struct zone *zones =
				realloc(take->zones, (take->zone_cnt + 1) * sizeof(*zones));

			if (!zones)
				return;
			zone.start_pfn = value;
			zone.end_pfn = value + spanned;
			take->zones = zones;
			zones[take->zone_cnt++] = zone;
		}
	}
}

const struct zone *take__zone(const struct take *take, uint64_t folio)
{
	uint64_t bytes = tracker__facts(take->tracker)->page_struct_bytes, pfn;

	if (!take->vmemmap || !bytes)
		return NULL;
	pfn = (folio - take->vmemmap) / bytes;
	for (size_t i = 0; i < take->zone_cnt; i++)
		if (take->zones[i].start_pfn <= pfn && pfn < take->zones[i].end_pfn)
			return &take->zones[i];
	return NULL;
}
