// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's TCP listener, if there is to be one. See pind_impl.h. */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pind_impl.h"

#define BACKLOG 128

/* Takes "9750", "127.0.0.1:9750" or "[::1]:9750" apart. */
static struct addrinfo *parse(const char *where)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found = NULL;
	char text[64], *port, *address = text;

	snprintf(text, sizeof(text), "%s", where);
	port = strrchr(text, ':');
	if (port)
		*port++ = '\0';
	if (port && *text == '[' && port[-2] == ']') {
		address++;
		port[-2] = '\0';
	}
	if (getaddrinfo(port ? address : "127.0.0.1", port ? port : text, &hints, &found))
		return NULL;
	return found;
}

int pind_tcp__open(const char *where)
{
	struct addrinfo *found = parse(where);
	const int yes = 1;
	int fd;

	if (!found) {
		warnx("can't listen on '%s': use PORT, 127.0.0.1:PORT or [::1]:PORT", where);
		return -1;
	}
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) ||
	    bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, BACKLOG)) {
		warn("can't listen on '%s'", where);
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}
