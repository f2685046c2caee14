/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is pinning. An owner is made at the entry of a GUP API function, once per
 * call and never inside try_grab_*: process, whose memory, flags, both stacks
 * and the open file of the system call. A mark by thread carries it to the
 * hooks that book the pins, and to the API's exit, which books the result.
 */
#ifndef GUP_OWNER_BPF_H
#define GUP_OWNER_BPF_H

struct mark {
	__u64 ns;
	__u64 asked; /* pages */
	__u32 owner;
	__u32 api;    /* 0 = not inside an API function */
	__u64 booked; /* what was booked last, see fexit2__try_grab_folio() */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* thread */
	__type(value, struct mark);
} marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 16384);
	__type(value, __u32);
} free_owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct gup_owner_key);
	__type(value, __u32);
} owner_ids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16385); /* ids from 1 */
	__type(key, __u32);
	__type(value, struct gup_owner);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct gup_err_key);
	__type(value, __u64);
} errs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, GUP_STACK_DEPTH * sizeof(__u64));
} kstacks SEC(".maps"), ustacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 4096);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, GUP_STACK_DEPTH * sizeof(__u64));
} kstacks_more SEC(".maps"), ustacks_more SEC(".maps");

__u32 memfd_callers; /* threads inside memfd_pin_folios: 0 saves a look-up per release */

__u64 owners_epoch; /* user space adds one when it has retired owners */

__u32 no_stacks; /* owners are known by process, function and flags alone */

static __always_inline struct gup_owner *owner_of(__u32 id)
{
	return bpf_map_lookup_elem(&owners, &id);
}

/* SUITS_* bits of an owner for a release. */
static __always_inline __u64 owner_suits(__u32 id, const struct releaser *who)
{
	struct gup_owner *owner = owner_of(id);
	__u64 suits = id == who->avoid ? 0 : SUITS_OTHER;
	bool is_short;

	if (!owner)
		return suits;
	is_short = !(owner->key.flags & foll_longterm);
	if (is_short)
		suits |= SUITS_SHORT;
	if (who->tgid && owner->key.tgid == who->tgid) {
		suits |= SUITS_TGID;
		if ((who->file && owner->key.file == who->file) || (is_short && id == who->last))
			suits |= SUITS_SURE;
	}
	return suits;
}

/* Completes what is known of the releasing thread: only asked for folios with several owners. */
static __always_inline void who_releases(struct releaser *who)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct mark *mark = bpf_map_lookup_elem(&marks, &tid);
	struct syscall call;

	if (mark)
		who->last = mark->owner;
	who->file = (__u64)syscall_file((void *)bpf_get_current_task(), &call);
}

static __always_inline void owner_took(__u32 id, __u32 n, bool stale)
{
	struct gup_owner *owner = owner_of(id);

	if (owner)
		__sync_fetch_and_add(stale ? &owner->stale : &owner->released, n);
}

/*
 * The stack's id, or a negative errno. A bucket of such a map holds one stack,
 * chosen by 14 bits of its hash, and keeps the first: among 100 stacks two share
 * one in every fourth run. The second of them goes into another map.
 */
static __always_inline __s32 stack_id(void *ctx, bool user)
{
	__u64 flags = user ? BPF_F_USER_STACK : 0;
	long id = user ? bpf_get_stackid(ctx, &ustacks, flags)
		       : bpf_get_stackid(ctx, &kstacks, flags);

	if (id != E_EXIST)
		return id;
	id = user ? bpf_get_stackid(ctx, &ustacks_more, flags)
		  : bpf_get_stackid(ctx, &kstacks_more, flags);
	if (id == E_EXIST)
		count(GUP_STAT_STACKS_LOST, 1);
	return id < 0 ? id : id | GUP_STACK_MORE;
}

/* Registers and the top of the user stack, for unwinding without frame pointers. */
static __noinline int send_stack(struct task_struct *task, const struct gup_owner_key *key,
				 __u32 id)
{
	struct pt_regs *regs = user_regs(task);
	struct gup_rec *rec;

	rec = bpf_ringbuf_reserve(&recs, sizeof(*rec) + GUP_UNWIND_BYTES, 0);
	if (!rec || !key) {
		count(GUP_STAT_RECS_LOST, 1);
		if (rec)
			bpf_ringbuf_discard(rec, 0);
		return 0;
	}
	rec->kind = GUP_REC_STACK;
	rec->tgid = key->tgid;
	rec->start_boottime = key->start_boottime;
	rec->owner = id;
	rec->stack_len = 0;
	rec->ip = BPF_CORE_READ(regs, ip);
	rec->sp = BPF_CORE_READ(regs, sp);
	rec->bp = BPF_CORE_READ(regs, bp);
	rec->bx = BPF_CORE_READ(regs, bx);
	rec->r12 = BPF_CORE_READ(regs, r12);
	rec->r13 = BPF_CORE_READ(regs, r13);
	rec->r14 = BPF_CORE_READ(regs, r14);
	rec->r15 = BPF_CORE_READ(regs, r15);
	/* A page in a large local buffer may never have been touched: zeros then, and on. */
	for (int i = 0; i < GUP_UNWIND_BYTES; i += 1024)
		if (!bpf_probe_read_user(rec->stack + i, 1024, (void *)(rec->sp + i)))
			rec->stack_len = i + 1024;
	bpf_ringbuf_submit(rec, 0);
	return 0;
}

static __always_inline void owner_fill(struct gup_owner *owner, struct task_struct *task,
				       const struct gup_owner_key *key, __u32 id)
{
	struct gup_proc_key pkey = { .tgid = key->tgid, .start_boottime = key->start_boottime };
	struct mm_struct *mm = (void *)key->mm;
	struct task_struct *mm_task;
	struct gup_proc *proc;

	owner->id = id;
	owner->pid = BPF_CORE_READ(task, pid);
	owner->uid = (__u32)bpf_get_current_uid_gid();
	owner->cgroup = bpf_get_current_cgroup_id();
	owner->first_ns = bpf_ktime_get_ns();
	BPF_CORE_READ_STR_INTO(&owner->comm, task, group_leader, comm);
	through_file(task, &owner->file);
	proc = proc_note(task, &pkey);
	if (proc) {
		owner->in_tree = proc->in_tree;
		if (!proc->is_owner) {
			proc->is_owner = 1;
			tell_proc(&pkey, id);
		}
	}
	if (!mm || !bpf_core_field_exists(mm->owner))
		return;
	mm_task = BPF_CORE_READ(mm, owner);
	if (!mm_task)
		return;
	pkey = proc_key(mm_task);
	owner->mm_tgid = pkey.tgid;
	proc = bpf_map_lookup_elem(&procs, &pkey);
	owner->mm_in_tree = is_root(pkey.tgid) || (proc && proc->in_tree);
	/* A kernel thread works for those whose memory it has borrowed, as vhost's up to v6.3. */
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		owner->in_tree |= owner->mm_in_tree;
}

/* The id of the owner with this key, made if it is new; 0 when there is no room (counted). */
static __noinline __u32 owner_get(struct task_struct *task, struct gup_owner_key *key)
{
	__u32 *known, id = 0;
	struct gup_owner *owner;

	if (!key)
		return 0;
	known = bpf_map_lookup_elem(&owner_ids, key);
	if (known)
		return *known;
	if (bpf_map_pop_elem(&free_owners, &id)) {
		count(GUP_STAT_OWNERS_FULL, 1);
		return 0;
	}
	owner = owner_of(id);
	if (!owner)
		return 0;
	owner->key = *key;
	owner_fill(owner, task, key, id);
	if (!bpf_map_update_elem(&owner_ids, key, &id, BPF_NOEXIST)) {
		if ((key->flags & foll_longterm) && key->ustack != -1)
			send_stack(task, key, id);
		return id;
	}
	/* Another thread was quicker: give the id back. */
	owner->key.tgid = 0;
	bpf_map_push_elem(&free_owners, &id, 0);
	known = bpf_map_lookup_elem(&owner_ids, key);
	return known ? *known : 0;
}

static __always_inline void owner_key_init(struct gup_owner_key *key, struct task_struct *task)
{
	key->tgid = BPF_CORE_READ(task, tgid);
	key->start_boottime = BPF_CORE_READ(task, group_leader, start_boottime);
	key->mm = (__u64)BPF_CORE_READ(task, mm);
	key->kstack = -1;
	key->ustack = -1;
}

/* Entry of a GUP API function: flags as the caller gave them, mm 0 = current's, pages asked for. */
static __always_inline void api_enter(void *ctx, __u32 api, __u64 mm, __u32 flags, __u64 asked)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct gup_owner_key key = { .api = api, .flags = flags };
	struct syscall call;
	struct mark mark = { .api = api, .asked = asked };
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	owner_key_init(&key, task);
	key.file = (__u64)syscall_file(task, &call);
	if (!no_stacks)
		key.kstack = stack_id(ctx, false);
	if (!no_stacks && key.mm && !(BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER)))
		key.ustack = stack_id(ctx, true);
	if (mm)
		key.mm = mm;
	mark.owner = owner_get(task, &key);
	mark.ns = bpf_ktime_get_ns();
	bpf_map_update_elem(&marks, &tid, &mark, BPF_ANY);
}

static __always_inline void book_error(__u32 owner, long ret)
{
	struct gup_err_key key = { .owner = owner, .err = -ret };
	__u64 one = 1, *cnt = bpf_map_lookup_elem(&errs, &key);

	if (cnt)
		__sync_fetch_and_add(cnt, 1);
	else if (bpf_map_update_elem(&errs, &key, &one, BPF_NOEXIST))
		count(GUP_STAT_SITES_LOST, 1);
}

/* Exit of a GUP API function that returned ret. */
static __always_inline void api_exit(long ret)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct mark *mark = bpf_map_lookup_elem(&marks, &tid);
	struct gup_owner *owner;

	if (!mark || !mark->api)
		return;
	mark->api = 0;
	owner = owner_of(mark->owner);
	if (!owner)
		return;
	owner->last_ns = mark->ns;
	__sync_fetch_and_add(&owner->calls, 1);
	__sync_fetch_and_add(&owner->pages_asked, mark->asked);
	if (ret < 0) {
		__sync_fetch_and_add(&owner->failed_calls, 1);
		book_error(mark->owner, ret);
	} else if ((__u64)ret < mark->asked) {
		__sync_fetch_and_add(&owner->short_calls, 1);
	}
}

/* The process alone as owner, with api where the booking hook itself is the API function. */
static __noinline __u32 owner_without_mark(__u32 api)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct gup_owner_key key = { .api = api };
	struct syscall call;

	owner_key_init(&key, task);
	key.file = (__u64)syscall_file(task, &call);
	return owner_get(task, &key);
}

/* The owner of what the current thread pins now, and since when; booked goes into its mark. */
static __always_inline __u32 current_owner(__u32 n, __u32 api, __u64 booked, __u64 *now)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct mark *mark = bpf_map_lookup_elem(&marks, &tid), fresh = { .booked = booked };

	if (mark)
		mark->booked = booked;
	if (mark && mark->api) {
		*now = mark->ns;
		return mark->owner;
	}
	if (!api)
		count(GUP_STAT_API_UNKNOWN, n);
	fresh.ns = *now = bpf_ktime_get_ns();
	fresh.owner = owner_without_mark(api);
	/* The thread's last owner: a release in the same call is most likely its. */
	if (mark)
		mark->owner = fresh.owner;
	else
		bpf_map_update_elem(&marks, &tid, &fresh, BPF_ANY);
	return fresh.owner;
}

#endif
