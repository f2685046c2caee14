// SPDX-License-Identifier: GPL-2.0-only
/*
 * What plan core and plan call are measured against; no part of the tool:
 *
 *   empty    programs that do nothing: the price of being called at all
 *   naive    a hash from page to pins that the API functions count up and down
 *            in, what a user of libbpf would write first
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
