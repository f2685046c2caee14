// SPDX-License-Identifier: GPL-2.0-only
/*
 * The header of gup-pintop's screen: how much is pinned, how fast, what was
 * found, and whether the figures can be trusted. What is not perfect says so in
 * words and with a "!", and in colour besides.
 */
#include <stdio.h>
#include <string.h>

#include "fmt.h"
#include "top_draw.h"
#include "util.h"

#define GAP 2
#define PARTS_MAX 8
#define SPARK_MOST 60

/* A piece of a line; an empty one is left out. */
struct part {
	enum draw_color color;
	char text[80];
};

static const char *known(const char *str)
{
	return str ? str : "?";
}

/* Pieces that do not fit any more are left out, the last first. */
static int draw_parts(const struct top_ui *ui, int y, int gap, const struct part *parts, size_t cnt)
{
	int x = 0;

	for (size_t i = 0; i < cnt; i++) {
		if (!*parts[i].text)
			continue;
		if (x + (int)strlen(parts[i].text) > COLS)
			break;
		x = draw(ui, y, x, parts[i].color, "%s", parts[i].text) + gap;
	}
	return x;
}

static void draw_where(const struct top_ui *ui)
{
	const struct snapshot *snap = ui->model.snap;
	uint64_t since = snap->checks.tracking_since_ns, taken = snap->taken_ns;
	cleanup_free char *host = fmt_safe(known(snap->host));
	const char *kernel = known(snap->kernel);
	char left[128], right[96], pace[48];
	int x, room;

	ui->source->ops->pace(ui->source, pace, sizeof(pace));
	snprintf(right, sizeof(right), "%s  %s", fmt_local(taken).s, ui->paused ? "PAUSED" : pace);
	snprintf(left, sizeof(left), "%.40s  %.*s  %s%s", host ? host : "?",
		 (int)strspn(kernel, "0123456789."), kernel, since ? "tracked " : "not tracked",
		 since ? fmt_age(taken > since ? taken - since : 0).s : "");
	x = draw(ui, 0, 0, DRAW_STRONG, "gup-pintop") + GAP;
	room = COLS - (int)strlen(right) - GAP - x;
	draw_text(ui, 0, x, room, draw_attr(DRAW_PLAIN), left);
	draw(ui, 0, COLS - strlen(right), ui->paused ? DRAW_WARN : DRAW_PLAIN, "%s", right);
}

static void draw_pinned(const struct top_ui *ui)
{
	const struct snapshot *snap = ui->model.snap;
	double share = snap->ram_bytes ? (double)snap->pinned.bytes / snap->ram_bytes : 0;
	char right[128];
	int x, width, full;

	snprintf(right, sizeof(right), "%4.1f%%, %s %s", share * 100,
		 fmt_count(snap->pinned.pins).s, fmt_plural(snap->pinned.pins, "pin").s);
	x = draw(ui, 1, 0, DRAW_PLAIN, "Pinned ");
	x = draw(ui, 1, x, DRAW_STRONG, "%s", fmt_bytes(snap->pinned.bytes).s);
	x = draw(ui, 1, x, DRAW_PLAIN, " of %s [", fmt_bytes(snap->ram_bytes).s);
	width = COLS - x - 1 - (int)strlen(right) - 1;
	if (width < 1)
		return;
	full = share * width + 0.5;
	if (!full && snap->pinned.bytes)
		full = 1;
	for (int i = 0; i < width; i++)
		draw(ui, 1, x + i, i < full ? DRAW_GOOD : DRAW_DIM, "%c", i < full ? '#' : '.');
	draw(ui, 1, x + width, DRAW_PLAIN, "] %s", right);
}

/* Label, amount, and "!" where there should be nothing. */
static void set_amount(struct part *part, const char *label, uint64_t bytes, bool approximate,
		       enum draw_color bad)
{
	part->color = bytes ? bad : DRAW_PLAIN;
	snprintf(part->text, sizeof(part->text), "%s %s%s%s", label,
		 approximate && bytes ? "~" : "", fmt_bytes(bytes).s,
		 bytes && bad != DRAW_PLAIN ? "!" : "");
}

static void draw_amounts(const struct top_ui *ui, const struct top_summary *sum)
{
	static const char *const labels[][5] = {
		{ "Longterm", "File", "Leaked", "Orphaned", "Unattrib." },
		{ "Long", "File", "Leaked", "Orphan", "Unattr" },
	};
	uint64_t unattributed = ui->model.snap->unattributed.bytes;
	struct part parts[5] = {};
	size_t length = 0;

	for (size_t set = 0; set < ARRAY_SIZE(labels); set++) {
		bool about = sum->approximate;

		set_amount(&parts[0], labels[set][0], sum->longterm, about, DRAW_PLAIN);
		set_amount(&parts[1], labels[set][1], sum->file, about, DRAW_PLAIN);
		set_amount(&parts[2], labels[set][2], sum->leaked, about, DRAW_ALARM);
		set_amount(&parts[3], labels[set][3], sum->orphaned, about, DRAW_WARN);
		set_amount(&parts[4], labels[set][4], unattributed, false, DRAW_PLAIN);
		length = 0;
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			length += strlen(parts[i].text) + GAP;
		if (length - GAP <= (size_t)COLS)
			break;
	}
	draw_parts(ui, 2, length - GAP <= (size_t)COLS ? GAP : 1, parts, ARRAY_SIZE(parts));
}

static void draw_spark(const struct top_ui *ui, int x, int width)
{
	static const char *const ascii[] = { " ", ".", ":", "|" };
	static const char *const utf8[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	const char *const *glyphs = ui->utf8 ? utf8 : ascii;
	size_t most = ui->utf8 ? ARRAY_SIZE(utf8) - 1 : ARRAY_SIZE(ascii) - 1;
	unsigned char levels[SPARK_MOST];

	top_model__spark(&ui->model, levels, width, most);
	attrset(draw_attr(DRAW_GOOD));
	for (int i = 0; i < width; i++)
		mvaddstr(3, x + i, glyphs[levels[i]]);
	attrset(A_NORMAL);
}

static void draw_rates(const struct top_ui *ui, const struct top_summary *sum)
{
	char right[128];
	uint64_t span;
	int x, width;

	if (!sum->rate_known) {
		draw(ui, 3, 0, DRAW_PLAIN, "Pins/s not known: that takes two snapshots in a row");
		return;
	}
	x = draw(ui, 3, 0, DRAW_PLAIN, "Pins/s +%s -%s  ", fmt_count(sum->acquired).s,
		 fmt_count(sum->released).s);
	span = top_model__spark(&ui->model, NULL, 0, 0);
	snprintf(right, sizeof(right), "  %s, peak %s", fmt_age(span).s, fmt_count(sum->peak).s);
	width = COLS - x - (int)strlen(right);
	if (width > SPARK_MOST)
		width = SPARK_MOST;
	if (width < 4)
		return;
	draw_spark(ui, x, width);
	draw(ui, 3, x + width, DRAW_PLAIN, "%s", right);
}

static void set_findings(struct part *part, const struct top_summary *sum)
{
	size_t len = 0;

	part->color = sum->errors ? DRAW_ALARM : sum->warnings ? DRAW_WARN : DRAW_GOOD;
	if (!sum->errors && !sum->warnings) {
		snprintf(part->text, sizeof(part->text), "No findings");
		if (sum->notes)
			snprintf(part->text, sizeof(part->text), "%u %s", sum->notes,
				 fmt_plural(sum->notes, "note").s);
		return;
	}
	if (sum->errors)
		len = snprintf(part->text, sizeof(part->text), "! %u ERROR%s", sum->errors,
			       sum->errors == 1 ? "" : "S");
	if (sum->warnings)
		snprintf(part->text + len, sizeof(part->text) - len, "%s%u WARNING%s",
			 len ? ", " : "! ", sum->warnings, sum->warnings == 1 ? "" : "S");
}

static void set_tracking(struct part *lost, struct part *hooks, const struct checks *checks,
			 const struct top_summary *sum)
{
	bool all = checks->hooks_attached >= checks->hooks_wanted;

	lost->color = sum->lost ? DRAW_WARN : DRAW_PLAIN;
	snprintf(lost->text, sizeof(lost->text), "%s %s%s", sum->lost ? "LOST" : "Lost",
		 fmt_count(sum->lost).s, sum->lost ? "!" : "");
	hooks->color = all ? DRAW_PLAIN : DRAW_WARN;
	snprintf(hooks->text, sizeof(hooks->text), "%s %u/%u%s", all ? "Hooks" : "HOOKS",
		 checks->hooks_attached, checks->hooks_wanted, all ? "" : "!");
}

static void set_vmstat(struct part *part, const struct checks *checks)
{
	bool agrees = checks->vmstat_agrees;

	part->color = !checks->vmstat_known || agrees ? DRAW_PLAIN : DRAW_ALARM;
	snprintf(part->text, sizeof(part->text), "vmstat %s",
		 !checks->vmstat_known ? "unknown"
		 : agrees	       ? "agrees"
				       : "DISAGREES!");
}

static void set_cost(struct part *part, const struct checks *checks)
{
	if (checks->cpu_percent >= 0)
		snprintf(part->text, sizeof(part->text), "Own cost %.1f%% CPU, %s",
			 checks->cpu_percent, fmt_bytes(checks->bpf_bytes).s);
	else if (checks->bpf_bytes)
		snprintf(part->text, sizeof(part->text), "Own cost %s",
			 fmt_bytes(checks->bpf_bytes).s);
}

static void draw_trust(const struct top_ui *ui, const struct top_summary *sum)
{
	const struct checks *checks = &ui->model.snap->checks;
	struct part parts[5] = {};

	set_findings(&parts[0], sum);
	if (checks->plan)
		set_tracking(&parts[1], &parts[2], checks, sum);
	else
		parts[1] = (struct part){ DRAW_WARN, "NOT TRACKED: who pinned is evidence only" };
	set_vmstat(&parts[3], checks);
	set_cost(&parts[4], checks);
	draw_parts(ui, 4, GAP, parts, ARRAY_SIZE(parts));
}

void draw_header(const struct top_ui *ui)
{
	struct top_summary sum;

	if (!ui->model.snap) {
		draw(ui, 0, 0, DRAW_STRONG, "gup-pintop");
		draw(ui, 1, 0, DRAW_PLAIN, "waiting for the first snapshot");
		return;
	}
	top_model__summary(&ui->model, &sum);
	draw_where(ui);
	draw_pinned(ui);
	draw_amounts(ui, &sum);
	draw_rates(ui, &sum);
	draw_trust(ui, &sum);
}
