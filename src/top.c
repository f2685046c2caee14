// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pintop's run: snapshots from a source, shown on a screen until the user
 * ends it, or written line by line. See top.h; keys are in top_keys.c.
 */
#include "top.h"

#include <err.h>
#include <errno.h>
#include <locale.h>
#include <ncurses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "forms.h"
#include "top_batch.h"
#include "top_ui.h"
#include "util.h"

#define EXIT_USAGE 2
#define EXIT_CANNOT 3
#define EXIT_BROKEN 4

bool top_step(struct top_ui *ui, int step)
{
	struct snapshot *snap;
	char why[200] = "";

	snap = ui->source->ops->next(ui->source, step, why, sizeof(why));
	if (!snap) {
		if (*why)
			top_say(ui, "%s", why);
		return false;
	}
	if (top_model__show(&ui->model, snap))
		top_say(ui, "out of memory: not all rows are shown");
	snapshot__free(ui->snap);
	ui->snap = snap;
	return true;
}

/* Everything that has been typed, before the next frame is drawn. */
static void take_keys(struct top_ui *ui)
{
	int key;

	while (!ui->quit && (key = getch()) != ERR) {
		/* A small terminal shows nothing that a key could act upon. */
		if (top_list_lines())
			top_key(ui, key);
		else if (key == 'q')
			ui->quit = true;
	}
}

static int show(struct top_ui *ui, bool ascii)
{
	int ended;

	if (top_term__start(ascii, &ui->utf8))
		return EXIT_CANNOT;
	while (!ui->quit && !top_term__signal()) {
		top_draw(ui);
		top_term__wait(ui->paused ? -1 : ui->source->fd, ui->searching);
		take_keys(ui);
		top_search(ui);
		if (ui->source->fd >= 0 && !ui->paused)
			top_step(ui, 0);
	}
	top_term__stop();
	top_page__close(ui);
	ended = top_term__signal();
	/* Whoever sent it sees that it worked; Ctrl-C is one more way to quit. */
	if (ended && ended != SIGINT)
		raise(ended);
	return 0;
}

/* The next one, waited for if need be; NULL with *why empty at the end. */
static struct snapshot *await_next(struct top_source *source, char *why, size_t room)
{
	struct pollfd fd = { .fd = source->fd, .events = POLLIN };
	struct snapshot *snap;

	do {
		if (source->fd >= 0)
			poll(&fd, 1, -1);
		snap = source->ops->next(source, 1, why, room);
	} while (!snap && !*why && source->fd >= 0);
	return snap;
}

static int put_batch(struct top_ui *ui, const struct top_env *env, struct snapshot *snap)
{
	int err;

	if (env->json) {
		if (ui->model.filtered) {
			filter__apply(snap, &ui->model.filter);
			snapshot__audit(snap, &(struct audit_options){ 0 });
		}
		err = form_json_line(stdout, snap);
		snapshot__free(snap);
	} else {
		err = top_model__show(&ui->model, snap);
		if (!err && top_batch(stdout, &ui->model))
			err = -errno;
		snapshot__free(ui->snap);
		ui->snap = snap;
	}
	if (err)
		warnx("can't write: %s", strerror(-err));
	return err;
}

static int batch(struct top_ui *ui, const struct top_env *env)
{
	char why[200] = "";

	for (uint64_t frame = 0; !env->frames || frame < env->frames; frame++) {
		struct snapshot *snap = await_next(ui->source, why, sizeof(why));

		if (!snap) {
			if (*why)
				warnx("%s", why);
			return *why ? EXIT_BROKEN : 0;
		}
		if (put_batch(ui, env, snap))
			return EXIT_BROKEN;
	}
	return 0;
}

static int set_columns(struct top_model *model, const char *list)
{
	struct top_look *look = top_look(model);
	cleanup_free char *bad = NULL;

	if (top_columns__parse(list, look->columns, &look->column_cnt, &bad)) {
		warnx("-o: no column '%s' (-o help lists them)", bad ? bad : "");
		return EXIT_USAGE;
	}
	look->usual_cnt = look->column_cnt;
	return 0;
}

static int set_sort(struct top_model *model, const char *name)
{
	struct top_look *look = top_look(model);

	look->reverse = *name == '-';
	name += look->reverse;
	look->sort = top_column(name, strlen(name));
	if (look->sort)
		return 0;
	warnx("--sort: no column '%s' (-o help lists them)", name);
	return EXIT_USAGE;
}

static int set_filter(struct top_ui *ui, const char *text)
{
	char why[200] = "out of memory";

	if (top_model__set_filter(&ui->model, text, why, sizeof(why))) {
		warnx("--filter: %s", why);
		return EXIT_USAGE;
	}
	snprintf(ui->filter, sizeof(ui->filter), "%s", text);
	return 0;
}

static int set_looks(struct top_ui *ui, const struct top_env *env)
{
	int ret = 0;

	top_model__init(&ui->model);
	ui->model.view = env->view;
	if (env->columns)
		ret = set_columns(&ui->model, env->columns);
	if (!ret && env->filter)
		ret = set_filter(ui, env->filter);
	if (!ret && env->sort)
		ret = set_sort(&ui->model, env->sort);
	return ret;
}

static int open_source(struct top_ui *ui, const struct top_env *env)
{
	const struct top_live_options live = {
		.delay_ns = env->delay_ns,
		.record = env->record,
		.socket = env->socket,
		.no_daemon = env->no_daemon,
	};
	int status = EXIT_USAGE;

	if (env->replay)
		ui->source = top_source__replay(env->replay, env->replay_cnt);
	else
		ui->source = top_source__live(&live, &status);
	return ui->source ? 0 : status;
}

int top_run(const struct top_env *env)
{
	struct top_ui ui = {};
	int ret;

	if (env->columns && !strcmp(env->columns, "help")) {
		top_columns__list(stdout);
		return 0;
	}
	setlocale(LC_CTYPE, "");
	ret = set_looks(&ui, env);
	if (!ret)
		ret = open_source(&ui, env);
	if (!ret && env->batch)
		ret = batch(&ui, env);
	else if (!ret) {
		if (ui.source->fd < 0)
			top_step(&ui, 1);
		ret = show(&ui, env->ascii);
	}
	top_source__close(ui.source);
	top_model__done(&ui.model);
	snapshot__free(ui.snap);
	return ret;
}
