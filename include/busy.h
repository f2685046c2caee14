/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Listens for page frames that the kernel wanted for itself and did not get: a
 * contiguous allocation (CMA, gigantic pages), or memory that is to go offline.
 */
#ifndef GUP_BUSY_H
#define GUP_BUSY_H

#include <stdint.h>

struct busy;

/* NULL with errno: no tracepoint of these is here, or no privilege. */
struct busy *busy__open(void);
void busy__close(struct busy *busy);
/* Readable when there is news. */
int busy__fd(const struct busy *busy);

/* By: "page_isolation:test_pages_isolated", "cma:cma_alloc_busy_retry". end is not in the range. */
typedef void (*busy_fn)(void *ctx, uint64_t start_pfn, uint64_t end_pfn, const char *by);
/* Hands out all news. 0 or -errno. */
int busy__take(struct busy *busy, busy_fn fn, void *ctx);

#endif
