// SPDX-License-Identifier: GPL-2.0-only
/* Who may be forgotten: see gone.h. */
#include "gone.h"

#include <stdlib.h>

static int by_proc(const void *a, const void *b)
{
	const struct gup_proc_key *x = a, *y = b;

	if (x->tgid != y->tgid)
		return x->tgid < y->tgid ? -1 : 1;
	return (x->start_boottime > y->start_boottime) - (x->start_boottime < y->start_boottime);
}

static bool had_exited(const struct proc_item *item, uint64_t before_ns)
{
	return item && item->proc.exit_ns && item->proc.exit_ns < before_ns;
}

size_t gone__owners(struct gup_owner *owners, size_t cnt, struct proc_item *procs, size_t proc_cnt,
		    const bool *used, size_t used_cnt, uint64_t before_ns)
{
	size_t gone = 0;

	/* A process' key comes first in its item. */
	qsort(procs, proc_cnt, sizeof(*procs), by_proc);
	for (size_t i = 0; i < cnt; i++) {
		struct gup_owner owner = owners[i];
		struct gup_proc_key key = { owner.key.tgid, 0, owner.key.start_boottime };
		const struct proc_item *item =
			bsearch(&key, procs, proc_cnt, sizeof(*procs), by_proc);

		if (!had_exited(item, before_ns) || owner.id >= used_cnt || used[owner.id])
			continue;
		owners[i] = owners[gone];
		owners[gone++] = owner;
	}
	return gone;
}

static bool is_idle(const struct gup_owner *owner, uint64_t before_ns)
{
	return owner->first_ns < before_ns && owner->last_ns < before_ns;
}

size_t gone__idle(struct gup_owner *owners, size_t cnt, const bool *used, size_t used_cnt,
		  uint64_t before_ns)
{
	size_t idle = 0;

	for (size_t i = 0; i < cnt; i++) {
		struct gup_owner owner = owners[i];

		if (!is_idle(&owner, before_ns) || owner.id >= used_cnt || used[owner.id])
			continue;
		owners[i] = owners[idle];
		owners[idle++] = owner;
	}
	return idle;
}

static int by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* All that an owner or a child refers to, by number: where two processes had the same, both stay. */
static uint32_t *referred(const struct proc_item *procs, size_t cnt, const struct gup_owner *owners,
			  size_t owner_cnt, size_t *number_cnt)
{
	uint32_t *numbers = malloc((cnt + 2 * owner_cnt + 1) * sizeof(*numbers));

	*number_cnt = 0;
	if (!numbers)
		return NULL;
	for (size_t i = 0; i < cnt; i++)
		numbers[(*number_cnt)++] = procs[i].proc.ptgid;
	for (size_t i = 0; i < owner_cnt; i++) {
		numbers[(*number_cnt)++] = owners[i].key.tgid;
		numbers[(*number_cnt)++] = owners[i].mm_tgid;
	}
	qsort(numbers, *number_cnt, sizeof(*numbers), by_number);
	return numbers;
}

size_t gone__procs(struct proc_item *procs, size_t cnt, const struct gup_owner *owners,
		   size_t owner_cnt, uint64_t before_ns)
{
	size_t gone = 0, number_cnt;
	uint32_t *numbers = referred(procs, cnt, owners, owner_cnt, &number_cnt);

	for (size_t i = 0; numbers && i < cnt; i++) {
		struct proc_item item = procs[i];

		if (!had_exited(&item, before_ns) ||
		    bsearch(&item.key.tgid, numbers, number_cnt, sizeof(*numbers), by_number))
			continue;
		procs[i] = procs[gone];
		procs[gone++] = item;
	}
	free(numbers);
	return gone;
}
