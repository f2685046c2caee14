// SPDX-License-Identifier: GPL-2.0-only
/* Snapshots between two processes. See feed.h. */
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "forms.h"
#include "util.h"

/* A file in memory; *out writes it. -errno. */
static int open_file(const char *name, FILE **out)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3), err;

	*out = copy < 0 ? NULL : fdopen(copy, "we");
	if (*out)
		return fd;
	err = -errno;
	if (copy >= 0)
		close(copy);
	if (fd >= 0)
		close(fd);
	return err;
}

/* Nobody can change it any more. err: of writing it. fd, or -errno with it closed. */
static int seal_file(int fd, FILE *out, int err)
{
	if (fclose(out) && !err)
		err = -EIO;
	if (!err &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* Sends a file, which it closes, with what is told about it. */
static int send_file(int feed, int fd, const void *about, size_t bytes)
{
	cleanup_fd int file = fd;
	struct iovec part = { (void *)about, bytes };
	union control control = {};
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (file < 0)
		return file;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &file, sizeof(file));
	if (sendmsg(feed, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

/* 1, and *file is the caller's; 0: the other side has gone; or -errno. */
static int receive_file(int feed, int *file, void *about, size_t bytes)
{
	struct iovec part = { about, bytes };
	union control control = {};
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t got = recvmsg(feed, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg;

	if (got <= 0)
		return got ? -errno : 0;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(file, CMSG_DATA(cmsg), sizeof(*file));
	if ((size_t)got == bytes)
		return 1;
	close(*file);
	return -EPROTO;
}

int feed__send(int feed, const struct snapshot *snap, const struct prom_self *self)
{
	FILE *out;
	int fd = open_file("snapshot.json", &out);

	if (fd >= 0)
		fd = seal_file(fd, out, form_json(out, snap));
	return send_file(feed, fd, self, sizeof(*self));
}

int feed__receive(int feed, int *file, struct prom_self *self)
{
	return receive_file(feed, file, self, sizeof(*self));
}

int feed__send_page(int feed, const void *text, size_t bytes, const struct feed_page *page)
{
	FILE *out;
	int fd = open_file("page", &out);

	if (fd >= 0)
		fd = seal_file(fd, out, fwrite(text, 1, bytes, out) == bytes ? 0 : -EIO);
	return send_file(feed, fd, page, sizeof(*page));
}

int feed__receive_page(int feed, int *file, struct feed_page *page)
{
	return receive_file(feed, file, page, sizeof(*page));
}
