/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading struct page and struct folio on any kernel: head, order, truth, kind.
 * One block per change of the kernel; callers never look at a field themselves.
 * Addresses are plain numbers here, because the verifier allows no arithmetic
 * on pointers that it knows.
 */
#ifndef GUP_FOLIO_BPF_H
#define GUP_FOLIO_BPF_H

#include "facts.bpf.h"

#define S_IFMT_MASK 0170000
#define MAPPING_ANON 1UL
#define MAPPING_KSM 3UL

/* The flags word. Newer kernels wrap it in memdesc_flags_t. */
static __always_inline __u64 folio_flags(__u64 folio)
{
	if (bpf_core_field_exists(struct page___memdesc, flags.f))
		return BPF_CORE_READ((struct page___memdesc *)folio, flags.f);
	return BPF_CORE_READ((struct page *)folio, flags);
}

/*
 * The head page of a page. Since compound_head became compound_info, a tail
 * holds either the head's address | 1 or, where the kernel was built for
 * optimised hugetlb vmemmap, a mask of contiguous high ones | 1.
 */
static __always_inline __u64 folio_of(__u64 page)
{
	__u64 info, low;

	if (!bpf_core_field_exists(struct page___info, compound_info)) {
		info = BPF_CORE_READ((struct page *)page, compound_head);
		return info & 1 ? info - 1 : page;
	}
	info = BPF_CORE_READ((struct page___info *)page, compound_info);
	if (!(info & 1))
		return page;
	low = ~(info & ~1ULL);
	if ((low & (low + 1)) == 0)
		return page & ~low;
	return info & ~1ULL;
}

/*
 * The zero page is a reserved small page on no list; up to v6.4 pins of it count like
 * all others. Device memory is reserved, too, but has its pgmap in place of the list's
 * head (mm/mm_init.c, __init_zone_device_page()).
 */
static __always_inline bool is_uncounted_zero(__u64 folio)
{
	if (zero_page_counts || !(folio_flags(folio) & pg_reserved))
		return false;
	return (__u64)BPF_CORE_READ((struct folio *)folio, lru.next) ==
	       folio + bpf_core_field_offset(struct folio, lru);
}

/* The page behind a page. */
static __always_inline __u64 page_after(__u64 page, __u32 n)
{
	return page + n * bpf_core_type_size(struct page);
}

/*
 * Before Linux kernel commit 7b230db3b8d3 ("mm: Introduce struct folio") (in v5.16)
 * these fields belong to the tail pages.
 */
static __always_inline __u32 folio_order(__u64 folio)
{
	if (bpf_core_field_exists(struct folio___order_byte, _folio_order))
		return BPF_CORE_READ((struct folio___order_byte *)folio, _folio_order);
	if (!bpf_core_type_exists(struct folio))
		return BPF_CORE_READ((struct page___tails *)page_after(folio, 1), compound_order);
	return BPF_CORE_READ((struct folio *)folio, _flags_1) & 0xff;
}

/* Whether a large folio has a pin count of its own; two pages were too few for it before struct folio. */
static __always_inline bool has_pincount(__u32 order)
{
	return order > 1 || bpf_core_type_exists(struct folio);
}

static __always_inline __s32 folio_pincount(__u64 folio)
{
	if (!bpf_core_type_exists(struct folio))
		return BPF_CORE_READ((struct page___tails *)page_after(folio, 2),
				     hpage_pinned_refcount.counter);
	return BPF_CORE_READ((struct folio *)folio, _pincount.counter);
}

static __always_inline __u64 folio_index(__u64 folio)
{
	if (bpf_core_field_exists(struct page___folio_index, __folio_index))
		return BPF_CORE_READ((struct page___folio_index *)folio, __folio_index);
	return BPF_CORE_READ((struct page *)folio, index);
}

/* Pins that struct page holds; for a small page at most that many (1,024 plain references look alike). */
static __always_inline long truth_pins(__u64 folio)
{
	if (folio_flags(folio) & pg_head)
		return folio_pincount(folio);
	return (__u32)BPF_CORE_READ((struct folio *)folio, _refcount.counter) / GUP_BIAS;
}

static __always_inline bool is_hugetlb(__u64 folio)
{
	if (pgty_hugetlb)
		return BPF_CORE_READ((struct page *)folio, page_type) >> 24 == pgty_hugetlb;
	if (bpf_core_field_exists(struct folio___order_byte, _folio_dtor))
		return BPF_CORE_READ((struct folio___order_byte *)folio, _folio_dtor) ==
		       dtor_hugetlb;
	if (!bpf_core_type_exists(struct folio))
		return BPF_CORE_READ((struct page___tails *)page_after(folio, 1), compound_dtor) ==
		       dtor_hugetlb;
	return false;
}

static __always_inline int folio_mapcount(__u64 folio, bool large)
{
	if (!large)
		return BPF_CORE_READ((struct folio *)folio, _mapcount.counter) + 1;
	if (bpf_core_field_exists(struct folio, _large_mapcount))
		return BPF_CORE_READ((struct folio *)folio, _large_mapcount.counter) + 1;
	if (bpf_core_field_exists(struct folio___order_byte, _total_mapcount))
		return BPF_CORE_READ((struct folio___order_byte *)folio, _total_mapcount.counter) +
		       1;
	if (!bpf_core_type_exists(struct folio))
		return BPF_CORE_READ((struct page___tails *)page_after(folio, 1),
				     compound_mapcount.counter) +
		       1;
	return 0;
}

/* Which file a folio belongs to: inode, device, a name from the first dentry. */
static __always_inline void read_file(struct gup_truth *t, __u64 mapping)
{
	struct inode *inode = BPF_CORE_READ((struct address_space *)mapping, host);
	struct hlist_node *alias;
	struct dentry *dentry;
	const unsigned char *name;

	if (!inode)
		return;
	t->ino = BPF_CORE_READ(inode, i_ino);
	t->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	alias = BPF_CORE_READ(inode, i_dentry.first);
	if (!alias)
		return;
	if (bpf_core_field_exists(struct dentry___flat, d_alias))
		dentry = (void *)alias - bpf_core_field_offset(struct dentry___flat, d_alias);
	else
		dentry = (void *)alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
	name = BPF_CORE_READ(dentry, d_name.name);
	bpf_probe_read_kernel_str(t->name, sizeof(t->name), name);
}

static __always_inline void read_kind(struct gup_truth *t, __u64 flags)
{
	__u64 folio = t->folio, mapping;

	/* No field of ours may stand inside BPF_CORE_READ(): it would be looked for in the kernel. */
	mapping = (__u64)BPF_CORE_READ((struct folio *)folio, mapping);
	t->kind = GUP_FOLIO_OTHER;
	t->index = BPF_CORE_READ((struct folio *)folio, index);
	if (t->large && is_hugetlb(folio)) {
		t->kind = GUP_FOLIO_HUGETLB;
		if (mapping & 3)
			return;
	} else if ((mapping & MAPPING_KSM) == MAPPING_KSM) {
		t->kind = GUP_FOLIO_KSM;
		return;
	} else if (mapping & MAPPING_ANON) {
		t->kind = GUP_FOLIO_ANON;
		return;
	} else if (mapping && !(mapping & 3)) {
		t->kind = flags & pg_swapbacked ? GUP_FOLIO_SHMEM : GUP_FOLIO_FILE;
	}
	if (mapping)
		read_file(t, mapping);
}

/*
 * Everything about one folio. Freed or split in between, the same bytes mean
 * something else: stable says that flags and order were unchanged at the end.
 */
static __always_inline void read_truth_of(struct gup_truth *t)
{
	__u64 folio = t->folio, flags = folio_flags(folio);

	t->large = (flags & pg_head) != 0;
	t->order = t->large ? folio_order(folio) : 0;
	t->refcount = BPF_CORE_READ((struct folio *)folio, _refcount.counter);
	t->pincount = t->large ? folio_pincount(folio) : 0;
	t->mapcount = folio_mapcount(folio, t->large);
	t->name[0] = 0;
	t->ino = 0;
	t->dev = 0;
	read_kind(t, flags);
	t->stable = !((folio_flags(folio) ^ flags) & pg_head) &&
		    t->order == (t->large ? folio_order(folio) : 0);
}

#endif
