/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of gup-pintop's model share. */
#ifndef GUP_TOP_FIXTURE_H
#define GUP_TOP_FIXTURE_H

#include "fixture.h"
#include "top_model.h"

static inline void show(struct top_model *model, struct snapshot *snap, enum top_view view)
{
	audit(snap);
	top_model__init(model);
	model->view = view;
	assert_int_equal(top_model__show(model, snap), 0);
}

static inline void done(struct top_model *model, struct snapshot *snap)
{
	top_model__done(model);
	snapshot__free(snap);
}

static inline const char *cell(const struct top_model *model, size_t row, const char *column,
			       bool machine)
{
	static char text[512];
	struct top_row shown;

	assert_true(row < model->row_cnt);
	assert_non_null(top_column(column, strlen(column)));
	shown = top_model__row(model, row);
	top_cell(model, &shown, top_column(column, strlen(column)), machine, text, sizeof(text));
	return text;
}

static inline void sort_by(struct top_model *model, const char *column, bool reverse)
{
	top_look(model)->sort = top_column(column, strlen(column));
	top_look(model)->reverse = reverse;
	top_model__sort(model);
}

#endif
