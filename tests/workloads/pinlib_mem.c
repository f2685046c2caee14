// SPDX-License-Identifier: GPL-2.0
/* Memory of a wanted kind for the pinning test programs, see pinlib.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pinlib.h"

struct mem_kind {
	const char *name; /* with a trailing = where a path follows */
	int (*map)(struct mem *m, const struct mem_kind *kind, const char *path);
	int flags;	/* of mmap */
	bool read_only; /* touch it by reading */
};

static void touch(const struct mem *m, const struct mem_kind *kind)
{
	size_t step = page_size();
	volatile char *p = m->addr;

	/* Since v5.14, and much faster under emulation than a fault for each page. */
	if (!kind->read_only)
		madvise(m->addr, m->map_len, MADV_POPULATE_WRITE);
	for (size_t off = 0; off < m->map_len; off += step) {
		if (kind->read_only)
			(void)p[off];
		else
			p[off] = 1;
	}
}

static int map_small(struct mem *m, const struct mem_kind *kind, const char *path)
{
	(void)path;
	m->addr = mmap(NULL, m->map_len, PROT_READ | PROT_WRITE, kind->flags, m->fd, 0);
	if (m->addr == MAP_FAILED)
		return fail("mmap of %zu bytes", m->map_len);
	/* Refused where the kernel has no THP at all: small pages then, as wanted. */
	madvise(m->addr, m->map_len, MADV_NOHUGEPAGE);
	touch(m, kind);
	return 0;
}

static size_t round_huge(size_t len)
{
	return (len + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);
}

/* Bytes of the mapping that begins at addr which are mapped by huge pages, as smaps has it. */
static size_t huge_bytes(const char *addr)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	bool inside = false;
	size_t kib, huge = 0;
	char line[512];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start == (unsigned long)addr;
		else if (inside && sscanf(line, "AnonHugePages: %zu", &kib) == 1)
			huge = kib << 10;
	}
	fclose(f);
	return huge;
}

static int map_thp(struct mem *m, const struct mem_kind *kind, const char *path)
{
	size_t room;
	char *base;

	(void)path;
	m->map_len = round_huge(m->len);
	/* The mapping stays alone between inaccessible neighbours, so that smaps shows just it. */
	room = m->map_len + 2 * HUGE_SIZE;
	base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return fail("mmap of %zu bytes", room);
	m->addr = (char *)round_huge((size_t)base + 1);
	if (mprotect(m->addr, m->map_len, PROT_READ | PROT_WRITE))
		return fail("mprotect");
	if (madvise(m->addr, m->map_len, MADV_HUGEPAGE))
		return skip("no transparent huge pages: madvise");
	touch(m, kind);
	errno = 0;
	if (huge_bytes(m->addr) != m->map_len)
		return skip("no huge pages to be had: %zu of %zu bytes are huge",
			    huge_bytes(m->addr), m->map_len);
	return 0;
}

#define OVERCOMMIT "/proc/sys/vm/nr_overcommit_hugepages"
#define SURPLUS "/sys/kernel/mm/hugepages/hugepages-2048kB/surplus_hugepages"

static void write_num(const char *path, unsigned long num)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return;
	fprintf(f, "%lu\n", num);
	fclose(f);
}

static unsigned long read_num(const char *path)
{
	FILE *f = fopen(path, "r");
	unsigned long num = 0;

	if (!f)
		return 0;
	if (fscanf(f, "%lu", &num) != 1)
		num = 0;
	fclose(f);
	return num;
}

/*
 * Huge pages beyond the pool: they are taken when the mapping is made and go back when it goes, so
 * the limit needs to be up only meanwhile, and no pool is left behind.
 */
static int map_hugetlb(struct mem *m, const struct mem_kind *kind, const char *path)
{
	unsigned long before = read_num(OVERCOMMIT);

	(void)path;
	m->map_len = round_huge(m->len);
	write_num(OVERCOMMIT, before + read_num(SURPLUS) + m->map_len / HUGE_SIZE);
	m->addr = mmap(NULL, m->map_len, PROT_READ | PROT_WRITE, kind->flags, m->fd, 0);
	write_num(OVERCOMMIT, before);
	if (m->addr == MAP_FAILED)
		return skip("no hugetlb pages to be had: mmap of %zu bytes", m->map_len);
	touch(m, kind);
	return 0;
}

/* udmabuf wants the seal against shrinking. */
static int make_memfd(struct mem *m, unsigned int flags)
{
	m->fd = memfd_create("gup-pin-test", flags | MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (m->fd < 0)
		return skip("memfd_create");
	if (ftruncate(m->fd, m->map_len))
		return fail("ftruncate of a memfd to %zu bytes", m->map_len);
	if (fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK))
		return fail("sealing a memfd");
	return 0;
}

static int map_memfd(struct mem *m, const struct mem_kind *kind, const char *path)
{
	int status = make_memfd(m, 0);

	return status ? status : map_small(m, kind, path);
}

static int map_hugememfd(struct mem *m, const struct mem_kind *kind, const char *path)
{
	int status;

	m->map_len = round_huge(m->len);
	status = make_memfd(m, MFD_HUGETLB);
	return status ? status : map_hugetlb(m, kind, path);
}

int fill_file(int fd, const char *path, size_t len)
{
	static const char zeros[1 << 16];
	struct stat st;

	if (fstat(fd, &st))
		return fail("%s", path);
	if (!S_ISREG(st.st_mode))
		return 0;
	/* Written, not fallocated: a direct read of an unwritten extent does no I/O. */
	for (size_t off = st.st_size; off < len;) {
		size_t want = len - off < sizeof(zeros) ? len - off : sizeof(zeros);
		ssize_t done = pwrite(fd, zeros, want, off);

		if (done <= 0)
			return fail("%s: writing at %zu", path, off);
		off += done;
	}
	if (fsync(fd))
		return fail("%s: fsync", path);
	return 0;
}

static int map_file(struct mem *m, const struct mem_kind *kind, const char *path)
{
	int status;

	m->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (m->fd < 0)
		return fail("%s", path);
	status = fill_file(m->fd, path, m->len);
	return status ? status : map_small(m, kind, path);
}

static const struct mem_kind kinds[] = {
	{ "anon", map_small, MAP_PRIVATE | MAP_ANONYMOUS, false },
	{ "thp", map_thp, 0, false },
	{ "hugetlb", map_hugetlb, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, false },
	{ "zero", map_small, MAP_PRIVATE | MAP_ANONYMOUS, true },
	{ "shmem", map_small, MAP_SHARED | MAP_ANONYMOUS, false },
	{ "memfd", map_memfd, MAP_SHARED, false },
	{ "hugememfd", map_hugememfd, MAP_SHARED, false },
	{ "file=", map_file, MAP_SHARED, false },
	{ "private=", map_file, MAP_PRIVATE, false },
};

static const struct mem_kind *find_kind(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t len = strlen(kinds[i].name);

		if (kinds[i].name[len - 1] == '=') {
			if (!strncmp(kind, kinds[i].name, len) && kind[len])
				return &kinds[i];
		} else if (!strcmp(kind, kinds[i].name)) {
			return &kinds[i];
		}
	}
	return NULL;
}

bool mem__kind_ok(const char *kind)
{
	return find_kind(kind);
}

int mem__map(struct mem *m, const char *kind, size_t pages)
{
	const struct mem_kind *k = find_kind(kind);

	errno = 0;
	if (!k)
		return fail("%s: no such kind of memory", kind);
	*m = (struct mem){ .fd = -1 };
	m->len = pages * page_size();
	m->map_len = m->len;
	return k->map(m, k, kind + strlen(k->name));
}

void mem__unmap(struct mem *m)
{
	if (m->addr)
		munmap(m->addr, m->map_len);
	m->addr = NULL;
	if (m->fd >= 0)
		close(m->fd);
	m->fd = -1;
}

void mem__read(const struct mem *m)
{
	for (size_t at = 0; at < m->len; at += page_size())
		(void)*(volatile const char *)(m->addr + at);
}
