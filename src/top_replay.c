// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recorded snapshots as a source of gup-pintop: any number of files, each with
 * one snapshot or several (NDJSON). Only their places are kept; a snapshot is
 * read when it is shown.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forms.h"
#include "top_source.h"
#include "util.h"

struct place {
	const char *file;
	long offset;
};

struct replay {
	struct top_source source;
	struct place *places;
	size_t cnt;
	size_t at; /* the one after the last shown, counted from 1; 0 = none was shown */
};

static int add_place(struct replay *replay, const char *file, long offset)
{
	struct place *places = realloc(replay->places, (replay->cnt + 1) * sizeof(*places));

	if (!places)
		return -ENOMEM;
	replay->places = places;
	places[replay->cnt++] = (struct place){ file, offset };
	return 0;
}

/* Where the documents of a file begin. */
static int find_places(struct replay *replay, const char *name)
{
	cleanup_file FILE *file = fopen(name, "re");
	size_t before = replay->cnt;
	char why[160] = "";

	if (!file) {
		warn("%s", name);
		return -errno;
	}
	for (;;) {
		long offset = ftell(file);
		struct snapshot *snap = form_json__read_next(file, why, sizeof(why));

		if (!snap)
			break;
		snapshot__free(snap);
		if (add_place(replay, name, offset))
			return -ENOMEM;
	}
	if (errno) {
		warnx("%s: snapshot %zu: %s", name, replay->cnt - before + 1, why);
		return -EINVAL;
	}
	if (replay->cnt == before) {
		warnx("%s: no snapshot in it", name);
		return -EINVAL;
	}
	return 0;
}

static struct snapshot *read_place(const struct place *place, char *why, size_t room)
{
	cleanup_file FILE *file = fopen(place->file, "re");
	struct snapshot *snap;

	if (!file || fseek(file, place->offset, SEEK_SET)) {
		snprintf(why, room, "%s: %s", place->file, strerror(errno));
		return NULL;
	}
	snap = form_json__read_next(file, why, room);
	if (!snap && !*why)
		snprintf(why, room, "%s has changed meanwhile", place->file);
	return snap;
}

static struct snapshot *replay_next(struct top_source *source, int step, char *why, size_t room)
{
	struct replay *replay = (struct replay *)source;
	struct snapshot *snap;
	size_t to = replay->at + step;

	*why = '\0';
	if (to < 1 || to > replay->cnt)
		return NULL;
	snap = read_place(&replay->places[to - 1], why, room);
	if (snap)
		replay->at = to;
	return snap;
}

static void replay_pace(const struct top_source *source, char *text, size_t room)
{
	const struct replay *replay = (const struct replay *)source;

	snprintf(text, room, "%zu of %zu", replay->at, replay->cnt);
}

static void replay_close(struct top_source *source)
{
	free(((struct replay *)source)->places);
	free(source);
}

static const struct top_source_ops replay_ops = { replay_next, replay_pace, NULL, replay_close };

struct top_source *top_source__replay(char **files, size_t cnt)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay) {
		warn("can't replay");
		return NULL;
	}
	replay->source = (struct top_source){ &replay_ops, -1 };
	for (size_t i = 0; i < cnt; i++) {
		if (find_places(replay, files[i])) {
			replay_close(&replay->source);
			return NULL;
		}
	}
	return &replay->source;
}
