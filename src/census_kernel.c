// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census of the running kernel: its text is read piece by piece and searched
 * for branches to the GUP functions. The functions' own helpers call them too
 * (unpin_user_pages_dirty_lock calls unpin_user_pages); those are left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "census.h"
#include "kernel.h"
#include "resolve.h"
#include "util.h"

#define BRANCH_BYTES 5 /* call rel32, jmp rel32 */
#define TARGETS_MAX 40

struct target {
	uint64_t addr;
	const char *name;
	enum gup_family family;
};

struct search {
	struct target targets[TARGETS_MAX];
	size_t target_cnt;
	const struct ksyms *ksyms;
	struct census_unit *unit;
};

static void find_targets(struct search *search)
{
	const char *name;

	for (size_t i = 0; (name = census_func_name(i)) && i < TARGETS_MAX; i++) {
		struct target *target = &search->targets[search->target_cnt];

		target->addr = ksyms__addr(search->ksyms, name, NULL);
		target->name = census_func(name, &target->family);
		search->target_cnt += target->addr != 0;
	}
}

static int note(struct search *search, uint64_t from, const struct target *target)
{
	const struct ksym *sym = ksyms__find(search->ksyms, from);
	enum gup_family family;
	char caller[128];

	if (!sym)
		return census_unit__add(search->unit, target->name, target->family, NULL, 1);
	symbol_display(sym->name, caller, sizeof(caller));
	if (census_func(caller, &family))
		return 0;
	return census_unit__add(search->unit, target->name, target->family, caller, 1);
}

static int search_piece(struct search *search, const uint8_t *text, size_t len, uint64_t addr)
{
	int err = 0;

	for (size_t i = 0; i + BRANCH_BYTES <= len && !err; i++) {
		uint64_t to;
		int32_t rel;

		if (text[i] != 0xe8 && text[i] != 0xe9)
			continue;
		memcpy(&rel, text + i + 1, sizeof(rel));
		to = addr + i + BRANCH_BYTES + (int64_t)rel;
		for (size_t t = 0; t < search->target_cnt && !err; t++)
			if (search->targets[t].addr == to)
				err = note(search, addr + i, &search->targets[t]);
	}
	return err;
}

int census__kernel(struct census *census, struct kernel_reader *reader, const struct ksyms *ksyms)
{
	uint64_t addr = ksyms__addr(ksyms, "_stext", NULL);
	uint64_t end = ksyms__addr(ksyms, "_etext", NULL);
	struct census_unit unit = { .name = strdup(CENSUS_KERNEL) };
	struct search search = { .ksyms = ksyms, .unit = &unit };
	cleanup_free uint8_t *text = malloc(GUP_TEXT_BYTES);
	size_t len = 0;
	int err = addr && end > addr ? 0 : -ENOENT;

	if (!text || !unit.name)
		err = -ENOMEM;
	find_targets(&search);
	/* Pieces overlap, so that no branch is cut in two. */
	for (; !err && addr + BRANCH_BYTES <= end; addr += len - BRANCH_BYTES + 1) {
		len = end - addr < GUP_TEXT_BYTES ? end - addr : GUP_TEXT_BYTES;
		err = kernel_reader__text(reader, addr, text, len);
		if (!err)
			err = search_piece(&search, text, len, addr);
	}
	if (!err)
		err = census__add(census, &unit);
	for (size_t i = 0; i < unit.call_cnt; i++)
		free(unit.calls[i].caller);
	free(unit.calls);
	free(unit.name);
	return err;
}
