/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the evidence share: evidence.c walks the processes,
 * evidence_files.c their open files, evidence_maps.c their page tables,
 * evidence_rings.c compares io_uring's buffers with the pages asked for,
 * evidence_xdp.c asks about AF_XDP sockets. /proc may be a test's own folder.
 */
#ifndef GUP_EVIDENCE_IMPL_H
#define GUP_EVIDENCE_IMPL_H

#include <stdio.h>
#include <sys/types.h>

#include "evidence.h"

struct evidence_source {
	const char *proc; /* "/proc" */
	bool has_scan;	  /* ioctl PAGEMAP_SCAN works on its pagemaps */
	bool hides_pfns;  /* from us, without CAP_SYS_ADMIN */
};

/* evidence__read() of any folder that looks like /proc. */
int evidence__read_from(const struct evidence_source *source, const struct evidence_options *opts,
			struct evidence *evidence);

/* ---- evidence_maps.c: which folio a page is of, and who maps it ---- */

struct folio_index {
	const struct evidence_folio *folios; /* ascending */
	size_t cnt;
	uint64_t *bits; /* one for each (pfn - first) >> shift: may it be in a folio? */
	uint64_t first, end;
	unsigned int shift;
	size_t last; /* where the last search ended: neighbours are often next */
};

int folio_index__init(struct folio_index *index, const struct evidence_folio *folios, size_t cnt);
void folio_index__free(struct folio_index *index);
/* Index of the folio that holds pfn; SIZE_MAX = none. */
size_t folio_index__find(struct folio_index *index, uint64_t pfn);

/*
 * Sets of processes while they grow: a set is the one before it plus a process
 * whose index is larger, so equal sets are the same node. Node 0 is the empty set.
 */
struct mappers {
	struct mapper_node {
		uint32_t before, proc;
		uint32_t next; /* the set that was made of this one last */
	} * nodes;
	size_t cnt, room;
	bool full; /* some could not be added */
};

int mappers__init(struct mappers *mappers);
/* The set plus proc, which must not be smaller than any in it. At worst the same set. */
uint32_t mappers__add(struct mappers *mappers, uint32_t set, uint32_t proc);
/* Turns nodes into sets: mapped_by's entries are rewritten. 0 or -ENOMEM. */
int mappers__finish(struct mappers *mappers, struct evidence *evidence, size_t folio_cnt);

struct map_area {
	uint64_t start, end;
	uint64_t bytes; /* mapped in it, or UINT64_MAX: unknown */
	bool skip;	/* special mappings of the kernel */
};

/*
 * The next area of maps or smaps, line by line: true when *area is complete.
 * line NULL = end of file. *open carries what is not complete yet.
 */
bool map_area__feed(struct map_area *open, const char *line, struct map_area *area);

struct evidence_reader;

/* Pagemap entries: page frame number of a present page, else 0. */
uint64_t pagemap_pfn(uint64_t entry);
/* Entries of pages from addr on into entries; how many, or -errno. */
ssize_t pagemap_read(int pagemap, uint64_t addr, uint64_t *entries, size_t cnt);
/*
 * Adds process number proc to the sets of what it maps. *found: something. 0 or
 * -errno; -EFBIG: all but areas that this kernel lets nobody read in time.
 */
int evidence_maps__read(struct evidence_reader *reader, int dir, uint32_t proc, bool *found);

/* ---- evidence_files.c ---- */

struct ring_buf {
	uint64_t addr, len;
};

/* An io_uring descriptor with buffers: each process' descriptor is one of these. */
struct ring_file {
	uint32_t pid, proc, file;
	int fd;
	uint64_t dev, ino;
	struct ring_buf *bufs;
	size_t buf_cnt;
};

/* One line of fdinfo; state is zero before the first line. 0 or -ENOMEM. */
struct ring_lines {
	bool in_bufs;
	uint64_t told; /* the kernel's own number of buffers */
	struct ring_buf *bufs;
	size_t cnt, room;
};
int ring_lines__feed(struct ring_lines *lines, const char *line);

/* Adds the process' open files that can hold pins. 0 or -errno: fds could not be read. */
int evidence_files__read(struct evidence_reader *reader, int dir, struct evidence_proc *proc,
			 uint32_t proc_index);

/* ---- evidence_rings.c ---- */

/* Finds the folios asked for in the rings' buffers. */
int evidence_rings__match(struct evidence_reader *reader);

/* ---- evidence_xdp.c ---- */

struct xdp_umem {
	uint64_t ino; /* of the socket */
	uint64_t bytes;
	uint32_t id, chunk_bytes;
};

struct xdp_umems {
	struct xdp_umem *umems;
	size_t cnt, room;
	uint64_t *netns; /* network name spaces that were asked: inode numbers */
	size_t netns_cnt, netns_room;
};

void xdp_umems__free(struct xdp_umems *umems);
/*
 * The umem of a process' socket; asks the kernel once for each network name
 * space. NULL: has none, or the kernel cannot tell (no xsk_diag).
 */
const struct xdp_umem *xdp_umems__find(struct xdp_umems *umems, int proc_dir, uint64_t ino);

struct evidence_reader {
	const struct evidence_source *source;
	const struct evidence_options *opts;
	struct evidence *out;
	int proc; /* the folder */
	bool want_maps;
	struct folio_index index;
	struct mappers mappers;
	struct xdp_umems xdp;
	struct ring_file *rings;
	size_t ring_cnt, ring_room;
	size_t proc_room, match_room;
	uint64_t *entries; /* room for PAGEMAP_ENTRIES */
	struct {
		uint64_t rdev;
		const char *kind;
	} devices[64]; /* a cache */
};

#define PAGEMAP_ENTRIES 65536

/* fopen() for reading, below a folder. */
FILE *open_at(int dir, const char *path);
/* Room for one more element in *array: 0 or -ENOMEM. */
int grow(void *array, size_t cnt, size_t *room, size_t size);

#endif
