// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys of gup-pintop: one table, from which the help screen is made as
 * well. A prompt or a page takes keys before the table does. None of them
 * changes anything but what is shown: this is a viewer.
 */
#include <ncurses.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "duration.h"
#include "fmt.h"
#include "forms.h"
#include "top_ui.h"
#include "util.h"

#define KEY_ESC 27
#define KEY_CTRL_L 12
#define KEY_CTRL_U 21
#define KEY_DEL 127
#define CODES_MAX 3

struct key {
	const char *name;
	int codes[CODES_MAX];
	void (*fn)(struct top_ui *ui, int arg);
	int arg;
	const char *footer; /* its word in the footer, NULL = not there */
	const char *help;
};

void top_say(struct top_ui *ui, const char *fmt, ...)
{
	cleanup_free char *safe = NULL;
	char text[sizeof(ui->message)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	safe = fmt_safe(text);
	snprintf(ui->message, sizeof(ui->message), "%s", safe ? safe : "");
}

void top_page__open(struct top_ui *ui, char *text, const char *title)
{
	top_page__close(ui);
	ui->page.text = text;
	snprintf(ui->page.title, sizeof(ui->page.title), "%s", title);
	for (const char *c = text; *c; c++)
		ui->page.cnt += *c == '\n';
}

void top_page__close(struct top_ui *ui)
{
	free(ui->page.text);
	memset(&ui->page, 0, sizeof(ui->page));
}

static void ask(struct top_ui *ui, const char *label, const char *text,
		void (*done)(struct top_ui *ui, const char *text))
{
	ui->prompt.label = label;
	ui->prompt.done = done;
	snprintf(ui->prompt.text, sizeof(ui->prompt.text), "%s", text);
	ui->prompt.len = strlen(ui->prompt.text);
}

static void key_quit(struct top_ui *ui, int arg)
{
	(void)arg;
	ui->quit = true;
}

static void key_view(struct top_ui *ui, int view)
{
	if (top_model__view(&ui->model, view))
		top_say(ui, "out of memory");
	ui->first = 0;
}

static void key_next_view(struct top_ui *ui, int by)
{
	key_view(ui, (ui->model.view + TOP_VIEW_CNT + by) % TOP_VIEW_CNT);
}

/* By lines; arg 0 stands for a whole screen down, -1 up by it and so on. */
static void key_move(struct top_ui *ui, int by)
{
	size_t at = top_model__selected(&ui->model), last = ui->model.row_cnt;

	if (!last--)
		return;
	if (by < 0)
		at = at > (size_t)-by ? at + by : 0;
	else
		at = last - at > (size_t)by ? at + by : last;
	top_model__select(&ui->model, at);
}

static void key_leaf(struct top_ui *ui, int by)
{
	key_move(ui, by * (int)top_list_lines());
}

static void key_end(struct top_ui *ui, int by)
{
	key_move(ui, by * (INT32_MAX / 2));
}

static void key_holds(struct top_ui *ui, int arg)
{
	struct top_row row;
	struct top_story story;
	char *text;

	(void)arg;
	if (!ui->model.row_cnt) {
		top_say(ui, "no row to tell of");
		return;
	}
	row = top_model__row(&ui->model, top_model__selected(&ui->model));
	top_story(&ui->model, &row, &story);
	if (top_holds(&ui->model, &row, COLS, &text)) {
		free(text);
		top_say(ui, "out of memory");
		return;
	}
	top_page__open(ui, text, story.title);
}

static void key_help(struct top_ui *ui, int arg)
{
	char *text = top_key_help(ui);

	(void)arg;
	if (text)
		top_page__open(ui, text, "Keys and columns of gup-pintop " GUP_VERSION);
}

void top_search(struct top_ui *ui)
{
	enum top_found found;

	if (!ui->searching)
		return;
	found = top_model__search(&ui->model, ui->search, &ui->looked);
	ui->searching = found == TOP_GO_ON;
	if (ui->searching)
		top_say(ui, "searching: %zu%% of the rows; any key ends it",
			ui->looked * 100 / ui->model.row_cnt);
	else if (found == TOP_NOT_FOUND)
		top_say(ui, "not found: %s", ui->search);
	else
		*ui->message = '\0';
}

static void search(struct top_ui *ui)
{
	ui->searching = *ui->search;
	ui->looked = 0;
	top_search(ui);
}

static void search_done(struct top_ui *ui, const char *text)
{
	snprintf(ui->search, sizeof(ui->search), "%s", text);
	search(ui);
}

static void key_search(struct top_ui *ui, int arg)
{
	(void)arg;
	ask(ui, "Search", "", search_done);
}

static void filter_done(struct top_ui *ui, const char *text)
{
	char why[200] = "";

	if (top_model__set_filter(&ui->model, text, why, sizeof(why)))
		top_say(ui, "%s", why);
	else
		snprintf(ui->filter, sizeof(ui->filter), "%s", text);
	key_view(ui, ui->model.view);
}

static void key_filter(struct top_ui *ui, int arg)
{
	(void)arg;
	ask(ui, "Only (comm= pid= uid= cgroup= file= driver= node= zone= kind=)", ui->filter,
	    filter_done);
}

static void key_search_on(struct top_ui *ui, int arg)
{
	(void)arg;
	if (!*ui->search)
		top_say(ui, "nothing to search for yet: / begins a search");
	else
		search(ui);
}

/* On to the next column that is shown, round. */
static void key_sort(struct top_ui *ui, int arg)
{
	struct top_look *look = top_look(&ui->model);
	size_t at = 0;

	(void)arg;
	while (at < look->column_cnt && look->columns[at] != look->sort)
		at++;
	look->sort = look->columns[(at + 1) % look->column_cnt];
	look->reverse = false;
	top_model__sort(&ui->model);
	top_say(ui, "sorted by %s: %s", look->sort->name, look->sort->help);
}

static void key_reverse(struct top_ui *ui, int arg)
{
	struct top_look *look = top_look(&ui->model);

	(void)arg;
	look->reverse = !look->reverse;
	top_model__sort(&ui->model);
}

static void columns_done(struct top_ui *ui, const char *text)
{
	struct top_look *look = top_look(&ui->model);
	cleanup_free char *bad = NULL;

	if (top_columns__parse(text, look->columns, &look->column_cnt, &bad))
		top_say(ui, "no column %s: h lists them", bad && *bad ? bad : "without a name");
	else
		look->usual_cnt = look->column_cnt;
}

static void key_columns(struct top_ui *ui, int arg)
{
	const struct top_look *look = top_look(&ui->model);
	char list[TOP_PROMPT_ROOM] = "";
	size_t len = 0;

	(void)arg;
	for (size_t i = 0; i < look->column_cnt && len < sizeof(list); i++)
		len += snprintf(list + len, sizeof(list) - len, "%s%s", i ? "," : "",
				look->columns[i]->name);
	ask(ui, "Columns", list, columns_done);
}

static void key_pause(struct top_ui *ui, int arg)
{
	(void)arg;
	if (ui->source->fd < 0)
		top_say(ui, "recorded snapshots stand still: [ and ] step");
	else
		ui->paused = !ui->paused;
}

static void delay_done(struct top_ui *ui, const char *text)
{
	uint64_t ns = 0;

	if (parse_duration(text, &ns) || ns < TOP_DELAY_LEAST_NS)
		top_say(ui, "'%s' is no delay: use 500ms, 2s, 1m; at least 100ms", text);
	else
		ui->source->ops->set_delay(ui->source, ns);
}

static void key_delay(struct top_ui *ui, int arg)
{
	(void)arg;
	if (!ui->source->ops->set_delay)
		top_say(ui, "recorded snapshots have no delay: [ and ] step");
	else
		ask(ui, "Delay", "", delay_done);
}

static void key_step(struct top_ui *ui, int step)
{
	if (ui->source->fd >= 0)
		top_say(ui, "only recorded snapshots can be stepped through: see --replay");
	else if (!top_step(ui, step) && !*ui->message)
		top_say(ui, "this is the %s snapshot", step < 0 ? "first" : "last");
}

static void key_save(struct top_ui *ui, int arg)
{
	char path[256];
	int err;

	(void)arg;
	if (!ui->snap) {
		top_say(ui, "no snapshot to write yet");
		return;
	}
	err = top_save(".", ui->snap, path, sizeof(path));
	if (err)
		top_say(ui, "can't write %s: %s", path, strerror(-err));
	else
		top_say(ui, "written: %s", path);
}

static void key_redraw(struct top_ui *ui, int arg)
{
	(void)ui;
	(void)arg;
	clearok(stdscr, true);
}

static const struct key keys[] = {
	{ "Enter",
	  { '\n', '\r', KEY_ENTER },
	  key_holds,
	  0,
	  "holds",
	  "all holds of the row, with both stacks" },
	{ "Tab", { '\t' }, key_next_view, 1, "view", "next view" },
	{ "Shift-Tab", { KEY_BTAB }, key_next_view, -1, NULL, "the view before" },
	{ "1", { '1' }, key_view, TOP_PROCESSES, NULL, "processes that pin" },
	{ "2", { '2' }, key_view, TOP_SITES, NULL, "pin sites: which kernel code pins" },
	{ "3", { '3' }, key_view, TOP_FILES, NULL, "files that are pinned, or pinned through" },
	{ "4", { '4' }, key_view, TOP_CGROUPS, NULL, "control groups" },
	{ "5", { '5' }, key_view, TOP_NODES, NULL, "memory nodes and zones" },
	{ "6", { '6' }, key_view, TOP_FINDINGS, NULL, "findings" },
	{ "7", { '7' }, key_view, TOP_PAGES, NULL, "pages, if the snapshot lists them" },
	{ "Up k", { KEY_UP, 'k' }, key_move, -1, NULL, "a row up" },
	{ "Down j", { KEY_DOWN, 'j' }, key_move, 1, NULL, "a row down" },
	{ "PgUp", { KEY_PPAGE }, key_leaf, -1, NULL, "a screen up" },
	{ "PgDn Space", { KEY_NPAGE, ' ' }, key_leaf, 1, NULL, "a screen down" },
	{ "Home g", { KEY_HOME, 'g' }, key_end, -1, NULL, "to the first row" },
	{ "End G", { KEY_END, 'G' }, key_end, 1, NULL, "to the last row" },
	{ "/", { '/' }, key_search, 0, "search", "search the rows for a text" },
	{ "f", { 'f' }, key_filter, 0, "filter", "show only what fits words like comm=fio" },
	{ "n", { 'n' }, key_search_on, 0, NULL, "search on" },
	{ "s", { 's' }, key_sort, 0, "sort", "sort by the next column" },
	{ "r", { 'r' }, key_reverse, 0, NULL, "the other way round" },
	{ "c", { 'c' }, key_columns, 0, NULL, "choose the columns" },
	{ "p", { 'p' }, key_pause, 0, "pause", "stand still, or go on" },
	{ "d", { 'd' }, key_delay, 0, NULL, "time between two snapshots" },
	{ "[", { '[' }, key_step, -1, NULL, "the recorded snapshot before" },
	{ "]", { ']' }, key_step, 1, NULL, "the next recorded snapshot" },
	{ "w", { 'w' }, key_save, 0, "save", "write the snapshot as JSON into this folder" },
	{ "Ctrl-L", { KEY_CTRL_L }, key_redraw, 0, NULL, "draw the screen anew" },
	{ "h ?", { 'h', '?' }, key_help, 0, "help", "this page" },
	{ "q", { 'q' }, key_quit, 0, "", "quit; closes this page first, as Esc does" },
};

char *top_key_help(const struct top_ui *ui)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	(void)ui;
	if (!out)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		fprintf(out, "%-11s %s\n", keys[i].name, keys[i].help);
	fprintf(out, "\nColumns, for c, -o and --sort:\n");
	top_columns__list(out);
	fprintf(out, "\nCapitals and ! stand for what should not be, ? for evidence or unknown.\n");
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

void top_key_footer(const struct top_ui *ui, char *text, size_t room)
{
	size_t len = 0;

	if (ui->page.text) {
		snprintf(text, room, "Up Down PgUp PgDn scroll  Esc q back");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys) && len < room; i++)
		if (keys[i].footer)
			len += snprintf(text + len, room - len, "%s%.*s%s%s", len ? "  " : "",
					(int)strcspn(keys[i].name, " "), keys[i].name,
					*keys[i].footer ? " " : "", keys[i].footer);
}

static void prompt_key(struct top_ui *ui, int key)
{
	struct top_prompt *prompt = &ui->prompt;
	void (*done)(struct top_ui * ui, const char *text) = prompt->done;

	if (key == KEY_ESC || key == KEY_RESIZE) {
		prompt->label = key == KEY_ESC ? NULL : prompt->label;
	} else if (key == '\n' || key == '\r' || key == KEY_ENTER) {
		prompt->label = NULL;
		done(ui, prompt->text);
	} else if (key == KEY_BACKSPACE || key == KEY_DEL || key == '\b') {
		/* a whole character, of however many bytes */
		while (prompt->len && (prompt->text[--prompt->len] & 0xc0) == 0x80)
			;
		prompt->text[prompt->len] = '\0';
	} else if (key == KEY_CTRL_U) {
		prompt->text[prompt->len = 0] = '\0';
	} else if (key >= ' ' && key < 256 && prompt->len + 1 < sizeof(prompt->text)) {
		prompt->text[prompt->len++] = key;
		prompt->text[prompt->len] = '\0';
	}
}

static void page_key(struct top_ui *ui, int key)
{
	struct top_page *page = &ui->page;
	size_t lines = top_page_lines(), last = page->cnt > lines ? page->cnt - lines : 0;
	static const struct {
		int key, by; /* by: 0 = a screen, else lines */
		bool up;
	} moves[] = {
		{ KEY_UP, 1, true },	 { 'k', 1, true },
		{ KEY_DOWN, 1, false },	 { 'j', 1, false },
		{ KEY_PPAGE, 0, true },	 { KEY_NPAGE, 0, false },
		{ ' ', 0, false },	 { KEY_HOME, 1 << 30, true },
		{ 'g', 1 << 30, true },	 { KEY_END, 1 << 30, false },
		{ 'G', 1 << 30, false },
	};

	if (key == KEY_ESC || key == 'q' || key == 'h' || key == '\n') {
		top_page__close(ui);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		size_t by = moves[i].by ? (size_t)moves[i].by : lines;

		if (moves[i].key != key)
			continue;
		if (moves[i].up)
			page->at = page->at > by ? page->at - by : 0;
		else
			page->at = page->at + by < last ? page->at + by : last;
	}
}

static const struct key *find_key(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		for (size_t c = 0; c < CODES_MAX; c++)
			if (keys[i].codes[c] && keys[i].codes[c] == code)
				return &keys[i];
	return NULL;
}

void top_key(struct top_ui *ui, int code)
{
	const struct key *key = find_key(code);

	if (code == KEY_RESIZE)
		return;
	*ui->message = '\0';
	ui->searching = false;
	if (ui->prompt.label)
		prompt_key(ui, code);
	else if (ui->page.text && top_page_lines())
		page_key(ui, code);
	else if (key)
		key->fn(ui, key->arg);
}
