// SPDX-License-Identifier: GPL-2.0-only
/*
 * A snapshot of a machine that nobody watched: what is pinned by the scan, who
 * is likely to hold it by the evidence. The order matters: counters around the
 * scan, evidence right after it, second looks last. See scan_take.h.
 */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "fmt.h"
#include "meminfo.h"
#include "mounts.h"
#include "resolve.h"
#include "scan_counters.h"
#include "scan_take.h"
#include "snapshot_host.h"
#include "snapshot_scan.h"
#include "util.h"

#define UNEXPLAINED_SHARE 20 /* 5% of RAM */

/* The group's path in the unified hierarchy: "0::/path". */
static void describe_cgroup(struct snapshot *snap, struct process *process)
{
	cleanup_file FILE *file = NULL;
	char path[64], line[4096];

	snprintf(path, sizeof(path), "/proc/%u/cgroup", process->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0::", 3))
			process->cgroup = snapshot__str(snap, line + 3);
	}
}

static void describe(struct snapshot *snap, struct process *process)
{
	process->started_ns = boot_to_real_ns(process->start_boot_ns);
	describe_cgroup(snap, process);
}

static void resolve_paths(struct scan_view *view)
{
	cleanup_file FILE *file = fopen("/proc/self/mountinfo", "re");
	struct mounts *mounts = file ? mounts__read(file) : NULL;

	view->paths =
		snapshot__alloc(view->snap, (view->scan->file_cnt + 1) * sizeof(*view->paths));
	for (size_t i = 0; i < view->scan->file_cnt; i++) {
		const struct scan_file *found = &view->scan->files[i];
		cleanup_free char *path =
			mounts ? mounts__path(mounts, found->dev, found->path) : NULL;

		view->paths[i] = snapshot__str(view->snap, path);
	}
	mounts__free(mounts);
}

static uint64_t undecided_pins(const struct scan_result *scan)
{
	uint64_t pins = 0;

	for (size_t i = 0; i < scan->hit_cnt; i++)
		pins += scan->hits[i].certain ? 0 : scan->hits[i].pins;
	return pins;
}

static void fill_checks(struct scan_view *view)
{
	struct checks *checks = &view->snap->checks;

	checks->source = "none";
	checks->scanned_struct_pages = view->scan->pages;
	checks->scan_ms = (view->scan->ns + 500000) / 1000000;
	checks->scan_left_out = view->scan->left_out + view->scan->unreadable;
	checks->in_motion = view->scan->in_motion;
	checks->cpu_percent = -1;
}

static uint64_t residue_bytes(const struct snapshot *snap)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < snap->group_cnt; i++)
		bytes += snap->groups[i].residue ? snap->groups[i].q.bytes : 0;
	return bytes;
}

static void explain_memory(struct snapshot *snap)
{
	cleanup_file FILE *file = fopen("/proc/meminfo", "re");
	struct meminfo info;

	if (!file || meminfo__read(file, &info) ||
	    info.unexplained_bytes < info.total_bytes / UNEXPLAINED_SHARE)
		return;
	snap->unexplained = snapshot__printf(
		snap,
		"%s of RAM (%.1f%%) are in no line of /proc/meminfo; %s of that are pinned and "
		"mapped by nobody. Else look at drivers: /proc/allocinfo, "
		"/sys/kernel/debug/dma_buf/bufinfo, a balloon of the hypervisor",
		fmt_bytes(info.unexplained_bytes).s,
		100.0 * info.unexplained_bytes / info.total_bytes,
		fmt_bytes(residue_bytes(snap)).s);
}

static int read_evidence(const struct scan_result *scan, struct evidence *evidence)
{
	cleanup_free struct evidence_folio *folios = calloc(scan->hit_cnt + 1, sizeof(*folios));
	struct evidence_options opts = { .folios = folios, .folio_cnt = scan->hit_cnt };

	if (!folios)
		return -ENOMEM;
	for (size_t i = 0; i < scan->hit_cnt; i++)
		folios[i] = (struct evidence_folio){ scan->hits[i].pfn, scan->hits[i].order };
	return evidence__read(&opts, evidence);
}

/* From both to the snapshot; vmstat is known from around the scan. */
static int build(struct scan_view *view, struct scanner *scanner,
		 const struct scan_take_options *opts, const struct scan_counters counters[2])
{
	int err = 0;

	resolve_paths(view);
	if (!opts->ranges)
		err = scan_view__settle(view, scanner, opts->min_age_ns);
	if (err)
		return err;
	scan_view__groups(view);
	scan_view__likely(view);
	scan_view__zones(view);
	fill_checks(view);
	if (opts->ranges) {
		scan_view__explain(view, opts->ranges, opts->range_cnt);
		return 0;
	}
	scan_view__pages(view, opts->pages);
	scan_counters__weigh(&view->snap->checks, counters, view->snap->pinned.pins,
			     undecided_pins(view->scan), scan_counters__biased());
	explain_memory(view->snap);
	return 0;
}

static int take(struct scanner *scanner, const struct scan_take_options *opts,
		struct snapshot *snap)
{
	struct scan_options scan_opts = {
		.ranges = opts->ranges,
		.range_cnt = opts->range_cnt,
		.every_folio = opts->ranges != NULL,
		.max_pages_per_s = opts->max_pages_per_s,
	};
	struct evidence evidence = {};
	struct scan_result scan = {};
	struct zones zones;
	struct scan_counters counters[2];
	struct scan_view view = {
		.snap = snap,
		.scan = &scan,
		.evidence = &evidence,
		.zones = &zones,
		.describe = describe,
	};
	int err;

	zones__read(&zones);
	counters[0] = scan_counters__read(opts->counters_as_they_are);
	err = scanner__run(scanner, &scan_opts, &scan);
	counters[1] = scan_counters__read(opts->counters_as_they_are);
	snapshot__stamp(snap);
	if (!err)
		err = read_evidence(&scan, &evidence);
	if (!err)
		err = build(&view, scanner, opts, counters);
	evidence__free(&evidence);
	scan_result__free(&scan);
	zones__free(&zones);
	return err;
}

static struct snapshot *new_snapshot(const char *tool)
{
	struct snapshot *snap = snapshot__new();

	if (!snap)
		return NULL;
	snap->tool = tool;
	snap->version = GUP_VERSION;
	snapshot__fill_host(snap);
	return snap;
}

struct snapshot *snapshot__scan(const struct scan_take_options *opts)
{
	struct scanner *scanner = scanner__open();
	struct snapshot *snap;
	int err;

	if (!scanner)
		return NULL;
	snap = new_snapshot(opts->tool);
	err = snap ? take(scanner, opts, snap) : -ENOMEM;
	scanner__close(scanner);
	if (!err)
		return snap;
	warnx("can't scan this machine's memory: %s", strerror(-err));
	snapshot__free(snap);
	errno = -err;
	return NULL;
}
