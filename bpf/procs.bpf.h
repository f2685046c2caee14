/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Processes that matter: those that pinned, their children (who inherit open
 * files), and the tree of the command under test. Forks, exits with time and
 * status. A process is a thread group id and its leader's start time. One that ends
 * and has pinned nothing is forgotten: a build has more of them than the map has room.
 */
#ifndef GUP_PROCS_BPF_H
#define GUP_PROCS_BPF_H

__u32 tree_root; /* thread group id of the command under test, 0 = none */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct gup_proc_key);
	__type(value, struct gup_proc);
} procs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} recs SEC(".maps");

static __always_inline bool is_root(__u32 tgid)
{
	return tree_root && tgid == tree_root;
}

static __always_inline struct gup_proc_key proc_key(struct task_struct *task)
{
	struct gup_proc_key key = {
		.tgid = BPF_CORE_READ(task, tgid),
		.start_boottime = BPF_CORE_READ(task, group_leader, start_boottime),
	};

	return key;
}

/* The record of a process, made if it is new; NULL when the map is full (counted). */
static __noinline struct gup_proc *proc_note(struct task_struct *task,
					     const struct gup_proc_key *key)
{
	struct gup_proc *proc, fresh = {};
	struct task_struct *parent;

	if (!key)
		return NULL;
	proc = bpf_map_lookup_elem(&procs, key);
	if (proc) {
		/* The command itself was forked before anybody knew that it is the command. */
		if (is_root(key->tgid))
			proc->in_tree = 1;
		return proc;
	}
	parent = BPF_CORE_READ(task, group_leader, real_parent);
	fresh.ptgid = BPF_CORE_READ(parent, tgid);
	fresh.pstart = BPF_CORE_READ(parent, group_leader, start_boottime);
	fresh.uid = BPF_CORE_READ(task, cred, uid.val);
	fresh.in_tree = is_root(key->tgid);
	BPF_CORE_READ_STR_INTO(&fresh.comm, task, group_leader, comm);
	/* Another thread may have been quicker. */
	bpf_map_update_elem(&procs, key, &fresh, BPF_NOEXIST);
	proc = bpf_map_lookup_elem(&procs, key);
	if (!proc)
		count(GUP_STAT_PROCS_LOST, 1);
	return proc;
}

/* A child of an owner or of the command under test: remember whom it comes from. */
static __always_inline void on_fork(struct task_struct *parent, struct task_struct *child)
{
	struct gup_proc_key pkey = proc_key(parent), ckey = proc_key(child);
	bool root = is_root(pkey.tgid);
	struct gup_proc *from, *proc;

	if (pkey.tgid == ckey.tgid)
		return;
	from = bpf_map_lookup_elem(&procs, &pkey);
	if (!from && !root)
		return;
	proc = proc_note(child, &ckey);
	if (!proc)
		return;
	proc->ptgid = pkey.tgid;
	proc->pstart = pkey.start_boottime;
	proc->in_tree = root || (from && from->in_tree);
}

/* Threads exit one by one; the process is gone when the last has gone. */
static __always_inline void on_exit(struct task_struct *task)
{
	struct gup_proc_key key;
	struct gup_proc *proc;
	int code;

	if (BPF_CORE_READ(task, signal, live.counter) > 0)
		return;
	key = proc_key(task);
	proc = bpf_map_lookup_elem(&procs, &key);
	if (!proc)
		return;
	if (!proc->is_owner) {
		bpf_map_delete_elem(&procs, &key);
		return;
	}
	code = BPF_CORE_READ(task, signal, group_exit_code);
	proc->exit_code = code ? code : BPF_CORE_READ(task, exit_code);
	BPF_CORE_READ_STR_INTO(&proc->comm, task, group_leader, comm);
	proc->exit_ns = bpf_ktime_get_ns();
}

/* Tells user space of a new process with pins, so that it can note its maps while it lives. */
static __always_inline void tell_proc(const struct gup_proc_key *key, __u32 owner)
{
	struct gup_rec *rec = bpf_ringbuf_reserve(&recs, sizeof(*rec), 0);

	if (!rec) {
		count(GUP_STAT_RECS_LOST, 1);
		return;
	}
	rec->kind = GUP_REC_PROC;
	rec->tgid = key->tgid;
	rec->start_boottime = key->start_boottime;
	rec->owner = owner;
	rec->stack_len = 0;
	bpf_ringbuf_submit(rec, 0);
}

#endif
