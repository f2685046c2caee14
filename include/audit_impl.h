/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the audit and nobody else: audit_state.c derives the
 * states, audit_advice.c has the words by rule and by kind of file, audit.c
 * the rules.
 */
#ifndef GUP_AUDIT_IMPL_H
#define GUP_AUDIT_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "audit.h"
#include "snapshot.h"

struct audit {
	struct snapshot *snap;
	const struct audit_options *opts;
	uint64_t now_ns;
	bool books_whole; /* no pin or release is missing from the ledger */
};

/* Reasons to trust the view less. books: pins or releases may be missing. */
struct gap {
	const char *word;
	bool found, books;
};

#define GAP_MAX 10

void find_gaps(const struct checks *checks, struct gap gaps[GAP_MAX]);
bool books_are_whole(const struct checks *checks);

enum state state_of(const struct audit *audit, const struct group *group);
const struct process *owner_of(const struct snapshot *snap, const struct group *group);
bool is_mapped(const struct group *group);
/* Age of the oldest pin, 0 = unknown. */
uint64_t age_ns(const struct audit *audit, const struct group *group);
/* Taken by the tree of `-- CMD`, and that is what was asked for. */
bool by_cmd(const struct audit *audit, const struct group *group);

/* How long the pins of a dead owner may stay before that means anything. */
uint64_t release_time_ns(const struct group *group);

const char *advise_title(struct snapshot *snap, enum rule rule, const struct group *group);
/* What to do now, and what to change in the program or driver; NULL = nothing to say. */
const char *advise_next(struct snapshot *snap, enum rule rule, const struct group *group);
const char *advise_fix(enum rule rule, const struct group *group);
const char *advise_wrong_fix(enum wrong_kind kind);

/* The living process other than the owner that keeps the group; NULL = none found. */
const struct holder *find_holder(const struct snapshot *snap, const struct group *group);

#endif
