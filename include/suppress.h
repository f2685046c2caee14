/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Findings that somebody decided to live with, one a line of a file:
 *
 *	rule:glob of function, comm or path  [until=YYYY-MM-DD]  # why
 *
 * The reason is required. From the day named by until= the line has no effect.
 */
#ifndef GUP_SUPPRESS_H
#define GUP_SUPPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

struct suppressions;

/*
 * Reads the file; all its errors go to stderr as "file:line: what". NULL with
 * errno set (EINVAL: at least one line is wrong).
 */
struct suppressions *suppressions__load(const char *path, uint64_t now_ns);
/* Accepts NULL. */
void suppressions__free(struct suppressions *supps);

/*
 * The line that covers a finding of this rule with one of these names, as
 * "file:3 # why" owned by supps, else NULL. Marks the line as used.
 */
const char *suppressions__match(const struct suppressions *supps, enum rule rule,
				const char *const *names, size_t name_cnt);
/* Forgets which lines were used. */
void suppressions__restart(const struct suppressions *supps);
/*
 * The i-th line that was not used, as "file:3 unused" or "file:3 expired
 * 2026-11-01"; NULL past the last.
 */
const char *suppressions__unused(const struct suppressions *supps, size_t i);

#endif
