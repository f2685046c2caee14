// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plan call's matching against a made-up machine whose truth is known: owners
 * pin and let go at random, before, while and after a scan passes over each
 * page. What is not called inferred must be true; where nobody ever let go,
 * nothing may be left in doubt. Memory may be mapped anew: then other frames
 * have the same identity, and those from before may be pinned still.
 */
#include <stdio.h>

#include "records_world.h"

#define PAGES 5
#define TIMES 4 /* that the memory is mapped, at most */
#define FRAMES (TIMES * PAGES)
#define OWNERS 3
#define BUFFERS 7 /* of each owner: an address, and the pages behind it */
#define SCANS 13
#define ROUNDS 2003
#define FIRST_PFN 10
#define FIRST_INDEX 7

struct buffer {
	uint32_t first, cnt;  /* pages */
	uint32_t pins[TIMES]; /* how often they are pinned now, of each mapping */
};

struct machine {
	struct world *w;
	bool remaps;
	uint64_t seed;
	struct buffer buffers[OWNERS][BUFFERS];
	uint32_t now;		       /* the mapping that there is */
	uint32_t held[FRAMES][OWNERS]; /* pins now */
	uint32_t seen[FRAMES][OWNERS]; /* as the last scan passed */
	bool released[FRAMES];	       /* somebody has let go of it, ever */
	size_t plain, doubts;	       /* claims on pages that nobody let go of */
};

static uint32_t any(struct machine *m, uint32_t below)
{
	m->seed = m->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (m->seed >> 33) % below;
}

static uint64_t pfn_of(const struct machine *m, uint32_t page)
{
	return FIRST_PFN + m->now * PAGES + page;
}

/*
 * The map may have lost a record to the garbage collector: the next call makes a new one. One of
 * other frames gives way.
 */
static struct gup_record *record_of(struct machine *m, uint32_t owner, uint32_t b)
{
	struct buffer *buffer = &m->buffers[owner][b];
	struct world *w = m->w;

	for (size_t i = 0; i < w->live_cnt; i++) {
		if (w->live[i].key.start != 0x1000 * (b + 1ULL) ||
		    w->live[i].record.owner != owner + 1)
			continue;
		if (w->live[i].record.page == page_of(pfn_of(m, buffer->first))) {
			again(w, &w->live[i].record);
			return &w->live[i].record;
		}
		w->spilled[w->spilled_cnt++] = w->live[i];
		w->live[i] = w->live[--w->live_cnt];
		break;
	}
	return call(w, owner + 1, 0x1000 * (b + 1ULL), 0x80, FIRST_INDEX + buffer->first,
		    buffer->cnt, pfn_of(m, buffer->first));
}

static void pin(struct machine *m, bool long_only)
{
	uint32_t owner = any(m, OWNERS), b = any(m, BUFFERS);
	struct buffer *buffer = &m->buffers[owner][b];
	struct gup_record *record = record_of(m, owner, b);

	if (b % 2 && !long_only)
		record->notes = 0;
	buffer->pins[m->now]++;
	for (uint32_t i = 0; i < buffer->cnt; i++)
		m->held[m->now * PAGES + buffer->first + i][owner]++;
}

static void release(struct machine *m)
{
	uint32_t owner = any(m, OWNERS), time = any(m, m->now + 1);
	struct buffer *buffer = &m->buffers[owner][any(m, BUFFERS)];

	if (!buffer->pins[time])
		return;
	buffer->pins[time]--;
	for (uint32_t i = 0; i < buffer->cnt; i++) {
		m->held[time * PAGES + buffer->first + i][owner]--;
		m->released[time * PAGES + buffer->first + i] = true;
	}
}

static void act(struct machine *m, bool releases)
{
	if (m->remaps && m->now < TIMES - 1 && !any(m, 17))
		m->now++;
	for (uint32_t i = any(m, 3); i > 0; i--) {
		if (releases && any(m, 2))
			release(m);
		else if (any(m, 3))
			pin(m, !releases);
	}
}

/* A scan passes over a frame. */
static void pass(struct machine *m, uint32_t frame)
{
	uint32_t pins = 0;

	memcpy(m->seen[frame], m->held[frame], sizeof(m->seen[frame]));
	for (uint32_t owner = 0; owner < OWNERS; owner++)
		pins += m->held[frame][owner];
	if (pins)
		pinned(m->w, FIRST_PFN + frame, 0x80, FIRST_INDEX + frame % PAGES, pins);
}

/* A scan: what happens while it passes from page to page, it may see or not. */
static void scan_machine(struct machine *m, bool releases)
{
	struct world *w = m->w;
	uint64_t began = w->now += 10;

	w->hit_cnt = 0;
	for (uint32_t frame = 0; frame < FRAMES; frame++) {
		act(m, releases);
		pass(m, frame);
	}
	act(m, releases);
	restart(w);
	assert_int_equal(
		records__load(w->records, w->live, w->live_cnt, w->spilled, w->spilled_cnt), 0);
	w->spilled_cnt = 0;
	assert_int_equal(records__match(w->records, w->hits, w->hit_cnt, began, NULL, 0), 0);
	gc(w);
	w->now += 10;
}

static void check_hit(struct machine *m, size_t i)
{
	uint32_t frame = m->w->hits[i].pfn - FIRST_PFN;
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
		assert_int_equal(named[owner + 1], m->seen[frame][owner]);
	if (m->released[frame])
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
				(struct buffer){ first, 1 + any(m, PAGES - first), {} };
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
		m->w->hit_cnt = 0;
		for (uint32_t frame = 0; frame < FRAMES; frame++)
			pass(m, frame);
		m->plain = m->doubts = 0;
		scan(m->w);
		for (size_t h = 0; h < m->w->hit_cnt; h++)
			check_hit(m, h);
	}
}

static void run_rounds(void **state, bool releases, bool remaps)
{
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		struct machine m = { .w = *state, .seed = round, .remaps = remaps };

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
	run_rounds(state, true, false);
}

static void test_without_releases(void **state)
{
	run_rounds(state, false, false);
}

static void test_with_remaps(void **state)
{
	run_rounds(state, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_with_releases),
		TEST(test_without_releases),
		TEST(test_with_remaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) |
	       cmocka_run_group_tests_name("restarts", tests, restarting, NULL);
}
