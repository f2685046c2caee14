// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pinned memory by process name, control group, call site and kind of file.
 * Groups with the same labels are one series; the largest are shown, the others
 * are added up under "other" and counted, so that no workload can make a scrape
 * grow without bound.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "form_prom_impl.h"
#include "util.h"

#define OTHER "other"
#define UNKNOWN "unknown"

struct series {
	char *labels; /* malloced */
	uint64_t bytes;
};

struct by {
	const char *name;      /* of the family */
	const char *labels[3]; /* ends with NULL */
	const char *help;
	/* Values of the labels; all are set. buf is theirs. */
	void (*values)(const struct snapshot *snap, const struct group *group,
		       const char *values[3], char buf[2][128]);
};

static const struct process *owner_of_group(const struct snapshot *snap, const struct group *group)
{
	return group->owner < 0 ? NULL : &snap->processes[group->owner];
}

static void by_owner(const struct snapshot *snap, const struct group *group, const char *values[3],
		     char buf[2][128])
{
	const struct process *owner = owner_of_group(snap, group);

	(void)buf;
	values[0] = owner && owner->comm ? owner->comm : UNKNOWN;
}

static void by_cgroup(const struct snapshot *snap, const struct group *group, const char *values[3],
		      char buf[2][128])
{
	const struct process *owner = owner_of_group(snap, group);
	const char *path = owner ? owner->cgroup : NULL;

	values[0] = path ? path : UNKNOWN;
	values[1] = container_pod_uid(path, buf[0], sizeof(buf[0]));
	values[2] = container_id(path, buf[1], sizeof(buf[1]));
	values[1] = values[1] ? values[1] : "";
	values[2] = values[2] ? values[2] : "";
}

static void by_site(const struct snapshot *snap, const struct group *group, const char *values[3],
		    char buf[2][128])
{
	const struct frame *caller = pin_site__caller(snap, group->kernel_stack);

	(void)buf;
	values[0] = api_name(group->api);
	values[1] = caller && caller->function ? caller->function : UNKNOWN;
	values[2] = caller && caller->module ? caller->module : "";
}

static void by_driver(const struct snapshot *snap, const struct group *group, const char *values[3],
		      char buf[2][128])
{
	(void)snap;
	(void)buf;
	values[0] = group->through.known && group->through.kind ? group->through.kind : UNKNOWN;
}

static const struct by families[] = {
	{ "gup_pin_owner_bytes",
	  { "comm" },
	  "Pinned memory by the name of the process that pinned it.",
	  by_owner },
	{ "gup_pin_cgroup_bytes",
	  { "cgroup", "pod_uid", "container_id" },
	  "Pinned memory by the control group of the process that pinned it.",
	  by_cgroup },
	{ "gup_pin_site_bytes",
	  { "api", "caller", "module" },
	  "Pinned memory by the pin function and the kernel function that called it.",
	  by_site },
	{ "gup_pin_driver_bytes",
	  { "driver" },
	  "Pinned memory by the kind of file that it was pinned through.",
	  by_driver },
};

/* 'comm="x"', malloced; NULL: out of memory. */
static char *make_labels(struct prom *prom, const struct by *by, const char *const values[3])
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out) {
		prom->err = -ENOMEM;
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(by->labels) && by->labels[i]; i++)
		prom__label(prom, out, i == 0, by->labels[i], values[i]);
	if (!fclose(out))
		return text;
	prom->err = -ENOMEM;
	free(text);
	return NULL;
}

static int by_labels(const void *a, const void *b)
{
	return strcmp(((const struct series *)a)->labels, ((const struct series *)b)->labels);
}

static int by_bytes(const void *a, const void *b)
{
	const struct series *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return strcmp(x->labels, y->labels);
}

/* One series per group, then one per set of labels, largest first; how many. */
static size_t collect(struct prom *prom, const struct by *by, struct series *series)
{
	size_t cnt = 0, kept = 0;

	for (size_t g = 0; g < prom->snap->group_cnt; g++) {
		const struct group *group = &prom->snap->groups[g];
		const char *values[3] = {};
		char buf[2][128];

		if (!group->q.bytes)
			continue;
		by->values(prom->snap, group, values, buf);
		series[cnt].labels = make_labels(prom, by, values);
		series[cnt].bytes = group->q.bytes;
		cnt += series[cnt].labels != NULL;
	}
	qsort(series, cnt, sizeof(*series), by_labels);
	for (size_t i = 0; i < cnt; i++) {
		if (kept && !strcmp(series[kept - 1].labels, series[i].labels)) {
			series[kept - 1].bytes += series[i].bytes;
			free(series[i].labels);
		} else {
			series[kept++] = series[i];
		}
	}
	qsort(series, kept, sizeof(*series), by_bytes);
	return kept;
}

/* Series beyond the largest; one that happens to be called "other" goes the same way. */
static size_t write_by(struct prom *prom, const struct by *by, struct series *series)
{
	const char *const values[3] = { OTHER, OTHER, OTHER };
	size_t top = prom->opts->top ? prom->opts->top : PROM_TOP, shown = 0, dropped = 0;
	cleanup_free char *other = make_labels(prom, by, values);
	size_t cnt = collect(prom, by, series);
	uint64_t rest = 0;

	prom__family(prom, by->name, "gauge", by->help);
	for (size_t i = 0; i < cnt; i++) {
		if (shown < top && (!other || strcmp(series[i].labels, other))) {
			prom__sample(prom, by->name, series[i].labels, series[i].bytes);
			shown++;
		} else {
			rest += series[i].bytes;
			dropped++;
		}
		free(series[i].labels);
	}
	if (dropped && other)
		prom__sample(prom, by->name, other, rest);
	return dropped;
}

void prom__labelled(struct prom *prom)
{
	cleanup_free struct series *series = calloc(prom->snap->group_cnt + 1, sizeof(*series));
	size_t dropped[ARRAY_SIZE(families)];
	char labels[96];

	if (!series) {
		prom->err = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		dropped[i] = write_by(prom, &families[i], series);
	prom__family(prom, "gup_pin_dropped_series", "gauge",
		     "Series of a family that are added up as \"other\".");
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		snprintf(labels, sizeof(labels), "family=\"%s\"", families[i].name);
		prom__sample(prom, "gup_pin_dropped_series", labels, dropped[i]);
	}
}
