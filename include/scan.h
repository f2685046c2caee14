/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The scan: a BPF program that hooks nothing walks the struct page array over
 * System RAM and hands out the pinned folios. Needs no history, no fentry, no
 * kprobes; reads only.
 */
#ifndef GUP_SCAN_H
#define GUP_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

/* What a folio is, for every_folio. */
enum scan_what {
	SCAN_USER, /* user memory or page cache: see kind */
	SCAN_FREE,
	SCAN_HUGETLB_POOL, /* a free hugetlb page */
	SCAN_SLAB,
	SCAN_PAGE_TABLE,
	SCAN_OFFLINE, /* taken by a balloon or a hypervisor's memory device */
	SCAN_MOVABLE, /* the kernel's own, but it can be moved: zsmalloc, balloon */
	SCAN_RESERVED,
	SCAN_POISONED, /* bad memory, taken out of use */
	SCAN_KERNEL,   /* other memory of the kernel */
	SCAN_WHAT_CNT,
};

/* "free", "page table", ...; never NULL. */
const char *scan_what_name(enum scan_what what);

/*
 * A folio that is pinned, or may be. A small page of the kernel's own (kind
 * MEM_KERNEL) with many references is handed out as one that may be pinned: it
 * is a pin only if a ledger says so (NIC receive buffers stand at 65,535).
 */
struct scan_hit {
	uint64_t pfn; /* of the head page */
	uint64_t
		mapping; /* opaque: identity of the address_space or anon_vma, without flag bits; 0 = none */
	uint64_t index; /* in pages within the mapping */
	uint32_t pins;	/* certain: how many; else at most that many */
	int32_t refcount, mapcount;
	int file; /* index in scan_result.files, -1 = none */
	uint8_t order;
	uint8_t kind; /* enum mem_kind; MEM_KERNEL: no mapping, never a pin by itself */
	bool certain; /* else "maybe pinned": plain references could look alike */
	bool in_file; /* mapping is a file's */
	bool dirty, writeback;
	uint8_t what; /* enum scan_what */
};

/* A file that hits belong to; several mounts of it are one. */
struct scan_file {
	uint64_t mapping;  /* opaque */
	uint64_t dev, ino; /* kernel's encoding: major << 20 | minor */
	uint64_t bytes;
	bool deleted;	/* no link is left */
	char path[256]; /* below its file system's root; empty = unknown */
};

struct pfn_range {
	uint64_t start, end; /* end is the first pfn that is not in it */
};

struct scan_options {
	const struct pfn_range *ranges; /* NULL = all of System RAM that is online */
	size_t range_cnt;
	bool every_folio; /* hand out each folio of the ranges, pinned or not (for --pfn) */
	bool copies; /* read copies of struct pages also where direct loads are possible (for tests) */
	uint64_t
		max_pages_per_s; /* 0 = as fast as it goes; else for those who scan in the background */
};

struct scan_result {
	struct scan_hit *hits; /* ascending by pfn */
	size_t hit_cnt;
	struct scan_file *files;
	size_t file_cnt;
	uint64_t pages;	     /* struct pages walked */
	uint64_t unreadable; /* of these, that could not be read (absent memmap) */
	uint64_t in_motion;  /* folios that changed while they were read, three times */
	uint64_t left_out;   /* pages of offline blocks and device memory, not walked */
	uint64_t ns;	     /* time it took */
	uint64_t longest_ns; /* CPU time of the longest single run in the kernel */
};

struct scanner;

/*
 * Loads the program and finds the struct page array. NULL with errno after one
 * line on stderr (EPERM: no privilege for BPF or lockdown confidentiality;
 * ENOENT: no BTF).
 */
struct scanner *scanner__open(void);
void scanner__close(struct scanner *scanner);

/*
 * Walks those of the pfns that are online System RAM; the rest is left_out.
 * With every_folio a folio that covers the first pfn of a range but begins
 * before it is handed out, too. 0 or -errno. The caller frees with scan_result__free(),
 * also after an error.
 */
int scanner__run(struct scanner *scanner, const struct scan_options *opts,
		 struct scan_result *result);
void scan_result__free(struct scan_result *result);

/* Opaque address of the struct page of pfn 0, and sizeof(struct page). */
uint64_t scanner__vmemmap(const struct scanner *scanner);
uint64_t scanner__page_bytes(const struct scanner *scanner);

/*
 * Online System RAM, ascending: /proc/iomem less the blocks that
 * /sys/devices/system/memory calls offline. *ranges is malloc'ed. 0 or -errno.
 */
int ram_ranges__read(struct pfn_range **ranges, size_t *cnt, uint64_t *left_out);
/* The same with the blocks that are offline; what has a struct page and is not there belongs to a device. */
int ram_ranges__system(struct pfn_range **ranges, size_t *cnt);

#endif
