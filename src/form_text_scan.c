// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the text report has of a scan: groups that nobody recorded, zones,
 * single pages. Its words stay careful: who pinned is evidence, never known.
 */
#include <string.h>

#include "fmt.h"
#include "form_text.h"

#define KINDS_SHOWN 3

bool is_by_scan(const struct snapshot *snap)
{
	return snap->checks.scanned_struct_pages && !snap->checks.plan;
}

static void add(struct quantity *sum, const struct quantity *q)
{
	sum->pins += q->pins;
	sum->folios += q->folios;
	sum->bytes += q->bytes;
}

/* Pins of which evidence names a holder, and all others that stay. */
static void sum_groups(const struct snapshot *snap, struct quantity *named, struct quantity *others)
{
	for (size_t i = 0; i < snap->group_cnt; i++) {
		const struct group *group = &snap->groups[i];

		if (group->state != STATE_IN_FLIGHT)
			add(group->owner_basis == BASIS_LIKELY ? named : others, &group->q);
	}
}

void text_scan_ok(struct text *text)
{
	const struct snapshot *snap = text->snap;
	struct quantity named = { 0 }, others = { 0 };

	sum_groups(snap, &named, &others);
	if (!snap->pinned.folios)
		text__wrap(text, "  ", 0, "nothing is pinned");
	else if (!others.folios)
		text__wrap(text, "  ", 0, "%s pinned, by living processes as far as evidence tells",
			   fmt_bytes(snap->pinned.bytes).s);
	else
		text__wrap(text, "  ", 0,
			   "%s pinned, none of it suspicious; who holds %s is unknown",
			   fmt_bytes(snap->pinned.bytes).s, fmt_bytes(others.bytes).s);
}

void text_scan_totals(struct text *text)
{
	const struct snapshot *snap = text->snap;
	struct quantity named = { 0 }, others = { 0 };

	sum_groups(snap, &named, &others);
	if (named.folios)
		text_total(text, "likely known", &named, "by evidence, see the groups");
	if (others.folios)
		text_total(text, "unknown", &others, "");
	if (snap->maybe.folios)
		text_total(text, "maybe pinned", &snap->maybe, "plain references look alike");
	if (snap->unexplained)
		text__wrap(text, "   ", 3, "%s", snap->unexplained);
}

static bool kind_shown_before(const struct group *group, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (group->memory[i].kind == group->memory[at].kind)
			return true;
	return false;
}

/* "1,031 folios, anon + thp, file /srv/data (deleted) and 2 more" */
static size_t put_memory(const struct group *group, char *remark, size_t room)
{
	const struct memory *file = NULL;
	size_t len, kinds = 0, files = 0;

	len = snprintf(remark, room, "%s %s", fmt_count(group->q.folios).s,
		       fmt_plural(group->q.folios, "folio").s);
	for (size_t i = 0; i < group->memory_cnt && len < room; i++) {
		if (group->memory[i].file) {
			file = file ? file : &group->memory[i];
			files += !i || group->memory[i - 1].file != group->memory[i].file;
		}
		if (kinds < KINDS_SHOWN && !kind_shown_before(group, i))
			len += snprintf(remark + len, room - len, "%s%s", kinds++ ? " + " : ", ",
					mem_kind_name(group->memory[i].kind));
	}
	if (file && len < room)
		len += snprintf(remark + len, room - len, ", %s%s", file->file,
				file->deleted ? " (deleted)" : "");
	if (files > 1 && len < room)
		len += snprintf(remark + len, room - len, " and %s more", fmt_count(files - 1).s);
	return len < room ? len : room;
}

static const char *comm_of(const struct snapshot *snap, int process)
{
	return snap->processes[process].comm ? snap->processes[process].comm : "?";
}

void text_scan_remark(const struct snapshot *snap, const struct group *group, char *remark,
		      size_t room)
{
	const struct holder *likely = group->likely_cnt	   ? group->likely
				      : group->held_by_cnt ? group->held_by
							   : NULL;
	size_t len = put_memory(group, remark, room), more = group->likely_cnt;
	char fd[24] = "";

	if (group->state == STATE_IN_FLIGHT) {
		snprintf(remark + len, room - len, ", released between two looks");
		return;
	}
	if (!is_by_scan(snap) && len < room)
		len += snprintf(remark + len, room - len, ", pinned before tracking began");
	if (likely && likely->process >= 0 && len < room) {
		if (likely->fd >= 0)
			snprintf(fd, sizeof(fd), ", fd %d", likely->fd);
		len += snprintf(remark + len, room - len, "; likely %s (pid %u)%s%s%s",
				comm_of(snap, likely->process),
				snap->processes[likely->process].pid, fd, likely->why ? ": " : "",
				likely->why ? likely->why : "");
		if (more > 1 && len < room)
			snprintf(remark + len, room - len, "; and %s more", fmt_count(more - 1).s);
	} else if (group->mapped_by_cnt && len < room) {
		snprintf(remark + len, room - len, "; mapped by %s (pid %u)%s",
			 comm_of(snap, group->mapped_by[0]),
			 snap->processes[group->mapped_by[0]].pid,
			 group->mapped_by_cnt > 1 ? " and others" : "");
	}
}

void text_zones(struct text *text)
{
	const struct snapshot *snap = text->snap;

	if (snap->zone_cnt)
		text__section(text, "Zones");
	for (size_t i = 0; i < snap->zone_cnt; i++) {
		const struct zone_use *use = &snap->zones[i];
		char node[16], cma[96] = "";

		snprintf(node, sizeof(node), "node %d", use->node);
		if (use->cma_folios)
			snprintf(cma, sizeof(cma), "; %s %s in CMA", fmt_count(use->cma_folios).s,
				 fmt_plural(use->cma_folios, "folio").s);
		text__line(text, node, "%s: %s, in %s %s of %s%s%s", use->zone ? use->zone : "?",
			   fmt_bytes(use->q.bytes).s, fmt_count(use->pageblocks).s,
			   fmt_plural(use->pageblocks, "pageblock").s,
			   fmt_size(use->pageblock_bytes).s, cma,
			   use->blocks_offline ? "; cannot be offlined" : "");
	}
}

/* Behind the last page of the folio. */
static uint64_t end_pfn(const struct snapshot *snap, const struct page_info *page)
{
	return page->pfn + page->folio_bytes / (snap->page_size ? snap->page_size : 4096);
}

static bool same_page(const struct snapshot *snap, const struct page_info *one,
		      const struct page_info *next)
{
	return end_pfn(snap, one) == next->pfn && one->folio_bytes == next->folio_bytes &&
	       one->pins == next->pins && one->certain == next->certain &&
	       one->refcount == next->refcount && one->mapcount == next->mapcount &&
	       one->kind == next->kind && one->group == next->group &&
	       !strcmp(one->file ? one->file : "", next->file ? next->file : "") &&
	       !strcmp(one->why ? one->why : "", next->why ? next->why : "") &&
	       one->mapped_by_cnt == next->mapped_by_cnt &&
	       (!one->mapped_by_cnt ||
		!memcmp(one->mapped_by, next->mapped_by, one->mapped_by_cnt * sizeof(int)));
}

/* "by leaky (pid 4199)", "likely leaky (pid 4199)", or what it is instead of pinned. */
static void put_page_story(const struct snapshot *snap, const struct page_info *page, char *story,
			   size_t room)
{
	const struct group *group = page->group < 0 ? NULL : &snap->groups[page->group];
	size_t len;

	if (!group) {
		snprintf(story, room, "%s", page->why ? page->why : "maybe pinned");
		return;
	}
	len = snprintf(story, room, "%s %s", fmt_count(page->pins).s,
		       fmt_plural(page->pins, "pin").s);
	if (group->state == STATE_IN_FLIGHT)
		snprintf(story + len, room - len, ", in flight");
	else if (group->owner >= 0)
		snprintf(story + len, room - len, ", by %s (pid %u)", comm_of(snap, group->owner),
			 snap->processes[group->owner].pid);
	else if (group->likely_cnt)
		snprintf(story + len, room - len, ", likely %s (pid %u)",
			 comm_of(snap, group->likely->process),
			 snap->processes[group->likely->process].pid);
}

/* What the folio is and who has it, after its pfns. */
static void put_page(struct text *text, const char *pfns, const struct page_info *page, size_t cnt)
{
	const struct snapshot *snap = text->snap;
	char story[256], mapped[96] = "";

	put_page_story(snap, page, story, sizeof(story));
	if (page->kind == MEM_KERNEL && page->group < 0) {
		text__wrap(text, pfns, TEXT_REMARK, "%s: %s", fmt_size(page->folio_bytes).s, story);
		return;
	}
	if (page->mapped_by_cnt)
		snprintf(mapped, sizeof(mapped), "; mapped by %.40s (pid %u)%s",
			 comm_of(snap, page->mapped_by[0]), snap->processes[page->mapped_by[0]].pid,
			 page->mapped_by_cnt > 1 ? " and others" : "");
	text__wrap(text, pfns, TEXT_REMARK, "%s x %s %s%s%s: %s; refs %s, mapped %s%s",
		   fmt_count(cnt).s, fmt_size(page->folio_bytes).s, mem_kind_name(page->kind),
		   page->file ? " " : "", page->file ? page->file : "", story,
		   fmt_count(page->refcount).s, fmt_count(page->mapcount).s, mapped);
}

void text_pages(struct text *text)
{
	const struct snapshot *snap = text->snap;
	size_t shown = 0, most = text->opts->top ? text->opts->top : SIZE_MAX;
	char pfns[64];

	if (snap->page_cnt)
		text__section(text, "Pages");
	for (size_t i = 0, next; i < snap->page_cnt; i = next) {
		const struct page_info *last;

		for (next = i + 1; next < snap->page_cnt; next++)
			if (!same_page(snap, &snap->pages[next - 1], &snap->pages[next]))
				break;
		if (shown++ == most) {
			text__wrap(text, "   ", 3, "%s more: leave out --top",
				   fmt_count(snap->page_cnt - i).s);
			break;
		}
		last = &snap->pages[next - 1];
		snprintf(pfns, sizeof(pfns), "   [%llx, %llx) ",
			 (unsigned long long)snap->pages[i].pfn,
			 (unsigned long long)(end_pfn(snap, last)));
		put_page(text, pfns, &snap->pages[i], next - i);
	}
}
