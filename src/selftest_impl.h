/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by selftest.c and selftest_call.c only: the paths that both plans try. */
#ifndef GUP_SELFTEST_IMPL_H
#define GUP_SELFTEST_IMPL_H

#include "selftest.h"
#include "ways.h"

struct leg {
	const char *name;
	const struct way *way;
	enum own_memory memory;
	size_t pages;
};

#define LEGS 5
extern const struct leg selftest_legs[LEGS];

/* Whether this kernel pins that way at all. */
bool leg__is_of(const struct leg *leg, struct tracker *tracker);

/* Notes what disagreed; -EBADE. */
int selftest__disagree(struct selftest_result *result, const struct leg *leg, const char *what,
		       uint64_t got, uint64_t want, const char *silent);
void selftest__list(char *buf, size_t size, const char *name);

#endif
