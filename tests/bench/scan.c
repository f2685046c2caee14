// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-scan: what the scan costs per struct page, beside reading
 * /proc/kpageflags for the same page frames, which needs the same cache lines
 * and cannot tell pins. CPU time of the thread, which on an idle machine is the
 * time that it takes; on a busy one the caches are others', too. The first pass
 * may touch memory that nobody has touched before and is shown apart.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "scan.h"
#include "util.h"

#define RUNS 7

struct cost {
	double first, runs[RUNS], longest_ms;
	unsigned long long pages;
};

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return one < other ? -1 : one > other;
}

static void print_cost(const char *what, struct cost *cost)
{
	qsort(cost->runs, RUNS, sizeof(cost->runs[0]), ascending);
	printf("%-28s %8.2f %8.2f %8.2f ns per struct page (min, median, first)  %llu pages\n",
	       what, cost->runs[0] / cost->pages, cost->runs[RUNS / 2] / cost->pages,
	       cost->first / cost->pages, cost->pages);
}

static int scan_once(struct scanner *scanner, bool copies, struct cost *cost, double *ns)
{
	struct scan_options opts = { .copies = copies };
	struct scan_result result;
	double began = now_ns();
	int error = scanner__run(scanner, &opts, &result);

	*ns = now_ns() - began;
	cost->pages = result.pages;
	if (result.longest_ns / 1e6 > cost->longest_ms)
		cost->longest_ms = result.longest_ns / 1e6;
	scan_result__free(&result);
	return error;
}

static int bench_scan(bool copies, struct cost *cost)
{
	struct scanner *scanner = scanner__open();
	int error;

	if (!scanner)
		return 3;
	error = scan_once(scanner, copies, cost, &cost->first);
	for (int i = 0; i < RUNS && !error; i++)
		error = scan_once(scanner, copies, cost, &cost->runs[i]);
	scanner__close(scanner);
	if (error)
		warnx("scan: error %d", error);
	return error ? 4 : 0;
}

static int read_flags_once(const struct pfn_range *ram, size_t cnt, double *ns)
{
	static uint64_t words[32768];
	cleanup_fd int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	double began = now_ns();

	if (fd < 0)
		return -1;
	for (size_t i = 0; i < cnt; i++) {
		for (uint64_t at = ram[i].start; at < ram[i].end; at += ARRAY_SIZE(words)) {
			uint64_t left = ram[i].end - at;
			size_t want = left < ARRAY_SIZE(words) ? left : ARRAY_SIZE(words);

			if (pread(fd, words, want * 8, at * 8) <= 0)
				return -1;
		}
	}
	*ns = now_ns() - began;
	return 0;
}

static int bench_kpageflags(struct cost *cost)
{
	cleanup_free struct pfn_range *ram = NULL;
	uint64_t left_out;
	size_t cnt;
	int error = ram_ranges__read(&ram, &cnt, &left_out);

	cost->pages = 0;
	for (size_t i = 0; i < cnt && !error; i++)
		cost->pages += ram[i].end - ram[i].start;
	if (!error)
		error = read_flags_once(ram, cnt, &cost->first);
	for (int i = 0; i < RUNS && !error; i++)
		error = read_flags_once(ram, cnt, &cost->runs[i]);
	if (error)
		warn("/proc/kpageflags");
	return error ? 4 : 0;
}

int main(void)
{
	static const struct {
		const char *what;
		bool copies;
	} walks[] = {
		{ "gup-pin scan", false },
		{ "the same as before Linux 6.2", true },
	};
	struct cost cost;
	int status;

	kernel_reader__log(false);
	for (size_t i = 0; i < ARRAY_SIZE(walks); i++) {
		cost = (struct cost){};
		status = bench_scan(walks[i].copies, &cost);
		if (status)
			return status;
		print_cost(walks[i].what, &cost);
		printf("%-28s %8.2f ms of CPU time at a time, at most\n", "", cost.longest_ms);
	}
	status = bench_kpageflags(&cost);
	if (!status)
		print_cost("read() of /proc/kpageflags", &cost);
	return status;
}
