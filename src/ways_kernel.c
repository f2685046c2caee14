// SPDX-License-Identifier: GPL-2.0-only
/* Ways to pin that need no device: process_vm, io_uring, sockets, files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/futex.h>
#include <linux/if_alg.h>
#include <linux/if_xdp.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util.h"
#include "ways.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif
#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

static size_t bytes_of(const struct hold *hold)
{
	return hold->pages * sysconf(_SC_PAGESIZE);
}

/* ---- process_vm_readv, process_vm_writev ---- */

static int pv_result(ssize_t done)
{
	return done == 1 ? 0 : done < 0 ? -errno : -EIO;
}

static int pin_pv_read(struct hold *hold)
{
	char byte;
	struct iovec local = { &byte, 1 }, remote = { hold->addr, bytes_of(hold) };

	return pv_result(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
}

static int pin_pv_write(struct hold *hold)
{
	char byte = 'w';
	struct iovec local = { &byte, 1 }, remote = { hold->addr, bytes_of(hold) };

	return pv_result(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
}

const struct way way_pv_read = {
	"process_vm_readv", true, MEMORY_ANON, 67, NULL, pin_pv_read, NULL
};
const struct way way_pv_write = { "process_vm_writev", true, MEMORY_ANON, 71, NULL,
				  pin_pv_write,	       NULL };

/* ---- io_uring ---- */

static int open_ring(struct hold *hold, const char *arg)
{
	struct io_uring_params params = {};

	(void)arg;
	hold->holder = syscall(__NR_io_uring_setup, 1, &params);
	if (hold->holder < 0)
		return hold__cannot(hold, "io_uring_setup: %s", strerror(errno));
	return 0;
}

static int ring_register(struct hold *hold, unsigned int what, const void *arg, unsigned int nr)
{
	return syscall(__NR_io_uring_register, hold->holder, what, arg, nr) < 0 ? -errno : 0;
}

static int pin_ring(struct hold *hold)
{
	struct iovec iov = { hold->addr, bytes_of(hold) };

	return ring_register(hold, IORING_REGISTER_BUFFERS, &iov, 1);
}

static int unpin_ring(struct hold *hold)
{
	return ring_register(hold, IORING_UNREGISTER_BUFFERS, NULL, 0);
}

const struct way way_ring = {
	"io_uring IORING_REGISTER_BUFFERS", false, MEMORY_ANON, 61, open_ring, pin_ring, unpin_ring
};

/* Entries are a power of two, so the pages are as well. */
static int pin_pbuf_ring(struct hold *hold)
{
	struct io_uring_buf_reg reg = {
		.ring_addr = (uintptr_t)hold->addr,
		.ring_entries = bytes_of(hold) / sizeof(struct io_uring_buf),
	};
	int err = ring_register(hold, IORING_REGISTER_PBUF_RING, &reg, 1);

	return err == -EINVAL ? hold__cannot(hold, "this kernel has no IORING_REGISTER_PBUF_RING")
			      : err;
}

const struct way way_pbuf_ring = {
	"io_uring IORING_REGISTER_PBUF_RING", false, MEMORY_ANON, 32, open_ring, pin_pbuf_ring, NULL
};

/* Newer than Debian 12's headers: Linux kernel commit 93238e661855 (in v6.13). */
#define REGISTER_MEM_REGION 34
#define REGION_TYPE_USER 1

struct region_desc {
	uint64_t user_addr, size;
	uint32_t flags, id;
	uint64_t mmap_offset, resv[4];
};

struct region_reg {
	uint64_t region, flags, resv[2];
};

static int pin_mem_region(struct hold *hold)
{
	struct region_desc desc = {
		.user_addr = (uintptr_t)hold->addr,
		.size = bytes_of(hold),
		.flags = REGION_TYPE_USER,
	};
	struct region_reg reg = { .region = (uintptr_t)&desc };
	int err = ring_register(hold, REGISTER_MEM_REGION, &reg, 1);

	return err == -EINVAL ? hold__cannot(hold, "this kernel has no IORING_REGISTER_MEM_REGION")
			      : err;
}

const struct way way_mem_region = { "io_uring IORING_REGISTER_MEM_REGION",
				    false,
				    MEMORY_ANON,
				    59,
				    open_ring,
				    pin_mem_region,
				    NULL };

/* ---- AF_XDP ---- */

static int open_xdp(struct hold *hold, const char *arg)
{
	(void)arg;
	hold->holder = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	return hold->holder < 0 ? hold__cannot(hold, "AF_XDP socket: %s", strerror(errno)) : 0;
}

static int pin_xdp(struct hold *hold)
{
	struct xdp_umem_reg reg = {
		.addr = (uintptr_t)hold->addr,
		.len = bytes_of(hold),
		.chunk_size = sysconf(_SC_PAGESIZE),
	};

	return setsockopt(hold->holder, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) ? -errno : 0;
}

const struct way way_xdp = {
	"setsockopt XDP_UMEM_REG", false, MEMORY_ANON, 73, open_xdp, pin_xdp, NULL
};

/* ---- O_DIRECT ---- */

static int open_direct(struct hold *hold, const char *type)
{
	int err = hold__open_disk(hold, type);

	if (err)
		return err;
	if (fcntl(hold->disk, F_SETFL, O_DIRECT))
		return hold__cannot(hold, "%s refuses O_DIRECT", type);
	return 0;
}

static int dio_result(const struct hold *hold, ssize_t done)
{
	return done == (ssize_t)bytes_of(hold) ? 0 : done < 0 ? -errno : -EIO;
}

static int pin_dio_read(struct hold *hold)
{
	return dio_result(hold, pread(hold->disk, hold->addr, bytes_of(hold), 0));
}

static int pin_dio_write(struct hold *hold)
{
	return dio_result(hold, pwrite(hold->disk, hold->addr, bytes_of(hold), 0));
}

const struct way way_dio_read = { "pread O_DIRECT", true,	  MEMORY_ANON, 79,
				  open_direct,	    pin_dio_read, NULL };
const struct way way_dio_write = { "pwrite O_DIRECT", true,	     MEMORY_ANON, 83,
				   open_direct,	      pin_dio_write, NULL };

/* ---- AF_ALG ---- */

static int open_alg(struct hold *hold, const char *arg)
{
	struct sockaddr_alg addr = {
		.salg_family = AF_ALG,
		.salg_type = "hash",
		.salg_name = "sha256",
	};

	(void)arg;
	hold->second = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (hold->second < 0 || bind(hold->second, (struct sockaddr *)&addr, sizeof(addr)))
		return hold__cannot(hold, "AF_ALG sha256: %s: modprobe algif_hash",
				    strerror(errno));
	hold->holder = accept4(hold->second, NULL, NULL, SOCK_CLOEXEC);
	return hold->holder < 0 ? -errno : 0;
}

static int pin_alg(struct hold *hold)
{
	ssize_t done = send(hold->holder, hold->addr, bytes_of(hold), 0);

	return dio_result(hold, done);
}

const struct way way_alg = { "AF_ALG sendmsg", true, MEMORY_ANON, 13, open_alg, pin_alg, NULL };

/* ---- plain references: the controls ---- */

/* Nobody waits there; the key of a futex that is not private is looked up by its page. */
static int pin_futex(struct hold *hold)
{
	return syscall(__NR_futex, hold->addr, FUTEX_WAKE, 1, NULL, NULL, 0) < 0 ? -errno : 0;
}

const struct way way_futex = { "FUTEX_WAKE", true, MEMORY_ANON, 1, NULL, pin_futex, NULL };

static int pin_vmsplice(struct hold *hold)
{
	struct iovec iov = { hold->addr, bytes_of(hold) };
	int ends[2];
	ssize_t done;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	hold->holder = ends[1];
	hold->second = ends[0];
	done = vmsplice(ends[1], &iov, 1, SPLICE_F_NONBLOCK);
	return dio_result(hold, done);
}

const struct way way_vmsplice = { "vmsplice", false, MEMORY_ANON, 11, NULL, pin_vmsplice, NULL };

/* A TCP connection to itself over the loopback, as only such sockets have zero copy. */
static int open_zerocopy(struct hold *hold, const char *arg)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cleanup_fd int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	int on = 1;

	(void)arg;
	hold->holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (server < 0 || bind(server, (struct sockaddr *)&addr, len) || listen(server, 1) ||
	    getsockname(server, (struct sockaddr *)&addr, &len) || hold->holder < 0 ||
	    connect(hold->holder, (struct sockaddr *)&addr, len))
		return hold__cannot(hold, "no TCP over the loopback: %s", strerror(errno));
	hold->second = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	if (hold->second < 0 || setsockopt(hold->holder, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)))
		return hold__cannot(hold, "SO_ZEROCOPY: %s", strerror(errno));
	return 0;
}

static int pin_zerocopy(struct hold *hold)
{
	return dio_result(
		hold, send(hold->holder, hold->addr, bytes_of(hold), MSG_ZEROCOPY | MSG_DONTWAIT));
}

const struct way way_zerocopy = { "send MSG_ZEROCOPY", false,	     MEMORY_ANON, 7,
				  open_zerocopy,       pin_zerocopy, NULL };
