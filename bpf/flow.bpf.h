/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adapters for kernels whose BPF has no compare-and-exchange (before v5.12):
 * events and owners' totals only, no ledger. The folio is looked at for the zero
 * page alone.
 */
#ifndef GUP_FLOW_BPF_H
#define GUP_FLOW_BPF_H

static __always_inline void on_pin_flow(__u32 n)
{
	__u64 now;
	__u32 owner = current_owner(n, 0, 0, &now);

	count(GUP_STAT_ACQUIRED, n);
	owner_pinned(owner, n);
}

/* bool try_grab_page(struct page *page, unsigned int flags) */
SEC("?fexit/try_grab_page")
int fexit__try_grab_page__flow(void *ctx)
{
	if ((result(ctx, 2) & 1) && (arg(ctx, 1) & foll_pin) && !is_uncounted_zero(arg(ctx, 0)))
		on_pin_flow(1);
	return 0;
}

/* struct page *try_grab_compound_head(struct page *page, int refs, unsigned int flags) */
SEC("?fexit/try_grab_compound_head")
int fexit__try_grab_compound_head__flow(void *ctx)
{
	if (result(ctx, 3) && (arg(ctx, 2) & foll_pin) && !is_uncounted_zero(result(ctx, 3)))
		on_pin_flow(arg(ctx, 1));
	return 0;
}

/* void put_compound_head(struct page *page, int refs, unsigned int flags) */
SEC("?fentry/put_compound_head")
int fentry__put_compound_head__flow(void *ctx)
{
	if ((arg(ctx, 2) & foll_pin) && !is_uncounted_zero(arg(ctx, 0)))
		count(GUP_STAT_RELEASED, (__u32)arg(ctx, 1));
	return 0;
}

#endif
