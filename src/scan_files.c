// SPDX-License-Identifier: GPL-2.0-only
/*
 * From hits to files: asks once per distinct mapping, by a few of its hits,
 * because a mapping's address says nothing once its folio has left it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scan_impl.h"
#include "util.h"

#define ASK_BY 3 /* hits per mapping */

struct seen {
	uint64_t mapping; /* 0 = free place */
	int file;	  /* -1 = unknown */
	int asked;
};

/* Open addressing; at most half full. */
struct seen_table {
	struct seen *slots;
	size_t size, cnt;
};

static struct seen *find(const struct seen_table *table, uint64_t mapping)
{
	size_t at = (mapping >> 4) * 0x9e3779b97f4a7c15ULL >> 20;

	for (;; at++) {
		struct seen *slot = &table->slots[at & (table->size - 1)];

		if (slot->mapping == mapping || !slot->mapping)
			return slot;
	}
}

static int grow(struct seen_table *table)
{
	struct seen_table bigger = { .size = table->size ? 2 * table->size : 256,
				     .cnt = table->cnt };

	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < table->size; i++)
		if (table->slots[i].mapping)
			*find(&bigger, table->slots[i].mapping) = table->slots[i];
	free(table->slots);
	*table = bigger;
	return 0;
}

/* NULL = no memory. */
static struct seen *find_or_add(struct seen_table *table, uint64_t mapping)
{
	struct seen *slot;

	if (2 * (table->cnt + 1) > table->size && grow(table))
		return NULL;
	slot = find(table, mapping);
	if (!slot->mapping) {
		*slot = (struct seen){ .mapping = mapping, .file = -1 };
		table->cnt++;
	}
	return slot;
}

/* Components lie with the last one first. A path too long keeps its end, and does not begin with a slash. */
static void join_path(const struct gup_scan_file *from, char *path, size_t size)
{
	const char *parts[GUP_PATH_DEPTH];
	size_t len = 0, at = size - 1, cnt = 0;

	path[0] = 0;
	while (cnt < from->depth && cnt < GUP_PATH_DEPTH && len < from->path_len) {
		parts[cnt++] = from->path + len;
		len += strnlen(from->path + len, sizeof(from->path) - len) + 1;
	}
	if (!cnt)
		return;
	path[at] = 0;
	for (size_t i = 0; i < cnt; i++) {
		size_t part = strlen(parts[i]);

		if (part + 1 > at)
			break;
		at -= part;
		memcpy(path + at, parts[i], part);
		if (i + 1 < cnt || from->whole)
			path[--at] = '/';
	}
	memmove(path, path + at, size - at);
}

static int add_file(struct scan_result *result, const struct gup_scan_file *from)
{
	struct scan_file *more, *file;

	/* Grows by powers of two. */
	if (!(result->file_cnt & (result->file_cnt - 1))) {
		size_t room = result->file_cnt ? 2 * result->file_cnt : 1;

		more = reallocarray(result->files, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		result->files = more;
	}
	file = &result->files[result->file_cnt++];
	*file = (struct scan_file){ .mapping = from->mapping,
				    .dev = from->dev,
				    .ino = from->ino,
				    .bytes = from->bytes,
				    .deleted = !from->links };
	join_path(from, file->path, sizeof(file->path));
	return result->file_cnt - 1;
}

struct asking {
	struct scanner *scanner;
	struct scan_result *result;
	struct seen_table table;
	struct gup_scan_file *files;
	size_t cnt;
};

static int ask(struct asking *a)
{
	int err = scanner__ask_files(a->scanner, a->files, a->cnt);

	for (size_t i = 0; i < a->cnt && !err; i++) {
		struct seen *seen = find(&a->table, a->files[i].mapping);

		if (!a->files[i].known || seen->file >= 0)
			continue;
		seen->file = add_file(a->result, &a->files[i]);
		if (seen->file < 0)
			err = seen->file;
	}
	a->cnt = 0;
	return err;
}

static int ask_for(struct asking *a, const struct scan_hit *hit)
{
	struct seen *seen = find_or_add(&a->table, hit->mapping);

	if (!seen)
		return -ENOMEM;
	if (seen->file >= 0 || seen->asked >= ASK_BY)
		return 0;
	seen->asked++;
	a->files[a->cnt++] = (struct gup_scan_file){ .pfn = hit->pfn, .mapping = hit->mapping };
	return a->cnt == GUP_SCAN_FILES ? ask(a) : 0;
}

int scan_files__find(struct scanner *scanner, struct scan_result *result)
{
	struct asking a = { .scanner = scanner, .result = result };
	int err = grow(&a.table);

	a.files = calloc(GUP_SCAN_FILES, sizeof(*a.files));
	if (!a.files)
		err = -ENOMEM;
	for (size_t i = 0; i < result->hit_cnt && !err; i++)
		if (result->hits[i].in_file)
			err = ask_for(&a, &result->hits[i]);
	if (!err)
		err = ask(&a);
	for (size_t i = 0; i < result->hit_cnt && !err; i++)
		if (result->hits[i].in_file)
			result->hits[i].file = find(&a.table, result->hits[i].mapping)->file;
	free(a.table.slots);
	free(a.files);
	return err;
}
