// SPDX-License-Identifier: GPL-2.0-only
/* Feeds the fuse with what the daemon costs, and does what it says. See pind_impl.h. */
#include <err.h>
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "fmt.h"
#include "pind_impl.h"
#include "util.h"

#define NS_PER_S 1000000000ULL
#define MEASURED_NS NS_PER_S /* of each window: to measure costs time in each program itself */
#define LEAST_BYTES (128ULL << 20)

/* A quarter of a percent of RAM, or a whole one with a ledger. */
static uint64_t default_bytes(const struct pind_source *source)
{
	uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) /
			 (pind_source__has_ledger(source) ? 100 : 400) * sysconf(_SC_PAGESIZE);

	return bytes < LEAST_BYTES ? LEAST_BYTES : bytes;
}

void pind_fuse__begin(struct pind_fuse *fuse, const struct pind_config *config,
		      const struct pind_source *source)
{
	*fuse = (struct pind_fuse){
		.fuse.max_cpu_ppm = config->max_cpu_ppm,
		.fuse.max_bytes = config->max_bytes ? config->max_bytes : default_bytes(source),
		.fuse.cpus = sysconf(_SC_NPROCESSORS_ONLN),
		.fuse.least = pind_source__level(source),
		.fuse.level = pind_source__level(source),
		.interval_ns = config->scan_interval_ns,
		.stats_fd = -1,
	};
}

/* One second of each window is measured, and stands for the others. */
static void measure(struct pind_fuse *fuse, const struct pind_source *source, uint64_t now_ns)
{
	if (fuse->stats_fd >= 0 && now_ns - fuse->begun_ns >= MEASURED_NS) {
		fuse->run_share = (double)(pind_source__run_ns(source) - fuse->begun_run_ns) /
				  (now_ns - fuse->begun_ns);
		/* Time on the wall: of programs that were preempted, several count on one CPU. */
		if (fuse->run_share > fuse->fuse.cpus)
			fuse->run_share = fuse->fuse.cpus;
		close(fuse->stats_fd);
		fuse->stats_fd = -1;
	} else if (fuse->stats_fd < 0 && now_ns - fuse->begun_ns >= FUSE_WINDOW_NS) {
		fuse->stats_fd = pind_source__measure(source);
		fuse->begun_ns = now_ns;
		fuse->begun_run_ns = pind_source__run_ns(source);
		if (fuse->stats_fd < 0)
			fuse->run_share = 0;
	}
	if (fuse->told_ns)
		fuse->spread_ns += (uint64_t)((double)(now_ns - fuse->told_ns) *
					      (fuse->run_share + fuse->snapshot_share));
	fuse->told_ns = now_ns;
}

static void say_step(const struct fuse *fuse, enum fuse_level before)
{
	if (fuse->level < before)
		warnx("costs little again: goes on with %s", fuse_level_name(fuse->level));
	else if (fuse->cpu_ppm > fuse->max_cpu_ppm)
		warnx("takes %.2f%% of the CPUs, max_cpu is %.4g%%: goes on with %s",
		      fuse->cpu_ppm / 1e4, fuse->max_cpu_ppm / 1e4, fuse_level_name(fuse->level));
	else
		warnx("takes %s, max_memory is %s: goes on with %s", fmt_bytes(fuse->bytes).s,
		      fmt_bytes(fuse->max_bytes).s, fuse_level_name(fuse->level));
}

void pind_fuse__snapshot(struct pind_fuse *fuse, uint64_t cpu_ns, uint64_t took_ns)
{
	fuse->snapshots_ns += cpu_ns;
	fuse->snapshot_share = (double)cpu_ns / (fuse->interval_ns + took_ns);
}

void pind_fuse__look(struct pind_fuse *fuse, struct pind_source *source, uint64_t now_ns,
		     uint64_t bytes)
{
	enum fuse_level before = fuse->fuse.level;

	measure(fuse, source, now_ns);
	if (!fuse__look(&fuse->fuse, now_ns,
			clock_ns(CLOCK_PROCESS_CPUTIME_ID) - fuse->snapshots_ns + fuse->spread_ns,
			bytes))
		return;
	say_step(&fuse->fuse, before);
	if (fuse->stats_fd >= 0)
		close(fuse->stats_fd);
	fuse->stats_fd = -1;
	fuse->run_share = 0;
	fuse->begun_ns = 0; /* measured anew at once */
	if (pind_source__set_level(source, fuse->fuse.level)) {
		warnx("can't go on with %s", fuse_level_name(fuse->fuse.level));
		fuse->fuse.level = FUSE_SCAN;
	}
}
