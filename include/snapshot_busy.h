/* SPDX-License-Identifier: GPL-2.0-only */
/* Busy page frames in a snapshot: see struct busy_range. Plain data, no look of its own. */
#ifndef GUP_SNAPSHOT_BUSY_H
#define GUP_SNAPSHOT_BUSY_H

#include "snapshot.h"

/*
 * Adds to range, whose memory is snap's, who pins its page frames by what the look
 * lists in pages. Folios that before lists, too (NULL = none), are left out.
 */
void snapshot__busy_holders(struct snapshot *snap, struct busy_range *range,
			    const struct snapshot *look, const struct snapshot *before);
/* A deep copy at the end of snap's busy ranges. */
struct busy_range *snapshot__add_busy(struct snapshot *snap, const struct busy_range *range);

#endif
