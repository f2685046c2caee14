// SPDX-License-Identifier: GPL-2.0-only
/* The mounts of this mount namespace, by device. See mounts.h. */
#include "mounts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

#define OCTAL_ESCAPE 4 /* "\040" */

struct mount {
	uint64_t dev;
	char *root, *point;
};

struct mounts {
	struct mount *list;
	size_t cnt;
};

/* mountinfo writes blanks, tabs, newlines and backslashes in octal. */
static void unescape(char *str)
{
	char *to = str;

	while (*str) {
		if (str[0] == '\\' && str[1] >= '0' && str[1] <= '3' && str[2] && str[3]) {
			*to++ = (str[1] - '0') * 64 + (str[2] - '0') * 8 + (str[3] - '0');
			str += OCTAL_ESCAPE;
		} else {
			*to++ = *str++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /root /point rw,noatime ..." */
static int add_line(struct mounts *mounts, const char *line)
{
	struct mount mount = {}, *list;
	unsigned int major, minor;

	if (sscanf(line, "%*u %*u %u:%u %ms %ms", &major, &minor, &mount.root, &mount.point) != 4) {
		free(mount.root);
		return 0;
	}
	mount.dev = (uint64_t)major << 20 | minor;
	unescape(mount.root);
	unescape(mount.point);
	list = realloc(mounts->list, (mounts->cnt + 1) * sizeof(*list));
	if (!list) {
		free(mount.root);
		free(mount.point);
		return -1;
	}
	mounts->list = list;
	list[mounts->cnt++] = mount;
	return 0;
}

struct mounts *mounts__read(FILE *mountinfo)
{
	struct mounts *mounts = calloc(1, sizeof(*mounts));
	cleanup_free char *line = NULL;
	size_t room = 0;

	while (mounts && getline(&line, &room, mountinfo) > 0) {
		if (!add_line(mounts, line))
			continue;
		mounts__free(mounts);
		return NULL;
	}
	return mounts;
}

void mounts__free(struct mounts *mounts)
{
	if (!mounts)
		return;
	for (size_t i = 0; i < mounts->cnt; i++) {
		free(mounts->list[i].root);
		free(mounts->list[i].point);
	}
	free(mounts->list);
	free(mounts);
}

/* The part of path below root, NULL = it is not below. */
static const char *below(const char *path, const char *root)
{
	size_t len = strcmp(root, "/") ? strlen(root) : 0;

	if (strncmp(path, root, len))
		return NULL;
	return !path[len] || path[len] == '/' ? path + len : NULL;
}

char *mounts__path(const struct mounts *mounts, uint64_t dev, const char *path)
{
	const char *best = path, *rest, *point = "";
	char *full;

	if (!*path)
		return NULL;
	for (size_t i = 0; i < mounts->cnt; i++) {
		rest = mounts->list[i].dev == dev ? below(path, mounts->list[i].root) : NULL;
		/* the mount that is nearest to the file */
		if (!rest || (*point && strlen(rest) >= strlen(best)))
			continue;
		best = rest;
		point = mounts->list[i].point;
	}
	if (!strcmp(point, "/"))
		point = "";
	return asprintf(&full, "%s%s", point, best) < 0 ? NULL : full;
}
