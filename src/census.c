// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census itself: the table of GUP functions, units and their verdicts.
 * Where the calls come from: census_elf.c (modules), census_kernel.c.
 */
#include "census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

struct func {
	const char *name;
	enum gup_family family;
};

/* Exported by some kernel since v5.6, and what pins or gets on behalf of its caller. */
static const struct func funcs[] = {
	{ "pin_user_pages", FAMILY_PIN },
	{ "pin_user_pages_fast", FAMILY_PIN },
	{ "pin_user_pages_fast_only", FAMILY_PIN },
	{ "pin_user_pages_remote", FAMILY_PIN },
	{ "pin_user_pages_unlocked", FAMILY_PIN },
	{ "pin_user_pages_locked", FAMILY_PIN },
	{ "memfd_pin_folios", FAMILY_PIN },
	{ "folio_add_pin", FAMILY_PIN },
	{ "folio_add_pins", FAMILY_PIN },
	{ "iov_iter_extract_pages", FAMILY_PIN },
	{ "extract_iter_to_sg", FAMILY_PIN },
	{ "unpin_user_page", FAMILY_UNPIN },
	{ "unpin_user_pages", FAMILY_UNPIN },
	{ "unpin_user_pages_dirty_lock", FAMILY_UNPIN },
	{ "unpin_user_page_range_dirty_lock", FAMILY_UNPIN },
	{ "unpin_user_folio", FAMILY_UNPIN },
	{ "unpin_folio", FAMILY_UNPIN },
	{ "unpin_folios", FAMILY_UNPIN },
	{ "get_user_pages", FAMILY_GET },
	{ "get_user_pages_fast", FAMILY_GET },
	{ "get_user_pages_fast_only", FAMILY_GET },
	{ "get_user_pages_remote", FAMILY_GET },
	{ "get_user_pages_unlocked", FAMILY_GET },
	{ "get_user_pages_locked", FAMILY_GET },
	{ "iov_iter_get_pages", FAMILY_GET },
	{ "iov_iter_get_pages2", FAMILY_GET },
	{ "iov_iter_get_pages_alloc", FAMILY_GET },
	{ "iov_iter_get_pages_alloc2", FAMILY_GET },
};

const char *census_func_name(size_t i)
{
	return i < ARRAY_SIZE(funcs) ? funcs[i].name : NULL;
}

const char *census_func(const char *name, enum gup_family *family)
{
	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++) {
		if (strcmp(name, funcs[i].name))
			continue;
		*family = funcs[i].family;
		return funcs[i].name;
	}
	return NULL;
}

static const struct {
	const char *name, *words;
} classes[CENSUS_CLASS_CNT] = {
	[CLASS_CONVERTED] = { "converted",
			      "calls pin_user_pages*, releases with unpin_*: converted" },
	[CLASS_PINS] = { "pins", "calls pin_user_pages*; released by other code" },
	[CLASS_RELEASES] = { "releases", "releases with unpin_* what other code pinned" },
	[CLASS_STILL_GET] = { "get", "still get_user_pages*" },
	[CLASS_BOTH] = { "both", "pins in one place, still get_user_pages* in another" },
	[CLASS_NONE] = { "none", "calls no GUP function" },
};

const char *census_class_name(enum census_class class)
{
	return classes[class].name;
}

const char *census_class_words(enum census_class class)
{
	return classes[class].words;
}

int census_unit__add(struct census_unit *unit, const char *callee, enum gup_family family,
		     const char *caller, unsigned int cnt)
{
	struct census_call *calls;

	for (size_t i = 0; i < unit->call_cnt; i++) {
		struct census_call *call = &unit->calls[i];

		if (strcmp(call->callee, callee) || !call->caller != !caller ||
		    (caller && strcmp(call->caller, caller)))
			continue;
		call->cnt += cnt;
		return 0;
	}
	calls = reallocarray(unit->calls, unit->call_cnt + 1, sizeof(*calls));
	if (!calls)
		return -ENOMEM;
	unit->calls = calls;
	calls[unit->call_cnt] = (struct census_call){ callee, family, NULL, cnt };
	if (caller) {
		calls[unit->call_cnt].caller = strdup(caller);
		if (!calls[unit->call_cnt].caller)
			return -ENOMEM;
	}
	unit->call_cnt++;
	return 0;
}

static enum census_class judge(const struct census_unit *unit)
{
	bool has[FAMILY_CNT] = {};

	for (size_t i = 0; i < unit->call_cnt; i++)
		has[unit->calls[i].family] = true;
	if (has[FAMILY_GET])
		return has[FAMILY_PIN] || has[FAMILY_UNPIN] ? CLASS_BOTH : CLASS_STILL_GET;
	if (has[FAMILY_PIN])
		return has[FAMILY_UNPIN] ? CLASS_CONVERTED : CLASS_PINS;
	return has[FAMILY_UNPIN] ? CLASS_RELEASES : CLASS_NONE;
}

static int by_call(const void *a, const void *b)
{
	const struct census_call *x = a, *y = b;
	int diff = strcmp(x->caller ? x->caller : "", y->caller ? y->caller : "");

	return diff ? diff : strcmp(x->callee, y->callee);
}

int census__add(struct census *census, struct census_unit *unit)
{
	struct census_unit *units;

	units = reallocarray(census->units, census->unit_cnt + 1, sizeof(*units));
	if (!units)
		return -ENOMEM;
	census->units = units;
	unit->class = judge(unit);
	if (unit->call_cnt)
		qsort(unit->calls, unit->call_cnt, sizeof(*unit->calls), by_call);
	units[census->unit_cnt++] = *unit;
	*unit = (struct census_unit){};
	return 0;
}

const struct census_unit *census__find(const struct census *census, const char *name)
{
	for (size_t i = 0; i < census->unit_cnt; i++)
		if (!strcmp(census->units[i].name, name))
			return &census->units[i];
	return NULL;
}

bool census__has_module(const struct census *census, const char *name)
{
	for (size_t i = 0; i < census->modules; i++)
		if (!strcmp(census->names[i], name))
			return true;
	return false;
}

void census__free(struct census *census)
{
	for (size_t i = 0; i < census->unit_cnt; i++) {
		struct census_unit *unit = &census->units[i];

		for (size_t c = 0; c < unit->call_cnt; c++)
			free(unit->calls[c].caller);
		free(unit->calls);
		free(unit->name);
	}
	for (size_t i = 0; i < census->modules; i++)
		free(census->names[i]);
	free(census->names);
	free(census->units);
	*census = (struct census){};
}
