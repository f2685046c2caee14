/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the scan share; nobody else includes this. */
#ifndef GUP_SCAN_IMPL_H
#define GUP_SCAN_IMPL_H

#include "gup_abi.h"
#include "kernel.h"
#include "scan.h"

/* What must be known to judge what stands in struct page. */
struct scan_judge {
	struct kernel_facts facts;
	bool hugetlb_index_in_huge_pages;
};

/*
 * Judges one folio as it stood in struct page. False when it is neither pinned
 * nor maybe pinned and not every folio is wanted; else fills hit, all but file.
 */
bool scan_judge(const struct scan_judge *judge, const struct gup_scan_folio *folio, bool every,
		struct scan_hit *hit);

/* A small page's head word in page_type: (page_type & *mask) == *type for a free block. */
void scan_judge__buddy(const struct kernel_facts *facts, uint32_t *mask, uint32_t *type);

/* Asks the kernel which files the folios of up to GUP_SCAN_FILES requests belong to. 0 or -errno. */
int scanner__ask_files(struct scanner *scanner, struct gup_scan_file *files, size_t cnt);

/* Names the files that the hits belong to. 0 or -errno. */
int scan_files__find(struct scanner *scanner, struct scan_result *result);

/*
 * ram_ranges__read() from other files than the kernel's: iomem, and the folder
 * whose memoryN say what is offline.
 */
int ram_ranges__read_from(const char *iomem, const char *memory, struct pfn_range **ranges,
			  size_t *cnt, uint64_t *left_out);
/* Sorts and merges; then keeps what of ranges is in ram. *kept is malloc'ed. 0 or -errno. */
int pfn_ranges__within(const struct pfn_range *ranges, size_t cnt, const struct pfn_range *ram,
		       size_t ram_cnt, struct pfn_range **kept, size_t *kept_cnt);

#endif
