/* SPDX-License-Identifier: GPL-2.0-only */
/* Random stacks for test_unwind: the same ones in every run. */
#ifndef GUP_UNWIND_GARBAGE_H
#define GUP_UNWIND_GARBAGE_H

#include <stdint.h>

#define STACK_BYTES (16 * 1024)

static uint64_t seed = 88172645463325252ULL;

static uint64_t rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* A word that might lead somewhere: code, stack, near numbers, or anything. */
static uint64_t tempting(const uint64_t *code, int code_cnt, uint64_t sp)
{
	switch (rnd() % 6) {
	case 0:
	case 1:
		return code[rnd() % code_cnt] + rnd() % 65536 - 32768;
	case 2:
		return sp + rnd() % STACK_BYTES;
	case 3:
		return (sp + rnd() % STACK_BYTES) & -16ULL;
	case 4:
		return rnd() % 256;
	default:
		return rnd();
	}
}

#endif
