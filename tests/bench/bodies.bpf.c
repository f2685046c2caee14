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
		COPY_SPARE);
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

/* Inside an API function. */
SEC("?raw_tp")
int body_core_pin(void *ctx)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct mark *mark = bpf_map_lookup_elem(&marks, &tid);
	__u64 folio = body_pages[body_start % BODY_PAGES], begin;

	if (mark)
		mark->api = GUP_API_PIN_USER_PAGES;
	begin = bpf_ktime_get_ns();
	on_pin(folio, 1);
	return took_since(begin);
}

SEC("?raw_tp")
int body_core_unpin(void *ctx)
{
	__u64 folio = body_pages[body_start % BODY_PAGES], begin = bpf_ktime_get_ns();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	release_site(false, ledger_unpin(folio, 1, tgid), 1);
	return took_since(begin);
}
