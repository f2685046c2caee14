// SPDX-License-Identifier: GPL-2.0-only
/*
 * The story of a row in a title and six lines, and all its holds at length.
 * Each view tells what its table of lines says; a line without content is left
 * out. "Not allowed to look" is never "nobody".
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "fmt.h"
#include "form_text.h"
#include "top_rows.h"
#include "util.h"

#define HOLDS_MOST 100
#define FRAMES_MOST 4
#define LINE_ROOM sizeof(((struct top_story *)0)->lines[0])

/* What a line is told from; the group is the row's largest, NULL = none. */
struct subject {
	const struct top_model *model;
	const struct snapshot *snap;
	const struct top_row *row;
	const struct group *group;
	const struct process *owner; /* of the group, NULL = unknown */
	const struct finding *finding;
	struct top_story *story;
	size_t cnt;
};

static const char *known(const char *str)
{
	return str ? str : "?";
}

static void __attribute__((format(printf, 3, 4)))
say(struct subject *s, const char *label, const char *fmt, ...)
{
	cleanup_free char *safe = NULL;
	char text[LINE_ROOM];
	va_list args;

	if (s->cnt == TOP_STORY_LINES)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	safe = fmt_safe(text);
	if (safe)
		snprintf(s->story->lines[s->cnt++], LINE_ROOM, "%-10s %s", label, safe);
}

static void name_process(char *name, size_t room, const struct process *process)
{
	snprintf(name, room, "pid %u %s", process->pid, known(process->comm));
}

static void say_holder(struct subject *s, const struct holder *holder, size_t cnt)
{
	const char *label = holder->basis == BASIS_LIKELY ? "Likely" : "Held by";
	const struct process *process, *parent = NULL;
	char name[96] = "a process unknown", forked[40] = "", fd[32] = "", more[32] = "";
	const char *path = s->group->through.path, *slash = path ? strrchr(path, '/') : NULL;

	if (holder->process >= 0) {
		process = &s->snap->processes[holder->process];
		name_process(name, sizeof(name), process);
		if (process->forked_from >= 0)
			parent = &s->snap->processes[process->forked_from];
	}
	if (parent)
		snprintf(forked, sizeof(forked), " (forked from %u)", parent->pid);
	if (holder->fd >= 0)
		snprintf(fd, sizeof(fd), ", fd %d%s", holder->fd, path ? " -> " : "");
	if (cnt > 1)
		snprintf(more, sizeof(more), ", and %zu more", cnt - 1);
	say(s, label, "%s%s%s%s%s%s%s", name, forked, fd,
	    holder->fd < 0 || !path ? ""
	    : slash && slash[1]	    ? slash + 1
				    : path,
	    holder->why ? ": " : "", known(holder->why ? holder->why : ""), more);
}

static void line_held_by(struct subject *s)
{
	const struct group *group = s->group;
	char name[96];

	if (!group)
		return;
	if (group->held_by_cnt) {
		say_holder(s, &group->held_by[0], group->held_by_cnt);
	} else if (group->likely_cnt) {
		say_holder(s, &group->likely[0], group->likely_cnt);
	} else if (!s->owner) {
		say(s, "Held by", "unknown: pinned before tracking began, no evidence of who");
	} else if (!s->owner->exited) {
		name_process(name, sizeof(name), s->owner);
		if (group->through.path && group->through.fd >= 0)
			say(s, "Held by", "%s itself, running, fd %d -> %s", name,
			    group->through.fd, group->through.path);
		else
			say(s, "Held by", "%s itself, running", name);
	} else if (!group->holders_complete) {
		say(s, "Held by", "not allowed to look: not all open files could be read");
	} else if (!group->through.known) {
		say(s, "Held by", "nobody: it came through no open file");
	} else {
		say(s, "Held by", "nobody has its file open%s%s",
		    held_elsewhere(group) ? ", but " : "",
		    held_elsewhere(group) ? held_elsewhere(group) : "");
	}
}

static void line_mapped_by(struct subject *s)
{
	const struct group *group = s->group;
	char name[96];

	if (!group || (!group->mapped_known && !group->mapped_folios))
		return;
	if (group->mapped_by_cnt) {
		name_process(name, sizeof(name), &s->snap->processes[group->mapped_by[0]]);
		if (group->mapped_by_cnt > 1)
			say(s, "Mapped by", "%s, and %zu more", name, group->mapped_by_cnt - 1);
		else
			say(s, "Mapped by", "%s", name);
	} else if (group->mapped_folios) {
		say(s, "Mapped by", "somebody: %s of %s folios are mapped, by whom is unknown",
		    fmt_count(group->mapped_folios).s, fmt_count(group->q.folios).s);
	} else {
		say(s, "Mapped by", "nobody: only the device can reach this memory");
	}
}

static void line_cgroup(struct subject *s)
{
	if (s->owner)
		say(s, "Cgroup", "%s, uid %u", known(s->owner->cgroup), s->owner->uid);
}

static void line_memory(struct subject *s)
{
	const struct group *group = s->group;
	char parts[256] = "", place[64] = "";
	size_t len = 0;

	if (!group || !group->memory_cnt)
		return;
	for (size_t i = 0; i < group->memory_cnt && len < 160; i++) {
		const struct memory *memory = &group->memory[i];

		len += snprintf(parts + len, sizeof(parts) - len, "%s%s %s of %s", i ? " + " : "",
				fmt_count(memory->folios).s,
				fmt_plural(memory->folios, folio_noun(s->snap, memory)).s,
				fmt_size(memory->folio_bytes).s);
	}
	if (group->memory[0].node >= 0)
		snprintf(place, sizeof(place), ", node %d %.40s", group->memory[0].node,
			 known(group->memory[0].zone));
	say(s, "Memory", "%s%s%s%s%s", parts, place, group->memory[0].file ? ", " : "",
	    group->memory[0].file ? group->memory[0].file : "",
	    s->row->groups > 1 ? " (largest hold)" : "");
}

static void line_pinned_at(struct subject *s)
{
	const struct stack *stack;
	char names[LINE_ROOM - 64] = "";
	size_t len = 0, cnt = 0;

	if (!s->group || s->group->kernel_stack < 0)
		return;
	stack = &s->snap->stacks[s->group->kernel_stack];
	for (size_t i = 1; i < stack->frame_cnt && cnt < FRAMES_MOST && len < sizeof(names); i++) {
		const char *function = stack->frames[i].function;

		if (!function || pin_site__is_helper(function))
			continue;
		len += snprintf(names + len, sizeof(names) - len, "%s%s", cnt++ ? " < " : "",
				function);
	}
	if (cnt)
		say(s, "Pinned at", "%s", names);
}

static void line_since(struct subject *s)
{
	uint64_t taken = s->snap->taken_ns, since = s->group ? s->group->oldest_ns : 0;

	if (since)
		say(s, "Since", "%s (%s), in %s %s", fmt_local_near(since, taken).s,
		    fmt_age(taken > since ? taken - since : 0).s, fmt_count(s->group->calls).s,
		    fmt_plural(s->group->calls, "call").s);
}

static void line_next(struct subject *s)
{
	if (s->finding && s->finding->next)
		say(s, "Next", "%s", s->finding->next);
	else
		line_since(s);
}

static void line_holds(struct subject *s)
{
	if (s->row->groups > 1)
		say(s, "Holds", "%s; told here: the largest, %s; Enter lists them%s",
		    fmt_count(s->row->groups).s, fmt_bytes(s->group->q.bytes).s,
		    s->row->overlaps ? "; they share folios" : "");
}

static void line_errors(struct subject *s)
{
	const struct site *site = s->row->site;
	char text[256] = "";
	size_t len = 0;

	for (size_t i = 0; site && i < site->err_cnt && len < sizeof(text); i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s with %s", len ? ", " : "",
				fmt_count(site->errs[i].calls).s,
				strerrorname_np(site->errs[i].err)
					? strerrorname_np(site->errs[i].err)
					: "?");
	if (site)
		say(s, "Calls", "%s, %s short, %s failed%s%s", fmt_count(site->calls).s,
		    fmt_count(site->short_calls).s, fmt_count(site->failed_calls).s,
		    len ? ": " : "", text);
	else if (s->row->get)
		say(s, "Calls", "%s, of %s pages", fmt_count(s->row->get->calls).s,
		    fmt_count(s->row->get->pages).s);
}

static void line_releases(struct subject *s)
{
	const struct site *site = s->row->site;

	for (size_t i = 0; site && i < site->release_cnt && i < 2; i++)
		say(s, i ? "" : "Released", "%s by %s", fmt_count(site->releases[i].pins).s,
		    known(site->releases[i].function));
	if (s->row->get)
		say(s, "Released", "unknown: FOLL_GET references go by put_page(), not paired");
}

static void line_evidence(struct subject *s)
{
	const struct finding *finding = s->finding;

	for (size_t i = 0; finding && !s->group && i < finding->evidence_cnt && i < 3; i++)
		say(s, i ? "" : "Evidence", "%s", finding->evidence[i]);
}

static void line_suppressed(struct subject *s)
{
	if (s->finding && s->finding->suppressed_by)
		say(s, "Silenced", "by %s", s->finding->suppressed_by);
}

static void line_blocks(struct subject *s)
{
	const struct zone_use *zone = s->row->zone;

	if (!zone)
		return;
	say(s, "Blocks", "%s pageblocks of %s hold a pin: %s not contiguous",
	    fmt_count(zone->pageblocks).s, fmt_size(zone->pageblock_bytes).s,
	    fmt_bytes(zone->pageblocks * zone->pageblock_bytes).s);
	if (zone->blocks_offline)
		say(s, "Movable", "no memory of this zone can go offline while it is pinned");
}

static void line_file(struct subject *s)
{
	for (size_t i = 0; s->group && i < s->group->memory_cnt; i++) {
		const struct memory *memory = &s->group->memory[i];

		if (!memory->file || !s->row->name || strcmp(memory->file, s->row->name))
			continue;
		say(s, "File", "%s%s, pinned from %s to %s; %s dirty, %s under writeback",
		    memory->file_bytes ? fmt_bytes(memory->file_bytes).s : "size unknown",
		    memory->deleted ? ", deleted" : "", fmt_bytes(memory->first_byte).s,
		    fmt_bytes(memory->end_byte).s, fmt_count(s->row->dirty).s,
		    fmt_count(s->row->writeback).s);
		return;
	}
}

static void line_page(struct subject *s)
{
	const struct page_info *page = s->row->page;

	if (!page)
		return;
	say(s, "Counts", "%s %s%s, refcount %d, mapcount %d", fmt_count(page->pins).s,
	    fmt_plural(page->pins, "pin").s, page->certain ? "" : " at most (undecidable)",
	    page->refcount, page->mapcount);
	if (page->why)
		say(s, "Is", "%s", page->why);
	if (page->file)
		say(s, "File", "%s at %s", page->file, fmt_bytes(page->offset).s);
}

#define LINES_MOST 8
typedef void (*line_fn)(struct subject *subject);

static const line_fn lines[TOP_VIEW_CNT][LINES_MOST] = {
	[TOP_PROCESSES] = { line_held_by, line_mapped_by, line_cgroup, line_memory, line_pinned_at,
			    line_next, line_holds },
	[TOP_SITES] = { line_errors, line_releases, line_held_by, line_pinned_at, line_holds,
			line_memory },
	[TOP_FILES] = { line_file, line_held_by, line_mapped_by, line_memory, line_pinned_at,
			line_next, line_holds },
	[TOP_CGROUPS] = { line_holds, line_held_by, line_mapped_by, line_memory, line_pinned_at,
			  line_next },
	[TOP_NODES] = { line_blocks, line_holds, line_held_by, line_memory, line_pinned_at,
			line_next },
	[TOP_FINDINGS] = { line_suppressed, line_evidence, line_held_by, line_mapped_by,
			   line_memory, line_pinned_at, line_next, line_cgroup },
	[TOP_PAGES] = { line_page, line_held_by, line_mapped_by, line_pinned_at, line_next,
			line_cgroup },
};

static void title_process(const struct subject *s, char *title, size_t room)
{
	const struct process *process =
		s->row->process < 0 ? NULL : &s->snap->processes[s->row->process];

	if (!process)
		snprintf(title, room, "no owner: pinned before tracking began");
	else if (s->row->guessed)
		snprintf(title, room, "no owner; likely %s (pid %u)", known(process->comm),
			 process->pid);
	else if (process->exited)
		snprintf(title, room, "%s (pid %u), exited %s", known(process->comm), process->pid,
			 fmt_local_near(process->exited_ns, s->snap->taken_ns).s);
	else
		snprintf(title, room, "%s (pid %u), running", known(process->comm), process->pid);
}

static void title_site(const struct subject *s, char *title, size_t room)
{
	const struct top_row *row = s->row;
	const char *module = row->get	 ? row->get->caller_module
			     : row->site ? row->site->caller_module
					 : NULL;

	if (row->api == API_UNKNOWN && !row->get)
		snprintf(title, room, "site not recorded");
	else
		snprintf(title, room, "%s, called by %s%s%s%s",
			 row->get ? known(row->get->function) : api_name(row->api),
			 known(row->name), module ? " [" : "", module ? module : "",
			 module ? "]" : "");
}

static void title_name(const struct subject *s, char *title, size_t room)
{
	snprintf(title, room, "%s", s->row->name ? s->row->name : "unknown");
}

static void title_node(const struct subject *s, char *title, size_t room)
{
	if (s->row->node < 0)
		snprintf(title, room, "node unknown");
	else
		snprintf(title, room, "node %d, zone %s", s->row->node, known(s->row->name));
}

static void title_finding(const struct subject *s, char *title, size_t room)
{
	snprintf(title, room, "%s: %s", s->finding->id, known(s->finding->title));
}

static void title_page(const struct subject *s, char *title, size_t room)
{
	snprintf(title, room, "pfn %llu, %s of %s", (unsigned long long)s->row->page->pfn,
		 mem_kind_name(s->row->page->kind), fmt_size(s->row->page->folio_bytes).s);
}

static void (*const titles[TOP_VIEW_CNT])(const struct subject *s, char *title, size_t room) = {
	[TOP_PROCESSES] = title_process, [TOP_SITES] = title_site, [TOP_FILES] = title_name,
	[TOP_CGROUPS] = title_name,	 [TOP_NODES] = title_node, [TOP_FINDINGS] = title_finding,
	[TOP_PAGES] = title_page,
};

static const struct finding *finding_of(const struct snapshot *snap, size_t group)
{
	for (size_t i = 0; i < snap->finding_cnt; i++)
		if (snap->findings[i].group == (int)group)
			return &snap->findings[i];
	return NULL;
}

void top_story(const struct top_model *model, const struct top_row *row, struct top_story *story)
{
	struct subject s = { .model = model, .snap = model->snap, .row = row, .story = story };
	cleanup_free char *safe = NULL;
	char title[sizeof(story->title)];

	memset(story, 0, sizeof(*story));
	if (row->lead != SIZE_MAX) {
		s.group = &s.snap->groups[row->lead];
		s.owner = s.group->owner < 0 ? NULL : &s.snap->processes[s.group->owner];
		s.finding = finding_of(s.snap, row->lead);
	}
	if (row->finding)
		s.finding = row->finding;
	titles[model->view](&s, title, sizeof(title));
	safe = fmt_safe(title);
	snprintf(story->title, sizeof(story->title), "%s", safe ? safe : "");
	for (size_t i = 0; i < LINES_MOST && lines[model->view][i]; i++)
		lines[model->view][i](&s);
}

static void put_hold(struct text *text, const struct group *group, size_t number)
{
	const struct snapshot *snap = text->snap;
	const struct process *owner = group->owner < 0 ? NULL : &snap->processes[group->owner];
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "%-3zu", number);
	if (number > 1)
		fputc('\n', text->out);
	if (owner)
		text__wrap(text, prefix, 3, "%s  %s  %s (pid %u)", fmt_bytes(group->q.bytes).s,
			   state_name(group->state), known(owner->comm), owner->pid);
	else
		text__wrap(text, prefix, 3, "%s  %s", fmt_bytes(group->q.bytes).s,
			   state_name(group->state));
	text_group(text, group, finding_of(snap, group - snap->groups));
}

int top_holds(const struct top_model *model, const struct top_row *row, unsigned int width,
	      char **text)
{
	const struct text_options opts = { .width = width, .top = HOLDS_MOST };
	struct text sink = { .snap = model->snap, .opts = &opts, .width = width };
	size_t bytes, cnt = 0;

	*text = NULL;
	sink.out = open_memstream(text, &bytes);
	if (!sink.out)
		return -ENOMEM;
	for (size_t i = 0; i < model->snap->group_cnt; i++) {
		const struct group *group = &model->snap->groups[i];

		if (!top_accepts(model, group) ||
		    !top_view_info(model->view)->has(model, row, group))
			continue;
		if (++cnt <= HOLDS_MOST)
			put_hold(&sink, group, cnt);
	}
	if (cnt > HOLDS_MOST)
		text__wrap(&sink, "", 0, "%s more: narrow it down with a filter",
			   fmt_count(cnt - HOLDS_MOST).s);
	if (!cnt && row->finding)
		text_finding(&sink, row->finding, 1);
	else if (!cnt)
		text__wrap(&sink, "", 0, "Nothing is held here now.");
	if (fclose(sink.out) || sink.err)
		return -ENOMEM;
	return 0;
}
