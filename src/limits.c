// SPDX-License-Identifier: GPL-2.0-only
/*
 * Puts the accounts side by side: the scan says what is pinned, the evidence
 * who maps it and what open files and /proc say. Interface: include/pin_limits.h.
 */
#include "pin_limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence.h"
#include "scan.h"
#include "util.h"

/*
 * Read in the kernel's source (io_uring/rsrc.c, drivers/infiniband/core/umem.c,
 * drivers/vfio/vfio_iommu_type1.c, drivers/iommu/iommufd/pages.c,
 * net/xdp/xdp_umem.c, lib/iov_iter.c, drivers/dma-buf/udmabuf.c,
 * drivers/media/common/videobuf2/frame_vector.c) or shown by tests/unit/test_limits.c.
 */
static const struct limits_charge charges[] = {
	{ "io_uring buffers", "user, VmPin", "MEMLOCK per user; none with CAP_IPC_LOCK",
	  "with CAP_IPC_LOCK not charged to the user" },
	{ "RDMA regions", "VmPin", "MEMLOCK per process; none with CAP_IPC_LOCK",
	  "the same page counts twice in two regions" },
	{ "VFIO type1", "VmLck", "MEMLOCK per process; none with CAP_IPC_LOCK",
	  "the same page counts twice in two containers" },
	{ "iommufd", "user, VmPin", "MEMLOCK per user, also with CAP_IPC_LOCK",
	  "as VFIO's stand-in charges VmLck, not the user" },
	{ "AF_XDP umem", "user", "MEMLOCK per user; none with CAP_IPC_LOCK",
	  "with CAP_IPC_LOCK not charged at all" },
	{ "process_vm_*", "nothing", "none", "lasts for the call only" },
	{ "O_DIRECT", "nothing", "none", "lasts for the transfer only" },
	{ "udmabuf", "nothing", "its own, by number and size", "not in any account" },
	{ "V4L2 USERPTR", "nothing", "none", "not in any account" },
};

const struct limits_charge *limits__charges(size_t *cnt)
{
	*cnt = ARRAY_SIZE(charges);
	return charges;
}

/* The pinned folios, as the evidence asks for them. bytes: of each. */
static struct evidence_folio *pinned_folios(const struct scan_result *scan, size_t *cnt)
{
	struct evidence_folio *folios = calloc(scan->hit_cnt + 1, sizeof(*folios));

	*cnt = 0;
	for (size_t i = 0; folios && i < scan->hit_cnt; i++)
		if (scan->hits[i].certain && scan->hits[i].pins)
			folios[(*cnt)++] =
				(struct evidence_folio){ scan->hits[i].pfn, scan->hits[i].order };
	return folios;
}

/* Without the scan the rest is still worth having: *cnt is 0 then. */
static int scan_pinned(struct evidence_folio **folios, size_t *cnt)
{
	struct scan_options opts = {};
	struct scan_result result = {};
	struct scanner *scanner = scanner__open();
	int err;

	if (!scanner)
		return -errno;
	err = scanner__run(scanner, &opts, &result);
	if (!err)
		*folios = pinned_folios(&result, cnt);
	scan_result__free(&result);
	scanner__close(scanner);
	return err ?: *folios ? err : -ENOMEM;
}

static uint64_t file_bytes(const struct evidence_proc *proc)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < proc->file_cnt; i++) {
		size_t before = 0;

		while (before < i && (proc->files[before].dev != proc->files[i].dev ||
				      proc->files[before].ino != proc->files[i].ino))
			before++;
		if (before == i)
			bytes += proc->files[i].says_bytes;
	}
	return bytes;
}

static int compare_procs(const void *left, const void *right)
{
	const struct limits_proc *a = left, *b = right;

	return (a->pinned_bytes < b->pinned_bytes) - (a->pinned_bytes > b->pinned_bytes) ?:
	       (a->file_bytes < b->file_bytes) - (a->file_bytes > b->file_bytes) ?:
	       (a->vm_pin_bytes < b->vm_pin_bytes) - (a->vm_pin_bytes > b->vm_pin_bytes) ?:
	       (a->pid > b->pid) - (a->pid < b->pid);
}

static int take_procs(struct limits *limits, const struct evidence *evidence,
		      const struct evidence_folio *folios, size_t folio_cnt)
{
	uint64_t page_bytes = sysconf(_SC_PAGESIZE);
	size_t kept = 0;

	limits->procs = calloc(evidence->proc_cnt + 1, sizeof(*limits->procs));
	if (!limits->procs)
		return -ENOMEM;
	for (size_t i = 0; i < folio_cnt; i++) {
		const struct evidence_set *set = &evidence->sets[evidence->mapped_by[i]];

		for (uint32_t j = 0; j < set->cnt; j++)
			limits->procs[set->procs[j]].pinned_bytes += page_bytes << folios[i].order;
	}
	for (size_t i = 0; i < evidence->proc_cnt; i++) {
		const struct evidence_proc *proc = &evidence->procs[i];
		struct limits_proc *to = &limits->procs[kept];

		to->pinned_bytes = limits->procs[i].pinned_bytes;
		to->pid = proc->pid;
		to->uid = proc->uid;
		memcpy(to->comm, proc->comm, sizeof(to->comm));
		to->file_bytes = file_bytes(proc);
		to->vm_pin_bytes = proc->vm_pin_bytes;
		to->vm_lck_bytes = proc->vm_lck_bytes;
		to->memlock_bytes = proc->memlock_limit;
		kept += to->pinned_bytes || to->file_bytes || to->vm_pin_bytes || to->vm_lck_bytes;
	}
	limits->proc_cnt = kept;
	qsort(limits->procs, kept, sizeof(*limits->procs), compare_procs);
	return 0;
}

static void take_users(struct limits *limits)
{
	size_t kept = 0;

	limits->users_err = limits_users__read(&limits->users, &limits->user_cnt);
	for (size_t i = 0; i < limits->user_cnt; i++)
		if (limits->users[i].locked_bytes)
			limits->users[kept++] = limits->users[i];
	limits->user_cnt = kept;
}

int limits__read(struct limits *limits)
{
	cleanup_free struct evidence_folio *folios = NULL;
	struct evidence_options opts = {};
	struct evidence evidence;
	int err;

	*limits = (struct limits){};
	limits->scan_err = scan_pinned(&folios, &opts.folio_cnt);
	opts.folios = folios;
	err = evidence__read(&opts, &evidence);
	if (err)
		return err;
	limits->complete = evidence.complete;
	limits->denied = evidence.denied;
	err = take_procs(limits, &evidence, folios, opts.folio_cnt);
	evidence__free(&evidence);
	if (!err)
		take_users(limits);
	else
		limits__free(limits);
	return err;
}

void limits__free(struct limits *limits)
{
	free(limits->procs);
	free(limits->users);
	*limits = (struct limits){};
}
