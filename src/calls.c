// SPDX-License-Identifier: GPL-2.0-only
/* Drives scan and records of plan call; the deciding is done in records.c. */
#include "calls.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gone.h"
#include "resolve.h"
#include "util.h"

#define SOON_NS 1000000000ULL
#define LATER_NS 10000000000ULL

struct calls {
	struct tracker *tracker;
	struct scanner *scanner;
	struct records *records;
	struct scan_result scan;
	struct calls_view view;
	uint64_t scanned_ns;	  /* monotonic */
	uint64_t made, made_long; /* records by the time of the last scan, lengthened ones again */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

struct calls *calls__open(struct tracker *tracker)
{
	struct calls *calls = calloc(1, sizeof(*calls));
	int err;

	if (!calls)
		return NULL;
	calls->tracker = tracker;
	calls->scanner = scanner__open();
	if (!calls->scanner) {
		err = -errno;
	} else {
		calls->records = records__new(scanner__vmemmap(calls->scanner),
					      scanner__page_bytes(calls->scanner));
		err = calls->records ? calls__scan(calls) : -ENOMEM;
		if (err)
			warnx("can't scan for pinned pages: %s", strerror(-err));
	}
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

static int load_records(struct calls *calls)
{
	cleanup_free struct gup_spill *live = NULL, *spilled = NULL;
	size_t live_cnt = 0, spilled_cnt = 0;
	int err = tracker__records(calls->tracker, &live, &live_cnt);

	if (!err)
		err = tracker__spills(calls->tracker, &spilled, &spilled_cnt);
	if (!err)
		err = records__load(calls->records, live, live_cnt, spilled, spilled_cnt);
	return err;
}

static int take_record(void *ctx, const struct gup_record_key *key, struct gup_record *record)
{
	return tracker__take_record(ctx, key, record);
}

/* The kernel's own count of pins around the scan. */
struct outstanding {
	bool known;
	uint64_t acquired, released;
};

static struct outstanding read_outstanding(void)
{
	struct outstanding out = {};

	vmstat__refresh();
	out.known = !vmstat__read(&out.acquired, &out.released);
	return out;
}

/* Owners and processes that are gone and hold nothing would fill the maps in the end. */
static int forget_gone(struct calls *calls, uint64_t before_ns)
{
	cleanup_free struct gup_owner *owners = NULL;
	cleanup_free struct proc_item *procs = NULL;
	cleanup_free bool *used = NULL;
	size_t owner_cnt, proc_cnt, used_cnt = 0, gone;
	int err = tracker__owners(calls->tracker, &owners, &owner_cnt);

	if (!err)
		err = tracker__procs(calls->tracker, &procs, &proc_cnt);
	if (err)
		return err;
	for (size_t i = 0; i < owner_cnt; i++)
		if (owners[i].id >= used_cnt)
			used_cnt = owners[i].id + 1;
	used = calloc(used_cnt + 1, sizeof(*used));
	if (!used)
		return -ENOMEM;
	records__mark_owners(calls->records, used, used_cnt);
	gone = gone__owners(owners, owner_cnt, procs, proc_cnt, used, used_cnt, before_ns);
	err = tracker__forget_owners(calls->tracker, owners, gone, owner_cnt);
	gone = gone__procs(procs, proc_cnt, owners + gone, owner_cnt - gone, before_ns);
	for (size_t i = 0; i < gone; i++)
		tracker__forget_proc(calls->tracker, &procs[i].key);
	return err;
}

static uint64_t made_long(const uint64_t *stats)
{
	return stats[GUP_STAT_RECORDED_LONG] + stats[GUP_STAT_EXTENDED];
}

int calls__scan(struct calls *calls)
{
	struct scan_options opts = {};
	struct outstanding before = read_outstanding(), after;
	cleanup_free struct owner_class *classes = NULL;
	uint64_t stats[GUP_STAT_CNT], before_ns = calls->scanned_ns;
	size_t class_cnt;
	int err = tracker__stats(calls->tracker, stats);

	calls->scanned_ns = now_ns();
	tracker__scan_begins(calls->tracker, calls->scanned_ns);
	scan_result__free(&calls->scan);
	memset(&calls->scan, 0, sizeof(calls->scan));
	if (!err)
		err = scanner__run(calls->scanner, &opts, &calls->scan);
	after = read_outstanding();
	if (!err)
		err = load_records(calls);
	if (!err)
		err = class_owners(calls->tracker, &classes, &class_cnt);
	if (!err)
		err = records__match(calls->records, calls->scan.hits, calls->scan.hit_cnt,
				     calls->scanned_ns, classes, class_cnt);
	if (err)
		return err;
	records__gc(calls->records, take_record, calls->tracker);
	err = forget_gone(calls, before_ns);
	if (err)
		return err;
	calls->made = stats[GUP_STAT_RECORDED];
	calls->made_long = made_long(stats);
	calls->view = (struct calls_view){
		.scan = &calls->scan,
		.records = calls->records,
		.out_known = before.known && after.known,
		.out = after.acquired - after.released,
		.moved = after.acquired - before.acquired + after.released - before.released,
	};
	return 0;
}

int calls__tick(struct calls *calls)
{
	uint64_t stats[GUP_STAT_CNT], age = now_ns() - calls->scanned_ns;
	int err;

	if (age < SOON_NS)
		return 0;
	err = tracker__stats(calls->tracker, stats);
	if (err)
		return err;
	if (made_long(stats) == calls->made_long &&
	    (age < LATER_NS || stats[GUP_STAT_RECORDED] == calls->made))
		return 0;
	return calls__scan(calls);
}

struct calls_view calls__view(const struct calls *calls)
{
	return calls->view;
}

uint64_t calls__page(const struct calls *calls, uint64_t pfn)
{
	return scanner__vmemmap(calls->scanner) + pfn * scanner__page_bytes(calls->scanner);
}
