// SPDX-License-Identifier: GPL-2.0-only
/*
 * What plan call and plan core do for a call or a page, as programs that can be run
 * without a trampoline, and so on kernels that refuse one: see bodies.c. The code is
 * the tracker's own.
 */
#include "../../bpf/track.bpf.c"

#define BODY_PAGES 512

__u64 body_pages[BODY_PAGES]; /* addresses of struct pages */
__u64 body_start, body_flags, body_cnt;
__u64 body_ns;	 /* what the last run took, with a reading of the clock */
__u32 body_tgid; /* whose runs; others' only keep a CPU busy */

static __always_inline int took_since(__u64 begin)
{
	__u64 ns = bpf_ktime_get_ns() - begin;

	if (bpf_get_current_pid_tgid() >> 32 == body_tgid)
		body_ns = ns;
	return 0;
}

static __always_inline __u64 pages_address(void)
{
	__u64 *pages = body_pages, address = 0;

	/* A number, as the adapters have it, and no pointer that the verifier knows. */
	bpf_probe_read_kernel(&address, sizeof(address), &pages);
	return address;
}

SEC("?raw_tp")
int body_nothing(void *ctx)
{
	__u64 begin = bpf_ktime_get_ns();

	return took_since(begin);
}

/* All three copies. */
SEC("?raw_tp")
int body_call(void *ctx)
{
	__u64 pages = pages_address(), begin = bpf_ktime_get_ns();

	on_call(ctx, GUP_API_PIN_USER_PAGES, 0, body_start, body_flags, pages, body_cnt,
		COPY_FIRST);
	on_call(ctx, GUP_API_PIN_USER_PAGES, 0, body_start, body_flags, pages, body_cnt,
		COPY_SECOND);
	on_call(ctx, GUP_API_PIN_USER_PAGES, 0, body_start, body_flags, pages, body_cnt,
		COPY_THIRD);
	return took_since(begin);
}

/* Entry and exit of an API function. */
SEC("?raw_tp")
int body_core_call(void *ctx)
{
	__u64 begin = bpf_ktime_get_ns();

	api_enter(ctx, GUP_API_PIN_USER_PAGES, 0, body_flags, body_cnt);
	api_exit(body_cnt);
	return took_since(begin);
}

/*
 * A page is pinned inside an API function and released inside one that releases; one of
 * the two is timed. More pins than struct page holds would be dropped as stale.
 */
static __always_inline int pin_and_unpin(void *ctx, bool pin_timed)
{
	__u64 folio = body_pages[body_start % BODY_PAGES], begin;
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, tid = release_tid(false);
	struct mark *mark = bpf_map_lookup_elem(&marks, &tid);
	struct release_mark fresh = {};

	if (mark)
		mark->api = GUP_API_PIN_USER_PAGES;
	bpf_map_update_elem(&release_marks, &tid, &fresh, BPF_NOEXIST);
	begin = bpf_ktime_get_ns();
	on_pin(folio, 1);
	if (pin_timed)
		took_since(begin);
	begin = bpf_ktime_get_ns();
	release_site(false, ledger_unpin(folio, 1, tgid), 1);
	return pin_timed ? 0 : took_since(begin);
}

SEC("?raw_tp")
int body_core_pin(void *ctx)
{
	return pin_and_unpin(ctx, true);
}

SEC("?raw_tp")
int body_core_unpin(void *ctx)
{
	return pin_and_unpin(ctx, false);
}
