// SPDX-License-Identifier: GPL-2.0-only
/* See scan_counters.h. */
#include "scan_counters.h"

#include "resolve.h"

struct scan_counters scan_counters__read(bool as_they_are)
{
	struct scan_counters counters = {};

	if (as_they_are)
		counters.slack = 2 * vmstat__slack(); /* of both counters */
	else
		vmstat__refresh();
	counters.known = !vmstat__read(&counters.acquired, &counters.released);
	return counters;
}

void scan_counters__weigh(struct checks *checks, const struct scan_counters counters[2],
			  uint64_t pins, uint64_t undecided, bool biased)
{
	const struct scan_counters *before = &counters[0], *after = &counters[1];
	int64_t above, slack;

	checks->vmstat_known = before->known && after->known;
	if (!checks->vmstat_known)
		return;
	checks->vmstat_acquired = after->acquired;
	checks->vmstat_released = after->released;
	checks->moved_during_scan =
		after->acquired - before->acquired + after->released - before->released;
	above = (int64_t)(after->acquired - after->released) - (int64_t)pins;
	checks->above_scan_known = true;
	checks->above_scan = above;
	slack = checks->moved_during_scan + before->slack + after->slack;
	if (above < 0)
		checks->vmstat_agrees = -above <= slack || biased;
	else
		checks->vmstat_agrees =
			above <= slack + (int64_t)(undecided + checks->scan_left_out);
}

bool scan_counters__biased(void)
{
	struct ksyms *ksyms = ksyms__load();
	bool has = ksyms && (ksyms__addr(ksyms, "folio_add_pin", NULL) ||
			     ksyms__addr(ksyms, "folio_add_pins", NULL));

	ksyms__free(ksyms);
	return has;
}
