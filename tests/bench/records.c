// SPDX-License-Identifier: GPL-2.0-only
/*
 * records: what it costs plan call to find the owners of pinned folios, by how
 * many there are and from how many calls. One line each:
 *   gup-pin records FOLIOS CALLS NS-PER-FOLIO NS-PER-FOLIO-AGAIN BYTES-PER-FOLIO
 * the first time, when the calls are new, and the next, when all is known; CPU
 * time, and memory besides the scan's own (which has a hit for each folio).
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "records.h"
#include "util.h"

#define VMEMMAP 0xffffea0000000000ULL
#define PAGE_BYTES 64ULL
#define RUN 16 /* folios in line in physical memory; performance differs little by it */

static uint64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Where page i of the memory lies. */
static uint64_t pfn_of(size_t i)
{
	return 0x100000 + i + i / RUN;
}

static struct gup_spill *make_calls(size_t folios, size_t calls)
{
	struct gup_spill *items = calloc(calls, sizeof(*items));
	size_t each = folios / calls;

	for (size_t c = 0; items && c < calls; c++)
		items[c] = (struct gup_spill){
			.key = { 0x1000, c * each * 4096 },
			.record = {
				.first_ns = 1,
				.last_ns = 1,
				.page = VMEMMAP + pfn_of(c * each) * PAGE_BYTES,
				.last_page = VMEMMAP + pfn_of((c + 1) * each - 1) * PAGE_BYTES,
				.m0 = 0x80,
				.i0 = c * each,
				.pages = each,
				.owner = 1 + c % 1000,
				.calls = 1,
				.notes = GUP_RECORD_LONGTERM,
			},
		};
	return items;
}

static struct scan_hit *make_hits(size_t folios)
{
	struct scan_hit *hits = calloc(folios, sizeof(*hits));

	for (size_t i = 0; hits && i < folios; i++)
		hits[i] = (struct scan_hit){
			.pfn = pfn_of(i),
			.mapping = 0x80,
			.index = i,
			.pins = 1,
			.certain = true,
			.kind = MEM_ANON,
		};
	return hits;
}

static int take(void *ctx, const struct gup_record_key *key, struct gup_record *record)
{
	(void)ctx, (void)key, (void)record;
	return -2; /* there is no map */
}

/* CPU time of one scan's matching. */
static uint64_t match(struct records *records, const struct gup_spill *calls, size_t call_cnt,
		      const struct scan_hit *hits, size_t hit_cnt, uint64_t when)
{
	uint64_t begin = cpu_ns();
	bool changed;

	if (records__load(records, calls, call_cnt, NULL, 0) ||
	    records__match(records, hits, hit_cnt, when, NULL, 0))
		errx(4, "no memory");
	records__gc(records, take, NULL, &changed);
	return cpu_ns() - begin;
}

static void measure(size_t folios, size_t calls)
{
	cleanup_free struct gup_spill *items = make_calls(folios, calls);
	cleanup_free struct scan_hit *hits = make_hits(folios);
	struct records *records = records__new(VMEMMAP, PAGE_BYTES);
	uint64_t first, again;
	size_t cnt;

	if (!items || !hits || !records)
		errx(4, "no memory");
	first = match(records, items, calls, hits, folios, 10);
	again = match(records, NULL, 0, hits, folios, 20);
	for (size_t i = 0; i < folios; i++) {
		const struct claim *claims = records__claims(records, i, &cnt);

		if (cnt != 1 || !claims->owner || claims->inferred)
			errx(4, "folio %zu of %zu: not attributed", i, folios);
	}
	printf("gup-pin records %zu %zu %.1f %.1f %.1f\n", folios, calls, (double)first / folios,
	       (double)again / folios, (double)records__bytes(records) / folios);
	records__free(records);
}

int main(void)
{
	static const struct {
		size_t folios, calls;
	} sizes[] = {
		{ 1000, 1 },	{ 10000, 1 },	   { 100000, 1 },	{ 1000000, 1 },
		{ 2000000, 1 }, { 1000000, 1000 }, { 1000000, 100000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		measure(sizes[i].folios, sizes[i].calls);
	return 0;
}
