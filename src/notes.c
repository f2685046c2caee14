// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notes by process and by owner, in two small hash-less tables: a report has
 * tens of processes that pin, not thousands. When a table is full, those of
 * owners that nobody knows any more make room.
 */
#include "notes.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unwind.h"
#include "util.h"

#define PROCS_MAX 4096
#define STACKS_MAX 4096
#define WAITING_MAX 256 /* copies of stacks, up to 64 KiB each */

struct noted_proc {
	uint32_t tgid;
	uint64_t start_boottime;
	struct proc_maps *maps; /* NULL: gone before they could be read */
};

struct noted_stack {
	uint32_t owner, tgid; /* ids of owners come again, in other processes */
	uint64_t start_boottime;
	size_t cnt;
	uint64_t ips[UNWIND_MAX_FRAMES];
	char why[96]; /* empty = complete */
};

struct notes {
	struct noted_proc *procs;
	size_t proc_cnt;
	struct noted_stack *stacks;
	size_t stack_cnt;
	struct gup_rec *waiting[WAITING_MAX]; /* stacks to unwind */
	size_t waiting_cnt;
};

struct notes *notes__new(void)
{
	struct notes *notes = calloc(1, sizeof(*notes));

	if (!notes)
		return NULL;
	notes->procs = calloc(PROCS_MAX, sizeof(*notes->procs));
	notes->stacks = calloc(STACKS_MAX, sizeof(*notes->stacks));
	if (notes->procs && notes->stacks)
		return notes;
	notes__free(notes);
	return NULL;
}

void notes__free(struct notes *notes)
{
	if (!notes)
		return;
	for (size_t i = 0; i < notes->proc_cnt; i++)
		proc_maps__free(notes->procs[i].maps);
	for (size_t i = 0; i < notes->waiting_cnt; i++)
		free(notes->waiting[i]);
	free(notes->procs);
	free(notes->stacks);
	free(notes);
}

static struct noted_proc *find(struct notes *notes, uint32_t tgid, uint64_t start_boottime)
{
	for (size_t i = 0; i < notes->proc_cnt; i++)
		if (notes->procs[i].tgid == tgid &&
		    notes->procs[i].start_boottime == start_boottime)
			return &notes->procs[i];
	return NULL;
}

/* Reads the maps of a living process once more for each new stack: libraries may have been loaded. */
static void note_maps(struct notes *notes, uint32_t tgid, uint64_t start_boottime)
{
	struct noted_proc *proc = find(notes, tgid, start_boottime);
	struct proc_maps *maps;

	if (!proc && notes->proc_cnt < PROCS_MAX) {
		proc = &notes->procs[notes->proc_cnt++];
		proc->tgid = tgid;
		proc->start_boottime = start_boottime;
	}
	if (!proc)
		return;
	maps = proc_maps__read(tgid);
	if (maps) {
		proc_maps__free(proc->maps);
		proc->maps = maps;
	}
}

static void unwind(struct notes *notes, const struct proc_maps *maps, const struct gup_rec *rec)
{
	struct user_regs regs = {
		.ip = rec->ip,
		.sp = rec->sp,
		.bp = rec->bp,
		.bx = rec->bx,
		.r12 = rec->r12,
		.r13 = rec->r13,
		.r14 = rec->r14,
		.r15 = rec->r15,
	};
	const char *why = "the process was gone before its maps were read";
	struct noted_stack *stack;

	if (notes->stack_cnt == STACKS_MAX)
		return;
	stack = &notes->stacks[notes->stack_cnt++];
	stack->owner = rec->owner;
	stack->tgid = rec->tgid;
	stack->start_boottime = rec->start_boottime;
	stack->ips[0] = rec->ip;
	stack->cnt = 1;
	if (maps)
		stack->cnt = unwind__user(maps, &regs, rec->stack, rec->stack_len, stack->ips,
					  UNWIND_MAX_FRAMES, &why);
	snprintf(stack->why, sizeof(stack->why), "%s", why ? why : "");
}

/* Copies the record, as unwinding it now would let other processes end before their maps are read. */
static void wait_for_unwind(struct notes *notes, const struct gup_rec *rec)
{
	struct gup_rec *copy;

	if (notes->waiting_cnt == WAITING_MAX)
		notes__unwind(notes);
	copy = malloc(sizeof(*rec) + rec->stack_len);
	if (!copy)
		return;
	memcpy(copy, rec, sizeof(*rec) + rec->stack_len);
	notes->waiting[notes->waiting_cnt++] = copy;
}

void notes__take(void *ctx, const struct gup_rec *rec)
{
	struct notes *notes = ctx;

	if (rec->tgid == (uint32_t)getpid())
		return; /* the self-test's */
	note_maps(notes, rec->tgid, rec->start_boottime);
	if (rec->kind == GUP_REC_STACK && rec->stack_len <= GUP_UNWIND_BYTES)
		wait_for_unwind(notes, rec);
}

void notes__unwind(struct notes *notes)
{
	for (size_t i = 0; i < notes->waiting_cnt; i++) {
		struct gup_rec *rec = notes->waiting[i];

		unwind(notes, notes__maps(notes, rec->tgid, rec->start_boottime), rec);
		free(rec);
	}
	notes->waiting_cnt = 0;
}

const struct proc_maps *notes__maps(struct notes *notes, uint32_t tgid, uint64_t start_boottime)
{
	const struct noted_proc *proc = find(notes, tgid, start_boottime);

	return proc ? proc->maps : NULL;
}

size_t notes__stack(const struct notes *notes, const struct gup_owner *owner, const uint64_t **ips,
		    const char **why)
{
	for (size_t i = 0; i < notes->stack_cnt; i++) {
		if (notes->stacks[i].owner != owner->id ||
		    notes->stacks[i].tgid != owner->key.tgid ||
		    notes->stacks[i].start_boottime != owner->key.start_boottime)
			continue;
		*ips = notes->stacks[i].ips;
		*why = notes->stacks[i].why[0] ? notes->stacks[i].why : NULL;
		return notes->stacks[i].cnt;
	}
	return 0;
}

bool notes__full(const struct notes *notes)
{
	return notes->proc_cnt == PROCS_MAX || notes->stack_cnt == STACKS_MAX;
}

static int by_process(const void *a, const void *b)
{
	const struct gup_owner_key *x = &((const struct gup_owner *)a)->key;
	const struct gup_owner_key *y = &((const struct gup_owner *)b)->key;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	return (x->start_boottime > y->start_boottime) - (x->start_boottime < y->start_boottime);
}

static bool is_among(const struct gup_owner *owners, size_t cnt, uint32_t tgid,
		     uint64_t start_boottime)
{
	const struct gup_owner process = {
		.key = { .tgid = tgid, .start_boottime = start_boottime },
	};

	return cnt && bsearch(&process, owners, cnt, sizeof(*owners), by_process);
}

void notes__forget_others(struct notes *notes, struct gup_owner *owners, size_t cnt)
{
	size_t procs = 0, stacks = 0;

	if (cnt)
		qsort(owners, cnt, sizeof(*owners), by_process);
	for (size_t i = 0; i < notes->proc_cnt; i++) {
		const struct noted_proc *proc = &notes->procs[i];

		if (is_among(owners, cnt, proc->tgid, proc->start_boottime))
			notes->procs[procs++] = *proc;
		else
			proc_maps__free(proc->maps);
	}
	for (size_t i = 0; i < notes->stack_cnt; i++) {
		const struct noted_stack *stack = &notes->stacks[i];

		if (is_among(owners, cnt, stack->tgid, stack->start_boottime))
			notes->stacks[stacks++] = *stack;
	}
	memset(notes->procs + procs, 0, (notes->proc_cnt - procs) * sizeof(*notes->procs));
	notes->proc_cnt = procs;
	notes->stack_cnt = stacks;
}
