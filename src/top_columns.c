// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop's columns: the table at the end, what each takes from a row, and
 * how a cell reads for people and for scripts. Must not know who draws it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "top_rows.h"
#include "util.h"

#define NS_PER_MS 1000000ULL

static const struct top_value none;			   /* "-": the row has no such thing */
static const struct top_value unknown = { .guess = true }; /* "?" */

static struct top_value number(uint64_t num)
{
	return (struct top_value){ .known = true, .num = num };
}

static struct top_value words(const char *text)
{
	return text ? (struct top_value){ .known = true, .text = text } : none;
}

static const struct process *process_of(const struct top_model *model, const struct top_row *row)
{
	return row->process < 0 ? NULL : &model->snap->processes[row->process];
}

static const struct group *lead_of(const struct top_model *model, const struct top_row *row)
{
	return row->lead == SIZE_MAX ? NULL : &model->snap->groups[row->lead];
}

/* FOLL_GET sites hold references, of which nobody knows when they go. */
static struct top_value get_memory(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->get ? unknown : number(row->q.bytes);
}

static struct top_value get_pins(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->pins_split ? unknown : row->get ? none : number(row->q.pins);
}

static struct top_value get_folios(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->get ? unknown : number(row->q.folios);
}

static struct top_value get_holds(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return number(row->groups);
}

static struct top_value get_age(const struct top_model *model, const struct top_row *row)
{
	uint64_t taken = model->snap->taken_ns, since = row->oldest_ns;

	if (!row->groups && !row->page)
		return none;
	if (!since)
		return unknown;
	return number(taken > since ? taken - since : 0);
}

static struct top_value get_flags(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	if (!row->groups)
		return none;
	return row->unowned && !row->flags ? unknown : number(row->flags);
}

static struct top_value get_kind(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	if (row->kind == MEM_UNKNOWN)
		return row->groups || row->page ? unknown : none;
	/* To the reader a THP is anonymous memory. */
	return words(mem_kind_name(row->kind == MEM_THP ? MEM_ANON : row->kind));
}

/* Short for a narrow column; capitals and "!" where it is a finding that warns. */
static const char *const shown_states[STATE_CNT] = {
	[STATE_HELD] = "held",
	[STATE_IN_FLIGHT] = "in flight",
	[STATE_RELEASING] = "releasing",
	[STATE_SHORT_HELD] = "short",
	[STATE_LEAKED] = "LEAKED!",
	[STATE_ORPHANED] = "ORPHANED!",
	[STATE_HANDED_OVER] = "handed on",
	[STATE_UNKNOWN_HOLDER] = "HOLDER?!",
	[STATE_LEFT_BEHIND] = "LEFT!",
	[STATE_UNATTRIBUTED] = "no owner",
};

static struct top_value get_state(const struct top_model *model, const struct top_row *row)
{
	struct top_value value = words(state_name(row->state));

	(void)model;
	if (!row->groups)
		return none;
	value.num = state_severity(row->state);
	value.shown = shown_states[row->state];
	return value;
}

static struct top_value get_pid(const struct top_model *model, const struct top_row *row)
{
	const struct process *process = process_of(model, row);

	return process && !row->guessed ? number(process->pid) : none;
}

static struct top_value get_uid(const struct top_model *model, const struct top_row *row)
{
	const struct process *process = process_of(model, row);

	return process && !row->guessed ? number(process->uid) : none;
}

static struct top_value get_command(const struct top_model *model, const struct top_row *row)
{
	const struct process *process = process_of(model, row);
	struct top_value value;

	if (!process)
		return row->unowned ? unknown : none;
	value = words(process->comm);
	value.guess = row->guessed;
	return value;
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path;
}

static struct top_value get_through(const struct top_model *model, const struct top_row *row)
{
	const struct group *group = lead_of(model, row);
	struct top_value value = words(group ? group->through.path : NULL);

	value.shown = base_name(value.text);
	return value;
}

static struct top_value get_cgroup(const struct top_model *model, const struct top_row *row)
{
	const struct group *group = lead_of(model, row);

	if (!group)
		return none;
	if (group->owner < 0 || !model->snap->processes[group->owner].cgroup)
		return unknown;
	return words(model->snap->processes[group->owner].cgroup);
}

static struct top_value get_left(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->site ? number(row->site->left) : none;
}

static struct top_value get_pinned(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->site ? number(row->site->pins) : none;
}

static struct top_value get_released(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->site ? number(row->site->released) : none;
}

static struct top_value get_calls(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->site ? number(row->site->calls) : row->get ? number(row->get->calls) : none;
}

static struct top_value get_short(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->site ? number(row->site->short_calls) : none;
}

static struct top_value get_failed(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->site ? number(row->site->failed_calls) : none;
}

static struct top_value get_api(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	if (row->get)
		return words(row->get->function);
	return row->api == API_UNKNOWN ? unknown : words(api_name(row->api));
}

static struct top_value get_name(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->name ? words(row->name) : unknown;
}

static struct top_value get_file(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return words(row->name);
}

static struct top_value get_use(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return words(row->use);
}

static struct top_value get_dirty(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return number(row->dirty);
}

static struct top_value get_writeback(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return number(row->writeback);
}

static struct top_value get_blocks(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->zone ? number(row->zone->pageblocks) : unknown;
}

static struct top_value get_cma(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->zone ? number(row->zone->cma_folios) : unknown;
}

static struct top_value get_node(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->node < 0 ? unknown : number(row->node);
}

static struct top_value get_zone(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->page ? words(row->page->zone) : row->name ? words(row->name) : unknown;
}

static struct top_value get_level(const struct top_model *model, const struct top_row *row)
{
	static const char *const shown[LEVEL_CNT] = { "ok", "note", "WARNING!", "ERROR!" };
	struct top_value value;

	(void)model;
	if (!row->finding)
		return none;
	if (row->finding->suppressed_by)
		return words("silenced");
	value = words(level_name(row->finding->level));
	value.num = row->finding->level;
	value.shown = shown[row->finding->level];
	return value;
}

static struct top_value get_rule(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->finding ? words(rule_name(row->finding->rule)) : none;
}

static struct top_value get_certainty(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->finding ? words(row->finding->certainty) : none;
}

static struct top_value get_id(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->finding ? words(row->finding->id) : none;
}

static struct top_value get_pfn(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->page ? number(row->page->pfn) : none;
}

static struct top_value get_refs(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->page ? number(row->page->refcount) : none;
}

static struct top_value get_maps(const struct top_model *model, const struct top_row *row)
{
	(void)model;
	return row->page ? number(row->page->mapcount) : none;
}

static const struct top_column columns[] = {
	{ "memory", 8, UNIT_BYTES, get_memory, "size of the folios, each counted once" },
	{ "pins", 9, UNIT_COUNT, get_pins, "FOLL_PIN references" },
	{ "folios", 9, UNIT_COUNT, get_folios, "pages or large folios that carry them" },
	{ "holds", 6, UNIT_COUNT, get_holds, "groups of pins of one owner, site and file" },
	{ "age", 6, UNIT_AGE, get_age, "of the oldest pin" },
	{ "flags", 5, UNIT_FLAGS, get_flags,
	  "W write L longterm F force N nofault R remote P p2p" },
	{ "kind", 7, UNIT_TEXT, get_kind, "of memory, that of the largest part" },
	{ "state", 9, UNIT_STATE, get_state, "the worst of its holds" },
	{ "pid", 7, UNIT_NUMBER, get_pid, "process that pinned" },
	{ "uid", 6, UNIT_NUMBER, get_uid, "its user" },
	{ "command", 10, UNIT_TEXT, get_command, "its name; with ? by evidence only" },
	{ "through", 14, UNIT_TEXT, get_through, "open file that the pins came through" },
	{ "cgroup", 24, UNIT_TEXT, get_cgroup, "control group of the owner" },
	{ "left", 9, UNIT_COUNT, get_left, "pins of the site not yet released" },
	{ "pinned", 11, UNIT_COUNT, get_pinned, "pins the site took since tracking began" },
	{ "released", 11, UNIT_COUNT, get_released, "of these, released" },
	{ "calls", 9, UNIT_COUNT, get_calls, "calls of the API function" },
	{ "short", 7, UNIT_COUNT, get_short, "calls that returned fewer pages than asked for" },
	{ "failed", 6, UNIT_COUNT, get_failed, "calls that failed" },
	{ "api", 15, UNIT_TEXT, get_api, "GUP function" },
	{ "caller", 28, UNIT_TEXT, get_name, "kernel function that called it" },
	{ "use", 7, UNIT_TEXT, get_use, "pinned: its pages; through: pins came through it" },
	{ "file", 40, UNIT_TEXT, get_file, "path or name of the file" },
	{ "dirty", 7, UNIT_COUNT, get_dirty, "dirty folios among them" },
	{ "writeback", 9, UNIT_COUNT, get_writeback, "folios under writeback" },
	{ "blocks", 7, UNIT_COUNT, get_blocks, "pageblocks that a pin keeps from being free" },
	{ "cma", 7, UNIT_COUNT, get_cma, "folios in CMA ranges" },
	{ "node", 4, UNIT_NUMBER, get_node, "memory node" },
	{ "zone", 7, UNIT_TEXT, get_zone, "memory zone" },
	{ "level", 8, UNIT_STATE, get_level, "error, warning or note" },
	{ "rule", 18, UNIT_TEXT, get_rule, "what was found" },
	{ "certainty", 9, UNIT_TEXT, get_certainty, "exact, inferred or suspect" },
	{ "title", 40, UNIT_TEXT, get_name, "the finding in words" },
	{ "id", 26, UNIT_TEXT, get_id, "the finding's name, the same in the next snapshot" },
	{ "pfn", 10, UNIT_NUMBER, get_pfn, "page frame number of the head" },
	{ "refs", 6, UNIT_COUNT, get_refs, "its reference count" },
	{ "maps", 5, UNIT_COUNT, get_maps, "its map count" },
};

const struct top_column *top_columns(size_t *cnt)
{
	*cnt = ARRAY_SIZE(columns);
	return columns;
}

void top_columns__list(FILE *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		fprintf(out, "%-11s %s\n", columns[i].name, columns[i].help);
}

const struct top_column *top_column(const char *name, size_t length)
{
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (strlen(columns[i].name) == length &&
		    strncmp(columns[i].name, name, length) == 0)
			return &columns[i];
	return NULL;
}

bool top_column__descends(const struct top_column *column)
{
	return column->unit != UNIT_TEXT && column->unit != UNIT_NUMBER;
}

int top_columns__parse(const char *list, const struct top_column **chosen, size_t *cnt, char **bad)
{
	const struct top_column *found[TOP_COLUMNS_MAX];
	size_t len, n = 0;

	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (n == TOP_COLUMNS_MAX || !top_column(list, len)) {
			*bad = strndup(list, len);
			return -EINVAL;
		}
		found[n++] = top_column(list, len);
		if (!list[len])
			break;
	}
	memcpy(chosen, found, n * sizeof(found[0]));
	*cnt = n;
	return 0;
}

static struct fmt flag_letters(uint64_t flags)
{
	static const char letters[] = "WLFNRP"; /* in the order of PIN_* */
	struct fmt fmt = { "-" };
	size_t len = 0;

	for (size_t bit = 0; letters[bit]; bit++) {
		if (!(flags & 1ULL << bit))
			continue;
		fmt.s[len++] = letters[bit];
		fmt.s[len] = '\0';
	}
	return fmt;
}

static struct fmt plain(uint64_t num)
{
	struct fmt fmt;

	snprintf(fmt.s, sizeof(fmt.s), "%llu", (unsigned long long)num);
	return fmt;
}

static struct fmt seconds(uint64_t ns)
{
	struct fmt fmt;

	snprintf(fmt.s, sizeof(fmt.s), "%llu.%03llu", (unsigned long long)(ns / (1000 * NS_PER_MS)),
		 (unsigned long long)(ns / NS_PER_MS % 1000));
	return fmt;
}

static struct fmt figure(enum top_unit unit, uint64_t num, bool machine)
{
	switch (unit) {
	case UNIT_BYTES:
		return machine ? plain(num) : fmt_bytes(num);
	case UNIT_COUNT:
		return machine ? plain(num) : fmt_count(num);
	case UNIT_AGE:
		return machine ? seconds(num) : fmt_age(num);
	case UNIT_FLAGS:
		return flag_letters(num);
	default:
		return plain(num);
	}
}

/* One word, whatever the text: blanks become \x20. */
static void put_word(const char *text, char *word, size_t room)
{
	size_t len = 0;

	for (; *text && len + 5 < room; text++) {
		if (*text == ' ')
			len += sprintf(word + len, "\\x20");
		else
			word[len++] = *text;
	}
	word[len] = '\0';
}

static void put_text(const char *text, bool machine, bool guess, char *cell, size_t room)
{
	cleanup_free char *safe = fmt_safe(text);

	if (!safe || !*safe)
		snprintf(cell, room, "-");
	else if (machine)
		put_word(safe, cell, room);
	else
		snprintf(cell, room, "%s%s", safe, guess ? "?" : "");
}

void top_cell(const struct top_model *model, const struct top_row *row,
	      const struct top_column *column, bool machine, char *text, size_t room)
{
	struct top_value value = column->get(model, row);

	if (!value.known)
		snprintf(text, room, "%s", value.guess && !machine ? "?" : "-");
	else if (value.text)
		put_text(value.shown && !machine ? value.shown : value.text, machine, value.guess,
			 text, room);
	else
		snprintf(text, room, "%s", figure(column->unit, value.num, machine).s);
}
