/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the parts of the text report: one sink that makes every line
 * harmless and keeps it within the width, and the sections written through it.
 */
#ifndef GUP_FORM_TEXT_H
#define GUP_FORM_TEXT_H

#include "forms.h"

/* Columns of text after "   held by    " and of the "Not findings" remarks. */
#define TEXT_LABELLED 14
#define TEXT_REMARK 28

struct text {
	FILE *out;
	const struct snapshot *snap;
	const struct text_options *opts;
	unsigned int width;
	int err; /* 0 or -ENOMEM */
};

/*
 * Prefix, blanks up to column indent, then the text, wrapped with that indent.
 * The prefix must be our own, the text may hold any bytes.
 */
void text__wrap(struct text *text, const char *prefix, unsigned int indent, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* "   label      text"; NULL or "" = no label, the text of the line above goes on. */
void text__line(struct text *text, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* An empty line and a heading. */
void text__section(struct text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* How many of cnt entries to show; says nothing itself. */
size_t text__top(const struct text *text, size_t cnt, size_t usual);

void text_verdict(struct text *text);
void text_finding(struct text *text, const struct finding *finding, unsigned int number);
/* The lines of a group, without a heading; finding may be NULL. */
void text_group(struct text *text, const struct group *group, const struct finding *finding);
/* "page", "THP", "huge page", "folio": what a part of memory is made of. */
const char *folio_noun(const struct snapshot *snap, const struct memory *memory);
void text_balance(struct text *text);
void text_get_callers(struct text *text);
void text_checks(struct text *text);
/* Of a snapshot that a scan alone gave. */
bool is_by_scan(const struct snapshot *snap);
void text_scan_ok(struct text *text);
void text_scan_remark(const struct snapshot *snap, const struct group *group, char *remark,
		      size_t room);
void text_scan_totals(struct text *text);
void text_zones(struct text *text);
void text_pages(struct text *text);
void text_busy(struct text *text);
/* One row of the totals. */
void text_total(struct text *text, const char *label, const struct quantity *q, const char *remark);

#endif
