/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tracker's test of itself at start: pins known, odd numbers of this
 * process's own pages by each cheap path, and compares what the hooks saw, what
 * the ledger holds and what struct page says, held and released. This is what
 * makes an unknown kernel safe to track on.
 */
#ifndef GUP_SELFTEST_H
#define GUP_SELFTEST_H

#include <stddef.h>

#include "tracker.h"

struct selftest_result {
	char verified[128];   /* paths that agreed: "process_vm_readv, io_uring" */
	char unverified[128]; /* paths that this kernel or limit does not offer; empty = none */
	char failure[512];    /* what disagreed, and which function was silent; empty = none */
	uint64_t vmemmap;     /* opaque address of the struct page of pfn 0, 0 = not found */
};

/* After tracker__attach(). 0; -EBADE: a path disagreed, failure says how; else -errno. */
int tracker__selftest(struct tracker *tracker, struct selftest_result *result);

#endif
