/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of gup-pintop's model. */
#ifndef GUP_TOP_ROWS_H
#define GUP_TOP_ROWS_H

#include "top_model.h"

/* Rising with alarm. */
unsigned int state_severity(enum state state);
/* Names of rows: 0 begins, NULL and "" are alike. */
uint64_t top_hash(uint64_t hash, const char *text);
uint64_t top_hash_number(uint64_t hash, uint64_t number);

void top_rows__clear(struct top_model *model);
/* The row of this id, made if need be; NULL = out of memory. Good until the next call. */
struct top_row *top_row(struct top_model *model, uint64_t id);
/* All that a row knows from a group, but for the quantities; a second time it does nothing. */
void top_row__describe(struct top_row *row, const struct snapshot *snap, const struct group *group);
/* The same, and its quantities. */
void top_row__add(struct top_row *row, const struct snapshot *snap, const struct group *group);
/* Does the filter let this group pass? */
bool top_accepts(const struct top_model *model, const struct group *group);
/* The owner, or who is likely to be it; -1 = nobody known. */
int top_group_process(const struct group *group);

/* The view of single pages; see struct top_view_info. */
int top_pages__build(struct top_model *model);
void top_pages__sort(struct top_model *model);
struct top_row top_pages__row(const struct top_model *model, size_t at);
size_t top_pages__find(const struct top_model *model, uint64_t pfn);
void top_pages__free(struct top_pages *pages); /* NULL is fine */

#endif
