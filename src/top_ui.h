/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of gup-pintop's screen: its state, what draws it, and the
 * keys that change it. Only top_term.c and top_draw*.c draw.
 */
#ifndef GUP_TOP_UI_H
#define GUP_TOP_UI_H

#include "top.h"
#include "top_model.h"
#include "top_source.h"

#define TOP_MIN_COLS 80
#define TOP_MIN_LINES 24
#define TOP_PROMPT_ROOM 200

struct top_ui;

/* Text that covers the list: help, the holds of a row. */
struct top_page {
	char *text; /* NULL = the list is there */
	char title[256];
	size_t at, cnt; /* first line shown, how many there are */
};

/* A line being typed; done is called with it on Enter. */
struct top_prompt {
	const char *label; /* NULL = nothing is asked */
	char text[TOP_PROMPT_ROOM];
	size_t len;
	void (*done)(struct top_ui *ui, const char *text);
};

struct top_ui {
	struct top_model model;
	struct top_source *source;
	struct snapshot *snap;
	struct top_page page;
	struct top_prompt prompt;
	char message[256]; /* until the next key */
	char search[TOP_PROMPT_ROOM], filter[TOP_PROMPT_ROOM];
	size_t first;	/* row at the top of the list */
	bool searching; /* goes on while no key is pressed */
	size_t looked;	/* rows searched so far */
	bool paused, quit;
	bool utf8;
};

/* Lines of the list, and of a page; 0 = the terminal is too small. */
size_t top_list_lines(void);
size_t top_page_lines(void);

/* Draws everything. */
void top_draw(struct top_ui *ui);

/* Acts upon a key as getch() gives it. */
void top_key(struct top_ui *ui, int key);
/* Keys and what they do, line by line, for --help's sake and the help screen. Malloced. */
char *top_key_help(const struct top_ui *ui);
/* The footer's line of the most used keys. */
void top_key_footer(const struct top_ui *ui, char *text, size_t room);

void __attribute__((format(printf, 2, 3))) top_say(struct top_ui *ui, const char *fmt, ...);
/* Goes on with a search, for a moment. */
void top_search(struct top_ui *ui);
/* Takes text, malloced. */
void top_page__open(struct top_ui *ui, char *text, const char *title);
void top_page__close(struct top_ui *ui);
/* Steps to another snapshot and shows it; false if there is none. */
bool top_step(struct top_ui *ui, int step);

/*
 * Takes the terminal, and gives it back whatever ends the program; what goes
 * to stderr meanwhile comes out afterwards. 0, or -errno after one line on
 * stderr. *utf8: it shows more than ASCII.
 */
int top_term__start(bool ascii, bool *utf8);
void top_term__stop(void);
/* The signal that asked for the end, 0 = none. */
int top_term__signal(void);
/* Waits for a key, a resize, a signal, or fd (-1 = none) to be readable; busy: only looks. */
void top_term__wait(int fd, bool busy);

#endif
