// SPDX-License-Identifier: GPL-2.0-only
/* See fuse.h. */
#include "fuse.h"

#include <assert.h>

#include "util.h"

#define MILLION 1000000

static const char *const names[] = {
	[FUSE_WHOLE] = "all of it",
	[FUSE_NO_STACKS] = "no stacks",
	[FUSE_SCAN] = "scan only",
};
static_assert(ARRAY_SIZE(names) == FUSE_CNT, "each level has a name");

const char *fuse_level_name(enum fuse_level level)
{
	return names[level];
}

bool fuse__look(struct fuse *fuse, uint64_t now_ns, uint64_t cpu_ns, uint64_t bytes)
{
	uint64_t passed = now_ns - fuse->window_ns;
	bool too_much;

	if (!fuse->window_ns) {
		fuse->window_ns = fuse->stepped_ns = now_ns;
		fuse->window_cpu_ns = cpu_ns;
		return false;
	}
	if (passed < FUSE_WINDOW_NS)
		return false;
	fuse->cpu_ppm = (cpu_ns - fuse->window_cpu_ns) / (passed * fuse->cpus / MILLION);
	fuse->bytes = bytes;
	fuse->window_ns = now_ns;
	fuse->window_cpu_ns = cpu_ns;
	too_much = fuse->cpu_ppm > fuse->max_cpu_ppm || bytes > fuse->max_bytes;
	if (too_much && fuse->level < FUSE_SCAN)
		fuse->level++;
	else if (!too_much && fuse->level > fuse->least && now_ns - fuse->stepped_ns >= FUSE_UP_NS)
		fuse->level--;
	else
		return false;
	fuse->stepped_ns = now_ns;
	return true;
}
