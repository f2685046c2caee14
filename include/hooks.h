/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is attached where: one table, and its selection against a kernel.
 * Selection asks what functions exist, with how many arguments and which kind
 * of result; never a version number. Knows no libbpf: src/kernel.c answers.
 */
#ifndef GUP_HOOKS_H
#define GUP_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

enum hook_plan { PLAN_CORE, PLAN_CALL, PLAN_CNT };

enum hook_role {
	ROLE_ACQUIRE, /* changes NR_FOLL_PIN_ACQUIRED */
	ROLE_ADD_PIN, /* pins without changing it */
	ROLE_RELEASE, /* changes NR_FOLL_PIN_RELEASED */
	ROLE_API,     /* names who pins */
	ROLE_SITE,    /* names who releases */
	ROLE_GET,     /* FOLL_GET caller */
	ROLE_RECORD,  /* plan call: records what a call pinned */
	ROLE_CNT,
};

enum hook_ret { RET_ANY, RET_VOID, RET_BOOL, RET_INT, RET_PTR };

enum hook_need { MUST, IF_PRESENT };

#define HOOK_PROGS 4
/* Of these: goes before the others, where a task can be preempted anywhere in the kernel. */
#define HOOK_SPARE 3

struct hook {
	const char *group; /* of the rows of a group the first that fits is used */
	enum hook_plan plan;
	enum hook_role role;
	const char *func; /* kernel function */
	int nargs;
	enum hook_ret ret;
	enum hook_need need; /* MUST: the plan is refused when no row of the group fits */
	bool flow_only;	     /* for kernels whose BPF has no compare-and-exchange */
	const char *inlines; /* counts only where the function holds its own copy of this one */
	const char *progs[HOOK_PROGS]; /* in the order in which they are attached */
};

/* The kernel as the selection sees it. */
struct hook_kernel {
	/* True if the function is in BTF; fills arity and kind of result. */
	bool (*func)(const void *ctx, const char *name, int *nargs, enum hook_ret *ret);
	const void *ctx;
	bool has_cmpxchg; /* BPF atomics, since Linux kernel commit 5ffa25502b5a (in v5.12) */
	bool preempts_anywhere;
};

#define HOOKS_MAX 56

struct hook_choice {
	const struct hook *hooks[HOOKS_MAX];
	size_t cnt;
	const char *lacking[HOOKS_MAX]; /* MUST groups without a row */
	size_t lacking_cnt;
	bool spares; /* are attached, too */
};

/* The table: rows and their number. */
const struct hook *hooks__table(size_t *cnt);

/* Chooses the rows of a plan. 0, or -ENOENT when a MUST group has none (choice->lacking says which). */
int hooks__select(const struct hook_kernel *kernel, enum hook_plan plan,
		  struct hook_choice *choice);

/* The program of a chosen row that is attached nth, from 0 on; NULL behind the last. */
const char *hook_choice__prog(const struct hook_choice *choice, const struct hook *hook,
			      size_t nth);

/* "core", "call"; the plan of a name, or -1. */
const char *hook_plan_name(enum hook_plan plan);
int hook_plan_of(const char *name);
/* "acquire", "api", ... */
const char *hook_role_name(enum hook_role role);

/*
 * BTF functions that look like a pin or an unpin and are deliberately neither
 * hooked nor missing, with the reason. NULL if name is not one of them.
 */
const char *hooks__ignored(const char *name);

#endif
