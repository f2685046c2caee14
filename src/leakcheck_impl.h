/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the leakcheck*.c files only. */
#ifndef GUP_LEAKCHECK_IMPL_H
#define GUP_LEAKCHECK_IMPL_H

#include <stdio.h>

#include "leakcheck.h"

#define EXIT_USAGE 2
#define EXIT_CANNOT 3
#define EXIT_BROKEN 4

/* Scans once, audits and reports; the exit status. */
int leakcheck_scan(const struct env *env, FILE *out, const struct suppressions *suppressions);

#endif
