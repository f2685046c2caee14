/* SPDX-License-Identifier: GPL-2.0-only */
/* Page frame numbers as people and the kernel's log write them. */
#ifndef GUP_PFN_LIST_H
#define GUP_PFN_LIST_H

#include <stddef.h>

struct pfn_range;

/*
 * Adds the ranges in text to *ranges, which is malloced and stays ascending
 * without overlaps. Numbers are hex, with or without 0x: "a5a80",
 * "a5a80-a5add" (both ends are in it), several by commas; or any text with the
 * kernel's "[a5a80, a5ade)" in it (the end is not). -EINVAL: neither.
 */
int pfn_list__parse(const char *text, struct pfn_range **ranges, size_t *cnt);

/*
 * The same for a memory block, "memory32" or "32". -EINVAL, or -ENOENT: this
 * machine has no such block.
 */
int pfn_list__block(const char *text, struct pfn_range **ranges, size_t *cnt);

#endif
