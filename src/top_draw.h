/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files that draw gup-pintop's screen. */
#ifndef GUP_TOP_DRAW_H
#define GUP_TOP_DRAW_H

#include <ncurses.h>

#include "top_ui.h"

enum draw_color { DRAW_PLAIN, DRAW_ALARM, DRAW_WARN, DRAW_GOOD, DRAW_DIM, DRAW_STRONG };

attr_t draw_attr(enum draw_color color);
/* Harmless text in at most width columns, cut with a "+"; the column after it. */
int draw_text(const struct top_ui *ui, int y, int x, int width, attr_t attr, const char *text);
/* The same up to the right edge. */
int __attribute__((format(printf, 5, 6)))
draw(const struct top_ui *ui, int y, int x, enum draw_color color, const char *fmt, ...);

/* The five lines on top. */
void draw_header(const struct top_ui *ui);

#endif
