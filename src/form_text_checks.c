// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last section of the text report: what stands behind the figures, and
 * what was missed. See struct checks in snapshot.h.
 */
#include <string.h>

#include "fmt.h"
#include "form_text.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void line_age(struct text *text, const struct checks *checks)
{
	(void)checks;
	if (text->opts->age_ns)
		text__line(text, "age", "%s: the newest snapshot that gup-pind has",
			   fmt_age(text->opts->age_ns).s);
}

static void line_scan(struct text *text, const struct checks *checks)
{
	if (!checks->scanned_struct_pages)
		return;
	text__line(text, "scan", "%s struct pages in %s ms",
		   fmt_count(checks->scanned_struct_pages).s, fmt_count(checks->scan_ms).s);
	if (checks->scan_left_out)
		text__line(text, "", "%s pages left out: offline, absent or of devices",
			   fmt_count(checks->scan_left_out).s);
	if (checks->in_motion && !checks->plan)
		text__line(text, "", "%s folios changed while they were read",
			   fmt_count(checks->in_motion).s);
}

/* "agrees", or by how much not: what moved while the scan ran is allowed. */
static void line_vmstat_scan(struct text *text, const struct checks *checks)
{
	int64_t above = checks->above_scan, moved = checks->moved_during_scan;
	char apart[64], verdict[64] = "agrees";

	if (above)
		snprintf(apart, sizeof(apart), "%s %s the scan",
			 fmt_count(above < 0 ? -above : above).s, above < 0 ? "below" : "above");
	else
		snprintf(apart, sizeof(apart), "as the scan");
	if (!checks->vmstat_agrees)
		snprintf(verdict, sizeof(verdict), "DISAGREES by %s",
			 fmt_count((above < 0 ? -above : above) - moved).s);
	else if (above > moved && checks->scan_left_out)
		snprintf(verdict, sizeof(verdict), "may be of what was left out");
	else if (-above > moved)
		snprintf(verdict, sizeof(verdict), "within folio_add_pin's bias");
	text__line(text, "vmstat", "%s%s pins, %s; %s moved meanwhile: %s",
		   checks->vmstat_acquired < checks->vmstat_released ? "-" : "",
		   fmt_count(checks->vmstat_acquired < checks->vmstat_released
				     ? checks->vmstat_released - checks->vmstat_acquired
				     : checks->vmstat_acquired - checks->vmstat_released)
			   .s,
		   apart, fmt_count(moved).s, verdict);
}

static void line_vmstat(struct text *text, const struct checks *checks)
{
	char added[64] = "";

	if (!checks->vmstat_known)
		return;
	if (checks->above_scan_known) {
		line_vmstat_scan(text, checks);
		return;
	}
	if (checks->folio_add_pins)
		snprintf(added, sizeof(added), " (and %s it never counts)",
			 fmt_count(checks->folio_add_pins).s);
	text__line(text, "vmstat", "%s acquired, %s released; hooks saw %s and %s%s: %s",
		   fmt_count(checks->vmstat_acquired).s, fmt_count(checks->vmstat_released).s,
		   fmt_count(checks->events_acquired).s, fmt_count(checks->events_released).s,
		   added, checks->vmstat_agrees ? "agrees" : "DISAGREES");
}

static void line_tracking(struct text *text, const struct checks *checks)
{
	uint64_t since = checks->tracking_since_ns, taken = text->snap->taken_ns;

	if (!checks->plan || !checks->source)
		return;
	text__line(text, "tracking", "%s%s, plan %s%s%s%s%s%s", "by ", checks->source, checks->plan,
		   since ? ", since " : "", since ? fmt_local(since).s : "", since ? " (" : "",
		   since ? fmt_age(taken > since ? taken - since : 0).s : "", since ? ")" : "");
	if (!checks->has_ledger)
		text__line(text, "", "no ledger on this kernel: flows and owners' totals only");
}

static void line_selftest(struct text *text, const struct checks *checks)
{
	if (checks->selftest)
		text__line(text, "self-test", "%s", checks->selftest);
}

static uint64_t missed(const struct checks *checks)
{
	return checks->recursion_misses > checks->repaired
		       ? checks->recursion_misses - checks->repaired
		       : 0;
}

/* What was lost, and what else may spoil the picture; zeros are not shown but in the sum. */
static void line_lost(struct text *text, const struct checks *c)
{
	const struct {
		uint64_t cnt;
		const char *what;
	} losses[] = {
		{ c->repaired, "releases missed under load, put right by struct page" },
		{ missed(c), "events missed under load, not put right" },
		{ c->map_full, c->plan && !strcmp(c->plan, "call") ? "dropped: record table full"
								   : "dropped: ledger full" },
		{ c->owners_full, "dropped: owner table full" },
		{ c->processes_full, "processes not noted: process table full" },
		{ c->sites_full, "calls or releases of sites not counted: site table full" },
		{ c->stacks_lost, "stacks lost" },
		{ c->in_motion, "folios changed while they were read" },
	};
	const char *label = "lost";
	size_t i;

	if (!c->plan)
		return;
	for (i = 0; i < ARRAY_SIZE(losses); i++) {
		if (!losses[i].cnt)
			continue;
		text__line(text, label, "%s %s", fmt_count(losses[i].cnt).s, losses[i].what);
		label = "";
	}
	text__line(text, label, "%shooks %u of %u",
		   *label ? "nothing: 0 missed, 0 dropped, 0 stacks lost; " : "", c->hooks_attached,
		   c->hooks_wanted);
	for (i = 0; i < c->missing_cnt; i++)
		text__line(text, i ? "" : "not hooked", "%s%s%s",
			   c->missing[i].function ? c->missing[i].function : "?",
			   c->missing[i].why ? ": " : "",
			   c->missing[i].why ? c->missing[i].why : "");
}

static void line_apart(struct text *text, const struct checks *c)
{
	const struct {
		uint64_t cnt;
		const char *what;
	} counts[] = {
		{ c->unmatched_releases, "releases of pins from before tracking" },
		{ c->api_unknown, "pins without a known API" },
	};
	const char *label = "apart";
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		if (!counts[i].cnt)
			continue;
		text__line(text, label, "%s %s", fmt_count(counts[i].cnt).s, counts[i].what);
		label = "";
	}
}

static void line_cost(struct text *text, const struct checks *checks)
{
	if (checks->cpu_percent >= 0 && checks->bpf_bytes)
		text__line(text, "cost", "%.1f%% CPU, %s of BPF maps", checks->cpu_percent,
			   fmt_bytes(checks->bpf_bytes).s);
	else if (checks->bpf_bytes)
		text__line(text, "cost", "%s of BPF maps", fmt_bytes(checks->bpf_bytes).s);
}

static void line_suppress(struct text *text, const struct checks *checks)
{
	const struct snapshot *snap = text->snap;
	size_t i;

	(void)checks;
	for (i = 0; i < snap->unused_suppression_cnt; i++)
		text__line(text, i ? "" : "suppress", "%s", snap->unused_suppressions[i]);
}

void text_checks(struct text *text)
{
	static void (*const lines[])(struct text * text, const struct checks *checks) = {
		line_age,  line_scan,  line_vmstat, line_tracking, line_selftest,
		line_lost, line_apart, line_cost,   line_suppress,
	};
	size_t i;

	text__section(text, "Checks");
	for (i = 0; i < ARRAY_SIZE(lines); i++)
		lines[i](text, &text->snap->checks);
}
