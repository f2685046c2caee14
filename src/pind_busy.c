// SPDX-License-Identifier: GPL-2.0-only
/*
 * "PFNs busy" is asked when the culprit has gone: here the pinned folios of such
 * a range are looked up at once, and the last answers kept. See pind_impl.h.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "busy.h"
#include "pind_impl.h"
#include "scan.h"
#include "snapshot_busy.h"
#include "util.h"

#define NS_PER_S 1000000000ULL
#define ANSWERS 64		/* kept */
#define ASKED 16		/* answered by one look */
#define GAP_NS NS_PER_S		/* between two looks */
#define SAME_NS (60 * NS_PER_S) /* the same range within that time is the same trouble */

struct asked {
	struct pfn_range range;
	const char *by;
	uint64_t real_ns;
};

struct pind_busy {
	struct busy *busy;
	struct asked asked[ASKED];
	size_t asked_cnt;
	struct snapshot *answers[ANSWERS]; /* with one busy range each, oldest first */
	size_t answer_cnt;
	uint64_t next_ns;
};

struct pind_busy *pind_busy__open(void)
{
	struct pind_busy *busy = calloc(1, sizeof(*busy));

	if (busy)
		busy->busy = busy__open();
	if (!busy || !busy->busy)
		warn("can't listen for busy page frames");
	return busy;
}

void pind_busy__close(struct pind_busy *busy)
{
	if (!busy)
		return;
	for (size_t i = 0; i < busy->answer_cnt; i++)
		snapshot__free(busy->answers[i]);
	busy__close(busy->busy);
	free(busy);
}

int pind_busy__fd(const struct pind_busy *busy, uint64_t now_ns)
{
	return busy && busy->busy && now_ns >= busy->next_ns ? busy__fd(busy->busy) : -1;
}

static bool is_known(struct pind_busy *busy, const struct asked *asked)
{
	for (size_t i = 0; i < busy->answer_cnt; i++) {
		struct busy_range *range = busy->answers[i]->busy;

		if (range->start_pfn != asked->range.start || range->end_pfn != asked->range.end ||
		    asked->real_ns - range->last_ns > SAME_NS)
			continue;
		range->times++;
		range->last_ns = asked->real_ns;
		return true;
	}
	for (size_t i = 0; i < busy->asked_cnt; i++)
		if (!memcmp(&busy->asked[i].range, &asked->range, sizeof(asked->range)))
			return true;
	return false;
}

static void ask(void *ctx, uint64_t start_pfn, uint64_t end_pfn, const char *by)
{
	const struct asked asked = { { start_pfn, end_pfn }, by, clock_ns(CLOCK_REALTIME) };
	struct pind_busy *busy = ctx;

	if (!is_known(busy, &asked) && busy->asked_cnt < ASKED)
		busy->asked[busy->asked_cnt++] = asked;
}

static int by_start(const void *left, const void *right)
{
	const struct pfn_range *l = left, *r = right;

	return l->start < r->start ? -1 : l->start > r->start;
}

/* Ascending and apart; how many. */
static size_t merge(const struct pind_busy *busy, struct pfn_range ranges[ASKED])
{
	size_t cnt = 0;

	for (size_t i = 0; i < busy->asked_cnt; i++)
		ranges[i] = busy->asked[i].range;
	qsort(ranges, busy->asked_cnt, sizeof(*ranges), by_start);
	for (size_t i = 0; i < busy->asked_cnt; i++) {
		if (!cnt || ranges[i].start > ranges[cnt - 1].end)
			ranges[cnt++] = ranges[i];
		else if (ranges[i].end > ranges[cnt - 1].end)
			ranges[cnt - 1].end = ranges[i].end;
	}
	return cnt;
}

/* What the tracker has recorded, and of the rest what a scan finds. */
static void answer(struct pind_busy *busy, const struct asked *asked,
		   const struct snapshot *recorded, const struct snapshot *found)
{
	struct busy_range range = {
		.first_ns = asked->real_ns,
		.last_ns = asked->real_ns,
		.times = 1,
		.start_pfn = asked->range.start,
		.end_pfn = asked->range.end,
		.by = asked->by,
	};
	struct snapshot *snap = snapshot__new();
	struct busy_range *kept;

	if (!snap)
		return;
	kept = snapshot__add_busy(snap, &range);
	if (recorded)
		snapshot__busy_holders(snap, kept, recorded, NULL);
	if (found)
		snapshot__busy_holders(snap, kept, found, recorded);
	if (busy->answer_cnt == ANSWERS) {
		snapshot__free(busy->answers[0]);
		busy->answer_cnt--;
		memmove(busy->answers, busy->answers + 1,
			busy->answer_cnt * sizeof(*busy->answers));
	}
	busy->answers[busy->answer_cnt++] = snap;
}

void pind_busy__serve(struct pind_busy *busy, struct pind_source *source, uint64_t now_ns)
{
	struct pfn_range ranges[ASKED];
	struct snapshot *recorded, *found;

	if (pind_busy__fd(busy, now_ns) < 0 || busy__take(busy->busy, ask, busy) ||
	    !busy->asked_cnt)
		return;
	recorded = pind_source__look(source);
	found = pind_source__explain(source, ranges, merge(busy, ranges));
	for (size_t i = 0; i < busy->asked_cnt; i++)
		answer(busy, &busy->asked[i], recorded, found);
	busy->asked_cnt = 0;
	snapshot__free(recorded);
	snapshot__free(found);
	busy->next_ns = now_ns + GAP_NS;
}

void pind_busy__show(const struct pind_busy *busy, struct snapshot *snap)
{
	for (size_t i = 0; busy && i < busy->answer_cnt; i++)
		snapshot__add_busy(snap, busy->answers[i]->busy);
}
