/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Filters: the same words for every program, as options (--comm GLOB) and as
 * one text (comm=GLOB). They work on any snapshot, fresh or read, before the
 * audit; several words must all fit.
 *
 *	file=PATH      memory of that file, or pinned through it
 *	pid=PID        in any role: pinned it, holds it, maps it, or is likely to
 *	cgroup=PATH    a process of that subtree, in any role
 *	comm=GLOB      a process of such a name, in any role
 *	uid=N|NAME     a process of that user, in any role
 *	driver=NAME    kernel module in the stack, or kind of the file ("rdma")
 *	node=N         memory on that NUMA node
 *	zone=NAME      memory in that zone ("Movable")
 *	kind=KIND      memory of that kind ("anon", "file", "hugetlb")
 *
 * What is asked of processes must fit one process, what is asked of memory one
 * part of a group's memory.
 */
#ifndef GUP_FILTER_H
#define GUP_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

#define FILTER_TEXT_MAX 256

/* All zero: everything fits. Strings are copies: plain data, no need to free. */
struct filter {
	bool by_pid, by_uid, by_node, by_kind;
	uint32_t pid, uid;
	int node;
	enum mem_kind kind;
	char file[FILTER_TEXT_MAX], cgroup[FILTER_TEXT_MAX], comm[FILTER_TEXT_MAX];
	char driver[FILTER_TEXT_MAX], zone[FILTER_TEXT_MAX]; /* empty = not asked for */
};

/*
 * Sets one word. 0, or -EINVAL with the reason in why, one line: "no such word",
 * "uid: no user of that name".
 */
int filter__set(struct filter *filter, const char *word, const char *value, char *why,
		size_t why_bytes);
/* The same of "word=value". Nothing but white space clears the filter. */
int filter__parse(struct filter *filter, const char *text, char *why, size_t why_bytes);

bool filter__is_empty(const struct filter *filter);
/* Does this group fit? */
bool filter__fits(const struct filter *filter, const struct snapshot *snap,
		  const struct group *group);

/*
 * Drops what does not fit: groups as wholes, single pages, sites that no group
 * stands for any more; zones where they cannot be told apart. Totals are the
 * sums of what is left, each at most what it was (groups may share folios);
 * maybe_pinned and the checks stay those of the whole machine. Says so in
 * snap->filter. Audit it afterwards.
 */
void filter__apply(struct snapshot *snap, const struct filter *filter);

/* Rows for a table of argp options (<argp.h>), and what to do with their keys. */
enum {
	FILTER_KEY_FILE = 0x1000,
	FILTER_KEY_CGROUP,
	FILTER_KEY_COMM,
	FILTER_KEY_UID,
	FILTER_KEY_DRIVER,
	FILTER_KEY_NODE,
	FILTER_KEY_ZONE,
	FILTER_KEY_KIND,
	FILTER_KEY_END,
};

/* clang-format off */
#define FILTER_OPTIONS \
	{ "file", FILTER_KEY_FILE, "PATH", 0, "memory of that file, or pinned through it", 0 }, \
	{ "cgroup", FILTER_KEY_CGROUP, "PATH", 0, "processes of that cgroup and below it", 0 }, \
	{ "comm", FILTER_KEY_COMM, "GLOB", 0, "processes of such a name", 0 }, \
	{ "uid", FILTER_KEY_UID, "USER", 0, "processes of that user, name or number", 0 }, \
	{ "driver", FILTER_KEY_DRIVER, "NAME", 0, \
	  "that kernel module in the stack, or kind of file", 0 }, \
	{ "node", FILTER_KEY_NODE, "N", 0, "memory on that NUMA node", 0 }, \
	{ "zone", FILTER_KEY_ZONE, "NAME", 0, "memory in that zone: Normal, Movable, ...", 0 }, \
	{ "kind", FILTER_KEY_KIND, "KIND", 0, "memory of that kind: anon, thp, file, ...", 0 }
/* clang-format on */

/* Takes one of these options; ends the program with one line and status 2 if it is wrong. */
void filter__option(struct filter *filter, int key, const char *arg);

#endif
