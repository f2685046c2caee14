/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by selftest.c and selftest_call.c only: the paths that both plans try. */
#ifndef GUP_SELFTEST_IMPL_H
#define GUP_SELFTEST_IMPL_H

#include <stdbool.h>

#include "selftest.h"

struct leg {
	const char *name;
	size_t pages;
	bool huge;
	bool held; /* pins stay until released on purpose */
};

#define LEGS 4
extern const struct leg selftest_legs[LEGS];

/* Touched anonymous memory; NULL when a huge page was wanted and none came. *map is to be unmapped. */
char *leg__map(const struct leg *leg, void **map, size_t *map_bytes);
/* Pins and releases by reading own memory. 0 or -errno. */
int leg__read(const struct leg *leg, char *mem);
/* Registers the pages as an io_uring buffer; the ring's descriptor, or -errno. */
int leg__ring(const struct leg *leg, char *mem);
void leg__unring(int fd);

/* Notes what disagreed; -EBADE. */
int selftest__disagree(struct selftest_result *result, const struct leg *leg, const char *what,
		       uint64_t got, uint64_t want, const char *silent);
void selftest__list(char *buf, size_t size, const char *name);

#endif
