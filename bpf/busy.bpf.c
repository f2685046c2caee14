/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells of each range of page frames that the kernel wanted for itself and did
 * not get ("PFNs busy"): what contiguous allocations and memory that is to go
 * offline end with. Failures only, and not many.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "gup_abi.h"

#define GAP_NS 10000000ULL /* one that fails again and again tells nothing new */

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ranges SEC(".maps");

__u64 told_ns;

static __always_inline int tell(__u32 by, __u64 start, __u64 end)
{
	__u64 now = bpf_ktime_get_ns();
	struct gup_busy busy = { .start = start, .end = end, .by = by };

	if (now - told_ns < GAP_NS)
		return 0;
	told_ns = now;
	bpf_ringbuf_output(&ranges, &busy, sizeof(busy), 0);
	return 0;
}

/* fin: the first that is not free, or where the range ends. */
SEC("raw_tp/test_pages_isolated")
int BPF_PROG(raw_tp__test_pages_isolated, unsigned long start, unsigned long end, unsigned long fin)
{
	return fin < end ? tell(GUP_BUSY_ISOLATED, start, end) : 0;
}

SEC("raw_tp/cma_alloc_busy_retry")
int BPF_PROG(raw_tp__cma_alloc_busy_retry, const char *name, unsigned long pfn, void *page,
	     unsigned long count)
{
	return tell(GUP_BUSY_CMA, pfn, pfn + count);
}
