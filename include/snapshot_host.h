/* SPDX-License-Identifier: GPL-2.0-only */
/* What every snapshot says of where and when it was taken. */
#ifndef GUP_SNAPSHOT_HOST_H
#define GUP_SNAPSHOT_HOST_H

#include "snapshot.h"

/* Fills in host, kernel, page size, RAM; what cannot be read stays unknown. */
void snapshot__fill_host(struct snapshot *snap);
/* The time now is when the snapshot was taken. */
void snapshot__stamp(struct snapshot *snap);

#endif
