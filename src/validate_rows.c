// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is promised: the 23 patches of "mm/gup: track dma-pinned pages: FOLL_PIN,
 * FOLL_LONGTERM" (November 2019), the rules of the kernel's
 * Documentation/core-api/pin_user_pages.rst, and the call sites.
 */
#include "validate_impl.h"

/* Direct I/O pins since the series around Linux kernel commit 1ccf164ec866 (in v6.5). */
#define DIO_GATE "folio_add_pin"
#define DIO_BEFORE "direct I/O takes plain references in this kernel"
#define FILE_BEFORE "this kernel still pins shared file mappings for long"

#define PATCH(n, words, ...)                                                 \
	{                                                                    \
		.part = PART_PATCHES, .id = n, .promise = words, __VA_ARGS__ \
	}
#define RULE(n, words, ...)                                                \
	{                                                                  \
		.part = PART_RULES, .id = n, .promise = words, __VA_ARGS__ \
	}
#define SITE(n, words, ...)                                                \
	{                                                                  \
		.part = PART_SITES, .id = n, .promise = words, __VA_ARGS__ \
	}

const struct row rows[] = {
	PATCH("1", "device-dax pages are pinned and got by the same flags", .check = check_cannot,
	      .arg = "needs a device-dax mapping"),
	PATCH("2", "pages of a huge page are recorded and counted together",
	      .check = check_huge_fast, .way = &way_xdp),
	PATCH("3", "a reference count about to overflow is refused", .check = check_cannot,
	      .arg = "an overflowing reference count cannot be made safely"),
	PATCH("4", "ZONE_DEVICE pages keep their 1-based reference count", .check = check_cannot,
	      .arg = "needs ZONE_DEVICE memory"),
	PATCH("5", "only one function is called pin_user_pages", .check = check_symbol,
	      .arg = "pin_user_pages"),
	PATCH("6", "IB/umem pins by the fast path", .check = check_way, .way = &way_rdma,
	      .want = WANT_LONGTERM),
	PATCH("7", "v4l2 releases as dirty what the device wrote", .check = check_way,
	      .way = &way_vb2, .want = WANT_DIRTY),
	PATCH("8", "FOLL_LONGTERM works for remote pins; vfio uses it", .check = check_way,
	      .way = &way_vfio, .want = WANT_LONGTERM),
	PATCH("9", "FOLL_PIN is internal to pin_user_pages*()", .check = check_flags),
	PATCH("10", "goldfish_pipe is converted", .check = check_modules, .arg = "goldfish_pipe"),
	PATCH("11", "hfi1, mthca, qib, usnic, siw and umem are converted", .check = check_modules,
	      .arg = "ib_core ib_uverbs hfi1 ib_mthca ib_qib usnic_verbs siw"),
	PATCH("12", "process_vm_access pins by pin_user_pages_remote", .check = check_process_vm,
	      .want = WANT_SHORT),
	PATCH("13", "drm/via is converted", .check = check_modules, .arg = "via"),
	PATCH("14", "io_uring's fixed buffers are pinned", .check = check_way, .way = &way_ring,
	      .want = WANT_LONGTERM),
	PATCH("15", "the umem of AF_XDP is pinned", .check = check_way, .way = &way_xdp,
	      .want = WANT_LONGTERM | WANT_DIRTY),
	PATCH("16", "a pin adds 1,024 references to a small page", .check = check_small),
	PATCH("17", "v4l2 pins for long", .check = check_way, .way = &way_vb2,
	      .want = WANT_LONGTERM),
	PATCH("18", "vfio releases as dirty what the device may have written", .check = check_way,
	      .way = &way_vfio, .want = WANT_LONGTERM | WANT_DIRTY),
	PATCH("19", "powerpc's iommu_api is converted", .check = check_cannot,
	      .arg = "not of this architecture"),
	PATCH("20", "gup_test passes FOLL_WRITE as asked", .check = check_gup_test_write),
	PATCH("21", "gup_test pins and verifies", .check = check_gup_test),
	PATCH("22", "run_vmtests covers FOLL_PIN", .check = check_gup_test_memory),
	PATCH("23", "a long-term reference is always a pin", .check = check_longterm),

	RULE("R1", "direct I/O pins, for a short time", .check = check_way, .way = &way_dio_read,
	     .want = WANT_SHORT, .gate = DIO_GATE, .no_gate = DIO_BEFORE),
	RULE("R2", "what a device keeps is pinned with FOLL_LONGTERM", .check = check_longterm),
	RULE("R3", "DAX pages are not pinned for long", .check = check_cannot,
	     .arg = "needs persistent memory with a DAX file system"),
	RULE("R4", "users of MMU notifiers need no pin", .check = check_reference,
	     .way = &way_rdma_odp, .want = WANT_NOTHING),
	RULE("R5", "who needs only struct page takes a reference", .check = check_reference,
	     .way = &way_vmsplice),
	RULE("R6", "who writes into the page's data pins", .check = check_cannot,
	     .arg = "cannot be told from calls: see --census for who still gets"),
	RULE("R7", "what is pinned is released by unpin_*", .check = check_released),
	RULE("R8", "FOLL_PIN is never passed by callers", .check = check_flags),
	RULE("R9", "FOLL_LONGTERM implies a pin", .check = check_longterm),
	RULE("R10", "an array of pages is required, and filled", .check = check_array),
	RULE("R11", "small pages count 1,024 a pin", .check = check_small),
	RULE("R12", "no pinned page looks unpinned", .check = check_never_missed, .way = &way_ring),
	RULE("R13", "the kernel's counters balance", .check = check_vmstat),
	RULE("R14", "huge pages count each of their pages", .check = check_huge),
	RULE("R15", "many pins of one page stay within the count", .check = check_many),
	RULE("V1", "pages returned = pins counted, but for the zero page", .check = check_zero),
	RULE("L8", "no long-term write pin of a shared file mapping", .check = check_file,
	     .way = &way_xdp, .gate = DIO_GATE, .no_gate = FILE_BEFORE),
	RULE("L11", "written file pages are released as dirty", .check = check_dirty,
	     .way = &way_pv_write, .want = WANT_DIRTY),

	SITE("process_vm_readv", "mm/process_vm_access.c, read", .check = check_way,
	     .way = &way_pv_read, .want = WANT_SHORT),
	SITE("process_vm_writev", "mm/process_vm_access.c, write", .check = check_way,
	     .way = &way_pv_write, .want = WANT_SHORT | WANT_DIRTY),
	SITE("io_uring-buffers", "io_uring fixed buffers", .check = check_way, .way = &way_ring,
	     .want = WANT_LONGTERM),
	SITE("io_uring-pbuf", "io_uring ring of provided buffers", .check = check_way,
	     .way = &way_pbuf_ring, .want = WANT_LONGTERM),
	SITE("io_uring-region", "io_uring memory region", .check = check_way,
	     .way = &way_mem_region, .want = WANT_LONGTERM),
	SITE("xdp-umem", "AF_XDP umem", .check = check_way, .way = &way_xdp,
	     .want = WANT_LONGTERM | WANT_DIRTY),
	SITE("rdma-umem", "RDMA memory region", .check = check_way, .way = &way_rdma,
	     .want = WANT_LONGTERM | WANT_DIRTY),
	SITE("vb2-userptr", "V4L2 buffer of the program's own", .check = check_way, .way = &way_vb2,
	     .want = WANT_LONGTERM),
	SITE("vfio-type1", "VFIO type 1 DMA mapping", .check = check_way, .way = &way_vfio,
	     .want = WANT_LONGTERM | WANT_DIRTY),
	SITE("vfio-file", "VFIO type 1, a file for the device to read", .check = check_way,
	     .way = &way_vfio_read, .want = WANT_LONGTERM),
	SITE("udmabuf", "dma-buf made of a memfd", .check = check_way, .way = &way_udmabuf),
	SITE("dio-ext4-read", "direct read, ext4", .check = check_way, .way = &way_dio_read,
	     .arg = "ext4", .want = WANT_SHORT, .gate = DIO_GATE, .no_gate = DIO_BEFORE),
	SITE("dio-ext4-write", "direct write, ext4", .check = check_way, .way = &way_dio_write,
	     .arg = "ext4", .want = WANT_SHORT, .gate = DIO_GATE, .no_gate = DIO_BEFORE),
	SITE("dio-xfs-read", "direct read, xfs", .check = check_way, .way = &way_dio_read,
	     .arg = "xfs", .want = WANT_SHORT, .gate = DIO_GATE, .no_gate = DIO_BEFORE),
	SITE("dio-xfs-write", "direct write, xfs", .check = check_way, .way = &way_dio_write,
	     .arg = "xfs", .want = WANT_SHORT, .gate = DIO_GATE, .no_gate = DIO_BEFORE),
	SITE("dio-btrfs-read", "direct read, btrfs", .check = check_way, .way = &way_dio_read,
	     .arg = "btrfs", .want = WANT_SHORT, .gate = DIO_GATE, .no_gate = DIO_BEFORE),
	SITE("dio-vfat-read", "direct read, FAT (folio_add_pin)", .check = check_way,
	     .way = &way_dio_read, .arg = "vfat", .want = WANT_SHORT, .gate = DIO_GATE,
	     .no_gate = DIO_BEFORE),
	SITE("dio-vfat-write", "direct write, FAT", .check = check_way, .way = &way_dio_write,
	     .arg = "vfat", .want = WANT_SHORT, .gate = DIO_GATE, .no_gate = DIO_BEFORE),
	SITE("dio-block-read", "direct read of a disk itself", .check = check_way,
	     .way = &way_block_read, .want = WANT_SHORT, .gate = DIO_GATE, .no_gate = DIO_BEFORE),
	SITE("alg", "AF_ALG hash", .check = check_way, .way = &way_alg, .want = WANT_SHORT,
	     .gate = DIO_GATE, .no_gate = "AF_ALG takes plain references in this kernel"),
	SITE("sg", "SCSI passthrough", .check = check_way, .way = &way_sg, .want = WANT_SHORT,
	     .gate = DIO_GATE, .no_gate = "passthrough takes plain references in this kernel"),
	SITE("nvme", "NVMe passthrough", .check = check_way, .way = &way_nvme, .want = WANT_SHORT,
	     .gate = DIO_GATE, .no_gate = "passthrough takes plain references in this kernel"),
	SITE("vmsplice", "pages in a pipe: references, no pins", .check = check_reference,
	     .way = &way_vmsplice),
	SITE("zerocopy", "MSG_ZEROCOPY: references, no pins", .check = check_reference,
	     .way = &way_zerocopy),
	SITE("futex", "key of a shared futex: a reference, no pin", .check = check_reference,
	     .way = &way_futex),
	SITE("rdma-odp", "RDMA memory region on demand: no pin", .check = check_reference,
	     .way = &way_rdma_odp, .want = WANT_NOTHING),
	{ 0 },
};
