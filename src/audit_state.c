// SPDX-License-Identifier: GPL-2.0-only
/*
 * The state of each group of pins, from facts alone: who lives, who holds the
 * file, who maps it, what the books missed, how long releases take.
 *
 * An incomplete view never produces "leaked": lost releases look exactly like
 * leaks. What becomes a finding is decided in audit.c.
 */
#include <string.h>

#include "audit.h"
#include "audit_impl.h"

#define SHORT_HELD_NS 10000000000ULL

static bool hooks_spoil_books(const struct checks *checks)
{
	size_t i;

	for (i = 0; i < checks->missing_cnt; i++)
		if (!checks->missing[i].harmless)
			return true;
	return checks->hooks_attached + checks->missing_cnt < checks->hooks_wanted;
}

void find_gaps(const struct checks *c, struct gap gaps[GAP_MAX])
{
	const struct gap found[GAP_MAX] = {
		{ "events_missed", c->recursion_misses > c->repaired, true },
		{ "ledger_full", c->map_full > 0, true },
		{ "owner_table_full", c->owners_full > 0, true },
		{ "process_table_full", c->processes_full > 0, true },
		{ "site_table_full", c->sites_full > 0, false },
		{ "stacks_lost", c->stacks_lost > 0, false },
		{ "hooks_missing", c->missing_cnt || c->hooks_attached < c->hooks_wanted,
		  hooks_spoil_books(c) },
		{ "vmstat_disagrees", c->vmstat_known && !c->vmstat_agrees, true },
		{ "no_ledger", c->plan && !c->has_ledger, true },
		{ "counts_in_motion", c->in_motion > 0, false },
	};

	memcpy(gaps, found, sizeof(found));
}

bool books_are_whole(const struct checks *checks)
{
	struct gap gaps[GAP_MAX];
	size_t i;

	find_gaps(checks, gaps);
	for (i = 0; i < GAP_MAX; i++)
		if (gaps[i].found && gaps[i].books)
			return false;
	return true;
}

const struct process *owner_of(const struct snapshot *snap, const struct group *group)
{
	return group->owner < 0 ? NULL : &snap->processes[group->owner];
}

bool is_mapped(const struct group *group)
{
	return group->mapped_by_cnt > 0 || group->mapped_folios > 0;
}

uint64_t age_ns(const struct audit *audit, const struct group *group)
{
	return group->oldest_ns && group->oldest_ns < audit->now_ns
		       ? audit->now_ns - group->oldest_ns
		       : 0;
}

/* When the pins of a dead owner begin to mean something. */
static uint64_t due_ns(const struct snapshot *snap, const struct group *group)
{
	const struct process *owner = owner_of(snap, group);
	uint64_t wait = snap->grace_ns;

	if (!owner || !owner->exited)
		return 0;
	/* whoever holds the open file holds it on purpose: no release is on its way */
	if (!find_holder(snap, group) && release_time_ns(group) > wait)
		wait = release_time_ns(group);
	return (owner->exited_ns ? owner->exited_ns : group->newest_ns) + wait;
}

bool by_cmd(const struct audit *audit, const struct group *group)
{
	const struct process *owner = owner_of(audit->snap, group);

	return audit->opts->cmd_mode && owner && owner->in_tree;
}

static enum state state_after_owner(const struct audit *audit, const struct group *group)
{
	if (due_ns(audit->snap, group) > audit->now_ns)
		return STATE_RELEASING;
	if (find_holder(audit->snap, group))
		return is_mapped(group) ? STATE_HANDED_OVER : STATE_ORPHANED;
	if (group->holders_complete && audit->books_whole && !held_elsewhere(group))
		return STATE_LEAKED;
	return by_cmd(audit, group) ? STATE_LEFT_BEHIND : STATE_UNKNOWN_HOLDER;
}

static enum state state_with_owner(const struct audit *audit, const struct group *group)
{
	bool longterm = group->flags & PIN_LONGTERM;
	uint64_t limit = audit->opts->short_held_ns ? audit->opts->short_held_ns : SHORT_HELD_NS;
	uint64_t age = age_ns(audit, group);

	/* I/O that began during the grace period is work, not a remainder */
	if (by_cmd(audit, group) && (longterm || age >= audit->snap->grace_ns))
		return STATE_LEFT_BEHIND;
	if (longterm)
		return STATE_HELD;
	return age > limit ? STATE_SHORT_HELD : STATE_IN_FLIGHT;
}

/*
 * Nobody saw these being pinned, so the words stay careful: memory that nobody
 * maps is a suspect at most, memory that a living process maps is that process'.
 */
static enum state state_by_evidence(const struct group *group)
{
	if (group->state == STATE_IN_FLIGHT)
		return STATE_IN_FLIGHT; /* gone at a second look */
	if (group->residue)
		return group->likely_cnt ? STATE_ORPHANED : STATE_UNKNOWN_HOLDER;
	return group->owner_basis == BASIS_LIKELY ? STATE_HELD : STATE_UNATTRIBUTED;
}

enum state state_of(const struct audit *audit, const struct group *group)
{
	const struct process *owner = owner_of(audit->snap, group);

	if (!owner)
		return state_by_evidence(group);
	return owner->exited ? state_after_owner(audit, group) : state_with_owner(audit, group);
}

uint64_t snapshot__settle_ns(const struct snapshot *snap, uint64_t now_ns)
{
	uint64_t due, longest = 0;
	size_t i;

	for (i = 0; i < snap->group_cnt; i++) {
		due = due_ns(snap, &snap->groups[i]);
		if (snap->groups[i].state == STATE_RELEASING && due > now_ns &&
		    due - now_ns > longest)
			longest = due - now_ns;
	}
	return longest;
}

bool snapshot__same_findings(const struct snapshot *a, const struct snapshot *b)
{
	if (a->finding_cnt != b->finding_cnt)
		return false;
	for (size_t i = 0; i < a->finding_cnt; i++) {
		const struct finding *x = &a->findings[i], *y = &b->findings[i];

		if (strcmp(x->id, y->id))
			return false;
		if (x->group >= 0 && y->group >= 0 &&
		    a->groups[x->group].q.pins != b->groups[y->group].q.pins)
			return false;
	}
	return true;
}
