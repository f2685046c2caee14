// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer target: gup-pind's HTTP, as a client sees it. One server in a thread
 * of this process, with a snapshot; each input is what one connection says.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "feed.h"
#include "forms.h"
#include "serve.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct serve_options opts = { .relay = -1 };
static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static socklen_t addr_len = sizeof(addr);

static void *serve(void *arg)
{
	(void)arg;
	serve_run(&opts);
	abort(); /* the feed has not ended */
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const struct prom_self self = { 0 };
	FILE *in = fopen("tests/golden/snapshots/rules.json", "r");
	char why[256] = "";
	struct snapshot *snap = in ? form_json__read(in, why, sizeof(why)) : NULL;
	pthread_t thread;
	int feed[2];

	(void)argc;
	(void)argv;
	if (!snap)
		errx(1, "tests/golden/snapshots/rules.json: %s", why);
	fclose(in);
	opts.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	/* no more than the family: the kernel chooses an abstract name */
	if (bind(opts.socket, (struct sockaddr *)&addr, sizeof(addr.sun_family)) ||
	    listen(opts.socket, 16) ||
	    getsockname(opts.socket, (struct sockaddr *)&addr, &addr_len) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, feed))
		err(1, "socket");
	opts.feed = feed[1];
	if (feed__send(feed[0], snap, &self) || pthread_create(&thread, NULL, serve, NULL))
		err(1, "server");
	snapshot__free(snap);
	return 0;
}

static int open_client(const void *data, size_t bytes)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, addr_len))
		abort();
	if (bytes && send(fd, data, bytes, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		abort();
	return fd;
}

/* libFuzzer's timer interrupts what waits. */
static ssize_t receive(int fd, void *answer, size_t room, int flags)
{
	ssize_t got;

	do
		got = recv(fd, answer, room, flags);
	while (got < 0 && errno == EINTR);
	return got;
}

static void must_be_http(const char *answer, ssize_t bytes)
{
	if (bytes > 0 && strncmp(answer, "HTTP/1.", bytes < 7 ? bytes : 7))
		abort();
}

/*
 * An answer must be HTTP. There may be none: one that has said half a request is
 * waited for. So another client asks as well, and must be answered.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const char other[] = "GET /healthz HTTP/1.0\r\n\r\n";
	char answer[65536];
	int fd = open_client(data, bytes), next = open_client(other, sizeof(other) - 1);
	ssize_t got = receive(next, answer, sizeof(answer), 0);

	if (got < 7)
		abort();
	must_be_http(answer, got);
	got = receive(fd, answer, sizeof(answer), MSG_DONTWAIT);
	must_be_http(answer, got);
	close(next);
	close(fd);
	return 0;
}
