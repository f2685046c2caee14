// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which processes map the folios asked for: reads the page tables of a process
 * through pagemap, in bulk, and grows one set of processes for each folio.
 *
 * Address spaces can be terabytes of nothing (sanitizers, garbage collectors).
 * PAGEMAP_SCAN tells what is there; kernels without it tell in smaps how much
 * of each area is, so that empty areas are left out; areas that are too large
 * to read and not empty are "could not look" there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence_impl.h"
#include "pagemap_scan.h"
#include "util.h"

#define PAGE_SHIFT 12
#define SCAN_FROM (16ULL << 20) /* areas smaller than this are read as they are */
#define SCAN_REGIONS 256
#define READ_MOST (256ULL << 30)   /* without PAGEMAP_SCAN, at one go: half a second */
#define MAX_BITS (64ULL << 20)	   /* 8 MiB: one bit a page up to 256 GiB */
#define MAX_NODES (2U << 20)	   /* 24 MiB */
#define MAX_MEMBERS (8ULL << 20)   /* 32 MiB, of all sets together */
#define ENTRY_PRESENT (1ULL << 63) /* Documentation/admin-guide/mm/pagemap.rst */
#define ENTRY_PFN ((1ULL << 55) - 1)

/* ---- the folios asked for ---- */

static uint64_t folio_end(const struct evidence_folio *folio)
{
	return folio->pfn + (1ULL << folio->order);
}

int folio_index__init(struct folio_index *index, const struct evidence_folio *folios, size_t cnt)
{
	uint64_t bits;

	*index = (struct folio_index){ .folios = folios, .cnt = cnt };
	if (!cnt)
		return 0;
	index->first = folios[0].pfn;
	/* One that was split while it was read may reach beyond those behind it. */
	for (size_t i = 0; i < cnt; i++)
		index->end =
			folio_end(&folios[i]) > index->end ? folio_end(&folios[i]) : index->end;
	while ((index->end - index->first) >> index->shift >= MAX_BITS)
		index->shift++;
	bits = ((index->end - index->first) >> index->shift) + 1;
	index->bits = calloc((bits + 63) / 64, sizeof(*index->bits));
	if (!index->bits)
		return -ENOMEM;
	for (size_t i = 0; i < cnt; i++) {
		uint64_t bit = (folios[i].pfn - index->first) >> index->shift;
		uint64_t last = (folio_end(&folios[i]) - 1 - index->first) >> index->shift;

		for (; bit <= last; bit++)
			index->bits[bit / 64] |= 1ULL << bit % 64;
	}
	return 0;
}

void folio_index__free(struct folio_index *index)
{
	free(index->bits);
	index->bits = NULL;
}

static bool holds(const struct folio_index *index, size_t i, uint64_t pfn)
{
	return i < index->cnt && pfn >= index->folios[i].pfn && pfn < folio_end(&index->folios[i]);
}

size_t folio_index__find(struct folio_index *index, uint64_t pfn)
{
	size_t low = 0, high = index->cnt;
	uint64_t bit;

	if (!index->cnt || pfn < index->first || pfn >= index->end)
		return SIZE_MAX;
	bit = (pfn - index->first) >> index->shift;
	if (!(index->bits[bit / 64] >> bit % 64 & 1))
		return SIZE_MAX;
	for (size_t i = index->last; i < index->last + 2; i++)
		if (holds(index, i, pfn))
			return index->last = i;
	while (low < high) { /* the first folio that starts above pfn */
		size_t middle = low + (high - low) / 2;

		if (index->folios[middle].pfn <= pfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low && holds(index, low - 1, pfn) ? index->last = low - 1 : SIZE_MAX;
}

/* ---- sets of processes ---- */

int mappers__init(struct mappers *mappers)
{
	*mappers = (struct mappers){};
	if (grow(&mappers->nodes, 0, &mappers->room, sizeof(*mappers->nodes)))
		return -ENOMEM;
	mappers->nodes[0] = (struct mapper_node){};
	mappers->cnt = 1;
	return 0;
}

uint32_t mappers__add(struct mappers *mappers, uint32_t set, uint32_t proc)
{
	struct mapper_node *node = &mappers->nodes[set];
	uint32_t next = node->next;

	if (set && node->proc == proc)
		return set;
	if (next && mappers->nodes[next].proc == proc)
		return next;
	if (mappers->cnt >= MAX_NODES ||
	    grow(&mappers->nodes, mappers->cnt, &mappers->room, sizeof(*node))) {
		mappers->full = true;
		return set;
	}
	next = mappers->cnt++;
	mappers->nodes[next] = (struct mapper_node){ .before = set, .proc = proc };
	mappers->nodes[set].next = next;
	return next;
}

/* The members of a set, the last ones if there are more than fit. */
static uint32_t list_members(const struct mappers *mappers, uint32_t node, uint32_t *procs,
			     uint32_t limit)
{
	uint32_t cnt = 0, at;

	for (at = node; at && cnt < limit; at = mappers->nodes[at].before)
		cnt++;
	at = node;
	for (uint32_t i = cnt; i-- > 0; at = mappers->nodes[at].before)
		procs[i] = mappers->nodes[at].proc;
	return cnt;
}

/* Numbers the nodes that some folio has: their `next` becomes the set's number. */
static uint64_t number_sets(struct mappers *mappers, struct evidence *evidence, size_t folio_cnt)
{
	uint64_t members = 0;

	for (size_t i = 0; i < mappers->cnt; i++)
		mappers->nodes[i].next = 0;
	evidence->set_cnt = 1;
	for (size_t i = 0; i < folio_cnt; i++) {
		uint32_t node = evidence->mapped_by[i];

		if (!node || mappers->nodes[node].next)
			continue;
		mappers->nodes[node].next = evidence->set_cnt++;
		for (; node; node = mappers->nodes[node].before)
			members++;
	}
	return members;
}

int mappers__finish(struct mappers *mappers, struct evidence *evidence, size_t folio_cnt)
{
	uint64_t members = number_sets(mappers, evidence, folio_cnt);
	uint32_t limit = UINT32_MAX, *procs;

	if (members > MAX_MEMBERS) {
		limit = MAX_MEMBERS / evidence->set_cnt;
		members = MAX_MEMBERS;
		mappers->full = true;
	}
	/* One piece of memory, so that a million sets are not a million allocations. */
	evidence->sets =
		calloc(1, evidence->set_cnt * sizeof(*evidence->sets) + members * sizeof(*procs));
	if (!evidence->sets)
		return -ENOMEM;
	procs = (uint32_t *)(evidence->sets + evidence->set_cnt);
	for (uint32_t node = 1; node < mappers->cnt; node++) {
		struct evidence_set *set = &evidence->sets[mappers->nodes[node].next];

		if (!mappers->nodes[node].next)
			continue;
		set->procs = procs;
		set->cnt = list_members(mappers, node, procs, limit);
		procs += set->cnt;
	}
	for (size_t i = 0; i < folio_cnt; i++)
		evidence->mapped_by[i] = mappers->nodes[evidence->mapped_by[i]].next;
	if (mappers->full)
		evidence->complete = false;
	return 0;
}

/* ---- maps and smaps ---- */

/* "7f1b2c000000-7f1b2c021000 rw-p 00000000 00:00 0      [heap]" */
static bool parse_area(const char *line, struct map_area *area)
{
	static const char *const special[] = { "[vvar", "[vdso]", "[vsyscall]" };
	const char *name = strpbrk(line, "/["); /* a path starts with a slash, whatever it holds */
	char *at;

	*area = (struct map_area){ .bytes = UINT64_MAX };
	area->start = strtoull(line, &at, 16);
	if (at == line || *at != '-')
		return false;
	line = at + 1;
	area->end = strtoull(line, &at, 16);
	if (at == line || *at != ' ' || area->end <= area->start)
		return false;
	for (size_t i = 0; name && i < ARRAY_SIZE(special); i++)
		area->skip |= !strncmp(name, special[i], strlen(special[i]));
	return true;
}

/* What a line of smaps adds to the bytes that are mapped: hugetlb pages are not in Rss. */
static void take_smaps_line(struct map_area *area, const char *line)
{
	static const char *const names[] = { "Rss:", "Shared_Hugetlb:", "Private_Hugetlb:" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(line, names[i], len))
			continue;
		if (area->bytes == UINT64_MAX)
			area->bytes = 0;
		area->bytes += strtoull(line + len, NULL, 10) * 1024;
	}
}

bool map_area__feed(struct map_area *open, const char *line, struct map_area *area)
{
	struct map_area next = {};

	if (line && !parse_area(line, &next)) {
		if (open->end)
			take_smaps_line(open, line);
		return false;
	}
	*area = *open;
	*open = line ? next : (struct map_area){};
	return area->end != 0;
}

/* ---- page tables ---- */

uint64_t pagemap_pfn(uint64_t entry)
{
	return entry & ENTRY_PRESENT ? entry & ENTRY_PFN : 0;
}

ssize_t pagemap_read(int pagemap, uint64_t addr, uint64_t *entries, size_t cnt)
{
	ssize_t got = pread(pagemap, entries, cnt * sizeof(*entries),
			    (addr >> PAGE_SHIFT) * sizeof(*entries));

	return got < 0 ? -errno : (ssize_t)(got / sizeof(*entries));
}

struct walk {
	struct evidence_reader *reader;
	int pagemap;
	uint32_t proc;
	bool found;
};

static void take_pfn(struct walk *walk, uint64_t pfn)
{
	uint32_t *mapped_by = walk->reader->out->mapped_by;
	size_t hit = folio_index__find(&walk->reader->index, pfn);

	if (hit == SIZE_MAX)
		return;
	mapped_by[hit] = mappers__add(&walk->reader->mappers, mapped_by[hit], walk->proc);
	walk->found = true;
}

/* Reads [start, end) until the pages seen make up the given bytes. */
static int read_range(struct walk *walk, uint64_t start, uint64_t end, uint64_t bytes)
{
	uint64_t *entries = walk->reader->entries, pages = bytes >> PAGE_SHIFT;

	while (start < end && pages) {
		uint64_t want = (end - start) >> PAGE_SHIFT;
		ssize_t got = pagemap_read(walk->pagemap, start, entries,
					   want < PAGEMAP_ENTRIES ? want : PAGEMAP_ENTRIES);

		if (got <= 0)
			return got;
		for (ssize_t i = 0; i < got; i++) {
			uint64_t pfn = pagemap_pfn(entries[i]);

			if (!pfn)
				continue;
			take_pfn(walk, pfn);
			pages--;
		}
		start += (uint64_t)got << PAGE_SHIFT;
	}
	return 0;
}

/* -ENOTTY: the kernel, or the file, does not know how. */
static int scan_range(struct walk *walk, uint64_t start, uint64_t end)
{
	struct scan_region regions[SCAN_REGIONS];
	int err = 0;

	while (start < end && !err) {
		uint64_t at = start;
		int cnt = pagemap_scan(walk->pagemap, &at, end, regions, SCAN_REGIONS);

		if (cnt < 0)
			return -errno;
		for (int i = 0; i < cnt && !err; i++)
			err = read_range(walk, regions[i].start, regions[i].end, UINT64_MAX);
		if (at <= start)
			break;
		start = at;
	}
	return err;
}

static int read_area(struct walk *walk, const struct map_area *area)
{
	int err = -ENOTTY;

	if (area->skip || !area->bytes)
		return 0;
	if (walk->reader->source->has_scan && area->end - area->start >= SCAN_FROM)
		err = scan_range(walk, area->start, area->end);
	if (err == -ENOTTY && area->end - area->start > READ_MOST)
		return -EFBIG;
	return err == -ENOTTY ? read_range(walk, area->start, area->end, area->bytes) : err;
}

int evidence_maps__read(struct evidence_reader *reader, int dir, uint32_t proc, bool *found)
{
	const char *name = reader->source->has_scan ? "maps" : "smaps";
	cleanup_fd int pagemap = openat(dir, "pagemap", O_RDONLY | O_CLOEXEC);
	struct walk walk = { .reader = reader, .pagemap = pagemap, .proc = proc };
	struct map_area open_area = {}, area;
	cleanup_file FILE *maps = NULL;
	cleanup_free char *line = NULL;
	size_t room = 0;
	int err = 0, too_big = 0;
	bool more;

	if (pagemap < 0)
		return -errno;
	if (reader->source->hides_pfns)
		return -EPERM;
	maps = open_at(dir, name);
	if (!maps)
		return -errno;
	do {
		more = getline(&line, &room, maps) > 0;
		if (map_area__feed(&open_area, more ? line : NULL, &area))
			err = read_area(&walk, &area);
		if (err == -EFBIG) { /* the other areas can be read all the same */
			too_big = err;
			err = 0;
		}
	} while (more && !err);
	*found = walk.found;
	return err ?: too_big;
}
