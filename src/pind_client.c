// SPDX-License-Identifier: GPL-2.0-only
/* One GET over gup-pind's socket. See pind_client.h. */
#include "pind_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "forms.h"
#include "pind.h"
#include "util.h"

#define CHUNK 65536

struct answer {
	char *text;
	size_t bytes, room;
};

static const char *path_of(const struct pind_client *client)
{
	return client->socket ? client->socket : PIND_SOCKET;
}

static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* A descriptor, or -errno. */
static int connect_to(const struct pind_client *client)
{
	struct timeval timeout = { client->timeout_ms / 1000, client->timeout_ms % 1000 * 1000L };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path_of(client)) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	strcpy(addr.sun_path, path_of(client));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect() waits as well, when many others do */
	if (!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) &&
	    !connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	err = -errno;
	close(fd);
	return err == -ECONNREFUSED || err == -ENOTDIR ? -ENOENT : err;
}

static int ask(int fd, const char *path)
{
	char text[256];
	int len = snprintf(text, sizeof(text), "GET %s HTTP/1.0\r\nHost: gup-pin\r\n\r\n", path);

	return send(fd, text, len, MSG_NOSIGNAL) == len ? 0 : -EPROTO;
}

static int make_room(struct answer *answer)
{
	char *text;

	if (answer->room - answer->bytes > CHUNK)
		return 0;
	answer->room = 2 * (answer->room + CHUNK);
	text = realloc(answer->text, answer->room);
	if (!text)
		return -ENOMEM;
	answer->text = text;
	return 0;
}

/* All that comes until the daemon closes, which it does after one answer in HTTP/1.0. */
static int read_all(const struct pind_client *client, int fd, struct answer *answer)
{
	int64_t end = now_ms() + client->timeout_ms, left;
	struct pollfd in = { fd, POLLIN, 0 };
	ssize_t got;

	while ((left = end - now_ms()) > 0) {
		if (make_room(answer))
			return -ENOMEM;
		if (poll(&in, 1, left) < 1)
			continue;
		got = recv(fd, answer->text + answer->bytes, CHUNK, MSG_DONTWAIT);
		if (!got)
			return 0;
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		answer->bytes += got > 0 ? got : 0;
		if (answer->bytes > client->bytes_max)
			return -EPROTO;
	}
	return -ETIMEDOUT;
}

/* The number in "Content-Length: N" among the header's lines; -1 = there is none. */
static long long content_length(const char *header)
{
	static const char name[] = "\r\nContent-Length:";
	const char *at = strcasestr(header, name);
	char *end;
	long long length;

	if (!at)
		return -1;
	length = strtoll(at + strlen(name), &end, 10);
	return *end == '\r' || !*end ? length : -1;
}

/* Leaves the body in the answer, if it is one and whole. */
static int take_body(struct answer *answer)
{
	char *header, *body;
	int status;

	answer->text[answer->bytes] = '\0';
	header = answer->text;
	body = strstr(header, "\r\n\r\n");
	if (!body || sscanf(header, "HTTP/1.%*1u %3d", &status) != 1)
		return -EPROTO;
	*body = '\0';
	body += 4;
	answer->bytes -= body - header;
	if (content_length(header) != (long long)answer->bytes)
		return -EPROTO;
	if (status != 200)
		return status == 503 ? -EAGAIN : -EPROTO;
	memmove(answer->text, body, answer->bytes + 1);
	return 0;
}

static void explain(const struct pind_client *client, int err, char *why, size_t room)
{
	const char *path = path_of(client);

	switch (err) {
	case -ENOENT:
		snprintf(why, room, "no gup-pind serves %s", path);
		break;
	case -EACCES:
		snprintf(why, room,
			 "%s is for root and the group that owns it: join that, or use sudo", path);
		break;
	case -EAGAIN:
		snprintf(why, room, "gup-pind at %s has no snapshot yet", path);
		break;
	case -ETIMEDOUT:
		snprintf(why, room, "gup-pind at %s does not answer", path);
		break;
	case -EPROTO:
		snprintf(why, room, "%s: no whole answer of a gup-pind", path);
		break;
	default:
		snprintf(why, room, "%s: %s", path, strerror(-err));
	}
	errno = -err;
}

char *pind_client__get(const struct pind_client *client, const char *path, size_t *bytes, char *why,
		       size_t room)
{
	cleanup_fd int fd = connect_to(client);
	struct answer answer = {};
	int err = fd < 0 ? fd : ask(fd, path);

	if (!err)
		err = read_all(client, fd, &answer);
	if (!err)
		err = take_body(&answer);
	if (!err) {
		*bytes = answer.bytes;
		return answer.text;
	}
	free(answer.text);
	/* a full backlog is what connect() calls EAGAIN, a timeout EINPROGRESS */
	explain(client, fd == -EAGAIN || fd == -EINPROGRESS ? -ETIMEDOUT : err, why, room);
	return NULL;
}

struct snapshot *pind_client__read(const struct pind_client *client, const char *body, size_t bytes,
				   char *why, size_t room)
{
	struct snapshot *snap;
	char reason[128] = "";

	snap = form_json__read_buffer(body, bytes, reason, sizeof(reason));
	if (!snap) {
		snprintf(why, room, "gup-pind at %s sends no snapshot of this version: %s",
			 path_of(client), *reason ? reason : strerror(errno));
		errno = EPROTO;
	}
	return snap;
}

struct snapshot *pind_client__snapshot(const struct pind_client *client, char *why, size_t room)
{
	size_t bytes;
	cleanup_free char *body = pind_client__get(client, PIND_CLIENT_SNAPSHOT, &bytes, why, room);

	return body ? pind_client__read(client, body, bytes, why, room) : NULL;
}

bool pind_client__knows_more(const struct snapshot *snap)
{
	return snap->checks.plan || geteuid();
}
