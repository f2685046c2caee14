// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop without a terminal: each snapshot as lines of exact figures for
 * scripts and logs, or as a line of JSON. The columns are those of the screen.
 */
#include <stdio.h>
#include <string.h>

#include "fmt.h"
#include "forms.h"
#include "top_batch.h"
#include "util.h"

/* Wide enough for any figure, so that columns stand still from one snapshot to the next. */
#define FIGURE_WIDTH 13

static unsigned int width_of(const struct top_column *column)
{
	return column->unit == UNIT_BYTES || column->unit == UNIT_COUNT ||
			       column->width < FIGURE_WIDTH
		       ? FIGURE_WIDTH
		       : column->width;
}

/* The last column is not padded: nothing follows. */
static void put_cell(FILE *out, const struct top_look *look, size_t at, const char *text)
{
	bool last = at + 1 == look->usual_cnt;

	fprintf(out, "%s%-*s", at ? " " : "", last ? 0 : (int)width_of(look->columns[at]), text);
}

static void put_headings(FILE *out, const struct top_look *look)
{
	for (size_t i = 0; i < look->usual_cnt; i++) {
		char heading[32];
		size_t len = 0;

		for (const char *c = look->columns[i]->name; *c; c++)
			heading[len++] = *c - 'a' + 'A';
		heading[len] = '\0';
		put_cell(out, look, i, heading);
	}
	fputc('\n', out);
}

static void put_summary(FILE *out, const struct top_model *model)
{
	const struct snapshot *snap = model->snap;
	struct top_summary sum;

	top_model__summary(model, &sum);
	fprintf(out, "# taken=%s view=%s pins=%llu folios=%llu bytes=%llu ram=%llu",
		fmt_utc(snap->taken_ns).s, top_view_info(model->view)->name,
		(unsigned long long)snap->pinned.pins, (unsigned long long)snap->pinned.folios,
		(unsigned long long)snap->pinned.bytes, (unsigned long long)snap->ram_bytes);
	fprintf(out, " longterm=%llu file=%llu leaked=%llu orphaned=%llu unattributed=%llu",
		(unsigned long long)sum.longterm, (unsigned long long)sum.file,
		(unsigned long long)sum.leaked, (unsigned long long)sum.orphaned,
		(unsigned long long)snap->unattributed.bytes);
	if (sum.rate_known)
		fprintf(out, " acquired_per_s=%llu released_per_s=%llu",
			(unsigned long long)sum.acquired, (unsigned long long)sum.released);
	else
		fprintf(out, " acquired_per_s=- released_per_s=-");
	fprintf(out, " errors=%u warnings=%u notes=%u lost=%llu hooks=%u/%u vmstat=%s\n",
		sum.errors, sum.warnings, sum.notes, (unsigned long long)sum.lost,
		snap->checks.hooks_attached, snap->checks.hooks_wanted,
		!snap->checks.vmstat_known   ? "unknown"
		: snap->checks.vmstat_agrees ? "agrees"
					     : "disagrees");
}

int top_batch(FILE *out, const struct top_model *model)
{
	const struct top_look *look = &model->looks[model->view];
	char text[1024];

	put_summary(out, model);
	put_headings(out, look);
	for (size_t at = 0; at < model->row_cnt; at++) {
		struct top_row row = top_model__row(model, at);

		for (size_t i = 0; i < look->usual_cnt; i++) {
			top_cell(model, &row, look->columns[i], true, text, sizeof(text));
			put_cell(out, look, i, text);
		}
		fputc('\n', out);
	}
	fputc('\n', out);
	return fflush(out) || ferror(out) ? -1 : 0;
}
