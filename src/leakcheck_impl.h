/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the leakcheck*.c files only. */
#ifndef GUP_LEAKCHECK_IMPL_H
#define GUP_LEAKCHECK_IMPL_H

#include <stdio.h>

#include "leakcheck.h"

#define EXIT_USAGE 2
#define EXIT_CANNOT 3
#define EXIT_BROKEN 4

struct snapshot;

/* Only what was asked for, judged with the options of this run. Suppressions are not kept. */
void leakcheck_judge(const struct env *env, struct snapshot *snap,
		     const struct suppressions *suppressions);
/* The kernel's totals, for those who may see no more. */
void leakcheck_totals(FILE *out);

/*
 * Reports what a running gup-pind knows. False: there is none to ask, or it knows
 * no more than a scan; else *ret is the exit status.
 */
bool leakcheck_daemon(const struct env *env, FILE *out, const struct suppressions *suppressions,
		      int *ret);
/* Adds what a running gup-pind found busy in the page frames asked for; asks none where none are. */
void leakcheck_busy(const struct env *env, struct snapshot *snap);
/* Scans once, audits and reports; the exit status. */
int leakcheck_scan(const struct env *env, FILE *out, const struct suppressions *suppressions);

#endif
