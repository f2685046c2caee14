/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Facts of the running kernel and choices of the user that the programs need
 * as constants. src/kernel.c finds the facts, src/tracker.c sets them here
 * before the programs are loaded; the verifier then removes what does not apply.
 */
#ifndef GUP_FACTS_BPF_H
#define GUP_FACTS_BPF_H

const volatile __u64 foll_pin; /* FOLL_PIN in this kernel's numbering */
const volatile __u64 foll_longterm;
const volatile __u64 foll_write;
const volatile __u64 pg_reserved; /* masks in the flags word of struct page */
const volatile __u64 pg_head;
const volatile __u64 pg_swapbacked;
const volatile __u64 pg_dirty;	   /* dirty or being written back; 0 = nobody asks */
const volatile __u64 pg_slab;	   /* 0 = slabs have a page type instead */
const volatile __u32 pgty_hugetlb; /* top byte of page_type, 0 = by destructor */
const volatile __u32 dtor_hugetlb;
const volatile bool hugetlb_index_huge; /* up to v6.6: a hugetlb folio's index counts huge pages */
const volatile __u32 stack_every = 8;	/* plan call: stacks of one in so many short small calls */
const volatile __u32 call_copies = 3;	/* plan call: of each program */
const volatile bool zero_page_counts;	/* up to v6.4: the zero page is pinned like any other */
/* Functions that hold an inlined copy of the counting code: see src/hooks.c. */
const volatile bool inlined_unpin_user_page;
const volatile bool inlined_unpin_folio;
const volatile bool inlined_unpin_user_folio;
const volatile bool inlined_memfd_pin_folios;
const volatile bool inlined_folio_add_pins;

#endif
