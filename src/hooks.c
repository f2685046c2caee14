// SPDX-License-Identifier: GPL-2.0-only
/*
 * THE TABLE: which program runs at which kernel function, and the loop that
 * chooses. Rows of a group stand together, newest kernel first. To support a
 * new kernel, add its row above its siblings and the adapter it names in
 * bpf/track.bpf.c (plan core) or bpf/call.bpf.h (plan call).
 */
#include "hooks.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "util.h"

/*
 * Where NR_FOLL_PIN_ACQUIRED and _RELEASED change. Since Linux kernel commit
 * f442fa614137 ("mm: gup: stop abusing try_grab_folio") (in v6.11) the slow path
 * has try_grab_folio(folio) and the fast path try_grab_folio_fast(page); before,
 * try_grab_page() and try_grab_folio(page), and before v5.17
 * try_grab_compound_head(). From 6.18 on, compilers inline the release into the
 * single-page functions and the grab into memfd_pin_folios: the "inlines" rows
 * count only where the machine code says so.
 */
/* Two lines a row: who and where, then what it must be and what runs. */
/* clang-format off */
static const struct hook table[] = {
	{ "grab, slow path", PLAN_CORE, ROLE_ACQUIRE, "try_grab_folio",
	  3, RET_INT, MUST, false, NULL, { "fexit2__try_grab_folio", "fexit__try_grab_folio" } },
	{ "grab, slow path", PLAN_CORE, ROLE_ACQUIRE, "try_grab_page",
	  2, RET_INT, MUST, false, NULL, { "fexit__try_grab_page__int" } },
	{ "grab, slow path", PLAN_CORE, ROLE_ACQUIRE, "try_grab_page",
	  2, RET_BOOL, MUST, false, NULL, { "fexit__try_grab_page" } },
	{ "grab, slow path", PLAN_CORE, ROLE_ACQUIRE, "try_grab_page",
	  2, RET_BOOL, MUST, true, NULL, { "fexit__try_grab_page__flow" } },

	{ "grab, fast path", PLAN_CORE, ROLE_ACQUIRE, "try_grab_folio_fast",
	  3, RET_PTR, MUST, false, NULL, { "fexit__try_grab_folio_fast" } },
	{ "grab, fast path", PLAN_CORE, ROLE_ACQUIRE, "try_grab_folio",
	  3, RET_PTR, MUST, false, NULL, { "fexit__try_grab_folio__page" } },
	{ "grab, fast path", PLAN_CORE, ROLE_ACQUIRE, "try_grab_compound_head",
	  3, RET_PTR, MUST, true, NULL, { "fexit__try_grab_compound_head__flow" } },

	{ "put", PLAN_CORE, ROLE_RELEASE, "gup_put_folio",
	  3, RET_VOID, MUST, false, NULL, { "fentry__gup_put_folio" } },
	{ "put", PLAN_CORE, ROLE_RELEASE, "put_compound_head",
	  3, RET_VOID, MUST, true, NULL, { "fentry__put_compound_head__flow" } },

	{ "folio_add_pin", PLAN_CORE, ROLE_ADD_PIN, "folio_add_pin",
	  1, RET_VOID, IF_PRESENT, false, NULL, { "fexit__folio_add_pin" } },
	{ "folio_add_pins", PLAN_CORE, ROLE_ACQUIRE, "folio_add_pins",
	  2, RET_INT, IF_PRESENT, false, "try_grab_folio", { "fexit__folio_add_pins" } },

	{ "unpin_user_page", PLAN_CORE, ROLE_SITE, "unpin_user_page",
	  1, RET_VOID, IF_PRESENT, false, "gup_put_folio", { "fentry__unpin_user_page" } },
	{ "unpin_folio", PLAN_CORE, ROLE_SITE, "unpin_folio",
	  1, RET_VOID, IF_PRESENT, false, "gup_put_folio", { "fentry__unpin_folio" } },
	{ "unpin_user_folio", PLAN_CORE, ROLE_SITE, "unpin_user_folio",
	  2, RET_VOID, IF_PRESENT, false, "gup_put_folio", { "fentry__unpin_user_folio" } },
	{ "unpin_user_pages", PLAN_CORE, ROLE_SITE, "unpin_user_pages",
	  2, RET_VOID, IF_PRESENT, false, NULL, { "fentry__unpin_user_pages" } },
	{ "unpin_user_pages_dirty_lock", PLAN_CORE, ROLE_SITE, "unpin_user_pages_dirty_lock",
	  3, RET_VOID, IF_PRESENT, false, NULL, { "fentry__unpin_user_pages_dirty_lock" } },
	{ "unpin_user_page_range_dirty_lock", PLAN_CORE, ROLE_SITE, "unpin_user_page_range_dirty_lock",
	  3, RET_VOID, IF_PRESENT, false, NULL, { "fentry__unpin_user_page_range_dirty_lock" } },
	{ "unpin_folios", PLAN_CORE, ROLE_SITE, "unpin_folios",
	  2, RET_VOID, IF_PRESENT, false, NULL, { "fentry__unpin_folios" } },

	/*
	 * Since Linux kernel commit 4c630f307455 ("mm/gup: remove vmas parameter from
	 * pin_user_pages()") (in v6.5) there is no fifth argument.
	 */
	{ "pin_user_pages", PLAN_CORE, ROLE_API, "pin_user_pages",
	  4, RET_INT, MUST, false, NULL,
	  { "fentry__pin_user_pages", "fexit__pin_user_pages" } },
	{ "pin_user_pages", PLAN_CORE, ROLE_API, "pin_user_pages",
	  5, RET_INT, MUST, false, NULL,
	  { "fentry__pin_user_pages", "fexit__pin_user_pages__vmas" } },
	{ "pin_user_pages_fast", PLAN_CORE, ROLE_API, "pin_user_pages_fast",
	  4, RET_INT, MUST, false, NULL,
	  { "fentry__pin_user_pages_fast", "fexit__pin_user_pages_fast" } },
	{ "pin_user_pages_fast_only", PLAN_CORE, ROLE_API, "pin_user_pages_fast_only",
	  4, RET_INT, IF_PRESENT, false, NULL,
	  { "fentry__pin_user_pages_fast_only", "fexit__pin_user_pages_fast_only" } },
	{ "pin_user_pages_unlocked", PLAN_CORE, ROLE_API, "pin_user_pages_unlocked",
	  4, RET_INT, IF_PRESENT, false, NULL,
	  { "fentry__pin_user_pages_unlocked", "fexit__pin_user_pages_unlocked" } },
	{ "pin_user_pages_locked", PLAN_CORE, ROLE_API, "pin_user_pages_locked",
	  5, RET_INT, IF_PRESENT, false, NULL,
	  { "fentry__pin_user_pages_locked", "fexit__pin_user_pages_locked" } },
	{ "pin_user_pages_remote", PLAN_CORE, ROLE_API, "pin_user_pages_remote",
	  6, RET_INT, IF_PRESENT, false, NULL,
	  { "fentry__pin_user_pages_remote", "fexit__pin_user_pages_remote" } },
	/*
	 * With vmas more arguments than a trampoline carries: a pair of probes. What is attached last
	 * runs first, so the entry sees the return address before the other replaces it.
	 */
	{ "pin_user_pages_remote", PLAN_CORE, ROLE_API, "pin_user_pages_remote",
	  7, RET_INT, IF_PRESENT, false, NULL,
	  { "kretprobe__pin_user_pages_remote__api", "kprobe__pin_user_pages_remote__api" } },
	{ "memfd_pin_folios", PLAN_CORE, ROLE_API, "memfd_pin_folios",
	  6, RET_INT, IF_PRESENT, false, "try_grab_folio",
	  { "fentry__memfd_pin_folios", "fexit__memfd_pin_folios" } },

	{ "get_user_pages", PLAN_CORE, ROLE_GET, "get_user_pages",
	  4, RET_INT, IF_PRESENT, false, NULL, { "fexit__get_user_pages" } },
	{ "get_user_pages", PLAN_CORE, ROLE_GET, "get_user_pages",
	  5, RET_INT, IF_PRESENT, false, NULL, { "fexit__get_user_pages__vmas" } },
	{ "get_user_pages_fast", PLAN_CORE, ROLE_GET, "get_user_pages_fast",
	  4, RET_INT, IF_PRESENT, false, NULL, { "fexit__get_user_pages_fast" } },
	{ "get_user_pages_fast_only", PLAN_CORE, ROLE_GET, "get_user_pages_fast_only",
	  4, RET_INT, IF_PRESENT, false, NULL, { "fexit__get_user_pages_fast_only" } },
	{ "get_user_pages_remote", PLAN_CORE, ROLE_GET, "get_user_pages_remote",
	  6, RET_INT, IF_PRESENT, false, NULL, { "fexit__get_user_pages_remote" } },
	{ "get_user_pages_unlocked", PLAN_CORE, ROLE_GET, "get_user_pages_unlocked",
	  4, RET_INT, IF_PRESENT, false, NULL, { "fexit__get_user_pages_unlocked" } },

	/* Plan call: the API functions again, at their exit alone, in copies (bpf/record.bpf.h). */
	{ "pin_user_pages", PLAN_CALL, ROLE_RECORD, "pin_user_pages",
	  4, RET_INT, MUST, false, NULL,
	  { "call3__pin_user_pages", "call2__pin_user_pages", "call__pin_user_pages",
	    "call4__pin_user_pages" } },
	{ "pin_user_pages", PLAN_CALL, ROLE_RECORD, "pin_user_pages",
	  5, RET_INT, MUST, false, NULL,
	  { "call3__pin_user_pages__vmas", "call2__pin_user_pages__vmas",
	    "call__pin_user_pages__vmas", "call4__pin_user_pages__vmas" } },
	{ "pin_user_pages_fast", PLAN_CALL, ROLE_RECORD, "pin_user_pages_fast",
	  4, RET_INT, MUST, false, NULL,
	  { "call3__pin_user_pages_fast", "call2__pin_user_pages_fast",
	    "call__pin_user_pages_fast", "call4__pin_user_pages_fast" } },
	{ "pin_user_pages_fast_only", PLAN_CALL, ROLE_RECORD, "pin_user_pages_fast_only",
	  4, RET_INT, IF_PRESENT, false, NULL,
	  { "call3__pin_user_pages_fast_only", "call2__pin_user_pages_fast_only",
	    "call__pin_user_pages_fast_only", "call4__pin_user_pages_fast_only" } },
	{ "pin_user_pages_unlocked", PLAN_CALL, ROLE_RECORD, "pin_user_pages_unlocked",
	  4, RET_INT, IF_PRESENT, false, NULL,
	  { "call3__pin_user_pages_unlocked", "call2__pin_user_pages_unlocked",
	    "call__pin_user_pages_unlocked", "call4__pin_user_pages_unlocked" } },
	{ "pin_user_pages_remote", PLAN_CALL, ROLE_RECORD, "pin_user_pages_remote",
	  6, RET_INT, MUST, false, NULL,
	  { "call3__pin_user_pages_remote", "call2__pin_user_pages_remote",
	    "call__pin_user_pages_remote", "call4__pin_user_pages_remote" } },
	/* With vmas more arguments than a trampoline carries: a pair of probes. */
	{ "pin_user_pages_remote", PLAN_CALL, ROLE_RECORD, "pin_user_pages_remote",
	  7, RET_INT, MUST, false, NULL,
	  { "kprobe__pin_user_pages_remote__vmas", "kretprobe__pin_user_pages_remote__vmas" } },
	{ "memfd_pin_folios", PLAN_CALL, ROLE_RECORD, "memfd_pin_folios",
	  6, RET_INT, IF_PRESENT, false, NULL,
	  { "call3__memfd_pin_folios", "call2__memfd_pin_folios", "call__memfd_pin_folios",
	    "call4__memfd_pin_folios" } },
};
/* clang-format on */

static const char *const role_names[] = {
	[ROLE_ACQUIRE] = "acquire", [ROLE_ADD_PIN] = "add pin",	  [ROLE_RELEASE] = "release",
	[ROLE_API] = "api",	    [ROLE_SITE] = "release site", [ROLE_GET] = "FOLL_GET",
	[ROLE_RECORD] = "record",
};
_Static_assert(ARRAY_SIZE(role_names) == ROLE_CNT, "a role without a name");

static const char *const plan_names[] = { [PLAN_CORE] = "core", [PLAN_CALL] = "call" };
_Static_assert(ARRAY_SIZE(plan_names) == PLAN_CNT, "a plan without a name");

/* Functions whose names look like pins: patterns, and why they are not hooked. */
static const struct {
	const char *glob, *why;
} ignored[] = {
	{ "gup_fast*", "inner part of pin_user_pages_fast, ends in try_grab_folio_fast" },
	{ "internal_get_user_pages_fast", "inner part of pin_user_pages_fast" },
	{ "gup_*_range*", "inner part of the fast path" },
	{ "gup_hugepte", "inner part of the fast path" },
	{ "gup_huge_*", "inner part of the fast path" },
	{ "gup_folio_next", "walks a list of pages that unpin_user_pages was given" },
	{ "gup_folio_range_next", "walks a range that unpin_user_page_range_dirty_lock was given" },
	{ "gup_must_unshare*", "asks, does not pin" },
	{ "gup_signal_pending", "asks, does not pin" },
	{ "gup_vma_lookup", "finds a VMA" },
	{ "__get_user_pages*", "inner part of the slow path, ends in the grab" },
	{ "__gup_longterm_locked", "inner part; its undo ends in gup_put_folio" },
	{ "get_user_pages_locked", "up to v6.1 only, FOLL_GET of two drivers" },
	{ "*gup_test*", "the kernel's own test" },
	{ "*gup_benchmark*", "the kernel's own test" },
	{ "bio_*pin*", "ends in unpin_user_page or unpin_user_folio" },
	{ "bpf_*", "BPF's own objects, pinned in bpffs or by uptr through pin_user_pages_fast" },
};

const struct hook *hooks__table(size_t *cnt)
{
	*cnt = ARRAY_SIZE(table);
	return table;
}

const char *hook_role_name(enum hook_role role)
{
	return role_names[role];
}

const char *hook_plan_name(enum hook_plan plan)
{
	return plan_names[plan];
}

int hook_plan_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(plan_names); i++)
		if (!strcmp(name, plan_names[i]))
			return i;
	return -1;
}

const char *hooks__ignored(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		if (!fnmatch(ignored[i].glob, name, 0))
			return ignored[i].why;
	return NULL;
}

static bool fits(const struct hook_kernel *kernel, const struct hook *hook)
{
	enum hook_ret ret;
	int nargs;

	if (!kernel->func(kernel->ctx, hook->func, &nargs, &ret) || nargs != hook->nargs)
		return false;
	if (hook->ret != RET_ANY && hook->ret != ret)
		return false;
	/*
	 * Roles that book come in two kinds. Release sites need atomics, records
	 * helpers that came with or after them; the others only counters.
	 */
	if (hook->role <= ROLE_RELEASE)
		return hook->flow_only != kernel->has_cmpxchg;
	return (hook->role != ROLE_SITE && hook->role != ROLE_RECORD) || kernel->has_cmpxchg;
}

int hooks__select(const struct hook_kernel *kernel, enum hook_plan plan, struct hook_choice *choice)
{
	const char *done = NULL; /* group that has its row */

	memset(choice, 0, sizeof(*choice));
	choice->spares = kernel->preempts_anywhere;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct hook *hook = &table[i];
		bool last = i + 1 == ARRAY_SIZE(table) || strcmp(hook->group, table[i + 1].group);

		if (hook->plan != plan || (done && !strcmp(done, hook->group)))
			continue;
		if (fits(kernel, hook)) {
			choice->hooks[choice->cnt++] = hook;
			done = hook->group;
		} else if (last && hook->need == MUST) {
			choice->lacking[choice->lacking_cnt++] = hook->group;
		}
	}
	return choice->lacking_cnt || !choice->cnt ? -ENOENT : 0;
}

const char *hook_choice__prog(const struct hook_choice *choice, const struct hook *hook, size_t nth)
{
	size_t before = choice->spares && hook->progs[HOOK_SPARE];

	if (nth < before)
		return hook->progs[HOOK_SPARE];
	return nth - before < HOOK_SPARE ? hook->progs[nth - before] : NULL;
}
