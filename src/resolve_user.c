// SPDX-License-Identifier: GPL-2.0-only
/*
 * User addresses to functions: what a process has mapped, read from /proc while
 * it lives, and answers from it at any time later.
 * Interface: include/resolve.h, include/unwind.h. ELF: src/resolve_object.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resolve_object.h"
#include "unwind.h"

#define MAX_MAPS 65536 /* more than the kernel's default limit of all mappings */
#define DELETED " (deleted)"

struct map {
	uint64_t start, end, offset;
	uint64_t dev, ino; /* as the maps say; on some file systems not what stat says */
	bool exec;
	char *file;	       /* base name, NULL = none */
	struct object *object; /* NULL = none or not readable */
};

struct proc_maps {
	struct map *maps; /* by address */
	size_t cnt, room;
};

static bool is_deleted(const char *path)
{
	size_t len = strlen(path), suffix = strlen(DELETED);

	return len > suffix && !strcmp(path + len - suffix, DELETED);
}

/* Base name without what the kernel appends; NULL for memory without a name. */
static char *base_name(const char *path)
{
	const char *slash = *path == '/' ? strrchr(path, '/') + 1 : path;
	size_t len = strlen(slash);

	if (!len)
		return NULL;
	return strndup(slash,
		       is_deleted(path) && len > strlen(DELETED) ? len - strlen(DELETED) : len);
}

/* Opens root/path if that is still the mapping's inode: a file there may be another one by now. */
static int open_same(const char *root, const char *path, const struct map *map)
{
	char file[PATH_MAX + 64];
	struct stat st;
	int fd;

	if (snprintf(file, sizeof(file), "%s%s", root, path) >= (int)sizeof(file))
		return -1;
	fd = open(file, O_PATH | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != map->ino)) {
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * The file of a mapping in whatever mount namespace, deleted or not. Its path is
 * the second choice, for when map_files is not allowed; the path as we see it
 * ourselves the third, for when the process ended while its maps were read.
 */
static struct object *open_object(pid_t pid, const struct map *map, const char *path)
{
	bool named = *path == '/' && !is_deleted(path);
	struct object *object;
	char file[64];
	int fd;

	snprintf(file, sizeof(file), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid, map->start,
		 map->end);
	fd = open(file, O_PATH | O_CLOEXEC);
	if (fd < 0 && named) {
		snprintf(file, sizeof(file), "/proc/%d/root", pid);
		fd = open_same(file, path, map);
	}
	if (fd < 0 && named)
		fd = open_same("", path, map);
	if (fd < 0)
		return NULL;
	object = object__get(fd);
	close(fd);
	return object;
}

static struct map *add_map(struct proc_maps *maps, const struct map *map)
{
	if (maps->cnt == MAX_MAPS)
		return NULL;
	if (maps->cnt == maps->room) {
		size_t room = maps->room * 2 + 64;
		struct map *more = realloc(maps->maps, room * sizeof(*more));

		if (!more)
			return NULL;
		maps->maps = more;
		maps->room = room;
	}
	maps->maps[maps->cnt] = *map;
	return &maps->maps[maps->cnt++];
}

/* One line of /proc/PID/maps, without its newline. */
static int add_line(struct proc_maps *maps, pid_t pid, const char *line)
{
	unsigned int major, minor;
	struct map map = {}, *added;
	const char *path;
	char perms[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &map.start,
		   &map.end, perms, &map.offset, &major, &minor, &map.ino, &at) != 7 ||
	    !at)
		return -EINVAL;
	path = line + at;
	map.dev = (uint64_t)major << 20 | minor;
	map.exec = perms[2] == 'x';
	/* Constant data is kept for as long as it is not known whether its file has code. */
	if (!map.exec && (!map.ino || perms[0] != 'r' || perms[1] == 'w'))
		return 0;
	added = add_map(maps, &map);
	if (!added)
		return -ENOMEM;
	if (!map.exec)
		return 0;
	added->file = base_name(path);
	if (map.ino)
		added->object = open_object(pid, &map, path);
	else if (!strcmp(path, "[vdso]"))
		added->object = object__get_vdso(map.start, map.end);
	return 0;
}

/* Gives read-only mappings the object of the same file's code; drops the rest. */
static void share_objects(struct proc_maps *maps)
{
	size_t i, j, n = 0;

	for (i = 0; i < maps->cnt; i++) {
		struct map *map = &maps->maps[i];

		/* The parts of an object stand together: do not look at all mappings. */
		for (j = i < 4 ? 0 : i - 4; !map->exec && j < maps->cnt && j < i + 5; j++) {
			const struct map *code = &maps->maps[j];

			if (!code->exec || !code->object || code->ino != map->ino ||
			    code->dev != map->dev)
				continue;
			map->object = object__ref(code->object);
			break;
		}
	}
	for (i = 0; i < maps->cnt; i++)
		if (maps->maps[i].exec || maps->maps[i].object)
			maps->maps[n++] = maps->maps[i];
	maps->cnt = n;
}

struct proc_maps *proc_maps__read(pid_t pid)
{
	struct proc_maps *maps;
	char *line = NULL, path[64];
	size_t room = 0;
	int err = 0;
	ssize_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	if (!file) {
		if (errno == ENOENT)
			errno = ESRCH;
		return NULL;
	}
	maps = calloc(1, sizeof(*maps));
	if (!maps)
		err = -ENOMEM;
	while (!err && (len = getline(&line, &room, file)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		err = add_line(maps, pid, line);
	}
	if (!err && ferror(file))
		err = -EIO;
	if (!err && !maps->cnt)
		err = -ESRCH; /* kernel thread, zombie */
	free(line);
	fclose(file);
	if (err) {
		proc_maps__free(maps);
		errno = -err;
		return NULL;
	}
	share_objects(maps);
	return maps;
}

void proc_maps__free(struct proc_maps *maps)
{
	size_t i;

	if (!maps)
		return;
	for (i = 0; i < maps->cnt; i++) {
		free(maps->maps[i].file);
		object__put(maps->maps[i].object);
	}
	free(maps->maps);
	free(maps);
}

static const struct map *find_map(const struct proc_maps *maps, uint64_t addr)
{
	size_t low = 0, high = maps->cnt;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (maps->maps[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low < maps->cnt && maps->maps[low].start <= addr ? &maps->maps[low] : NULL;
}

bool proc_maps__covers(const struct proc_maps *maps, uint64_t addr)
{
	const struct map *map = find_map(maps, addr);

	return map && map->exec;
}

static uint64_t file_offset(const struct map *map, uint64_t addr)
{
	return addr - map->start + map->offset;
}

bool user_frame__resolve(const struct proc_maps *maps, uint64_t addr, const char **function,
			 const char **file, uint64_t *offset)
{
	const struct map *map = find_map(maps, addr - 1);
	uint64_t vaddr;

	*function = NULL;
	*file = NULL;
	*offset = 0;
	if (!map || !map->exec)
		return false;
	*file = map->file;
	*offset = file_offset(map, addr);
	if (map->object && object__vaddr(map->object, file_offset(map, addr - 1), &vaddr)) {
		*offset = vaddr + 1;
		*function = object__symbol(map->object, vaddr);
	}
	return true;
}

struct code proc_maps__code(const struct proc_maps *maps, uint64_t addr)
{
	const struct map *map = find_map(maps, addr);
	struct code code = {};

	if (!map || !map->exec)
		return code;
	code.mapped = true;
	code.file = map->file;
	code.opened = map->object || !map->ino;
	if (map->object && object__vaddr(map->object, file_offset(map, addr), &code.vaddr))
		code.cfi = object__cfi(map->object);
	return code;
}

bool proc_maps__read_constant(const struct proc_maps *maps, uint64_t addr, void *buf, size_t len)
{
	const struct map *map = find_map(maps, addr);

	return map && map->object && map->end - addr >= len &&
	       object__read_constant(map->object, file_offset(map, addr), buf, len);
}
