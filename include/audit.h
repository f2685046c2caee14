/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From facts to findings: the states of the groups, the findings, the verdict.
 *
 * Reads and completes a snapshot, nothing else: no clock, no file, no kernel,
 * so that a saved snapshot is judged exactly as a fresh one.
 */
#ifndef GUP_AUDIT_H
#define GUP_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "snapshot.h"

struct suppressions;

struct audit_options {
	uint64_t min_age_ns;	/* no finding for groups whose oldest pin is younger */
	uint64_t min_pages;	/* nor for groups of less memory, in base pages */
	uint64_t short_held_ns; /* 0 = 10 s */
	bool cmd_mode;		/* CMD has ended and the grace period has been waited for */
	const struct suppressions *suppressions; /* NULL = none */
	uint64_t now_ns;			 /* 0 = when the snapshot was taken */
};

/* Fills states, findings, verdict, exit code; may be repeated with other options. */
void snapshot__audit(struct snapshot *snap, const struct audit_options *opts);

/*
 * How much longer to wait until each group that is "releasing" has had its
 * time, after snapshot__audit(): take another snapshot then. 0 = settled.
 */
uint64_t snapshot__settle_ns(const struct snapshot *snap, uint64_t now_ns);

/*
 * Do two audited snapshots find the same, on the same pins? A finding counts
 * only when two in a row agree: a holder may end while one is taken.
 */
bool snapshot__same_findings(const struct snapshot *a, const struct snapshot *b);

/* What the rule stands for, in a few words. */
const char *rule_meaning(enum rule rule);

/* Who drops the pins of a dead owner, by kind of file; never NULL. */
const char *release_work(const struct group *group);
/* What may keep the pins when nobody has their file open; NULL = nothing can. */
const char *held_elsewhere(const struct group *group);

#endif
