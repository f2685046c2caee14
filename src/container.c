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
#define POD_UID_LEN 36
#define POD_HASH_LEN 32 /* of pods that come from a file of the node */

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

/*
 * kubelet's cgroupfs driver makes /kubepods/burstable/podUID, its systemd driver
 * /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podUID.slice.
 */
static const char *find_pod(const char *word, size_t len, size_t *uid_len)
{
	static const size_t lens[] = { POD_UID_LEN, POD_HASH_LEN };
	static const char mark[] = "pod", slice[] = ".slice";
	const char *uid;

	if (len > strlen(slice) && !strncmp(word + len - strlen(slice), slice, strlen(slice)))
		len -= strlen(slice);
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		*uid_len = lens[i];
		if (len < lens[i] + strlen(mark))
			continue;
		uid = word + len - lens[i];
		if (strspn(uid, "0123456789abcdef-_") < lens[i] ||
		    strncmp(uid - strlen(mark), mark, strlen(mark)))
			continue;
		if (len == lens[i] + strlen(mark) || uid[-(int)strlen(mark) - 1] == '-')
			return uid;
	}
	return NULL;
}

const char *container_pod_uid(const char *path, char *buf, size_t bytes)
{
	const char *found = NULL, *hit, *word;
	size_t len, hit_len, found_len = 0;

	if (!path || !strstr(path, "kubepods"))
		return NULL;
	for (word = path; *word; word += len) {
		word += strspn(word, "/");
		len = strcspn(word, "/");
		hit = find_pod(word, len, &hit_len);
		if (hit) {
			found = hit;
			found_len = hit_len;
		}
	}
	if (!found)
		return NULL;
	snprintf(buf, bytes, "%.*s", (int)found_len, found);
	for (char *c = buf; (c = strchr(c, '_'));)
		*c = '-';
	return buf;
}
