/* SPDX-License-Identifier: GPL-2.0-only */
/* A folder that looks like /proc to the evidence, with what a test puts there. */
#ifndef GUP_TEST_PROC_TREE_H
#define GUP_TEST_PROC_TREE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "evidence_impl.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define tree_test(function) cmocka_unit_test_setup_teardown(function, tree__new, tree__drop)
#define PRESENT (1ULL << 63)

struct proc_tree {
	char path[32];
};

static inline void tree__path(const struct proc_tree *tree, uint32_t pid, const char *name,
			      char *path, size_t size)
{
	assert_in_range(snprintf(path, size, "%s/%u/%s", tree->path, pid, name), 1, size - 1);
}

static inline void tree__write(const struct proc_tree *tree, uint32_t pid, const char *name,
			       const char *text, size_t len)
{
	char path[256];
	FILE *file;

	tree__path(tree, pid, name, path, sizeof(path));
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static inline void tree__text(const struct proc_tree *tree, uint32_t pid, const char *name,
			      const char *text)
{
	tree__write(tree, pid, name, text, strlen(text));
}

/* A process without open files and memory. flags as in /proc/PID/stat. */
static inline void tree__add(const struct proc_tree *tree, uint32_t pid, const char *comm,
			     unsigned int flags, const char *status)
{
	static const char *const dirs[] = { "", "fd", "fdinfo" };
	char text[512];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		tree__path(tree, pid, dirs[i], text, sizeof(text));
		assert_int_equal(mkdir(text, 0755), 0);
	}
	snprintf(text, sizeof(text), "%u (%s) S 1 1 1 0 -1 %u 0 0 0 0 0 0 0 0 20 0 1 0 %u 0 0\n",
		 pid, comm, flags, pid * 100);
	tree__text(tree, pid, "stat", text);
	tree__text(tree, pid, "status", status);
	tree__text(
		tree, pid, "limits",
		"Limit                     Soft Limit           Hard Limit           Units     \n"
		"Max processes             95953                95953                processes \n"
		"Max locked memory         8388608              unlimited            bytes     \n");
	tree__text(tree, pid, "maps", "");
	tree__text(tree, pid, "smaps", "");
	tree__text(tree, pid, "pagemap", "");
}

/* A descriptor; an anonymous inode's link leads to a file of the same name beside it. */
static inline void tree__fd(const struct proc_tree *tree, uint32_t pid, int fd, const char *link,
			    const char *inode, const char *info)
{
	char path[256], name[64], target[256];

	snprintf(name, sizeof(name), "fd/%d", fd);
	tree__path(tree, pid, name, path, sizeof(path));
	assert_int_equal(symlink(link, path), 0);
	if (inode) { /* what stat() finds behind the link */
		snprintf(target, sizeof(target), "%s/%s", tree->path, inode);
		close(open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
		snprintf(name, sizeof(name), "fd/%s", link);
		tree__path(tree, pid, name, path, sizeof(path));
		unlink(path);
		assert_int_equal(linkat(AT_FDCWD, target, AT_FDCWD, path, 0), 0);
	}
	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	tree__text(tree, pid, name, info);
}

/* Pages from addr on are there, with page frames from pfn on. */
static inline void tree__map(const struct proc_tree *tree, uint32_t pid, uint64_t addr,
			     uint64_t pfn, size_t pages)
{
	char path[256];
	int fd;

	tree__path(tree, pid, "pagemap", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (size_t i = 0; i < pages; i++) {
		uint64_t entry = PRESENT | 1ULL << 61 | (pfn + i);

		assert_int_equal(pwrite(fd, &entry, sizeof(entry), ((addr >> 12) + i) * 8), 8);
	}
	close(fd);
}

static inline int tree__drop_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int tree__new(void **state)
{
	struct proc_tree *tree = calloc(1, sizeof(*tree));

	strcpy(tree->path, "/tmp/gup-proc-XXXXXX");
	*state = tree;
	return !mkdtemp(tree->path);
}

static inline int tree__drop(void **state)
{
	struct proc_tree *tree = *state;
	int err = nftw(tree->path, tree__drop_one, 16, FTW_DEPTH | FTW_PHYS);

	free(tree);
	return err;
}

/* Pages of one after the other, each a folio of its own. */
static inline struct evidence_folio *small_folios(uint64_t pfn, size_t cnt)
{
	struct evidence_folio *folios = calloc(cnt, sizeof(*folios));

	for (size_t i = 0; i < cnt; i++)
		folios[i].pfn = pfn + i;
	return folios;
}

static inline void read_tree(const struct proc_tree *tree, const struct evidence_folio *folios,
			     size_t cnt, bool has_scan, struct evidence *evidence)
{
	struct evidence_source source = { .proc = tree->path, .has_scan = has_scan };
	struct evidence_options opts = { .folios = folios, .folio_cnt = cnt };

	assert_int_equal(evidence__read_from(&source, &opts, evidence), 0);
}

static inline const struct evidence_proc *find_proc(const struct evidence *evidence, uint32_t pid)
{
	for (size_t i = 0; i < evidence->proc_cnt; i++)
		if (evidence->procs[i].pid == pid)
			return &evidence->procs[i];
	return NULL;
}

#endif
