/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence of who may hold pins that nobody recorded: which processes map the
 * pages, have pages pinned or locked by the kernel's own accounts, or have open
 * files that can hold pins. From /proc, /sys and netlink only. Evidence that
 * could not be read is "not allowed to look", never "nobody".
 */
#ifndef GUP_EVIDENCE_H
#define GUP_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An open file that can hold pins. */
struct evidence_file {
	int fd;
	const char *kind;    /* as file_kind() of resolve.h */
	const char *path;    /* "/dev/infiniband/uverbs0", "[io_uring]", "socket:[123]" */
	uint64_t dev, ino;   /* of the file; an anonymous inode is shared by many files */
	uint64_t says_bytes; /* what fdinfo or netlink says it holds; 0 = says nothing */
	char says[64];	     /* "UserBufs 3, 12.0 MiB", "umem 256 chunks"; empty = nothing */
};

struct evidence_proc {
	uint32_t pid;
	uint32_t uid;  /* real */
	char comm[16]; /* raw: may hold spaces, parentheses, control characters */
	uint64_t start_boot_ns;
	uint64_t vm_pin_bytes, vm_lck_bytes, memlock_limit; /* UINT64_MAX = unlimited */
	bool fds_read, maps_read; /* false: not allowed to look, or gone meanwhile */
	struct evidence_file *files;
	size_t file_cnt;
};

/* Processes that map a hit, or rings that registered it: equal sets are kept once. */
struct evidence_set {
	const uint32_t *procs; /* indices in evidence.procs, ascending */
	uint32_t cnt;
};

/* A ring (or another file that tells addresses) whose buffers hold a hit: exact. */
struct evidence_match {
	uint32_t hit;  /* index of the pfn asked for */
	uint32_t proc; /* index in procs */
	uint32_t file; /* index in its files */
};

struct evidence {
	struct evidence_proc *procs; /* those of which there is anything to say */
	size_t proc_cnt;
	struct evidence_set *sets; /* sets[0] is the empty one */
	size_t set_cnt;
	uint32_t *mapped_by;		/* of each pfn asked for: index in sets */
	struct evidence_match *matches; /* ascending by hit */
	size_t match_cnt;
	bool complete;	 /* every process' files and maps could be read */
	uint32_t denied; /* processes that could not be looked at */
};

/* What to ask for: folios by head pfn and order, ascending. There can be millions. */
struct evidence_folio {
	uint64_t pfn : 56, order : 8;
};

struct evidence_options {
	const struct evidence_folio *folios;
	size_t folio_cnt;
	bool skip_maps; /* do not read pagemaps: only accounts and open files */
};

/* Reads /proc once. 0 or -errno. Free with evidence__free(). */
int evidence__read(const struct evidence_options *opts, struct evidence *evidence);
void evidence__free(struct evidence *evidence);

#endif
