// SPDX-License-Identifier: GPL-2.0-only
/*
 * The balance per pin site, from the owners' totals: what was called, what came
 * back, what was released where. A site is an API function and its caller;
 * generic helpers between the two are passed over.
 */
#include <stdlib.h>
#include <string.h>

#include "snapshot_impl.h"
#include "util.h"

static bool same_str(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static struct site *site_of(struct take *take, const struct gup_owner *owner)
{
	struct snapshot *snap = take->snap;
	int stack = take__kernel_stack(take, owner);
	const struct frame *caller = pin_site__caller(snap, stack);
	const char *function = caller ? caller->function : NULL;
	enum gup_api_id api = owner->key.api < API_CNT ? owner->key.api : API_UNKNOWN;
	struct site *site;

	for (size_t i = 0; i < snap->site_cnt; i++)
		if (snap->sites[i].api == api && same_str(snap->sites[i].caller, function))
			return &snap->sites[i];
	site = snapshot__append(snap, &snap->sites, &snap->site_cnt, sizeof(*site));
	site->api = api;
	site->caller = function;
	site->caller_module = caller ? caller->module : NULL;
	site->kernel_stack = stack;
	return site;
}

static void add_errno(struct take *take, struct site *site, int err, uint64_t calls)
{
	struct errno_cnt *cnt;

	for (size_t i = 0; i < site->err_cnt; i++) {
		if (site->errs[i].err == err) {
			site->errs[i].calls += calls;
			return;
		}
	}
	cnt = snapshot__append(take->snap, &site->errs, &site->err_cnt, sizeof(*cnt));
	cnt->err = err;
	cnt->calls = calls;
}

static void add_release(struct take *take, struct site *site, const char *function, uint64_t pins)
{
	struct release_site *release;

	for (size_t i = 0; i < site->release_cnt; i++) {
		if (same_str(site->releases[i].function, function)) {
			site->releases[i].pins += pins;
			return;
		}
	}
	release =
		snapshot__append(take->snap, &site->releases, &site->release_cnt, sizeof(*release));
	release->function = function;
	release->pins = pins;
}

/* Of the FOLL_GET functions. */
static const char *const get_names[] = {
	"get_user_pages",	 "get_user_pages_fast",	    "get_user_pages_fast_only",
	"get_user_pages_remote", "get_user_pages_unlocked",
};
_Static_assert(ARRAY_SIZE(get_names) == GUP_API_CNT - GUP_API_GET_USER_PAGES,
	       "a FOLL_GET function without a name");

/*
 * "unpin_user_pages < __io_sqe_buffers_unregister": the function that the site is of and its first
 * real caller. That of FOLL_GET is known and may be missing on the stack, see add_api_frame().
 */
static const char *site_text(struct take *take, const struct gup_site_key *key, const char **caller,
			     const char **module)
{
	const char *function = NULL, *name, *mod;

	if (key->api >= GUP_API_GET_USER_PAGES && key->api < GUP_API_CNT)
		function = get_names[key->api - GUP_API_GET_USER_PAGES];
	*caller = *module = NULL;
	for (int i = 0; i < GUP_SITE_DEPTH && !*caller; i++) {
		if (!key->ip[i] || take__is_bpf(take, key->ip[i]))
			continue;
		name = take__kernel_function(take, key->ip[i], &mod);
		if (!function) {
			function = name;
		} else if (same_str(name, function)) {
			continue;
		} else if (name && (!pin_site__is_helper(name) || i == GUP_SITE_DEPTH - 1)) {
			*caller = name;
			*module = mod;
		}
	}
	return function;
}

static void add_get(struct take *take, const struct site_item *item)
{
	struct snapshot *snap = take->snap;
	const char *caller, *module, *function = site_text(take, &item->key, &caller, &module);
	struct get_site *get;

	for (size_t i = 0; i < snap->get_site_cnt; i++) {
		get = &snap->get_sites[i];
		if (same_str(get->function, function) && same_str(get->caller, caller)) {
			get->calls += item->cnt.calls;
			get->pages += item->cnt.pages;
			return;
		}
	}
	get = snapshot__append(snap, &snap->get_sites, &snap->get_site_cnt, sizeof(*get));
	get->function = function;
	get->caller = caller;
	get->caller_module = module;
	get->calls = item->cnt.calls;
	get->pages = item->cnt.pages;
}

static int owner_index(const struct take *take, uint32_t id)
{
	return id && id < take->id_cnt ? take->by_id[id] : -1;
}

static void add_owners(struct take *take)
{
	for (size_t i = 0; i < take->owner_cnt; i++) {
		const struct gup_owner *owner = &take->owners[i];
		struct site *site;

		if (!take->notes[i].selected)
			continue;
		site = site_of(take, owner);
		site->calls += owner->calls;
		site->short_calls += owner->short_calls;
		site->failed_calls += owner->failed_calls;
		site->pages_asked += owner->pages_asked;
		site->pins += owner->pinned;
		site->released += owner->released;
		/* Read one after the other while calls go on: never below zero. */
		if (tracker__facts(take->tracker)->has_cmpxchg &&
		    owner->pinned > owner->released + owner->stale)
			site->left += owner->pinned - owner->released - owner->stale;
		site->in_tree |= owner->in_tree;
	}
}

static int add_errs(struct take *take)
{
	cleanup_free struct err_item *errs = NULL;
	size_t cnt;
	int err = tracker__errs(take->tracker, &errs, &cnt);

	for (size_t i = 0; i < cnt && !err; i++) {
		int owner = owner_index(take, errs[i].key.owner);

		if (owner >= 0 && take->notes[owner].selected)
			add_errno(take, site_of(take, &take->owners[owner]), errs[i].key.err,
				  errs[i].cnt);
	}
	return err;
}

static int add_sites(struct take *take)
{
	cleanup_free struct site_item *sites = NULL;
	size_t cnt;
	int err = tracker__sites(take->tracker, &sites, &cnt);

	for (size_t i = 0; i < cnt && !err; i++) {
		int owner = owner_index(take, sites[i].key.owner);
		const char *caller, *module, *function;

		if (sites[i].key.api && sites[i].key.api != GUP_SITE_CLEAN) {
			add_get(take, &sites[i]);
			continue;
		}
		if (owner >= 0 && !take->notes[owner].selected)
			continue;
		if (sites[i].key.api == GUP_SITE_CLEAN) {
			if (owner >= 0)
				site_of(take, &take->owners[owner])->clean += sites[i].cnt.pages;
			continue;
		}
		function = site_text(take, &sites[i].key, &caller, &module);
		if (function && caller)
			function = snapshot__printf(take->snap, "%s < %s", function, caller);
		if (owner < 0) {
			take->unknown_sites_differ |=
				take->unknown_site && !same_str(take->unknown_site, function);
			take->unknown_site = function;
			continue;
		}
		add_release(take, site_of(take, &take->owners[owner]), function,
			    sites[i].cnt.pages);
	}
	return err;
}

static int by_pins(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return (x->pins < y->pins) - (x->pins > y->pins);
}

int take__sites(struct take *take)
{
	int err;

	add_owners(take);
	take->snap->cmd_pins = snapshot__taken_by_cmd(take->snap);
	err = add_errs(take);
	if (!err)
		err = add_sites(take);
	qsort(take->snap->sites, take->snap->site_cnt, sizeof(struct site), by_pins);
	return err;
}
