// SPDX-License-Identifier: GPL-2.0-only
/*
 * Load, attach, detach. The only user of the tracking skeleton; the maps are
 * read in tracker_maps.c through the descriptors handed out here.
 */
#include "tracker.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "resolve.h"
#include "tracker_impl.h"
#include "util.h"

#define MIN_FOLIOS 65536
#define MAX_FOLIOS (64ULL << 20)
#define RECORDS 262144
#define SPILLS 16384
#define STACK_EVERY 8

/* The functions that may hold their own copy of the counting code, and the switch for each. */
static const struct {
	const char *func;
	size_t offset;
} inlined[] = {
	{ "unpin_user_page", offsetof(struct track_bpf__rodata, inlined_unpin_user_page) },
	{ "unpin_folio", offsetof(struct track_bpf__rodata, inlined_unpin_folio) },
	{ "unpin_user_folio", offsetof(struct track_bpf__rodata, inlined_unpin_user_folio) },
	{ "memfd_pin_folios", offsetof(struct track_bpf__rodata, inlined_memfd_pin_folios) },
	{ "folio_add_pins", offsetof(struct track_bpf__rodata, inlined_folio_add_pins) },
};

static bool *inlined_switch(const struct tracker *tracker, const char *func)
{
	for (size_t i = 0; i < ARRAY_SIZE(inlined); i++)
		if (!strcmp(inlined[i].func, func))
			return (bool *)((char *)tracker->skel->rodata + inlined[i].offset);
	return NULL;
}

bool tracker__is_inlined(const struct tracker *tracker, const char *func)
{
	const bool *flag = inlined_switch(tracker, func);

	return flag && *flag;
}

/*
 * Reads the machine code: a function that neither calls nor jumps to the one
 * that counts must count by itself. Where the code cannot be read, the
 * self-test at start decides whether the guess "calls it" was right.
 */
static void find_inlined(struct tracker *tracker, struct kernel_reader *reader,
			 const struct ksyms *ksyms)
{
	for (size_t i = 0; i < tracker->choice.cnt; i++) {
		const struct hook *hook = tracker->choice.hooks[i];
		bool *flag = hook->inlines ? inlined_switch(tracker, hook->func) : NULL;

		if (flag && ksyms)
			*flag = kernel_reader__calls(reader, ksyms, hook->func, hook->inlines) == 0;
	}
}

static uint64_t default_folios(void)
{
	uint64_t pages = sysconf(_SC_PHYS_PAGES) / 8;

	return pages < MIN_FOLIOS ? MIN_FOLIOS : pages > MAX_FOLIOS ? MAX_FOLIOS : pages;
}

/* As many as records have place, rounded up to a power of two. */
static uint64_t places_of_ages(const struct tracker *tracker)
{
	uint64_t places = 1;

	while (tracker->opts.plan == PLAN_CALL && places < tracker->opts.max_records)
		places *= 2;
	return places;
}

static void set_facts(struct tracker *tracker, const struct kernel_facts *facts)
{
	struct track_bpf__rodata *ro = tracker->skel->rodata;

	ro->foll_pin = facts->foll_pin;
	ro->foll_longterm = facts->foll_longterm;
	ro->foll_write = facts->foll_write;
	ro->pg_reserved = facts->pg_reserved;
	ro->pg_head = facts->pg_head;
	ro->pg_swapbacked = facts->pg_swapbacked;
	ro->pg_dirty = tracker->opts.clean_sites ? facts->pg_dirty | facts->pg_writeback : 0;
	ro->pgty_hugetlb = facts->pgty_hugetlb;
	ro->dtor_hugetlb = facts->dtor_hugetlb;
	ro->zero_page_counts = facts->zero_page_counts;
	ro->hugetlb_index_huge = facts->hugetlb_index_huge;
	ro->stack_every = tracker->opts.stack_every;
	ro->call_copies = HOOK_SPARE + facts->preempts_anywhere;
	ro->ages_mask = places_of_ages(tracker) - 1;
}

static struct bpf_program *prog_of(const struct tracker *tracker, const char *name)
{
	return bpf_object__find_program_by_name(tracker->skel->obj, name);
}

static bool is_skipped(const struct tracker *tracker, const struct hook *hook)
{
	return tracker->opts.skip_func && !strcmp(tracker->opts.skip_func, hook->func);
}

/* Are folios counted here: plan core, on a kernel that can? */
static bool has_ledger(const struct tracker *tracker)
{
	return tracker->opts.plan == PLAN_CORE && tracker->facts->has_cmpxchg;
}

static void choose_programs(struct tracker *tracker)
{
	bool ledger = has_ledger(tracker);

	for (size_t i = 0; i < tracker->choice.cnt; i++) {
		const struct hook *hook = tracker->choice.hooks[i];
		const char *prog;

		for (size_t p = 0; (prog = hook_choice__prog(&tracker->choice, hook, p)); p++)
			bpf_program__set_autoload(prog_of(tracker, prog),
						  !is_skipped(tracker, hook));
	}
	bpf_program__set_autoload(tracker->skel->progs.raw_tp__sched_process_fork, true);
	bpf_program__set_autoload(tracker->skel->progs.raw_tp__sched_process_exit, ledger);
	bpf_program__set_autoload(tracker->skel->progs.raw_tp__sched_process_exit__flow, !ledger);
	bpf_program__set_autoload(tracker->skel->progs.reap, ledger);
	bpf_program__set_autoload(tracker->skel->progs.import_holds,
				  ledger && tracker->opts.pin_dir);
	bpf_program__set_autoload(tracker->skel->progs.read_truth, tracker->facts->has_cmpxchg);
	bpf_program__set_autoload(tracker->skel->progs.fill_free_owners, true);
}

static void explain_load(const struct tracker *tracker, int err)
{
	if (err == -EPERM && geteuid() == 0)
		warnx("this kernel refuses tracing programs (fentry/fexit: EPERM): pins can't be "
		      "tracked here; gup-leakcheck without a command scans them");
	else if (err == -EPERM)
		warnx("not allowed to load BPF programs: run as root (CAP_BPF, CAP_PERFMON and "
		      "CAP_SYS_ADMIN)");
	else if (err == -ENOMEM || err == -E2BIG)
		warnx("the kernel refused the memory for %llu ledger entries: choose fewer with "
		      "--max-folios",
		      (unsigned long long)bpf_map__max_entries(tracker->skel->maps.ledger));
	else
		warnx("can't load the tracking programs: %s (try -v)", strerror(-err));
}

/* All owner ids are free at first. */
static int fill_owners(struct tracker *tracker)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int fd = bpf_program__fd(tracker->skel->progs.fill_free_owners);

	for (uint32_t id = 1; id < TRACKER_OWNERS_END; id += GUP_FILL_BATCH) {
		int err;

		tracker->skel->bss->request_done = id;
		tracker->skel->bss->request_cnt = TRACKER_OWNERS_END - id;
		err = bpf_prog_test_run_opts(fd, &opts);
		if (err)
			return err;
	}
	return 0;
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct tracker *tracker = ctx;

	if (tracker->record_fn && size >= sizeof(struct gup_rec))
		tracker->record_fn(tracker->record_ctx, data);
	return 0;
}

static int select_hooks(struct tracker *tracker)
{
	struct hook_kernel view = kernel_facts__view(tracker->facts);
	int err = hooks__select(&view, tracker->opts.plan, &tracker->choice);

	if (err && tracker->opts.plan == PLAN_CALL && !tracker->facts->has_cmpxchg)
		warnx("plan call needs more than this kernel's BPF can do: use --plan core");
	else if (err)
		warnx("can't track on this kernel: it has no function for \"%s\" that we know (see "
		      "--probe)",
		      tracker->choice.lacking_cnt ? tracker->choice.lacking[0] : "anything");
	return err;
}

/* Maps of the other plan shrink to nothing. */
static void size_maps(struct tracker *tracker)
{
	bool call = tracker->opts.plan == PLAN_CALL, ledger = has_ledger(tracker);
	struct bpf_map *last_calls = tracker->skel->maps.last_calls;
	const struct {
		struct bpf_map *map;
		uint64_t entries;
	} sizes[] = {
		{ tracker->skel->maps.ledger, ledger ? tracker->opts.max_folios : 1 },
		{ tracker->skel->maps.more_owners,
		  ledger ? tracker->opts.max_folios / 16 + 256 : 1 },
		{ tracker->skel->maps.records, call ? tracker->opts.max_records : 1 },
		{ tracker->skel->maps.ages, places_of_ages(tracker) },
		{ tracker->skel->maps.spills, call ? SPILLS : 1 },
		{ last_calls, call ? bpf_map__max_entries(last_calls) : 1 },
		{ tracker->skel->maps.remote_calls, call ? 4096 : 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		bpf_map__set_max_entries(sizes[i].map, sizes[i].entries);
}

/* All that is attached runs already; only the programs that are called are loaded again. */
static void choose_called(struct tracker *tracker)
{
	struct bpf_program *prog;

	bpf_object__for_each_program (prog, tracker->skel->obj)
		if (prog != tracker->skel->progs.reap && prog != tracker->skel->progs.read_truth)
			bpf_program__set_autoload(prog, false);
}

static int load(struct tracker *tracker, struct kernel_reader *reader, const struct ksyms *ksyms)
{
	int err;

	set_facts(tracker, tracker->facts);
	find_inlined(tracker, reader, ksyms);
	choose_programs(tracker);
	size_maps(tracker);
	err = tracker->opts.pin_dir ? tracker__adopt(tracker) : 0;
	if (err)
		return err;
	if (tracker->adopted)
		choose_called(tracker);
	err = track_bpf__load(tracker->skel);
	if (err) {
		explain_load(tracker, err);
		return err;
	}
	err = tracker->adopted ? tracker__recount(tracker) : fill_owners(tracker);
	if (!err && tracker->adopted)
		err = tracker__find_retired(tracker);
	if (err) {
		warnx("can't fill the owner table: %s", strerror(-err));
		return err;
	}
	tracker->ring =
		ring_buffer__new(bpf_map__fd(tracker->skel->maps.recs), on_record, tracker, NULL);
	return tracker->ring ? 0 : -errno;
}

struct tracker *tracker__open(const struct kernel_facts *facts, struct kernel_reader *reader,
			      const struct ksyms *ksyms, const struct tracker_options *opts)
{
	struct tracker *tracker = calloc(1, sizeof(*tracker));
	int err;

	if (!tracker)
		return NULL;
	tracker->facts = facts;
	tracker->opts = *opts;
	if (!tracker->opts.max_folios)
		tracker->opts.max_folios = default_folios();
	if (!tracker->opts.max_records)
		tracker->opts.max_records = RECORDS;
	if (!tracker->opts.stack_every)
		tracker->opts.stack_every = STACK_EVERY;
	tracker->skel = track_bpf__open();
	err = tracker->skel ? select_hooks(tracker) : -errno;
	if (!err)
		err = load(tracker, reader, ksyms);
	if (!err)
		return tracker;
	tracker__close(tracker);
	errno = -err;
	return NULL;
}

void tracker__close(struct tracker *tracker)
{
	if (!tracker)
		return;
	for (size_t i = 0; i < tracker->link_cnt; i++)
		bpf_link__destroy(tracker->links[i]);
	ring_buffer__free(tracker->ring);
	track_bpf__destroy(tracker->skel);
	free(tracker->retired);
	free(tracker);
}

static int attach_prog(struct tracker *tracker, struct bpf_program *prog)
{
	const char *name = bpf_program__name(prog);
	struct bpf_link *link =
		tracker->adopted ? tracker__pinned_link(tracker, name) : bpf_program__attach(prog);

	if (!link)
		return -errno;
	tracker->link_names[tracker->link_cnt] = name;
	tracker->links[tracker->link_cnt++] = link;
	return 0;
}

static int attach_hook(struct tracker *tracker, const struct hook *hook)
{
	const char *prog;
	int err = 0;

	tracker->wanted++;
	if (is_skipped(tracker, hook)) {
		tracker->gaps[tracker->gap_cnt++] = (struct tracker_gap){ hook->func, 0 };
		return 0;
	}
	for (size_t p = 0; !err && (prog = hook_choice__prog(&tracker->choice, hook, p)); p++)
		err = attach_prog(tracker, prog_of(tracker, prog));
	if (!err) {
		tracker->attached++;
		return 0;
	}
	tracker->gaps[tracker->gap_cnt++] = (struct tracker_gap){ hook->func, err };
	if (hook->need != MUST)
		return 0;
	warnx("can't attach to %s: %s%s", hook->func, strerror(-err),
	      err == -ENOTSUPP_KERNEL ? " (the kernel can't trampoline it)" : "");
	return err;
}

/*
 * Releases before grabs: a pin that is booked but whose release is not would
 * stay in the books, the other way round it is only an unmatched release.
 */
static const enum hook_role attach_order[] = {
	ROLE_GET, ROLE_API, ROLE_SITE, ROLE_RELEASE, ROLE_ADD_PIN, ROLE_ACQUIRE, ROLE_RECORD,
};
_Static_assert(ARRAY_SIZE(attach_order) == ROLE_CNT, "a role that is never attached");

int tracker__attach(struct tracker *tracker)
{
	struct track_bpf *skel = tracker->skel;
	int err;

	tracker->attach_ns = clock_ns(CLOCK_MONOTONIC);
	err = attach_prog(tracker, skel->progs.raw_tp__sched_process_fork);
	if (!err)
		err = attach_prog(tracker, has_ledger(tracker)
						   ? skel->progs.raw_tp__sched_process_exit
						   : skel->progs.raw_tp__sched_process_exit__flow);
	if (err) {
		warnx("can't attach to the scheduler's tracepoints: %s", strerror(-err));
		return err;
	}
	for (size_t r = 0; r < ARRAY_SIZE(attach_order); r++) {
		for (size_t i = 0; i < tracker->choice.cnt; i++) {
			if (tracker->choice.hooks[i]->role != attach_order[r])
				continue;
			err = attach_hook(tracker, tracker->choice.hooks[i]);
			if (err)
				return err;
		}
	}
	return 0;
}

void tracker__set_tester(struct tracker *tracker, uint32_t tgid)
{
	tracker->tested_by = tgid;
}

void tracker__set_root(struct tracker *tracker, uint32_t tgid)
{
	tracker->skel->bss->tree_root = tgid;
}

void tracker__scan_begins(struct tracker *tracker, uint64_t ns)
{
	tracker->skel->bss->scan_began_ns = ns;
}

enum hook_plan tracker__plan(const struct tracker *tracker)
{
	return tracker->opts.plan;
}

const struct kernel_facts *tracker__facts(const struct tracker *tracker)
{
	return tracker->facts;
}

const struct hook_choice *tracker__hooks(const struct tracker *tracker)
{
	return &tracker->choice;
}

void tracker__coverage(const struct tracker *tracker, unsigned int *attached, unsigned int *wanted,
		       const struct tracker_gap **gaps, size_t *gap_cnt)
{
	*attached = tracker->attached;
	*wanted = tracker->wanted;
	*gaps = tracker->gaps;
	*gap_cnt = tracker->gap_cnt;
}

void tracker__on_record(struct tracker *tracker, tracker_record_fn fn, void *ctx)
{
	tracker->record_fn = fn;
	tracker->record_ctx = ctx;
}

int tracker__poll_fd(const struct tracker *tracker)
{
	return ring_buffer__epoll_fd(tracker->ring);
}

int tracker__poll(struct tracker *tracker, int timeout_ms)
{
	int err = ring_buffer__poll(tracker->ring, timeout_ms);

	if (err < 0 && err != -EINTR)
		return err;
	if (!has_ledger(tracker))
		return 0;
	err = tracker__reap(tracker);
	return err ? err : tracker__fold(tracker);
}
