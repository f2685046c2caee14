/* SPDX-License-Identifier: GPL-2.0-only */
/* What memory is of, which is how plan call finds it again: see record.bpf.h. */
#ifndef GUP_IDENTITY_BPF_H
#define GUP_IDENTITY_BPF_H

static __always_inline __u64 folio_pages(__u64 folio)
{
	return folio_flags(folio) & pg_head ? 1ULL << folio_order(folio) : 1;
}

/*
 * What a page is of, and where in it. Reads the first words of struct page at
 * once: mapping and index of a head or small page are among them, and for a
 * tail what leads to its head. Flag bits of the mapping are taken off. Up to
 * v6.6 the index of a hugetlb folio counts huge pages; Linux kernel commit
 * a08c7193e4f1 ("mm/filemap: remove hugetlb special casing in filemap.c").
 */
struct identity {
	__u64 mapping; /* 0 = none, and the index is the struct page's number */
	__u64 index;
};

static __always_inline __u64 page_number(__u64 page)
{
	return page / bpf_core_type_size(struct page);
}

/* Global, like record_new(): the verifier sees it once, not on each path of each caller. */
__noinline int identity_of(__u64 page, struct identity *id)
{
	__u64 words[8] = {}, head = page, info;

	if (!id)
		return 0;
	bpf_probe_read_kernel(words, sizeof(words), (void *)page);
	if (bpf_core_field_exists(struct page___info, compound_info))
		info = words[bpf_core_field_offset(struct page___info, compound_info) / 8 & 7];
	else
		info = words[bpf_core_field_offset(struct page, compound_head) / 8 & 7];
	if (info & 1) {
		head = folio_of(page);
		bpf_probe_read_kernel(words, sizeof(words), (void *)head);
	}
	id->mapping = words[bpf_core_field_offset(struct folio, mapping) / 8 & 7] & ~3ULL;
	id->index = words[bpf_core_field_offset(struct folio, index) / 8 & 7];
	if (hugetlb_index_huge && (folio_flags(head) & pg_head) && is_hugetlb(head))
		id->index <<= folio_order(head);
	id->index += page_number(page) - page_number(head);
	if (!id->mapping)
		id->index = page_number(page);
	return 0;
}

#endif
