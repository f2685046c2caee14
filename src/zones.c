// SPDX-License-Identifier: GPL-2.0-only
/* Which node, zone, CMA range and pageblock a page frame lies in. See zones.h. */
#include "zones.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "util.h"

#define USUAL_PAGEBLOCK_PAGES 512

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
			struct zone *list = realloc(zones->list, (zones->cnt + 1) * sizeof(*list));

			if (!list)
				return;
			zone.start_pfn = value;
			zone.end_pfn = value + spanned;
			zones->list = list;
			list[zones->cnt++] = zone;
		}
	}
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
	read_cma(zones);
}

void zones__free(struct zones *zones)
{
	free(zones->list);
	free(zones->cma);
	*zones = (struct zones){};
}

const struct zone *zones__find(const struct zones *zones, uint64_t pfn)
{
	for (size_t i = 0; i < zones->cnt; i++)
		if (zones->list[i].start_pfn <= pfn && pfn < zones->list[i].end_pfn)
			return &zones->list[i];
	return NULL;
}

bool zones__is_cma(const struct zones *zones, uint64_t pfn)
{
	for (size_t i = 0; i < zones->cma_cnt; i++)
		if (zones->cma[i].start_pfn <= pfn && pfn < zones->cma[i].end_pfn)
			return true;
	return false;
}
