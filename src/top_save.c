// SPDX-License-Identifier: GPL-2.0-only
/* Snapshots that gup-pintop keeps as files. See top_source.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fmt.h"
#include "forms.h"
#include "top_source.h"
#include "util.h"

/* "2026-11-22T12:44:07.218Z" as "20261122T124407.218Z". */
static void put_stamp(char *stamp, size_t room, uint64_t taken_ns)
{
	struct fmt utc = fmt_utc(taken_ns);
	size_t len = 0;

	for (const char *c = utc.s; *c && len + 1 < room; c++)
		if (*c != '-' && *c != ':')
			stamp[len++] = *c;
	stamp[len] = '\0';
}

static int write_new(const char *path, const struct snapshot *snap)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	int err;

	if (!file)
		return -errno;
	err = form_json(file, snap);
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

int top_save(const char *folder, const struct snapshot *snap, char *path, size_t room)
{
	cleanup_free char *tmp = NULL;
	char stamp[40];
	int err;

	put_stamp(stamp, sizeof(stamp), snap->taken_ns);
	if (snprintf(path, room, "%s/gup-pin-%s.json", folder, stamp) >= (int)room)
		return -ENAMETOOLONG;
	if (asprintf(&tmp, "%s.%d.tmp", path, getpid()) < 0) {
		tmp = NULL;
		return -ENOMEM;
	}
	err = write_new(tmp, snap);
	if (!err && rename(tmp, path))
		err = -errno;
	if (err && err != -EEXIST)
		unlink(tmp);
	return err;
}
