// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes a snapshot: reads the maps once, hands them to the groups, the holders,
 * the sites and the checks.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "calls.h"
#include "snapshot_host.h"
#include "snapshot_impl.h"
#include "snapshot_order.h"
#include "util.h"

#define TICK_NS 10000000ULL

/* /proc gives start times in ticks of 10 ms; nobody reuses a process id that fast. */
static bool same_start(uint64_t a, uint64_t b)
{
	return a / TICK_NS == b / TICK_NS;
}

/* Is this owner only the tracker's test of itself? */
static bool is_self(const struct take_options *opts, const struct gup_owner *owner)
{
	return owner->key.tgid == (uint32_t)getpid() ||
	       (opts->tested_by && owner->key.tgid == opts->tested_by &&
		same_start(owner->key.start_boottime, opts->tested_by_start_ns));
}

static bool is_selected(const struct take_options *opts, const struct gup_owner *owner)
{
	if (is_self(opts, owner))
		return false;
	if (opts->tree_only)
		return owner->in_tree;
	return !opts->pid || owner->key.tgid == opts->pid || owner->mm_tgid == opts->pid;
}

static int read_owners(struct take *take)
{
	int err = tracker__owners(take->tracker, &take->owners, &take->owner_cnt);

	if (!err)
		err = tracker__procs(take->tracker, &take->procs, &take->proc_cnt);
	if (err)
		return err;
	for (size_t i = 0; i < take->owner_cnt; i++)
		if (take->owners[i].id >= take->id_cnt)
			take->id_cnt = take->owners[i].id + 1;
	take->by_id = malloc((take->id_cnt + 1) * sizeof(*take->by_id));
	take->notes = calloc(take->owner_cnt + 1, sizeof(*take->notes));
	if (!take->by_id || !take->notes)
		return -ENOMEM;
	for (size_t i = 0; i < take->id_cnt; i++)
		take->by_id[i] = -1;
	for (size_t i = 0; i < take->owner_cnt; i++) {
		take->by_id[take->owners[i].id] = i;
		take->notes[i].group = -1;
		take->notes[i].self = is_self(take->opts, &take->owners[i]);
		take->notes[i].selected = is_selected(take->opts, &take->owners[i]);
	}
	return 0;
}

static void fill_exit(struct process *proc, const struct gup_proc *facts)
{
	proc->exited = facts->exit_ns != 0;
	proc->exited_ns = mono_to_real_ns(facts->exit_ns);
	proc->exit_status = -1;
	if (!proc->exited)
		return;
	proc->exit_signal = WTERMSIG(facts->exit_code);
	if (WIFEXITED(facts->exit_code))
		proc->exit_status = WEXITSTATUS(facts->exit_code);
}

static const struct proc_item *proc_item(const struct take *take, uint32_t tgid, uint64_t start)
{
	for (size_t i = 0; i < take->proc_cnt; i++)
		if (take->procs[i].key.tgid == tgid &&
		    (!start || take->procs[i].key.start_boottime == start) &&
		    (start || !take->procs[i].proc.exit_ns))
			return &take->procs[i];
	return NULL;
}

/* What owners' records know of a process, where the process map was full or came later. */
static const struct gup_owner *owner_record(const struct take *take, uint32_t tgid, uint64_t start)
{
	for (size_t i = 0; i < take->owner_cnt; i++)
		if (take->owners[i].key.tgid == tgid && take->owners[i].key.start_boottime == start)
			return &take->owners[i];
	return NULL;
}

static void fill_process(struct take *take, struct process *proc, uint64_t start)
{
	const struct proc_item *item = proc_item(take, proc->pid, start);
	const struct gup_owner *owner = owner_record(take, proc->pid, start);
	struct proc_facts facts;

	proc->started_ns = boot_to_real_ns(start);
	proc->start_boot_ns = start;
	proc->forked_from = -1;
	proc->comm = "?";
	if (item) {
		proc->comm = snapshot__str(take->snap, item->proc.comm);
		proc->uid = item->proc.uid;
		proc->in_tree = item->proc.in_tree;
		fill_exit(proc, &item->proc);
	}
	if (owner) {
		proc->comm = snapshot__str(take->snap, owner->comm);
		proc->uid = owner->uid;
		proc->cgroup_id = owner->cgroup;
		proc->cgroup = snapshot__str(take->snap, cgroup_path(owner->cgroup));
		proc->in_tree = owner->in_tree;
	}
	if (!proc->exited && !proc_facts__read(proc->pid, &facts)) {
		proc->comm = snapshot__str(take->snap, facts.comm);
		proc->uid = facts.uid;
	}
}

int take__process(struct take *take, uint32_t tgid, uint64_t start)
{
	struct snapshot *snap = take->snap;
	const struct proc_item *item;
	struct process *proc;
	int index, parent;

	for (size_t i = 0; i < snap->process_cnt; i++)
		if (snap->processes[i].pid == tgid &&
		    same_start(snap->processes[i].start_boot_ns, start))
			return i;
	proc = snapshot__append(snap, &snap->processes, &snap->process_cnt, sizeof(*proc));
	index = snap->process_cnt - 1;
	proc->pid = tgid;
	fill_process(take, proc, start);
	item = proc_item(take, tgid, start);
	if (item && owner_record(take, item->proc.ptgid, item->proc.pstart)) {
		parent = take__process(take, item->proc.ptgid, item->proc.pstart);
		snap->processes[index].forked_from = parent;
	}
	return index;
}

int take__living(struct take *take, uint32_t tgid)
{
	const struct proc_item *item = proc_item(take, tgid, 0);
	struct proc_facts facts;

	if (proc_facts__read(tgid, &facts))
		return -1;
	return take__process(take, tgid, item ? item->key.start_boottime : facts.start_boot_ns);
}

bool take__is_bpf(struct take *take, uint64_t ip)
{
	const struct ksym *sym = ksyms__find(take->opts->ksyms, ip);

	return !sym || (sym->module && !strcmp(sym->module, "bpf"));
}

const char *take__kernel_function(struct take *take, uint64_t ip, const char **module)
{
	const struct ksym *sym = ksyms__find(take->opts->ksyms, ip);
	char name[128];

	*module = NULL;
	if (!sym)
		return NULL;
	symbol_display(sym->name, name, sizeof(name));
	*module = snapshot__str(take->snap, sym->module);
	return snapshot__str(take->snap, name);
}

/*
 * Since Linux kernel commit 0c3772a8db1f ("x86/ftrace: Implement DYNAMIC_FTRACE_WITH_JMP"),
 * seen in 7.2 and 7.3, a function that is traced at its exit jumps to the trampoline instead of
 * calling it, so that its own frame is missing: put it there.
 */
static void add_api_frame(struct take *take, struct stack *stack, uint64_t ip, uint32_t api)
{
	const char *module, *function = take__kernel_function(take, ip, &module);
	struct frame *frame;

	if (api == API_UNKNOWN || api >= API_CNT || (function && !strcmp(function, api_name(api))))
		return;
	frame = snapshot__append(take->snap, &stack->frames, &stack->frame_cnt, sizeof(*frame));
	frame->function = snapshot__str(take->snap, api_name(api));
}

int take__kernel_stack(struct take *take, const struct gup_owner *owner)
{
	int id = owner->key.kstack;
	struct snapshot *snap = take->snap;
	uint64_t ips[GUP_STACK_DEPTH];
	size_t cnt = tracker__stack(take->tracker, false, id, ips), first = 0;
	struct stack *stack;

	for (size_t i = 0; i < snap->stack_cnt; i++)
		if (!snap->stacks[i].user && take->kstack_index && take->kstack_index[i] == id + 1)
			return i;
	/* The innermost frames are our own trampoline. */
	while (first < cnt && take__is_bpf(take, ips[first]))
		first++;
	if (first == cnt)
		return -1;
	stack = snapshot__append(snap, &snap->stacks, &snap->stack_cnt, sizeof(*stack));
	take->kstack_index = realloc(take->kstack_index, snap->stack_cnt * sizeof(int));
	if (!take->kstack_index)
		err(4, "out of memory");
	take->kstack_index[snap->stack_cnt - 1] = id + 1;
	stack->complete = cnt < GUP_STACK_DEPTH;
	stack->why = stack->complete ? NULL : "deeper than the tracker records";
	add_api_frame(take, stack, ips[first], owner->key.api);
	for (size_t i = first; i < cnt; i++) {
		struct frame *frame =
			snapshot__append(snap, &stack->frames, &stack->frame_cnt, sizeof(*frame));

		frame->function = take__kernel_function(take, ips[i], &frame->module);
	}
	return snap->stack_cnt - 1;
}

int take__user_stack(struct take *take, const struct gup_owner *owner)
{
	const struct proc_maps *maps =
		notes__maps(take->opts->notes, owner->key.tgid, owner->key.start_boottime);
	uint64_t by_frame_pointer[GUP_STACK_DEPTH];
	const uint64_t *ips;
	struct stack *stack;
	const char *why;
	size_t cnt = notes__stack(take->opts->notes, owner, &ips, &why);

	if (!cnt || (why && cnt == 1)) {
		cnt = tracker__stack(take->tracker, true, owner->key.ustack, by_frame_pointer);
		ips = by_frame_pointer;
		why = maps ? "followed frame pointers only"
			   : "the process was gone before its maps were read";
	}
	if (!cnt)
		return -1;
	stack = snapshot__append(take->snap, &take->snap->stacks, &take->snap->stack_cnt,
				 sizeof(*stack));
	take->kstack_index = realloc(take->kstack_index, take->snap->stack_cnt * sizeof(int));
	if (!take->kstack_index)
		err(4, "out of memory");
	take->kstack_index[take->snap->stack_cnt - 1] = 0;
	stack->user = true;
	stack->complete = !why;
	stack->why = snapshot__str(take->snap, why);
	for (size_t i = 0; i < cnt; i++) {
		struct frame *frame = snapshot__append(take->snap, &stack->frames,
						       &stack->frame_cnt, sizeof(*frame));
		const char *function = NULL, *file = NULL;

		frame->offset = ips[i];
		if (maps && user_frame__resolve(maps, ips[i], &function, &file, &frame->offset)) {
			frame->function = snapshot__str(take->snap, function);
			frame->file = snapshot__str(take->snap, file);
		}
	}
	return take->snap->stack_cnt - 1;
}

/* Largest groups first, pages by their number. */
static void put_in_order(struct snapshot *snap)
{
	cleanup_free int *now = snapshot__sort_groups(snap);

	for (size_t i = 0; i < snap->page_cnt; i++)
		snap->pages[i].group = now[snap->pages[i].group];
	snapshot__sort_pages(snap);
}

static void take__done(struct take *take)
{
	free(take->owners);
	free(take->notes);
	free(take->by_id);
	free(take->procs);
	zones__free(&take->zones);
	free(take->kstack_index);
}

/* Once for each group: a folio's share of it would be a dozen readings of clocks. */
static void date_groups(struct snapshot *snap)
{
	for (size_t i = 0; i < snap->group_cnt; i++) {
		snap->groups[i].oldest_ns = mono_to_real_ns(snap->groups[i].oldest_ns);
		snap->groups[i].newest_ns = mono_to_real_ns(snap->groups[i].newest_ns);
	}
}

struct snapshot *snapshot__take(struct tracker *tracker, const struct take_options *opts)
{
	struct take take = { .tracker = tracker, .opts = opts };
	bool call = tracker__plan(tracker) == PLAN_CALL;
	int err = 0;

	take.snap = snapshot__new();
	if (!take.snap)
		return NULL;
	take.snap->tool = opts->tool;
	take.snap->version = GUP_VERSION;
	snapshot__fill_host(take.snap);
	if (call)
		err = calls__scan(opts->calls);
	/* Whom the scan's claims name is there by now. */
	if (!err)
		err = read_owners(&take);
	if (!err && call)
		take__call_groups(&take);
	else if (!err)
		err = take__groups(&take);
	if (!err && !call)
		err = take__sites(&take);
	if (!err)
		err = take__checks(&take);
	snapshot__stamp(take.snap);
	if (!err) {
		date_groups(take.snap);
		take__holders(&take);
		put_in_order(take.snap);
	}
	take__done(&take);
	if (!err)
		return take.snap;
	warnx("can't read the tracker's maps: %s", strerror(-err));
	snapshot__free(take.snap);
	errno = -err;
	return NULL;
}

int snapshot__held(struct tracker *tracker, const struct take_options *opts, uint64_t *pins)
{
	struct take take = { .tracker = tracker, .opts = opts };
	cleanup_free struct ledger_item *items = NULL;
	bool call = tracker__plan(tracker) == PLAN_CALL;
	size_t cnt = 0;
	int err = call ? calls__scan(opts->calls) : 0;

	*pins = 0;
	if (!err)
		err = read_owners(&take);
	if (!err && call)
		take__call_held(&take, pins);
	else if (!err)
		err = tracker__ledger(tracker, &items, &cnt);
	for (size_t i = 0; i < cnt && !err; i++) {
		for (int s = 0; s < GUP_SLOTS; s++) {
			uint64_t word = items[i].entry.slot[s].word;
			uint32_t id = GUP_SLOT_OWNER(word);
			int owner = id < take.id_cnt ? take.by_id[id] : -1;

			if (owner >= 0 && take.notes[owner].selected)
				*pins += GUP_SLOT_PINS(word);
		}
	}
	take__done(&take);
	return err;
}
