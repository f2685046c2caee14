// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answers from what the feed sends: from a snapshot all of them, for the relay
 * those that come made. Knows no client. See serve_impl.h.
 */
#include <err.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "feed.h"
#include "fmt.h"
#include "form_prom.h"
#include "forms.h"
#include "fuse.h"
#include "serve_impl.h"
#include "util.h"

static void set(struct pages *pages, enum page page, struct MHD_Response *response,
		const char *type)
{
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (pages->of[page])
		MHD_destroy_response(pages->of[page]);
	pages->of[page] = response;
}

void pages__set(struct pages *pages, enum page page, const char *text, size_t bytes,
		const char *type)
{
	set(pages, page,
	    MHD_create_response_from_buffer(bytes, (void *)text, MHD_RESPMEM_MUST_COPY), type);
}

/* Takes the text, which is malloced. */
static void set_text(struct pages *pages, enum page page, char *text, size_t bytes,
		     const char *type)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(bytes, text, MHD_RESPMEM_MUST_FREE);

	if (!response)
		free(text);
	set(pages, page, response, type);
}

/* A lost one is made good by the next. */
static void relay_page(const struct pages *pages, int relay, enum page page, const char *text,
		       size_t bytes)
{
	struct feed_page about = { .page = page, .taken_ns = pages->taken_ns };

	if (relay < 0 || (page != PAGE_METRICS && page != PAGE_OPEN_METRICS))
		return;
	memcpy(about.degraded, pages->degraded, sizeof(about.degraded));
	feed__send_page(relay, text, bytes, &about);
}

static int write_findings(FILE *out, const struct snapshot *snap, const struct prom_options *opts)
{
	(void)opts;
	return form_json_findings(out, snap);
}

static void set_form(struct pages *pages, int relay, enum page page, const struct snapshot *snap,
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
	relay_page(pages, relay, page, text, bytes);
	set_text(pages, page, text, bytes, type);
}

/* The file is closed with the last answer that is sent from it. */
static void set_file(struct pages *pages, enum page page, int file, const char *type)
{
	struct stat st;
	int copy = fstat(file, &st) ? -1 : dup(file);
	struct MHD_Response *response =
		copy < 0 ? NULL : MHD_create_response_from_fd(st.st_size, copy);

	if (!response && copy >= 0)
		close(copy);
	set(pages, page, response, type);
}

static void set_health(struct pages *pages, const struct snapshot *snap,
		       const struct prom_self *self)
{
	pages->taken_ns = snap->taken_ns;
	pages->degraded[0] = '\0';
	if (self->fuse_level)
		snprintf(pages->degraded, sizeof(pages->degraded), "the fuse has left it with %s",
			 fuse_level_name(self->fuse_level));
	for (size_t i = 0; i < snap->finding_cnt; i++) {
		const struct finding *finding = &snap->findings[i];
		cleanup_free char *title = NULL;

		if (finding->rule != RULE_DEGRADED || finding->suppressed_by)
			continue;
		title = fmt_safe(finding->title);
		snprintf(pages->degraded, sizeof(pages->degraded), "%s", title ? title : "?");
	}
}

/* A new snapshot, and all answers from it. 0, or -EPIPE: there will be no more. */
static int take_snapshot(struct pages *pages, const struct serve_options *from)
{
	cleanup_fd int file = -1;
	cleanup_file FILE *in = NULL;
	struct prom_self self = { 0 };
	struct prom_options opts = { .top = from->top, .self = &self };
	struct snapshot *snap;
	char why[256] = "";
	int ret = feed__receive(from->feed, &file, &self), copy;

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
	set_health(pages, snap, &self);
	set_form(pages, from->relay, PAGE_METRICS, snap, form_prom, &opts, PROM_TYPE_TEXT);
	opts.open_metrics = true;
	set_form(pages, from->relay, PAGE_OPEN_METRICS, snap, form_prom, &opts, PROM_TYPE_OPEN);
	set_form(pages, from->relay, PAGE_FINDINGS, snap, write_findings, &opts,
		 "application/json");
	set_file(pages, PAGE_SNAPSHOT, file, "application/json");
	snapshot__free(snap);
	return 0;
}

/* The same for the relay, whose pages come made. */
static int take_page(struct pages *pages, const struct serve_options *from)
{
	cleanup_fd int file = -1;
	struct feed_page about = { 0 };
	int ret = feed__receive_page(from->feed, &file, &about);

	if (ret <= 0)
		return ret == -EAGAIN || ret == -EINTR ? 0 : -EPIPE;
	if (about.page != PAGE_METRICS && about.page != PAGE_OPEN_METRICS)
		return 0;
	set_file(pages, about.page, file,
		 about.page == PAGE_METRICS ? PROM_TYPE_TEXT : PROM_TYPE_OPEN);
	pages->taken_ns = about.taken_ns;
	memcpy(pages->degraded, about.degraded, sizeof(pages->degraded));
	pages->degraded[sizeof(pages->degraded) - 1] = '\0';
	return 0;
}

int pages__take(struct pages *pages, const struct serve_options *opts)
{
	return opts->is_relay ? take_page(pages, opts) : take_snapshot(pages, opts);
}

void pages__move(struct pages *into, struct pages *from)
{
	for (int page = 0; page < PAGE_CNT; page++) {
		if (!from->of[page])
			continue;
		if (into->of[page])
			MHD_destroy_response(into->of[page]);
		into->of[page] = from->of[page];
	}
	if (from->taken_ns) {
		into->taken_ns = from->taken_ns;
		memcpy(into->degraded, from->degraded, sizeof(into->degraded));
	}
	memset(from, 0, sizeof(*from));
}

void pages__clear(struct pages *pages)
{
	for (int page = 0; page < PAGE_CNT; page++)
		if (pages->of[page])
			MHD_destroy_response(pages->of[page]);
	memset(pages, 0, sizeof(*pages));
}
