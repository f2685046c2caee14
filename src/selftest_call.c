// SPDX-License-Identifier: GPL-2.0-only
/* The self-test of plan call: see selftest.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "selftest_impl.h"
#include "util.h"

/*
 * Pages of the record of a call that began at this memory; 0 = there is none.
 * memfd_pin_folios() knows no address; its records' keys are odd.
 */
static int recorded_pages(struct tracker *tracker, const struct hold *hold, uint64_t *pages)
{
	cleanup_free struct gup_spill *items = NULL;
	size_t cnt;
	int err = tracker__records(tracker, &items, &cnt);

	*pages = 0;
	for (size_t i = 0; i < cnt && !err; i++)
		if (items[i].record.tgid == (uint32_t)getpid() &&
		    (items[i].key.start == (uintptr_t)hold->addr || items[i].key.start & 1))
			*pages = items[i].record.pages;
	return err;
}

/* Pins that the scan found and the records call ours, and those that they do not know. */
static int held_pins(struct calls *calls, struct tracker *tracker, uint64_t *own, bool *inferred)
{
	cleanup_free struct gup_owner *owners = NULL;
	struct calls_view view;
	size_t owner_cnt;
	int err = calls__scan(calls);

	*own = 0;
	*inferred = false;
	if (!err)
		err = tracker__owners(tracker, &owners, &owner_cnt);
	if (err)
		return err;
	view = calls__view(calls);
	for (size_t i = 0; i < view.scan->hit_cnt; i++) {
		size_t cnt;
		const struct claim *claims = records__claims(view.records, i, &cnt);

		for (size_t c = 0; c < cnt; c++)
			for (size_t o = 0; o < owner_cnt; o++) {
				if (owners[o].id != claims[c].owner ||
				    owners[o].key.tgid != (uint32_t)getpid())
					continue;
				*own += claims[c].pins;
				*inferred |= claims[c].inferred;
			}
	}
	return 0;
}

/* Since v6.12 io_uring keeps one pin of a huge page, before one for each page. */
static bool is_right(const struct leg *leg, uint64_t pins)
{
	return pins == leg->pages || (leg->memory == MEMORY_THP && pins == 1);
}

static int check_held(struct calls *calls, struct tracker *tracker, const struct leg *leg,
		      struct selftest_result *result)
{
	uint64_t pins;
	bool inferred;
	int err = held_pins(calls, tracker, &pins, &inferred);

	if (err)
		return err;
	if (!is_right(leg, pins) || inferred)
		return selftest__disagree(result, leg, "pins found and known", pins, leg->pages,
					  inferred ? ", but not for certain" : "");
	return 0;
}

static int run_leg(struct calls *calls, struct tracker *tracker, const struct leg *leg,
		   struct selftest_result *result)
{
	uint64_t pages = 0;
	struct hold hold;
	int err = hold__begin(&hold, leg->way, NULL, leg->memory, leg->pages);

	if (!err)
		err = hold__pin(&hold, leg->way);
	if (!err)
		err = recorded_pages(tracker, &hold, &pages);
	if (!err && pages != leg->pages)
		err = selftest__disagree(result, leg, "pages recorded", pages, leg->pages, "");
	if (!err && !leg->way->transient)
		err = check_held(calls, tracker, leg, result);
	hold__unpin(&hold, leg->way);
	hold__end(&hold);
	return err;
}

int calls__selftest(struct calls *calls, struct tracker *tracker, struct selftest_result *result)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY }, limit;
	int err = 0;

	memset(result, 0, sizeof(*result));
	getrlimit(RLIMIT_MEMLOCK, &limit);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	for (size_t i = 0; i < LEGS && err != -EBADE; i++) {
		if (!leg__is_of(&selftest_legs[i], tracker))
			continue;
		err = run_leg(calls, tracker, &selftest_legs[i], result);
		if (err != -EBADE)
			selftest__list(err ? result->unverified : result->verified,
				       sizeof(result->verified), selftest_legs[i].name);
	}
	setrlimit(RLIMIT_MEMLOCK, &limit); /* the command under test inherits it */
	if (err != -EBADE && !result->verified[0]) {
		strcpy(result->failure, "no path could be tried");
		return -EBADE;
	}
	return err == -EBADE ? err : 0;
}
