// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to pin by /dev/iommu (CONFIG_IOMMUFD). Pages are pinned as they are mapped, once
 * a device is attached: one of VFIO, or the mock device of CONFIG_IOMMUFD_TEST. The
 * interface is that of linux/iommufd.h and linux/vfio.h, which old header packages
 * have not, and of drivers/iommu/iommufd/iommufd_test.h, which none has.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ways.h"

struct ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};

struct ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova;
};

struct ioas_map_file {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	int32_t fd;
	uint64_t start;
	uint64_t length;
	uint64_t iova;
};

struct ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length;
};

/* The kernel's has a union of many commands. */
struct test_cmd {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	uint64_t args[6];
	uint32_t last;
};

struct bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
};

struct attach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
};

#define IOAS_ALLOC _IO(';', 0x81)
#define IOAS_MAP _IO(';', 0x85)
#define IOAS_UNMAP _IO(';', 0x86)
#define IOAS_MAP_FILE _IO(';', 0x8f)
#define TEST_CMD _IO(';', 0xa0)
#define TEST_OP_MOCK_DOMAIN 2
#define MAP_WRITEABLE (1 << 1)
#define MAP_READABLE (1 << 2)
#define BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define ATTACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 19)

static size_t bytes_of(const struct hold *hold)
{
	return hold->pages * sysconf(_SC_PAGESIZE);
}

static int open_space(struct hold *hold)
{
	struct ioas_alloc alloc = { .size = sizeof(alloc) };

	hold->holder = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	if (hold->holder < 0)
		return hold__cannot(hold, "no /dev/iommu: this kernel has no IOMMUFD, or modprobe "
					  "iommufd");
	if (ioctl(hold->holder, IOAS_ALLOC, &alloc))
		return -errno;
	hold->id = alloc.out_ioas_id;
	return 0;
}

static int open_mock(struct hold *hold, const char *arg)
{
	struct test_cmd cmd = { .size = sizeof(cmd), .op = TEST_OP_MOCK_DOMAIN };
	int err = open_space(hold);

	(void)arg;
	if (err)
		return err;
	cmd.id = hold->id;
	if (!ioctl(hold->holder, TEST_CMD, &cmd))
		return 0;
	return errno == ENOTTY ? hold__cannot(hold, "no mock device (CONFIG_IOMMUFD_TEST)")
			       : -errno;
}

static int open_vfio(struct hold *hold, const char *arg)
{
	struct bind_iommufd bind = { .argsz = sizeof(bind) };
	struct attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	int err = open_space(hold);

	(void)arg;
	if (err)
		return err;
	hold->second = open_first("/dev/vfio/devices/vfio*", O_RDWR);
	if (hold->second < 0)
		return hold__cannot(hold, "no /dev/vfio/devices/vfio*: bind a device to vfio-pci");
	bind.iommufd = hold->holder;
	attach.pt_id = hold->id;
	if (ioctl(hold->second, BIND_IOMMUFD, &bind) ||
	    ioctl(hold->second, ATTACH_IOMMUFD_PT, &attach))
		return hold__cannot(hold, "the VFIO device cannot be attached: %s",
				    strerror(errno));
	return 0;
}

static int map_memory(struct hold *hold)
{
	struct ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_WRITEABLE | MAP_READABLE,
		.ioas_id = hold->id,
		.user_va = (uintptr_t)hold->addr,
		.length = bytes_of(hold),
	};

	return ioctl(hold->holder, IOAS_MAP, &map) ? -errno : 0;
}

static int map_file(struct hold *hold)
{
	struct ioas_map_file map = {
		.size = sizeof(map),
		.flags = MAP_WRITEABLE | MAP_READABLE,
		.ioas_id = hold->id,
		.fd = hold->fd,
		.length = bytes_of(hold),
	};

	if (!ioctl(hold->holder, IOAS_MAP_FILE, &map))
		return 0;
	return errno == ENOTTY ? hold__cannot(hold, "this kernel has no IOMMU_IOAS_MAP_FILE")
			       : -errno;
}

static int unmap_all(struct hold *hold)
{
	struct ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = hold->id,
		.length = UINT64_MAX,
	};

	return ioctl(hold->holder, IOAS_UNMAP, &unmap) ? -errno : 0;
}

const struct way way_iommufd_vfio = { "IOMMU_IOAS_MAP for a VFIO device",
				      false,
				      MEMORY_ANON,
				      103,
				      open_vfio,
				      map_memory,
				      unmap_all };
const struct way way_iommufd_mock = { "IOMMU_IOAS_MAP for a mock device",
				      false,
				      MEMORY_ANON,
				      107,
				      open_mock,
				      map_memory,
				      unmap_all };
const struct way way_iommufd_file = { "IOMMU_IOAS_MAP_FILE for a VFIO device",
				      false,
				      MEMORY_MEMFD,
				      109,
				      open_vfio,
				      map_file,
				      unmap_all };
