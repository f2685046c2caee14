/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF side and user space share: map keys and values, records, limits.
 * The only header that both include. Addresses of kernel objects are identities
 * here ("opaque"): they never leave the process that reads the maps.
 * Times are CLOCK_BOOTTIME-based (start times) or CLOCK_MONOTONIC (events), ns.
 */
#ifndef GUP_ABI_H
#define GUP_ABI_H

#include <linux/types.h>

#define GUP_COMM_LEN 16
#define GUP_NAME_LEN 32
#define GUP_STACK_DEPTH 48	 /* frames per stack */
#define GUP_STACK_MORE (1 << 30) /* bit of a stack's id: in kstacks_more, ustacks_more */
#define GUP_SITE_DEPTH 4	 /* frames that name a call site of a release or of FOLL_GET */
#define GUP_SLOTS 2		 /* owners that a ledger entry holds itself */
#define GUP_MORE_SLOTS 14	 /* owners beyond those, in a second map */
#define GUP_ERRNO_MAX 4095
#define GUP_BATCH 512	  /* requests per run of a helper program */
#define GUP_FILL_BATCH 64 /* owner ids put into the queue per run */
#define GUP_UNWIND_BYTES 65536
#define GUP_TEXT_BYTES 8192

/*
 * A ledger word: tag 63..36 | dead 35 | seq 34..28 | count 27..0, changed by
 * compare-and-exchange only. Tag: low 28 bits of the folio's number. A
 * preallocated hash map hands an element to another key at once; the tag makes
 * a late writer fail instead of counting on somebody else's folio.
 */
#define GUP_COUNT_BITS 28
#define GUP_SEQ_BITS 7
#define GUP_COUNT_MASK ((1ULL << GUP_COUNT_BITS) - 1)
#define GUP_SEQ_ONE (1ULL << GUP_COUNT_BITS)
#define GUP_SEQ_MASK (((1ULL << GUP_SEQ_BITS) - 1) << GUP_COUNT_BITS)
#define GUP_DEAD (1ULL << (GUP_COUNT_BITS + GUP_SEQ_BITS))
#define GUP_TAG_SHIFT (GUP_COUNT_BITS + GUP_SEQ_BITS + 1)

/* Pins of a set of maps that others have left, to be booked in these. */
struct gup_import {
	__u64 folio;
	__u64 since;
	__u32 owner;
	__u32 pins;
};

/* What one owner holds on one folio: owner id << 32 | pins, by compare-and-exchange. */
struct gup_slot {
	__u64 word;
	__u64 since; /* monotonic ns of the first of these pins */
};

#define GUP_SLOT_OWNER(word) ((__u32)((word) >> 32))
#define GUP_SLOT_PINS(word) ((__u32)(word))

#define GUP_ENTRY_INFERRED \
	1 /* a release was given to one of several owners by rule, not by knowledge */
#define GUP_ENTRY_NAMELESS 2 /* some of its pins found no slot: owner unknown */

struct gup_entry {
	__u64 word;
	struct gup_slot slot[GUP_SLOTS];
	__u64 notes; /* GUP_ENTRY_* */
};

struct gup_more {
	struct gup_slot slot[GUP_MORE_SLOTS];
};

/* An open file, as the system call that pinned was given it. */
struct gup_file {
	__u64 file; /* opaque, 0 = none */
	__u64 priv; /* opaque: file->private_data */
	__u64 ino;
	__u32 dev, rdev; /* kernel's dev_t: major << 20 | minor */
	__u32 mode;
	__s32 fd;
	__s32 syscall; /* -1 = not inside a known system call */
	__u32 pad;
	char name[GUP_NAME_LEN]; /* of the dentry */
};

/* Two pin calls with the same key are by the same owner. */
struct gup_owner_key {
	__u64 start_boottime; /* of the thread group's leader */
	__u64 mm;	      /* opaque: whose memory */
	__u64 file;	      /* opaque */
	__u32 tgid;
	__u32 api;    /* enum gup_api */
	__u32 flags;  /* FOLL_* as passed by the caller, in the kernel's own numbering */
	__s32 kstack; /* id, see GUP_STACK_MORE; negative errno when lost */
	__s32 ustack;
	__u32 pad;
};

struct gup_owner {
	struct gup_owner_key key;
	__u32 id;
	__u32 pid; /* thread of the first call */
	__u32 uid;
	__u32 mm_tgid; /* whose memory; 0 = unknown */
	__u64 cgroup;
	__u64 first_ns, last_ns; /* monotonic */
	__u64 calls, short_calls, failed_calls;
	__u64 pages_asked;
	__u64 pinned, released; /* events, in the kernel's unit */
	__u64 stale;		/* pins dropped because struct page no longer held them */
	struct gup_file file;
	char comm[GUP_COMM_LEN];
	__u32 in_tree;
	__u32 mm_in_tree;
};

/*
 * Plan call: what one pin call pinned, by the identity of the memory. A pinned
 * folio belongs to it when its mapping is m0 and its index in [i0, i0 + pages).
 * Memory without a mapping: m0 is 0, i0 the struct page's address / its size.
 */
struct gup_record_key {
	__u64 mm;    /* opaque: whose memory */
	__u64 start; /* address; for memfd_pin_folios: mapping + offset in the file, odd */
};

struct gup_record {
	__u64 first_ns, last_ns; /* monotonic: of the calls that this record stands for */
	__u64 file;		 /* opaque: as in the owner's key */
	__u64 page, last_page;	 /* opaque: struct pages of the first and the last page */
	__u64 m0, i0;		 /* opaque mapping without flag bits; index in pages */
	__u32 pages;
	__u32 owner;
	__u32 tgid;
	__u32 flags; /* FOLL_* as passed by the caller */
	__u32 calls;
	__u32 notes; /* GUP_RECORD_* */
};

#define GUP_RECORD_LONGTERM 1 /* FOLL_LONGTERM, or memfd_pin_folios */
#define GUP_RECORD_PART 2     /* one of several of the same call: the range spans VMAs */

/* A record whose key was taken by another call. */
struct gup_spill {
	struct gup_record_key key;
	struct gup_record record;
};

struct gup_proc_key {
	__u32 tgid;
	__u32 pad;
	__u64 start_boottime;
};

struct gup_proc {
	__u32 ptgid; /* forked from */
	__u32 uid;
	__u64 pstart; /* start_boottime of that process */
	__u64 cgroup;
	__u64 exit_ns;	 /* monotonic, 0 = alive */
	__s32 exit_code; /* as wait(2) gives it */
	__u32 in_tree;
	__u32 is_owner;
	__u32 pad;
	char comm[GUP_COMM_LEN];
};

struct gup_err_key {
	__u32 owner;
	__s32 err;
};

struct gup_site_key {
	__u64 ip[GUP_SITE_DEPTH];
	__u32 owner; /* of the pins released; 0 for FOLL_GET */
	__u32 api;   /* enum gup_api for FOLL_GET, GUP_SITE_CLEAN, else 0 */
};

/* No site: the pins for writing of an owner that were released while the page was clean. */
#define GUP_SITE_CLEAN 0xffffffffU

struct gup_site_cnt {
	__u64 calls;
	__u64 pages;
};

/* Records of the ring buffer, told apart by kind. */
#define GUP_REC_PROC 1	/* a process that pins is new: note its maps while it lives */
#define GUP_REC_STACK 2 /* registers and user stack of an owner's first long-term call */

struct gup_rec {
	__u32 kind;
	__u32 tgid;
	__u64 start_boottime;
	__u32 owner;
	__u32 stack_len;
	__u64 ip, sp, bp, bx, r12, r13, r14, r15;
	__u8 stack[]; /* GUP_UNWIND_BYTES for GUP_REC_STACK, stack_len of them valid */
};

/* Page frames that the kernel wanted and did not get. */
struct gup_busy {
	__u64 start, end; /* end is the first that is not in it */
	__u32 by;	  /* GUP_BUSY_*: the tracepoint that told */
	__u32 pad;
};

#define GUP_BUSY_ISOLATED 1 /* page_isolation:test_pages_isolated */
#define GUP_BUSY_CMA 2	    /* cma:cma_alloc_busy_retry */

/* Things counted while tracking; the sum over CPUs is exact but for an interrupted increment. */
enum gup_stat {
	GUP_STAT_ACQUIRED,    /* events, as NR_FOLL_PIN_ACQUIRED */
	GUP_STAT_RELEASED,    /* events, as NR_FOLL_PIN_RELEASED */
	GUP_STAT_ADD_PIN,     /* folio_add_pin: pins that the kernel does not count as acquired */
	GUP_STAT_UNDONE,      /* counted on both sides inside memfd_pin_folios */
	GUP_STAT_REGAINED,    /* grabs that a program's first copy missed and its second booked */
	GUP_STAT_MAP_FULL,    /* pins that found no place in the ledger */
	GUP_STAT_RETRIES_OUT, /* pins or releases given up after too many retries */
	GUP_STAT_UNMATCHED,   /* released pins that the ledger did not hold */
	GUP_STAT_UNPINNED, /* of these, pins that struct page did not hold either: released once too often */
	GUP_STAT_STALE,	      /* pins dropped at a later pin: struct page held only the new ones */
	GUP_STAT_NAMELESS,    /* pins booked without an owner: no slot */
	GUP_STAT_OWNERS_FULL, /* calls that found no free owner */
	GUP_STAT_API_UNKNOWN, /* pins booked without an API mark */
	GUP_STAT_STACKS_LOST,
	GUP_STAT_PROCS_LOST,
	GUP_STAT_SITES_LOST,
	GUP_STAT_RECS_LOST,	/* ring buffer full: a user stack was not copied */
	GUP_STAT_INSERTED,	/* ledger entries made */
	GUP_STAT_RECORDED,	/* plan call: records made */
	GUP_STAT_RECORDED_LONG, /* of these, of FOLL_LONGTERM calls */
	GUP_STAT_EXTENDED,	/* FOLL_LONGTERM calls that lengthened the record before them */
	GUP_STAT_RECORDS_FULL,	/* short-term calls that found no room, nor others that gave way */
	GUP_STAT_SPILLS_LOST,	/* records that gave way or found no room, and found no other */
	GUP_STAT_PARTS_LOST,	/* pages of ranges over more VMAs than are looked for */
	GUP_STAT_CALLS_LOST,	/* kretprobe without its entry */
	GUP_STAT_CNT,
};

/* GUP functions; the order is that of enum gup_api_id in snapshot.h (a test compares). */
enum gup_api {
	GUP_API_UNKNOWN,
	GUP_API_PIN_USER_PAGES,
	GUP_API_PIN_USER_PAGES_FAST,
	GUP_API_PIN_USER_PAGES_FAST_ONLY,
	GUP_API_PIN_USER_PAGES_REMOTE,
	GUP_API_PIN_USER_PAGES_UNLOCKED,
	GUP_API_PIN_USER_PAGES_LOCKED,
	GUP_API_MEMFD_PIN_FOLIOS,
	GUP_API_FOLIO_ADD_PIN,
	GUP_API_FOLIO_ADD_PINS,
	GUP_API_GET_USER_PAGES,
	GUP_API_GET_USER_PAGES_FAST,
	GUP_API_GET_USER_PAGES_FAST_ONLY,
	GUP_API_GET_USER_PAGES_REMOTE,
	GUP_API_GET_USER_PAGES_UNLOCKED,
	GUP_API_CNT,
};

enum gup_folio_kind {
	GUP_FOLIO_OTHER, /* no mapping: the kernel's own, or freed */
	GUP_FOLIO_ANON,
	GUP_FOLIO_KSM,
	GUP_FOLIO_SHMEM,
	GUP_FOLIO_HUGETLB,
	GUP_FOLIO_FILE,
};

/* struct page of one folio, read at one moment. */
struct gup_truth {
	__u64 folio; /* in: opaque address of the head page */
	__u64 word;  /* in, for the reaper: ledger word expected */
	__u64 index;
	__u64 ino;
	__u32 dev;
	__s32 refcount;
	__s32 pincount; /* large folios */
	__s32 mapcount;
	__u16 order;
	__u8 kind;   /* enum gup_folio_kind */
	__u8 stable; /* 1: flags and order were the same before and after */
	__u8 large;
	__u8 pad[3];
	char name[GUP_NAME_LEN]; /* of the file, if any */
};

/* What the scan hands out of one folio: as it stands in struct page; src/scan_judge.c says what it means. */
struct gup_scan_folio {
	__u64 pfn; /* of the head page */
	__u64 flags;
	__u64 mapping; /* with its flag bits */
	__u64 index;
	__u64 private;
	__s32 refcount;
	__s32 pincount;	 /* large folios */
	__s32 mapcount;	 /* of a small page only if it has no type */
	__u32 page_type; /* shares its place with a small page's mapcount */
	__u8 order;
	__u8 large;
	__u8 hugetlb;
	__u8 pad[5];
};

#define GUP_SCAN_FOLIOS 4096 /* handed out per run */
#define GUP_SCAN_FILES 32    /* files asked for per run */
#define GUP_PATH_DEPTH 16
#define GUP_PATH_BYTES 1024

/* Which file a folio belongs to. */
struct gup_scan_file {
	__u64 pfn;     /* in: a folio of the file */
	__u64 mapping; /* in: its mapping when it was found */
	__u64 ino;
	__u64 bytes;
	__u32 dev;
	__u32 links;
	__u32 depth;			 /* path components */
	__u32 path_len;			 /* bytes of them, each with its 0, the last one first */
	__u8 known;			 /* 1: the folio still had that mapping afterwards */
	__u8 whole;			 /* 1: the path begins at the file system's root */
	char path[GUP_PATH_BYTES + 256]; /* room for the longest name behind the last byte used */
	__u8 pad[6];
};

#define GUP_BIAS 1024 /* GUP_PIN_COUNTING_BIAS: one pin in a small page's refcount */

/* A process' user, and what is charged to that user. */
struct gup_user {
	__u32 uid;
	__u32 tgid;
	__u64 locked_pages;
};

/* A found holder: some task's descriptor table has this open file. */
struct gup_holder {
	__u64 file;
	__u32 tgid;
	__s32 fd;
};

#endif
