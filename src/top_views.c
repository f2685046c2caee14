// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop's views: how each makes its rows from a snapshot, and which groups
 * belong to a row. The table is at the end; see top_model.h.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "top_rows.h"
#include "util.h"

static uint64_t process_id(const struct snapshot *snap, const struct group *group)
{
	int process = top_group_process(group);

	return top_hash_number(top_hash_number(0, group->owner < 0),
			       process < 0 ? 0 : snap->processes[process].pid);
}

static int build_processes(struct top_model *model)
{
	const struct snapshot *snap = model->snap;

	for (size_t i = 0; i < snap->group_cnt; i++) {
		const struct group *group = &snap->groups[i];
		struct top_row *row;

		if (!top_accepts(model, group))
			continue;
		row = top_row(model, process_id(snap, group));
		if (!row)
			return -ENOMEM;
		row->process = top_group_process(group);
		row->guessed = group->owner < 0;
		top_row__add(row, snap, group);
	}
	return 0;
}

static bool has_process(const struct top_model *model, const struct top_row *row,
			const struct group *group)
{
	return process_id(model->snap, group) == row->id;
}

static uint64_t site_id(enum gup_api_id api, const char *caller)
{
	return top_hash(top_hash_number(0, api), caller);
}

static uint64_t group_site_id(const struct snapshot *snap, const struct group *group)
{
	const struct frame *caller = pin_site__caller(snap, group->kernel_stack);

	return site_id(group->api, caller ? caller->function : NULL);
}

static int add_get_sites(struct top_model *model)
{
	const struct snapshot *snap = model->snap;

	for (size_t i = 0; i < snap->get_site_cnt && !model->filtered; i++) {
		const struct get_site *get = &snap->get_sites[i];
		struct top_row *row =
			top_row(model, top_hash(top_hash(0, get->function), get->caller));

		if (!row)
			return -ENOMEM;
		row->get = get;
		row->name = get->caller;
	}
	return 0;
}

/* Sites that hold nothing now are listed as well: their balance is worth seeing. */
static int build_sites(struct top_model *model)
{
	const struct snapshot *snap = model->snap;
	const struct frame *caller;
	struct top_row *row;

	for (size_t i = 0; i < snap->site_cnt && !model->filtered; i++) {
		row = top_row(model, site_id(snap->sites[i].api, snap->sites[i].caller));
		if (!row)
			return -ENOMEM;
		row->site = &snap->sites[i];
		row->api = snap->sites[i].api;
		row->name = snap->sites[i].caller;
	}
	for (size_t i = 0; i < snap->group_cnt; i++) {
		if (!top_accepts(model, &snap->groups[i]))
			continue;
		row = top_row(model, group_site_id(snap, &snap->groups[i]));
		if (!row)
			return -ENOMEM;
		caller = pin_site__caller(snap, snap->groups[i].kernel_stack);
		row->name = caller ? caller->function : NULL;
		top_row__add(row, snap, &snap->groups[i]);
	}
	return add_get_sites(model);
}

static bool has_site(const struct top_model *model, const struct top_row *row,
		     const struct group *group)
{
	return group_site_id(model->snap, group) == row->id;
}

static bool is_file(const struct memory *memory)
{
	return memory->file != NULL;
}

static uint64_t file_id(const char *use, const char *path)
{
	return top_hash(top_hash(0, use), path);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Is all of the group's memory in one file? Then its pins are the file's. */
static bool in_one_file(const struct group *group)
{
	for (size_t i = 1; i < group->memory_cnt; i++)
		if (!same_text(group->memory[i].file, group->memory[0].file))
			return false;
	return true;
}

static bool in_one_zone(const struct group *group)
{
	for (size_t i = 1; i < group->memory_cnt; i++)
		if (group->memory[i].node != group->memory[0].node ||
		    !same_text(group->memory[i].zone, group->memory[0].zone))
			return false;
	return true;
}

/* Part of a group's memory; its share of the pins is not known unless the row has all of it. */
static void add_part(struct top_row *row, const struct group *group, size_t part, bool whole)
{
	const struct memory *memory = &group->memory[part];

	row->q.folios += memory->folios;
	row->q.bytes += memory->folios * memory->folio_bytes;
	row->pins_split |= !whole;
	if (whole && part == 0)
		row->q.pins += group->q.pins;
}

/* Pages of the file are pinned: only those parts count. */
static int add_pinned_files(struct top_model *model, const struct group *group)
{
	bool whole = in_one_file(group);
	struct top_row *row;

	for (size_t i = 0; i < group->memory_cnt; i++) {
		const struct memory *memory = &group->memory[i];

		if (!is_file(memory))
			continue;
		row = top_row(model, file_id("pinned", memory->file));
		if (!row)
			return -ENOMEM;
		row->name = memory->file;
		row->use = "pinned";
		top_row__describe(row, model->snap, group);
		add_part(row, group, i, whole);
		row->dirty += memory->dirty_folios;
		row->writeback += memory->writeback_folios;
		row->kind = memory->kind;
	}
	return 0;
}

static int build_files(struct top_model *model)
{
	const struct snapshot *snap = model->snap;

	for (size_t i = 0; i < snap->group_cnt; i++) {
		const struct group *group = &snap->groups[i];
		struct top_row *row;

		if (!top_accepts(model, group))
			continue;
		if (add_pinned_files(model, group))
			return -ENOMEM;
		if (!group->through.path)
			continue;
		row = top_row(model, file_id("through", group->through.path));
		if (!row)
			return -ENOMEM;
		row->name = group->through.path;
		row->use = "through";
		top_row__add(row, snap, group);
	}
	return 0;
}

static bool has_file(const struct top_model *model, const struct top_row *row,
		     const struct group *group)
{
	(void)model;
	if (strcmp(row->use, "through") == 0)
		return group->through.path && strcmp(group->through.path, row->name) == 0;
	for (size_t i = 0; i < group->memory_cnt; i++)
		if (is_file(&group->memory[i]) && strcmp(group->memory[i].file, row->name) == 0)
			return true;
	return false;
}

static const char *group_cgroup(const struct snapshot *snap, const struct group *group)
{
	return group->owner < 0 ? NULL : snap->processes[group->owner].cgroup;
}

static int build_cgroups(struct top_model *model)
{
	const struct snapshot *snap = model->snap;

	for (size_t i = 0; i < snap->group_cnt; i++) {
		const char *cgroup = group_cgroup(snap, &snap->groups[i]);
		struct top_row *row;

		if (!top_accepts(model, &snap->groups[i]))
			continue;
		row = top_row(model, top_hash(0, cgroup));
		if (!row)
			return -ENOMEM;
		row->name = cgroup;
		top_row__add(row, snap, &snap->groups[i]);
	}
	return 0;
}

static bool has_cgroup(const struct top_model *model, const struct top_row *row,
		       const struct group *group)
{
	return top_hash(0, group_cgroup(model->snap, group)) == row->id;
}

static uint64_t node_id(int node, const char *zone)
{
	return top_hash(top_hash_number(0, node + 1), zone);
}

static struct top_row *node_row(struct top_model *model, int node, const char *zone)
{
	struct top_row *row = top_row(model, node_id(node, zone));

	if (row) {
		row->node = node;
		row->name = zone;
	}
	return row;
}

static int add_zones_of(struct top_model *model, const struct group *group)
{
	const struct snapshot *snap = model->snap;
	bool whole = in_one_zone(group);
	struct top_row *row;

	for (size_t i = 0; i < group->memory_cnt; i++) {
		const struct memory *memory = &group->memory[i];

		row = node_row(model, memory->node, memory->zone);
		if (!row)
			return -ENOMEM;
		top_row__describe(row, snap, group);
		if (!row->zone)
			add_part(row, group, i, whole);
	}
	if (group->memory_cnt)
		return 0;
	row = node_row(model, -1, NULL);
	if (!row)
		return -ENOMEM;
	top_row__add(row, snap, group);
	return 0;
}

/* What a scan has counted by zone is exact and comes first; groups only describe it then. */
static int build_nodes(struct top_model *model)
{
	const struct snapshot *snap = model->snap;

	for (size_t i = 0; i < snap->zone_cnt && !model->filtered; i++) {
		const struct zone_use *zone = &snap->zones[i];
		struct top_row *row = node_row(model, zone->node, zone->zone);

		if (!row)
			return -ENOMEM;
		row->zone = zone;
		row->q = zone->q;
	}
	for (size_t i = 0; i < snap->group_cnt; i++)
		if (top_accepts(model, &snap->groups[i]) && add_zones_of(model, &snap->groups[i]))
			return -ENOMEM;
	return 0;
}

static bool has_node(const struct top_model *model, const struct top_row *row,
		     const struct group *group)
{
	(void)model;
	if (!group->memory_cnt)
		return node_id(-1, NULL) == row->id;
	for (size_t i = 0; i < group->memory_cnt; i++)
		if (node_id(group->memory[i].node, group->memory[i].zone) == row->id)
			return true;
	return false;
}

static int build_findings(struct top_model *model)
{
	const struct snapshot *snap = model->snap;

	for (size_t i = 0; i < snap->finding_cnt; i++) {
		const struct finding *finding = &snap->findings[i];
		const struct group *group =
			finding->group < 0 ? NULL : &snap->groups[finding->group];
		struct top_row *row;

		if (model->filtered && (!group || !top_accepts(model, group)))
			continue;
		row = top_row(model, top_hash(0, finding->id));
		if (!row)
			return -ENOMEM;
		row->finding = finding;
		row->name = finding->title;
		if (group) {
			row->process = top_group_process(group);
			row->guessed = group->owner < 0;
			top_row__add(row, snap, group);
		}
	}
	return 0;
}

static bool has_finding(const struct top_model *model, const struct top_row *row,
			const struct group *group)
{
	return row->finding && row->finding->group == group - model->snap->groups;
}

static bool has_page(const struct top_model *model, const struct top_row *row,
		     const struct group *group)
{
	return row->page && row->page->group == group - model->snap->groups;
}

static const struct top_view_info views[] = {
	[TOP_PROCESSES] = { "processes", "Processes",
			    "memory,pins,age,flags,kind,state,pid,command,through",
			    "folios,holds,cgroup", "memory", "nothing is pinned", build_processes,
			    has_process, NULL, NULL, NULL },
	[TOP_SITES] = { "sites", "Sites", "memory,left,pinned,released,failed,caller",
			"calls,short,api,holds", "memory",
			"no pin site has been seen; plan call counts none", build_sites, has_site,
			NULL, NULL, NULL },
	[TOP_FILES] = { "files", "Files", "memory,folios,use,kind,state,file",
			"dirty,writeback,holds,age", "memory",
			"no file is pinned, nor was anything pinned through one", build_files,
			has_file, NULL, NULL, NULL },
	[TOP_CGROUPS] = { "cgroups", "Cgroups", "memory,pins,folios,holds,age,state,cgroup",
			  "flags", "memory", "nothing is pinned", build_cgroups, has_cgroup, NULL,
			  NULL, NULL },
	[TOP_NODES] = { "nodes", "Nodes", "memory,pins,folios,blocks,cma,node,zone", "kind,state",
			"memory", "nothing is pinned", build_nodes, has_node, NULL, NULL, NULL },
	[TOP_FINDINGS] = { "findings", "Findings", "level,memory,rule,certainty,age,pid,command",
			   "state,title", "level", "no finding", build_findings, has_finding, NULL,
			   NULL, NULL },
	[TOP_PAGES] = { "pages", "Pages", "pfn,memory,pins,refs,maps,kind,node,zone,pid,command",
			"state,file", "memory",
			"this snapshot lists no pages: they are there after gup-leakcheck --pages",
			top_pages__build, has_page, top_pages__sort, top_pages__row,
			top_pages__find },
};
static_assert(ARRAY_SIZE(views) == TOP_VIEW_CNT, "each view has its row");

const struct top_view_info *top_view_info(enum top_view view)
{
	return &views[view];
}
