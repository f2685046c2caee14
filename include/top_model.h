/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What gup-pintop shows, computed from snapshots: rows, columns, order, the
 * selection, figures of the header, the story of a row. Plain data: knows
 * neither terminal nor kernel, so that tests need neither.
 *
 * Rows point into the snapshot they were made from, which the caller keeps
 * until it shows the next one.
 */
#ifndef GUP_TOP_MODEL_H
#define GUP_TOP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "filter.h"
#include "snapshot.h"

enum top_view {
	TOP_PROCESSES,
	TOP_SITES,
	TOP_FILES,
	TOP_CGROUPS,
	TOP_NODES,
	TOP_FINDINGS,
	TOP_PAGES,
	TOP_VIEW_CNT,
};

/* One row of a view; what a view does not know stays zero, -1 or NULL. */
struct top_row {
	uint64_t id;	   /* the same in the next snapshot */
	struct quantity q; /* sum over its groups; folios in several of them count in each */
	size_t groups;
	bool overlaps;	    /* some of its folios are in another group too */
	bool pins_split;    /* parts of groups: how many of their pins are its is unknown */
	uint64_t oldest_ns; /* 0 = unknown */
	uint32_t flags;	    /* of all its groups */
	enum mem_kind kind; /* of most of its memory */
	uint64_t kind_bytes;
	enum state state; /* the worst of its groups */
	int process;	  /* index, -1 = none */
	bool guessed;	  /* the process is there by evidence only */
	bool unowned;	  /* of groups without a recorded owner */
	size_t described; /* number of the group it was described by last */
	size_t lead;	  /* its largest group; SIZE_MAX = none */
	const char *name; /* file, cgroup, zone; caller of a site */
	const char *use;  /* file: "pinned" (its pages are) or "through" (it was pinned through) */
	uint64_t dirty, writeback; /* folios of a file */
	int node;
	enum gup_api_id api;
	const struct site *site;
	const struct get_site *get;
	const struct zone_use *zone;
	const struct finding *finding;
	const struct page_info *page;
};

enum top_unit { UNIT_BYTES, UNIT_COUNT, UNIT_AGE, UNIT_NUMBER, UNIT_TEXT, UNIT_STATE, UNIT_FLAGS };

/* Numbers are compared, text is shown; both may be there (levels, states). */
struct top_value {
	bool known;
	bool guess; /* shown with a question mark */
	uint64_t num;
	const char *text;  /* NULL = a number */
	const char *shown; /* what people see of it, NULL = all */
};

struct top_model;

struct top_column {
	const char *name; /* of -o and --sort; in capitals the heading */
	unsigned int width;
	enum top_unit unit;
	struct top_value (*get)(const struct top_model *model, const struct top_row *row);
	const char *help;
};

#define TOP_COLUMNS_MAX 24

struct top_view_info {
	const char *name;	    /* "processes" */
	const char *title;	    /* of its tab */
	const char *columns, *more; /* usual ones; those that wide terminals show besides */
	const char *sort;	    /* column */
	const char *empty;	    /* what an empty list means */
	int (*build)(struct top_model *model);
	bool (*has)(const struct top_model *model, const struct top_row *row,
		    const struct group *group);
	/*
	 * NULL for a view that keeps its rows in the model. Else it puts them in
	 * order, makes the one at a place, and finds the place of an id (SIZE_MAX =
	 * not there).
	 */
	void (*arrange)(struct top_model *model);
	struct top_row (*row)(const struct top_model *model, size_t at);
	size_t (*find)(const struct top_model *model, uint64_t id);
};

/* How a view is shown; each view keeps its own. */
struct top_look {
	const struct top_column *sort;
	bool reverse;
	const struct top_column *columns[TOP_COLUMNS_MAX];
	size_t column_cnt, usual_cnt; /* the first usual_cnt are there at every width */
	uint64_t selected;	      /* row id */
	bool chosen;		      /* by the user: else the first row is selected */
	size_t at;		      /* where it was, should it go */
};

struct top_rate {
	uint64_t from_ns, to_ns;     /* between two snapshots */
	uint64_t acquired, released; /* per second */
};

#define TOP_RATES_MAX 512
#define TOP_RATE_SPAN_NS (5 * 60 * 1000000000ULL)

struct top_model {
	const struct snapshot *snap; /* NULL before the first */
	enum top_view view;
	struct top_look looks[TOP_VIEW_CNT];
	size_t row_cnt;
	struct top_row *rows; /* read by top_model__row(): a view may make them as needed */
	size_t row_room;
	struct top_index *index;	      /* row by id, while rows are made */
	struct top_pages *pages;	      /* order of single pages */
	struct top_rate rates[TOP_RATES_MAX]; /* ascending, the newest last */
	size_t rate_cnt;
	struct {
		uint64_t taken_ns, since_ns, acquired, released;
	} last;	       /* counters of the snapshot before; taken_ns 0 = none */
	bool filtered; /* only groups that fit */
	struct filter filter;
};

/* Figures of the header. Bytes of groups that overlap may count twice: then approximate. */
struct top_summary {
	uint64_t longterm, file, leaked, orphaned;
	bool approximate;
	bool rate_known;
	uint64_t acquired, released, peak; /* per second: now, and the most within the span */
	uint64_t lost;
	unsigned int errors, warnings, notes;
};

void top_model__init(struct top_model *model);
void top_model__done(struct top_model *model);

/* Shows this snapshot, which must live until the next; notes the rates. 0 or -ENOMEM. */
int top_model__show(struct top_model *model, const struct snapshot *snap);
/* Another view of the same snapshot, or the same after the filter has changed. 0 or -ENOMEM. */
int top_model__view(struct top_model *model, enum top_view view);
/* Words of a filter, "comm=fio kind=anon"; none = everything fits. 0, or -EINVAL with why. */
int top_model__set_filter(struct top_model *model, const char *text, char *why, size_t room);
/* Puts the rows in order again, after the look has changed. */
void top_model__sort(struct top_model *model);

/* The row at this place, below row_cnt. */
struct top_row top_model__row(const struct top_model *model, size_t at);
/* Index of the selected row, 0 if there is none. */
size_t top_model__selected(const struct top_model *model);
void top_model__select(struct top_model *model, size_t row);

#define TOP_SEARCH_ROWS 4096
enum top_found { TOP_FOUND, TOP_NOT_FOUND, TOP_GO_ON };
/*
 * Selects the next row, from the one after the selected round to itself, with what
 * in a column. A million rows take seconds, so each call looks at TOP_SEARCH_ROWS
 * at most, and the next one goes on: *looked counts from 0.
 */
enum top_found top_model__search(struct top_model *model, const char *what, size_t *looked);

void top_model__summary(const struct top_model *model, struct top_summary *summary);
/*
 * Pins per second as levels from 0 (nothing known) to most (the peak) in cnt
 * columns over the span, the newest last; what it spans, in nanoseconds.
 */
uint64_t top_model__spark(const struct top_model *model, unsigned char *levels, size_t cnt,
			  unsigned int most);

const struct top_view_info *top_view_info(enum top_view view);
static inline struct top_look *top_look(struct top_model *model)
{
	return &model->looks[model->view];
}

/* The table of columns, and one by name, NULL if there is none. */
const struct top_column *top_columns(size_t *cnt);
/* Their names and what they show, a line each. */
void top_columns__list(FILE *out);
const struct top_column *top_column(const char *name, size_t length);
bool top_column__descends(const struct top_column *column); /* its natural order */
/* "memory,pins": fills columns, 0 or -EINVAL with the bad word in *bad (malloced). */
int top_columns__parse(const char *list, const struct top_column **columns, size_t *cnt,
		       char **bad);

/*
 * A cell as text, harmless on a terminal. Machine: one word, exact figures
 * (bytes, seconds), unknown is "-".
 */
void top_cell(const struct top_model *model, const struct top_row *row,
	      const struct top_column *column, bool machine, char *text, size_t room);

#define TOP_STORY_LINES 6
struct top_story {
	char title[256];
	char lines[TOP_STORY_LINES][512]; /* "Held by    pid 4199 python3"; empty at the end */
};

/* The row's story for the lower pane. */
void top_story(const struct top_model *model, const struct top_row *row, struct top_story *story);
/* All holds of the row, as text of width columns; *text is malloced. 0 or -ENOMEM. */
int top_holds(const struct top_model *model, const struct top_row *row, unsigned int width,
	      char **text);

#endif
