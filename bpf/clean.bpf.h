/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pins for writing that are released while the page is clean: what was written to it by
 * then, the file does not get. Asked for by gup-validate alone.
 */
#ifndef GUP_CLEAN_BPF_H
#define GUP_CLEAN_BPF_H

#define S_DAX (1 << 13)

/* Of a file in the page cache: not of shared memory, which is swapped, and not DAX, which has no flag. */
static __always_inline bool is_clean_file(__u64 folio)
{
	__u64 flags = folio_flags(folio);
	__u64 mapping = (__u64)BPF_CORE_READ((struct folio *)folio, mapping);

	if ((flags & (pg_dirty | pg_swapbacked)) || !mapping || (mapping & 3))
		return false;
	return !(BPF_CORE_READ((struct address_space *)mapping, host, i_flags) & S_DAX);
}

/* n pins of an owner are released. Nobody is blamed where it had to be inferred whose they were. */
static __noinline int count_clean(__u32 id, __u64 folio, __u32 n)
{
	struct gup_site_key key = { .owner = id, .api = GUP_SITE_CLEAN };
	struct gup_entry *entry = bpf_map_lookup_elem(&ledger, &folio);
	struct gup_owner *owner = owner_of(id);

	if (entry && (entry->notes & GUP_ENTRY_INFERRED))
		return 0;
	if (owner && (owner->key.flags & foll_write) && is_clean_file(folio))
		site_count(&key, n);
	return 0;
}

#endif
