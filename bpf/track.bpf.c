/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One short program per kernel function and signature. Each only adapts the
 * kernel's arguments; what happens is in ledger, owner and sites. Here is plan
 * core; plan call's are in call.bpf.h and share the owners. All are off until
 * src/hooks.c, the table, has chosen by BTF.
 *
 * Arguments are read as numbers from the context: up to v7.0 the verifier does
 * not let a tracing program touch a struct page ** argument, and arithmetic on
 * a known pointer is never allowed. Slots: arguments from 0, then the result.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "gup_abi.h"
#include "facts.bpf.h"
#include "stats.bpf.h"
#include "folio.bpf.h"

struct releaser;
static __always_inline __u64 owner_suits(__u32 id, const struct releaser *who);
static __always_inline void owner_took(__u32 id, __u32 n, bool stale);
static __always_inline void who_releases(struct releaser *who);

#include "ledger.bpf.h"
#include "context.bpf.h"
#include "procs.bpf.h"
#include "owner.bpf.h"
#include "sites.bpf.h"
#include "clean.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/* The helper, since Linux kernel commit f92c1e183604 ("bpf: Add get_func_[arg|ret|arg_cnt] helpers") (in v5.17), is inlined by the verifier. */
static __always_inline __u64 arg(void *ctx, int slot)
{
	__u64 value = 0;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_arg))
		bpf_get_func_arg(ctx, slot, &value);
	else
		bpf_probe_read_kernel(&value, sizeof(value), ctx + slot * 8);
	return value;
}

/* What the function returned; slot: how many arguments it has. */
static __always_inline __u64 result(void *ctx, int slot)
{
	__u64 value = 0;

	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_func_ret))
		bpf_get_func_ret(ctx, &value);
	else
		bpf_probe_read_kernel(&value, sizeof(value), ctx + slot * 8);
	return value;
}

#include "acquire.bpf.h"

/* --- what every adapter of a release ends in --- */

/* memfd_pin_folios with an inlined copy of the grab drops pins again that no hook has seen. */
static __always_inline bool undone_inside_memfd(bool interrupt)
{
	__u32 tid;
	struct mark *mark;

	if (!inlined_memfd_pin_folios || !memfd_callers || interrupt)
		return false;
	tid = (__u32)bpf_get_current_pid_tgid();
	mark = bpf_map_lookup_elem(&marks, &tid);
	return mark && mark->api == GUP_API_MEMFD_PIN_FOLIOS;
}

/* n pins of a folio go, counted by the kernel as released. Runs before they do. */
static __always_inline void on_unpin(void *ctx, __u64 folio, __u32 n)
{
	bool interrupt = in_interrupt(ctx);
	__u32 tgid = 0, owner;

	if (is_uncounted_zero(folio))
		return;
	count(GUP_STAT_RELEASED, n);
	if (undone_inside_memfd(interrupt)) {
		count(GUP_STAT_ACQUIRED, n);
		count(GUP_STAT_UNDONE, n);
		return;
	}
	if (!interrupt)
		tgid = bpf_get_current_pid_tgid() >> 32;
	owner = ledger_unpin(folio, n, tgid);
	release_site(interrupt, owner, n);
	if (pg_dirty)
		count_clean(owner, folio, n);
}

/* --- release: the functions that change NR_FOLL_PIN_RELEASED --- */

/* void gup_put_folio(struct folio *folio, int refs, unsigned int flags) */
SEC("?fentry/gup_put_folio")
int fentry__gup_put_folio(void *ctx)
{
	if (arg(ctx, 2) & foll_pin)
		on_unpin(ctx, arg(ctx, 0), arg(ctx, 1));
	return 0;
}

/* void unpin_user_page(struct page *page) */
SEC("?fentry/unpin_user_page")
int fentry__unpin_user_page(void *ctx)
{
	release_enter(ctx);
	if (inlined_unpin_user_page)
		on_unpin(ctx, folio_of(arg(ctx, 0)), 1);
	return 0;
}

/* void unpin_folio(struct folio *folio) */
SEC("?fentry/unpin_folio")
int fentry__unpin_folio(void *ctx)
{
	release_enter(ctx);
	if (inlined_unpin_folio)
		on_unpin(ctx, arg(ctx, 0), 1);
	return 0;
}

/* void unpin_user_folio(struct folio *folio, unsigned long npages) */
SEC("?fentry/unpin_user_folio")
int fentry__unpin_user_folio(void *ctx)
{
	release_enter(ctx);
	if (inlined_unpin_user_folio)
		on_unpin(ctx, arg(ctx, 0), (int)arg(ctx, 1));
	return 0;
}

/* Release functions that end in one of those above: they only name the site. */
SEC("?fentry/unpin_user_pages")
int fentry__unpin_user_pages(void *ctx)
{
	release_enter(ctx);
	return 0;
}

SEC("?fentry/unpin_user_pages_dirty_lock")
int fentry__unpin_user_pages_dirty_lock(void *ctx)
{
	release_enter(ctx);
	return 0;
}

SEC("?fentry/unpin_user_page_range_dirty_lock")
int fentry__unpin_user_page_range_dirty_lock(void *ctx)
{
	release_enter(ctx);
	return 0;
}

SEC("?fentry/unpin_folios")
int fentry__unpin_folios(void *ctx)
{
	release_enter(ctx);
	return 0;
}

#include "flow.bpf.h"

/* --- API functions: who, with which flags, asked for how much, got how much --- */

/* long pin_user_pages(unsigned long start, unsigned long nr_pages, unsigned int gup_flags, struct page **pages) */
SEC("?fentry/pin_user_pages")
int fentry__pin_user_pages(void *ctx)
{
	api_enter(ctx, GUP_API_PIN_USER_PAGES, 0, arg(ctx, 2), arg(ctx, 1));
	return 0;
}

SEC("?fexit/pin_user_pages")
int fexit__pin_user_pages(void *ctx)
{
	api_exit((long)result(ctx, 4));
	return 0;
}

/* With a fifth argument, struct vm_area_struct **vmas, up to v6.4. */
SEC("?fexit/pin_user_pages")
int fexit__pin_user_pages__vmas(void *ctx)
{
	api_exit((long)result(ctx, 5));
	return 0;
}

/* int pin_user_pages_fast(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages) */
SEC("?fentry/pin_user_pages_fast")
int fentry__pin_user_pages_fast(void *ctx)
{
	api_enter(ctx, GUP_API_PIN_USER_PAGES_FAST, 0, arg(ctx, 2), (__u32)arg(ctx, 1));
	return 0;
}

SEC("?fexit/pin_user_pages_fast")
int fexit__pin_user_pages_fast(void *ctx)
{
	api_exit((int)result(ctx, 4));
	return 0;
}

/* int pin_user_pages_fast_only(unsigned long start, int nr_pages, unsigned int gup_flags, struct page **pages) */
SEC("?fentry/pin_user_pages_fast_only")
int fentry__pin_user_pages_fast_only(void *ctx)
{
	api_enter(ctx, GUP_API_PIN_USER_PAGES_FAST_ONLY, 0, arg(ctx, 2), (__u32)arg(ctx, 1));
	return 0;
}

SEC("?fexit/pin_user_pages_fast_only")
int fexit__pin_user_pages_fast_only(void *ctx)
{
	api_exit((int)result(ctx, 4));
	return 0;
}

/* long pin_user_pages_unlocked(unsigned long start, unsigned long nr_pages, struct page **pages, unsigned int gup_flags) */
SEC("?fentry/pin_user_pages_unlocked")
int fentry__pin_user_pages_unlocked(void *ctx)
{
	api_enter(ctx, GUP_API_PIN_USER_PAGES_UNLOCKED, 0, arg(ctx, 3), arg(ctx, 1));
	return 0;
}

SEC("?fexit/pin_user_pages_unlocked")
int fexit__pin_user_pages_unlocked(void *ctx)
{
	api_exit((long)result(ctx, 4));
	return 0;
}

/* long pin_user_pages_locked(unsigned long start, unsigned long nr_pages, unsigned int gup_flags, struct page **pages, int *locked) */
SEC("?fentry/pin_user_pages_locked")
int fentry__pin_user_pages_locked(void *ctx)
{
	api_enter(ctx, GUP_API_PIN_USER_PAGES_LOCKED, 0, arg(ctx, 2), arg(ctx, 1));
	return 0;
}

SEC("?fexit/pin_user_pages_locked")
int fexit__pin_user_pages_locked(void *ctx)
{
	api_exit((long)result(ctx, 5));
	return 0;
}

/* long pin_user_pages_remote(struct mm_struct *mm, unsigned long start, unsigned long nr_pages, unsigned int gup_flags, struct page **pages, int *locked) */
SEC("?fentry/pin_user_pages_remote")
int fentry__pin_user_pages_remote(void *ctx)
{
	api_enter(ctx, GUP_API_PIN_USER_PAGES_REMOTE, arg(ctx, 0), arg(ctx, 3), arg(ctx, 2));
	return 0;
}

SEC("?fexit/pin_user_pages_remote")
int fexit__pin_user_pages_remote(void *ctx)
{
	api_exit((long)result(ctx, 6));
	return 0;
}

/*
 * long pin_user_pages_remote(mm, start, nr_pages, gup_flags, pages, struct vm_area_struct **vmas,
 * int *locked), up to v6.4: more arguments than a trampoline carries there.
 */
SEC("?kprobe/pin_user_pages_remote")
int kprobe__pin_user_pages_remote__api(struct pt_regs *regs)
{
	api_enter(regs, GUP_API_PIN_USER_PAGES_REMOTE, regs->di, regs->cx, regs->dx);
	return 0;
}

SEC("?kretprobe/pin_user_pages_remote")
int kretprobe__pin_user_pages_remote__api(struct pt_regs *regs)
{
	api_exit((long)regs->ax);
	return 0;
}

/* long memfd_pin_folios(struct file *memfd, loff_t start, loff_t end, struct folio **folios, unsigned int max_folios, pgoff_t *offset) */
SEC("?fentry/memfd_pin_folios")
int fentry__memfd_pin_folios(void *ctx)
{
	__sync_fetch_and_add(&memfd_callers, 1);
	/* It may return fewer folios than it has room for and be complete: never a short call. */
	api_enter(ctx, GUP_API_MEMFD_PIN_FOLIOS, 0, foll_longterm, 0);
	return 0;
}

static long pin_one_of(__u32 i, __u64 **folios)
{
	__u64 folio = 0;

	if (!bpf_probe_read_kernel(&folio, sizeof(folio), *folios + i))
		on_pin(folio, 1);
	return 0;
}

SEC("?fexit/memfd_pin_folios")
int fexit__memfd_pin_folios(void *ctx)
{
	__u64 *folios = (void *)arg(ctx, 3);
	long ret = (long)result(ctx, 6);

	if (inlined_memfd_pin_folios && ret > 0)
		bpf_loop(ret, pin_one_of, &folios, 0);
	api_exit(ret);
	__sync_fetch_and_add(&memfd_callers, -1);
	return 0;
}

#include "identity.bpf.h"
#include "record_table.bpf.h"
#include "call_owner.bpf.h"
#include "record.bpf.h"
#include "call.bpf.h"

/* --- FOLL_GET callers: not converted, counted by call site --- */

SEC("?fexit/get_user_pages")
int fexit__get_user_pages(void *ctx)
{
	get_exit(ctx, GUP_API_GET_USER_PAGES, arg(ctx, 2), (long)result(ctx, 4));
	return 0;
}

SEC("?fexit/get_user_pages")
int fexit__get_user_pages__vmas(void *ctx)
{
	get_exit(ctx, GUP_API_GET_USER_PAGES, arg(ctx, 2), (long)result(ctx, 5));
	return 0;
}

SEC("?fexit/get_user_pages_fast")
int fexit__get_user_pages_fast(void *ctx)
{
	get_exit(ctx, GUP_API_GET_USER_PAGES_FAST, arg(ctx, 2), (int)result(ctx, 4));
	return 0;
}

SEC("?fexit/get_user_pages_fast_only")
int fexit__get_user_pages_fast_only(void *ctx)
{
	get_exit(ctx, GUP_API_GET_USER_PAGES_FAST_ONLY, arg(ctx, 2), (int)result(ctx, 4));
	return 0;
}

SEC("?fexit/get_user_pages_remote")
int fexit__get_user_pages_remote(void *ctx)
{
	get_exit(ctx, GUP_API_GET_USER_PAGES_REMOTE, arg(ctx, 3), (long)result(ctx, 6));
	return 0;
}

SEC("?fexit/get_user_pages_unlocked")
int fexit__get_user_pages_unlocked(void *ctx)
{
	get_exit(ctx, GUP_API_GET_USER_PAGES_UNLOCKED, arg(ctx, 3), (long)result(ctx, 4));
	return 0;
}

/* --- processes --- */

SEC("?raw_tp/sched_process_fork")
int raw_tp__sched_process_fork(struct bpf_raw_tracepoint_args *ctx)
{
	on_fork((void *)ctx->args[0], (void *)ctx->args[1]);
	return 0;
}

SEC("?raw_tp/sched_process_exit")
int raw_tp__sched_process_exit__flow(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	__u32 tid = BPF_CORE_READ(task, pid);

	on_exit(task);
	bpf_map_delete_elem(&marks, &tid);
	return 0;
}

SEC("?raw_tp/sched_process_exit")
int raw_tp__sched_process_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];
	__u32 tid = BPF_CORE_READ(task, pid);

	on_exit(task);
	release_thread_gone(tid);
	bpf_map_delete_elem(&marks, &tid);
	return 0;
}

#include "requests.bpf.h"
