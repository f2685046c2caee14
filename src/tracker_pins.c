// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tracking that outlives its process: maps and links are pinned in a folder of
 * bpffs, where the next process finds them and goes on with the same books.
 *
 * A set is made aside and renamed when it is whole, its note last, and renamed
 * again before it is taken apart, so there is never half a set under the name.
 * What differs in code, plan or size is not taken over: tracking begins anew, and
 * books what the old maps hold (tracker_import.c) if they have the same form.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kept_layout.h"
#include "tracker_impl.h"
#include "util.h"

#define NOTE_BYTES 1536
#define NAME_BYTES 128

/* The value of the map "note". */
struct note {
	uint64_t code;	 /* hash of the BPF object; one more where plan call's spare copies run */
	uint64_t layout; /* of kept: opts.kept_layout */
	uint64_t abi;	 /* of the maps */
	uint64_t max_folios, max_records;
	uint32_t plan;
	uint32_t bytes; /* of kept */
	char kept[NOTE_BYTES];
};

static uint64_t hash_of(const void *bytes, size_t cnt)
{
	const unsigned char *byte = bytes;
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

	for (size_t i = 0; i < cnt; i++)
		hash = (hash ^ byte[i]) * 0x100000001b3;
	return hash;
}

static struct note note_of(const struct tracker *tracker)
{
	size_t bytes;
	const void *object = track_bpf__elf_bytes(&bytes);
	bool spares = tracker->opts.plan == PLAN_CALL && tracker->facts->preempts_anywhere;

	return (struct note){
		.code = hash_of(object, bytes) + spares,
		.layout = tracker->opts.kept_layout,
		.abi = GUP_ABI_SUM,
		.max_folios = tracker->opts.max_folios,
		.max_records = tracker->opts.max_records,
		.plan = tracker->opts.plan,
	};
}

/* bpffs refuses names with a dot, which those of global data have. */
static void path_of(char path[PATH_MAX], const char *dir, const char *kind, const char *name)
{
	char *dot;
	int len = snprintf(path, PATH_MAX, "%s/", dir);

	snprintf(path + len, PATH_MAX - len, "%.16s%.*s", kind, NAME_BYTES, name);
	for (dot = path + len; (dot = strchr(dot, '.'));)
		*dot = '_';
}

/* A set that is not yet whole, or no longer. */
static void aside_of(char path[PATH_MAX], const char *dir, const char *what)
{
	snprintf(path, PATH_MAX, "%.*s-%s", PATH_MAX - 8, dir, what);
}

/* -EBADMSG: of another size than this code writes. */
static int read_note(const char *dir, struct note *note)
{
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	char path[PATH_MAX];
	uint32_t zero = 0;
	cleanup_fd int fd = -1;

	path_of(path, dir, "note", "");
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	memset(note, 0, sizeof(*note));
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	if (info.value_size != sizeof(*note))
		return -EBADMSG;
	return bpf_map_lookup_elem(fd, &zero, note);
}

/* 0, also if there is none. */
static int remove_set(const char *dir)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	int err = 0;

	if (!folder)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(folder)))
		if (*entry->d_name != '.' && unlinkat(dirfd(folder), entry->d_name, 0))
			err = -errno;
	closedir(folder);
	return rmdir(dir) ? -errno : err;
}

/* Under another name first: whoever is killed midway leaves no half set under its own. */
static int retire_set(const char *dir)
{
	char old[PATH_MAX];
	int err;

	aside_of(old, dir, "old");
	err = remove_set(old);
	if (!err && rename(dir, old) && errno != ENOENT)
		err = -errno;
	return err ? err : remove_set(old);
}

int tracker_pins__detach(const char *dir)
{
	char aside[PATH_MAX];
	int err, ret;

	aside_of(aside, dir, "new");
	err = remove_set(aside);
	ret = retire_set(dir);
	return ret ? ret : err;
}

/* Of a set in other code's form nothing is known but how many keys a map has. */
static uint64_t owners_in(const char *dir)
{
	char path[PATH_MAX], key[512] = "";
	struct bpf_map_info info = {};
	uint32_t len = sizeof(info);
	uint64_t cnt = 0;
	cleanup_fd int fd = -1;
	bool first = true;

	path_of(path, dir, "map_", "owner_ids");
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) || info.key_size > sizeof(key))
		return 0;
	while (!bpf_map_get_next_key(fd, first ? NULL : key, key) && cnt < info.max_entries) {
		first = false;
		cnt++;
	}
	return cnt;
}

static int take_maps(struct tracker *tracker)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int fd, err;

	bpf_object__for_each_map (map, tracker->skel->obj) {
		path_of(path, tracker->opts.pin_dir, "map_", bpf_map__name(map));
		fd = bpf_obj_get(path);
		err = fd < 0 ? -errno : bpf_map__reuse_fd(map, fd);
		if (fd >= 0)
			close(fd);
		if (err)
			return err;
	}
	return 0;
}

static bool fits(const struct note *theirs, const struct note *mine)
{
	return theirs->code == mine->code && theirs->abi == mine->abi &&
	       theirs->layout == mine->layout && theirs->plan == mine->plan &&
	       theirs->max_folios == mine->max_folios && theirs->max_records == mine->max_records;
}

int tracker__adopt(struct tracker *tracker)
{
	const char *dir = tracker->opts.pin_dir;
	struct note mine = note_of(tracker), note;
	char aside[PATH_MAX], old[PATH_MAX];
	int err;

	/* killed between retiring an old set and renaming the new one */
	aside_of(aside, dir, "new");
	if (access(dir, F_OK) && !read_note(aside, &note))
		rename(aside, dir);
	aside_of(old, dir, "old");
	remove_set(old);
	err = read_note(dir, &note);
	if (err == -ENOENT)
		return 0;
	if (err && err != -EBADMSG) {
		warnx("can't read the tracking pinned in %s: %s", dir, strerror(-err));
		return err;
	}
	if (!err && !fits(&note, &mine) && note.abi == mine.abi && note.plan == mine.plan &&
	    tracker->facts->has_cmpxchg) {
		tracker->left = true;
		tracker->left_kept = note.layout == mine.layout;
		return 0;
	}
	if (err || !fits(&note, &mine)) {
		warnx("the tracking pinned in %s is of another version, plan or size: what still "
		      "is pinned of its %llu owners becomes unattributed",
		      dir, (unsigned long long)owners_in(dir));
		return 0;
	}
	err = take_maps(tracker);
	if (err) {
		warnx("can't take over the tracking pinned in %s: %s (gup-pind --detach removes "
		      "it)",
		      dir, strerror(-err));
		return err;
	}
	tracker->adopted = true;
	remove_set(aside); /* half of one, if it is there */
	return 0;
}

bool tracker__adopted(const struct tracker *tracker)
{
	return tracker->adopted;
}

int tracker__kept(const struct tracker *tracker, void *kept, size_t bytes)
{
	struct note note;
	int err = read_note(tracker->opts.pin_dir, &note);

	if (err)
		return err;
	if (note.bytes != bytes)
		return -EBADMSG;
	memcpy(kept, note.kept, bytes);
	return 0;
}

int tracker__pinned_map(const struct tracker *tracker, const char *name)
{
	char path[PATH_MAX];
	int fd;

	path_of(path, tracker->opts.pin_dir, "map_", name);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

struct bpf_link *tracker__pinned_link(const struct tracker *tracker, const char *prog)
{
	char path[PATH_MAX];

	path_of(path, tracker->opts.pin_dir, "link_", prog);
	return bpf_link__open(path);
}

/* The map is pinned last: a set that has it is whole. */
static int pin_note(const struct tracker *tracker, const char *dir, const void *kept, size_t bytes)
{
	struct note note = note_of(tracker);
	cleanup_fd int fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "note", sizeof(uint32_t), sizeof(note), 1, NULL);
	char path[PATH_MAX];
	uint32_t zero = 0;
	int err;

	if (fd < 0)
		return -errno;
	note.bytes = bytes;
	memcpy(note.kept, kept, bytes);
	err = bpf_map_update_elem(fd, &zero, &note, BPF_ANY);
	path_of(path, dir, "note", "");
	return err ? err : bpf_obj_pin(fd, path) ? -errno : 0;
}

static int pin_aside(struct tracker *tracker, const char *dir, const void *kept, size_t bytes)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int err = mkdir(dir, 0700) ? -errno : 0;

	bpf_object__for_each_map (map, tracker->skel->obj) {
		if (err)
			return err;
		path_of(path, dir, "map_", bpf_map__name(map));
		err = bpf_obj_pin(bpf_map__fd(map), path) ? -errno : 0;
	}
	for (size_t i = 0; i < tracker->link_cnt && !err; i++) {
		path_of(path, dir, "link_", tracker->link_names[i]);
		err = bpf_obj_pin(bpf_link__fd(tracker->links[i]), path) ? -errno : 0;
	}
	return err ? err : pin_note(tracker, dir, kept, bytes);
}

int tracker__pin(struct tracker *tracker, const void *kept, size_t bytes)
{
	const char *dir = tracker->opts.pin_dir;
	char aside[PATH_MAX];
	int err;

	if (bytes > NOTE_BYTES)
		return -E2BIG;
	aside_of(aside, dir, "new");
	err = remove_set(aside);
	if (!err)
		err = pin_aside(tracker, aside, kept, bytes);
	/* An old set that could not be taken over goes now that the new one sees every pin. */
	if (!err)
		err = retire_set(dir);
	if (!err && rename(aside, dir))
		err = -errno;
	if (err)
		remove_set(aside);
	return err;
}
