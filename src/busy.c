// SPDX-License-Identifier: GPL-2.0-only
/* Loads bpf/busy.bpf.c. See busy.h. */
#include "busy.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "busy.skel.h"
#include "gup_abi.h"
#include "kernel.h"

struct busy {
	struct busy_bpf *skel;
	struct ring_buffer *ring;
	busy_fn fn;
	void *ctx;
};

static const char *const names[] = {
	[GUP_BUSY_ISOLATED] = "page_isolation:test_pages_isolated",
	[GUP_BUSY_CMA] = "cma:cma_alloc_busy_retry",
};

static int on_range(void *ctx, void *data, size_t size)
{
	const struct gup_busy *range = data;
	struct busy *busy = ctx;

	if (size >= sizeof(*range) && busy->fn)
		busy->fn(busy->ctx, range->start, range->end, names[range->by]);
	return 0;
}

/* Either will do: kernels without CMA have no tracepoint of it. */
static int attach(struct busy_bpf *skel)
{
	skel->links.raw_tp__test_pages_isolated =
		bpf_program__attach(skel->progs.raw_tp__test_pages_isolated);
	skel->links.raw_tp__cma_alloc_busy_retry =
		bpf_program__attach(skel->progs.raw_tp__cma_alloc_busy_retry);
	return skel->links.raw_tp__test_pages_isolated || skel->links.raw_tp__cma_alloc_busy_retry
		       ? 0
		       : -errno;
}

struct busy *busy__open(void)
{
	struct busy *busy = calloc(1, sizeof(*busy));
	int err = -ENOMEM;

	if (busy) {
		kernel_reader__log(false);
		busy->skel = busy_bpf__open_and_load();
		err = busy->skel ? attach(busy->skel) : -errno;
	}
	if (!err) {
		busy->ring = ring_buffer__new(bpf_map__fd(busy->skel->maps.ranges), on_range, busy,
					      NULL);
		err = busy->ring ? 0 : -errno;
	}
	if (!err)
		return busy;
	busy__close(busy);
	errno = -err;
	return NULL;
}

void busy__close(struct busy *busy)
{
	if (!busy)
		return;
	ring_buffer__free(busy->ring);
	busy_bpf__destroy(busy->skel);
	free(busy);
}

int busy__fd(const struct busy *busy)
{
	return ring_buffer__epoll_fd(busy->ring);
}

int busy__take(struct busy *busy, busy_fn fn, void *ctx)
{
	int ret;

	busy->fn = fn;
	busy->ctx = ctx;
	ret = ring_buffer__consume(busy->ring);
	return ret < 0 ? ret : 0;
}
