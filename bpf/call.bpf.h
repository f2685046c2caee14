/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adapters of plan call: API functions at their exit, each in up to four copies (see
 * record.bpf.h). Numbers are read from the context directly, which costs one
 * instruction; the address of pages[] only through a helper: see arg() in
 * track.bpf.c.
 */
#ifndef GUP_CALL_BPF_H
#define GUP_CALL_BPF_H

static __always_inline __u64 num(void *ctx, int slot)
{
	return ((__u64 *)ctx)[slot];
}

static __always_inline __u64 ptr(void *ctx, int slot)
{
	__u64 value = 0;

	bpf_get_func_arg(ctx, slot, &value);
	return value;
}

/* The prototypes are in track.bpf.c, beside plan core's adapters. */
static __always_inline int call_pin_user_pages(void *ctx, int result, enum copy copy)
{
	on_call(ctx, GUP_API_PIN_USER_PAGES, 0, num(ctx, 0), num(ctx, 2), ptr(ctx, 3),
		(long)num(ctx, result), copy);
	return 0;
}

SEC("?fexit/pin_user_pages")
int call__pin_user_pages(void *ctx)
{
	return call_pin_user_pages(ctx, 4, COPY_FIRST);
}

SEC("?fexit/pin_user_pages")
int call2__pin_user_pages(void *ctx)
{
	return call_pin_user_pages(ctx, 4, COPY_SECOND);
}

SEC("?fexit/pin_user_pages")
int call3__pin_user_pages(void *ctx)
{
	return call_pin_user_pages(ctx, 4, COPY_THIRD);
}

SEC("?fexit/pin_user_pages")
int call4__pin_user_pages(void *ctx)
{
	return call_pin_user_pages(ctx, 4, COPY_FOURTH);
}

SEC("?fexit/pin_user_pages")
int call__pin_user_pages__vmas(void *ctx)
{
	return call_pin_user_pages(ctx, 5, COPY_FIRST);
}

SEC("?fexit/pin_user_pages")
int call2__pin_user_pages__vmas(void *ctx)
{
	return call_pin_user_pages(ctx, 5, COPY_SECOND);
}

SEC("?fexit/pin_user_pages")
int call3__pin_user_pages__vmas(void *ctx)
{
	return call_pin_user_pages(ctx, 5, COPY_THIRD);
}

SEC("?fexit/pin_user_pages")
int call4__pin_user_pages__vmas(void *ctx)
{
	return call_pin_user_pages(ctx, 5, COPY_FOURTH);
}

static __always_inline int call_pin_user_pages_fast(void *ctx, __u32 api, enum copy copy)
{
	on_call(ctx, api, 0, num(ctx, 0), num(ctx, 2), ptr(ctx, 3), (int)num(ctx, 4), copy);
	return 0;
}

SEC("?fexit/pin_user_pages_fast")
int call__pin_user_pages_fast(void *ctx)
{
	return call_pin_user_pages_fast(ctx, GUP_API_PIN_USER_PAGES_FAST, COPY_FIRST);
}

SEC("?fexit/pin_user_pages_fast")
int call2__pin_user_pages_fast(void *ctx)
{
	return call_pin_user_pages_fast(ctx, GUP_API_PIN_USER_PAGES_FAST, COPY_SECOND);
}

SEC("?fexit/pin_user_pages_fast")
int call3__pin_user_pages_fast(void *ctx)
{
	return call_pin_user_pages_fast(ctx, GUP_API_PIN_USER_PAGES_FAST, COPY_THIRD);
}

SEC("?fexit/pin_user_pages_fast")
int call4__pin_user_pages_fast(void *ctx)
{
	return call_pin_user_pages_fast(ctx, GUP_API_PIN_USER_PAGES_FAST, COPY_FOURTH);
}

SEC("?fexit/pin_user_pages_fast_only")
int call__pin_user_pages_fast_only(void *ctx)
{
	return call_pin_user_pages_fast(ctx, GUP_API_PIN_USER_PAGES_FAST_ONLY, COPY_FIRST);
}

SEC("?fexit/pin_user_pages_fast_only")
int call2__pin_user_pages_fast_only(void *ctx)
{
	return call_pin_user_pages_fast(ctx, GUP_API_PIN_USER_PAGES_FAST_ONLY, COPY_SECOND);
}

SEC("?fexit/pin_user_pages_fast_only")
int call3__pin_user_pages_fast_only(void *ctx)
{
	return call_pin_user_pages_fast(ctx, GUP_API_PIN_USER_PAGES_FAST_ONLY, COPY_THIRD);
}

SEC("?fexit/pin_user_pages_fast_only")
int call4__pin_user_pages_fast_only(void *ctx)
{
	return call_pin_user_pages_fast(ctx, GUP_API_PIN_USER_PAGES_FAST_ONLY, COPY_FOURTH);
}

static __always_inline int call_pin_user_pages_unlocked(void *ctx, enum copy copy)
{
	on_call(ctx, GUP_API_PIN_USER_PAGES_UNLOCKED, 0, num(ctx, 0), num(ctx, 3), ptr(ctx, 2),
		(long)num(ctx, 4), copy);
	return 0;
}

SEC("?fexit/pin_user_pages_unlocked")
int call__pin_user_pages_unlocked(void *ctx)
{
	return call_pin_user_pages_unlocked(ctx, COPY_FIRST);
}

SEC("?fexit/pin_user_pages_unlocked")
int call2__pin_user_pages_unlocked(void *ctx)
{
	return call_pin_user_pages_unlocked(ctx, COPY_SECOND);
}

SEC("?fexit/pin_user_pages_unlocked")
int call3__pin_user_pages_unlocked(void *ctx)
{
	return call_pin_user_pages_unlocked(ctx, COPY_THIRD);
}

SEC("?fexit/pin_user_pages_unlocked")
int call4__pin_user_pages_unlocked(void *ctx)
{
	return call_pin_user_pages_unlocked(ctx, COPY_FOURTH);
}

static __always_inline int call_pin_user_pages_remote(void *ctx, enum copy copy)
{
	on_call(ctx, GUP_API_PIN_USER_PAGES_REMOTE, num(ctx, 0), num(ctx, 1), num(ctx, 3),
		ptr(ctx, 4), (long)num(ctx, 6), copy);
	return 0;
}

SEC("?fexit/pin_user_pages_remote")
int call__pin_user_pages_remote(void *ctx)
{
	return call_pin_user_pages_remote(ctx, COPY_FIRST);
}

SEC("?fexit/pin_user_pages_remote")
int call2__pin_user_pages_remote(void *ctx)
{
	return call_pin_user_pages_remote(ctx, COPY_SECOND);
}

SEC("?fexit/pin_user_pages_remote")
int call3__pin_user_pages_remote(void *ctx)
{
	return call_pin_user_pages_remote(ctx, COPY_THIRD);
}

SEC("?fexit/pin_user_pages_remote")
int call4__pin_user_pages_remote(void *ctx)
{
	return call_pin_user_pages_remote(ctx, COPY_FOURTH);
}

static __always_inline int call_memfd_pin_folios(void *ctx, enum copy copy)
{
	on_memfd(ctx, ptr(ctx, 3), (long)num(ctx, 6), copy);
	return 0;
}

SEC("?fexit/memfd_pin_folios")
int call__memfd_pin_folios(void *ctx)
{
	return call_memfd_pin_folios(ctx, COPY_FIRST);
}

SEC("?fexit/memfd_pin_folios")
int call2__memfd_pin_folios(void *ctx)
{
	return call_memfd_pin_folios(ctx, COPY_SECOND);
}

SEC("?fexit/memfd_pin_folios")
int call3__memfd_pin_folios(void *ctx)
{
	return call_memfd_pin_folios(ctx, COPY_THIRD);
}

SEC("?fexit/memfd_pin_folios")
int call4__memfd_pin_folios(void *ctx)
{
	return call_memfd_pin_folios(ctx, COPY_FOURTH);
}

/*
 * Seven arguments with vmas, up to v6.4: more than a trampoline carries there,
 * so a kprobe keeps what the kretprobe needs. Probes are not skipped while
 * another task was preempted in one, so one copy is enough.
 */
struct remote_call {
	__u64 mm, start, pages;
	__u64 flags;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* thread */
	__type(value, struct remote_call);
} remote_calls SEC(".maps");

SEC("?kprobe/pin_user_pages_remote")
int kprobe__pin_user_pages_remote__vmas(struct pt_regs *regs)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct remote_call call = {
		.mm = regs->di,
		.start = regs->si,
		.flags = regs->cx,
		.pages = regs->r8,
	};

	if (bpf_map_update_elem(&remote_calls, &tid, &call, BPF_ANY))
		count(GUP_STAT_CALLS_LOST, 1);
	return 0;
}

SEC("?kretprobe/pin_user_pages_remote")
int kretprobe__pin_user_pages_remote__vmas(struct pt_regs *regs)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct remote_call *call = bpf_map_lookup_elem(&remote_calls, &tid), copy;

	if (!call)
		return 0;
	copy = *call;
	bpf_map_delete_elem(&remote_calls, &tid);
	on_call_once(regs, GUP_API_PIN_USER_PAGES_REMOTE, copy.mm, copy.start, copy.flags,
		     copy.pages, (long)regs->ax, COPY_FIRST);
	return 0;
}

#endif
