/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What has to be noted while a process lives: its maps, and the user stacks of
 * its long-term pin calls, unwound without frame pointers. Fed by the tracker's
 * records; asked when a snapshot is made.
 */
#ifndef GUP_NOTES_H
#define GUP_NOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gup_abi.h"
#include "resolve.h"

struct notes;

struct notes *notes__new(void);
void notes__free(struct notes *notes);

/* A tracker_record_fn; ctx is the notes. Reads maps at once, leaves stacks for notes__unwind(). */
void notes__take(void *ctx, const struct gup_rec *rec);
/* Unwinds the stacks taken since: call it when no record is left to take. */
void notes__unwind(struct notes *notes);

/* No room for another process or stack. */
bool notes__full(const struct notes *notes);
/* Forgets what belongs to none of these owners, which it sorts. */
void notes__forget_others(struct notes *notes, struct gup_owner *owners, size_t cnt);

/* Maps of a process, noted then or read now; NULL if neither worked. Owned by notes. */
const struct proc_maps *notes__maps(struct notes *notes, uint32_t tgid, uint64_t start_boottime);

/*
 * The unwound stack of an owner's first long-term call: how many addresses, 0 =
 * none was copied. *why is NULL when it is complete. Owned by notes.
 */
size_t notes__stack(const struct notes *notes, const struct gup_owner *owner, const uint64_t **ips,
		    const char **why);

#endif
