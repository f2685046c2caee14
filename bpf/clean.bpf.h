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

/* As release_site(), for the pins that were for writing. */
static __noinline int clean_site(bool interrupt, __u32 owner, __u64 folio, __u32 n)
{
	struct gup_owner *of = owner_of(owner);
	__u32 tid = release_tid(interrupt);
	struct release_mark *mark = bpf_map_lookup_elem(&release_marks, &tid);
	struct gup_site_key key;

	if (!of || !mark || !(of->key.flags & foll_write) || !is_clean_file(folio))
		return 0;
	key = mark->key;
	key.api = GUP_SITE_CLEAN;
	site_count(&key, n);
	return 0;
}

#endif
