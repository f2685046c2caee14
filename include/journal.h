/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines about findings that appear or clear, with fields: into systemd's
 * journal where that takes our stderr, else to stderr.
 */
#ifndef GUP_JOURNAL_H
#define GUP_JOURNAL_H

#include <stdint.h>

#include "snapshot.h"

#define JOURNAL_LINES_A_MINUTE 20 /* more are counted, and their number said */

struct journal;

/* NULL with errno. */
struct journal *journal__new(void);
void journal__free(struct journal *journal);

/*
 * Compares the warnings and errors of an audited snapshot with those of the one
 * before; the first has none before it. now_ns: monotonic. 0 or -ENOMEM.
 */
int journal__tell(struct journal *journal, const struct snapshot *snap, uint64_t now_ns);

#endif
