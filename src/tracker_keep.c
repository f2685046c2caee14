// SPDX-License-Identifier: GPL-2.0-only
/*
 * What user space knows beside the maps, kept where pinned tracking is: in a map
 * of its own, as bpffs holds nothing else. Each time a new one, made whole and
 * then renamed over the old one.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tracker_impl.h"
#include "util.h"

#define CHUNK_BYTES \
	4096 /* of an element: they lie one behind the other where that is a multiple of 8 */

static void path_of(char path[PATH_MAX], const struct tracker *tracker, const char *name)
{
	snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 16, tracker->opts.pin_dir, name);
}

/* The map with its size in front. fd or -errno. */
static int make_map(const void *bytes, size_t cnt)
{
	const struct bpf_map_create_opts opts = {
		.sz = sizeof(opts),
		.map_flags = BPF_F_MMAPABLE,
	};
	uint64_t size = cnt;
	size_t chunks = (sizeof(size) + cnt + CHUNK_BYTES - 1) / CHUNK_BYTES;
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "kept", sizeof(uint32_t), CHUNK_BYTES, chunks,
				&opts);
	char *at;

	if (fd < 0)
		return -errno;
	at = mmap(NULL, chunks * CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		int err = -errno;

		close(fd);
		return err;
	}
	memcpy(at, &size, sizeof(size));
	memcpy(at + sizeof(size), bytes, cnt);
	munmap(at, chunks * CHUNK_BYTES);
	return fd;
}

int tracker__keep(struct tracker *tracker, const void *bytes, size_t cnt)
{
	char path[PATH_MAX], aside[PATH_MAX];
	cleanup_fd int fd = make_map(bytes, cnt);

	if (fd < 0)
		return fd;
	path_of(path, tracker, "kept");
	path_of(aside, tracker, "kept-new");
	unlink(aside);
	if (bpf_obj_pin(fd, aside) || rename(aside, path))
		return -errno;
	tracker->kept_bytes = cnt;
	return 0;
}

int tracker__kept_before(const struct tracker *tracker, void **bytes, size_t *cnt)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	char path[PATH_MAX], *at;
	cleanup_fd int fd = -1;
	uint64_t size;
	size_t room;

	path_of(path, tracker, "kept");
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.value_size != CHUNK_BYTES)
		return -EBADMSG;
	room = (size_t)info.max_entries * CHUNK_BYTES;
	at = mmap(NULL, room, PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	memcpy(&size, at, sizeof(size));
	*bytes = size <= room - sizeof(size) ? malloc(size + 1) : NULL;
	if (*bytes)
		memcpy(*bytes, at + sizeof(size), size);
	*cnt = size;
	munmap(at, room);
	return *bytes ? 0 : -EBADMSG;
}
