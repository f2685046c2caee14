// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-top: what a refresh of gup-pintop costs on a snapshot of a million
 * folios in 10,000 groups of 1,000 processes: rows, order, header and every
 * cell of a screen of 50 lines, for each view; and keys: one that sorts, and a
 * move to the end and back by one. CPU time of this process, the least and the
 * median of several runs; and a step of a search. Exit status 1 when even the least of a view is above
 * the bound given (milliseconds). The view of single pages, a million rows that
 * only --pages records, is then sorted by each of its columns as well, and may
 * take PAGES_BOUNDS times as long: its cache misses are dear where others work.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "top_model.h"
#include "util.h"

#define RUNS 5
#define PROCESSES 1000
#define GROUPS 10000
#define FOLIOS 1000000
#define LINES 50
#define PAGES_BOUNDS 2 /* single pages may take this many times the bound */

static const char *const sites[] = { "ib_umem_get", "io_pin_pages", "vaddr_get_pfns",
				     "xdp_umem_pin_pages", "udmabuf_pin_folios" };

static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

static int ascending(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return one < other ? -1 : one > other;
}

static void add_processes(struct snapshot *snap)
{
	char name[64];

	for (int i = 0; i < PROCESSES; i++) {
		struct process *process = snapshot__append(snap, &snap->processes,
							   &snap->process_cnt, sizeof(*process));

		process->pid = 1000 + i * 7;
		snprintf(name, sizeof(name), "worker-%d", i % 97);
		process->comm = snapshot__str(snap, name);
		process->forked_from = -1;
		snprintf(name, sizeof(name), "/pods.slice/pod-%d", i % 211);
		process->cgroup = snapshot__str(snap, name);
		process->start_boot_ns = 1000000000ULL * (i + 1);
	}
}

static void add_stacks(struct snapshot *snap)
{
	for (size_t i = 0; i < ARRAY_SIZE(sites); i++) {
		struct stack *stack =
			snapshot__append(snap, &snap->stacks, &snap->stack_cnt, sizeof(*stack));
		struct frame *frame =
			snapshot__append(snap, &stack->frames, &stack->frame_cnt, sizeof(*frame));

		stack->complete = true;
		frame->function = sites[i];
	}
}

static void add_group(struct snapshot *snap, int i)
{
	struct group *group =
		snapshot__append(snap, &snap->groups, &snap->group_cnt, sizeof(*group));
	struct memory *memory =
		snapshot__append(snap, &group->memory, &group->memory_cnt, sizeof(*memory));
	struct holder *holder =
		snapshot__append(snap, &group->held_by, &group->held_by_cnt, sizeof(*holder));
	uint64_t folios = FOLIOS / GROUPS;
	char path[64];

	group->owner = i % PROCESSES;
	group->memory_of = -1;
	group->api = API_PIN_USER_PAGES_FAST;
	group->flags = PIN_WRITE | PIN_LONGTERM;
	group->kernel_stack = i % ARRAY_SIZE(sites);
	group->user_stack = -1;
	group->oldest_ns = group->newest_ns = snap->taken_ns - 1000000ULL * i;
	group->q = (struct quantity){ folios, folios, folios * 4096 };
	group->through =
		(struct through){ true, "io_uring", "[io_uring]", 3 + i % 50, "io_uring_register" };
	group->owner_id = i + 1;
	snprintf(path, sizeof(path), "/data/file-%d", i % 1009);
	*memory = (struct memory){ .kind = i % 3 ? MEM_ANON : MEM_FILE,
				   .folio_bytes = 4096,
				   .folios = folios,
				   .zone = "Normal",
				   .dev = 1,
				   .ino = i % 1009 + 2,
				   .file = i % 3 ? NULL : snapshot__str(snap, path) };
	*holder = (struct holder){ .process = group->owner, .fd = 3 };
}

static void add_pages(struct snapshot *snap)
{
	snap->pages = snapshot__alloc(snap, FOLIOS * sizeof(*snap->pages));
	snap->page_cnt = FOLIOS;
	for (size_t i = 0; i < FOLIOS; i++)
		snap->pages[i] = (struct page_info){
			.pfn = 4096 + i,
			.folio_bytes = i % 7 ? 4096 : 65536,
			.pins = 1 + i % 1021,
			.refcount = 2 + i % 4093,
			.mapcount = i % 13,
			.kind = i % 3 ? MEM_ANON : MEM_FILE,
			.node = i % 2,
			/* Copies, as the reader of recorded snapshots makes them. */
			.zone = snapshot__str(snap, i % 5 ? "Normal" : "DMA32"),
			.group = i % GROUPS,
		};
}

static struct snapshot *large_snapshot(void)
{
	struct snapshot *snap = snapshot__new();

	snap->taken_ns = 1795351447218000000ULL;
	snap->ram_bytes = 1ULL << 40;
	snap->page_size = 4096;
	add_processes(snap);
	add_stacks(snap);
	for (int i = 0; i < GROUPS; i++)
		add_group(snap, i);
	add_pages(snap);
	snap->pinned = snap->attributed = (struct quantity){ FOLIOS, FOLIOS, FOLIOS * 4096ULL };
	return snap;
}

/* What a screen reads of the model. */
static void refresh(struct top_model *model, const struct snapshot *snap)
{
	struct top_look *look = top_look(model);
	struct top_summary summary;
	struct top_story story;
	char text[512];

	if (top_model__show(model, snap))
		errx(4, "out of memory");
	top_model__summary(model, &summary);
	for (size_t i = 0; i < model->row_cnt && i < LINES; i++) {
		struct top_row row = top_model__row(model, i);

		for (size_t j = 0; j < look->column_cnt; j++)
			top_cell(model, &row, look->columns[j], false, text, sizeof(text));
	}
	if (model->row_cnt) {
		struct top_row row = top_model__row(model, top_model__selected(model));

		top_story(model, &row, &story);
	}
}

/* As the keys do: to the end, one up, each with what the frame then asks for. */
static void move(struct top_model *model)
{
	top_model__select(model, model->row_cnt - 1);
	top_model__select(model, top_model__selected(model) - 1);
}

/* The least in milliseconds of sorting by it, with the selection found again. */
static double measure_column(struct top_model *model, const struct top_column *column)
{
	double sorts[RUNS], moves[RUNS];

	top_look(model)->sort = column;
	for (int i = 0; i < RUNS; i++) {
		double begin = cpu_ms(), middle;

		top_look(model)->reverse = !top_look(model)->reverse;
		top_model__sort(model);
		top_model__selected(model);
		middle = cpu_ms();
		move(model);
		sorts[i] = middle - begin;
		moves[i] = cpu_ms() - middle;
	}
	qsort(sorts, RUNS, sizeof(sorts[0]), ascending);
	qsort(moves, RUNS, sizeof(moves[0]), ascending);
	printf("  by %-10s sort %6.1f ms (median %6.1f), move %6.1f ms (median %6.1f)\n",
	       column->name, sorts[0], sorts[RUNS / 2], moves[0], moves[RUNS / 2]);
	return sorts[0] > moves[0] ? sorts[0] : moves[0];
}

/* A step of a search for what is not there, as a key begins and the screen goes on with. */
static double measure_search(struct top_model *model)
{
	double most = 0;

	for (size_t looked = 0; looked < (size_t)RUNS * TOP_SEARCH_ROWS;) {
		double begin = cpu_ms();

		if (top_model__search(model, "no such text", &looked) != TOP_GO_ON)
			break;
		most = cpu_ms() - begin > most ? cpu_ms() - begin : most;
	}
	printf("  a step of a search %6.1f ms\n", most);
	return most;
}

static bool is_within(const char *what, double ms, double bound)
{
	if (ms > bound)
		printf("%s: above its bound of %.0f ms\n", what, bound);
	return ms <= bound;
}

/* A line of figures, and whether the least is within the bound. */
static bool measure(enum top_view view, const struct snapshot *snap, double bound)
{
	const char *name = top_view_info(view)->name;
	double shows[RUNS], sorts[RUNS];
	bool within;
	struct top_model model;

	top_model__init(&model);
	model.view = view;
	refresh(&model, snap);
	for (int i = 0; i < RUNS; i++) {
		double begin = cpu_ms(), middle;

		refresh(&model, snap);
		middle = cpu_ms();
		top_look(&model)->reverse = !top_look(&model)->reverse;
		top_model__sort(&model);
		shows[i] = middle - begin;
		sorts[i] = cpu_ms() - middle;
	}
	qsort(shows, RUNS, sizeof(shows[0]), ascending);
	qsort(sorts, RUNS, sizeof(sorts[0]), ascending);
	printf("%-10s %8zu rows: refresh %6.1f ms (median %6.1f), sort %6.1f ms (median %6.1f)\n",
	       name, model.row_cnt, shows[0], shows[RUNS / 2], sorts[0], sorts[RUNS / 2]);
	within = is_within(name, shows[0], view == TOP_PAGES ? PAGES_BOUNDS * bound : bound);
	within &= is_within(name, sorts[0], view == TOP_PAGES ? PAGES_BOUNDS * bound : bound);
	for (size_t i = 0; view == TOP_PAGES && i < top_look(&model)->column_cnt; i++) {
		const struct top_column *column = top_look(&model)->columns[i];

		within &= is_within(column->name, measure_column(&model, column),
				    PAGES_BOUNDS * bound);
	}
	if (view == TOP_PAGES)
		within &= is_within("search", measure_search(&model), bound);
	top_model__done(&model);
	return within;
}

int main(int argc, char **argv)
{
	double bound = argc > 1 ? atof(argv[1]) : 1e9;
	struct snapshot *snap = large_snapshot();
	const struct audit_options audit = {};
	int ret = 0;

	snapshot__audit(snap, &audit);
	for (int view = 0; view < TOP_VIEW_CNT; view++)
		if (!measure(view, snap, bound))
			ret = 1;
	snapshot__free(snap);
	return ret;
}
