// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP by libmicrohttpd, in one thread. All answers are made when a snapshot
 * comes and handed out as they are, so that a client costs next to nothing,
 * however many groups there are; only /healthz looks at the clock.
 */
#include "serve.h"

#include <err.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "feed.h"
#include "fmt.h"
#include "form_prom.h"
#include "forms.h"
#include "fuse.h"
#include "util.h"

#define CONNECTIONS 256
#define CONNECTION_BYTES 16384
#define IDLE_S 10
#define STATUS_BROKEN 4

enum page { PAGE_METRICS, PAGE_OPEN_METRICS, PAGE_SNAPSHOT, PAGE_FINDINGS, PAGE_SCHEMA, PAGE_CNT };

struct server {
	const struct serve_options *opts;
	struct MHD_Daemon *http;
	struct MHD_Response *pages[PAGE_CNT]; /* NULL: not yet */
	uint64_t taken_ns;		      /* of the snapshot that they show; 0 = none yet */
	char degraded[256];		      /* why; empty = it is not */
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

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static struct MHD_Response *typed(struct MHD_Response *response, const char *type)
{
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	return response;
}

/* Takes the text, which is malloced. */
static void set_text(struct server *server, enum page page, char *text, size_t bytes,
		     const char *type)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(bytes, text, MHD_RESPMEM_MUST_FREE);

	if (!response)
		free(text);
	if (server->pages[page])
		MHD_destroy_response(server->pages[page]); /* those being sent live on */
	server->pages[page] = typed(response, type);
}

/* A lost one is made good by the next. */
static void relay_page(const struct server *server, enum page page, const char *text, size_t bytes)
{
	struct feed_page about = { .page = page, .taken_ns = server->taken_ns };

	if (server->opts->relay < 0 || (page != PAGE_METRICS && page != PAGE_OPEN_METRICS))
		return;
	memcpy(about.degraded, server->degraded, sizeof(about.degraded));
	feed__send_page(server->opts->relay, text, bytes, &about);
}

static int write_findings(FILE *out, const struct snapshot *snap, const struct prom_options *opts)
{
	(void)opts;
	return form_json_findings(out, snap);
}

static void set_form(struct server *server, enum page page, const struct snapshot *snap,
		     int (*form)(FILE *out, const struct snapshot *snap,
				 const struct prom_options *opts),
		     const struct prom_options *opts, const char *type)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	bool failed = !out || form(out, snap, opts);

	if (out && fclose(out))
		failed = true;
	if (failed) {
		free(text);
		return;
	}
	relay_page(server, page, text, bytes);
	set_text(server, page, text, bytes, type);
}

/* The file is closed with the last answer that is sent from it. */
static void set_file(struct server *server, enum page page, int file, const char *type)
{
	struct stat st;
	int copy = fstat(file, &st) ? -1 : dup(file);
	struct MHD_Response *response =
		copy < 0 ? NULL : MHD_create_response_from_fd(st.st_size, copy);

	if (!response && copy >= 0)
		close(copy);
	if (server->pages[page])
		MHD_destroy_response(server->pages[page]);
	server->pages[page] = typed(response, type);
}

static void set_health(struct server *server, const struct snapshot *snap,
		       const struct prom_self *self)
{
	server->taken_ns = snap->taken_ns;
	server->degraded[0] = '\0';
	if (self->fuse_level)
		snprintf(server->degraded, sizeof(server->degraded), "the fuse has left it with %s",
			 fuse_level_name(self->fuse_level));
	for (size_t i = 0; i < snap->finding_cnt; i++) {
		const struct finding *finding = &snap->findings[i];
		cleanup_free char *title = NULL;

		if (finding->rule != RULE_DEGRADED || finding->suppressed_by)
			continue;
		title = fmt_safe(finding->title);
		snprintf(server->degraded, sizeof(server->degraded), "%s", title ? title : "?");
	}
}

/* A new snapshot, and all answers from it. 0, or -EPIPE: there will be no more. */
static int take_snapshot(struct server *server)
{
	cleanup_fd int file = -1;
	cleanup_file FILE *in = NULL;
	struct prom_self self = { 0 };
	struct prom_options opts = { .top = server->opts->top, .self = &self };
	struct snapshot *snap;
	char why[256] = "";
	int ret = feed__receive(server->opts->feed, &file, &self), copy;

	if (ret <= 0)
		return ret == -EAGAIN || ret == -EINTR ? 0 : -EPIPE;
	copy = dup(file);
	in = copy < 0 ? NULL : fdopen(copy, "r");
	if (in)
		rewind(in);
	snap = in ? form_json__read(in, why, sizeof(why)) : NULL;
	if (!snap) {
		warnx("can't read a snapshot: %s", *why ? why : strerror(errno));
		return 0;
	}
	set_health(server, snap, &self);
	set_form(server, PAGE_METRICS, snap, form_prom, &opts, PROM_TYPE_TEXT);
	opts.open_metrics = true;
	set_form(server, PAGE_OPEN_METRICS, snap, form_prom, &opts, PROM_TYPE_OPEN);
	set_form(server, PAGE_FINDINGS, snap, write_findings, &opts, "application/json");
	set_file(server, PAGE_SNAPSHOT, file, "application/json");
	snapshot__free(snap);
	return 0;
}

/* The same for the relay, whose pages come made. */
static int take_page(struct server *server)
{
	cleanup_fd int file = -1;
	struct feed_page about = { 0 };
	int ret = feed__receive_page(server->opts->feed, &file, &about);

	if (ret <= 0)
		return ret == -EAGAIN || ret == -EINTR ? 0 : -EPIPE;
	if (about.page != PAGE_METRICS && about.page != PAGE_OPEN_METRICS)
		return 0;
	set_file(server, about.page, file,
		 about.page == PAGE_METRICS ? PROM_TYPE_TEXT : PROM_TYPE_OPEN);
	server->taken_ns = about.taken_ns;
	memcpy(server->degraded, about.degraded, sizeof(server->degraded));
	server->degraded[sizeof(server->degraded) - 1] = '\0';
	return 0;
}

static int take(struct server *server)
{
	return server->opts->is_relay ? take_page(server) : take_snapshot(server);
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
	uint64_t now = now_ns();
	uint64_t age = now > server->taken_ns ? now - server->taken_ns : 0;
	char text[400];

	if (!server->taken_ns)
		return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "starting: no snapshot yet\n");
	if (server->opts->stale_ns && age > server->opts->stale_ns) {
		snprintf(text, sizeof(text), "stale: the last snapshot is %s old\n",
			 fmt_age(age).s);
		return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, text);
	}
	if (!*server->degraded)
		return say(connection, MHD_HTTP_OK, "ok\n");
	snprintf(text, sizeof(text), "degraded: %s\n", server->degraded);
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
		if (!server->pages[page])
			return say(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				   "starting: no snapshot yet\n");
		return MHD_queue_response(connection, MHD_HTTP_OK, server->pages[page]);
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

static int loop(struct server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->http, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[] = { { server->opts->feed, POLLIN, 0 },
				{ info ? info->epoll_fd : -1, POLLIN, 0 } };

	while (info) {
		if (poll(fds, ARRAY_SIZE(fds), wait_ms(server)) < 0 && errno != EINTR)
			break;
		if (fds[0].revents && take(server))
			return 0;
		if (MHD_run(server->http) != MHD_YES)
			break;
	}
	warnx("can't serve HTTP any more");
	return STATUS_BROKEN;
}

int serve_run(const struct serve_options *opts)
{
	struct server server = { .opts = opts };
	char *schema = strdup(schema_text());
	int ret = STATUS_BROKEN;

	signal(SIGPIPE, SIG_IGN);
	if (schema)
		set_text(&server, PAGE_SCHEMA, schema, strlen(schema), "application/schema+json");
	server.http = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, &server,
				       MHD_OPTION_LISTEN_SOCKET, opts->socket,
				       MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
				       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
				       MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, MHD_OPTION_END);
	if (server.http)
		ret = loop(&server);
	else
		warnx("can't serve HTTP");
	for (int page = 0; page < PAGE_CNT; page++)
		if (server.pages[page])
			MHD_destroy_response(server.pages[page]);
	if (server.http)
		MHD_stop_daemon(server.http);
	return ret;
}
