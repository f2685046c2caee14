// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop's screen: tabs, list, story, footer, and pages that cover the
 * list; the header is in top_draw_header.c. Each frame is drawn whole; ncurses
 * sends what has changed. No decision here depends on colour alone.
 */
#include <ncurses.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fmt.h"
#include "top_draw.h"
#include "util.h"

#define FILTER_LINE 5
#define TABS_LINE 6
#define HEADINGS_LINE 7
#define LIST_LINE 8
#define STORY_LINES (TOP_STORY_LINES + 1)
#define LEAST_COLUMN 6 /* of text, for the last one on the line */

attr_t draw_attr(enum draw_color color)
{
	static const attr_t attrs[] = {
		[DRAW_PLAIN] = A_NORMAL, [DRAW_ALARM] = A_BOLD, [DRAW_WARN] = A_BOLD,
		[DRAW_GOOD] = A_NORMAL,	 [DRAW_DIM] = A_NORMAL, [DRAW_STRONG] = A_BOLD,
	};
	static const short pairs[] = {
		[DRAW_ALARM] = 1,
		[DRAW_WARN] = 2,
		[DRAW_GOOD] = 3,
		[DRAW_DIM] = 4,
	};

	return attrs[color] | (color < (int)ARRAY_SIZE(pairs) ? COLOR_PAIR(pairs[color]) : 0);
}

/* The bytes of text that fit into width columns; *columns is what they take. */
static size_t fit(const char *text, int width, int *columns)
{
	size_t bytes = 0, len;
	uint32_t code;

	*columns = 0;
	while (text[bytes]) {
		len = utf8_decode(text + bytes, &code);
		if (!len || *columns + (int)fmt_columns(code) > width)
			break;
		*columns += fmt_columns(code);
		bytes += len;
	}
	return bytes;
}

/* A terminal that is not UTF-8 gets a question mark for what it cannot show. */
static void make_ascii(char *text)
{
	char *to = text;

	for (const char *c = text; *c; c++) {
		if ((*c & 0xc0) == 0x80)
			continue;
		*to++ = *c & 0x80 ? '?' : *c;
	}
	*to = '\0';
}

int draw_text(const struct top_ui *ui, int y, int x, int width, attr_t attr, const char *text)
{
	char buf[1024];
	int columns;
	size_t bytes;

	if (width <= 0 || x >= COLS)
		return x;
	snprintf(buf, sizeof(buf), "%s", text);
	if (!ui->utf8)
		make_ascii(buf);
	bytes = fit(buf, width, &columns);
	if (buf[bytes]) { /* cut: the last column says so */
		bytes = fit(buf, width - 1, &columns);
		snprintf(buf + bytes, sizeof(buf) - bytes, "+");
		columns++;
	}
	attrset(attr);
	mvaddstr(y, x, buf);
	attrset(A_NORMAL);
	return x + columns;
}

int draw(const struct top_ui *ui, int y, int x, enum draw_color color, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return draw_text(ui, y, x, COLS - x, draw_attr(color), text);
}

size_t top_list_lines(void)
{
	int lines = LINES - LIST_LINE - STORY_LINES - 2;

	return LINES >= TOP_MIN_LINES && COLS >= TOP_MIN_COLS ? lines : 0;
}

size_t top_page_lines(void)
{
	return LINES >= TOP_MIN_LINES && COLS >= TOP_MIN_COLS ? LINES - TABS_LINE - 3 : 0;
}

static void draw_tabs(const struct top_ui *ui)
{
	const struct snapshot *snap = ui->model.snap;
	bool alarm = snap && snap->verdict >= LEVEL_WARNING;
	int x = 0;

	for (int view = 0; view < TOP_VIEW_CNT; view++) {
		bool current = view == (int)ui->model.view;

		x = draw(ui, TABS_LINE, x, current ? DRAW_STRONG : DRAW_PLAIN, "%s%d %s%s%s",
			 current ? "[" : " ", view + 1, top_view_info(view)->title,
			 view == TOP_FINDINGS && alarm ? "!" : "", current ? "]" : " ");
	}
}

/*
 * How many of the look's columns there is room for: usual ones as narrow as
 * need be, more only whole. The last one takes what is left.
 */
static size_t columns_that_fit(const struct top_look *look, int widths[])
{
	int x = 2;
	size_t i;

	for (i = 0; i < look->column_cnt; i++) {
		const struct top_column *column = look->columns[i];
		int width = column->width, least = width;

		if (i < look->usual_cnt && column->unit == UNIT_TEXT && width > LEAST_COLUMN)
			least = LEAST_COLUMN;
		if (x + least > COLS)
			break;
		widths[i] = x + width > COLS ? COLS - x : width;
		x += width + 1;
	}
	if (i && look->columns[i - 1]->unit == UNIT_TEXT)
		widths[i - 1] += COLS - x + 1 > 0 ? COLS - x + 1 : 0;
	return i;
}

static bool is_text(const struct top_column *column)
{
	return column->unit == UNIT_TEXT || column->unit == UNIT_STATE ||
	       column->unit == UNIT_FLAGS;
}

static void draw_cell(const struct top_ui *ui, int y, int x, int width, attr_t attr,
		      const struct top_column *column, const char *text)
{
	int columns;

	fit(text, width, &columns);
	draw_text(ui, y, is_text(column) ? x : x + width - columns, width, attr, text);
}

static void draw_headings(const struct top_ui *ui, const int widths[], size_t cnt)
{
	const struct top_look *look = &ui->model.looks[ui->model.view];
	bool down = top_column__descends(look->sort) != look->reverse;
	int x = 2;

	for (size_t i = 0; i < cnt; i++) {
		const struct top_column *column = look->columns[i];
		char heading[32];
		size_t len = 0;

		for (; column->name[len]; len++)
			heading[len] = column->name[len] - 'a' + 'A';
		heading[len] = '\0';
		draw_cell(ui, HEADINGS_LINE, x, widths[i], draw_attr(DRAW_STRONG), column, heading);
		/* The arrow stands right behind the heading, which may fill its column. */
		if (column == look->sort)
			draw(ui, HEADINGS_LINE,
			     x + (is_text(column) && (int)len < widths[i] ? (int)len : widths[i]),
			     DRAW_STRONG, "%c", down ? 'v' : '^');
		x += widths[i] + 1;
	}
}

static attr_t row_attr(const struct top_row *row, bool selected)
{
	attr_t attr = A_NORMAL;

	if (row->finding && row->finding->level >= LEVEL_WARNING)
		attr = draw_attr(row->finding->level == LEVEL_ERROR ? DRAW_ALARM : DRAW_WARN);
	else if (row->groups && (row->state == STATE_LEAKED || row->state == STATE_LEFT_BEHIND))
		attr = draw_attr(DRAW_ALARM);
	else if (row->groups &&
		 (row->state == STATE_ORPHANED || row->state == STATE_UNKNOWN_HOLDER))
		attr = draw_attr(DRAW_WARN);
	return selected ? attr | A_REVERSE : attr;
}

static void draw_row(const struct top_ui *ui, int y, size_t at, bool selected, const int widths[],
		     size_t cnt)
{
	const struct top_row row = top_model__row(&ui->model, at);
	const struct top_look *look = &ui->model.looks[ui->model.view];
	attr_t attr = row_attr(&row, selected);
	char text[512];
	int x = 2;

	if (selected) {
		attrset(attr);
		mvhline(y, 0, ' ', COLS);
		attrset(A_NORMAL);
		draw_text(ui, y, 0, 1, attr, ">");
	}
	for (size_t i = 0; i < cnt; i++) {
		top_cell(&ui->model, &row, look->columns[i], false, text, sizeof(text));
		draw_cell(ui, y, x, widths[i], attr, look->columns[i], text);
		x += widths[i] + 1;
	}
}

static void draw_list(struct top_ui *ui)
{
	size_t lines = top_list_lines(), selected = top_model__selected(&ui->model), cnt;
	int widths[TOP_COLUMNS_MAX];

	cnt = columns_that_fit(&ui->model.looks[ui->model.view], widths);
	draw_headings(ui, widths, cnt);
	if (selected < ui->first)
		ui->first = selected;
	if (selected >= ui->first + lines)
		ui->first = selected - lines + 1;
	for (size_t i = 0; i < lines && ui->first + i < ui->model.row_cnt; i++)
		draw_row(ui, LIST_LINE + i, ui->first + i, ui->first + i == selected, widths, cnt);
	if (!ui->model.row_cnt)
		draw(ui, LIST_LINE, 2, DRAW_PLAIN, "(%s)", top_view_info(ui->model.view)->empty);
}

static void draw_rule(const struct top_ui *ui, int y, const char *title, const char *right)
{
	int x = draw(ui, y, 0, DRAW_DIM, "-- ");

	x = draw(ui, y, x, DRAW_STRONG, "%.200s", title);
	x = draw(ui, y, x, DRAW_DIM, " ");
	attrset(draw_attr(DRAW_DIM));
	mvhline(y, x, '-', COLS - x);
	attrset(A_NORMAL);
	if (*right && x < COLS - (int)strlen(right) - 5)
		draw(ui, y, COLS - strlen(right) - 4, DRAW_DIM, " %s ", right);
}

static void draw_story(const struct top_ui *ui)
{
	int y = LIST_LINE + top_list_lines();
	size_t selected = top_model__selected(&ui->model);
	char where[96] = "";
	struct top_story story;
	struct top_row row;

	if (!ui->model.row_cnt) {
		draw_rule(ui, y, "nothing to tell", "");
		return;
	}
	if (ui->model.row_cnt > top_list_lines())
		snprintf(where, sizeof(where), "%s of %s", fmt_count(selected + 1).s,
			 fmt_count(ui->model.row_cnt).s);
	row = top_model__row(&ui->model, selected);
	top_story(&ui->model, &row, &story);
	draw_rule(ui, y, story.title, where);
	for (int i = 0; i < TOP_STORY_LINES; i++)
		draw(ui, y + 1 + i, 0, DRAW_PLAIN, "%s", story.lines[i]);
}

static const char *line_at(const char *text, size_t at)
{
	for (; at && text; at--) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text;
}

static void draw_page(const struct top_ui *ui)
{
	const struct top_page *page = &ui->page;
	size_t lines = top_page_lines(), last = page->at + lines;
	const char *text = line_at(page->text, page->at);
	char where[96] = "", line[512];

	if (page->cnt > lines)
		snprintf(where, sizeof(where), "lines %zu to %zu of %zu", page->at + 1,
			 last < page->cnt ? last : page->cnt, page->cnt);
	draw_rule(ui, TABS_LINE, page->title, where);
	for (size_t i = 0; i < lines && text && *text; i++) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
		draw(ui, TABS_LINE + 1 + i, 0, DRAW_PLAIN, "%s", line);
		text = line_at(text, 1);
	}
}

static void draw_footer(const struct top_ui *ui)
{
	char text[256];

	if (ui->prompt.label) {
		draw(ui, LINES - 1, 0, DRAW_STRONG, "%s: %s_", ui->prompt.label, ui->prompt.text);
	} else if (*ui->message) {
		draw(ui, LINES - 1, 0, DRAW_STRONG, "%s", ui->message);
	} else {
		top_key_footer(ui, text, sizeof(text));
		draw(ui, LINES - 1, 0, DRAW_DIM, "%s", text);
	}
}

static void draw_too_small(const struct top_ui *ui)
{
	draw(ui, 0, 0, DRAW_STRONG, "Too small: %dx%d.", COLS, LINES);
	if (LINES > 1)
		draw(ui, 1, 0, DRAW_PLAIN, "%dx%d is needed; q quits.", TOP_MIN_COLS,
		     TOP_MIN_LINES);
}

void top_draw(struct top_ui *ui)
{
	erase();
	if (!top_list_lines()) {
		draw_too_small(ui);
	} else {
		draw_header(ui);
		if (ui->model.filtered)
			draw(ui, FILTER_LINE, 0, DRAW_WARN, "ONLY %s (above: the whole machine)",
			     ui->filter);
		if (ui->page.text) {
			draw_page(ui);
		} else {
			draw_tabs(ui);
			draw_list(ui);
			draw_story(ui);
		}
		draw_footer(ui);
	}
	refresh();
}
