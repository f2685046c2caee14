// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's socket: one daemon at a time, root and one group. See pind_impl.h. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pind_impl.h"
#include "util.h"

#define PIND_GROUP "gup-pin"
#define BACKLOG 128

static void explain(const char *path)
{
	if (errno == EACCES || errno == EPERM)
		warnx("can't write %s: run it as root, or choose another --socket", path);
	else
		warn("%s", path);
}

/* The folder that the socket is in, if only that is missing. */
static int make_folder(const char *socket)
{
	char path[PIND_SOCKET_MAX];

	snprintf(path, sizeof(path), "%s", socket);
	if (!mkdir(dirname(path), 0755) || errno == EEXIST)
		return 0;
	explain(path);
	return -1;
}

/* Held as long as the descriptor is open, so a killed daemon leaves nothing locked. */
static int lock(const char *socket)
{
	char path[PIND_SOCKET_MAX + 8];
	int fd;

	snprintf(path, sizeof(path), "%s.lock", socket);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		explain(path);
		return -1;
	}
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	if (errno == EWOULDBLOCK)
		warnx("another gup-pind serves %s: end it first, or choose another --socket",
		      socket);
	else
		warn("%s", path);
	close(fd);
	return -1;
}

/* Group gup-pin may be missing; one that was asked for may not. */
static int give_to_group(const char *socket, const char *name)
{
	const struct group *group = getgrnam(*name ? name : PIND_GROUP);

	if (!group && !*name)
		return 0;
	if (!group) {
		warnx("no group '%s': make it, or choose another --group", name);
		return -1;
	}
	if (!chown(socket, -1, group->gr_gid))
		return 0;
	warn("%s", socket);
	return -1;
}

/* What a daemon that was killed has left; anything but a socket is somebody's and stays. */
static int remove_old(const char *socket)
{
	struct stat st;

	if (lstat(socket, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		warnx("%s is there and no socket: remove it, or choose another --socket", socket);
		return -1;
	}
	if (!unlink(socket))
		return 0;
	warn("%s", socket);
	return -1;
}

static int listen_at(const struct pind_config *config)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), failed;
	mode_t mask;

	if (fd < 0) {
		warn("socket");
		return -1;
	}
	memcpy(addr.sun_path, config->socket, sizeof(addr.sun_path));
	mask = umask(0177); /* nobody else before the group is set */
	failed = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (failed || listen(fd, BACKLOG))
		warn("%s", config->socket);
	else if (!give_to_group(config->socket, config->group) && !chmod(config->socket, 0660))
		return fd;
	close(fd);
	if (!failed)
		unlink(config->socket);
	return -1;
}

int pind_socket__open(const struct pind_config *config, int *lock_fd)
{
	int fd = -1;

	*lock_fd = make_folder(config->socket) ? -1 : lock(config->socket);
	if (*lock_fd >= 0 && !remove_old(config->socket))
		fd = listen_at(config);
	if (fd < 0 && *lock_fd >= 0) {
		close(*lock_fd);
		*lock_fd = -1;
	}
	return fd;
}

void pind_socket__close(const struct pind_config *config, int fd, int lock_fd)
{
	char path[PIND_SOCKET_MAX + 8];

	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "%s.lock", config->socket);
	unlink(config->socket);
	unlink(path);
	close(fd);
	close(lock_fd);
}
