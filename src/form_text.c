// SPDX-License-Identifier: GPL-2.0-only
/*
 * The text report: the verdict first, the findings, what is none, the totals.
 * A line without content is left out. The findings' own lines are in
 * form_text_finding.c, sites and checks in form_text_sites.c and
 * form_text_checks.c; every line leaves through form_text_out.c.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "audit.h"
#include "fmt.h"
#include "form_text.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define USUAL_GROUPS 10

static const struct {
	const char *word, *color;
} levels[] = {
	[LEVEL_OK] = { "OK", "\033[32m" },
	[LEVEL_NOTE] = { "NOTE", "\033[36m" },
	[LEVEL_WARNING] = { "WARNING", "\033[33m" },
	[LEVEL_ERROR] = { "ERROR", "\033[31m" },
};
static_assert(ARRAY_SIZE(levels) == LEVEL_CNT, "each level has its word");

/* The verdict after the amount; short, for one line of 80 columns. */
static const char *const causes[] = {
	[RULE_LEAKED] = "leaked: owner gone, nobody holds it",
	[RULE_ORPHANED] = "stays pinned for an exited process",
	[RULE_HANDED_OVER] = "of an exited process is used on",
	[RULE_UNKNOWN_HOLDER] = "stays pinned, holder unknown",
	[RULE_LEFT_BEHIND] = "left pinned by CMD",
	[RULE_SHORT_HELD] = "held long without FOLL_LONGTERM",
	[RULE_LONGTERM_FORBIDDEN] = "pinned where it must not be",
};

/* What CMD's tree still has, and what it took; events of its sites if nobody counted. */
struct cmd_sum {
	struct quantity left;
	uint64_t taken;
	bool releasing;
};

static struct cmd_sum sum_cmd(const struct snapshot *snap)
{
	struct cmd_sum sum = { .taken = snap->cmd_pins ? snap->cmd_pins
						       : snapshot__taken_by_cmd(snap) };
	const struct group *group;
	size_t i;

	for (i = 0; i < snap->group_cnt; i++) {
		group = &snap->groups[i];
		if (group->owner < 0 || !snap->processes[group->owner].in_tree)
			continue;
		sum.left.pins += group->q.pins;
		sum.left.bytes += group->q.bytes;
		sum.releasing |= group->state == STATE_RELEASING;
	}
	return sum;
}

/* Of pins that are no finding: who has them. */
static void put_owned(struct text *text)
{
	const struct snapshot *snap = text->snap;
	uint64_t releasing = 0;
	char whose[100] = "every pin has a living owner";

	for (size_t i = 0; i < snap->group_cnt; i++)
		if (snap->groups[i].state == STATE_RELEASING)
			releasing += snap->groups[i].q.bytes;
	if (releasing)
		snprintf(whose, sizeof(whose), "%s of it by exited processes, still being released",
			 fmt_bytes(releasing).s);
	if (snap->checks.pins_before)
		text__wrap(text, "  ", 0,
			   "%s pinned since tracking began, %s; %s %s from before it",
			   fmt_bytes(snap->pinned.bytes).s, whose,
			   fmt_count(snap->checks.pins_before).s,
			   snap->checks.pins_before == 1 ? "pin is" : "pins are");
	else
		text__wrap(text, "  ", 0, "%s pinned, %s", fmt_bytes(snap->pinned.bytes).s, whose);
}

static void put_ok(struct text *text)
{
	const struct snapshot *snap = text->snap;
	struct cmd_sum sum;

	if (is_by_scan(snap)) {
		text_scan_ok(text);
		return;
	}
	if (!snap->cmd) {
		put_owned(text);
		return;
	}
	sum = sum_cmd(snap);
	if (sum.left.pins)
		text__wrap(text, "  ", 0, "%s pinned by CMD %s", fmt_bytes(sum.left.bytes).s,
			   sum.releasing ? "still being released" : "left, none a finding");
	else if (sum.taken)
		text__wrap(text, "  ", 0, "nothing left pinned: %s %s taken by CMD, all released",
			   fmt_count(sum.taken).s, fmt_plural(sum.taken, "pin").s);
	else if (snap->checks.plan && !strcmp(snap->checks.plan, "call"))
		text__wrap(
			text, "  ", 0,
			"nothing that CMD pinned is left; plan call does not count what it took");
	else
		text__wrap(text, "  ", 0, "nothing left pinned: CMD took no pins");
}

/* The finding that names the cause: the first of the verdict's level. */
static const struct finding *leading(const struct snapshot *snap)
{
	size_t i;

	for (i = 0; i < snap->finding_cnt; i++)
		if (snap->findings[i].level == snap->verdict && !snap->findings[i].suppressed_by)
			return &snap->findings[i];
	return NULL;
}

/* Memory of all findings of this rule. */
static uint64_t rule_bytes(const struct snapshot *snap, enum rule rule)
{
	const struct finding *finding;
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < snap->finding_cnt; i++) {
		finding = &snap->findings[i];
		if (finding->rule == rule && finding->group >= 0 && !finding->suppressed_by)
			bytes += snap->groups[finding->group].q.bytes;
	}
	return bytes;
}

static uint64_t wrong_pins(const struct snapshot *snap)
{
	uint64_t pins = 0;
	size_t i;

	for (i = 0; i < snap->wrong_cnt; i++)
		pins += snap->wrongs[i].pins;
	return pins;
}

static void put_counts(char *counts, size_t room, const struct snapshot *snap)
{
	if (snap->warned)
		snprintf(counts, room, "%s %s, %u %s", fmt_count(snap->warned).s,
			 fmt_plural(snap->warned, "finding").s, snap->leaks,
			 fmt_plural(snap->leaks, "leak").s);
	else
		snprintf(counts, room, "%s %s", fmt_count(snap->noted).s,
			 fmt_plural(snap->noted, "note").s);
}

static void put_cause(struct text *text, const struct finding *lead)
{
	const struct snapshot *snap = text->snap;
	char counts[160];

	put_counts(counts, sizeof(counts), snap);
	if (lead->rule == RULE_DEGRADED && snap->checks.plan && !snap->checks.has_ledger)
		text__wrap(text, "  ", 0,
			   "%s pins taken, %s released: no ledger here to say which stay: %s",
			   fmt_count(snap->checks.events_acquired).s,
			   fmt_count(snap->checks.events_released).s, counts);
	else if (lead->rule == RULE_DEGRADED && snap->cmd)
		text__wrap(text, "  ", 0, "no leftover seen, but the view is incomplete: %s",
			   counts);
	else if (lead->rule == RULE_DEGRADED)
		text__wrap(text, "  ", 0, "%s pinned, but the view is incomplete: %s",
			   fmt_bytes(snap->pinned.bytes).s, counts);
	else if (lead->rule == RULE_WRONG_RELEASE)
		text__wrap(text, "  ", 0, "%s %s released wrongly: %s",
			   fmt_count(wrong_pins(snap)).s, fmt_plural(wrong_pins(snap), "pin").s,
			   counts);
	else
		text__wrap(text, "  ", 0, "%s %s: %s", fmt_bytes(rule_bytes(snap, lead->rule)).s,
			   snap->groups[lead->group].owner < 0 && lead->rule == RULE_ORPHANED
				   ? "stays pinned, mapped by nobody"
				   : causes[lead->rule],
			   counts);
}

void text_verdict(struct text *text)
{
	const struct finding *lead = leading(text->snap);
	enum level level = lead ? text->snap->verdict : LEVEL_OK;

	if (text->opts->color)
		fprintf(text->out, "%s%s\033[0m", levels[level].color, levels[level].word);
	else
		fputs(levels[level].word, text->out);
	text->width -= strlen(levels[level].word);
	if (lead)
		put_cause(text, lead);
	else
		put_ok(text);
	text->width += strlen(levels[level].word);
}

static void text_findings(struct text *text)
{
	const struct snapshot *snap = text->snap;
	size_t i, shown = 0, cnt = 0, most;

	for (i = 0; i < snap->finding_cnt; i++)
		cnt += !snap->findings[i].suppressed_by;
	most = text__top(text, cnt, cnt);
	for (i = 0; i < snap->finding_cnt && shown < most; i++)
		if (!snap->findings[i].suppressed_by)
			text_finding(text, &snap->findings[i], ++shown);
	if (cnt > most)
		text__section(text, "%s more %s: leave out --top", fmt_count(cnt - most).s,
			      fmt_plural(cnt - most, "finding").s);
}

static bool has_finding(const struct snapshot *snap, size_t group)
{
	size_t i;

	for (i = 0; i < snap->finding_cnt; i++)
		if (snap->findings[i].group == (int)group && !snap->findings[i].suppressed_by)
			return true;
	return false;
}

static const char *suppressed_by(const struct snapshot *snap, size_t group)
{
	size_t i;

	for (i = 0; i < snap->finding_cnt; i++)
		if (snap->findings[i].group == (int)group && snap->findings[i].suppressed_by)
			return snap->findings[i].suppressed_by;
	return NULL;
}

#define REMARK_MAX 512 /* longer ones are cut */

static void remark_owned(const struct snapshot *snap, const struct group *group, char *remark)
{
	const struct process *owner = &snap->processes[group->owner];
	uint64_t oldest = group->oldest_ns && group->oldest_ns < snap->taken_ns
				  ? snap->taken_ns - group->oldest_ns
				  : 0;
	int len;

	len = snprintf(remark, REMARK_MAX, "%s (pid %u)%s%s, oldest %s",
		       owner->comm ? owner->comm : "?", owner->pid,
		       group->through.path ? " through " : "",
		       group->through.path ? group->through.path : "", fmt_age(oldest).s);
	if (group->state == STATE_RELEASING && len < REMARK_MAX)
		snprintf(remark + len, REMARK_MAX - len, "; exited, released by %s",
			 release_work(group));
}

static void put_not_finding(struct text *text, size_t at)
{
	const struct snapshot *snap = text->snap;
	const struct group *group = &snap->groups[at];
	const char *line = suppressed_by(snap, at), *word = state_name(group->state);
	char prefix[TEXT_REMARK + 64], remark[REMARK_MAX];

	if (line)
		word = "suppressed";
	else if (group->state == STATE_IN_FLIGHT)
		word = "in flight";
	snprintf(prefix, sizeof(prefix), "   %-10s %-13s ", fmt_bytes(group->q.bytes).s, word);
	if (group->owner < 0)
		text_scan_remark(snap, group, remark, sizeof(remark));
	else
		remark_owned(snap, group, remark);
	text__wrap(text, prefix, TEXT_REMARK, "%s%s%s", remark, line ? "; " : "", line ? line : "");
}

static void text_not_findings(struct text *text)
{
	const struct snapshot *snap = text->snap;
	size_t i, cnt = 0, most, shown = 0;
	struct quantity rest = { 0 };

	for (i = 0; i < snap->group_cnt; i++)
		cnt += !has_finding(snap, i);
	if (!cnt)
		return;
	text__section(text, "Not findings");
	most = text__top(text, cnt, USUAL_GROUPS);
	for (i = 0; i < snap->group_cnt; i++) {
		if (has_finding(snap, i))
			continue;
		if (shown++ < most)
			put_not_finding(text, i);
		else
			rest.bytes += snap->groups[i].q.bytes;
	}
	if (cnt > most)
		text__wrap(text, "   ", 3, "%s more %s of %s together: -v lists them",
			   fmt_count(cnt - most).s, fmt_plural(cnt - most, "group").s,
			   fmt_bytes(rest.bytes).s);
}

void text_total(struct text *text, const char *label, const struct quantity *q, const char *remark)
{
	char table[160];

	snprintf(table, sizeof(table), "   %-12s %8s%10s%12s", label, fmt_count(q->pins).s,
		 fmt_count(q->folios).s, fmt_bytes(q->bytes).s);
	text__wrap(text, table, 49, "%s", remark);
}

static void text_totals(struct text *text)
{
	const struct snapshot *snap = text->snap;
	char share[80] = "";
	size_t i;

	text__section(text, "Totals              pins    folios      memory");
	if (snap->filter)
		text__wrap(text, "   ", 3, "only of what fits %s", snap->filter);
	if (snap->ram_bytes)
		snprintf(share, sizeof(share), "%.1f%% of %s RAM",
			 100.0 * snap->pinned.bytes / snap->ram_bytes,
			 fmt_bytes(snap->ram_bytes).s);
	text_total(text, "pinned", &snap->pinned, share);
	if (is_by_scan(snap)) {
		text_scan_totals(text);
		return;
	}
	text_total(text, "owner known", &snap->attributed, "");
	if (snap->unattributed.folios || snap->unattributed.pins)
		text_total(text, "unattributed", &snap->unattributed,
			   text->opts->verbose ? "" : "-v lists them");
	if (snap->checks.pins_before)
		text__wrap(text, "   ", 3, "from before tracking: %s %s, by unknown owners",
			   fmt_count(snap->checks.pins_before).s,
			   fmt_plural(snap->checks.pins_before, "pin").s);
	if (snap->maybe.folios)
		text_total(text, "maybe pinned", &snap->maybe, "undecidable");
	for (i = 0; i < snap->group_cnt; i++) {
		if (!snap->groups[i].shares_folios)
			continue;
		text__wrap(text, "   ", 3,
			   "groups overlap: their shared folios count once in these totals");
		break;
	}
}

static void text_command(struct text *text)
{
	const struct snapshot *snap = text->snap;
	char end[64] = "end unknown";

	if (!snap->cmd)
		return;
	if (snap->cmd_known_status && snap->cmd_signal)
		snprintf(end, sizeof(end), "killed by signal %d", snap->cmd_signal);
	else if (snap->cmd_known_status)
		snprintf(end, sizeof(end), "exit status %d", snap->cmd_status);
	text__section(text, "Command");
	text__line(text, "ran", "%s", snap->cmd);
	text__line(text, "ended", "%s, after %s; looked %s later", end, fmt_age(snap->ran_ns).s,
		   fmt_age(snap->waited_ns).s);
	if (snap->other_for_cmd.pins)
		text__line(text, "by others",
			   "%s %s, %s, done for CMD by servers that existed before",
			   fmt_count(snap->other_for_cmd.pins).s,
			   fmt_plural(snap->other_for_cmd.pins, "pin").s,
			   fmt_bytes(snap->other_for_cmd.bytes).s);
}

int form_text(FILE *out, const struct snapshot *snap, const struct text_options *opts)
{
	struct text text = { .out = out, .snap = snap, .opts = opts };

	text.width = opts->width ? opts->width : 80;
	text_verdict(&text);
	if (!opts->quiet) {
		text_findings(&text);
		text_not_findings(&text);
		text_totals(&text);
		text_zones(&text);
		text_pages(&text);
		text_busy(&text);
		text_command(&text);
		text_balance(&text);
		text_get_callers(&text);
		text_checks(&text);
	}
	if (fflush(out) || ferror(out))
		return -EIO;
	return text.err;
}
