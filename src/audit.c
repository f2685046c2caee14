// SPDX-License-Identifier: GPL-2.0-only
/*
 * The audit: which groups of pins are findings, how grave and how sure.
 *
 * Each group gets its state from the facts (audit_state.c), then each rule of
 * the table below looks for its findings. Words and advice: audit_advice.c.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "audit_impl.h"
#include "fmt.h"
#include "suppress.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define START_GRAIN_NS 10000000000ULL
#define NAMES_MAX 160 /* of a finding, for suppressions: two stacks of 64 and the rest */

/* A name within one rule: two findings of the same are told apart by a number. */
static uint64_t hash_str(uint64_t hash, const char *str)
{
	static const uint64_t prime = 0x100000001b3ULL;

	for (str = str ? str : ""; *str; str++)
		hash = (hash ^ (unsigned char)*str) * prime;
	return hash * prime; /* a NUL between strings */
}

static void name_finding(const struct audit *audit, struct finding *finding,
			 const struct process *owner, const struct stack *stack, const char *more)
{
	const struct snapshot *snap = audit->snap;
	const char *rule = rule_name(finding->rule);
	uint64_t hash = 0xcbf29ce484222325ULL;
	unsigned int same = 1;
	char number[64];
	size_t i;

	hash = hash_str(hash, rule);
	hash = hash_str(hash, snap->boot_id);
	/* the wall clock's start moves with the clock: to the nearest ten seconds only */
	snprintf(number, sizeof(number), "%u %llu", owner ? owner->pid : 0,
		 (unsigned long long)(!owner		     ? 0
				      : owner->start_boot_ns ? owner->start_boot_ns
							     : owner->started_ns / START_GRAIN_NS));
	hash = hash_str(hash, number);
	for (i = 0; stack && i < stack->frame_cnt; i++)
		hash = hash_str(hash, stack->frames[i].function);
	hash = hash_str(hash, more);
	snprintf(finding->id, sizeof(finding->id), "%s-%012llx", rule,
		 (unsigned long long)((hash >> 48) ^ (hash & 0xffffffffffffULL)));
	for (i = 0; i + 1 < snap->finding_cnt; i++)
		same += strncmp(snap->findings[i].id, finding->id, strlen(finding->id)) == 0;
	if (same > 1)
		snprintf(finding->id + strlen(finding->id), 12, "-%u", same);
}

static void add_evidence(struct audit *audit, struct finding *finding, const char *word)
{
	const char **slot = snapshot__append(audit->snap, &finding->evidence,
					     &finding->evidence_cnt, sizeof(*slot));

	*slot = word;
}

static void add_stack_names(const struct snapshot *snap, int stack, const char **names, size_t *cnt)
{
	size_t i;

	if (stack < 0)
		return;
	for (i = 0; i < snap->stacks[stack].frame_cnt && *cnt < NAMES_MAX - 16; i++)
		names[(*cnt)++] = snap->stacks[stack].frames[i].function;
}

/* Function, comm or path: all that a suppression's glob may name. */
static size_t names_of_group(const struct snapshot *snap, const struct group *group,
			     const char *names[NAMES_MAX])
{
	const struct process *owner = owner_of(snap, group);
	size_t cnt = 0, i;

	add_stack_names(snap, group->kernel_stack, names, &cnt);
	add_stack_names(snap, group->user_stack, names, &cnt);
	if (owner)
		names[cnt++] = owner->comm;
	names[cnt++] = group->through.path;
	for (i = 0; i < group->likely_cnt && cnt < NAMES_MAX - 4; i++)
		names[cnt++] = snap->processes[group->likely[i].process].comm;
	for (i = 0; i < group->memory_cnt && cnt < NAMES_MAX; i++)
		names[cnt++] = group->memory[i].file;
	return cnt;
}

static struct finding *add_finding(struct audit *audit, enum rule rule);

static void suppress(struct audit *audit, struct finding *finding, const char *const *names,
		     size_t cnt)
{
	const char *line;

	line = suppressions__match(audit->opts->suppressions, finding->rule, names, cnt);
	finding->suppressed_by = snapshot__str(audit->snap, line);
}

/*
 * Sockets in flight and io_uring's file tables hold files without any
 * descriptor; of a pin that came by no system call nothing is known.
 */
static bool may_hide(const struct group *group)
{
	return !group->file_released && (group->through.known || !group->through.syscall);
}

static const char *certainty_of(const struct audit *audit, const struct group *group,
				enum rule rule)
{
	const struct holder *holder = find_holder(audit->snap, group);
	const bool suspect[RULE_CNT] = {
		[RULE_LEAKED] = may_hide(group),
		[RULE_ORPHANED] = holder && holder->basis == BASIS_LIKELY,
		[RULE_HANDED_OVER] = holder && holder->basis == BASIS_LIKELY,
		[RULE_UNKNOWN_HOLDER] = true,
		[RULE_LEFT_BEHIND] = !audit->books_whole,
		[RULE_SHORT_HELD] = !audit->books_whole,
	};

	if (suspect[rule] || group->owner_basis == BASIS_LIKELY ||
	    group->owner_basis == BASIS_UNKNOWN)
		return "suspect";
	return group->owner_basis == BASIS_INFERRED ? "inferred" : "exact";
}

static void add_group_evidence(struct audit *audit, struct finding *finding,
			       const struct group *group)
{
	const struct process *owner = owner_of(audit->snap, group);
	const struct holder *holder = find_holder(audit->snap, group);
	const char *word = "open_files_not_all_readable";

	add_evidence(audit, finding,
		     !owner	     ? "owner_unknown"
		     : owner->exited ? "owner_exited"
				     : "owner_running");
	if (!owner || owner->exited) {
		if (holder)
			word = holder->basis == BASIS_LIKELY ? "open_file_likely_held_by_other"
							     : "open_file_held_by_other";
		else if (group->holders_complete && held_elsewhere(group))
			word = "may_be_held_elsewhere";
		else if (group->holders_complete)
			word = "no_open_file_found";
		add_evidence(audit, finding, word);
		add_evidence(audit, finding,
			     is_mapped(group) ? "mapped_by_other" : "mapped_by_nobody");
	}
	if (by_cmd(audit, group))
		add_evidence(audit, finding, "taken_by_cmd");
	if (group->owner_basis == BASIS_INFERRED)
		add_evidence(audit, finding, "owner_inferred");
	if (!audit->books_whole)
		add_evidence(audit, finding, "view_incomplete");
}

static bool too_small(const struct audit *audit, const struct group *group)
{
	uint64_t page = audit->snap->page_size ? audit->snap->page_size : 4096;
	uint64_t pages = group->q.bytes ? group->q.bytes / page : group->q.pins;

	/* a scan knows no age; what it calls suspicious it has looked at twice, that far apart */
	if (group->oldest_ns && age_ns(audit, group) < audit->opts->min_age_ns)
		return true;
	return pages < audit->opts->min_pages;
}

static struct finding *add_group_finding(struct audit *audit, enum rule rule, size_t at)
{
	struct snapshot *snap = audit->snap;
	const struct group *group = &snap->groups[at];
	const char *names[NAMES_MAX];
	struct finding *finding;

	if (too_small(audit, group))
		return NULL;
	finding = add_finding(audit, rule);
	finding->group = at;
	finding->certainty = certainty_of(audit, group, rule);
	finding->title = advise_title(snap, rule, group);
	finding->next = advise_next(snap, rule, group);
	finding->fix = advise_fix(rule, group);
	name_finding(audit, finding, owner_of(snap, group),
		     group->kernel_stack < 0 ? NULL : &snap->stacks[group->kernel_stack], NULL);
	add_group_evidence(audit, finding, group);
	suppress(audit, finding, names, names_of_group(snap, group, names));
	return finding;
}

/* Rules that are states: the facts have been weighed above. */
static void find_state(struct audit *audit, enum rule rule)
{
	static const enum state states[RULE_CNT] = {
		[RULE_LEAKED] = STATE_LEAKED,
		[RULE_ORPHANED] = STATE_ORPHANED,
		[RULE_HANDED_OVER] = STATE_HANDED_OVER,
		[RULE_UNKNOWN_HOLDER] = STATE_UNKNOWN_HOLDER,
		[RULE_LEFT_BEHIND] = STATE_LEFT_BEHIND,
		[RULE_SHORT_HELD] = STATE_SHORT_HELD,
	};
	size_t i;

	for (i = 0; i < audit->snap->group_cnt; i++)
		if (audit->snap->groups[i].state == states[rule])
			add_group_finding(audit, rule, i);
}

/* Why this memory must not be pinned long-term; NULL = it may be. */
static const char *why_forbidden(const struct group *group, const struct memory *memory)
{
	if (memory->zone && strcmp(memory->zone, "Movable") == 0)
		return "zone_movable";
	if (memory->cma)
		return "cma";
	if (memory->kind == MEM_FSDAX)
		return "fsdax";
	if (memory->kind == MEM_FILE && (group->flags & PIN_WRITE))
		return "file_needs_dirty_tracking";
	return NULL;
}

static void find_longterm_forbidden(struct audit *audit, enum rule rule)
{
	struct finding *finding;
	const struct group *group;
	const char *why;
	size_t i, m;

	for (i = 0; i < audit->snap->group_cnt; i++) {
		group = &audit->snap->groups[i];
		why = NULL;
		for (m = 0; (group->flags & PIN_LONGTERM) && m < group->memory_cnt && !why; m++)
			why = why_forbidden(group, &group->memory[m]);
		finding = why ? add_group_finding(audit, rule, i) : NULL;
		if (finding)
			add_evidence(audit, finding, why);
	}
}

static const char *const wrong_titles[] = {
	[WRONG_UNPIN_NOT_PINNED] = "unpinned, but not pinned",
	[WRONG_PUT_PAGE] = "released by put_page() instead of unpin",
	[WRONG_FREED_PINNED] = "freed while pinned",
};
static_assert(ARRAY_SIZE(wrong_titles) == WRONG_KIND_CNT, "each wrong release has a title");

static void find_wrong_release(struct audit *audit, enum rule rule)
{
	struct snapshot *snap = audit->snap;
	const struct wrong_release *wrong;
	const struct process *owner;
	const char *names[2] = { NULL, NULL };
	struct finding *finding;
	size_t i;

	for (i = 0; i < snap->wrong_cnt; i++) {
		wrong = &snap->wrongs[i];
		owner = wrong->process < 0 ? NULL : &snap->processes[wrong->process];
		names[0] = wrong->function;
		names[1] = owner ? owner->comm : NULL;
		finding = add_finding(audit, rule);
		finding->certainty = audit->books_whole ? "exact" : "suspect";
		finding->title = snapshot__printf(
			snap, "%s %s %s%s%s", fmt_count(wrong->pins).s,
			fmt_plural(wrong->pins, "pin").s, wrong_titles[wrong->kind],
			wrong->function ? ": " : "", wrong->function ? wrong->function : "");
		finding->fix = advise_wrong_fix(wrong->kind);
		name_finding(audit, finding, owner, NULL,
			     snapshot__printf(snap, "%s %s", wrong_kind_name(wrong->kind),
					      wrong->function ? wrong->function : "?"));
		add_evidence(audit, finding, wrong_kind_name(wrong->kind));
		if (!audit->books_whole)
			add_evidence(audit, finding, "view_incomplete");
		suppress(audit, finding, names, ARRAY_SIZE(names));
	}
}

static void find_degraded(struct audit *audit, enum rule rule)
{
	struct finding *finding = NULL;
	struct gap gaps[GAP_MAX];
	const char *names[GAP_MAX];
	size_t i, cnt = 0;

	find_gaps(&audit->snap->checks, gaps);
	for (i = 0; i < GAP_MAX; i++) {
		if (!gaps[i].found)
			continue;
		if (!finding)
			finding = add_finding(audit, rule);
		add_evidence(audit, finding, gaps[i].word);
		names[cnt++] = gaps[i].word;
	}
	if (!finding)
		return;
	finding->certainty = "exact";
	finding->title = audit->books_whole
				 ? "the view lacks details"
				 : "the view is incomplete: pins or releases were missed";
	name_finding(audit, finding, NULL, NULL, NULL);
	suppress(audit, finding, names, cnt);
}

/* THE TABLE of rules, in the order of the report's contract. */
static const struct rule_def {
	enum level level;
	const char *meaning;
	void (*find)(struct audit *audit, enum rule rule);
} rules[] = {
	[RULE_LEAKED] = { LEVEL_ERROR, "owner gone, nobody holds it", find_state },
	[RULE_ORPHANED] = { LEVEL_WARNING, "owner gone, an open file holds it unmapped",
			    find_state },
	[RULE_HANDED_OVER] = { LEVEL_NOTE, "owner gone, held and mapped by others", find_state },
	[RULE_UNKNOWN_HOLDER] = { LEVEL_WARNING, "owner gone, not all holders could be looked for",
				  find_state },
	[RULE_LEFT_BEHIND] = { LEVEL_ERROR, "taken by CMD, still there after the grace period",
			       find_state },
	[RULE_SHORT_HELD] = { LEVEL_NOTE, "not FOLL_LONGTERM, yet old", find_state },
	[RULE_LONGTERM_FORBIDDEN] = { LEVEL_WARNING, "FOLL_LONGTERM where it must not be",
				      find_longterm_forbidden },
	[RULE_WRONG_RELEASE] = { LEVEL_ERROR, "released otherwise than pinned",
				 find_wrong_release },
	[RULE_DEGRADED] = { LEVEL_NOTE, "something was missed, dropped or not hooked",
			    find_degraded },
};
static_assert(ARRAY_SIZE(rules) == RULE_CNT, "each rule is in the table");

const char *rule_meaning(enum rule rule)
{
	return rule < RULE_CNT ? rules[rule].meaning : "unknown";
}

static struct finding *add_finding(struct audit *audit, enum rule rule)
{
	struct snapshot *snap = audit->snap;
	struct finding *finding =
		snapshot__append(snap, &snap->findings, &snap->finding_cnt, sizeof(*finding));

	finding->rule = rule;
	finding->level = rules[rule].level;
	finding->group = -1;
	finding->first_seen_ns = audit->now_ns;
	return finding;
}

/* Largest memory first; what has no group comes after, graver first. Stable by id. */
static int compare_findings(const void *left, const void *right, void *arg)
{
	const struct finding *l = left, *r = right;
	const struct snapshot *snap = arg;
	uint64_t l_bytes = l->group < 0 ? 0 : snap->groups[l->group].q.bytes;
	uint64_t r_bytes = r->group < 0 ? 0 : snap->groups[r->group].q.bytes;

	if ((l->group < 0) != (r->group < 0))
		return l->group < 0 ? 1 : -1;
	if (l_bytes != r_bytes)
		return l_bytes < r_bytes ? 1 : -1;
	if (l->level != r->level)
		return l->level < r->level ? 1 : -1;
	return strcmp(l->id, r->id);
}

static void sum_up(struct audit *audit)
{
	struct snapshot *snap = audit->snap;
	const struct finding *finding;
	const char *unused, **slot;
	size_t i;

	for (i = 0; i < snap->finding_cnt; i++) {
		finding = &snap->findings[i];
		if (finding->suppressed_by) {
			snap->suppressed++;
			continue;
		}
		if (finding->level > snap->verdict)
			snap->verdict = finding->level;
		snap->leaks += finding->rule == RULE_LEAKED;
		snap->warned += finding->level >= LEVEL_WARNING;
		snap->noted += finding->level == LEVEL_NOTE;
	}
	snap->exit_code = snap->warned > 0;
	for (i = 0; (unused = suppressions__unused(audit->opts->suppressions, i)); i++) {
		slot = snapshot__append(snap, &snap->unused_suppressions,
					&snap->unused_suppression_cnt, sizeof(*slot));
		*slot = snapshot__str(snap, unused);
	}
}

/* What an earlier audit of the same snapshot left; its memory stays with the pool. */
static void forget(struct snapshot *snap)
{
	snap->verdict = LEVEL_OK;
	snap->leaks = snap->suppressed = snap->warned = snap->noted = 0;
	snap->exit_code = 0;
	snap->findings = NULL;
	snap->finding_cnt = 0;
	snap->unused_suppressions = NULL;
	snap->unused_suppression_cnt = 0;
}

void snapshot__audit(struct snapshot *snap, const struct audit_options *opts)
{
	struct audit audit = { .snap = snap, .opts = opts };
	size_t i;

	audit.now_ns = opts->now_ns ? opts->now_ns : snap->taken_ns;
	audit.books_whole = books_are_whole(&snap->checks);
	forget(snap);
	suppressions__restart(opts->suppressions);
	for (i = 0; i < snap->group_cnt; i++)
		snap->groups[i].state = state_of(&audit, &snap->groups[i]);
	for (i = 0; i < RULE_CNT; i++)
		rules[i].find(&audit, i);
	if (snap->finding_cnt)
		qsort_r(snap->findings, snap->finding_cnt, sizeof(*snap->findings),
			compare_findings, snap);
	sum_up(&audit);
}
