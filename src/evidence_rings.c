// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which folios lie in buffers of an io_uring: fdinfo gives the buffers'
 * addresses, but not whose. The ring may be open in processes that never
 * registered anything (forked, or handed over by SCM_RIGHTS), where another
 * page may be at that address. So all processes that have the ring open are
 * asked, and where they disagree about which page asked for is meant, nothing
 * is said.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "evidence_impl.h"
#include "resolve.h"
#include "util.h"

#define PAGE_SHIFT 12

static int compare_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/*
 * Same open file? Rings have an inode of their own only since Linux 5.12, and
 * there kcmp(2) can tell; it gives an order, too. Without it: the same buffers.
 */
static int compare_rings(const void *left, const void *right)
{
	const struct ring_file *a = left, *b = right;
	int order = compare_u64(a->dev, b->dev) ?: compare_u64(a->ino, b->ino);
	long same;

	if (order || (a->pid == b->pid && a->fd == b->fd))
		return order;
	same = syscall(SYS_kcmp, a->pid, b->pid, KCMP_FILE, a->fd, b->fd);
	if (same >= 0 && same <= 2)
		return same == 2 ? 1 : -same;
	order = compare_u64(a->buf_cnt, b->buf_cnt);
	return order ?: memcmp(a->bufs, b->bufs, a->buf_cnt * sizeof(*a->bufs));
}

/* The pagemap of that very process, not of a later one with its number. */
static int open_pagemap(const struct evidence_reader *reader, const struct ring_file *ring)
{
	cleanup_fd int dir = -1;
	struct proc_facts facts;
	char name[16];

	snprintf(name, sizeof(name), "%u", ring->pid);
	dir = openat(reader->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || proc_facts__read_dir(dir, ring->pid, &facts) ||
	    facts.start_boot_ns != reader->out->procs[ring->proc].start_boot_ns)
		return -1;
	return openat(dir, "pagemap", O_RDONLY | O_CLOEXEC);
}

static int add_match(struct evidence_reader *reader, size_t hit, const struct ring_file *ring)
{
	struct evidence *out = reader->out;
	struct evidence_match match = { .hit = hit, .proc = ring->proc, .file = ring->file };

	/* Pages of one folio come one after the other. */
	if (out->match_cnt && !memcmp(&out->matches[out->match_cnt - 1], &match, sizeof(match)))
		return 0;
	if (grow(&out->matches, out->match_cnt, &reader->match_room, sizeof(match)))
		return -ENOMEM;
	out->matches[out->match_cnt++] = match;
	return 0;
}

/* The holders of one ring, and a stretch of their page tables side by side. */
struct ring_view {
	const struct ring_file *rings;
	size_t cnt;
	int *pagemaps;	/* -1: gone */
	size_t stretch; /* pages that are read at a time */
};

/* One page: the hits that the holders see there. */
static int match_page(struct evidence_reader *reader, const struct ring_view *view, size_t page)
{
	size_t hit = SIZE_MAX, found;
	int err = 0;

	for (size_t i = 0; i < view->cnt; i++) {
		uint64_t pfn = pagemap_pfn(reader->entries[i * view->stretch + page]);

		found = pfn ? folio_index__find(&reader->index, pfn) : SIZE_MAX;
		if (found != SIZE_MAX && hit != SIZE_MAX && found != hit)
			return 0;
		if (found != SIZE_MAX)
			hit = found;
	}
	for (size_t i = 0; hit != SIZE_MAX && i < view->cnt && !err; i++) {
		uint64_t pfn = pagemap_pfn(reader->entries[i * view->stretch + page]);

		if (pfn && folio_index__find(&reader->index, pfn) == hit)
			err = add_match(reader, hit, &view->rings[i]);
	}
	return err;
}

static int match_buf(struct evidence_reader *reader, const struct ring_view *view,
		     const struct ring_buf *buf)
{
	uint64_t addr = buf->addr >> PAGE_SHIFT << PAGE_SHIFT, end = buf->addr + buf->len;
	int err = 0;

	while (addr < end && !err) {
		size_t want = (end - addr + (1 << PAGE_SHIFT) - 1) >> PAGE_SHIFT, most = 0;

		if (want > view->stretch)
			want = view->stretch;
		memset(reader->entries, 0, view->cnt * view->stretch * sizeof(*reader->entries));
		for (size_t i = 0; i < view->cnt; i++) {
			ssize_t got =
				view->pagemaps[i] < 0
					? 0
					: pagemap_read(view->pagemaps[i], addr,
						       reader->entries + i * view->stretch, want);

			if (got > (ssize_t)most)
				most = got;
		}
		if (!most) /* beyond every address space, or all have gone */
			break;
		for (size_t page = 0; page < most && !err; page++)
			err = match_page(reader, view, page);
		addr += (uint64_t)want << PAGE_SHIFT;
	}
	return err;
}

/* rings: descriptors of one ring. */
static int match_ring(struct evidence_reader *reader, const struct ring_file *rings, size_t cnt)
{
	struct ring_view view = { .rings = rings, .cnt = cnt };
	int err = 0;

	if (view.cnt > PAGEMAP_ENTRIES)
		view.cnt = PAGEMAP_ENTRIES;
	view.stretch = PAGEMAP_ENTRIES / view.cnt;
	view.pagemaps = malloc(view.cnt * sizeof(*view.pagemaps));
	if (!view.pagemaps)
		return -ENOMEM;
	for (size_t i = 0; i < view.cnt; i++)
		view.pagemaps[i] = open_pagemap(reader, &rings[i]);
	for (size_t i = 0; i < rings->buf_cnt && !err; i++)
		err = match_buf(reader, &view, &rings->bufs[i]);
	for (size_t i = 0; i < view.cnt; i++)
		if (view.pagemaps[i] >= 0)
			close(view.pagemaps[i]);
	free(view.pagemaps);
	return err;
}

static int compare_matches(const void *left, const void *right)
{
	const struct evidence_match *a = left, *b = right;

	return compare_u64(a->hit, b->hit) ?: compare_u64(a->proc, b->proc) ?:
	       compare_u64(a->file, b->file);
}

static void sort_matches(struct evidence *out)
{
	size_t kept = 0;

	if (!out->match_cnt)
		return;
	qsort(out->matches, out->match_cnt, sizeof(*out->matches), compare_matches);
	for (size_t i = 1; i < out->match_cnt; i++)
		if (compare_matches(&out->matches[kept], &out->matches[i]))
			out->matches[++kept] = out->matches[i];
	out->match_cnt = kept + 1;
}

int evidence_rings__match(struct evidence_reader *reader)
{
	struct ring_file *rings = reader->rings;
	size_t first = 0, end;
	int err = 0;

	if (!reader->ring_cnt)
		return 0;
	qsort(rings, reader->ring_cnt, sizeof(*rings), compare_rings);
	for (; first < reader->ring_cnt && !err; first = end) {
		for (end = first + 1; end < reader->ring_cnt; end++)
			if (compare_rings(&rings[first], &rings[end]))
				break;
		err = match_ring(reader, &rings[first], end - first);
	}
	sort_matches(reader->out);
	return err;
}
