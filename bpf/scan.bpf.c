// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk over the struct page array. Hooks nothing: each program is a raw
 * tracepoint program that is only ever run by BPF_PROG_TEST_RUN, a piece of
 * the array per run, and hands out folios that are or may be pinned as they
 * stand in struct page. A raw tracepoint program, not one of type syscall: it
 * runs under RCU, exists since v5.10, and is as fast.
 *
 * Two walks do the same: by direct loads where the kernel casts a number to a
 * pointer that may be loaded from, else over copies of 64 struct pages.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "gup_abi.h"
#include "path.bpf.h"

char LICENSE[] SEC("license") = "GPL";

#define STEP 8	     /* pages per step of the direct walk */
#define BLOCK 64     /* pages per copy */
#define BLOCKS 64    /* copies per run */
#define MAX_ORDER 20 /* of anything, gigantic pages included */
#define TRIES 3
#define PAGE_BYTES_MAX 128

const volatile __u32 buddy_mask, buddy_type; /* in page_type: a free block's head */

__u64 vmemmap;	  /* struct page of pfn 0 */
__u64 next, end;  /* in: pfns to walk; out: next is the first one not walked */
__u64 budget_ns;  /* ends a run early */
bool every;	  /* hand out each folio; by walk__copy only */
__u64 unreadable; /* struct pages that could not be read */
__u64 in_motion;  /* folios that were different each time they were read */
__u32 folio_cnt;
struct gup_scan_folio folios[GUP_SCAN_FOLIOS];

__s32 pipe_fd; /* in: the end of a pipe that holds one page */
__u64 pipe_page;

__u32 file_cnt;
struct gup_scan_file files[GUP_SCAN_FILES];

static char block[BLOCK * PAGE_BYTES_MAX];

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

static __always_inline __u64 page_of(__u64 pfn)
{
	return vmemmap + pfn * bpf_core_type_size(struct page);
}

static __always_inline bool is_aligned(__u64 pfn, __u32 order)
{
	return order < MAX_ORDER && !(pfn & ((1ULL << order) - 1));
}

/*
 * A tail page of an optimised hugetlb folio may share its struct page with the
 * head and read like one; the page behind a true head is that one's own tail.
 */
static __always_inline bool is_true_head(__u64 page)
{
	return folio_of(page_after(page, 1)) == page;
}

static __always_inline __u64 head_of(__u64 page)
{
	if ((folio_flags(page) & pg_head) && !is_true_head(page))
		return folio_of(page_after(page, 1));
	return folio_of(page);
}

/*
 * One reading. False when the folio changed meanwhile: the bytes mean nothing
 * then. Not inlined, or the compiler moves offsets that this kernel does not
 * have out of the caller's loop, to where they are used.
 */
static __noinline bool read_folio(struct gup_scan_folio *f, __u64 page)
{
	__u64 flags = folio_flags(page), mapping;

	f->flags = flags;
	f->large = (flags & pg_head) && is_true_head(page);
	f->order = f->large ? folio_order(page) : 0;
	f->pincount = f->large && has_pincount(f->order) ? folio_pincount(page) : 0;
	f->refcount = BPF_CORE_READ((struct page *)page, _refcount.counter);
	mapping = (__u64)BPF_CORE_READ((struct page *)page, mapping);
	f->mapping = mapping;
	f->index = folio_index(page);
	f->private = BPF_CORE_READ((struct page *)page, private);
	f->page_type = BPF_CORE_READ((struct page *)page, page_type);
	f->hugetlb = f->large && is_hugetlb(page);
	if (f->large)
		f->mapcount = folio_mapcount(page, true);
	else
		f->mapcount = BPF_CORE_READ((struct page *)page, _mapcount.counter) + 1;
	if (!f->large && f->refcount != BPF_CORE_READ((struct page *)page, _refcount.counter))
		return false;
	if ((folio_flags(page) ^ flags) & (pg_head | pg_reserved | pg_slab))
		return false;
	if (mapping != (__u64)BPF_CORE_READ((struct page *)page, mapping))
		return false;
	return !f->large || (f->order == folio_order(page) && is_true_head(page));
}

/* Pinned, or so many references that it may be; user space judges. */
static __always_inline bool may_be_pinned(const struct gup_scan_folio *f)
{
	if (f->flags & (pg_reserved | pg_slab))
		return false;
	if (f->large && has_pincount(f->order))
		return f->pincount > 0 && f->pincount <= f->refcount;
	return f->refcount >= GUP_BIAS;
}

static __always_inline bool is_same(const struct gup_scan_folio *a, const struct gup_scan_folio *b)
{
	return a->large == b->large && a->order == b->order && a->mapping == b->mapping;
}

/* There is room: the walks end before it is used up. */
static __always_inline void hand_out(const struct gup_scan_folio *folio)
{
	__u64 at = folio_cnt;

	/* For the verifier, who would lose sight of a bound that was tested earlier. */
	asm volatile("" : "+r"(at));
	at &= GUP_SCAN_FOLIOS - 1;
	folios[at] = *folio;
	folio_cnt = at + 1;
}

/* Hands the folio out if it may be pinned. A global function, so that the verifier sees it once. */
__noinline int look_at(__u64 pfn)
{
	struct gup_scan_folio first = {}, again = {};
	__u64 page = page_of(pfn);

	for (int i = 0; i < TRIES; i++) {
		if (!read_folio(&first, page))
			continue;
		if (!every && !may_be_pinned(&first))
			return 0;
		if (!read_folio(&again, page) || !is_same(&first, &again))
			continue;
		if (!every && !may_be_pinned(&again))
			return 0;
		again.pfn = pfn;
		hand_out(&again);
		return 0;
	}
	in_motion++;
	return 0;
}

static __always_inline bool is_readable(__u64 page)
{
	__u64 word;

	return !bpf_probe_read_kernel(&word, sizeof(word), (void *)page);
}

/* --- what a step of either walk looks at: struct pages, or copies of them --- */

static __always_inline __u64 flags_at(const struct page *page)
{
	if (bpf_core_field_exists(struct page___memdesc, flags.f))
		return ((struct page___memdesc *)page)->flags.f;
	return page->flags;
}

/* Pages of the free block that begins here, 0 = none does. */
static __always_inline __u64 free_block(const struct page *p, __u64 pfn)
{
	__u64 order;

	if ((p->page_type & buddy_mask) != buddy_type)
		return 0;
	order = p->private;
	if (!is_aligned(pfn, order) || (p->page_type & buddy_mask) != buddy_type)
		return 0;
	return 1ULL << order;
}

/* --- direct loads: since Linux kernel commit a35b9af4ec2c ("bpf: Add a kfunc for generic type cast") (in v6.2) --- */

struct walk {
	__u64 pfn;
	__u64 began;
};

static __always_inline struct page *as_page(__u64 page)
{
	return bpf_rdonly_cast((void *)page, bpf_core_type_id_kernel(struct page));
}

/* Pages of the large folio that begins here, 0 = none does. */
static __always_inline __u64 large_folio(__u64 page, __u64 pfn)
{
	struct folio *folio = bpf_rdonly_cast((void *)page, bpf_core_type_id_kernel(struct folio));
	__u32 order;

	if (bpf_core_field_exists(struct folio___order_byte, _folio_order))
		order = ((struct folio___order_byte *)folio)->_folio_order;
	else
		order = folio->_flags_1 & 0xff;
	if (!is_aligned(pfn, order))
		return 0;
	if (folio->_pincount.counter > 0)
		look_at(pfn);
	return flags_at(as_page(page)) & pg_head ? 1ULL << order : 0;
}

/*
 * Pages of what begins here and is in no use, as far as it is worth a jump. Absent
 * struct pages read as zeros; they begin and end with a block.
 */
static __always_inline __u64 unused(const struct page *p, __u64 page, __u64 pfn)
{
	if (!(pfn % BLOCK) && !flags_at(p) && !is_readable(page)) {
		unreadable += BLOCK;
		return BLOCK;
	}
	return free_block(p, pfn);
}

/*
 * Two pages, the first of them even; how many pages begin here, as far as it is
 * worth a jump. Only even pages begin a large folio, and the page behind such a
 * head has no references of its own: for most pages the count says all.
 */
static __always_inline __u64 look(__u64 page, __u64 pfn, bool first)
{
	struct page *p = as_page(page);
	__u32 refs = p->_refcount.counter;
	__u32 next_refs = as_page(page_after(page, 1))->_refcount.counter;
	__u64 far = 0;

	if (!refs)
		far = first ? unused(p, page, pfn) : 0;
	else if (!next_refs && flags_at(p) & pg_head)
		far = large_folio(page, pfn);
	else if (refs >= GUP_BIAS)
		look_at(pfn);
	if (next_refs >= GUP_BIAS)
		look_at(pfn + 1);
	return far;
}

static long walk_step(__u32 i, struct walk *w)
{
	__u64 pfn = w->pfn, page = page_of(pfn), far;

	if (pfn >= end || folio_cnt > GUP_SCAN_FOLIOS - STEP)
		return 1;
	if (i % BLOCK == BLOCK - 1 && bpf_ktime_get_ns() - w->began > budget_ns)
		return 1;
	far = look(page, pfn, true);
	if (far >= STEP) {
		w->pfn = pfn + far;
		return 0;
	}
#pragma unroll
	for (int k = 2; k < STEP; k += 2)
		look(page_after(page, k), pfn + k, false);
	w->pfn = pfn + STEP;
	return 0;
}

SEC("?raw_tp")
int walk__direct(void *ctx)
{
	struct walk w = { .pfn = next & ~(STEP - 1ULL), .began = bpf_ktime_get_ns() };

	folio_cnt = 0;
	bpf_loop(1 << 18, walk_step, &w, 0);
	next = w.pfn;
	return 0;
}

/* --- copies --- */

static __u64 skip_to;

static __always_inline const struct page *copy_after(const struct page *copy)
{
	return (const void *)copy + bpf_core_type_size(struct page);
}

/* A global function, so that the verifier does not see it once for each head of a block. */
__noinline int look_at_head(__u64 pfn)
{
	__u32 order = folio_order(page_of(pfn));

	look_at(pfn);
	if (is_aligned(pfn, order))
		skip_to = pfn + (1ULL << order);
	return 0;
}

/* look(), of copies. */
static __always_inline void look_copied(const struct page *p, __u64 pfn, bool first)
{
	__u32 refs = p->_refcount.counter, next_refs = copy_after(p)->_refcount.counter;
	__u64 far;

	if (!refs) {
		far = first ? free_block(p, pfn) : 0;
		if (far)
			skip_to = pfn + far;
	} else if (!next_refs && flags_at(p) & pg_head) {
		look_at_head(pfn);
	} else if (refs >= GUP_BIAS) {
		look_at(pfn);
	}
	if (next_refs >= GUP_BIAS)
		look_at(pfn + 1);
}

/* The bound is tested on the sum: an older verifier knows nothing of the product. */
static __always_inline void look_at_copies(__u64 i, __u64 pfn)
{
	__u64 at = i * bpf_core_type_size(struct page);
	const struct page *p;

	asm volatile("" : "+r"(at));
	if (at > sizeof(block) - STEP * PAGE_BYTES_MAX)
		return;
	p = (const void *)(block + at);
#pragma unroll
	for (int k = 0; k < STEP; k += 2) {
		look_copied(p, pfn + i + k, !k);
		p = copy_after(copy_after(p));
	}
}

/* Hands out what begins here: a page, a free block, a large folio. */
__noinline int look_at_any(__u64 pfn)
{
	__u64 page = page_of(pfn);
	__u32 refs = BPF_CORE_READ((struct page *)page, _refcount.counter), order = 0;
	__u32 type = BPF_CORE_READ((struct page *)page, page_type);

	if (pfn < skip_to)
		return 0;
	if (!refs && (type & buddy_mask) == buddy_type)
		order = BPF_CORE_READ((struct page *)page, private);
	else if (refs && folio_flags(page) & pg_head)
		order = folio_order(page);
	if (head_of(page) == page)
		look_at(pfn);
	skip_to = pfn + (is_aligned(pfn, order) ? 1ULL << order : 1);
	return 0;
}

/* 1: no room for more. */
__noinline int walk_block(__u64 pfn)
{
	if (folio_cnt > GUP_SCAN_FOLIOS - BLOCK)
		return 1;
	if (skip_to >= pfn + BLOCK)
		return 0;
	if (bpf_probe_read_kernel(block, BLOCK * bpf_core_type_size(struct page),
				  (void *)page_of(pfn))) {
		unreadable += BLOCK;
		return 0;
	}
	if (every)
		for (__u64 i = 0; i < BLOCK; i++)
			look_at_any(pfn + i);
	else
		for (__u64 i = 0; i < BLOCK; i += STEP)
			if (pfn + i >= skip_to)
				look_at_copies(i, pfn);
	return 0;
}

SEC("?raw_tp")
int walk__copy(void *ctx)
{
	__u64 pfn, began = bpf_ktime_get_ns();

	folio_cnt = 0;
	if (every) /* a range may begin inside a folio */
		next = (head_of(page_of(next)) - vmemmap) / bpf_core_type_size(struct page);
	skip_to = next;
	pfn = next & ~(BLOCK - 1ULL);
	for (int i = 0; i < BLOCKS; i++) {
		if (pfn >= end || walk_block(pfn))
			break;
		pfn += BLOCK; /* one at least, however late it is */
		if (bpf_ktime_get_ns() - began > budget_ns)
			break;
	}
	next = pfn > skip_to ? pfn : skip_to;
	return 0;
}

/* --- what the walk needs besides --- */

/* The struct page that a pipe holds: with its pfn, which user space knows, it tells where the array begins. */
SEC("raw_tp")
int find_page(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **table = BPF_CORE_READ(task, files, fdt, fd), *file;
	struct pipe_inode_info *pipe;

	pipe_page = 0;
	if (bpf_probe_read_kernel(&file, sizeof(file), table + pipe_fd))
		return 0;
	pipe = BPF_CORE_READ(file, private_data);
	pipe_page = (__u64)BPF_CORE_READ(pipe, bufs, page);
	return 0;
}

SEC("raw_tp")
int find_files(void *ctx)
{
	for (__u32 i = 0; i < GUP_SCAN_FILES; i++)
		if (i < file_cnt)
			read_file_of(&files[i], page_of(files[i].pfn));
	return 0;
}
