// SPDX-License-Identifier: GPL-2.0-only
/*
 * Container managers name control groups after their containers:
 * /system.slice/docker-ID.scope, /kubepods.slice/.../cri-containerd-ID.scope,
 * /machine.slice/libpod-ID.scope, /docker/ID, /lxc.payload.NAME,
 * /machine.slice/systemd-nspawn@NAME.service. The innermost counts.
 */
#include "container.h"

#include <stdio.h>
#include <string.h>

#include "util.h"

#define ID_LEN 64

/* The 64 hex digits that the word ends with, alone or after "-" or ":"; NULL = none. */
static const char *find_id(const char *word, size_t len)
{
	const char *id = word + len - ID_LEN;

	if (len < ID_LEN || strspn(id, "0123456789abcdef") < ID_LEN)
		return NULL;
	return id == word || id[-1] == '-' || id[-1] == ':' ? id : NULL;
}

static const char *find_name(const char *word, size_t len, const char **end)
{
	static const struct {
		const char *prefix, *suffix;
	} forms[] = {
		{ "lxc.payload.", "" },
		{ "systemd-nspawn@", ".service" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t prefix = strlen(forms[i].prefix), suffix = strlen(forms[i].suffix);

		if (len <= prefix + suffix || strncmp(word, forms[i].prefix, prefix) ||
		    strncmp(word + len - suffix, forms[i].suffix, suffix))
			continue;
		*end = word + len - suffix;
		return word + prefix;
	}
	return NULL;
}

const char *container_id(const char *path, char *buf, size_t bytes)
{
	static const char scope[] = ".scope";
	const char *found = NULL, *end = NULL, *word, *hit, *stop;
	size_t len;

	for (word = path; word && *word; word += len) {
		word += strspn(word, "/");
		len = strcspn(word, "/");
		hit = find_name(word, len, &stop);
		if (!hit) {
			stop = word + len;
			if (len > strlen(scope) &&
			    !strncmp(stop - strlen(scope), scope, strlen(scope)))
				stop -= strlen(scope);
			hit = find_id(word, stop - word);
		}
		if (hit) {
			found = hit;
			end = stop;
		}
	}
	if (!found)
		return NULL;
	snprintf(buf, bytes, "%.*s", (int)(end - found), found);
	return buf;
}
