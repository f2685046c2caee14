// SPDX-License-Identifier: GPL-2.0-only
/* Which node, zone, CMA range and pageblock a page frame lies in. See zones.h. */
#include "zones.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"
#include "util.h"

#define USUAL_PAGEBLOCK_PAGES 512
#define DEVICE "Device"

static bool add_zone(struct zones *zones, const struct zone *zone)
{
	struct zone *list = reallocarray(zones->list, zones->cnt + 1, sizeof(*list));

	if (!list)
		return false;
	zones->list = list;
	list[zones->cnt++] = *zone;
	return true;
}

/* /proc/zoneinfo: which page frames are in which zone of which node. */
static void read_zones(struct zones *zones)
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
			zone.start_pfn = value;
			zone.end_pfn = value + spanned;
			if (!add_zone(zones, &zone))
				return;
		}
	}
}

/* /proc/zoneinfo does not say where ZONE_DEVICE is: it is the last of the list, and spans nothing. */
static void read_ram(struct zones *zones)
{
	const struct zone device = { .node = -1, .name = DEVICE };

	if (!ram_ranges__system(&zones->ram, &zones->ram_cnt) && !add_zone(zones, &device))
		zones->ram_cnt = 0;
}

/* "Pages per block:  512" */
static uint64_t read_pageblock_pages(void)
{
	cleanup_file FILE *file = fopen("/proc/pagetypeinfo", "re");
	unsigned long pages;
	char line[256];

	for (int i = 0; i < 4 && file && fgets(line, sizeof(line), file); i++)
		if (sscanf(line, "Pages per block: %lu", &pages) == 1 && pages)
			return pages;
	return USUAL_PAGEBLOCK_PAGES;
}

static bool read_number(const char *dir, const char *name, uint64_t *value)
{
	unsigned long long number = 0;
	char path[512];
	FILE *file;
	int got;

	snprintf(path, sizeof(path), "/sys/kernel/debug/cma/%s/%s", dir, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	got = fscanf(file, "%llu", &number);
	fclose(file);
	*value = number;
	return got == 1;
}

/* One folder an area, with base_pfn and count in pages. */
static void read_cma(struct zones *zones)
{
	DIR *dir = opendir("/sys/kernel/debug/cma");
	struct dirent *entry;
	uint64_t base, count;

	while (dir && (entry = readdir(dir))) {
		struct cma_range *cma;

		if (entry->d_name[0] == '.' || !read_number(entry->d_name, "base_pfn", &base) ||
		    !read_number(entry->d_name, "count", &count))
			continue;
		cma = realloc(zones->cma, (zones->cma_cnt + 1) * sizeof(*cma));
		if (!cma)
			break;
		zones->cma = cma;
		cma[zones->cma_cnt++] = (struct cma_range){ base, base + count };
	}
	if (dir)
		closedir(dir);
}

void zones__read(struct zones *zones)
{
	*zones = (struct zones){ .pageblock_pages = read_pageblock_pages() };
	read_zones(zones);
	read_ram(zones);
	read_cma(zones);
}

void zones__free(struct zones *zones)
{
	free(zones->list);
	free(zones->ram);
	free(zones->cma);
	*zones = (struct zones){};
}

static bool is_ram(const struct zones *zones, uint64_t pfn)
{
	for (size_t i = 0; i < zones->ram_cnt; i++)
		if (zones->ram[i].start <= pfn && pfn < zones->ram[i].end)
			return true;
	return false;
}

const struct zone *zones__find(const struct zones *zones, uint64_t pfn)
{
	if (zones->ram_cnt && !is_ram(zones, pfn))
		return &zones->list[zones->cnt - 1];
	for (size_t i = 0; i < zones->cnt; i++)
		if (zones->list[i].start_pfn <= pfn && pfn < zones->list[i].end_pfn)
			return &zones->list[i];
	return NULL;
}

bool zone__is_device(const struct zone *zone)
{
	return zone && !strcmp(zone->name, DEVICE);
}

bool zones__is_cma(const struct zones *zones, uint64_t pfn)
{
	for (size_t i = 0; i < zones->cma_cnt; i++)
		if (zones->cma[i].start_pfn <= pfn && pfn < zones->cma[i].end_pfn)
			return true;
	return false;
}
