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

#include "calls.h"
#include "tracker.h"

struct selftest_result {
	char verified[128];   /* paths that agreed: "process_vm_readv, io_uring" */
	char unverified[128]; /* paths that this kernel or limit does not offer; empty = none */
	char failure[512];    /* what disagreed, and which function was silent; empty = none */
	uint64_t vmemmap;     /* opaque address of the struct page of pfn 0, 0 = not found */
};

/*
 * The same for plan call: each path must leave a record of its call, and what it
 * holds must be found by the scan and known as this process's.
 */
int calls__selftest(struct calls *calls, struct tracker *tracker, struct selftest_result *result);

/* After tracker__attach(). 0; -EBADE: a path disagreed, failure says how; else -errno. */
int tracker__selftest(struct tracker *tracker, struct selftest_result *result);

#endif
