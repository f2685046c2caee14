/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counters. Per CPU, so that CPUs do not share a line, and still added to with
 * a locked instruction, because an interrupt may come between read and write.
 */
#ifndef GUP_STATS_BPF_H
#define GUP_STATS_BPF_H

struct gup_stats {
	__u64 cnt[GUP_STAT_CNT];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gup_stats);
} stats SEC(".maps");

static __always_inline void count(enum gup_stat stat, __u64 n)
{
	__u32 zero = 0;
	struct gup_stats *s = bpf_map_lookup_elem(&stats, &zero);

	if (s)
		__sync_fetch_and_add(&s->cnt[stat], n);
}

#endif
