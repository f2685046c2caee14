// SPDX-License-Identifier: GPL-2.0-only
/*
 * Second looks: pins that a moment later are gone were on their way, and no
 * reason to worry anybody. See snapshot_scan.h.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "snapshot_scan.h"
#include "util.h"

/* What io_uring's exit work and RCU take before they release. */
static const unsigned int looks_ms[] = { 20, 80, 200 };

#define LOOKS 65536 /* folios looked at together */

static void sleep_ms(uint64_t ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
}

/* No open file tells of it: it may be in motion. */
static bool is_doubtful(const struct scan_view *view, size_t hit)
{
	enum story story = scan_view__story(view, hit);

	return story == STORY_RESIDUE || story == STORY_MAPPED || story == STORY_FILE;
}

static size_t count_residue(const struct scan_view *view)
{
	size_t cnt = 0;

	for (size_t i = 0; i < view->scan->hit_cnt; i++)
		cnt += scan_view__story(view, i) == STORY_RESIDUE;
	return cnt;
}

/* The folios of hits [*from, ...) to look at, at most LOOKS of them; *from is the next one then. */
static size_t doubtful_ranges(const struct scan_view *view, struct pfn_range *ranges, size_t *from)
{
	size_t cnt = 0;

	for (; *from < view->scan->hit_cnt && cnt < LOOKS; ++*from) {
		const struct scan_hit *hit = &view->scan->hits[*from];

		if (is_doubtful(view, *from))
			ranges[cnt++] =
				(struct pfn_range){ hit->pfn, hit->pfn + (1ULL << hit->order) };
	}
	return cnt;
}

static bool still_there(const struct scan_hit *before, const struct scan_hit *now)
{
	return now->certain && now->pins && now->order == before->order &&
	       now->mapping == before->mapping && now->index == before->index &&
	       (before->mapcount > 0 || now->mapcount <= 0);
}

void scan_view__compare(struct scan_view *view, size_t from, size_t end,
			const struct scan_result *again, bool *gone)
{
	size_t at = 0;

	for (size_t i = from; i < end; i++) {
		const struct scan_hit *hit = &view->scan->hits[i];

		if (!is_doubtful(view, i))
			continue;
		while (at < again->hit_cnt && again->hits[at].pfn < hit->pfn)
			at++;
		gone[i] = at == again->hit_cnt || again->hits[at].pfn != hit->pfn ||
			  !still_there(hit, &again->hits[at]);
	}
}

/* Not all at once: a second look at a million folios would take as much memory as the first. */
static int look_again(struct scan_view *view, struct scanner *scanner, bool *gone)
{
	cleanup_free struct pfn_range *ranges = calloc(LOOKS, sizeof(*ranges));
	struct scan_options opts = { .ranges = ranges };
	int err = ranges ? 0 : -ENOMEM;

	for (size_t from = 0, end = 0; end < view->scan->hit_cnt && !err; from = end) {
		struct scan_result again = {};

		opts.range_cnt = doubtful_ranges(view, ranges, &end);
		if (!opts.range_cnt)
			break;
		err = scanner__run(scanner, &opts, &again);
		if (!err)
			scan_view__compare(view, from, end, &again, gone);
		scan_result__free(&again);
	}
	return err;
}

int scan_view__settle(struct scan_view *view, struct scanner *scanner, uint64_t min_age_ns)
{
	bool *gone = snapshot__alloc(view->snap, view->scan->hit_cnt + 1);
	uint64_t min_ms = min_age_ns / 1000000;
	int err = 0;

	view->gone = gone;
	for (size_t i = 0; i < ARRAY_SIZE(looks_ms) && !err; i++) {
		if (i && !count_residue(view))
			break;
		sleep_ms(i || min_ms < looks_ms[0] ? looks_ms[i] : min_ms);
		err = look_again(view, scanner, gone);
	}
	return err;
}
