// SPDX-License-Identifier: GPL-2.0-only
/* Drives scan and records of plan call; the deciding is done in records.c. */
#include "calls.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "background.h"
#include "gone.h"
#include "scan_counters.h"
#include "util.h"

#define SOON_NS 1000000000ULL
#define LATER_NS 10000000000ULL
#define REST_SHARE 100
/* The same where many new owners came: a scan lets go those that are gone. */
#define LEAST_REST 4

struct calls {
	struct tracker *tracker;
	struct scanner *scanner;
	struct records *records;
	struct scan_result scan;
	struct scan_counters counters[2];
	bool counters_as_they_are, in_background;
	uint64_t max_pages_per_s;
	calls_keep_fn keep; /* NULL = nobody goes on */
	void *keep_ctx;
	bool keep_failed;
	uint64_t scanned_ns;	  /* monotonic: when the last scan began */
	uint64_t took_ns;	  /* with all that goes with it */
	size_t owner_cnt;	  /* by its end */
	uint64_t counted_ns;	  /* monotonic: when they were counted again */
	bool crowded;		  /* many more by then */
	uint64_t made, made_long; /* records by the time of the last scan, lengthened ones again */
};

/* What cannot be read of it is not known, no more. */
static void take_kept(struct records *records, const struct left_calls *left)
{
	int err = records__restore(records, left->kept, left->kept_bytes);

	if (err)
		warnx("can't read what the daemon before had found out, so owners of pins that it "
		      "had seen are unknown: %s",
		      strerror(-err));
	else
		records__translate(records, left->ids, left->id_cnt);
}

static int take_left(struct records *records, const struct left_calls *left)
{
	cleanup_free struct gup_spill *items = calloc(left->cnt + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	if (left->kept)
		take_kept(records, left);
	for (size_t i = 0; i < left->cnt; i++) {
		uint32_t owner = left->records[i].record.owner;

		items[i] = left->records[i];
		items[i].record.owner = owner < left->id_cnt ? left->ids[owner] : 0;
	}
	return records__load(records, NULL, 0, items, left->cnt);
}

static int open_records(struct calls *calls, const struct calls_options *opts)
{
	int err = 0;

	calls->records =
		records__new(scanner__vmemmap(calls->scanner), scanner__page_bytes(calls->scanner));
	if (!calls->records)
		err = -ENOMEM;
	else if (opts->kept)
		err = records__restore(calls->records, opts->kept, opts->kept_bytes);
	if (!err && opts->left)
		err = take_left(calls->records, opts->left);
	if (!err)
		err = calls__scan(calls);
	if (err)
		warnx("can't scan for pinned pages: %s", strerror(-err));
	return err;
}

struct calls *calls__open(struct tracker *tracker, const struct calls_options *opts)
{
	struct calls *calls = calloc(1, sizeof(*calls));
	int err;

	if (!calls)
		return NULL;
	calls->tracker = tracker;
	calls->counters_as_they_are = opts->counters_as_they_are;
	calls->in_background = opts->in_background;
	calls->max_pages_per_s = opts->max_pages_per_s;
	calls->scanner = scanner__open();
	err = calls->scanner ? open_records(calls, opts) : -errno;
	if (!err)
		return calls;
	calls__close(calls);
	errno = -err;
	return NULL;
}

void calls__close(struct calls *calls)
{
	if (!calls)
		return;
	scan_result__free(&calls->scan);
	records__free(calls->records);
	scanner__close(calls->scanner);
	free(calls);
}

/* By process first; owners of one kind differ in their stacks alone. */
static int by_owner(const void *a, const void *b)
{
	struct gup_owner_key x = ((const struct gup_owner *)a)->key;
	struct gup_owner_key y = ((const struct gup_owner *)b)->key;

	if (x.tgid != y.tgid)
		return x.tgid < y.tgid ? -1 : 1;
	if (x.start_boottime != y.start_boottime)
		return x.start_boottime < y.start_boottime ? -1 : 1;
	x.kstack = x.ustack = y.kstack = y.ustack = 0;
	return memcmp(&x, &y, sizeof(x));
}

/* The classes by owner id: *classes is malloc'ed. */
static int class_owners(struct tracker *tracker, struct owner_class **classes, size_t *cnt)
{
	cleanup_free struct gup_owner *owners = NULL;
	size_t owner_cnt, kind = 0, process = 0;
	int err = tracker__owners(tracker, &owners, &owner_cnt);

	*cnt = 0;
	*classes = NULL;
	if (err)
		return err;
	for (size_t i = 0; i < owner_cnt; i++)
		if (owners[i].id >= *cnt)
			*cnt = owners[i].id + 1;
	*classes = calloc(*cnt + 1, sizeof(**classes));
	if (!*classes)
		return -ENOMEM;
	for (size_t i = 0; i < *cnt; i++)
		(*classes)[i] = (struct owner_class){ i, i };
	qsort(owners, owner_cnt, sizeof(*owners), by_owner);
	for (size_t i = 0; i < owner_cnt; i++) {
		const struct gup_owner_key *a = &owners[process].key, *b = &owners[i].key;

		if (by_owner(&owners[kind], &owners[i]))
			kind = i;
		if (a->tgid != b->tgid || a->start_boottime != b->start_boottime)
			process = i;
		(*classes)[owners[i].id] =
			(struct owner_class){ owners[kind].id, owners[process].id };
	}
	return 0;
}

static int keep_all(const struct calls *calls)
{
	cleanup_free void *bytes = NULL;
	size_t cnt;
	int err;

	if (!calls->keep)
		return 0;
	err = records__save(calls->records, &bytes, &cnt);
	return err ? err : calls->keep(calls->keep_ctx, bytes, cnt);
}

/* False: what is known is in this process alone, so that nothing may be dropped from the map. */
static bool is_kept(struct calls *calls)
{
	int err = keep_all(calls);

	if (err && !calls->keep_failed)
		warnx("can't keep what is known of records, so they stay in their map: %s",
		      strerror(-err));
	calls->keep_failed = err != 0;
	return !err;
}

int calls__keep(struct calls *calls, calls_keep_fn keep, void *ctx)
{
	calls->keep = keep;
	calls->keep_ctx = ctx;
	return keep_all(calls);
}

static int load_records(struct calls *calls)
{
	cleanup_free struct gup_spill *live = NULL, *spilled = NULL;
	size_t live_cnt = 0, spilled_cnt = 0;
	int err = tracker__records(calls->tracker, &live, &live_cnt);

	if (!err)
		err = tracker__spills(calls->tracker, &spilled, &spilled_cnt);
	if (!err)
		err = records__load(calls->records, live, live_cnt, spilled, spilled_cnt);
	/* These are in no map any more. */
	if (!err && spilled_cnt)
		is_kept(calls);
	return err;
}

static int take_record(void *ctx, const struct gup_record_key *key, struct gup_record *record)
{
	return tracker__take_record(ctx, key, record);
}

/* A process that opens a file for each of its calls would fill the table, too. */
static int free_idle(struct calls *calls, struct gup_owner *owners, size_t cnt,
		     const bool used[TRACKER_OWNERS_END], uint64_t before_ns)
{
	bool scarce = cnt > TRACKER_OWNERS_END / 4;
	size_t idle = scarce ? gone__idle(owners, cnt, used, TRACKER_OWNERS_END, before_ns) : 0;
	int err = tracker__retire_owners(calls->tracker, owners, idle);

	return err ? err : tracker__free_retired(calls->tracker, owners + idle, cnt - idle, used);
}

/* Owners and processes that are gone and hold nothing would fill the maps in the end. */
static int forget_gone(struct calls *calls, uint64_t before_ns)
{
	cleanup_free struct gup_owner *owners = NULL;
	cleanup_free struct proc_item *procs = NULL;
	bool used[TRACKER_OWNERS_END] = {};
	size_t owner_cnt, proc_cnt, gone;
	int err = tracker__owners(calls->tracker, &owners, &owner_cnt);

	if (!err)
		err = tracker__procs(calls->tracker, &procs, &proc_cnt);
	if (err)
		return err;
	records__mark_owners(calls->records, used, ARRAY_SIZE(used));
	gone = gone__owners(owners, owner_cnt, procs, proc_cnt, used, ARRAY_SIZE(used), before_ns);
	err = tracker__forget_owners(calls->tracker, owners, gone, owner_cnt);
	if (!err)
		err = free_idle(calls, owners + gone, owner_cnt - gone, used, before_ns);
	gone = gone__procs(procs, proc_cnt, owners + gone, owner_cnt - gone, before_ns);
	for (size_t i = 0; i < gone; i++)
		tracker__forget_proc(calls->tracker, &procs[i].key);
	return err;
}

static uint64_t made_long(const uint64_t *stats)
{
	return stats[GUP_STAT_RECORDED_LONG] + stats[GUP_STAT_EXTENDED];
}

/* Whose is what was found; what is bound by now, or gone, is forgotten. */
static int bind(struct calls *calls, uint64_t before_ns)
{
	cleanup_free struct owner_class *classes = NULL;
	size_t class_cnt;
	bool changed;
	int err = load_records(calls);

	if (!err)
		err = class_owners(calls->tracker, &classes, &class_cnt);
	if (!err)
		err = records__match(calls->records, calls->scan.hits, calls->scan.hit_cnt,
				     calls->scanned_ns, classes, class_cnt);
	if (err || !is_kept(calls))
		return err;
	records__gc(calls->records, take_record, calls->tracker, &changed);
	if (changed)
		is_kept(calls);
	return forget_gone(calls, before_ns);
}

static int run_scan(void *ctx)
{
	struct calls *calls = ctx;
	struct scan_options opts = { .max_pages_per_s = calls->max_pages_per_s };

	return scanner__run(calls->scanner, &opts, &calls->scan);
}

int calls__scan(struct calls *calls)
{
	uint64_t stats[GUP_STAT_CNT], before_ns = calls->scanned_ns;
	int err = tracker__stats(calls->tracker, stats);

	calls->counters[0] = scan_counters__read(calls->counters_as_they_are);
	calls->scanned_ns = clock_ns(CLOCK_MONOTONIC);
	tracker__scan_begins(calls->tracker, calls->scanned_ns);
	scan_result__free(&calls->scan);
	memset(&calls->scan, 0, sizeof(calls->scan));
	if (!err)
		err = calls->in_background ? background_run(run_scan, calls) : run_scan(calls);
	calls->counters[1] = scan_counters__read(calls->counters_as_they_are);
	if (!err)
		err = bind(calls, before_ns);
	calls->took_ns = clock_ns(CLOCK_MONOTONIC) - calls->scanned_ns;
	calls->owner_cnt = tracker__owner_cnt(calls->tracker);
	calls->crowded = false;
	calls->made = stats[GUP_STAT_RECORDED];
	calls->made_long = made_long(stats);
	return err;
}

/* Counting takes longer than all else here. */
static bool is_crowded(struct calls *calls)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (now >= calls->counted_ns + SOON_NS) {
		calls->counted_ns = now;
		calls->crowded = tracker__owner_cnt(calls->tracker) >
				 calls->owner_cnt + TRACKER_OWNERS_END / 4;
	}
	return calls->crowded;
}

int calls__tick(struct calls *calls)
{
	uint64_t stats[GUP_STAT_CNT], age = clock_ns(CLOCK_MONOTONIC) - calls->scanned_ns;
	bool crowded;
	int err;

	if (age < SOON_NS || age < LEAST_REST * calls->took_ns)
		return 0;
	crowded = is_crowded(calls);
	if (age < REST_SHARE * calls->took_ns && !crowded)
		return 0;
	err = tracker__stats(calls->tracker, stats);
	if (err)
		return err;
	if (made_long(stats) == calls->made_long &&
	    ((age < LATER_NS && !crowded) || stats[GUP_STAT_RECORDED] == calls->made))
		return 0;
	return calls__scan(calls);
}

struct calls_view calls__view(const struct calls *calls)
{
	return (struct calls_view){
		.scan = &calls->scan,
		.records = calls->records,
		.counters = calls->counters,
	};
}

uint64_t calls__page(const struct calls *calls, uint64_t pfn)
{
	return scanner__vmemmap(calls->scanner) + pfn * scanner__page_bytes(calls->scanner);
}
