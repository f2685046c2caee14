// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which groups, pages and sites of a snapshot fit a filter, and the totals of
 * what is left. The words: filter.c; what they mean: filter.h.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "util.h"

static bool asks_of_process(const struct filter *f)
{
	return f->by_pid || f->by_uid || *f->comm || *f->cgroup;
}

static bool asks_of_place(const struct filter *f)
{
	return f->by_node || *f->zone;
}

bool filter__is_empty(const struct filter *f)
{
	return !asks_of_process(f) && !asks_of_place(f) && !f->by_kind && !*f->file && !*f->driver;
}

static bool in_subtree(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (!path || strncmp(path, top, len) != 0)
		return false;
	return len == 1 || path[len] == '/' || !path[len];
}

static bool process_fits(const struct filter *f, const struct process *process)
{
	if (f->by_pid && process->pid != f->pid)
		return false;
	if (f->by_uid && process->uid != f->uid)
		return false;
	if (*f->cgroup && !in_subtree(process->cgroup, f->cgroup))
		return false;
	return !*f->comm || fnmatch(f->comm, process->comm, 0) == 0;
}

static bool index_fits(const struct filter *f, const struct snapshot *snap, int process)
{
	return process >= 0 && process_fits(f, &snap->processes[process]);
}

static bool any_holder_fits(const struct filter *f, const struct snapshot *snap,
			    const struct holder *holders, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (index_fits(f, snap, holders[i].process))
			return true;
	return false;
}

static bool any_process_fits(const struct filter *f, const struct snapshot *snap,
			     const int *processes, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		if (index_fits(f, snap, processes[i]))
			return true;
	return false;
}

static bool processes_fit(const struct filter *f, const struct snapshot *snap,
			  const struct group *group)
{
	return !asks_of_process(f) || index_fits(f, snap, group->owner) ||
	       index_fits(f, snap, group->memory_of) ||
	       any_holder_fits(f, snap, group->held_by, group->held_by_cnt) ||
	       any_holder_fits(f, snap, group->likely, group->likely_cnt) ||
	       any_process_fits(f, snap, group->mapped_by, group->mapped_by_cnt);
}

/* Module names are written with either. */
static bool same_module(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
			return false;
	return *a == *b;
}

static bool stack_has(const struct snapshot *snap, int stack, const char *module)
{
	for (size_t i = 0; stack >= 0 && i < snap->stacks[stack].frame_cnt; i++) {
		const char *in = snap->stacks[stack].frames[i].module;

		if (in && same_module(in, module))
			return true;
	}
	return false;
}

static bool driver_fits(const struct filter *f, const struct snapshot *snap,
			const struct group *group)
{
	const char *kind = group->through.kind;

	return !*f->driver || (kind && strcmp(kind, f->driver) == 0) ||
	       stack_has(snap, group->kernel_stack, f->driver);
}

static bool place_fits(const struct filter *f, int node, const char *zone)
{
	return (!f->by_node || node == f->node) &&
	       (!*f->zone || (zone && strcmp(zone, f->zone) == 0));
}

static bool memory_fits(const struct filter *f, const struct group *group)
{
	bool through = group->through.path && strcmp(group->through.path, f->file) == 0;
	const struct memory *memory;

	if (!asks_of_place(f) && !f->by_kind && (!*f->file || through))
		return true;
	for (size_t i = 0; i < group->memory_cnt; i++) {
		memory = &group->memory[i];
		if (place_fits(f, memory->node, memory->zone) &&
		    (!f->by_kind || memory->kind == f->kind) &&
		    (!*f->file || through || (memory->file && strcmp(memory->file, f->file) == 0)))
			return true;
	}
	return false;
}

bool filter__fits(const struct filter *f, const struct snapshot *snap, const struct group *group)
{
	return processes_fit(f, snap, group) && driver_fits(f, snap, group) &&
	       memory_fits(f, group);
}

/* new_group: of each group its place among those that are left, -1 = dropped. */
static bool page_fits(const struct filter *f, const struct snapshot *snap,
		      const struct page_info *page, const int *new_group)
{
	bool pinned = page->group >= 0;

	if (pinned && new_group[page->group] < 0)
		return false;
	if (!pinned &&
	    (*f->driver || (asks_of_process(f) &&
			    !any_process_fits(f, snap, page->mapped_by, page->mapped_by_cnt))))
		return false;
	/* of a group that was pinned through that file any page will do */
	if (*f->file && !(page->file && strcmp(page->file, f->file) == 0) &&
	    !(pinned && snap->groups[new_group[page->group]].through.path &&
	      strcmp(snap->groups[new_group[page->group]].through.path, f->file) == 0))
		return false;
	return place_fits(f, page->node, page->zone) && (!f->by_kind || page->kind == f->kind);
}

static void keep_pages(struct snapshot *snap, const struct filter *f, const int *new_group)
{
	size_t cnt = 0;

	for (size_t i = 0; i < snap->page_cnt; i++) {
		if (!page_fits(f, snap, &snap->pages[i], new_group))
			continue;
		snap->pages[cnt] = snap->pages[i];
		if (snap->pages[cnt].group >= 0)
			snap->pages[cnt].group = new_group[snap->pages[cnt].group];
		cnt++;
	}
	snap->page_cnt = cnt;
}

static void keep_groups(struct snapshot *snap, const struct filter *f, int *new_group)
{
	size_t cnt = 0;

	for (size_t i = 0; i < snap->group_cnt; i++) {
		new_group[i] = -1;
		if (!filter__fits(f, snap, &snap->groups[i]))
			continue;
		new_group[i] = cnt;
		snap->groups[cnt++] = snap->groups[i];
	}
	snap->group_cnt = cnt;
}

static bool site_fits(const struct filter *f, const struct snapshot *snap, const struct site *site)
{
	if (*f->driver && ((site->caller_module && same_module(site->caller_module, f->driver)) ||
			   stack_has(snap, site->kernel_stack, f->driver)))
		return true;
	for (size_t i = 0; site->kernel_stack >= 0 && i < snap->group_cnt; i++)
		if (snap->groups[i].kernel_stack == site->kernel_stack)
			return true;
	return false;
}

/* What cannot be told apart by the words is not shown, but for wrong releases: they are findings. */
static void keep_others(struct snapshot *snap, const struct filter *f)
{
	size_t cnt = 0;

	for (size_t i = 0; i < snap->site_cnt; i++)
		if (site_fits(f, snap, &snap->sites[i]))
			snap->sites[cnt++] = snap->sites[i];
	snap->site_cnt = cnt;
	snap->cmd_pins = snapshot__taken_by_cmd(snap);
	cnt = 0;
	for (size_t i = 0; i < snap->get_site_cnt; i++)
		if (*f->driver && snap->get_sites[i].caller_module &&
		    same_module(snap->get_sites[i].caller_module, f->driver))
			snap->get_sites[cnt++] = snap->get_sites[i];
	snap->get_site_cnt = cnt;
	cnt = 0;
	for (size_t i = 0; i < snap->wrong_cnt; i++)
		if (!asks_of_process(f) || snap->wrongs[i].process < 0 ||
		    index_fits(f, snap, snap->wrongs[i].process))
			snap->wrongs[cnt++] = snap->wrongs[i];
	snap->wrong_cnt = cnt;
	cnt = 0;
	for (size_t i = 0; i < snap->zone_cnt; i++)
		if (!asks_of_process(f) && !f->by_kind && !*f->file && !*f->driver &&
		    place_fits(f, snap->zones[i].node, snap->zones[i].zone))
			snap->zones[cnt++] = snap->zones[i];
	snap->zone_cnt = cnt;
}

static void add_to(struct quantity *sum, const struct quantity *q)
{
	sum->pins += q->pins;
	sum->folios += q->folios;
	sum->bytes += q->bytes;
}

static void cap(struct quantity *sum, const struct quantity *was)
{
	sum->pins = sum->pins < was->pins ? sum->pins : was->pins;
	sum->folios = sum->folios < was->folios ? sum->folios : was->folios;
	sum->bytes = sum->bytes < was->bytes ? sum->bytes : was->bytes;
}

static void total(struct snapshot *snap)
{
	struct quantity known = { 0 }, unknown = { 0 }, all;

	for (size_t i = 0; i < snap->group_cnt; i++)
		add_to(snap->groups[i].owner < 0 ? &unknown : &known, &snap->groups[i].q);
	cap(&known, &snap->attributed);
	cap(&unknown, &snap->unattributed);
	all = known;
	add_to(&all, &unknown);
	cap(&all, &snap->pinned);
	snap->pinned = all;
	snap->attributed = known;
	snap->unattributed = unknown;
}

static const char *in_words(struct snapshot *snap, const struct filter *f)
{
	const char *text = snap->filter ? snap->filter : "";
	const struct {
		const char *word, *value;
	} texts[] = {
		{ "file", f->file },	 { "cgroup", f->cgroup }, { "comm", f->comm },
		{ "driver", f->driver }, { "zone", f->zone },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (*texts[i].value)
			text = snapshot__printf(snap, "%s%s%s=%s", text, *text ? " " : "",
						texts[i].word, texts[i].value);
	if (f->by_pid)
		text = snapshot__printf(snap, "%s%spid=%u", text, *text ? " " : "", f->pid);
	if (f->by_uid)
		text = snapshot__printf(snap, "%s%suid=%u", text, *text ? " " : "", f->uid);
	if (f->by_node)
		text = snapshot__printf(snap, "%s%snode=%d", text, *text ? " " : "", f->node);
	if (f->by_kind)
		text = snapshot__printf(snap, "%s%skind=%s", text, *text ? " " : "",
					mem_kind_name(f->kind));
	return text;
}

void filter__apply(struct snapshot *snap, const struct filter *filter)
{
	int *new_group;

	if (filter__is_empty(filter))
		return;
	new_group = snapshot__alloc(snap, (snap->group_cnt + 1) * sizeof(*new_group));
	keep_groups(snap, filter, new_group);
	keep_pages(snap, filter, new_group);
	keep_others(snap, filter);
	/* findings name groups by their place: none until the audit */
	snap->findings = NULL;
	snap->finding_cnt = 0;
	total(snap);
	snap->filter = in_words(snap, filter);
}
