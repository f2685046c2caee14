// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs the task_file iterator of bpf/holders.bpf.c over all tasks. One entry
 * per thread group and descriptor: threads share their table.
 */
#include "holders.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "holders.skel.h"
#include "util.h"

static int ask_for(struct holders_bpf *skel, const struct gup_file *files, size_t file_cnt)
{
	int fd = bpf_map__fd(skel->maps.wanted_files);

	for (size_t i = 0; i < file_cnt; i++)
		if (bpf_map_update_elem(fd, &files[i].file, &files[i].priv, BPF_ANY))
			return -errno;
	return 0;
}

static bool is_known(const struct gup_holder *holders, size_t cnt, const struct gup_holder *found)
{
	for (size_t i = 0; i < cnt; i++)
		if (holders[i].file == found->file && holders[i].tgid == found->tgid &&
		    holders[i].fd == found->fd)
			return true;
	return false;
}

static int read_all(int iter, struct gup_holder **holders, size_t *cnt)
{
	struct gup_holder part[64];
	ssize_t got;

	while ((got = read(iter, part, sizeof(part))) > 0) {
		for (size_t i = 0; i < got / sizeof(part[0]); i++) {
			struct gup_holder *more;

			if (is_known(*holders, *cnt, &part[i]))
				continue;
			more = realloc(*holders, (*cnt + 1) * sizeof(**holders));
			if (!more)
				return -ENOMEM;
			*holders = more;
			more[(*cnt)++] = part[i];
		}
	}
	return got < 0 ? -errno : 0;
}

int holders__find(const struct gup_file *files, size_t file_cnt, struct gup_holder **holders,
		  size_t *cnt)
{
	struct holders_bpf *skel;
	struct bpf_link *link = NULL;
	int err, iter = -1;

	*holders = NULL;
	*cnt = 0;
	if (!file_cnt)
		return 0;
	skel = holders_bpf__open_and_load();
	if (!skel)
		return -errno;
	err = ask_for(skel, files, file_cnt);
	if (!err) {
		link = bpf_program__attach_iter(skel->progs.iter__task_file, NULL);
		err = link ? 0 : -errno;
	}
	if (!err) {
		iter = bpf_iter_create(bpf_link__fd(link));
		err = iter < 0 ? -errno : read_all(iter, holders, cnt);
	}
	if (iter >= 0)
		close(iter);
	bpf_link__destroy(link);
	holders_bpf__destroy(skel);
	return err;
}
