/* SPDX-License-Identifier: GPL-2.0-only */
/* Where file systems are mounted: from a path below a file system's root to one that can be opened. */
#ifndef GUP_MOUNTS_H
#define GUP_MOUNTS_H

#include <stdint.h>
#include <stdio.h>

struct mounts;

/* Of a file in the form of /proc/self/mountinfo. NULL with errno. */
struct mounts *mounts__read(FILE *mountinfo);
void mounts__free(struct mounts *mounts);

/*
 * Malloced: the path as this process would open it, for a path below the root
 * of the file system on dev (major << 20 | minor); the path as it is where no
 * mount shows it. NULL if out of memory, or path is empty.
 */
char *mounts__path(const struct mounts *mounts, uint64_t dev, const char *path);

#endif
