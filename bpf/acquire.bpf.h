/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plan core's adapters of the functions in which the kernel counts pins as
 * acquired. What an adapter sees it books with on_pin(). Part of track.bpf.c,
 * whose arg() and result() it reads arguments with.
 */
#ifndef GUP_ACQUIRE_BPF_H
#define GUP_ACQUIRE_BPF_H

static __always_inline void owner_pinned(__u32 id, __u32 n)
{
	struct gup_owner *owner = owner_of(id);

	if (owner)
		__sync_fetch_and_add(&owner->pinned, n);
}

/* Tells a booking from the one before it of the same thread. */
static __always_inline __u64 booking(__u64 folio, __u32 n)
{
	return folio ^ n;
}

/* n pins of a folio, counted by the kernel as acquired. */
static __always_inline void on_pin(__u64 folio, __u32 n)
{
	__u64 now;
	__u32 owner;

	if (is_uncounted_zero(folio))
		return;
	owner = current_owner(n, 0, booking(folio, n), &now);
	count(GUP_STAT_ACQUIRED, n);
	owner_pinned(owner, n);
	ledger_pin(folio, n, owner, now);
}

/*
 * int try_grab_folio(struct folio *folio, int refs, unsigned int flags), slow path, since v6.11.
 * It may be preempted there, and BPF skips a program that is under way on that CPU, for whatever
 * thread. So there are two copies, and the program that was attached last runs first: the first
 * books, the second books what is not the thread's last booking.
 */
static __always_inline bool grabbed_slowly(void *ctx)
{
	return !(int)result(ctx, 3) && (arg(ctx, 2) & foll_pin);
}

SEC("?fexit/try_grab_folio")
int fexit__try_grab_folio(void *ctx)
{
	if (grabbed_slowly(ctx))
		on_pin(arg(ctx, 0), arg(ctx, 1));
	return 0;
}

SEC("?fexit/try_grab_folio")
int fexit2__try_grab_folio(void *ctx)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct mark *mark;

	if (!grabbed_slowly(ctx))
		return 0;
	mark = bpf_map_lookup_elem(&marks, &tid);
	/* Without a mark nobody can tell, and a pin too many would be worse. */
	if (!mark)
		return 0;
	/* Nobody books the zero page, so it was not missed. */
	if (mark->booked != booking(arg(ctx, 0), arg(ctx, 1)) && !is_uncounted_zero(arg(ctx, 0))) {
		count(GUP_STAT_REGAINED, 1);
		on_pin(arg(ctx, 0), arg(ctx, 1));
	}
	mark->booked = 0;
	return 0;
}

/* struct folio *try_grab_folio(struct page *page, int refs, unsigned int flags), v5.17 to v6.10 */
SEC("?fexit/try_grab_folio")
int fexit__try_grab_folio__page(void *ctx)
{
	__u64 folio = result(ctx, 3);

	if (folio && (arg(ctx, 2) & foll_pin))
		on_pin(folio, arg(ctx, 1));
	return 0;
}

/* struct folio *try_grab_folio_fast(struct page *page, int refs, unsigned int flags) */
SEC("?fexit/try_grab_folio_fast")
int fexit__try_grab_folio_fast(void *ctx)
{
	__u64 folio = result(ctx, 3);

	if (folio && (arg(ctx, 2) & foll_pin))
		on_pin(folio, arg(ctx, 1));
	return 0;
}

/* bool try_grab_page(struct page *page, unsigned int flags): only the lowest byte of the result counts */
SEC("?fexit/try_grab_page")
int fexit__try_grab_page(void *ctx)
{
	if ((result(ctx, 2) & 1) && (arg(ctx, 1) & foll_pin))
		on_pin(folio_of(arg(ctx, 0)), 1);
	return 0;
}

/* int try_grab_page(struct page *page, unsigned int flags): 0 is success, v6.2 to v6.10 */
SEC("?fexit/try_grab_page")
int fexit__try_grab_page__int(void *ctx)
{
	if (!(int)result(ctx, 2) && (arg(ctx, 1) & foll_pin))
		on_pin(folio_of(arg(ctx, 0)), 1);
	return 0;
}

/* int folio_add_pins(struct folio *folio, unsigned int pins) */
SEC("?fexit/folio_add_pins")
int fexit__folio_add_pins(void *ctx)
{
	if (inlined_folio_add_pins && !(int)result(ctx, 2))
		on_pin(arg(ctx, 0), arg(ctx, 1));
	return 0;
}

/*
 * void folio_add_pin(struct folio *folio): the pin count rises, NR_FOLL_PIN_ACQUIRED
 * does not, its release is counted. For the ledger it is a pin like any other.
 */
SEC("?fexit/folio_add_pin")
int fexit__folio_add_pin(void *ctx)
{
	__u64 folio = arg(ctx, 0), now;
	__u32 owner;

	if (is_uncounted_zero(folio))
		return 0;
	owner = current_owner(1, GUP_API_FOLIO_ADD_PIN, booking(folio, 1), &now);
	count(GUP_STAT_ADD_PIN, 1);
	owner_pinned(owner, 1);
	ledger_pin(folio, 1, owner, now);
	return 0;
}

#endif
