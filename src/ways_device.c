// SPDX-License-Identifier: GPL-2.0-only
/* Ways to pin that need a device; each finds the first one that will do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <linux/udmabuf.h>
#include <linux/vfio.h>
#include <linux/videodev2.h>
#include <rdma/ib_user_verbs.h>
#include <scsi/sg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util.h"
#include "ways.h"

static size_t bytes_of(const struct hold *hold)
{
	return hold->pages * sysconf(_SC_PAGESIZE);
}

/* ---- udmabuf: memfd_pin_folios() ---- */

static int open_udmabuf(struct hold *hold, const char *arg)
{
	(void)arg;
	hold->second = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	return hold->second < 0 ? hold__cannot(hold, "no /dev/udmabuf: modprobe udmabuf") : 0;
}

static int pin_udmabuf(struct hold *hold)
{
	struct udmabuf_create create = {
		.memfd = hold->fd,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = bytes_of(hold),
	};

	hold->holder = ioctl(hold->second, UDMABUF_CREATE, &create);
	return hold->holder < 0 ? -errno : 0;
}

const struct way way_udmabuf = { "UDMABUF_CREATE", false,	MEMORY_MEMFD, 53,
				 open_udmabuf,	   pin_udmabuf, NULL };

/* ---- RDMA: a memory region by the verbs' write interface ---- */

/* enum ib_uverbs_access_flags, in a header of its own that clashes with the verbs' one. */
#define ACCESS_LOCAL_WRITE 1
#define ACCESS_ON_DEMAND (1 << 6)

static int verb(int fd, uint32_t command, void *cmd, size_t len, size_t resp_len)
{
	struct ib_uverbs_cmd_hdr *hdr = cmd;

	hdr->command = command;
	hdr->in_words = len / 4;
	hdr->out_words = resp_len / 4;
	return write(fd, cmd, len) == (ssize_t)len ? 0 : -errno;
}

static int open_rdma(struct hold *hold, const char *arg)
{
	struct ib_uverbs_get_context_resp resp = {};
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_get_context cmd;
	} context = { .cmd.response = (uintptr_t)&resp };

	(void)arg;
	hold->holder = open_first("/dev/infiniband/uverbs*", O_RDWR);
	if (hold->holder < 0)
		return hold__cannot(hold, "no RDMA device: modprobe rdma_rxe; rdma link add");
	if (verb(hold->holder, IB_USER_VERBS_CMD_GET_CONTEXT, &context, sizeof(context),
		 sizeof(resp)))
		return hold__cannot(hold, "this RDMA device wants its own library");
	hold->second = resp.async_fd;
	return 0;
}

static int register_mr(struct hold *hold, uint32_t access)
{
	struct ib_uverbs_alloc_pd_resp pd = {};
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_alloc_pd cmd;
	} alloc = { .cmd.response = (uintptr_t)&pd };
	struct ib_uverbs_reg_mr_resp mr = {};
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_reg_mr cmd;
	} reg = { .cmd = { .response = (uintptr_t)&mr,
			   .start = (uintptr_t)hold->addr,
			   .length = bytes_of(hold),
			   .hca_va = (uintptr_t)hold->addr,
			   .access_flags = access } };
	int err = verb(hold->holder, IB_USER_VERBS_CMD_ALLOC_PD, &alloc, sizeof(alloc), sizeof(pd));

	if (err)
		return err;
	reg.cmd.pd_handle = pd.pd_handle;
	return verb(hold->holder, IB_USER_VERBS_CMD_REG_MR, &reg, sizeof(reg), sizeof(mr));
}

static int pin_rdma(struct hold *hold)
{
	return register_mr(hold, ACCESS_LOCAL_WRITE);
}

static int pin_rdma_odp(struct hold *hold)
{
	int err = register_mr(hold, ACCESS_LOCAL_WRITE | ACCESS_ON_DEMAND);

	return err == -EOPNOTSUPP || err == -EINVAL
		       ? hold__cannot(hold, "this RDMA device has no on-demand paging")
		       : err;
}

/* The context goes with its file, and that when its event file is closed as well. */
static int unpin_rdma(struct hold *hold)
{
	close(hold->second);
	hold->second = -1;
	return 0;
}

const struct way way_rdma = { "ib_uverbs REG_MR", false,    MEMORY_ANON, 47,
			      open_rdma,	  pin_rdma, unpin_rdma };
const struct way way_rdma_odp = {
	"ib_uverbs REG_MR on demand", false, MEMORY_ANON, 37, open_rdma, pin_rdma_odp, unpin_rdma
};

/* ---- video: a buffer of the program's own ---- */

static int open_vb2(struct hold *hold, const char *arg)
{
	struct v4l2_format fmt = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE };
	struct v4l2_requestbuffers req = { .count = 1,
					   .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
					   .memory = V4L2_MEMORY_USERPTR };

	(void)arg;
	hold->holder = open_first("/dev/video*", O_RDWR);
	if (hold->holder < 0)
		return hold__cannot(hold, "no video device: modprobe vivid");
	/* 115,200 bytes: 29 pages. */
	fmt.fmt.pix.width = 320;
	fmt.fmt.pix.height = 180;
	fmt.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
	if (ioctl(hold->holder, VIDIOC_S_FMT, &fmt) || fmt.fmt.pix.sizeimage > bytes_of(hold))
		return hold__cannot(hold, "the video device has no small format");
	if (ioctl(hold->holder, VIDIOC_REQBUFS, &req) || !req.count)
		return hold__cannot(hold, "the video device takes no USERPTR buffers");
	return 0;
}

static int pin_vb2(struct hold *hold)
{
	struct v4l2_buffer buf = { .type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
				   .memory = V4L2_MEMORY_USERPTR,
				   .m.userptr = (uintptr_t)hold->addr,
				   .length = bytes_of(hold) };

	return ioctl(hold->holder, VIDIOC_QBUF, &buf) ? -errno : 0;
}

const struct way way_vb2 = { "V4L2 USERPTR QBUF", false, MEMORY_ANON, 29, open_vb2, pin_vb2, NULL };

/* ---- passthrough commands ---- */

static int open_sg(struct hold *hold, const char *arg)
{
	(void)arg;
	hold->disk = open_first("/dev/sd[a-z]", O_RDONLY | O_NONBLOCK);
	return hold->disk < 0 ? hold__cannot(hold, "no SCSI disk: modprobe scsi_debug") : 0;
}

/* INQUIRY harms no device, and however little it answers, the whole buffer is mapped. */
static int pin_sg(struct hold *hold)
{
	size_t bytes = bytes_of(hold);
	unsigned char inquiry[6] = { 0x12, 0, 0, bytes >> 8, bytes & 0xff, 0 }, sense[32];
	struct sg_io_hdr io = {
		.interface_id = 'S',
		.dxfer_direction = SG_DXFER_FROM_DEV,
		.cmd_len = sizeof(inquiry),
		.cmdp = inquiry,
		.mx_sb_len = sizeof(sense),
		.sbp = sense,
		.dxfer_len = bytes,
		.dxferp = hold->addr,
		.timeout = 5000,
	};

	return ioctl(hold->disk, SG_IO, &io) ? -errno : 0;
}

const struct way way_sg = { "SG_IO INQUIRY", true, MEMORY_ANON, 13, open_sg, pin_sg, NULL };

static int open_nvme(struct hold *hold, const char *arg)
{
	(void)arg;
	hold->disk = open_first("/dev/nvme[0-9]n[0-9]", O_RDONLY);
	return hold->disk < 0 ? hold__cannot(hold, "no NVMe disk") : 0;
}

static int pin_nvme(struct hold *hold)
{
	int ns = ioctl(hold->disk, NVME_IOCTL_ID);
	struct nvme_passthru_cmd read = {
		.opcode = 2,
		.nsid = ns,
		.addr = (uintptr_t)hold->addr,
		.data_len = bytes_of(hold),
		.cdw12 = bytes_of(hold) / 512 - 1,
	};

	if (ns < 0)
		return -errno;
	return ioctl(hold->disk, NVME_IOCTL_IO_CMD, &read) ? -EIO : 0;
}

const struct way way_nvme = {
	"NVME_IOCTL_IO_CMD read", true, MEMORY_ANON, 17, open_nvme, pin_nvme, NULL
};

/* ---- a disk itself, read only ---- */

static int open_block(struct hold *hold, const char *arg)
{
	static const char *const disks[] = { "/dev/nvme[0-9]n[0-9]", "/dev/vd[a-z]",
					     "/dev/sd[a-z]" };

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(disks) && hold->disk < 0; i++)
		hold->disk = open_first(disks[i], O_RDONLY | O_DIRECT);
	return hold->disk < 0 ? hold__cannot(hold, "no NVMe, virtio or SCSI disk can be opened")
			      : 0;
}

static int read_block(struct hold *hold)
{
	ssize_t done = pread(hold->disk, hold->addr, bytes_of(hold), 0);

	return done == (ssize_t)bytes_of(hold) ? 0 : done < 0 ? -errno : -EIO;
}

const struct way way_block_read = {
	"pread O_DIRECT of a disk", true, MEMORY_ANON, 89, open_block, read_block, NULL
};

/* ---- VFIO ---- */

static int open_vfio(struct hold *hold, const char *arg)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	(void)arg;
	hold->second = open_first("/dev/vfio/[0-9]*", O_RDWR);
	if (hold->second < 0)
		return hold__cannot(hold, "no VFIO group: bind a device to vfio-pci");
	hold->holder = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (hold->holder < 0 || ioctl(hold->second, VFIO_GROUP_GET_STATUS, &status) ||
	    !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		return hold__cannot(hold, "the VFIO group has devices of other drivers");
	if (ioctl(hold->second, VFIO_GROUP_SET_CONTAINER, &hold->holder) ||
	    ioctl(hold->holder, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return hold__cannot(hold, "no type 1 IOMMU: %s", strerror(errno));
	return 0;
}

static int map_dma(struct hold *hold, uint32_t flags)
{
	struct vfio_iommu_type1_dma_map dma = {
		.argsz = sizeof(dma),
		.flags = flags,
		.vaddr = (uintptr_t)hold->addr,
		.iova = 1 << 20,
		.size = bytes_of(hold),
	};

	return ioctl(hold->holder, VFIO_IOMMU_MAP_DMA, &dma) ? -errno : 0;
}

static int pin_vfio(struct hold *hold)
{
	return map_dma(hold, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
}

static int pin_vfio_read(struct hold *hold)
{
	return map_dma(hold, VFIO_DMA_MAP_FLAG_READ);
}

static int unpin_vfio(struct hold *hold)
{
	struct vfio_iommu_type1_dma_unmap dma = {
		.argsz = sizeof(dma),
		.iova = 1 << 20,
		.size = bytes_of(hold),
	};

	return ioctl(hold->holder, VFIO_IOMMU_UNMAP_DMA, &dma) ? -errno : 0;
}

const struct way way_vfio = {
	"VFIO_IOMMU_MAP_DMA", false, MEMORY_ANON, 43, open_vfio, pin_vfio, unpin_vfio
};
const struct way way_vfio_read = { "VFIO_IOMMU_MAP_DMA for reading",
				   false,
				   MEMORY_FILE,
				   41,
				   open_vfio,
				   pin_vfio_read,
				   unpin_vfio };
