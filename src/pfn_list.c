// SPDX-License-Identifier: GPL-2.0-only
/* Reads lists of page frame numbers. See pfn_list.h. */
#include "pfn_list.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scan.h"
#include "util.h"

#define PFN_MAX (1ULL << 40)

/* A hex number at *at, which moves behind it and the blanks after it. */
static int number(const char **at, uint64_t *value)
{
	char *end;

	while (isspace((unsigned char)**at))
		(*at)++;
	if (!isxdigit((unsigned char)**at))
		return -EINVAL;
	errno = 0;
	*value = strtoull(*at, &end, 16);
	if (errno || *value >= PFN_MAX)
		return -EINVAL;
	while (isspace((unsigned char)*end))
		end++;
	*at = end;
	return 0;
}

static int by_start(const void *left, const void *right)
{
	const struct pfn_range *l = left, *r = right;

	return l->start < r->start ? -1 : l->start > r->start;
}

static int add(struct pfn_range **ranges, size_t *cnt, uint64_t start, uint64_t end)
{
	struct pfn_range *list = realloc(*ranges, (*cnt + 1) * sizeof(*list));
	size_t kept = 0;

	if (!list)
		return -ENOMEM;
	*ranges = list;
	list[(*cnt)++] = (struct pfn_range){ start, end };
	qsort(list, *cnt, sizeof(*list), by_start);
	for (size_t i = 1; i < *cnt; i++) {
		if (list[i].start > list[kept].end)
			list[++kept] = list[i];
		else if (list[i].end > list[kept].end)
			list[kept].end = list[i].end;
	}
	*cnt = kept + 1;
	return 0;
}

/* "[a5a80, a5ade)", anywhere in the text, as often as it is there. */
static int parse_log(const char *text, struct pfn_range **ranges, size_t *cnt)
{
	uint64_t start, end;
	int err = -EINVAL;

	for (const char *at = strchr(text, '['); at; at = strchr(at, '[')) {
		at++;
		if (number(&at, &start) || *at != ',')
			continue; /* the log's time stamp */
		at++;
		if (number(&at, &end) || *at != ')' || end <= start)
			return -EINVAL;
		err = add(ranges, cnt, start, end);
		if (err)
			return err;
	}
	return err;
}

int pfn_list__parse(const char *text, struct pfn_range **ranges, size_t *cnt)
{
	uint64_t start, last;
	int err;

	if (strchr(text, '['))
		return parse_log(text, ranges, cnt);
	for (const char *at = text;; at++) {
		if (number(&at, &start))
			return -EINVAL;
		last = start;
		if (*at == '-') {
			at++;
			if (number(&at, &last) || last < start)
				return -EINVAL;
		}
		if (*at && *at != ',')
			return -EINVAL;
		err = add(ranges, cnt, start, last + 1);
		if (err || !*at)
			return err;
	}
}

static int read_hex(const char *path, uint64_t *value)
{
	FILE *file = fopen(path, "re");
	unsigned long long number;
	int got;

	if (!file)
		return -ENOENT;
	got = fscanf(file, "%llx", &number);
	fclose(file);
	if (got != 1)
		return -ENOENT;
	*value = number;
	return 0;
}

int pfn_list__block(const char *text, struct pfn_range **ranges, size_t *cnt)
{
	const char *digits = strncmp(text, "memory", 6) ? text : text + 6;
	uint64_t bytes, index, pages;
	char path[128];

	if (!*digits || digits[strspn(digits, "0123456789")] || strlen(digits) > 9)
		return -EINVAL;
	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%s/phys_index", digits);
	if (read_hex("/sys/devices/system/memory/block_size_bytes", &bytes) ||
	    read_hex(path, &index))
		return -ENOENT;
	pages = bytes / sysconf(_SC_PAGESIZE);
	return add(ranges, cnt, index * pages, (index + 1) * pages);
}
