// SPDX-License-Identifier: GPL-2.0-only
/*
 * What plan core and plan call are measured against; no part of the tool:
 *
 *   empty    programs that do nothing: the price of being called at all
 *   naive    a hash from page to pins that the API functions count up and down
 *            in, what a user of libbpf would write first
 *   memleak  the algorithm of BCC's memleak, which itself knows no pins: time,
 *            size and stack of each page, and sums by stack; here with one look
 *            at clock and stack for a call, and without its kretprobes, both in
 *            its favour
 *
 * Up to v6.4 pin_user_pages_remote has one argument more than a trampoline
 * carries: there the programs named __vmas do its work by a pair of probes.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "kernel_types.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 524288);
	__type(key, __u64); /* struct page */
	__type(value, __u64);
} pins SEC(".maps");

struct list {
	__u64 pages;
	__s64 by;
};

static long count_page(__u32 i, struct list *list)
{
	__u64 page = 0, *cnt, one = 1;

	bpf_probe_read_kernel(&page, sizeof(page), (void *)(list->pages + i * 8ULL));
	cnt = bpf_map_lookup_elem(&pins, &page);
	if (!cnt && list->by > 0)
		bpf_map_update_elem(&pins, &page, &one, BPF_NOEXIST);
	else if (cnt && __sync_fetch_and_add(cnt, list->by) + list->by == 0)
		bpf_map_delete_elem(&pins, &page);
	return 0;
}

static __always_inline int count_pages(void *ctx, int pages, long cnt, long by)
{
	struct list list = { .by = by };

	bpf_get_func_arg(ctx, pages, &list.pages);
	if (cnt > 0)
		bpf_loop(cnt, count_page, &list, 0);
	return 0;
}

struct alloc {
	__u64 size, timestamp;
	int stack;
};

struct sum {
	__u64 size, cnt;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 524288);
	__type(key, __u64); /* struct page */
	__type(value, struct alloc);
} allocs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, int);
	__type(value, struct sum);
} sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 10240);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 127 * sizeof(__u64));
} stacks SEC(".maps");

static void add_sum(int stack, __u64 size, __u64 cnt)
{
	struct sum *sum = bpf_map_lookup_elem(&sums, &stack), none = {};

	if (!sum) {
		bpf_map_update_elem(&sums, &stack, &none, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&sums, &stack);
	}
	if (!sum)
		return;
	__sync_fetch_and_add(&sum->size, size);
	__sync_fetch_and_add(&sum->cnt, cnt);
}

static void forget_page(__u64 page)
{
	struct alloc *alloc = bpf_map_lookup_elem(&allocs, &page), old;

	if (!alloc)
		return;
	old = *alloc;
	bpf_map_delete_elem(&allocs, &page);
	add_sum(old.stack, -old.size, -1);
}

struct alloc_list {
	__u64 pages;
	struct alloc alloc;
};

static long note_page(__u32 i, struct alloc_list *list)
{
	__u64 page = 0;

	bpf_probe_read_kernel(&page, sizeof(page), (void *)(list->pages + i * 8ULL));
	bpf_map_update_elem(&allocs, &page, &list->alloc, BPF_ANY);
	add_sum(list->alloc.stack, list->alloc.size, 1);
	return 0;
}

static long drop_page(__u32 i, struct alloc_list *list)
{
	__u64 page = 0;

	bpf_probe_read_kernel(&page, sizeof(page), (void *)(list->pages + i * 8ULL));
	forget_page(page);
	return 0;
}

static __always_inline int note_pages(void *ctx, __u64 pages, long cnt)
{
	struct alloc_list list = { .pages = pages, .alloc.size = 4096 };

	if (cnt <= 0)
		return 0;
	list.alloc.timestamp = bpf_ktime_get_ns();
	list.alloc.stack = bpf_get_stackid(ctx, &stacks, 0);
	bpf_loop(cnt, note_page, &list, 0);
	return 0;
}

static __always_inline __u64 ptr(void *ctx, int arg)
{
	__u64 value = 0;

	bpf_get_func_arg(ctx, arg, &value);
	return value;
}

SEC("?fexit/pin_user_pages_fast")
int memleak__pin_user_pages_fast(__u64 *ctx)
{
	return note_pages(ctx, ptr(ctx, 3), (int)ctx[4]);
}

SEC("?fexit/pin_user_pages_remote")
int memleak__pin_user_pages_remote(__u64 *ctx)
{
	return note_pages(ctx, ptr(ctx, 4), (long)ctx[6]);
}

SEC("?fentry/unpin_user_pages")
int memleak__unpin_user_pages(__u64 *ctx)
{
	struct alloc_list list = { .pages = ptr(ctx, 0) };

	if ((long)ctx[1] > 0)
		bpf_loop(ctx[1], drop_page, &list, 0);
	return 0;
}

SEC("?fentry/unpin_user_folio")
int memleak__unpin_user_folio(__u64 *ctx)
{
	forget_page(ptr(ctx, 0));
	return 0;
}

/* pages[] of the call that each thread is in, for the probe at its exit. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} lists SEC(".maps");

static __always_inline int enter(struct pt_regs *regs)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u64 pages = regs->r8;

	bpf_map_update_elem(&lists, &tid, &pages, BPF_ANY);
	return 0;
}

static __always_inline __u64 leave(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	__u64 *list = bpf_map_lookup_elem(&lists, &tid), pages = list ? *list : 0;

	bpf_map_delete_elem(&lists, &tid);
	return pages;
}

SEC("?kprobe/pin_user_pages_remote")
int memleak__enter__vmas(struct pt_regs *regs)
{
	return enter(regs);
}

SEC("?kretprobe/pin_user_pages_remote")
int memleak__leave__vmas(struct pt_regs *regs)
{
	return note_pages(regs, leave(), (long)regs->ax);
}

SEC("?kprobe/pin_user_pages_remote")
int naive__enter__vmas(struct pt_regs *regs)
{
	return enter(regs);
}

SEC("?kretprobe/pin_user_pages_remote")
int naive__leave__vmas(struct pt_regs *regs)
{
	struct list list = { .pages = leave(), .by = 1 };

	if ((long)regs->ax > 0)
		bpf_loop(regs->ax, count_page, &list, 0);
	return 0;
}

SEC("?kprobe/pin_user_pages_remote")
int empty__enter__vmas(struct pt_regs *regs)
{
	return 0;
}

SEC("?kretprobe/pin_user_pages_remote")
int empty__leave__vmas(struct pt_regs *regs)
{
	return 0;
}

SEC("?fexit/pin_user_pages_fast")
int naive__pin_user_pages_fast(__u64 *ctx)
{
	return count_pages(ctx, 3, (int)ctx[4], 1);
}

SEC("?fexit/pin_user_pages_remote")
int naive__pin_user_pages_remote(__u64 *ctx)
{
	return count_pages(ctx, 4, (long)ctx[6], 1);
}

SEC("?fentry/unpin_user_pages")
int naive__unpin_user_pages(__u64 *ctx)
{
	return count_pages(ctx, 0, (long)ctx[1], -1);
}

/* io_uring and bio release by folio since v6.12: all of a folio's pages at once. */
SEC("?fentry/unpin_user_folio")
int naive__unpin_user_folio(__u64 *ctx)
{
	__u64 folio = 0, *cnt;

	bpf_get_func_arg(ctx, 0, &folio);
	cnt = bpf_map_lookup_elem(&pins, &folio);
	if (cnt && __sync_fetch_and_add(cnt, -1) == 1)
		bpf_map_delete_elem(&pins, &folio);
	return 0;
}

SEC("?fexit/pin_user_pages_fast")
int empty__pin_user_pages_fast(void *ctx)
{
	return 0;
}

SEC("?fexit/pin_user_pages_remote")
int empty__pin_user_pages_remote(void *ctx)
{
	return 0;
}

SEC("?fentry/unpin_user_pages")
int empty__unpin_user_pages(void *ctx)
{
	return 0;
}

SEC("?fentry/unpin_user_folio")
int empty__unpin_user_folio(void *ctx)
{
	return 0;
}
