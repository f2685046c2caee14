/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways into the kernel that pin a process's pages, by plain system calls on
 * memory of its own. Knows nothing of BPF or the tracker. Devices must be there
 * already: nothing here loads modules or sets devices up.
 */
#ifndef GUP_WAYS_H
#define GUP_WAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum own_memory {
	MEMORY_ANON, /* small pages */
	MEMORY_THP,
	MEMORY_ZERO, /* small pages, never written: the zero page */
	MEMORY_MEMFD,
	MEMORY_HUGETLB,
	MEMORY_FILE, /* shared mapping of a file on a disk */
	MEMORY_DAX,  /* the same where the disk is memory (DAX) */
};

/* Memory, and what holds its pins. Begin with zeroes. */
struct hold {
	size_t pages; /* to pin: from addr */
	char *addr;
	void *map;
	size_t map_bytes;
	int fd;	       /* memory's file, -1 = none */
	int holder;    /* closing it releases the pins, -1 = none */
	int second;    /* another descriptor of the way, -1 = none */
	int disk;      /* a file on the disk that was asked for, -1 = none */
	uint32_t id;   /* the kernel's number for what the way has made */
	char why[128]; /* why it cannot be done here: "no /dev/udmabuf: modprobe udmabuf" */
};

/* A way to pin. arg: what the row of the table says besides ("ext4"). */
struct way {
	const char *name;
	bool transient; /* released before the call returns */
	enum own_memory memory;
	size_t pages; /* of an ordinary run: a prime, where the way takes any number */
	/* Makes all that needs no pin. NULL = nothing. */
	int (*prepare)(struct hold *hold, const char *arg);
	int (*pin)(struct hold *hold);
	int (*unpin)(struct hold *hold); /* NULL = closing the holder does it */
};

extern const struct way way_pv_read, way_pv_write, way_ring, way_pbuf_ring, way_mem_region, way_xdp,
	way_udmabuf, way_dio_read, way_dio_write, way_alg, way_vmsplice, way_zerocopy, way_rdma,
	way_vb2, way_sg, way_nvme, way_vfio, way_vfio_read, way_rdma_odp, way_block_read, way_futex,
	way_gup_test_fast, way_gup_test_fast_read, way_gup_test_pin, way_gup_test_longterm,
	way_gup_test_get_fast, way_gup_test_get, way_gup_test_held, way_iommufd_vfio,
	way_iommufd_mock, way_iommufd_file, way_user_event;

#define GUP_TEST_PAGES_PER_CALL 123 /* of gup_test: neither one nor a whole huge page */

/*
 * Maps touched memory and prepares the way. 0; -EOPNOTSUPP: not here, hold->why
 * says why; else -errno. pages 0 = the way's own number. Undo with hold__end().
 */
int hold__begin(struct hold *hold, const struct way *way, const char *arg, enum own_memory memory,
		size_t pages);
/* Pins. Errors as above. */
int hold__pin(struct hold *hold, const struct way *way);
/* Releases the pins; the memory stays mapped. */
void hold__unpin(struct hold *hold, const struct way *way);
void hold__end(struct hold *hold);

/* Says why, and gives -EOPNOTSUPP. */
int hold__cannot(struct hold *hold, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * A new, unlinked file of the hold's length on a writable mount of a file system
 * type; "" = any disk, "dax" = any file system on memory, which the others are not.
 */
int hold__open_disk(struct hold *hold, const char *type);
/* Opens the first device that the pattern finds and that opens; -1 = none. */
int open_first(const char *pattern, int flags);
/* KPF_* bits of the page frame that addr is mapped to; 0 = unknown. */
unsigned long long page_flags_of(const void *addr);
/* The page frame that addr is mapped to; 0 = unknown. */
unsigned long long pfn_of(const void *addr);

#endif
