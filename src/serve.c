// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP by libmicrohttpd, in one thread. Another makes all answers when a snapshot
 * comes (serve_pages.c); they are handed out as they are, so that a client costs
 * and waits next to nothing, however many groups there are; only /healthz looks at
 * the clock.
 */
#include <err.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fmt.h"
#include "forms.h"
#include "serve_impl.h"
#include "util.h"

#define CONNECTIONS 256
#define CONNECTION_BYTES 16384
#define IDLE_S 10
#define STATUS_BROKEN 4

struct server {
	const struct serve_options *opts;
	struct MHD_Daemon *http;
	struct pages pages;
	pthread_mutex_t lock; /* of what follows, which the thread that makes pages writes */
	struct pages next;    /* not shown yet */
	bool ended;	      /* there will be no more */
	int wake;	      /* eventfd: one of these has changed */
};

static const struct {
	const char *path;
	enum page page;
	bool is_sum; /* names no process by its number, no stack: goes over TCP, too */
} paths[] = {
	{ "/metrics", PAGE_METRICS, true },
	{ "/v1/snapshot", PAGE_SNAPSHOT, false },
	{ "/v1/findings", PAGE_FINDINGS, false },
	{ "/v1/schema", PAGE_SCHEMA, true },
};

static const char index_text[] = "gup-pind: who pins which memory pages\n"
				 "/metrics /v1/snapshot /v1/findings /v1/schema /healthz\n";
static const char relay_text[] = "gup-pin: who pins which memory pages\n"
				 "/metrics /v1/schema /healthz\n";

static struct MHD_Response *typed(struct MHD_Response *response, const char *type)
{
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return response;
}

static enum MHD_Result say(struct MHD_Connection *connection, unsigned int status, const char *text)
{
	struct MHD_Response *response = typed(
		MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY),
		"text/plain; charset=utf-8");
	enum MHD_Result ret;

	if (!response)
		return MHD_NO;
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	ret = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return ret;
}

static enum MHD_Result say_health(const struct server *server, struct MHD_Connection *connection)
{
	uint64_t now = clock_ns(CLOCK_REALTIME);
	uint64_t age = now > server->pages.taken_ns ? now - server->pages.taken_ns : 0;
	char text[400];

	if (!server->pages.taken_ns)
		return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "starting: no snapshot yet\n");
	if (server->opts->stale_ns && age > server->opts->stale_ns) {
		snprintf(text, sizeof(text), "stale: the last snapshot is %s old\n",
			 fmt_age(age).s);
		return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, text);
	}
	if (!*server->pages.degraded)
		return say(connection, MHD_HTTP_OK, "ok\n");
	snprintf(text, sizeof(text), "degraded: %s\n", server->pages.degraded);
	return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, text);
}

static bool wants_open_metrics(struct MHD_Connection *connection)
{
	const char *accept =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);

	return accept && strstr(accept, "application/openmetrics-text");
}

static enum MHD_Result answer(void *ctx, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_bytes, void **per_request)
{
	const struct server *server = ctx;

	(void)version;
	(void)upload;
	(void)upload_bytes;
	(void)per_request;
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		return say(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (!strcmp(url, "/"))
		return say(connection, MHD_HTTP_OK,
			   server->opts->is_relay ? relay_text : index_text);
	if (!strcmp(url, "/healthz"))
		return say_health(server, connection);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		enum page page = paths[i].page;

		if (strcmp(url, paths[i].path) || (server->opts->is_relay && !paths[i].is_sum))
			continue;
		if (page == PAGE_METRICS && wants_open_metrics(connection))
			page = PAGE_OPEN_METRICS;
		if (!server->pages.of[page])
			return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "starting: no snapshot yet\n");
		return MHD_queue_response(connection, MHD_HTTP_OK, server->pages.of[page]);
	}
	return say(connection, MHD_HTTP_NOT_FOUND, "no such page; / lists them\n");
}

static int wait_ms(struct server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(server->http, &ms) != MHD_YES)
		return -1;
	return ms < 60000 ? (int)ms : 60000;
}

static void *make_pages(void *arg)
{
	struct server *server = arg;
	struct pollfd feed = { server->opts->feed, POLLIN, 0 };
	struct pages made = {};
	int err = 0;

	while (!err) {
		poll(&feed, 1, -1);
		err = pages__take(&made, server->opts);
		pthread_mutex_lock(&server->lock);
		pages__move(&server->next, &made);
		server->ended = err;
		pthread_mutex_unlock(&server->lock);
		eventfd_write(server->wake, 1);
	}
	return NULL;
}

/* What that thread has made is what clients get from now on. True: it has ended. */
static bool show_next(struct server *server)
{
	eventfd_t times;
	bool ended;

	eventfd_read(server->wake, &times);
	pthread_mutex_lock(&server->lock);
	pages__move(&server->pages, &server->next);
	ended = server->ended;
	pthread_mutex_unlock(&server->lock);
	return ended;
}

static int loop(struct server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->http, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[] = { { server->wake, POLLIN, 0 },
				{ info ? info->epoll_fd : -1, POLLIN, 0 } };

	while (info) {
		if (poll(fds, ARRAY_SIZE(fds), wait_ms(server)) < 0 && errno != EINTR)
			break;
		if (fds[0].revents && show_next(server))
			return 0;
		if (MHD_run(server->http) != MHD_YES)
			break;
	}
	warnx("can't serve HTTP any more");
	return STATUS_BROKEN;
}

/* With the thread that makes pages, which may be the last that this process starts. */
static int serve_with_pages(struct server *server)
{
	const struct rlimit none = { 0, 0 };
	pthread_t maker;
	int ret = STATUS_BROKEN;

	if (pthread_create(&maker, NULL, make_pages, server)) {
		warnx("can't start a thread");
		return ret;
	}
	if (!server->opts->is_confined || !setrlimit(RLIMIT_NPROC, &none))
		ret = loop(server);
	else
		warn("can't limit the number of processes");
	shutdown(server->opts->feed, SHUT_RD); /* ends it, if it has not ended */
	pthread_join(maker, NULL);
	return ret;
}

int serve_run(const struct serve_options *opts)
{
	struct server server = { .opts = opts, .lock = PTHREAD_MUTEX_INITIALIZER };
	int ret = STATUS_BROKEN;

	signal(SIGPIPE, SIG_IGN);
	pages__set(&server.pages, PAGE_SCHEMA, schema_text(), strlen(schema_text()),
		   "application/schema+json");
	server.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	server.http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, &server,
				       MHD_OPTION_LISTEN_SOCKET, opts->socket,
				       MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
				       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				       MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
	if (server.http && server.wake >= 0)
		ret = serve_with_pages(&server);
	else
		warnx("can't serve HTTP");
	pages__clear(&server.next);
	pages__clear(&server.pages);
	if (server.http)
		MHD_stop_daemon(server.http);
	if (server.wake >= 0)
		close(server.wake);
	return ret;
}
