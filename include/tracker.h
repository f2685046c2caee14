/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracker: loads and attaches the tracking programs, reads their maps.
 * Life: open, attach, (poll, read)..., close. Nothing outlives the process (the
 * kernel detaches everything when its descriptors close, also on SIGKILL) but
 * what tracker__pin() has pinned.
 */
#ifndef GUP_TRACKER_H
#define GUP_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gup_abi.h"
#include "hooks.h"
#include "kernel.h"

#define TRACKER_OWNERS_END 16385 /* owners' ids are from 1 to one less; as bpf/owner.bpf.h has it */

struct ksyms;

struct tracker_options {
	enum hook_plan plan;
	uint64_t max_records; /* plan call: live calls; 0 = 262,144 */
	uint32_t stack_every; /* plan call: stacks of one in so many short small calls; 0 = 8 */
	uint64_t max_folios;  /* ledger entries; 0 = an eighth of RAM's pages, at least 65,536 */
	const char *pin_dir;  /* folder of bpffs where tracking outlives the process; NULL = none */
	uint64_t kept_layout; /* differs where what tracker__pin() is given does */
	bool clean_sites; /* plan core: sites of pins for writing, released on clean file pages */
	const char *skip_func; /* leave this function's hook out: how tests break it */
};

struct tracker_gap {
	const char *func;
	int err; /* -errno of attaching; 0 = left out on purpose */
};

struct tracker;

/*
 * Chooses hooks for this kernel and loads the programs. NULL with errno after
 * one line on stderr: EPERM no privilege or tracing refused, ENOENT the kernel
 * lacks a function that must be hooked, ENOMEM map memory refused.
 */
struct tracker *tracker__open(const struct kernel_facts *facts, struct kernel_reader *reader,
			      const struct ksyms *ksyms, const struct tracker_options *opts);
void tracker__close(struct tracker *tracker);

/* Attaches. 0, or -errno after one line on stderr when a MUST hook refuses. */
int tracker__attach(struct tracker *tracker);

/*
 * With opts.pin_dir: did open find tracking that a process before has pinned,
 * and go on with it? Then attach only opens its links.
 */
bool tracker__adopted(const struct tracker *tracker);
/* What that process gave to tracker__pin(). 0, -EBADMSG: other bytes, or -errno. */
int tracker__kept(const struct tracker *tracker, void *kept, size_t bytes);
/*
 * Pins all that was attached in opts.pin_dir, in one step, in place of what was
 * there; kept (at most 1536 bytes) is for the next process. 0 or -errno.
 */
int tracker__pin(struct tracker *tracker, const void *kept, size_t bytes);
/*
 * Keeps more beside what is pinned, of any size, in place of what was kept so
 * before. 0 or -errno.
 */
int tracker__keep(struct tracker *tracker, const void *bytes, size_t cnt);
/* What the process before kept so: *bytes is malloc'ed, the caller frees. 0, -ENOENT: nothing, or -errno. */
int tracker__kept_before(const struct tracker *tracker, void **bytes, size_t *cnt);
/*
 * Plan core, to be called between attach and pin: books what others, whose code differs, have
 * left in opts.pin_dir, as far as their maps have the same form. Owners keep process,
 * function, flags, file and since when, but no stack; one line on stderr says how many.
 * 0, also if there is nothing to book, or -errno.
 */
int tracker__import(struct tracker *tracker);
/*
 * The same by plan call: what others have recorded before our hooks were there, and
 * what they kept, both with owners of theirs: ids[theirs] is ours, 0 = unknown. All
 * is malloc'ed, see tracker__left_free(). 0, also if there is nothing, or -errno.
 */
struct left_calls {
	struct gup_spill *records;
	size_t cnt;
	void *kept; /* NULL = none that can be read */
	size_t kept_bytes;
	uint32_t *ids;
	size_t id_cnt;
};
int tracker__import_calls(struct tracker *tracker, struct left_calls *left);
void tracker__left_free(struct left_calls *left);
/* Ends pinned tracking, whole or half. 0, also if there is none, or -errno. */
int tracker_pins__detach(const char *dir);

/* The process whose tree is watched as CMD's; 0 = none any more. */
void tracker__set_root(struct tracker *tracker, uint32_t tgid);

enum hook_plan tracker__plan(const struct tracker *tracker);
const struct kernel_facts *tracker__facts(const struct tracker *tracker);
const struct hook_choice *tracker__hooks(const struct tracker *tracker);
/* Hooks wanted, attached, and those that are not, with why. */
void tracker__coverage(const struct tracker *tracker, unsigned int *attached, unsigned int *wanted,
		       const struct tracker_gap **gaps, size_t *gap_cnt);
/* Does this function hold its own inlined copy of the counting code? */
bool tracker__is_inlined(const struct tracker *tracker, const char *func);

/* Sums over CPUs. 0 or -errno. */
int tracker__stats(const struct tracker *tracker, uint64_t cnt[GUP_STAT_CNT]);
/*
 * Runs skipped because a program was interrupted by itself, over all that book pins and releases;
 * of two copies the first's, of which GUP_STAT_REGAINED were booked by the second.
 */
void tracker__misses(const struct tracker *tracker, uint64_t *acquires, uint64_t *releases);
/* With or without stacks of the owners that are made from now on; at first with. */
void tracker__set_stacks(struct tracker *tracker, bool stacks);
/* While the descriptor that it gives is open, the kernel measures all programs. -errno. */
int tracker__measure(void);
/* Time that the attached programs ran while they were measured, over all CPUs. */
uint64_t tracker__run_ns(const struct tracker *tracker);
/* Bytes of BPF maps and programs. */
uint64_t tracker__bytes(const struct tracker *tracker);
/* How often each program of a chosen hook has run, while BPF statistics are on; 0 = unknown. */
uint64_t tracker__runs(const struct tracker *tracker, const struct hook *hook);

struct ledger_item {
	uint64_t folio;
	struct gup_entry entry;
	struct gup_truth truth;
	bool has_more;
	struct gup_more more;
};

/*
 * Copies of whole maps; *items is malloc'ed, the caller frees. 0 or -errno.
 * tracker__ledger() gives entries with pins only, and their struct pages.
 */
int tracker__ledger(const struct tracker *tracker, struct ledger_item **items, size_t *cnt);
int tracker__owners(const struct tracker *tracker, struct gup_owner **owners, size_t *cnt);
/* How many those are, at less cost. */
size_t tracker__owner_cnt(const struct tracker *tracker);

/*
 * Plan call. Records as they are now: *items is malloc'ed, key and record of
 * each; and those whose key was taken since they were last asked for. 0 or -errno.
 */
int tracker__records(const struct tracker *tracker, struct gup_spill **items, size_t *cnt);
int tracker__spills(const struct tracker *tracker, struct gup_spill **items, size_t *cnt);
/* A scan begins (monotonic ns): records made before are not lengthened any more. */
void tracker__scan_begins(struct tracker *tracker, uint64_t ns);
/* Takes a record out of the map, as it was at that moment. 0, or -ENOENT: it was not there. */
int tracker__take_record(const struct tracker *tracker, const struct gup_record_key *key,
			 struct gup_record *record);

struct proc_item {
	struct gup_proc_key key;
	struct gup_proc proc;
};
int tracker__procs(const struct tracker *tracker, struct proc_item **procs, size_t *cnt);

/*
 * Frees the owners owners[0..gone), whose processes must have exited, their ids for
 * others, and the user stacks that none of the other owners[gone..cnt) has. A call
 * that finds such a stack in this very moment is left without it. 0 or -errno.
 */
int tracker__forget_owners(struct tracker *tracker, const struct gup_owner *owners, size_t gone,
			   size_t cnt);
/*
 * Takes owners of processes that live, idle ones, from where calls find them; their
 * ids are freed by tracker__free_retired() of a later scan. 0 or -errno.
 */
int tracker__retire_owners(struct tracker *tracker, const struct gup_owner *owners, size_t cnt);
/*
 * Frees the ids of owners that were retired 10 s ago or longer. used, by id: one that
 * records name is put back. owners: all that are not retired. 0 or -errno.
 */
int tracker__free_retired(struct tracker *tracker, const struct gup_owner *owners, size_t cnt,
			  const bool used[TRACKER_OWNERS_END]);
void tracker__forget_proc(struct tracker *tracker, const struct gup_proc_key *key);

struct site_item {
	struct gup_site_key key;
	struct gup_site_cnt cnt;
};
/* Release sites and FOLL_GET sites, pending counts of running threads included. */
int tracker__sites(const struct tracker *tracker, struct site_item **sites, size_t *cnt);

struct err_item {
	struct gup_err_key key;
	uint64_t cnt;
};
int tracker__errs(const struct tracker *tracker, struct err_item **errs, size_t *cnt);

/* Reads the struct pages of cnt folios (folio set in each). 0 or -errno. */
int tracker__truth(const struct tracker *tracker, struct gup_truth *truth, size_t cnt);
/* Reads one entry again. -ENOENT: gone. */
int tracker__entry(const struct tracker *tracker, uint64_t folio, struct gup_entry *entry);
/* Frames of a stack, innermost first; how many, 0 = none. */
size_t tracker__stack(const struct tracker *tracker, bool user, int id,
		      uint64_t ips[GUP_STACK_DEPTH]);

/* Which process tested this tracker: its owners are no part of anything that is reported. */
void tracker__set_tester(struct tracker *tracker, uint32_t tgid);

/* Called with each record of the ring buffer. */
typedef void (*tracker_record_fn)(void *ctx, const struct gup_rec *rec);
void tracker__on_record(struct tracker *tracker, tracker_record_fn fn, void *ctx);
/* Takes records, and makes room in the ledger and among owners. Waits up to timeout_ms. 0 or -errno. */
int tracker__poll(struct tracker *tracker, int timeout_ms);
/* A descriptor that is readable when there are records. */
int tracker__poll_fd(const struct tracker *tracker);

#endif
