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

/* The JSON in a file that nobody can change any more; or -errno. */
static int make_file(const struct snapshot *snap)
{
	cleanup_fd int fd = memfd_create("snapshot.json", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int copy = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3), err;
	FILE *out = copy < 0 ? NULL : fdopen(copy, "we");

	if (!out) {
		err = -errno;
		if (copy >= 0)
			close(copy);
		return err;
	}
	err = form_json(out, snap);
	if (fclose(out) && !err)
		err = -EIO;
	if (!err &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		err = -errno;
	if (err)
		return err;
	copy = fd;
	fd = -1;
	return copy;
}

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int feed__send(int feed, const struct snapshot *snap, const struct prom_self *self)
{
	cleanup_fd int file = make_file(snap);
	struct iovec part = { (void *)self, sizeof(*self) };
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

int feed__receive(int feed, int *file, struct prom_self *self)
{
	struct iovec part = { self, sizeof(*self) };
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
	if (got == sizeof(*self))
		return 1;
	close(*file);
	return -EPROTO;
}
