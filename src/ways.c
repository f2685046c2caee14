// SPDX-License-Identifier: GPL-2.0-only
/* Memory of every kind, and the life of a hold: see ways.h. */
#include "ways.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

#define HUGE_BYTES (2UL << 20)

static size_t page_bytes(void)
{
	return sysconf(_SC_PAGESIZE);
}

int hold__cannot(struct hold *hold, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(hold->why, sizeof(hold->why), fmt, args);
	va_end(args);
	return -EOPNOTSUPP;
}

/* ---- files on disks ---- */

static int fill(int fd, size_t bytes)
{
	cleanup_free char *zeros = calloc(1, bytes);
	ssize_t done = zeros ? write(fd, zeros, bytes) : -1;

	return done == (ssize_t)bytes && !fsync(fd) ? 0 : -EIO;
}

static int open_in(const char *dir)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/gup-validate.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

/* "dax" of old kernels, or "dax=always"; "dax=never" and "dax=inode" promise nothing. */
static bool is_dax(const struct mntent *mnt)
{
	const char *option = hasmntopt(mnt, "dax");

	return option && (option[3] != '=' || !strncmp(option + 4, "always", 6));
}

static bool is_disk(const struct mntent *mnt, const char *type)
{
	static const char *const disks[] = { "ext4", "xfs", "btrfs", "ext2", "ext3", "f2fs" };

	if (!strcmp(type, "dax") || is_dax(mnt))
		return !strcmp(type, "dax") && is_dax(mnt);
	if (*type)
		return !strcmp(mnt->mnt_type, type);
	for (size_t i = 0; i < ARRAY_SIZE(disks); i++)
		if (!strcmp(mnt->mnt_type, disks[i]))
			return true;
	return false;
}

int hold__open_disk(struct hold *hold, const char *type)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mnt;

	while (hold->disk < 0 && mounts && (mnt = getmntent(mounts)))
		if (is_disk(mnt, type))
			hold->disk = open_in(mnt->mnt_dir);
	if (mounts)
		endmntent(mounts);
	if (hold->disk < 0)
		return hold__cannot(hold, "no writable %s file system is mounted",
				    *type ? type : "disk");
	return fill(hold->disk, hold->pages * page_bytes());
}

int open_first(const char *pattern, int flags)
{
	glob_t found = {};
	int fd = -1;

	if (!glob(pattern, 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc && fd < 0; i++)
			fd = open(found.gl_pathv[i], flags | O_CLOEXEC);
	globfree(&found);
	return fd;
}

/* ---- memory ---- */

static bool is_huge(const char *mem)
{
	cleanup_file FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kb;
	char line[256];
	bool inside = false;

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)mem && (unsigned long)mem < end;
		else if (inside && sscanf(line, "AnonHugePages: %lu kB", &kb) == 1)
			return kb > 0;
	}
	return false;
}

static void touch(const struct hold *hold, bool write)
{
	for (size_t i = 0; i < hold->pages; i++) {
		volatile char *byte = hold->addr + i * page_bytes();

		if (write)
			*byte = (char)(i + 1);
		else
			(void)*byte;
	}
}

static int map(struct hold *hold, int flags)
{
	hold->map = mmap(NULL, hold->map_bytes, PROT_READ | PROT_WRITE, flags, hold->fd, 0);
	if (hold->map == MAP_FAILED) {
		hold->map = NULL;
		return -errno;
	}
	hold->addr = hold->map;
	return 0;
}

static int map_thp(struct hold *hold)
{
	int err;

	hold->map_bytes = ((hold->map_bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1)) + HUGE_BYTES;
	err = map(hold, MAP_PRIVATE | MAP_ANONYMOUS);
	if (err)
		return err;
	hold->addr = (char *)(((uintptr_t)hold->map + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	if (madvise(hold->addr, HUGE_BYTES, MADV_HUGEPAGE))
		return hold__cannot(hold, "this kernel has no transparent huge pages");
	touch(hold, true);
	return is_huge(hold->addr) ? 0 : hold__cannot(hold, "no transparent huge page to be had");
}

static int map_hugetlb(struct hold *hold)
{
	int err;

	hold->map_bytes = (hold->map_bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
	err = map(hold, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
	if (err)
		return hold__cannot(hold, "no hugetlb page in the pool: sysctl vm.nr_hugepages=8");
	touch(hold, true);
	return 0;
}

/* udmabuf wants the seal against shrinking. */
static int map_memfd(struct hold *hold)
{
	hold->fd = memfd_create("gup-pin", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (hold->fd < 0 || ftruncate(hold->fd, hold->map_bytes) ||
	    fcntl(hold->fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return -errno;
	return map(hold, MAP_SHARED);
}

static int map_file(struct hold *hold, const char *type)
{
	int err = hold__open_disk(hold, type);

	if (err)
		return err;
	hold->fd = hold->disk;
	hold->disk = -1;
	return map(hold, MAP_SHARED);
}

static int map_memory(struct hold *hold, enum own_memory memory)
{
	int err;

	switch (memory) {
	case MEMORY_THP:
		return map_thp(hold);
	case MEMORY_HUGETLB:
		return map_hugetlb(hold);
	case MEMORY_MEMFD:
		err = map_memfd(hold);
		break;
	case MEMORY_FILE:
		err = map_file(hold, "");
		break;
	case MEMORY_DAX:
		err = map_file(hold, "dax");
		break;
	default:
		err = map(hold, MAP_PRIVATE | MAP_ANONYMOUS);
	}
	if (err)
		return err;
	madvise(hold->map, hold->map_bytes, MADV_NOHUGEPAGE);
	touch(hold, memory != MEMORY_ZERO);
	/* Clean again, so that a release as dirty is seen. */
	return hold->fd >= 0 && memory != MEMORY_MEMFD && fsync(hold->fd) ? -errno : 0;
}

unsigned long long pfn_of(const void *addr)
{
	cleanup_fd int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)addr / page_bytes() * 8) != 8)
		return 0;
	return entry & ((1ULL << 55) - 1);
}

unsigned long long page_flags_of(const void *addr)
{
	cleanup_fd int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	uint64_t pfn = pfn_of(addr), flags;

	return pfn && pread(fd, &flags, sizeof(flags), pfn * 8) == 8 ? flags : 0;
}

/* ---- life ---- */

int hold__begin(struct hold *hold, const struct way *way, const char *arg, enum own_memory memory,
		size_t pages)
{
	int err;

	*hold = (struct hold){ .fd = -1, .holder = -1, .second = -1, .disk = -1 };
	hold->pages = pages ? pages : way->pages;
	hold->map_bytes = hold->pages * page_bytes();
	err = map_memory(hold, memory);
	if (!err && way->prepare)
		err = way->prepare(hold, arg ? arg : "");
	return err;
}

int hold__pin(struct hold *hold, const struct way *way)
{
	return way->pin(hold);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void hold__unpin(struct hold *hold, const struct way *way)
{
	if (way->unpin && hold->holder >= 0)
		way->unpin(hold);
	close_fd(&hold->holder);
}

void hold__end(struct hold *hold)
{
	close_fd(&hold->holder);
	close_fd(&hold->second);
	if (hold->map)
		munmap(hold->map, hold->map_bytes);
	close_fd(&hold->fd);
	close_fd(&hold->disk);
	hold->map = NULL;
}
