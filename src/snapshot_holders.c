// SPDX-License-Identifier: GPL-2.0-only
/* Who has the open files of a snapshot's groups now. */
#include <errno.h>
#include <stdlib.h>

#include "holders.h"
#include "snapshot_impl.h"
#include "util.h"

static const struct gup_owner *owner_with(const struct take *take, uint64_t id)
{
	return id < take->id_cnt && take->by_id[id] >= 0 ? &take->owners[take->by_id[id]] : NULL;
}

static void add_holders(struct take *take, struct group *group, const struct gup_file *file,
			const struct gup_holder *found, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		struct holder *holder;
		int proc;

		if (found[i].file != file->file)
			continue;
		proc = take__living(take, found[i].tgid);
		if (proc < 0)
			continue;
		holder = snapshot__append(take->snap, &group->held_by, &group->held_by_cnt,
					  sizeof(*holder));
		holder->process = proc;
		holder->fd = found[i].fd;
		holder->basis = BASIS_SAME_OPEN_FILE;
	}
}

void take__holders(struct take *take)
{
	struct snapshot *snap = take->snap;
	cleanup_free struct gup_file *files = calloc(snap->group_cnt + 1, sizeof(*files));
	cleanup_free struct gup_holder *found = NULL;
	size_t file_cnt = 0, cnt = 0;
	int err;

	for (size_t i = 0; i < snap->group_cnt && files; i++) {
		const struct gup_owner *owner = owner_with(take, snap->groups[i].owner_id);

		if (owner && owner->file.file)
			files[file_cnt++] = owner->file;
	}
	err = files ? holders__find(files, file_cnt, &found, &cnt) : -ENOMEM;
	for (size_t i = 0; i < snap->group_cnt; i++) {
		const struct gup_owner *owner = owner_with(take, snap->groups[i].owner_id);

		snap->groups[i].holders_complete = !err;
		if (owner && owner->file.file)
			add_holders(take, &snap->groups[i], &owner->file, found, cnt);
	}
}
