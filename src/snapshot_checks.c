// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks that every snapshot carries: the kernel's counters beside ours,
 * what was lost, which hooks are there.
 */
#include <string.h>

#include "snapshot_impl.h"

int flow__read_as_it_is(const struct tracker *tracker, struct flow *flow)
{
	uint64_t cnt[GUP_STAT_CNT] = {};
	int err;

	memset(flow, 0, sizeof(*flow));
	flow->vm_slack = vmstat__slack();
	flow->vm_known = !vmstat__read(&flow->vm_acquired, &flow->vm_released);
	err = tracker__stats(tracker, cnt);
	flow->acquired = cnt[GUP_STAT_ACQUIRED];
	flow->released = cnt[GUP_STAT_RELEASED];
	flow->add_pins = cnt[GUP_STAT_ADD_PIN];
	flow->unmatched = cnt[GUP_STAT_UNMATCHED];
	flow->regained = cnt[GUP_STAT_REGAINED];
	tracker__misses(tracker, &flow->missed_acquires, &flow->missed_releases);
	return err;
}

int flow__read(const struct tracker *tracker, struct flow *flow)
{
	int err;

	vmstat__refresh();
	err = flow__read_as_it_is(tracker, flow);
	flow->vm_slack = 0;
	return err;
}

static int read_flow(const struct take *take, struct flow *flow)
{
	return take->opts->counters_as_they_are ? flow__read_as_it_is(take->tracker, flow)
						: flow__read(take->tracker, flow);
}

/* Without a hook that only names somebody the counts are still right. */
static bool only_names(const struct tracker *tracker, const char *func)
{
	const struct hook_choice *choice = tracker__hooks(tracker);

	for (size_t i = 0; i < choice->cnt; i++)
		if (!strcmp(choice->hooks[i]->func, func))
			return choice->hooks[i]->role > ROLE_RELEASE &&
			       !tracker__is_inlined(tracker, func);
	return false;
}

static const char *gap_reason(struct snapshot *snap, const struct tracker_gap *gap)
{
	return gap->err ? snapshot__printf(snap, "can't attach (%s)", strerror(-gap->err))
			: "left out on request";
}

/* Pins older than the tracker that are still there: releases that matched none of ours were theirs. */
static uint64_t pins_before(const struct flow *base, uint64_t unmatched)
{
	uint64_t out = base->out;

	if (!base->out_known) {
		if (!base->vm_known || base->vm_acquired <= base->vm_released + base->vm_slack)
			return 0;
		out = base->vm_acquired - base->vm_released;
	}
	return out > unmatched ? out - unmatched : 0;
}

static void fill_coverage(struct take *take)
{
	struct checks *checks = &take->snap->checks;
	const struct tracker_gap *gaps;
	size_t cnt;

	tracker__coverage(take->tracker, &checks->hooks_attached, &checks->hooks_wanted, &gaps,
			  &cnt);
	for (size_t i = 0; i < cnt; i++) {
		struct hook_gap *gap = snapshot__append(take->snap, &checks->missing,
							&checks->missing_cnt, sizeof(*gap));

		gap->function = gaps[i].func;
		gap->why = gap_reason(take->snap, &gaps[i]);
		gap->harmless = only_names(take->tracker, gaps[i].func);
	}
}

/* Acquires that no copy of a program saw. The counters are read while they move. */
static uint64_t lost_acquires(const struct flow *base, const struct flow *after)
{
	uint64_t missed = after->missed_acquires - base->missed_acquires;
	uint64_t regained = after->regained - base->regained;

	return missed > regained ? missed - regained : 0;
}

/*
 * The kernel's counters and ours are read one after the other, so on a busy
 * machine they agree when the kernel's lies between our readings before and
 * after. A known loss lifts the limit: it may be of many pages.
 */
static void fill_flow(struct take *take, const struct flow *before, const struct flow *after)
{
	const struct flow *base = take->opts->base;
	struct checks *checks = &take->snap->checks;
	uint64_t lost_pins = lost_acquires(base, after);
	uint64_t lost = lost_pins + after->missed_releases - base->missed_releases;
	uint64_t acquired, released, slack = base->vm_slack + after->vm_slack;

	checks->events_acquired = after->acquired - base->acquired;
	checks->events_released = after->released - base->released;
	checks->folio_add_pins = after->add_pins - base->add_pins;
	checks->recursion_misses = lost;
	checks->missed_acquires = lost_pins;
	/* Plan call sees no single pin: its scan is held against vmstat instead, in snapshot_call.c. */
	if (tracker__plan(take->tracker) == PLAN_CALL)
		return;
	checks->vmstat_known = base->vm_known && after->vm_known;
	if (!checks->vmstat_known)
		return;
	acquired = checks->vmstat_acquired = after->vm_acquired - base->vm_acquired;
	released = checks->vmstat_released = after->vm_released - base->vm_released;
	checks->vmstat_agrees = acquired + slack >= before->acquired - base->acquired &&
				(acquired <= checks->events_acquired + slack || lost_pins) &&
				released + slack >= before->released - base->released &&
				(released <= checks->events_released + slack || lost > lost_pins);
}

int take__checks(struct take *take)
{
	struct checks *checks = &take->snap->checks;
	uint64_t cnt[GUP_STAT_CNT] = {}, unmatched;
	struct flow before, after;
	int err = read_flow(take, &before);

	if (!err)
		err = read_flow(take, &after);
	if (!err)
		err = tracker__stats(take->tracker, cnt);
	if (err)
		return err;
	/* Pins in flight while the hooks were being attached are not from before tracking. */
	unmatched = after.unmatched - take->opts->base->unmatched;
	fill_flow(take, &before, &after);
	fill_coverage(take);
	checks->source = take->opts->source ? take->opts->source : "own tracker";
	checks->plan = hook_plan_name(tracker__plan(take->tracker));
	checks->has_ledger = tracker__facts(take->tracker)->has_cmpxchg;
	checks->tracking_since_ns = take->opts->since_ns;
	checks->map_full = cnt[GUP_STAT_MAP_FULL] + cnt[GUP_STAT_RETRIES_OUT] +
			   cnt[GUP_STAT_RECORDS_FULL] + cnt[GUP_STAT_SPILLS_LOST] +
			   cnt[GUP_STAT_PARTS_LOST] + cnt[GUP_STAT_CALLS_LOST];
	checks->owners_full = cnt[GUP_STAT_OWNERS_FULL];
	checks->processes_full = cnt[GUP_STAT_PROCS_LOST];
	checks->sites_full = cnt[GUP_STAT_SITES_LOST];
	checks->stacks_lost = cnt[GUP_STAT_STACKS_LOST];
	checks->stale_dropped += cnt[GUP_STAT_STALE];
	checks->unmatched_releases = unmatched;
	take__unknown_releases(take, unmatched, cnt[GUP_STAT_UNPINNED], take->opts->base,
			       checks->map_full + checks->recursion_misses + cnt[GUP_STAT_STALE],
			       take->unknown_sites_differ ? NULL : take->unknown_site);
	if (tracker__plan(take->tracker) == PLAN_CORE)
		checks->pins_before = pins_before(take->opts->base, unmatched);
	checks->api_unknown = cnt[GUP_STAT_API_UNKNOWN];
	checks->repaired = checks->stale_dropped;
	checks->cpu_percent = -1;
	checks->bpf_bytes = tracker__bytes(take->tracker);
	checks->selftest =
		snapshot__printf(take->snap, "%s%s%s", take->opts->selftest->verified,
				 take->opts->selftest->unverified[0] ? "; not tried: " : "",
				 take->opts->selftest->unverified);
	return 0;
}
