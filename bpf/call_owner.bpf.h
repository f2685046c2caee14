/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plan call: who makes a pin call. An owner is as in owner.bpf.h; how much is
 * spent to know it is decided here.
 *
 * Stacks, which cost more than all the rest: long-term calls and calls of
 * GUP_STACK_PAGES or more always, but not again where a long-term call goes on
 * behind the thread's last one, see continued_owner(); of other calls the first of
 * its kind (process, memory, file, API, flags), then one in stack_every at random.
 * With the default of 8, a site that leaks 100 times is caught with its stack with a
 * probability of 1 - (7/8)^100 = 99.9998%.
 */
#ifndef GUP_CALL_OWNER_BPF_H
#define GUP_CALL_OWNER_BPF_H

#define GUP_STACK_PAGES 64
#define LAST_CALLS 4096
#define NO_STACK -1

/* From where a call came. */
struct call_site {
	__u64 depth; /* address of the program's context: which thread, and how deep in the kernel */
	__s32 ustack; /* negative: unknown */
	__u32 api;
};

struct pin_call {
	struct gup_record_key key;
	__u64 pages; /* address of the array */
	__u64 now;
	__u64 page; /* pages[0] */
	__u64 file;
	__u32 cnt, api, flags, tgid, owner;
	__u32 absent; /* the table has no record of that key */
	struct call_site site;
};

/* What a thread did last. Threads may share a slot, so it is only a hint. */
struct last_call {
	__u64 thread;
	__u64 call; /* for the copies that come later */
	struct gup_record_key key;
	__u64 end; /* address behind that record, if it is a long-term one */
	struct call_site site;
	__u32 owner; /* of that record */
	__u32 plain; /* owner of its last short-term call, without stacks; 0 = none */
	__u64 epoch; /* owners_epoch when that one was found */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LAST_CALLS);
	__type(key, __u32);
	__type(value, struct last_call);
} last_calls SEC(".maps");

static __always_inline struct last_call *last_call(__u64 thread)
{
	__u32 slot = (__u32)thread % LAST_CALLS;

	return bpf_map_lookup_elem(&last_calls, &slot);
}

enum copy {
	COPY_FIRST, /* the one attached last */
	COPY_SECOND,
	COPY_THIRD,
	COPY_FOURTH, /* only where the kernel can be preempted anywhere */
};

/*
 * The owner of the thread's last record, where this call goes on behind it from the
 * same place; else 0. The same place of the program, through the same file, to the same
 * depth of the kernel: so the kernel's stack, an unwind of which takes as long as
 * some 40 pages, is the same. While the record is in the table, its owner's id is no
 * other's.
 */
static __noinline __u32 continued_owner(const struct pin_call *call)
{
	struct last_call *last = last_call(bpf_get_current_pid_tgid());
	const struct gup_record *record;
	struct gup_record_key key;

	if (!call || !last || last->end != call->key.start || last->key.mm != call->key.mm ||
	    call->site.ustack < 0 || last->site.ustack != call->site.ustack ||
	    last->site.depth != call->site.depth || last->site.api != call->site.api)
		return 0;
	key = last->key;
	record = bpf_map_lookup_elem(&records, &key);
	if (!record || record->owner != last->owner || record->file != call->file ||
	    record->tgid != call->tgid || record->flags != call->flags)
		return 0;
	return record->owner;
}

static __always_inline bool same_owner(const struct gup_owner_key *a, const struct gup_owner_key *b)
{
	return a->start_boottime == b->start_boottime && a->mm == b->mm && a->file == b->file &&
	       a->tgid == b->tgid && a->api == b->api && a->flags == b->flags &&
	       a->kstack == b->kstack && a->ustack == b->ustack;
}

/* The id of the owner with this key, which has no stacks; 0: none. A thread's last one is found at once. */
static __always_inline __u32 plain_owner(const struct gup_owner_key *key)
{
	struct last_call *last = last_call(bpf_get_current_pid_tgid());
	__u64 epoch = owners_epoch;
	struct gup_owner *owner;
	__u32 *known;

	if (!last)
		return 0;
	owner = last->epoch == epoch ? owner_of(last->plain) : NULL;
	if (owner && same_owner(&owner->key, key))
		return last->plain;
	known = bpf_map_lookup_elem(&owner_ids, key);
	if (!known)
		return 0;
	last->plain = *known;
	last->epoch = epoch;
	return *known;
}

/* The owner of a call, with stacks where the policy says so. */
static __noinline __u32 call_owner(void *ctx, struct pin_call *call, enum copy copy)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct gup_owner_key key = { .kstack = NO_STACK, .ustack = NO_STACK };
	__u32 known;

	if (!call)
		return 0;
	key.start_boottime = task->group_leader->start_boottime;
	key.mm = call->key.mm;
	key.file = call->file;
	key.tgid = call->tgid;
	key.api = call->api;
	key.flags = call->flags;
	if (copy >= COPY_THIRD || no_stacks)
		return owner_get(task, &key);
	if (!(call->flags & foll_longterm) && call->cnt < GUP_STACK_PAGES) {
		known = plain_owner(&key);
		if (known && bpf_get_prandom_u32() % stack_every)
			return known;
		if (!known)
			owner_get(task, &key);
	}
	if (task->mm && !(task->flags & (PF_KTHREAD | PF_IO_WORKER)))
		key.ustack = stack_id(ctx, true);
	if (call->flags & foll_longterm) {
		call->site.depth = stack_address(ctx);
		call->site.ustack = key.ustack;
		call->site.api = call->api;
		known = continued_owner(call);
		if (known)
			return known;
	}
	key.kstack = stack_id(ctx, false);
	return owner_get(task, &key);
}

#endif
