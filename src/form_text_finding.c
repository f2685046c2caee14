// SPDX-License-Identifier: GPL-2.0-only
/*
 * One finding of the text report: a heading and labelled lines, in the order
 * of the table at the end. A line without content is left out. Where evidence
 * could not be read it says so: "not allowed to look" is never "nobody".
 */
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "fmt.h"
#include "form_text.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define USUAL_HOLDERS 4
#define THP_BYTES (2ULL << 20)

/* What the lines of one finding are made from; group NULL = the finding has none. */
struct subject {
	const struct snapshot *snap;
	const struct finding *finding;
	const struct group *group;
	const struct process *owner; /* NULL = unknown */
};

static const char *known(const char *str)
{
	return str ? str : "?";
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path;
}

static uint64_t since_ns(const struct snapshot *snap, uint64_t then_ns)
{
	return then_ns && then_ns < snap->taken_ns ? snap->taken_ns - then_ns : 0;
}

static void put_held_by(struct text *text, const struct subject *s, const struct holder *holder,
			bool first)
{
	const char *label = holder->basis == BASIS_LIKELY ? "likely" : "held by";
	const struct process *process, *parent = NULL;
	char forked[32] = "", fd[32] = "";

	if (holder->process < 0) {
		text__line(text, first ? label : "", "a process unknown");
		return;
	}
	process = &s->snap->processes[holder->process];
	if (process->forked_from >= 0)
		parent = &s->snap->processes[process->forked_from];
	if (parent)
		snprintf(forked, sizeof(forked), " (forked from %u)", parent->pid);
	if (holder->fd >= 0)
		snprintf(fd, sizeof(fd), ", fd %d", holder->fd);
	text__line(text, first ? label : "", "pid %u %s%s%s%s%s%s%s", process->pid,
		   known(process->comm), forked, fd,
		   holder->fd >= 0 && s->group->through.path ? " -> " : "",
		   holder->fd >= 0 && s->group->through.path ? base_name(s->group->through.path)
							     : "",
		   holder->why ? ": " : "", holder->why ? holder->why : "");
}

/* By evidence, strongest first. */
static void line_likely(struct text *text, const struct subject *s)
{
	const struct group *group = s->group;
	size_t i, most = text__top(text, group->likely_cnt, USUAL_HOLDERS);

	for (i = 0; i < most; i++)
		put_held_by(text, s, &group->likely[i], i == 0);
	if (group->likely_cnt > most)
		text__line(text, "", "and %s more: -v lists them",
			   fmt_count(group->likely_cnt - most).s);
	if (!group->likely_cnt && !s->owner)
		text__line(text, "likely", "%s",
			   group->holders_complete
				   ? "nobody: no process has a file open that could hold it"
				   : "not allowed to look: not all open files could be read");
}

static void line_held_by(struct text *text, const struct subject *s)
{
	const struct group *group = s->group;
	size_t i, most = text__top(text, group->held_by_cnt, USUAL_HOLDERS);

	for (i = 0; i < most; i++)
		put_held_by(text, s, &group->held_by[i],
			    i == 0 || group->held_by[i].basis != group->held_by[i - 1].basis);
	if (group->held_by_cnt > most)
		text__line(text, "", "and %s more: -v lists them",
			   fmt_count(group->held_by_cnt - most).s);
	if (group->held_by_cnt || !s->owner || !s->owner->exited)
		return;
	if (!group->holders_complete)
		text__line(text, "held by",
			   "not allowed to look: not all open files could be read");
	else if (!group->through.known)
		text__line(text, "held by", "nobody: it came through no open file");
	else
		text__line(text, "held by", "nobody has its file open%s%s",
			   held_elsewhere(group) ? ", but " : "",
			   held_elsewhere(group) ? held_elsewhere(group) : "");
}

static void line_mapped_by(struct text *text, const struct subject *s)
{
	const struct group *group = s->group;
	size_t i, most = text__top(text, group->mapped_by_cnt, USUAL_HOLDERS);
	const struct process *process;

	for (i = 0; i < most; i++) {
		process = &s->snap->processes[group->mapped_by[i]];
		text__line(text, i ? "" : "mapped by", "pid %u %s", process->pid,
			   known(process->comm));
	}
	if (group->mapped_by_cnt > most)
		text__line(text, "", "and %s more: -v lists them",
			   fmt_count(group->mapped_by_cnt - most).s);
	if (group->mapped_by_cnt || (s->owner ? !s->owner->exited : !group->residue))
		return;
	if (group->mapped_folios)
		text__line(text, "mapped by",
			   "somebody: %s of %s %s are mapped, by whom is unknown",
			   fmt_count(group->mapped_folios).s, fmt_count(group->q.folios).s,
			   fmt_plural(group->q.folios, "folio").s);
	else
		text__line(text, "mapped by", "nobody: only the device can reach this memory");
}

/* THP and anon are one kind to the reader: the folio's size tells. */
static enum mem_kind shown_kind(const struct memory *memory)
{
	return memory->kind == MEM_THP ? MEM_ANON : memory->kind;
}

const char *folio_noun(const struct snapshot *snap, const struct memory *memory)
{
	if (memory->folio_bytes <= (snap->page_size ? snap->page_size : 4096))
		return "page";
	if (memory->kind == MEM_HUGETLB)
		return "huge page";
	if (shown_kind(memory) == MEM_ANON && memory->folio_bytes >= THP_BYTES)
		return "THP";
	return "folio";
}

static bool same_place(const struct memory *one, const struct memory *other)
{
	return shown_kind(one) == shown_kind(other) && one->node == other->node &&
	       strcmp(known(one->zone), known(other->zone)) == 0 &&
	       one->deleted == other->deleted && one->cma == other->cma && one->dev == other->dev &&
	       one->ino == other->ino && strcmp(known(one->file), known(other->file)) == 0;
}

/* The parts of one kind and place in one line; returns the index after them. */
static size_t put_memory(struct text *text, const struct subject *s, size_t at)
{
	const struct memory *first = &s->group->memory[at], *memory = first;
	char sizes[256] = "", place[96] = "", inode[64] = "";
	size_t len = 0;

	for (; at < s->group->memory_cnt && len < sizeof(sizes) - 64; at++) {
		memory = &s->group->memory[at];
		if (!same_place(first, memory))
			break;
		len += snprintf(sizes + len, sizeof(sizes) - len, "%s%s %s of %s",
				memory == first ? "" : " + ", fmt_count(memory->folios).s,
				fmt_plural(memory->folios, folio_noun(s->snap, memory)).s,
				fmt_size(memory->folio_bytes).s);
	}
	if (first->node >= 0)
		snprintf(place, sizeof(place), "; node %d%s%.60s", first->node,
			 first->zone ? ", " : "", first->zone ? first->zone : "");
	else if (first->zone)
		snprintf(place, sizeof(place), "; %.60s", first->zone);
	if (!first->file && first->ino)
		snprintf(inode, sizeof(inode), " of inode %llu on %llu:%llu",
			 (unsigned long long)first->ino, (unsigned long long)first->dev >> 20,
			 (unsigned long long)first->dev & 0xfffff);
	text__line(text, first == s->group->memory ? "memory" : "", "%s%s%s%s%s: %s%s%s",
		   mem_kind_name(shown_kind(first)), first->file ? " " : "",
		   first->file ? first->file : "", inode, first->deleted ? " (deleted)" : "", sizes,
		   place, first->cma ? " (CMA)" : "");
	return at;
}

static void line_memory(struct text *text, const struct subject *s)
{
	size_t at = 0;

	while (at < s->group->memory_cnt)
		at = put_memory(text, s, at);
	if (s->group->memory_of >= 0)
		text__line(text, s->group->memory_cnt ? "" : "memory", "of pid %u %s",
			   s->snap->processes[s->group->memory_of].pid,
			   known(s->snap->processes[s->group->memory_of].comm));
}

static void put_flags(char *flags, size_t room, uint32_t set)
{
	unsigned int bit;
	size_t len = 0;

	*flags = '\0';
	for (bit = 0; pin_flag_name(bit) && len < room; bit++)
		if (set & 1u << bit)
			len += snprintf(flags + len, room - len, "%sFOLL_%s", len ? "|" : ", ",
					pin_flag_name(bit));
}

static void line_pins(struct text *text, const struct subject *s)
{
	const struct group *group = s->group;
	char flags[160];

	put_flags(flags, sizeof(flags), group->flags);
	text__line(text, "pins", "%s on %s %s%s%s", fmt_count(group->q.pins).s,
		   fmt_count(group->q.folios).s, fmt_plural(group->q.folios, "folio").s, flags,
		   group->shares_folios ? "; some of them in other groups, too" : "");
	if (text->opts->verbose && group->calls)
		text__line(text, "", "in %s %s of %s", fmt_count(group->calls).s,
			   fmt_plural(group->calls, "call").s,
			   group->api == API_UNKNOWN ? "an API unknown" : api_name(group->api));
}

static void line_through(struct text *text, const struct subject *s)
{
	const struct through *through = &s->group->through;
	char fd[48] = "", call[64] = "";

	if (through->syscall)
		snprintf(call, sizeof(call), "%.40s()", through->syscall);
	if (!through->known && !through->path) {
		if (*call)
			text__line(text, "through", "%s, no file", call);
		return;
	}
	if (through->fd >= 0 && s->owner)
		snprintf(fd, sizeof(fd), ", in pid %u as fd %d", s->owner->pid, through->fd);
	text__line(text, "through", "%s%s%s%s",
		   through->path ? through->path : known(through->kind), fd, *call ? ", by " : "",
		   call);
}

static void line_since(struct text *text, const struct subject *s)
{
	const struct group *group = s->group;
	uint64_t span =
		group->newest_ns > group->oldest_ns ? group->newest_ns - group->oldest_ns : 0;

	if (!group->oldest_ns)
		return;
	text__line(text, "since", "%s (%s)%s%s", fmt_local(group->oldest_ns).s,
		   fmt_age(since_ns(s->snap, group->oldest_ns)).s, span ? ", all within " : "",
		   span ? fmt_age(span).s : "");
}

static void line_owner(struct text *text, const struct subject *s)
{
	const struct process *owner = s->owner;
	char end[96] = ", running";

	if (!owner)
		return;
	if (owner->exited && owner->exit_signal)
		snprintf(end, sizeof(end), ", died %s (signal %d)",
			 fmt_local_near(owner->exited_ns, s->snap->taken_ns).s, owner->exit_signal);
	else if (owner->exited && owner->exit_status >= 0)
		snprintf(end, sizeof(end), ", exited %s (status %d)",
			 fmt_local_near(owner->exited_ns, s->snap->taken_ns).s, owner->exit_status);
	else if (owner->exited)
		snprintf(end, sizeof(end), ", exited %s",
			 fmt_local_near(owner->exited_ns, s->snap->taken_ns).s);
	text__line(text, "owner", "pid %u %s, uid %u%s", owner->pid, known(owner->comm), owner->uid,
		   end);
}

static void line_cgroup(struct text *text, const struct subject *s)
{
	if (s->owner && s->owner->cgroup)
		text__line(text, "cgroup", "%s", s->owner->cgroup);
}

static const char *const owner_sure[] = {
	[BASIS_UNKNOWN] = "who pinned is unknown",
	[BASIS_RECORDED] = "owner recorded at the pin",
	[BASIS_INFERRED] = "owner inferred: several overlapped and one has gone",
	[BASIS_SAME_OPEN_FILE] = "owner has the very open file that the pin came through",
	[BASIS_LIKELY] = "pinned: yes; who: evidence only",
};

static const struct {
	const char *evidence, *says;
} evidence_sure[] = {
	{ "open_file_held_by_other", "holder by the same open file" },
	{ "open_file_likely_held_by_other", "holder by evidence only" },
	{ "view_incomplete", "the view is incomplete, see Checks" },
};

static void line_sure(struct text *text, const struct subject *s)
{
	const struct finding *finding = s->finding;
	char sure[320];
	size_t i, e, len;

	if (!s->owner) {
		text__line(text, "sure", "pinned: yes; who: %s",
			   s->group->likely_cnt ? "evidence only" : "unknown");
		return;
	}
	if (!finding)
		return;
	len = snprintf(sure, sizeof(sure), "%s: %s", known(finding->certainty),
		       s->group->owner_basis < BASIS_CNT ? owner_sure[s->group->owner_basis] : "?");
	for (i = 0; i < ARRAY_SIZE(evidence_sure); i++)
		for (e = 0; e < finding->evidence_cnt && len < sizeof(sure); e++)
			if (strcmp(finding->evidence[e], evidence_sure[i].evidence) == 0)
				len += snprintf(sure + len, sizeof(sure) - len, "; %s",
						evidence_sure[i].says);
	if (finding->rule == RULE_LEAKED && s->group->through.known && !s->group->file_released &&
	    len < sizeof(sure))
		snprintf(sure + len, sizeof(sure) - len,
			 "; a descriptor on its way through a socket could still hold it");
	text__line(text, "sure", "%s", sure);
}

static void line_next(struct text *text, const struct subject *s)
{
	if (s->finding && s->finding->next)
		text__line(text, "next", "%s", s->finding->next);
}

static void line_fix(struct text *text, const struct subject *s)
{
	if (s->finding && s->finding->fix)
		text__line(text, "fix", "%s", s->finding->fix);
}

static void put_frame(struct text *text, const char *label, const struct frame *frame, bool user)
{
	const char *object = user ? frame->file : frame->module;
	char offset[32] = "";

	if (user && (text->opts->verbose || !frame->function))
		snprintf(offset, sizeof(offset), "+0x%llx", (unsigned long long)frame->offset);
	if (frame->function && object)
		text__line(text, label, "%s [%s%s]", frame->function, object, offset);
	else if (frame->function)
		text__line(text, label, "%s", frame->function);
	else
		text__line(text, label, "%s%s", known(object), user && object ? offset : "");
}

/* What every system call has below it says nothing. */
static bool is_last_frame(const struct text *text, const struct frame *frame)
{
	return !text->opts->verbose && frame->function &&
	       (strncmp(frame->function, "__x64_sys_", 10) == 0 ||
		strncmp(frame->function, "__arm64_sys_", 12) == 0);
}

static void put_stack(struct text *text, const char *label, const struct stack *stack, bool sampled)
{
	size_t i, put = 0;

	for (i = 0; i < stack->frame_cnt; i++) {
		/* addresses alone help nobody */
		if (!stack->frames[i].function && !stack->frames[i].file && !text->opts->verbose)
			continue;
		put_frame(text, put++ ? "" : label, &stack->frames[i], stack->user);
		if (!stack->user && is_last_frame(text, &stack->frames[i]))
			break;
	}
	if (!stack->complete && stack->why)
		text__line(text, put ? "" : label, "(%s: %s)", put ? "ends here" : "unknown",
			   stack->why);
	if (sampled)
		text__line(text, "", "(sampled: of one call, not each call's stack was taken)");
}

static void line_kernel(struct text *text, const struct subject *s)
{
	if (s->group->kernel_stack >= 0)
		put_stack(text, "kernel", &s->snap->stacks[s->group->kernel_stack], false);
}

static void line_user(struct text *text, const struct subject *s)
{
	if (s->group->user_stack >= 0)
		put_stack(text, "user", &s->snap->stacks[s->group->user_stack],
			  s->group->stack_sampled);
}

static void line_id(struct text *text, const struct subject *s)
{
	if (text->opts->verbose && s->finding)
		text__line(text, "id", "%s: %s", s->finding->id, rule_meaning(s->finding->rule));
}

static void line_evidence(struct text *text, const struct subject *s)
{
	size_t i;

	for (i = 0; i < s->finding->evidence_cnt; i++)
		text__line(text, i ? "" : "evidence", "%s", s->finding->evidence[i]);
}

typedef void (*line_fn)(struct text *text, const struct subject *subject);

static const line_fn group_lines[] = {
	line_held_by, line_likely, line_mapped_by, line_memory, line_pins,
	line_through, line_since,  line_owner,	   line_cgroup, line_sure,
	line_next,    line_fix,	   line_kernel,	   line_user,	line_id,
};

static const line_fn other_lines[] = { line_evidence, line_next, line_fix, line_id };

static void put_heading(struct text *text, const struct subject *s, unsigned int number)
{
	char rule[32], prefix[32], end[64] = "";
	char *c;

	snprintf(rule, sizeof(rule), "%s", rule_name(s->finding->rule));
	for (c = rule; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c -= 'a' - 'A';
	snprintf(prefix, sizeof(prefix), "%-3u", number);
	if (!s->group) {
		text__wrap(text, prefix, 3, "%s  %s", rule, known(s->finding->title));
		return;
	}
	if (!s->owner) {
		text__wrap(text, prefix, 3, "%s  %s  owner unknown (pinned before tracking)", rule,
			   fmt_bytes(s->group->q.bytes).s);
		return;
	}
	if (s->owner->exited && s->owner->exited_ns)
		snprintf(end, sizeof(end), ", exited %s ago",
			 fmt_age(since_ns(s->snap, s->owner->exited_ns)).s);
	else
		snprintf(end, sizeof(end), ", %s", s->owner->exited ? "exited" : "running");
	text__wrap(text, prefix, 3, "%s  %s  %s (pid %u)%s", rule, fmt_bytes(s->group->q.bytes).s,
		   known(s->owner->comm), s->owner->pid, end);
}

void text_group(struct text *text, const struct group *group, const struct finding *finding)
{
	struct subject subject = { .snap = text->snap, .finding = finding, .group = group };

	if (group->owner >= 0)
		subject.owner = &text->snap->processes[group->owner];
	for (size_t i = 0; i < ARRAY_SIZE(group_lines); i++)
		group_lines[i](text, &subject);
}

void text_finding(struct text *text, const struct finding *finding, unsigned int number)
{
	struct subject subject = { .snap = text->snap, .finding = finding };

	if (finding->group >= 0) {
		subject.group = &text->snap->groups[finding->group];
		if (subject.group->owner >= 0)
			subject.owner = &text->snap->processes[subject.group->owner];
	}
	fputc('\n', text->out);
	put_heading(text, &subject, number);
	if (subject.group) {
		text_group(text, subject.group, finding);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(other_lines); i++)
		other_lines[i](text, &subject);
}
