// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which page frames are worth a walk: System RAM of /proc/iomem at any depth
 * (hot-plugged memory stands below its device), less the blocks that are
 * offline, whose struct pages hold nothing sensible.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scan_impl.h"
#include "util.h"

struct ranges {
	struct pfn_range *all;
	size_t cnt;
};

static int add(struct ranges *ranges, uint64_t start, uint64_t end)
{
	struct pfn_range *more;

	if (start >= end)
		return 0;
	more = reallocarray(ranges->all, ranges->cnt + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	ranges->all = more;
	more[ranges->cnt++] = (struct pfn_range){ start, end };
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct pfn_range *one = a, *other = b;

	return one->start < other->start ? -1 : one->start > other->start;
}

static void sort_and_merge(struct ranges *ranges)
{
	size_t kept = 0;

	if (!ranges->cnt)
		return;
	qsort(ranges->all, ranges->cnt, sizeof(*ranges->all), by_start);
	for (size_t i = 1; i < ranges->cnt; i++) {
		struct pfn_range *last = &ranges->all[kept], *range = &ranges->all[i];

		if (range->start > last->end)
			ranges->all[++kept] = *range;
		else if (range->end > last->end)
			last->end = range->end;
	}
	ranges->cnt = kept + 1;
}

static uint64_t pages_of(const struct ranges *ranges)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < ranges->cnt; i++)
		pages += ranges->all[i].end - ranges->all[i].start;
	return pages;
}

/* Both sorted. What of a is also in b, or what of a is not. */
static int overlay(const struct ranges *a, const struct ranges *b, bool inside, struct ranges *out)
{
	int err = 0;

	for (size_t i = 0; i < a->cnt && !err; i++) {
		uint64_t at = a->all[i].start, end = a->all[i].end;

		for (size_t k = 0; k < b->cnt && at < end && !err; k++) {
			uint64_t from = b->all[k].start > at ? b->all[k].start : at;
			uint64_t to = b->all[k].end < end ? b->all[k].end : end;

			if (from >= to)
				continue;
			err = inside ? add(out, from, to) : add(out, at, from);
			at = to;
		}
		if (!inside && !err)
			err = add(out, at, end);
	}
	return err;
}

/* Lines "  start-end : name"; addresses of bytes, the end included. */
static int read_iomem(const char *path, struct ranges *ram, struct ranges *device)
{
	cleanup_file FILE *file = fopen(path, "re");
	long page = sysconf(_SC_PAGESIZE);
	unsigned long long start, end;
	char line[256], name[128];
	bool hidden = false;
	int err = 0;

	if (!file)
		return -errno;
	while (!err && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %llx-%llx : %127[^\n]", &start, &end, name) != 3)
			continue;
		/* Without privilege all addresses read 0. */
		hidden |= !end;
		if (!strncmp(name, "System RAM", 10))
			err = add(ram, (start + page - 1) / page, (end + 1) / page);
		else if (!strncmp(name, "Persistent Memory", 17))
			err = add(device, start / page, (end + 1) / page);
	}
	if (!err && !ram->cnt)
		err = hidden ? -EPERM : -ENODATA;
	return err;
}

static int read_word(const char *folder, const char *entry, const char *file, char *word)
{
	cleanup_file FILE *stream = NULL;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s%s%s", folder, entry, *entry ? "/" : "", file);
	stream = fopen(path, "re");
	return stream && fscanf(stream, "%31s", word) == 1 ? 0 : -ENOENT;
}

/* No such folder: memory cannot be taken offline here. */
static int read_offline(const char *folder, struct ranges *offline)
{
	uint64_t block_pages, number;
	char word[32];
	struct dirent *entry;
	DIR *dir;
	int err = 0;

	if (read_word(folder, "", "block_size_bytes", word))
		return 0;
	block_pages = strtoull(word, NULL, 16) / sysconf(_SC_PAGESIZE);
	dir = opendir(folder);
	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		char *rest;

		if (strncmp(entry->d_name, "memory", 6))
			continue;
		number = strtoull(entry->d_name + 6, &rest, 10);
		if (rest == entry->d_name + 6 || *rest ||
		    read_word(folder, entry->d_name, "state", word))
			continue;
		/* "going-offline" is online until it is done. */
		if (!strcmp(word, "offline"))
			err = add(offline, number * block_pages, (number + 1) * block_pages);
	}
	closedir(dir);
	return err;
}

int ram_ranges__read_from(const char *iomem, const char *memory, struct pfn_range **found,
			  size_t *cnt, uint64_t *left_out)
{
	struct ranges ram = {}, device = {}, offline = {}, online = {}, only_device = {};
	int err = read_iomem(iomem, &ram, &device);

	if (!err)
		err = read_offline(memory, &offline);
	sort_and_merge(&ram);
	sort_and_merge(&device);
	sort_and_merge(&offline);
	if (!err)
		err = overlay(&ram, &offline, false, &online);
	if (!err)
		err = overlay(&device, &ram, false, &only_device);
	*left_out = pages_of(&ram) - pages_of(&online) + pages_of(&only_device);
	free(ram.all);
	free(device.all);
	free(offline.all);
	free(only_device.all);
	if (err) {
		free(online.all);
		online = (struct ranges){};
	}
	*found = online.all;
	*cnt = online.cnt;
	return err;
}

int ram_ranges__read(struct pfn_range **ranges, size_t *cnt, uint64_t *left_out)
{
	return ram_ranges__read_from("/proc/iomem", "/sys/devices/system/memory", ranges, cnt,
				     left_out);
}

int ram_ranges__system(struct pfn_range **found, size_t *cnt)
{
	struct ranges ram = {}, device = {};
	int err = read_iomem("/proc/iomem", &ram, &device);

	sort_and_merge(&ram);
	free(device.all);
	if (err) {
		free(ram.all);
		ram = (struct ranges){};
	}
	*found = ram.all;
	*cnt = ram.cnt;
	return err;
}

int pfn_ranges__within(const struct pfn_range *ranges, size_t cnt, const struct pfn_range *ram,
		       size_t ram_cnt, struct pfn_range **kept, size_t *kept_cnt)
{
	const struct ranges online = { (struct pfn_range *)ram, ram_cnt };
	struct ranges wanted = {}, out = {};
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++)
		err = add(&wanted, ranges[i].start, ranges[i].end);
	sort_and_merge(&wanted);
	if (!err)
		err = overlay(&wanted, &online, true, &out);
	free(wanted.all);
	if (err) {
		free(out.all);
		out = (struct ranges){};
	}
	*kept = out.all;
	*kept_cnt = out.cnt;
	return err;
}
