// SPDX-License-Identifier: GPL-2.0-only
/*
 * The suppression file: findings that somebody decided to live with, and why.
 *
 * A file with a wrong line is refused as a whole: a suppression that silently
 * does nothing, or too much, is worse than none. Format: suppress.h.
 */
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "suppress.h"

#define RULE_ANY RULE_CNT
#define NS_PER_S 1000000000ULL

struct suppression {
	enum rule rule; /* or RULE_ANY */
	char *glob;
	char *label; /* "file:3 # why" */
	char *idle;  /* "file:3 unused" or "file:3 expired 2026-11-01" */
	bool expired, used;
};

struct suppressions {
	struct suppression *items;
	size_t cnt;
};

/* Where the parser is, for its messages. */
struct place {
	const char *path, *name; /* name: without directories */
	unsigned int line;
};

void suppressions__free(struct suppressions *supps)
{
	size_t i;

	if (!supps)
		return;
	for (i = 0; i < supps->cnt; i++) {
		free(supps->items[i].glob);
		free(supps->items[i].label);
		free(supps->items[i].idle);
	}
	free(supps->items);
	free(supps);
}

static char *trim(char *str)
{
	char *end;

	while (isspace((unsigned char)*str))
		str++;
	end = str + strlen(str);
	while (end > str && isspace((unsigned char)end[-1]))
		end--;
	*end = '\0';
	return str;
}

/* Cuts the line at its "#", which is what follows white space; the reason or NULL. */
static char *cut_reason(char *line)
{
	char *hash = line;

	while ((hash = strchr(hash, '#'))) {
		if (hash == line || isspace((unsigned char)hash[-1])) {
			*hash = '\0';
			return trim(hash + 1);
		}
		hash++;
	}
	return NULL;
}

/* Cuts a last word "until=..."; its date or NULL. */
static char *cut_until(char *line)
{
	static const char word[] = "until=";
	char *last = line + strlen(line);

	while (last > line && !isspace((unsigned char)last[-1]))
		last--;
	if (last == line || strncmp(last, word, strlen(word)) != 0)
		return NULL;
	last[-1] = '\0';
	return last + strlen(word);
}

static int parse_rule(const char *word, enum rule *rule)
{
	unsigned int i;

	for (i = 0; i < RULE_CNT; i++)
		if (strcmp(word, rule_name(i)) == 0)
			break;
	if (i == RULE_CNT && strcmp(word, "*") != 0)
		return -EINVAL;
	*rule = i == RULE_CNT ? RULE_ANY : (enum rule)i;
	return 0;
}

/* Local midnight of the day, or -EINVAL for what is no day of the calendar. */
static int parse_day(const char *date, time_t *midnight)
{
	struct tm tm = { .tm_isdst = -1 }, asked;
	const char *end = strptime(date, "%Y-%m-%d", &tm);

	if (!end || *end)
		return -EINVAL;
	asked = tm;
	*midnight = mktime(&tm);
	return tm.tm_mday == asked.tm_mday && tm.tm_mon == asked.tm_mon ? 0 : -EINVAL;
}

static int complain(const struct place *at, const char *what, const char *word)
{
	warnx("%s:%u: %s%s%s", at->path, at->line, what, word ? ": " : "", word ? word : "");
	return -EINVAL;
}

static int parse_line(struct suppression *item, char *line, const struct place *at, uint64_t now_ns)
{
	char *reason = cut_reason(line), *until, *glob;
	time_t midnight = 0;

	line = trim(line);
	until = cut_until(line);
	line = trim(line);
	glob = strchr(line, ':');
	if (!glob)
		return complain(at, "expected rule:glob  # why", line);
	*glob++ = '\0';
	if (parse_rule(trim(line), &item->rule) < 0)
		return complain(at, "no such rule", line);
	glob = trim(glob);
	if (!*glob)
		return complain(at, "no glob after the rule", line);
	if (!reason || !*reason)
		return complain(at, "no reason given: end the line with  # why", NULL);
	if (until && parse_day(until, &midnight) < 0)
		return complain(at, "until= wants a day, YYYY-MM-DD", until);

	item->expired = until && now_ns / NS_PER_S >= (uint64_t)midnight;
	item->glob = strdup(glob);
	if (!item->glob || asprintf(&item->label, "%s:%u # %s", at->name, at->line, reason) < 0 ||
	    asprintf(&item->idle, "%s:%u %s%s", at->name, at->line,
		     item->expired ? "expired " : "unused", item->expired ? until : "") < 0)
		return -ENOMEM;
	return 0;
}

static int add_line(struct suppressions *supps, char *line, const struct place *at, uint64_t now_ns)
{
	struct suppression *items;

	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	items = reallocarray(supps->items, supps->cnt + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	supps->items = items;
	items[supps->cnt] = (struct suppression){ 0 };
	return parse_line(&items[supps->cnt++], line, at, now_ns);
}

static int read_lines(struct suppressions *supps, FILE *file, const char *path, uint64_t now_ns)
{
	const char *slash = strrchr(path, '/');
	struct place at = { .path = path, .name = slash ? slash + 1 : path };
	char *line = NULL;
	size_t room = 0;
	int err, first_err = 0;

	while (getline(&line, &room, file) >= 0) {
		at.line++;
		err = add_line(supps, line, &at, now_ns);
		if (err && !first_err)
			first_err = err;
	}
	free(line);
	if (ferror(file)) {
		warnx("%s: %s", path, strerror(errno));
		return -EIO;
	}
	return first_err;
}

struct suppressions *suppressions__load(const char *path, uint64_t now_ns)
{
	struct suppressions *supps = calloc(1, sizeof(*supps));
	FILE *file;
	int err;

	if (!supps)
		return NULL;
	file = fopen(path, "re");
	if (!file) {
		err = -errno;
		warnx("%s: %s", path, strerror(-err));
	} else {
		err = read_lines(supps, file, path, now_ns);
		fclose(file);
	}
	if (!err)
		return supps;
	suppressions__free(supps);
	errno = -err;
	return NULL;
}

static bool item_matches(const struct suppression *item, enum rule rule, const char *const *names,
			 size_t name_cnt)
{
	size_t i;

	if (item->expired || (item->rule != rule && item->rule != RULE_ANY))
		return false;
	for (i = 0; i < name_cnt; i++)
		if (names[i] && fnmatch(item->glob, names[i], 0) == 0)
			return true;
	return false;
}

const char *suppressions__match(const struct suppressions *supps, enum rule rule,
				const char *const *names, size_t name_cnt)
{
	size_t i;

	for (i = 0; supps && i < supps->cnt; i++) {
		if (item_matches(&supps->items[i], rule, names, name_cnt)) {
			supps->items[i].used = true;
			return supps->items[i].label;
		}
	}
	return NULL;
}

void suppressions__restart(const struct suppressions *supps)
{
	size_t i;

	for (i = 0; supps && i < supps->cnt; i++)
		supps->items[i].used = false;
}

const char *suppressions__unused(const struct suppressions *supps, size_t i)
{
	size_t at;

	for (at = 0; supps && at < supps->cnt; at++)
		if (!supps->items[at].used && i-- == 0)
			return supps->items[at].idle;
	return NULL;
}
