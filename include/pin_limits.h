/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What pinned and locked memory is charged to, and what the limits are. Each
 * subsystem of the kernel counts its own way, some twice, some not at all, so
 * no account equals the memory that is really pinned: here they stand side by side.
 */
#ifndef GUP_PIN_LIMITS_H
#define GUP_PIN_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct limits_proc {
	uint32_t pid, uid;
	char comm[16];
	uint64_t
		pinned_bytes; /* of the memory that it maps: whole folios, also if others map them */
	uint64_t file_bytes;  /* what its open files say they hold, each file once */
	uint64_t vm_pin_bytes;	/* mm->pinned_vm */
	uint64_t vm_lck_bytes;	/* mm->locked_vm */
	uint64_t memlock_bytes; /* RLIMIT_MEMLOCK, the soft limit; UINT64_MAX = unlimited */
};

struct limits_user {
	uint32_t uid;
	uint64_t locked_bytes; /* user->locked_vm */
	uint32_t proc_cnt;     /* processes that run as this user */
};

struct limits {
	struct limits_proc *procs; /* with any account or pinned memory; the most pinned first */
	size_t proc_cnt;
	struct limits_user *users; /* that something is charged to, ascending by uid */
	size_t user_cnt;
	int scan_err;	 /* not 0: pinned_bytes are unknown */
	int users_err;	 /* not 0: users are unknown */
	bool complete;	 /* every process could be looked at */
	uint32_t denied; /* those that could not */
};

/*
 * Scans, looks at all processes, asks the kernel for the users' accounts. What
 * needs a privilege that we lack is marked. 0 or -errno. Free with limits__free().
 */
int limits__read(struct limits *limits);
void limits__free(struct limits *limits);

/*
 * The users' accounts alone, by a BPF iterator: *users is malloc'ed. A user
 * without a process does not show up. 0 or -errno.
 */
int limits_users__read(struct limits_user **users, size_t *cnt);

/* How a subsystem charges what it pins. */
struct limits_charge {
	const char *subsystem;
	const char *account; /* "user, VmPin": where it is charged; "nothing" */
	const char *limit;   /* what refuses more, and when not */
	const char *beware;  /* counted twice, or not at all; NULL = nothing special */
};

const struct limits_charge *limits__charges(size_t *cnt);

/* 0 or -EIO. In JSON null is unknown; a limit of null is unlimited. */
int form_limits(FILE *out, const struct limits *limits);
int form_limits_json(FILE *out, const struct limits *limits);

#endif
