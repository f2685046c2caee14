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

struct own_tracker {
	struct kernel_facts facts;
	struct kernel_reader *reader;
	struct ksyms *ksyms;
	struct notes *notes;
	struct tracker *tracker;
	struct selftest_result selftest;
	struct flow base;
	struct take_options take;
	struct own_cost cost;
};

static uint64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int open_tracker(struct own_tracker *own, const char *pin_dir)
{
	const struct tracker_options opts = {
		.pin_dir = pin_dir,
		.kept_layout = GUP_KEPT_LAYOUT,
	};
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
	own->tracker = tracker__open(&own->facts, own->reader, own->ksyms, &opts);
	if (!own->tracker || tracker__attach(own->tracker))
		return STATUS_CANNOT;
	tracker__on_record(own->tracker, notes__take, own->notes);
	ksyms__refresh(own->ksyms); /* our trampolines */
	return 0;
}

static int test_tracker(struct own_tracker *own)
{
	int err = tracker__selftest(own->tracker, &own->selftest);

	if (err == -EBADE)
		warnx("self-test failed, so pins can't be tracked here: %s", own->selftest.failure);
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

static int start_books(struct own_tracker *own, const char *pin_dir, struct kept *kept)
{
	struct proc_facts me;
	int ret = test_tracker(own), err;

	if (ret)
		return ret;
	if (flow__read(own->tracker, &kept->base) || proc_facts__read(getpid(), &me)) {
		warnx("can't read the tracker");
		return STATUS_BROKEN;
	}
	kept->selftest = own->selftest;
	kept->since_ns = realtime_ns();
	kept->tested_by = getpid();
	kept->tested_by_start_ns = me.start_boot_ns;
	err = pin_dir ? tracker__pin(own->tracker, kept, sizeof(*kept)) : 0;
	if (err)
		warnx("can't pin the tracking in %s: %s", pin_dir, strerror(-err));
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

static int go_on(struct own_tracker *own, const char *pin_dir, struct kept *kept)
{
	int err = tracker__kept(own->tracker, kept, sizeof(*kept));

	if (err) {
		warnx("can't go on with the tracking pinned in %s: %s", pin_dir, strerror(-err));
		return STATUS_BROKEN;
	}
	own->selftest = kept->selftest;
	note_owners(own);
	warnx("goes on with the tracking pinned in %s, begun %s", pin_dir,
	      fmt_local(kept->since_ns).s);
	return 0;
}

static int begin(struct own_tracker *own, const struct own_tracker_options *opts)
{
	struct kept kept = {};
	int ret = open_tracker(own, opts->pin_dir);

	if (!ret)
		ret = tracker__adopted(own->tracker) ? go_on(own, opts->pin_dir, &kept)
						     : start_books(own, opts->pin_dir, &kept);
	if (ret)
		return ret;
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
		.since_ns = kept.since_ns,
	};
	own_cost__begin(&own->cost);
	return 0;
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
	kernel_reader__log(false);
	*status = begin(own, opts);
	if (!*status)
		return own;
	own_tracker__close(own);
	return NULL;
}

int own_tracker__detach(const char *pin_dir)
{
	return tracker_pins__detach(pin_dir);
}

void own_tracker__close(struct own_tracker *own)
{
	if (!own)
		return;
	tracker__close(own->tracker);
	notes__free(own->notes);
	kernel_reader__close(own->reader);
	ksyms__free(own->ksyms);
	kernel_facts__free(&own->facts);
	user_objects__drop();
	free(own);
}

int own_tracker__poll(struct own_tracker *own, int timeout_ms)
{
	int err = tracker__poll(own->tracker, timeout_ms);

	notes__unwind(own->notes);
	return err;
}

int own_tracker__poll_fd(const struct own_tracker *own)
{
	return tracker__poll_fd(own->tracker);
}

static struct snapshot *take_audited(struct own_tracker *own)
{
	const struct audit_options audit = {};
	struct snapshot *snap = snapshot__take(own->tracker, &own->take);

	if (snap)
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
