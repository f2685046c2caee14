// SPDX-License-Identifier: GPL-2.0-only
/* Takes owners and processes that are gone out of the tracker's maps, see gone.h. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "tracker_impl.h"
#include "util.h"

static int by_id(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Kernel stacks are as many as there are ways through the kernel; user stacks are new in each process. */
static void forget_stack(const struct tracker *tracker, int id)
{
	const struct bpf_map *map = id & GUP_STACK_MORE ? tracker->skel->maps.ustacks_more
							: tracker->skel->maps.ustacks;
	int key = id & ~GUP_STACK_MORE;

	bpf_map_delete_elem(bpf_map__fd(map), &key);
}

static int forget_owner(const struct tracker *tracker, const struct gup_owner *owner)
{
	const struct gup_owner none = {};
	uint32_t id = owner->id;
	int err = bpf_map_delete_elem(bpf_map__fd(tracker->skel->maps.owner_ids), &owner->key);

	if (!err)
		err = bpf_map_update_elem(bpf_map__fd(tracker->skel->maps.owners), &id, &none,
					  BPF_ANY);
	return err ? err
		   : bpf_map_update_elem(bpf_map__fd(tracker->skel->maps.free_owners), NULL, &id,
					 BPF_ANY);
}

int tracker__forget_owners(struct tracker *tracker, const struct gup_owner *owners, size_t gone,
			   size_t cnt)
{
	cleanup_free int *kept = malloc((cnt - gone + 1) * sizeof(*kept));
	int err = 0;

	if (!kept)
		return -ENOMEM;
	for (size_t i = gone; i < cnt; i++)
		kept[i - gone] = owners[i].key.ustack;
	qsort(kept, cnt - gone, sizeof(*kept), by_id);
	for (size_t i = 0; i < gone && !err; i++) {
		const int *ustack = &owners[i].key.ustack;

		err = forget_owner(tracker, &owners[i]);
		if (*ustack >= 0 && !bsearch(ustack, kept, cnt - gone, sizeof(*kept), by_id))
			forget_stack(tracker, *ustack);
	}
	return err;
}

void tracker__forget_proc(struct tracker *tracker, const struct gup_proc_key *key)
{
	bpf_map_delete_elem(bpf_map__fd(tracker->skel->maps.procs), key);
}
