/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tracker of this process's own, with all that a snapshot needs besides:
 * opened, tested and ready. Life: open, (poll, take)..., close.
 */
#ifndef GUP_OWN_TRACKER_H
#define GUP_OWN_TRACKER_H

#include <stdint.h>

#include "snapshot.h"

struct own_tracker;

/*
 * Opens, attaches and tests. NULL after one line on stderr that says what to
 * do; *status is the exit status then: 3 cannot run here, 4 failed. tool: name
 * in the snapshots, kept.
 */
struct own_tracker *own_tracker__open(const char *tool, int *status);
void own_tracker__close(struct own_tracker *own);

/* Serves the tracker for up to timeout_ms. 0 or -errno. */
int own_tracker__poll(struct own_tracker *own, int timeout_ms);

/*
 * An audited snapshot whose findings hold: what is found is looked at a second
 * time, as pins are read before the holders of their files. NULL after one
 * line on stderr.
 */
struct snapshot *own_tracker__take(struct own_tracker *own);

#endif
