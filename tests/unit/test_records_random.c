// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plan call's matching against a made-up machine whose truth is known: owners
 * pin and let go at random, before, while and after a scan passes over each
 * page. What is not called inferred must be true; where nobody ever let go,
 * nothing may be left in doubt.
 */
#include <stdio.h>

#include "records_world.h"

#define PAGES 5
#define OWNERS 3
#define BUFFERS 7 /* of each owner: an address, and the pages behind it */
#define SCANS 13
#define ROUNDS 2003
#define FIRST_PFN 10
#define FIRST_INDEX 7

struct buffer {
	uint32_t first, cnt, pins; /* pages, and how often they are pinned now */
};

struct machine {
	struct world *w;
	uint64_t seed;
	struct buffer buffers[OWNERS][BUFFERS];
	uint32_t held[PAGES][OWNERS]; /* pins now */
	uint32_t seen[PAGES][OWNERS]; /* as the last scan passed */
	bool released[PAGES];	      /* somebody has let go of it, ever */
	size_t plain, doubts;	      /* claims on pages that nobody let go of */
};

static uint32_t any(struct machine *m, uint32_t below)
{
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (m->seed >> 33) % below;
}

/* The map may have lost a record to the garbage collector: the next call makes a new one. */
static struct gup_record *record_of(struct machine *m, uint32_t owner, uint32_t b)
{
	struct buffer *buffer = &m->buffers[owner][b];

	for (size_t i = 0; i < m->w->live_cnt; i++)
		if (m->w->live[i].key.start == 0x1000 * (b + 1ULL) &&
		    m->w->live[i].record.owner == owner + 1) {
			again(m->w, &m->w->live[i].record);
			return &m->w->live[i].record;
		}
	return call(m->w, owner + 1, 0x1000 * (b + 1ULL), 0x80, FIRST_INDEX + buffer->first,
		    buffer->cnt, FIRST_PFN + buffer->first);
}

static void pin(struct machine *m, bool long_only)
{
	uint32_t owner = any(m, OWNERS), b = any(m, BUFFERS);
	struct buffer *buffer = &m->buffers[owner][b];
	struct gup_record *record = record_of(m, owner, b);

	if (b % 2 && !long_only)
		record->notes = 0;
	buffer->pins++;
	for (uint32_t i = 0; i < buffer->cnt; i++)
		m->held[buffer->first + i][owner]++;
}

static void release(struct machine *m)
{
	uint32_t owner = any(m, OWNERS);
	struct buffer *buffer = &m->buffers[owner][any(m, BUFFERS)];

	if (!buffer->pins)
		return;
	buffer->pins--;
	for (uint32_t i = 0; i < buffer->cnt; i++) {
		m->held[buffer->first + i][owner]--;
		m->released[buffer->first + i] = true;
	}
}

static void act(struct machine *m, bool releases)
{
	for (uint32_t i = any(m, 3); i > 0; i--) {
		if (releases && any(m, 2))
			release(m);
		else if (any(m, 3))
			pin(m, !releases);
	}
}

/* A scan: what happens while it passes from page to page, it may see or not. */
static void scan_machine(struct machine *m, bool releases)
{
	struct world *w = m->w;
	uint64_t began = w->now += 10;

	w->hit_cnt = 0;
	for (uint32_t page = 0; page < PAGES; page++) {
		uint32_t pins = 0;

		act(m, releases);
		memcpy(m->seen[page], m->held[page], sizeof(m->seen[page]));
		for (uint32_t owner = 0; owner < OWNERS; owner++)
			pins += m->held[page][owner];
		if (pins)
			pinned(w, FIRST_PFN + page, 0x80, FIRST_INDEX + page, pins);
	}
	act(m, releases);
	restart(w);
	assert_int_equal(records__load(w->records, w->live, w->live_cnt, NULL, 0), 0);
	assert_int_equal(records__match(w->records, w->hits, w->hit_cnt, began, NULL, 0), 0);
	gc(w);
	w->now += 10;
}

static void check_hit(struct machine *m, size_t i)
{
	uint32_t page = m->w->hits[i].pfn - FIRST_PFN;
	uint64_t sum = 0, named[OWNERS + 1] = {};
	bool doubt = false;
	size_t cnt;
	const struct claim *claims = records__claims(m->w->records, i, &cnt);

	for (size_t c = 0; c < cnt; c++) {
		assert_in_range(claims[c].owner, 1, OWNERS);
		sum += claims[c].pins;
		named[claims[c].owner] += claims[c].pins;
		doubt |= claims[c].inferred;
	}
	assert_int_equal(sum, m->w->hits[i].pins);
	for (uint32_t owner = 0; owner < OWNERS && !doubt; owner++)
		assert_int_equal(named[owner + 1], m->seen[page][owner]);
	if (m->released[page])
		return;
	m->plain++;
	m->doubts += doubt;
}

static void run_machine(struct machine *m, bool releases)
{
	for (uint32_t owner = 0; owner < OWNERS; owner++)
		for (uint32_t b = 0; b < BUFFERS; b++) {
			uint32_t first = any(m, PAGES);

			m->buffers[owner][b] =
				(struct buffer){ first, 1 + any(m, PAGES - first), 0 };
		}
	for (int i = 0; i < SCANS; i++) {
		act(m, releases);
		scan_machine(m, releases);
		for (size_t h = 0; h < m->w->hit_cnt; h++)
			check_hit(m, h);
	}
	/* Quiet by now: what calls during the scan left open is told. */
	m->w->now += 100;
	for (int i = 0; i < 2; i++) {
		for (uint32_t page = 0; page < PAGES; page++)
			memcpy(m->seen[page], m->held[page], sizeof(m->seen[page]));
		m->w->hit_cnt = 0;
		for (uint32_t page = 0; page < PAGES; page++) {
			uint32_t pins = 0;

			for (uint32_t owner = 0; owner < OWNERS; owner++)
				pins += m->held[page][owner];
			if (pins)
				pinned(m->w, FIRST_PFN + page, 0x80, FIRST_INDEX + page, pins);
		}
		m->plain = m->doubts = 0;
		scan(m->w);
		for (size_t h = 0; h < m->w->hit_cnt; h++)
			check_hit(m, h);
	}
}

static void run_rounds(void **state, bool releases)
{
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		struct machine m = { .w = *state, .seed = round };

		run_machine(&m, releases);
		if (!releases) {
			assert_true(m.plain > 0);
			assert_int_equal(m.doubts, 0);
		}
		teardown(state);
		setup(state);
	}
}

static void test_with_releases(void **state)
{
	run_rounds(state, true);
}

static void test_without_releases(void **state)
{
	run_rounds(state, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_with_releases),
		TEST(test_without_releases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) |
	       cmocka_run_group_tests_name("restarts", tests, restarting, NULL);
}
