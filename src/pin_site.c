// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which function of a kernel stack stands for a pin site: the caller of the
 * API, past the generic helpers between the two. Plain data in, plain data out.
 */
#include <string.h>

#include "snapshot.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Functions on the way from a driver or file system to the GUP API that name nobody. */
static const char *const helpers[] = {
	"iov_iter_extract_pages",
	"iov_iter_extract_user_pages",
	"iov_iter_get_pages2",
	"iov_iter_get_pages_alloc2",
	"__iov_iter_get_pages_alloc",
	"iov_iter_extract_bvecs",
	"io_pin_pages",
	"__bio_release_pages",
	"bio_release_pages",
};

bool pin_site__is_helper(const char *function)
{
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		if (!strcmp(helpers[i], function))
			return true;
	return false;
}

const struct frame *pin_site__caller(const struct snapshot *snap, int stack)
{
	if (stack < 0)
		return NULL;
	for (size_t i = 1; i < snap->stacks[stack].frame_cnt; i++) {
		const struct frame *frame = &snap->stacks[stack].frames[i];

		if (frame->function && !pin_site__is_helper(frame->function))
			return frame;
	}
	return NULL;
}
