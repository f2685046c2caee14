/* SPDX-License-Identifier: GPL-2.0-only */
/* A made-up machine for test_records.c: records of calls, pinned folios, scans. */
#ifndef RECORDS_WORLD_H
#define RECORDS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "records.h"

#define VMEMMAP 0xffffea0000000000ULL
#define PAGE_BYTES 64ULL
#define MAX 600

enum { A = 3, B = 5, C = 7 }; /* owners */

/* A machine: scans are at times 100, 200, ...; calls in between. */
struct world {
	struct records *records;
	struct gup_spill live[MAX], spilled[MAX];
	size_t live_cnt, spilled_cnt;
	struct scan_hit hits[MAX];
	size_t hit_cnt;
	uint64_t now;
	struct owner_class classes[16];
	size_t class_cnt;
};

static bool restarts; /* another process goes on before each scan */

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->records = records__new(VMEMMAP, PAGE_BYTES);
	w->now = 1000;
	*state = w;
	return w->records ? 0 : -1;
}

/* Group setup: from now on. */
static inline int restarting(void **state)
{
	(void)state;
	restarts = true;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	records__free(w->records);
	free(w);
	return 0;
}

static uint64_t page_of(uint64_t pfn)
{
	return VMEMMAP + pfn * PAGE_BYTES;
}

/* A call: pages of a mapping from index on, whose first and last have these page frame numbers. */
static struct gup_record *call(struct world *w, uint32_t owner, uint64_t start, uint64_t mapping,
			       uint64_t index, uint32_t pages, uint64_t pfn)
{
	struct gup_spill *s = &w->live[w->live_cnt++];

	w->now++;
	*s = (struct gup_spill){
		.key = { 0x1000 + owner, start },
		.record = {
			.first_ns = w->now,
			.last_ns = w->now,
			.page = page_of(pfn),
			.last_page = page_of(pfn + pages - 1),
			.m0 = mapping,
			.i0 = index,
			.pages = pages,
			.owner = owner,
			.calls = 1,
			.notes = GUP_RECORD_LONGTERM,
		},
	};
	return &s->record;
}

static inline void again(struct world *w, struct gup_record *record)
{
	record->calls++;
	record->last_ns = ++w->now;
}

static struct scan_hit *pinned(struct world *w, uint64_t pfn, uint64_t mapping, uint64_t index,
			       uint32_t pins)
{
	struct scan_hit *hit = &w->hits[w->hit_cnt++];

	*hit = (struct scan_hit){
		.pfn = pfn,
		.mapping = mapping,
		.index = index,
		.pins = pins,
		.certain = true,
		.kind = mapping ? MEM_ANON : MEM_KERNEL,
	};
	return hit;
}

static int take_live(void *ctx, const struct gup_record_key *key, struct gup_record *record)
{
	struct world *w = ctx;

	for (size_t i = 0; i < w->live_cnt; i++) {
		if (memcmp(&w->live[i].key, key, sizeof(*key)))
			continue;
		*record = w->live[i].record;
		w->live[i] = w->live[--w->live_cnt];
		return 0;
	}
	return -2;
}

static void restart(struct world *w)
{
	void *bytes;
	size_t cnt;

	if (!restarts)
		return;
	assert_int_equal(records__save(w->records, &bytes, &cnt), 0);
	records__free(w->records);
	w->records = records__new(VMEMMAP, PAGE_BYTES);
	assert_non_null(w->records);
	assert_int_equal(records__restore(w->records, bytes, cnt), 0);
	free(bytes);
}

static void match(struct world *w)
{
	restart(w);
	w->now += 10;
	assert_int_equal(
		records__load(w->records, w->live, w->live_cnt, w->spilled, w->spilled_cnt), 0);
	assert_int_equal(
		records__match(w->records, w->hits, w->hit_cnt, w->now, w->classes, w->class_cnt),
		0);
	w->now += 10;
	w->spilled_cnt = 0;
}

/* Did a record change that was dropped? */
static bool gc(struct world *w)
{
	bool changed;

	records__gc(w->records, take_live, w, &changed);
	return changed;
}

/* A scan, with all that goes with it. */
static void scan(struct world *w)
{
	match(w);
	gc(w);
}

/* Hit i has these pins of this owner, and that is all. */
static inline void only(struct world *w, size_t i, uint32_t owner, uint64_t pins, bool inferred)
{
	size_t cnt;
	const struct claim *claims = records__claims(w->records, i, &cnt);

	assert_int_equal(cnt, pins ? 1 : 0);
	if (!pins)
		return;
	assert_int_equal(claims[0].owner, owner);
	assert_int_equal(claims[0].pins, pins);
	assert_int_equal(claims[0].inferred, inferred);
}

/* Hit i: pins of owner, and the sum of all claims is what the hit has. */
static inline void has(struct world *w, size_t i, uint32_t owner, uint64_t pins, bool inferred)
{
	uint64_t sum = 0, found = 0;
	size_t cnt;
	const struct claim *claims = records__claims(w->records, i, &cnt);

	for (size_t c = 0; c < cnt; c++) {
		sum += claims[c].pins;
		if (claims[c].owner != owner)
			continue;
		found += claims[c].pins;
		assert_int_equal(claims[c].inferred, inferred);
	}
	assert_int_equal(found, pins);
	assert_int_equal(sum, w->hits[i].pins);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
