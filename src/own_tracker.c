// SPDX-License-Identifier: GPL-2.0-only
/* A tracker of one's own, from nothing to audited snapshots. See own_tracker.h. */
#include "own_tracker.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "calls.h"
#include "fmt.h"
#include "kept_layout.h"
#include "own_cost.h"
#include "take.h"
#include "util.h"

#define STATUS_CANNOT 3
#define STATUS_BROKEN 4
#define TAKES_MAX 5
#define SETTLE_MS 20
#define TICK_NS 10000000ULL
#define NS_PER_S 1000000000ULL
#define SWEEP_NS (10 * NS_PER_S)

struct own_tracker {
	struct kernel_facts facts;
	struct kernel_reader *reader;
	struct ksyms *ksyms;
	struct notes *notes;
	struct tracker *tracker;
	struct calls *calls; /* plan call only */
	bool other_plan;     /* if this one cannot be used here, and that one perhaps */
	struct selftest_result selftest;
	struct flow base;
	struct take_options take;
	uint64_t release_ns;
	uint64_t swept_ns; /* monotonic: when notes were full last */
	struct own_cost cost;
};

static int read_kernel(struct own_tracker *own)
{
	int err = kernel_facts__read(&own->facts);

	if (err) {
		kernel_facts__explain(err);
		return STATUS_CANNOT;
	}
	own->ksyms = ksyms__load();
	own->reader = kernel_reader__open();
	own->notes = notes__new();
	if (!own->ksyms || !own->reader || !own->notes) {
		kernel_reader__explain();
		return STATUS_CANNOT;
	}
	return 0;
}

static int open_tracker(struct own_tracker *own, const struct own_tracker_options *opts,
			enum hook_plan plan)
{
	const struct tracker_options tracking = {
		.plan = plan,
		.max_records = opts->max_records,
		.stack_every = opts->stack_every,
		.max_folios = opts->max_folios,
		.pin_dir = opts->pin_dir,
		.kept_layout = GUP_KEPT_LAYOUT,
		.skip_func = opts->skip_func,
	};

	own->tracker = tracker__open(&own->facts, own->reader, own->ksyms, &tracking);
	if (!own->tracker)
		own->other_plan = errno == ENOENT;
	if (!own->tracker || tracker__attach(own->tracker))
		return STATUS_CANNOT;
	tracker__on_record(own->tracker, notes__take, own->notes);
	ksyms__refresh(own->ksyms); /* our trampolines */
	return 0;
}

/* Plan call's half in user space. kept: of the process before, NULL = none. */
static int open_calls(struct own_tracker *own, const struct own_tracker_options *opts,
		      const void *kept, size_t cnt, const struct left_calls *left)
{
	const struct calls_options calling = {
		.counters_as_they_are = opts->counters_as_they_are,
		.in_background = opts->counters_as_they_are,
		.max_pages_per_s = opts->max_pages_per_s,
		.kept = kept,
		.kept_bytes = cnt,
		.left = left,
	};

	own->calls = calls__open(own->tracker, &calling);
	return own->calls ? 0 : STATUS_CANNOT;
}

static int keep(void *ctx, const void *bytes, size_t cnt)
{
	return tracker__keep(ctx, bytes, cnt);
}

static int test_tracker(struct own_tracker *own)
{
	int err = own->calls ? calls__selftest(own->calls, own->tracker, &own->selftest)
			     : tracker__selftest(own->tracker, &own->selftest);

	own->other_plan = err == -EBADE;
	if (err == -EBADE)
		warnx("self-test failed, so pins can't be tracked here by plan %s: %s",
		      hook_plan_name(tracker__plan(own->tracker)), own->selftest.failure);
	else if (err)
		warnx("self-test could not run: %s", strerror(-err));
	return err ? STATUS_CANNOT : 0;
}

/*
 * What the next process must know to go on with pinned tracking. The Makefile
 * makes GUP_KEPT_LAYOUT from the text of this structure and of those in it.
 */
struct kept {
	struct flow base;
	struct selftest_result selftest;
	uint64_t since_ns;
	uint64_t tested_by_start_ns;
	uint32_t tested_by;
};

static int read_base(const struct own_tracker *own, const struct own_tracker_options *opts,
		     struct flow *base)
{
	if (!opts->counters_as_they_are)
		return flow__read(own->tracker, base);
	/* Plan call finds what was pinned before by itself. */
	if (own->calls)
		return flow__read_as_it_is(own->tracker, base);
	/* Without the scan the counters must do. */
	return flow__read_before(own->tracker, opts->max_pages_per_s, base)
		       ? flow__read_as_it_is(own->tracker, base)
		       : 0;
}

/* With what others, of another version, have left. */
static int open_plan(struct own_tracker *own, const struct own_tracker_options *opts)
{
	struct left_calls left = {};
	bool call = tracker__plan(own->tracker) == PLAN_CALL;
	int err = call ? tracker__import_calls(own->tracker, &left) : 0;
	int ret = call ? open_calls(own, opts, NULL, 0, &left) : 0;

	tracker__left_free(&left);
	if (!ret)
		ret = test_tracker(own);
	if (ret)
		return ret;
	if (!call)
		err = tracker__import(own->tracker);
	if (err)
		warnx("can't take over what is pinned in %s: %s", opts->pin_dir, strerror(-err));
	return 0;
}

static int start_books(struct own_tracker *own, const struct own_tracker_options *opts,
		       struct kept *kept)
{
	struct proc_facts me;
	int ret = open_plan(own, opts), err;

	if (ret)
		return ret;
	if (read_base(own, opts, &kept->base) || proc_facts__read(getpid(), &me)) {
		warnx("can't read the tracker");
		return STATUS_BROKEN;
	}
	kept->selftest = own->selftest;
	kept->since_ns = clock_ns(CLOCK_REALTIME);
	kept->tested_by = getpid();
	kept->tested_by_start_ns = me.start_boot_ns;
	err = opts->pin_dir ? tracker__pin(own->tracker, kept, sizeof(*kept)) : 0;
	if (!err && opts->pin_dir && own->calls)
		err = calls__keep(own->calls, keep, own->tracker);
	if (err)
		warnx("can't pin the tracking in %s: %s", opts->pin_dir, strerror(-err));
	return err ? STATUS_BROKEN : 0;
}

/* Owners that still live: their maps are noted again, for names in their stacks. */
static void note_owners(struct own_tracker *own)
{
	cleanup_free struct gup_owner *owners = NULL;
	struct proc_facts facts;
	size_t cnt = 0;

	if (tracker__owners(own->tracker, &owners, &cnt))
		return;
	for (size_t i = 0; i < cnt; i++) {
		const struct gup_rec rec = {
			.kind = GUP_REC_PROC,
			.tgid = owners[i].key.tgid,
			.start_boottime = owners[i].key.start_boottime,
		};

		/* /proc has start times in ticks of 10 ms */
		if (!proc_facts__read(rec.tgid, &facts) &&
		    facts.start_boot_ns / TICK_NS == rec.start_boottime / TICK_NS)
			notes__take(own->notes, &rec);
	}
}

/* Nothing is kept yet if the process before ended at once; then nothing was dropped, too. */
static int go_on_with_calls(struct own_tracker *own, const struct own_tracker_options *opts)
{
	cleanup_free void *known = NULL;
	size_t cnt = 0;
	int err = tracker__kept_before(own->tracker, &known, &cnt);

	if (err && err != -ENOENT)
		return err;
	if (open_calls(own, opts, known, cnt, NULL))
		return -EIO;
	return calls__keep(own->calls, keep, own->tracker);
}

static int go_on(struct own_tracker *own, const struct own_tracker_options *opts, struct kept *kept)
{
	int err = tracker__kept(own->tracker, kept, sizeof(*kept));

	if (!err && tracker__plan(own->tracker) == PLAN_CALL)
		err = go_on_with_calls(own, opts);
	if (err) {
		warnx("can't go on with the tracking pinned in %s: %s (gup-pind --detach removes "
		      "it)",
		      opts->pin_dir, strerror(-err));
		return STATUS_BROKEN;
	}
	own->selftest = kept->selftest;
	note_owners(own);
	warnx("goes on with the tracking pinned in %s, begun %s", opts->pin_dir,
	      fmt_local(kept->since_ns).s);
	return 0;
}

static int begin_plan(struct own_tracker *own, const struct own_tracker_options *opts,
		      enum hook_plan plan)
{
	struct kept kept = {};
	int ret = open_tracker(own, opts, plan);

	if (!ret)
		ret = tracker__adopted(own->tracker) ? go_on(own, opts, &kept)
						     : start_books(own, opts, &kept);
	if (ret)
		return ret;
	tracker__set_tester(own->tracker, kept.tested_by);
	own->base = kept.base;
	own->take = (struct take_options){
		.tested_by = kept.tested_by,
		.tested_by_start_ns = kept.tested_by_start_ns,
		.tool = opts->tool,
		.source = opts->source,
		.counters_as_they_are = opts->counters_as_they_are,
		.notes = own->notes,
		.ksyms = own->ksyms,
		.base = &own->base,
		.selftest = &own->selftest,
		.calls = own->calls,
		.since_ns = kept.since_ns,
	};
	own_cost__begin(&own->cost);
	own->release_ns = opts->release_ns;
	return 0;
}

static void end_plan(struct own_tracker *own)
{
	calls__close(own->calls);
	tracker__close(own->tracker);
	own->calls = NULL;
	own->tracker = NULL;
}

static int begin(struct own_tracker *own, const struct own_tracker_options *opts)
{
	static const char *const instead[] = {
		[PLAN_CORE] = "core instead, which costs more",
		[PLAN_CALL] = "call instead, which sees no releases: no balance by site",
	};
	int ret = read_kernel(own);
	bool chosen = opts->plan == OWN_PLAN_CORE || opts->plan == OWN_PLAN_CALL;
	bool call = opts->plan == OWN_PLAN_CALL || opts->plan == OWN_PLAN_CALL_FIRST;

	if (ret)
		return ret;
	if (!own->facts.has_cmpxchg && !chosen)
		call = false;
	ret = begin_plan(own, opts, call ? PLAN_CALL : PLAN_CORE);
	if (!ret || !own->other_plan || chosen || !own->facts.has_cmpxchg)
		return ret;
	call = !call;
	warnx("trying plan %s", instead[call ? PLAN_CALL : PLAN_CORE]);
	end_plan(own);
	return begin_plan(own, opts, call ? PLAN_CALL : PLAN_CORE);
}

struct own_tracker *own_tracker__open(const struct own_tracker_options *opts, int *status)
{
	struct own_tracker *own;

	*status = STATUS_CANNOT;
	if (geteuid()) {
		warnx("tracking needs root (CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN): run it with "
		      "sudo");
		return NULL;
	}
	own = calloc(1, sizeof(*own));
	if (!own) {
		warn("can't track");
		return NULL;
	}
	kernel_reader__log(opts->verbose);
	*status = begin(own, opts);
	if (!*status)
		return own;
	own_tracker__close(own);
	return NULL;
}

bool own_tracker__has_ledger(const struct own_tracker *own)
{
	return tracker__plan(own->tracker) == PLAN_CORE;
}

struct tracker *own_tracker__tracker(const struct own_tracker *own)
{
	return own->tracker;
}

const struct take_options *own_tracker__take_options(const struct own_tracker *own)
{
	return &own->take;
}

int own_tracker__detach(const char *pin_dir)
{
	return tracker_pins__detach(pin_dir);
}

void own_tracker__close(struct own_tracker *own)
{
	if (!own)
		return;
	end_plan(own);
	notes__free(own->notes);
	kernel_reader__close(own->reader);
	ksyms__free(own->ksyms);
	kernel_facts__free(&own->facts);
	user_objects__drop();
	free(own);
}

static void sweep_notes(struct own_tracker *own)
{
	cleanup_free struct gup_owner *owners = NULL;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	size_t cnt;

	if (!notes__full(own->notes) || now < own->swept_ns + SWEEP_NS)
		return;
	own->swept_ns = now;
	if (!tracker__owners(own->tracker, &owners, &cnt))
		notes__forget_others(own->notes, owners, cnt);
}

int own_tracker__poll(struct own_tracker *own, int timeout_ms)
{
	int err = tracker__poll(own->tracker, timeout_ms);

	notes__unwind(own->notes);
	sweep_notes(own);
	if (!err && own->calls)
		err = calls__tick(own->calls);
	return err;
}

int own_tracker__poll_fd(const struct own_tracker *own)
{
	return tracker__poll_fd(own->tracker);
}

void own_tracker__set_stacks(struct own_tracker *own, bool stacks)
{
	tracker__set_stacks(own->tracker, stacks);
}

int own_tracker__measure(void)
{
	return tracker__measure();
}

uint64_t own_tracker__run_ns(const struct own_tracker *own)
{
	return tracker__run_ns(own->tracker);
}

static struct snapshot *take_audited(struct own_tracker *own)
{
	const struct audit_options audit = {};
	struct snapshot *snap = snapshot__take(own->tracker, &own->take);

	if (!snap)
		return NULL;
	snap->grace_ns = own->release_ns;
	snapshot__audit(snap, &audit);
	return snap;
}

struct snapshot *own_tracker__take(struct own_tracker *own)
{
	struct snapshot *last = NULL, *snap = NULL;

	ksyms__follow(own->ksyms);
	for (int i = 0; i < TAKES_MAX; i++) {
		snap = take_audited(own);
		if (!snap || !snap->finding_cnt || (last && snapshot__same_findings(last, snap)))
			break;
		snapshot__free(last);
		last = snap;
		own_tracker__poll(own, SETTLE_MS);
	}
	if (snap != last)
		snapshot__free(last);
	if (snap)
		own_cost__set(&own->cost, snap);
	return snap;
}

struct snapshot *own_tracker__look(struct own_tracker *own)
{
	struct take_options opts = own->take;

	opts.pages = true;
	return snapshot__take(own->tracker, &opts);
}
