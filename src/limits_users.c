// SPDX-License-Identifier: GPL-2.0-only
/* Runs the task iterator of bpf/limits.bpf.c and puts the users' accounts together. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "gup_abi.h"
#include "pin_limits.h"
#include "limits.skel.h"
#include "util.h"

static int compare_users(const void *left, const void *right)
{
	const struct limits_user *a = left, *b = right;

	return (a->uid > b->uid) - (a->uid < b->uid);
}

/* One process: its user is one that is known, or the next one. */
static int take(struct limits_user **users, size_t *cnt, const struct gup_user *found)
{
	struct limits_user *more;
	size_t i = 0;

	while (i < *cnt && (*users)[i].uid != found->uid)
		i++;
	if (i == *cnt) {
		more = reallocarray(*users, *cnt + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		*users = more;
		more[(*cnt)++] = (struct limits_user){ .uid = found->uid };
	}
	(*users)[i].locked_bytes = found->locked_pages * sysconf(_SC_PAGESIZE);
	(*users)[i].proc_cnt++;
	return 0;
}

static int read_all(int iter, struct limits_user **users, size_t *cnt)
{
	struct gup_user part[64];
	ssize_t got;
	int err = 0;

	while (!err && (got = read(iter, part, sizeof(part))) != 0) {
		if (got < 0)
			return -errno;
		for (size_t i = 0; !err && i < got / sizeof(part[0]); i++)
			err = take(users, cnt, &part[i]);
	}
	qsort(*users, *cnt, sizeof(**users), compare_users);
	return err;
}

int limits_users__read(struct limits_user **users, size_t *cnt)
{
	struct limits_bpf *skel = limits_bpf__open_and_load();
	struct bpf_link *link;
	int err, iter = -1;

	*users = NULL;
	*cnt = 0;
	if (!skel)
		return -errno;
	link = bpf_program__attach_iter(skel->progs.iter__task, NULL);
	err = link ? 0 : -errno;
	if (!err) {
		iter = bpf_iter_create(bpf_link__fd(link));
		err = iter < 0 ? -errno : read_all(iter, users, cnt);
	}
	if (iter >= 0)
		close(iter);
	bpf_link__destroy(link);
	limits_bpf__destroy(skel);
	if (err) {
		free(*users);
		*users = NULL;
		*cnt = 0;
	}
	return err;
}
