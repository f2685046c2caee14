/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by tracker.c and tracker_maps.c only. */
#ifndef GUP_TRACKER_IMPL_H
#define GUP_TRACKER_IMPL_H

#include "tracker.h"

#include "track.skel.h" /* needs gup_abi.h first */

#define ENOTSUPP_KERNEL 524 /* the kernel's own errno for "no trampoline for this function" */
#define LINKS_MAX (HOOK_PROGS * HOOKS_MAX + 2)

struct tracker {
	const struct kernel_facts *facts;
	struct tracker_options opts;
	struct hook_choice choice;
	struct track_bpf *skel;
	struct ring_buffer *ring;
	struct bpf_link *links[LINKS_MAX];
	const char *link_names[LINKS_MAX]; /* their programs */
	bool adopted;			   /* maps and links are those of a process before */
	bool left;	/* others have left tracking whose maps can be read, but not gone on with */
	bool left_kept; /* and what they kept beside, too */
	uint64_t attach_ns; /* monotonic */
	size_t link_cnt;
	struct tracker_gap gaps[HOOKS_MAX];
	size_t gap_cnt;
	unsigned int attached, wanted;
	tracker_record_fn record_fn;
	void *record_ctx;
	uint64_t kept_bytes; /* in the map that tracker__keep() has made */
	uint64_t reaped;     /* ledger entries deleted so far */
	uint64_t sites_lost; /* at a fold; more of GUP_STAT_SITES_LOST */
	uint32_t tested_by;  /* process of the self-test */
	uint64_t folded_ns;  /* monotonic: when tracker__fold() looked last */
	struct retired {
		uint32_t id;
		uint64_t ns; /* monotonic: since when */
	} * retired;
	size_t retired_cnt;
};

/*
 * Takes over the maps pinned in opts.pin_dir before they are made anew, if there
 * are any that this code can read. 0, or -errno after one line on stderr.
 */
int tracker__adopt(struct tracker *tracker);
/* The link pinned for a program; NULL with errno. */
struct bpf_link *tracker__pinned_link(const struct tracker *tracker, const char *prog);
/* A map of the tracking pinned in opts.pin_dir; -errno. */
int tracker__pinned_map(const struct tracker *tracker, const char *name);
/* Owners that a process before has retired. 0 or -errno. */
int tracker__find_retired(struct tracker *tracker);
/* Takes the number of ledger entries from the map. 0 or -errno. */
int tracker__recount(struct tracker *tracker);
/* Deletes ledger entries at zero when the map is more than half full. 0 or -errno. */
int tracker__reap(struct tracker *tracker);
/* Plan core: makes room when a quarter of the owners is in use, every other second at most. 0 or -errno. */
int tracker__fold(struct tracker *tracker);
/* Marks those, by id, of whom a thread has counted releases that are in no site yet. 0 or -errno. */
int tracker__mark_releasing(const struct tracker *tracker, bool used[TRACKER_OWNERS_END]);

#endif
