/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plan call: one record per pin call, keyed by whose memory and from where, with
 * the identity of the memory that was pinned; nothing per page, nothing on
 * release. User space matches pinned folios to records by interval
 * (src/records.c). The adapters are in call.bpf.h.
 *
 * A record is written at the exit of the API function, when pages[] is filled
 * and pinned, so struct pages are read without a lock. Three copies of each
 * program run one after the other, four where a task can be preempted anywhere in
 * the kernel: BPF skips a program that was preempted on the same CPU, for whatever
 * thread. The copies that come later find a token of the first and leave. From the
 * third on they take no stacks: they are short, so that they are seldom preempted
 * themselves, and others find them free.
 *
 * RDMA and VFIO pin at most 512 pages a call and go on behind them. A long-term
 * call that begins where the thread's last record ends, in memory and in what
 * the memory is of, and by the same owner, lengthens that record instead: see
 * extend(). Not over the beginning of a scan, which user space notes in
 * scan_began_ns: what a scan has seen of a record must stay what it was.
 */
#ifndef GUP_RECORD_BPF_H
#define GUP_RECORD_BPF_H

#define RECORD_PARTS 8
#define PAGE_SHIFT 12

__u64 scan_began_ns; /* monotonic; written by user space before it looks at the first page */

static __always_inline __u64 page_at(const struct pin_call *call, __u64 i)
{
	__u64 page = 0;

	bpf_probe_read_kernel(&page, sizeof(page), (void *)(call->pages + i * 8));
	return page;
}

/* Like syscall_file() of context.bpf.h, through pointers that the verifier knows: a tenth of the cost. */
static __always_inline __u64 call_file(struct task_struct *task)
{
	struct pt_regs *regs;
	struct fdtable *fdt;
	__u64 file = 0;
	__u32 fd;

	if ((task->flags & (PF_KTHREAD | PF_IO_WORKER)) || (task->thread_info.status & TS_COMPAT))
		return 0;
	regs = (void *)bpf_task_pt_regs((void *)task);
	if (!takes_fd((__s32)regs->orig_ax, regs->si, regs->r10))
		return 0;
	fd = regs->di;
	fdt = task->files->fdt;
	if (fd < fdt->max_fds)
		bpf_probe_read_kernel(&file, sizeof(file), (void *)((__u64)fdt->fd + fd * 8));
	return file;
}

static __always_inline bool same_call(const struct gup_record *record, const struct pin_call *call)
{
	return record->page == call->page && record->pages == call->cnt &&
	       record->tgid == call->tgid && record->flags == call->flags &&
	       record->file == call->file && !(record->notes & GUP_RECORD_PART);
}

/*
 * Lengthens the record that ends where this call begins; 0 if it is not of the
 * same kind. The longer one replaces it as a whole, and only while it is there:
 * an element may be another record by now.
 */
__noinline int extend(const struct pin_call *call, const struct gup_record *next)
{
	struct last_call *last = last_call(bpf_get_current_pid_tgid());
	struct gup_record_key key;
	struct gup_record *old, record;

	if (!call || !next || !last || last->key.mm != call->key.mm || last->end != call->key.start)
		return 0;
	key = last->key;
	old = bpf_map_lookup_elem(&records, &key);
	if (!old)
		return 0;
	record = *old;
	if (record.owner != next->owner || record.file != next->file || record.m0 != next->m0 ||
	    record.notes != next->notes || record.calls != 1 ||
	    record.i0 + record.pages != next->i0 ||
	    key.start + ((__u64)record.pages << PAGE_SHIFT) != call->key.start ||
	    (__u64)record.pages + next->pages > 0xffffffff || record.first_ns < scan_began_ns)
		return 0;
	record.pages += next->pages;
	record.last_page = next->last_page;
	record.last_ns = next->last_ns;
	if (bpf_map_update_elem(&records, &key, &record, BPF_EXIST))
		return 0;
	last->end += (__u64)next->pages << PAGE_SHIFT;
	count(GUP_STAT_EXTENDED, 1);
	return 1;
}

/* The record of a whole call. */
static __noinline int record_whole(const struct pin_call *call, struct gup_record *record)
{
	/* 6.1's verifier takes no memory that a global function was given as a map's key. */
	struct gup_record_key key = call->key;
	struct last_call *last;

	if (!(record->notes & GUP_RECORD_LONGTERM)) {
		record_put(&key, record, call->absent);
		return 0;
	}
	if (extend(call, record))
		return 0;
	record_put(&key, record, call->absent);
	last = last_call(bpf_get_current_pid_tgid());
	if (last) {
		last->key = key;
		last->end = key.start + ((__u64)record->pages << PAGE_SHIFT);
		last->site = call->site;
		last->owner = record->owner;
	}
	return 0;
}

/* Looks for the end of the part that begins at page first: pages[low] belongs to it, pages[high] not. */
struct part_search {
	const struct pin_call *call;
	struct identity begin;
	__u32 first, low, high;
};

static __always_inline bool in_part(const struct part_search *search, __u32 i)
{
	struct identity id = {};

	identity_of(page_at(search->call, i), &id);
	return id.mapping == search->begin.mapping &&
	       id.index == search->begin.index + (i - search->first);
}

static long halve(__u32 i, struct part_search *search)
{
	__u32 middle = search->low + (search->high - search->low) / 2;

	if (search->high - search->low <= 1)
		return 1;
	if (in_part(search, middle))
		search->low = middle;
	else
		search->high = middle;
	return 0;
}

struct part_walk {
	const struct pin_call *call;
	struct gup_record *record;
	__u32 first;
};

/* Records the part of a call that begins at walk->first: its VMA's, as far as its pages are in line. */
static long record_part(__u32 i, struct part_walk *walk)
{
	struct part_search search = {
		.call = walk->call,
		.first = walk->first,
		.low = walk->first,
		.high = walk->call->cnt,
	};
	struct gup_record *record = walk->record;
	struct gup_record_key key = walk->call->key;

	record->page = page_at(walk->call, walk->first);
	identity_of(record->page, &search.begin);
	if (in_part(&search, walk->call->cnt - 1))
		search.low = walk->call->cnt - 1;
	else
		bpf_loop(32, halve, &search, 0);
	key.start += (__u64)walk->first << PAGE_SHIFT;
	record->m0 = search.begin.mapping;
	record->i0 = search.begin.index;
	record->pages = search.low + 1 - walk->first;
	record->last_page = page_at(walk->call, search.low);
	record->calls = 1;
	record->first_ns = record->last_ns;
	record_put(&key, record, false);
	walk->first = search.low + 1;
	return walk->first >= walk->call->cnt;
}

/*
 * Pages and what they are of, as far as one record can say it: 1. 0: in parts,
 * -1: not pinned. On its own, like record_whole(), as the kernel allows 512 bytes of
 * stack in a chain of calls.
 */
static __noinline int fill_memory(struct gup_record *record, const struct pin_call *call)
{
	struct identity first = {}, last;

	identity_of(call->page, &first);
	last = first;
	record->page = record->last_page = call->page;
	record->pages = call->cnt;
	record->m0 = first.mapping;
	record->i0 = first.index;
	if (call->cnt > 1) {
		record->last_page = page_at(call, call->cnt - 1);
		identity_of(record->last_page, &last);
		/* The zero page, all over, is not pinned. */
		if (record->last_page == call->page && !truth_pins(folio_of(call->page)))
			return -1;
	}
	return last.mapping == first.mapping && last.index == first.index + call->cnt - 1;
}

__noinline int record_new(struct pin_call *call)
{
	struct gup_record record = {};
	struct part_walk walk = { .call = call, .record = &record };
	int whole;

	if (!call)
		return 0;
	record.first_ns = record.last_ns = call->now;
	record.file = call->file;
	record.owner = call->owner;
	record.tgid = call->tgid;
	record.flags = call->flags;
	record.notes = call->flags & foll_longterm ? GUP_RECORD_LONGTERM : 0;
	record.calls = 1;
	owner_called(call->owner, call->now);
	whole = fill_memory(&record, call);
	if (whole > 0)
		record_whole(call, &record);
	if (whole)
		return 0;
	record.notes |= GUP_RECORD_PART;
	bpf_loop(RECORD_PARTS, record_part, &walk, 0);
	if (walk.first < call->cnt)
		count(GUP_STAT_PARTS_LOST, call->cnt - walk.first);
	return 0;
}

/* True if a copy that ran before has done this call; else those that come later will find so. */
static __always_inline bool is_done(__u64 where, __u64 cnt, enum copy copy)
{
	__u64 thread = bpf_get_current_pid_tgid(), call = where ^ (cnt << 48);
	struct last_call *last = last_call(thread);
	bool none_after = copy + 1 == call_copies;

	if (!last)
		return false;
	if (copy != COPY_FIRST && last->thread == thread && last->call == call) {
		if (none_after)
			last->thread = 0;
		return true;
	}
	last->thread = none_after ? 0 : thread;
	last->call = call;
	return false;
}

/* Exit of a pin function: cnt pages of mm (0 = current's) from start are in pages[]. */
static __always_inline void on_call_once(void *ctx, __u32 api, __u64 mm, __u64 start, __u32 flags,
					 __u64 pages, long cnt, enum copy copy)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct pin_call call = { .key.start = start, .pages = pages, .api = api, .flags = flags };
	struct gup_record *record;

	if (cnt <= 0)
		return;
	call.key.mm = mm ? mm : (__u64)task->mm;
	call.tgid = task->tgid;
	call.cnt = cnt;
	call.page = page_at(&call, 0);
	call.file = call_file(task);
	call.now = bpf_ktime_get_ns();
	record = bpf_map_lookup_elem(&records, &call.key);
	if (record && same_call(record, &call)) {
		record_again(record, call.now);
		return;
	}
	call.absent = !record;
	/* Here and not in record_new(): the kernel allows 512 bytes of stack in a chain of calls. */
	call.owner = call_owner(ctx, &call, copy);
	record_new(&call);
}

/* The same, from each copy of a program. */
static __always_inline void on_call(void *ctx, __u32 api, __u64 mm, __u64 start, __u32 flags,
				    __u64 pages, long cnt, enum copy copy)
{
	if (cnt > 0 && !is_done(start, cnt, copy))
		on_call_once(ctx, api, mm, start, flags, pages, cnt, copy);
}

/* The record of folios of a file in line; their place in the file stands for the address. */
__noinline int record_folios(const struct pin_call *call)
{
	struct identity first = {}, last = {};
	struct gup_record_key key = {};
	struct gup_record record = {
		.calls = 1,
		.flags = foll_longterm,
		.notes = GUP_RECORD_LONGTERM,
	};

	if (!call)
		return 0;
	record.page = page_at(call, 0);
	record.last_page = page_at(call, call->cnt - 1);
	identity_of(record.page, &first);
	identity_of(record.last_page, &last);
	key.mm = call->key.mm;
	key.start = (first.mapping + (first.index << PAGE_SHIFT)) | 1;
	record.file = call->file;
	record.first_ns = record.last_ns = call->now;
	record.m0 = first.mapping;
	record.i0 = first.index;
	record.pages = last.index - first.index + folio_pages(record.last_page);
	record.owner = call->owner;
	record.tgid = call->tgid;
	owner_called(record.owner, record.last_ns);
	record_put(&key, &record, false);
	return 0;
}

/* Exit of memfd_pin_folios: cnt folios. */
static __always_inline void on_memfd(void *ctx, __u64 folios, long cnt, enum copy copy)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct pin_call call = {
		.key.mm = (__u64)task->mm,
		.pages = folios,
		.cnt = cnt,
		.api = GUP_API_MEMFD_PIN_FOLIOS,
		.flags = foll_longterm,
		.tgid = task->tgid,
	};

	if (cnt <= 0 || is_done(folios, cnt, copy))
		return;
	call.file = call_file(task);
	call.now = bpf_ktime_get_ns();
	call.owner = call_owner(ctx, &call, copy);
	record_folios(&call);
}

#endif
