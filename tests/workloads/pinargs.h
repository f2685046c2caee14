/* SPDX-License-Identifier: GPL-2.0-only */
/* What the pinning programs' command lines and their hold have in common. */
#ifndef PINARGS_H
#define PINARGS_H

#include <argp.h>

#include "pinlib.h"

/* Values of options; a bad one ends the program with a message and EXIT_USAGE. */
unsigned long num_arg(const char *arg, struct argp_state *state); /* above 0 */
unsigned long ms_arg(const char *arg, struct argp_state *state);  /* of seconds */
const char *kind_arg(const char *arg, struct argp_state *state);  /* of mem__map() */

/* Prints how far /proc/vmstat has gone up since base; `when` is "held" or "end". */
int say_vmstat(const struct pin_stat *base, const char *when);

/*
 * Forks a child that keeps what holds the pins, and nothing that others read,
 * so long. It maps the memory, or unmaps it. The parent returns at once.
 */
int fork_holder(struct mem *mem, bool munmap_child, unsigned long hold_ms);

#endif
