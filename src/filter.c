// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is asked for: a table of words, each with what it takes. Whether a group
 * fits, and what is left of a snapshot: filter_apply.c. See filter.h.
 */
#include "filter.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "util.h"

struct word {
	const char *name;
	int key; /* of the option, 0 = none */
	int (*set)(struct filter *filter, const char *value, char *why, size_t bytes);
	size_t text_at; /* where there is no set() */
};

static int whole(const char *value, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(value, &end, 10);
	return errno || *end || !isdigit((unsigned char)*value) || *number > most ? -EINVAL : 0;
}

static int set_pid(struct filter *filter, const char *value, char *why, size_t bytes)
{
	uint64_t number;

	if (whole(value, INT32_MAX, &number) || !number) {
		snprintf(why, bytes, "not a process id");
		return -EINVAL;
	}
	filter->pid = number;
	filter->by_pid = true;
	return 0;
}

static int set_uid(struct filter *filter, const char *value, char *why, size_t bytes)
{
	const struct passwd *user;
	uint64_t number;

	if (whole(value, UINT32_MAX, &number)) {
		user = getpwnam(value);
		if (!user) {
			snprintf(why, bytes, "no user of that name");
			return -EINVAL;
		}
		number = user->pw_uid;
	}
	filter->uid = number;
	filter->by_uid = true;
	return 0;
}

static int set_node(struct filter *filter, const char *value, char *why, size_t bytes)
{
	uint64_t number;

	if (whole(value, INT32_MAX, &number)) {
		snprintf(why, bytes, "not the number of a node");
		return -EINVAL;
	}
	filter->node = number;
	filter->by_node = true;
	return 0;
}

static int set_kind(struct filter *filter, const char *value, char *why, size_t bytes)
{
	size_t len;

	for (unsigned int kind = 0; kind < MEM_KIND_CNT; kind++) {
		if (strcmp(value, mem_kind_name(kind)) != 0)
			continue;
		filter->kind = kind;
		filter->by_kind = true;
		return 0;
	}
	len = snprintf(why, bytes, "use one of");
	for (unsigned int kind = 0; kind < MEM_KIND_CNT && len < bytes; kind++)
		len += snprintf(why + len, bytes - len, " %s", mem_kind_name(kind));
	return -EINVAL;
}

static int set_cgroup(struct filter *filter, const char *value, char *why, size_t bytes)
{
	size_t len = strlen(value);

	if (*value != '/') {
		snprintf(why, bytes, "a path from / on, as in /proc/PID/cgroup");
		return -EINVAL;
	}
	while (len > 1 && value[len - 1] == '/')
		len--;
	snprintf(filter->cgroup, sizeof(filter->cgroup), "%.*s", (int)len, value);
	return 0;
}

static const struct word words[] = {
	{ "file", FILTER_KEY_FILE, NULL, offsetof(struct filter, file) },
	{ "pid", 0, set_pid, 0 },
	{ "cgroup", FILTER_KEY_CGROUP, set_cgroup, 0 },
	{ "comm", FILTER_KEY_COMM, NULL, offsetof(struct filter, comm) },
	{ "uid", FILTER_KEY_UID, set_uid, 0 },
	{ "driver", FILTER_KEY_DRIVER, NULL, offsetof(struct filter, driver) },
	{ "node", FILTER_KEY_NODE, set_node, 0 },
	{ "zone", FILTER_KEY_ZONE, NULL, offsetof(struct filter, zone) },
	{ "kind", FILTER_KEY_KIND, set_kind, 0 },
};

static int set_word(struct filter *filter, const struct word *word, const char *value, char *why,
		    size_t bytes)
{
	if (!*value || strlen(value) >= FILTER_TEXT_MAX) {
		snprintf(why, bytes, *value ? "too long" : "what is wanted?");
		return -EINVAL;
	}
	if (word->set)
		return word->set(filter, value, why, bytes);
	strcpy((char *)filter + word->text_at, value);
	return 0;
}

int filter__set(struct filter *filter, const char *word, const char *value, char *why,
		size_t why_bytes)
{
	char reason[160];
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i].name) != 0)
			continue;
		err = set_word(filter, &words[i], value, reason, sizeof(reason));
		if (err)
			snprintf(why, why_bytes, "%s: %s", word, reason);
		return err;
	}
	snprintf(why, why_bytes,
		 "no such word: use file, pid, cgroup, comm, uid, driver, node, zone or kind");
	return -EINVAL;
}

int filter__parse(struct filter *filter, const char *text, char *why, size_t why_bytes)
{
	char word[16];
	const char *equals;

	text += strspn(text, " \t");
	equals = strchr(text, '=');
	if (!*text) {
		*filter = (struct filter){ 0 };
		return 0;
	}
	if (!equals || equals == text) {
		snprintf(why, why_bytes, "write it as word=value: comm=fio");
		return -EINVAL;
	}
	snprintf(word, sizeof(word), "%.*s", (int)(equals - text), text);
	return filter__set(filter, word, equals + 1, why, why_bytes);
}

void filter__option(struct filter *filter, int key, const char *arg)
{
	char why[160];

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].key == key && set_word(filter, &words[i], arg, why, sizeof(why)))
			usage_error("--%s: '%s': %s", words[i].name, arg, why);
}
