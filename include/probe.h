/* SPDX-License-Identifier: GPL-2.0-only */
/* gup-leakcheck --probe: what would be attached on this kernel, and why not. */
#ifndef GUP_PROBE_H
#define GUP_PROBE_H

#include <stdio.h>

/* Prints it; the exit status: 0, or 3 when pins cannot be tracked here. */
int probe_print(FILE *out);

#endif
