/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Facts about the running kernel, found by asking it: BTF, its own machine
 * code, a probe. No version numbers.
 */
#ifndef GUP_KERNEL_H
#define GUP_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "gup_abi.h"
#include "hooks.h"

struct ksyms;

struct kernel_facts {
	struct btf *btf;
	bool has_cmpxchg;
	bool foll_from_btf; /* else the defines of kernels before v6.3 */
	uint64_t foll_pin, foll_longterm, foll_write, foll_force, foll_nofault, foll_p2pdma;
	/* masks in the flags word of struct page; 0 = this kernel has no such flag */
	uint64_t pg_reserved, pg_head, pg_swapbacked, pg_swapcache, pg_private, pg_private_2;
	uint64_t pg_lru, pg_slab, pg_dirty, pg_writeback, pg_hwpoison;
	uint64_t pgty_hugetlb, dtor_hugetlb; /* 0 = this kernel has the other */
	/* other values of page_type's top byte; 0 = this kernel has no such type, or bits instead */
	uint64_t pgty_buddy, pgty_offline, pgty_table, pgty_slab, pgty_zsmalloc;
	bool zero_page_counts;
	bool preempts_anywhere;	 /* or it could not be asked */
	bool hugetlb_index_huge; /* the index of a hugetlb folio counts huge pages */
	uint64_t page_struct_bytes;
};

/*
 * Reads the facts. 0; -ENOENT: the kernel has no BTF; -ENOSYS: it has none of
 * the counters that pins are counted in (older than v5.10); else -errno.
 */
int kernel_facts__read(struct kernel_facts *facts);
/* The same without zero_page_counts, preempts_anywhere and has_cmpxchg, which BTF does not tell. */
int kernel_facts__read_btf(struct kernel_facts *facts);
/* What such an error means and what to do, in one line on stderr. */
void kernel_facts__explain(int err);
void kernel_facts__free(struct kernel_facts *facts);

/* The view that hooks__select() wants; valid as long as facts. */
struct hook_kernel kernel_facts__view(const struct kernel_facts *facts);

/* FOLL_* flags of this kernel as PIN_* of snapshot.h. */
uint32_t kernel_facts__pin_flags(const struct kernel_facts *facts, uint32_t foll, bool remote);

/* Calls fn for each function in BTF, until it returns non-zero; returns that. */
int kernel_facts__each_func(const struct kernel_facts *facts,
			    int (*fn)(void *ctx, const char *name), void *ctx);

/* Whether the BPF loader's own messages go to stderr; they do by libbpf's default. */
void kernel_reader__log(bool on);

/* The helper programs of bpf/kernel.bpf.c. */
struct kernel_reader;

/* Loads them. NULL with errno (EPERM: no privilege for BPF). */
struct kernel_reader *kernel_reader__open(void);
/* One line on stderr: why it, or ksyms__load(), could not, with errno as they left it. */
void kernel_reader__explain(void);
/* Locked down for confidentiality: no BPF program may read the kernel's memory. */
bool kernel_is_confidential(void);
void kernel_reader__close(struct kernel_reader *reader);

/*
 * Does func's machine code hold a call or jump to callee? 1, 0, or -errno:
 * -ENOENT a symbol is unknown, -EPERM addresses are hidden.
 */
int kernel_reader__calls(struct kernel_reader *reader, const struct ksyms *ksyms, const char *func,
			 const char *callee);

/* Copies kernel memory, at most GUP_TEXT_BYTES. 0 or -errno. */
int kernel_reader__text(struct kernel_reader *reader, uint64_t addr, void *buf, size_t len);

/* The pins that a folio's struct page holds, at most. */
static inline uint64_t truth_pins_of(const struct gup_truth *truth)
{
	if (truth->large)
		return truth->pincount > 0 ? truth->pincount : 0;
	return (uint32_t)truth->refcount / GUP_BIAS;
}

#endif
