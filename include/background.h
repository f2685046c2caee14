/* SPDX-License-Identifier: GPL-2.0-only */
/* Work that must stand in nobody's way: done in a thread of its own, which ends with it. */
#ifndef GUP_BACKGROUND_H
#define GUP_BACKGROUND_H

/*
 * Runs fn at a low priority (nice 10) and outside the isolated CPUs (those of
 * isolcpus= and of isolated partitions), and waits for it. What fn returns, or -errno.
 */
int background_run(int (*fn)(void *ctx), void *ctx);

#endif
