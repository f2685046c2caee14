// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was pinned before tracking began, counted in struct page: the kernel's
 * counters say it, too, but not exactly unless every CPU is interrupted for it.
 */
#include <errno.h>

#include "background.h"
#include "scan.h"
#include "snapshot_impl.h"

#define TRIES 3

/* More pins than are booked, while the entry did not change? */
static uint64_t surplus(const struct tracker *tracker, uint64_t folio, uint64_t pins)
{
	struct gup_truth truth = { .folio = folio };
	struct gup_entry entry;

	for (int i = 0; i < TRIES; i++) {
		bool known = !tracker__entry(tracker, folio, &entry);
		uint64_t word = known ? entry.word : 0, booked = word & GUP_COUNT_MASK, held;

		if (tracker__truth(tracker, &truth, 1))
			return 0;
		if (!truth.stable || known != !tracker__entry(tracker, folio, &entry) ||
		    (known && entry.word != word))
			continue;
		/* Of a small page the scan has taken off what only looks like a pin. */
		held = truth_pins_of(&truth);
		held = held < pins ? held : pins;
		return held > booked ? held - booked : 0;
	}
	return 0;
}

static uint64_t count(const struct tracker *tracker, const struct scanner *scanner,
		      const struct scan_result *scan)
{
	uint64_t base = scanner__vmemmap(scanner), page = scanner__page_bytes(scanner), sum = 0;

	for (size_t i = 0; i < scan->hit_cnt; i++)
		if (scan->hits[i].certain)
			sum += surplus(tracker, base + scan->hits[i].pfn * page,
				       scan->hits[i].pins);
	return sum;
}

struct counting {
	const struct tracker *tracker;
	struct scanner *scanner;
	uint64_t max_pages_per_s;
	struct flow *flow;
};

static int scan_once(void *ctx)
{
	struct counting *counting = ctx;
	struct scan_options opts = { .max_pages_per_s = counting->max_pages_per_s };
	struct scan_result scan = {};
	int err = scanner__run(counting->scanner, &opts, &scan);

	if (!err) {
		counting->flow->out = count(counting->tracker, counting->scanner, &scan);
		counting->flow->out_known = true;
	}
	scan_result__free(&scan);
	return err;
}

int flow__read_before(const struct tracker *tracker, uint64_t max_pages_per_s, struct flow *flow)
{
	struct counting counting = { tracker, NULL, max_pages_per_s, flow };
	struct flow again;
	int err = 0;

	if (!tracker__facts(tracker)->has_cmpxchg)
		return flow__read_as_it_is(tracker, flow);
	counting.scanner = scanner__open();
	if (!counting.scanner)
		return -errno;
	/* What is released meanwhile must be in neither, or in both. */
	for (int i = 0; i < TRIES && !err; i++) {
		err = flow__read_as_it_is(tracker, flow);
		if (!err)
			err = background_run(scan_once, &counting);
		if (!err)
			err = flow__read_as_it_is(tracker, &again);
		if (!err && again.unmatched == flow->unmatched)
			break;
	}
	scanner__close(counting.scanner);
	return err;
}
