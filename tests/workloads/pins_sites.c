// SPDX-License-Identifier: GPL-2.0
/*
 * The call sites that pins can drive: one row in pin_sites[], one function to pin and one to
 * release. A site that this kernel lacks gives EXIT_SKIP with the reason.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_xdp.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pins.h"

#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif

/* Close what holds the pins; the kernel lets go of them then, or a moment later. */
static int close_fd(struct job *job)
{
	int fd = job->fd;

	job->fd = -1;
	return close(fd) ? fail("close") : 0;
}

/* ---- process_vm_readv, process_vm_writev ---- */

static int pin_pvread(struct job *job)
{
	return pv_pin(job->target ? job->target : getpid(), job->mem.addr, job->count, false);
}

static int pin_pvwrite(struct job *job)
{
	return pv_pin(job->target ? job->target : getpid(), job->mem.addr, job->count, true);
}

/* ---- io_uring ---- */

static int pin_iouring(struct job *job)
{
	int status;

	job->fd = uring__pin(&job->mem, &status);
	return status;
}

static int unregister(struct job *job)
{
	int err = uring__unregister(job->fd);

	errno = -err;
	return err ? fail("io_uring: unregistering") : 0;
}

static int release_iouring(struct job *job)
{
	int status = unregister(job);

	return close_fd(job) ? EXIT_RUN : status;
}

/* ---- AF_XDP ---- */

static int pin_xdp(struct job *job)
{
	struct xdp_umem_reg reg = {
		.addr = (unsigned long)job->mem.addr,
		.len = job->mem.len,
		.chunk_size = page_size(),
	};

	job->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (job->fd < 0)
		return errno == EAFNOSUPPORT || errno == EPERM ? skip("AF_XDP socket")
							       : fail("AF_XDP socket");
	if (setsockopt(job->fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)))
		return fail("XDP_UMEM_REG of %zu bytes", job->mem.len);
	return 0;
}

/* ---- udmabuf ---- */

static int pin_udmabuf(struct job *job)
{
	struct udmabuf_create create = { .memfd = job->mem.fd, .size = job->mem.len };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int status = 0;

	if (dev < 0)
		return skip("/dev/udmabuf");
	create.flags = UDMABUF_FLAGS_CLOEXEC;
	job->fd = ioctl(dev, UDMABUF_CREATE, &create);
	if (job->fd < 0)
		status = fail("UDMABUF_CREATE of %zu bytes", job->mem.len);
	close(dev);
	return status;
}

/* ---- O_DIRECT ---- */

static int open_direct(struct job *job, int flags)
{
	int fd, status;

	errno = 0;
	if (!job->path)
		return fail("this site needs --path PATH");
	fd = open(job->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail("%s", job->path);
	status = fill_file(fd, job->path, job->mem.len);
	close(fd);
	if (status)
		return status;
	job->fd = open(job->path, flags | O_DIRECT | O_CLOEXEC);
	if (job->fd < 0)
		return errno == EINVAL ? skip("%s: no O_DIRECT there", job->path)
				       : fail("%s", job->path);
	return 0;
}

static int prepare_odread(struct job *job)
{
	return open_direct(job, O_RDONLY);
}

static int prepare_odwrite(struct job *job)
{
	return open_direct(job, O_WRONLY);
}

static int direct_io(struct job *job, bool write)
{
	size_t block = job->block ? job->block : job->mem.len;

	for (size_t off = 0; off < job->mem.len; off += block) {
		size_t want = job->mem.len - off < block ? job->mem.len - off : block;
		char *buf = job->mem.addr + off;
		ssize_t done =
			write ? pwrite(job->fd, buf, want, off) : pread(job->fd, buf, want, off);

		if (done == (ssize_t)want)
			continue;
		if (done >= 0)
			errno = 0;
		return fail("%s: %zd of %zu bytes at %zu", job->path, done, want, off);
	}
	return 0;
}

static int pin_odread(struct job *job)
{
	return direct_io(job, false);
}

static int pin_odwrite(struct job *job)
{
	return direct_io(job, true);
}

/* ---- the control: references, not pins ---- */

static int hold_in_pipe(struct job *job)
{
	struct iovec buf = { job->mem.addr, job->mem.len };
	int ends[2];
	ssize_t done;

	if (pipe2(ends, O_CLOEXEC))
		return fail("pipe");
	/* The pages stay in the pipe while either end is open. */
	job->fd = ends[1];
	if (fcntl(ends[1], F_SETPIPE_SZ, job->mem.len) < 0)
		return fail("a pipe of %zu bytes", job->mem.len);
	done = vmsplice(ends[1], &buf, 1, 0);
	if (done >= 0)
		errno = 0;
	close(ends[0]);
	return done == (ssize_t)buf.iov_len ? 0
					    : fail("vmsplice: %zd of %zu bytes", done, buf.iov_len);
}

/* ---- the table ---- */

const struct site pin_sites[] = {
	{ "pvread", "process_vm_readv of itself, or of a child (--child)", "anon", 1021,
	  .transient = true, .pin = pin_pvread },
	{ "pvwrite", "process_vm_writev, the same", "anon", 1021, .transient = true,
	  .pin = pin_pvwrite },
	{ "iouring", "register a buffer; unregister, close", "anon", 1031, .pin = pin_iouring,
	  .release = release_iouring },
	{ "iouring-close", "register a buffer; close without unregistering", "anon", 1031,
	  .pin = pin_iouring, .release = close_fd },
	{ "iouring-noclose", "register a buffer; unregister, leave the ring open", "anon", 1031,
	  .pin = pin_iouring, .release = unregister },
	{ "iouring-exit", "a child process registers a buffer and exits so", "anon", 1031,
	  .in_child = true, .pin = pin_iouring },
	{ "xdp", "AF_XDP umem; close", "anon", 1031, .pin = pin_xdp, .release = close_fd },
	{ "udmabuf", "dma-buf made of a memfd; close", "memfd", 1031, .pin = pin_udmabuf,
	  .release = close_fd },
	{ "odread", "O_DIRECT read of a file or block device (--path)", "anon", 509,
	  .transient = true, .prepare = prepare_odread, .pin = pin_odread },
	{ "odwrite", "O_DIRECT write, the same; a device is overwritten", "anon", 509,
	  .transient = true, .prepare = prepare_odwrite, .pin = pin_odwrite },
	{ "vmsplice", "pages in a pipe by get_user_pages_fast: no pin (control); close", "anon",
	  251, .pin = hold_in_pipe, .release = close_fd },
	{ 0 },
};
