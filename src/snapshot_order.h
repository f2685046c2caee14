/* SPDX-License-Identifier: GPL-2.0-only */
/* The order of a snapshot's groups and pages, for those who make snapshots. */
#ifndef GUP_SNAPSHOT_ORDER_H
#define GUP_SNAPSHOT_ORDER_H

#include "snapshot.h"

/* Sorts groups, largest first. Returns where each is now, by where it was; the caller frees it. */
int *snapshot__sort_groups(struct snapshot *snap);

/* Sorts pages by page frame number. */
void snapshot__sort_pages(struct snapshot *snap);

#endif
