/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Call sites: which function released whose pins, and who still calls
 * get_user_pages* (FOLL_GET). A site is its innermost few kernel frames.
 */
#ifndef GUP_SITES_BPF_H
#define GUP_SITES_BPF_H

#define IN_INTERRUPT_TID \
	0x80000000 /* mark of an interrupt on this CPU, not of the thread it stopped */

/* The release call that a thread is in, with pins not yet added to its site: one look-up per page, not two. */
struct release_mark {
	struct gup_site_key key;
	__u64 pending;
	__u64 where; /* word above ctx that held ip[2], and ip[3] after it; 0 = not found */
};

#define WORDS_LOOKED_AT 16

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct release_mark);
} release_marks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct gup_site_key);
	__type(value, struct gup_site_cnt);
} sites SEC(".maps");

static __always_inline void site_count(const struct gup_site_key *key, __u64 pages)
{
	struct gup_site_cnt *cnt = bpf_map_lookup_elem(&sites, key), fresh = { 1, pages };

	if (!cnt && bpf_map_update_elem(&sites, key, &fresh, BPF_NOEXIST)) {
		cnt = bpf_map_lookup_elem(&sites, key);
		if (!cnt)
			count(GUP_STAT_SITES_LOST, pages);
	}
	if (cnt) {
		__sync_fetch_and_add(&cnt->calls, 1);
		__sync_fetch_and_add(&cnt->pages, pages);
	}
}

static __always_inline __u32 release_tid(bool interrupt)
{
	if (interrupt)
		return IN_INTERRUPT_TID | bpf_get_smp_processor_id();
	return (__u32)bpf_get_current_pid_tgid();
}

static __always_inline void release_flush(struct release_mark *mark)
{
	__u64 pending = __sync_lock_test_and_set(&mark->pending, 0);

	if (pending)
		site_count(&mark->key, pending);
}

/*
 * A walk of the stack costs 5,000 instructions, and drivers release page by
 * page. Its frames are program, trampoline, function and caller; the last two
 * are return addresses that lie side by side a little above ctx, where a look
 * tells whether the thread is still at the same site.
 */
static __always_inline bool same_site(void *ctx, const struct release_mark *mark)
{
	__u64 pair[2];

	return mark->where &&
	       !bpf_probe_read_kernel(pair, sizeof(pair), ctx + (mark->where & 15) * 8) &&
	       pair[0] == mark->key.ip[2] && pair[1] == mark->key.ip[3];
}

static __always_inline void note_site(void *ctx, struct release_mark *mark)
{
	__u64 words[WORDS_LOOKED_AT + 1];

	mark->where = 0;
	bpf_get_stack(ctx, mark->key.ip, sizeof(mark->key.ip), 0);
	if (!mark->key.ip[3] || bpf_probe_read_kernel(words, sizeof(words), ctx))
		return;
	for (int i = 1; i < WORDS_LOOKED_AT; i++)
		if (words[i] == mark->key.ip[2] && words[i + 1] == mark->key.ip[3])
			mark->where = i;
}

/* Entry of a function that releases pins. */
static __always_inline void release_enter(void *ctx)
{
	struct release_mark fresh = {}, *mark;
	__u32 tid = release_tid(in_interrupt(ctx));

	mark = bpf_map_lookup_elem(&release_marks, &tid);
	if (!mark) {
		note_site(ctx, &fresh);
		if (bpf_map_update_elem(&release_marks, &tid, &fresh, BPF_ANY))
			count(GUP_STAT_SITES_LOST, 1);
		return;
	}
	if (same_site(ctx, mark))
		return;
	release_flush(mark);
	mark->key.owner = 0;
	note_site(ctx, mark);
}

/* n pins of an owner were released by the call that the thread is in. */
static __always_inline void release_site(bool interrupt, __u32 owner, __u32 n)
{
	__u32 tid = release_tid(interrupt);
	struct release_mark *mark = bpf_map_lookup_elem(&release_marks, &tid);

	if (!mark)
		return;
	if (mark->key.owner != owner) {
		release_flush(mark);
		mark->key.owner = owner;
	}
	__sync_fetch_and_add(&mark->pending, n);
}

/* A thread ends: its last site is counted, its marks go. */
static __always_inline void release_thread_gone(__u32 tid)
{
	struct release_mark *mark = bpf_map_lookup_elem(&release_marks, &tid);

	if (!mark)
		return;
	release_flush(mark);
	bpf_map_delete_elem(&release_marks, &tid);
}

/* A get_user_pages* function returned references that are no pins. */
static __always_inline void get_exit(void *ctx, __u32 api, __u64 flags, long ret)
{
	struct gup_site_key key = { .api = api };

	if (ret <= 0 || (flags & foll_pin))
		return;
	bpf_get_stack(ctx, key.ip, sizeof(key.ip), 0);
	site_count(&key, ret);
}

#endif
