/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User stacks without frame pointers: from registers and a copy of the stack,
 * by the objects' call frame information (.eh_frame).
 *
 * Works after the process has gone: code comes from the files that proc_maps
 * keeps open, stack memory from the copy. Never guesses: where the tables end,
 * the stack ends and says why. x86-64 only.
 */
#ifndef GUP_UNWIND_H
#define GUP_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resolve.h"

#define UNWIND_MAX_FRAMES 64

/* Registers at the entry of a system call; ones that are not known may be 0. */
struct user_regs {
	uint64_t ip, sp, bp, bx, r12, r13, r14, r15;
	uint64_t ax, cx, dx, si, di, r8, r9, r10, r11;
};

/*
 * Fills ips[] with regs->ip and the return addresses above it, innermost first,
 * and returns how many: at most max and UNWIND_MAX_FRAMES, at least one if max
 * is not 0. stack_copy holds len bytes from regs->sp upwards. *why_incomplete
 * is NULL when the outermost frame was reached, else a sentence fragment that
 * is valid until the next call ("stack copy of 16 KiB ended", "no unwind
 * information in libfoo.so.1"). All input may be garbage.
 */
int unwind__user(const struct proc_maps *maps, const struct user_regs *regs, const void *stack_copy,
		 size_t len, uint64_t *ips, size_t max, const char **why_incomplete);

/* ---- what unwinding asks of the maps: src/resolve_user.c ---- */

struct Dwarf_CFI_s;

struct code {
	const char *file;	 /* as user_frame__resolve(); NULL = no name */
	bool mapped;		 /* in an executable mapping */
	bool opened;		 /* its file could be opened, or it has none */
	uint64_t vaddr;		 /* the address in the object's own numbering */
	struct Dwarf_CFI_s *cfi; /* NULL = none; valid until the next call */
};

/* What is known of the code at exactly addr. */
struct code proc_maps__code(const struct proc_maps *maps, uint64_t addr);
/* Reads len bytes that the process could not write, from the file behind them. */
bool proc_maps__read_constant(const struct proc_maps *maps, uint64_t addr, void *buf, size_t len);

#endif
