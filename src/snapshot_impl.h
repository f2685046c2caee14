/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the snapshot*.c files only: what is known while a snapshot is being made. */
#ifndef GUP_SNAPSHOT_IMPL_H
#define GUP_SNAPSHOT_IMPL_H

#include "records.h"
#include "take.h"
#include "zones.h"

struct owner_note {
	int group;     /* -1 = none yet */
	bool selected; /* by the options */
	bool self;     /* this tool's own */
	bool lent;     /* plan call: its stack is that of other calls of its kind */
};

struct take {
	struct tracker *tracker;
	const struct take_options *opts;
	struct snapshot *snap;
	struct gup_owner *owners;
	size_t owner_cnt;
	struct owner_note *notes; /* of each owner */
	int *by_id;		  /* owner id -> index in owners, -1 = none */
	size_t id_cnt;
	struct proc_item *procs;
	size_t proc_cnt;
	struct zones zones;
	uint64_t vmemmap;	  /* address of the struct page of pfn 0; 0 = unknown */
	const char *unknown_site; /* where pins without an owner were released */
	bool unknown_sites_differ;
	int *kstack_index; /* kernel stack id -> index in snap->stacks + 1 */
};

/* Index in snap->processes of a process, added if new. */
int take__process(struct take *take, uint32_t tgid, uint64_t start_boottime);
/* The same for a process of which only the id is known, living now; -1 = gone. */
int take__living(struct take *take, uint32_t tgid);
/* Index in snap->stacks, -1 = none. */
int take__kernel_stack(struct take *take, const struct gup_owner *owner);
int take__user_stack(struct take *take, const struct gup_owner *owner);
/* Display name of a kernel address' function, NULL = unknown; skips nothing. */
const char *take__kernel_function(struct take *take, uint64_t ip, const char **module);
/* Is the address in a BPF program or trampoline: a frame of our own? */
bool take__is_bpf(struct take *take, uint64_t ip);

/* A pinned folio, as groups want it. */
struct folio_facts {
	uint64_t address; /* opaque: its struct page */
	enum mem_kind kind;
	uint8_t order;
	int refcount, mapcount;
	const char *file; /* name, NULL = none */
	uint64_t offset;  /* in that file, bytes */
};

/* Books one folio with pins: to the groups of the owners that claim them, the rest as unattributed. */
void take__folio(struct take *take, const struct folio_facts *folio, const struct claim *claims,
		 size_t cnt, uint64_t pins);

/* Groups and totals from the ledger. 0 or -errno. */
int take__groups(struct take *take);
/* Plan call: the same from the last scan. */
void take__call_groups(struct take *take);
/* Plan call: adds up the pins of the owners that the options choose. */
void take__call_held(struct take *take, uint64_t *pins);
/* Who holds the open files of the groups now. */
void take__holders(struct take *take);
/* References that a small page's pins and mappings should have and it has not; 0 = none. */
uint64_t missing_references(const struct ledger_item *item);
/* Adds to the wrong releases of the snapshot. */
void take__wrong(struct take *take, enum wrong_kind kind, uint64_t pins, const char *function,
		 int process);
/* Judges releases that matched no pin, unpinned of them nor one in struct page; only_site may be NULL. */
void take__unknown_releases(struct take *take, uint64_t unmatched, uint64_t unpinned,
			    const struct flow *base, uint64_t lost, const char *only_site);

/* Balance per pin site, release sites, FOLL_GET callers. 0 or -errno. */
int take__sites(struct take *take);
/* What the snapshot's checks say of the tracking. 0 or -errno. */
int take__checks(struct take *take);

#endif
