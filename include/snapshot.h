/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * struct snapshot: one immutable picture of who pins what, in plain C.
 *
 * Everything that people or programs see (text, JSON, findings) is made from
 * this and nothing else. It must not know libbpf, BPF maps or kernel structs.
 * src/snapshot.c fills it from the tracker, src/audit.c adds the findings,
 * src/form_*.c write it.
 *
 * Units: times in nanoseconds since the epoch (CLOCK_REALTIME), 0 = unknown;
 * pins in the unit of the kernel's NR_FOLL_PIN_* counters; bytes of memory.
 * Processes, stacks and files are named by their index in the snapshot's
 * arrays, -1 = none or unknown. All strings belong to the snapshot.
 */
#ifndef GUP_SNAPSHOT_H
#define GUP_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Three quantities, everywhere: see each group's field. */
struct quantity {
	uint64_t pins;
	uint64_t folios;
	uint64_t bytes; /* size of those folios, each counted once */
};

/* How sure we are of a statement about who. */
enum basis {
	BASIS_UNKNOWN,
	BASIS_RECORDED,	      /* seen at the pin */
	BASIS_INFERRED,	      /* recorded, but several owners overlapped and one has gone */
	BASIS_SAME_OPEN_FILE, /* the very struct file that the pin came through is open there */
	BASIS_LIKELY,	      /* evidence only */
	BASIS_CNT,
};

/* State of a group of pins; capital names of the report where it is a finding. */
enum state {
	STATE_HELD,	 /* a living owner holds it: no finding */
	STATE_IN_FLIGHT, /* not FOLL_LONGTERM, living owner, young */
	STATE_RELEASING, /* owner gone, the release still has its time */
	STATE_SHORT_HELD,
	STATE_LEAKED,
	STATE_ORPHANED,
	STATE_HANDED_OVER,
	STATE_UNKNOWN_HOLDER,
	STATE_LEFT_BEHIND,
	STATE_UNATTRIBUTED,
	STATE_CNT,
};

enum mem_kind {
	MEM_UNKNOWN,
	MEM_ANON,
	MEM_THP,
	MEM_KSM,
	MEM_SHMEM,
	MEM_HUGETLB,
	MEM_FILE,
	MEM_FSDAX,
	MEM_DEVICE,
	MEM_KERNEL,
	MEM_KIND_CNT,
};

/* GUP functions that a pin or a reference came through; API_UNKNOWN is allowed and counted. */
enum gup_api_id {
	API_UNKNOWN,
	API_PIN_USER_PAGES,
	API_PIN_USER_PAGES_FAST,
	API_PIN_USER_PAGES_FAST_ONLY,
	API_PIN_USER_PAGES_REMOTE,
	API_PIN_USER_PAGES_UNLOCKED,
	API_PIN_USER_PAGES_LOCKED,
	API_MEMFD_PIN_FOLIOS,
	API_FOLIO_ADD_PIN,
	API_FOLIO_ADD_PINS,
	API_CNT,
};

/* FOLL_* flags of a pin, in our own numbering (the kernel's differs by version). */
#define PIN_WRITE (1u << 0)
#define PIN_LONGTERM (1u << 1)
#define PIN_FORCE (1u << 2)
#define PIN_NOFAULT (1u << 3)
#define PIN_REMOTE (1u << 4) /* somebody else's memory: owner and memory_of differ */
#define PIN_P2PDMA (1u << 5)

struct process {
	uint32_t pid; /* thread group id */
	uint64_t started_ns;
	uint64_t start_boot_ns; /* the same since boot: no clock step moves it; 0 = unknown */
	const char *comm;
	uint32_t uid;
	int forked_from;    /* process index */
	uint64_t cgroup_id; /* 0 = unknown */
	const char *cgroup; /* path below the cgroup2 mount, NULL = unknown */
	bool exited;
	uint64_t exited_ns;
	int exit_status; /* -1 = died by signal or unknown */
	int exit_signal; /* 0 = none */
	bool in_tree;	 /* CMD of `gup-leakcheck -- CMD` or a descendant of it */
};

struct frame {
	const char *function; /* NULL = unknown */
	const char *module;   /* kernel module; NULL = the kernel itself */
	const char *file;     /* user space: base name of the object */
	uint64_t offset;      /* user space: offset in that file */
};

struct stack {
	bool user;
	bool complete;
	const char *why;      /* why it is incomplete, NULL if complete */
	struct frame *frames; /* innermost first */
	size_t frame_cnt;
};

/* The open file that a pin came through. */
struct through {
	bool known;
	const char *kind;    /* "rdma", "io_uring", "vfio", "xdp", "udmabuf", "file", ... */
	const char *path;    /* "/dev/infiniband/uverbs0", "[io_uring]"; NULL = unknown */
	int fd;		     /* in the owner, at the time of the pin */
	const char *syscall; /* "ioctl", "io_uring_register", ... */
};

/* Who keeps a group's pins alive now. */
struct holder {
	int process;
	int fd; /* -1 = none */
	enum basis basis;
	const char *why; /* for BASIS_LIKELY: the evidence; else NULL */
};

/* Part of a group's memory: one kind, size and place. */
struct memory {
	enum mem_kind kind;
	uint64_t folio_bytes;
	uint64_t folios;
	int node;		       /* -1 = unknown */
	const char *zone;	       /* "Normal", "Movable", ...; NULL = unknown */
	const char *file;	       /* path or name of the file, NULL = none or unknown */
	bool cma;		       /* in a CMA range */
	bool deleted;		       /* the file has no link any more */
	uint64_t dev, ino;	       /* of the file, kernel's encoding; 0 = none or unknown */
	uint64_t file_bytes;	       /* size of the file */
	uint64_t first_byte, end_byte; /* range of the file that the folios cover */
	uint64_t dirty_folios, writeback_folios;
};

struct group {
	enum state state;
	int owner; /* process that pinned; -1 = unattributed */
	enum basis owner_basis;
	int memory_of; /* process whose memory it is when not the owner's; else -1 */
	struct quantity q;
	uint64_t oldest_ns, newest_ns;
	enum gup_api_id api;
	uint32_t flags; /* PIN_* */
	uint64_t calls;
	int kernel_stack, user_stack;
	bool stack_sampled;
	struct through through;
	struct holder *held_by; /* may be empty */
	size_t held_by_cnt;
	bool holders_complete; /* all tasks' open files could be read */
	int *mapped_by;	       /* processes that map some of it */
	size_t mapped_by_cnt;
	bool mapped_known;	/* false: nobody looked, mapped_by says nothing */
	uint64_t mapped_folios; /* folios with a mapcount above zero */
	bool file_released;	/* the file it came through is gone: no descriptor can hold it */
	struct memory *memory;
	size_t memory_cnt;
	bool shares_folios;    /* some of its folios are in another group too */
	struct holder *likely; /* by evidence only, strongest first; each says why */
	size_t likely_cnt;
	bool residue;	   /* anonymous and mapped by nobody */
	uint64_t owner_id; /* opaque: equal for equal owners within one boot of the tracker */
};

/* Balance of one pin site (API + kernel stack), since tracking began. */
struct release_site {
	const char *
		function; /* unpin function and its caller, "unpin_user_pages < __io_sqe_buffers_unregister" */
	uint64_t pins;
};

struct errno_cnt {
	int err; /* positive errno */
	uint64_t calls;
};

struct site {
	enum gup_api_id api;
	const char *caller; /* function that called the API, NULL = unknown */
	const char *caller_module;
	int kernel_stack;
	uint64_t calls;
	uint64_t short_calls; /* returned fewer pages than asked for */
	uint64_t failed_calls;
	struct errno_cnt *errs;
	size_t err_cnt;
	uint64_t pages_asked;
	uint64_t pins;	   /* events, as /proc/vmstat counts */
	uint64_t released; /* events attributed to this site's pins */
	uint64_t left;	   /* pins still in the ledger */
	uint64_t clean; /* of the released: for writing, of clean file pages; 0 if not asked for */
	struct release_site *releases;
	size_t release_cnt;
	bool in_tree; /* some of it was done by CMD's tree */
};

/* A caller of get_user_pages* (FOLL_GET): not yet converted, its references cannot be paired. */
struct get_site {
	const char *function; /* get_user_pages_fast, ... */
	const char *caller;
	const char *caller_module;
	uint64_t calls;
	uint64_t pages;
};

enum level { LEVEL_OK, LEVEL_NOTE, LEVEL_WARNING, LEVEL_ERROR, LEVEL_CNT };

enum rule {
	RULE_LEAKED,
	RULE_ORPHANED,
	RULE_HANDED_OVER,
	RULE_UNKNOWN_HOLDER,
	RULE_LEFT_BEHIND,
	RULE_SHORT_HELD,
	RULE_LONGTERM_FORBIDDEN,
	RULE_WRONG_RELEASE,
	RULE_DEGRADED,
	RULE_CNT,
};

struct finding {
	char id[64]; /* "orphaned-5d1c07e2a94b": the same in the next report */
	enum rule rule;
	enum level level;
	const char *certainty; /* "exact", "inferred", "suspect" */
	int group;	       /* -1 = none */
	uint64_t first_seen_ns;
	const char *suppressed_by; /* line of the suppression file, NULL = not suppressed */
	const char *title;
	const char **evidence; /* short words, as in the JSON example of the schema */
	size_t evidence_cnt;
	const char *next, *fix; /* what to do; NULL = nothing to say */
};

/* A wrong release that the ledger saw (rules L3 to L6). */
enum wrong_kind {
	WRONG_UNPIN_NOT_PINNED, /* unpin of a folio that holds no pin */
	WRONG_PUT_PAGE,		/* pinned count of struct page went by put_page */
	WRONG_FREED_PINNED,	/* folio freed while pinned */
	WRONG_KIND_CNT,
};

struct wrong_release {
	enum wrong_kind kind;
	uint64_t pins;
	const char *function; /* release function and its caller, NULL = unknown */
	int process;	      /* owner of the pins concerned, -1 = unknown */
};

/* One folio, for --pages and --pfn; or neighbours that are the same and no user's memory (kind kernel). */
struct page_info {
	uint64_t pfn; /* of the head; only for a privileged reader */
	uint64_t folio_bytes;
	uint64_t pins;
	bool certain;
	int32_t refcount, mapcount;
	enum mem_kind kind;
	int node;
	const char *zone;
	int group; /* -1 = in none: not pinned */
	const char
		*why; /* not pinned: what it is instead, "free", "page table", "slab"; else NULL */
	const char *file;
	uint64_t offset; /* in that file, bytes */
	int *mapped_by;	 /* processes */
	size_t mapped_by_cnt;
};

/* What pins cost a zone of a node. */
struct zone_use {
	int node;
	const char *zone;
	struct quantity q;
	uint64_t pageblocks; /* that hold a pin which outlives the scan: contiguous memory lost */
	uint64_t pageblock_bytes;
	bool blocks_offline; /* Movable, or CMA pages are among them */
	uint64_t cma_folios;
};

/* Who held a part of a busy range: pins of one group. */
struct busy_holder {
	uint32_t pid; /* 0 = unknown */
	const char *comm;
	enum gup_api_id api;
	enum basis basis; /* of who: recorded, or likely by evidence */
	struct quantity q;
	uint64_t first_pfn; /* of the first of the folios */
};

/* Page frames that the kernel wanted for itself and did not get ("PFNs busy"), and why. */
struct busy_range {
	uint64_t first_ns, last_ns; /* when it failed */
	uint64_t times;		    /* at least */
	uint64_t start_pfn, end_pfn;
	const char *by; /* tracepoint that told */
	struct busy_holder *holders;
	size_t holder_cnt; /* 0: nothing was pinned there any more */
};

struct hook_gap {
	const char *function;
	const char *why;
	bool harmless; /* only names are missing, the books stay whole */
};

struct checks {
	const char *source; /* "own tracker", "gup-pind", "none" */
	uint64_t tracking_since_ns;
	const char *plan; /* "core", "call", NULL = not tracking */
	bool has_ledger; /* false: flows and owners' totals only (no cmpxchg in this kernel's BPF) */
	unsigned int hooks_attached, hooks_wanted;
	struct hook_gap *missing;
	size_t missing_cnt;
	const char *selftest; /* "passed: ...", or what was left unverified */
	bool vmstat_known, vmstat_agrees;
	uint64_t vmstat_acquired, vmstat_released; /* since tracking began */
	uint64_t events_acquired, events_released; /* what the hooks saw of it */
	uint64_t folio_add_pins;		   /* pins that vmstat never counts as acquired */
	uint64_t recursion_misses;		   /* events lost, before repair */
	uint64_t missed_acquires;		   /* of these, pins; the others are releases */
	uint64_t repaired;			   /* of these, put right by reconciling */
	uint64_t map_full;			   /* pins that found no place in the ledger */
	uint64_t owners_full;	 /* calls that found no place in the owner table */
	uint64_t processes_full; /* that found no place in the process table */
	uint64_t sites_full; /* what sites called or released, and found no place in their table */
	uint64_t stacks_lost;
	uint64_t stale_dropped;
	uint64_t unmatched_releases;   /* releases of folios pinned before tracking */
	uint64_t pins_before;	       /* held since before tracking began: nobody knows by whom */
	uint64_t api_unknown;	       /* pins booked without an API mark */
	uint64_t in_motion;	       /* folios that changed while they were read, three times */
	uint64_t scanned_struct_pages; /* 0 = no scan in this snapshot */
	uint64_t scan_ms;
	uint64_t scan_left_out; /* pages of offline blocks and device memory */
	bool above_scan_known;
	int64_t above_scan;	    /* pins outstanding by vmstat less those that the scan found */
	uint64_t moved_during_scan; /* pins acquired or released while it ran */
	double cpu_percent;	    /* < 0: unknown */
	uint64_t bpf_bytes;
};

struct snapshot {
	/* where and when */
	const char *tool, *version;
	uint64_t taken_ns;
	const char *host, *kernel, *arch, *boot_id;
	uint64_t page_size, ram_bytes;
	/* what was run, for `-- CMD` */
	const char *cmd; /* NULL = none */
	bool cmd_known_status;
	int cmd_status, cmd_signal;
	uint64_t ran_ns; /* wall time of CMD, or of the watch */
	/* so long at least pins may stay when their process, or CMD, has ended */
	uint64_t grace_ns;
	uint64_t waited_ns;	       /* how long after its end the snapshot was taken */
	struct quantity other_for_cmd; /* done for CMD by servers that existed before */
	uint64_t cmd_pins; /* pins that CMD's tree took, events; 0 = none, or ask the sites */
	/* totals */
	struct quantity pinned, attributed, unattributed, maybe;
	struct checks checks;
	struct process *processes;
	size_t process_cnt;
	struct stack *stacks;
	size_t stack_cnt;
	struct group *groups;
	size_t group_cnt; /* largest first */
	struct site *sites;
	size_t site_cnt;
	struct get_site *get_sites;
	size_t get_site_cnt;
	struct wrong_release *wrongs;
	size_t wrong_cnt;
	struct page_info *pages; /* ascending by pfn; only if asked for */
	size_t page_cnt;
	struct zone_use *zones;
	size_t zone_cnt;
	struct busy_range *busy; /* by gup-pind: the last ones, oldest first */
	size_t busy_cnt;
	const char *
		unexplained; /* one line on memory that pins do not explain; NULL = nothing to say */
	const char *filter;  /* what was asked for, in words; NULL = all */
	/* filled by audit */
	enum level verdict;
	unsigned int warned, noted; /* findings not suppressed: warnings and errors; notes */
	unsigned int leaks, suppressed;
	const char **unused_suppressions; /* "leaks.supp:3 unused", one a line of the file */
	size_t unused_suppression_cnt;
	int exit_code; /* 0 clean, 1 findings */
	struct finding *findings;
	size_t finding_cnt;
	struct snapshot_pool *pool; /* owns every string and array above */
};

/* An empty snapshot; NULL with errno set. Free with snapshot__free(). */
struct snapshot *snapshot__new(void);
/* Frees the snapshot with all its strings and arrays. Accepts NULL. */
void snapshot__free(struct snapshot *snap);
/* Pins that CMD's tree took, by the balance of its sites. */
uint64_t snapshot__taken_by_cmd(const struct snapshot *snap);

/*
 * Memory that lives as long as the snapshot: zeroed bytes, a copy of a string
 * (NULL for NULL), a printed string. These never fail: out of memory ends the
 * program with one line (there is nothing sensible left to report then).
 */
void *snapshot__alloc(struct snapshot *snap, size_t bytes);
const char *snapshot__str(struct snapshot *snap, const char *str);
const char *snapshot__printf(struct snapshot *snap, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Room for one more element at the end of *array (of *cnt elements of size bytes), zeroed; counts it. */
void *snapshot__append(struct snapshot *snap, void *array, size_t *cnt, size_t size);

/* First frame past the API function that is no generic helper, NULL = unknown; stack may be -1. */
const struct frame *pin_site__caller(const struct snapshot *snap, int stack);
bool pin_site__is_helper(const char *function);

/* Names, for every form alike. Never NULL. */
const char *basis_name(enum basis basis);      /* "recorded" */
const char *state_name(enum state state);      /* "handed-over" */
const char *rule_name(enum rule rule);	       /* "handed-over" */
const char *level_name(enum level level);      /* "warning" */
const char *mem_kind_name(enum mem_kind kind); /* "anon" */
const char *api_name(enum gup_api_id api);     /* "pin_user_pages_fast" */
const char *wrong_kind_name(enum wrong_kind kind);
/* Names of set PIN_* flags without FOLL_, "WRITE", one by one: bit from 0; NULL past the last bit. */
const char *pin_flag_name(unsigned int bit);

#endif
