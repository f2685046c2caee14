// SPDX-License-Identifier: GPL-2.0-only
/*
 * scan_dump: scans for tests. One line per hit:
 *   PFN ORDER PINS certain|maybe KIND REFCOUNT MAPCOUNT INDEX WHAT FILE
 * and a last line that begins with "#": what was walked, and how long it took.
 *   scan_dump                hits of all memory
 *   scan_dump START END      every folio of these pfns
 *   scan_dump -p PID         hits that PID maps
 *   scan_dump -w SECONDS     scans all the time and compares with the kernel's counters: never
 *                            more pins than were outstanding or acquired meanwhile
 *   scan_dump -c ...         the same by the walk for kernels before 6.2
 * V=1 in the environment shows the BPF loader's messages.
 */
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"
#include "resolve.h"
#include "scan.h"
#include "util.h"

#define PFN_MASK ((1ULL << 55) - 1)
#define PRESENT (1ULL << 63)

static int fail(const char *what, int error)
{
	warnx("%s: %s", what, strerror(-error));
	return 4;
}

static void print_hit(const struct scan_result *result, const struct scan_hit *hit)
{
	const struct scan_file *file = hit->file < 0 ? NULL : &result->files[hit->file];

	printf("%llu %u %u %s %s %d %d %llu %s%s%s", (unsigned long long)hit->pfn, hit->order,
	       hit->pins, hit->certain ? "certain" : "maybe", mem_kind_name(hit->kind),
	       hit->refcount, hit->mapcount, (unsigned long long)hit->index,
	       scan_what_name(hit->what), hit->dirty ? " dirty" : "",
	       hit->writeback ? " writeback" : "");
	if (file)
		printf(" file=%s dev=%llu ino=%llu bytes=%llu%s", file->path,
		       (unsigned long long)file->dev, (unsigned long long)file->ino,
		       (unsigned long long)file->bytes, file->deleted ? " deleted" : "");
	putchar('\n');
}

static void print_summary(const struct scan_result *result)
{
	printf("# pages %llu unreadable %llu in_motion %llu left_out %llu ns %llu longest_ns "
	       "%llu\n",
	       (unsigned long long)result->pages, (unsigned long long)result->unreadable,
	       (unsigned long long)result->in_motion, (unsigned long long)result->left_out,
	       (unsigned long long)result->ns, (unsigned long long)result->longest_ns);
}

/* The page frames behind one mapping, marked in a map of one byte each. */
static void mark_mapping(int pagemap, uint64_t start, uint64_t end, char *mine, size_t pfns)
{
	uint64_t page = sysconf(_SC_PAGESIZE), entry;

	for (uint64_t at = start / page; at < end / page; at++) {
		if (pread(pagemap, &entry, sizeof(entry), at * 8) != sizeof(entry))
			return;
		if (entry & PRESENT && (entry & PFN_MASK) < pfns)
			mine[entry & PFN_MASK] = 1;
	}
}

static int mark_process(const char *pid, char *mine, size_t pfns)
{
	cleanup_file FILE *maps = NULL;
	cleanup_fd int pagemap = -1;
	unsigned long long start, end;
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	maps = fopen(path, "re");
	snprintf(path, sizeof(path), "/proc/%s/pagemap", pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	if (!maps || pagemap < 0)
		return -1;
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx ", &start, &end) == 2)
			mark_mapping(pagemap, start, end, mine, pfns);
	return 0;
}

static bool is_marked(const struct scan_hit *hit, const char *mine, size_t pfns)
{
	for (uint64_t pfn = hit->pfn; pfn < hit->pfn + (1ULL << hit->order); pfn++)
		if (pfn < pfns && mine[pfn])
			return true;
	return false;
}

static int dump(struct scanner *scanner, const struct scan_options *opts, const char *pid)
{
	cleanup_free struct pfn_range *ram = NULL;
	cleanup_free char *mine = NULL;
	struct scan_result result;
	size_t cnt, pfns = 0;
	uint64_t left_out;
	int error = ram_ranges__read(&ram, &cnt, &left_out);

	if (error)
		return fail("System RAM", error);
	if (pid) {
		pfns = ram[cnt - 1].end;
		mine = calloc(1, pfns);
		if (!mine || mark_process(pid, mine, pfns)) {
			warn("process %s", pid);
			return 4;
		}
	}
	error = scanner__run(scanner, opts, &result);
	if (error)
		return fail("scan", error);
	for (size_t i = 0; i < result.hit_cnt; i++)
		if (!pid || is_marked(&result.hits[i], mine, pfns))
			print_hit(&result, &result.hits[i]);
	print_summary(&result);
	scan_result__free(&result);
	return 0;
}

/* One scan between two readings of the counters. Adds to *equal when nothing moved and all agrees. */
static int compare(struct scanner *scanner, const struct scan_options *opts, unsigned int *quiet,
		   unsigned int *equal)
{
	uint64_t acquired, released, acquired_after, released_after, pins = 0;
	struct scan_result result;
	int error;

	vmstat__refresh();
	vmstat__read(&acquired, &released);
	error = scanner__run(scanner, opts, &result);
	if (error)
		return fail("scan", error);
	vmstat__refresh();
	vmstat__read(&acquired_after, &released_after);
	for (size_t i = 0; i < result.hit_cnt; i++)
		pins += result.hits[i].certain ? result.hits[i].pins : 0;
	scan_result__free(&result);
	if (pins > acquired_after - released) {
		printf("%llu pins found, but at most %llu there\n", (unsigned long long)pins,
		       (unsigned long long)(acquired_after - released));
		return 1;
	}
	if (acquired_after == acquired && released_after == released) {
		(*quiet)++;
		*equal += pins == acquired - released;
	}
	return 0;
}

static int watch(struct scanner *scanner, const struct scan_options *opts, unsigned int seconds)
{
	unsigned int scans = 0, quiet = 0, equal = 0;
	time_t end = time(NULL) + seconds;
	int status = 0;

	do {
		status = compare(scanner, opts, &quiet, &equal);
		scans++;
	} while (!status && time(NULL) < end);
	printf("%u scans, %u of them while nothing moved, %u of these exact\n", scans, quiet,
	       equal);
	return status ? status : quiet != equal;
}

int main(int argc, char **argv)
{
	struct pfn_range range = {};
	struct scan_options opts = {};
	struct scanner *scanner;
	const char *pid = NULL;
	int status;

	kernel_reader__log(getenv("V") != NULL);
	scanner = scanner__open();
	if (!scanner)
		return 3;
	if (argc > 1 && !strcmp(argv[1], "-c")) {
		opts.copies = true;
		argc--;
		argv++;
	}
	if (argc == 3 && !strcmp(argv[1], "-w")) {
		status = watch(scanner, &opts, atoi(argv[2]));
		scanner__close(scanner);
		return status;
	}
	if (argc == 3 && !strcmp(argv[1], "-p")) {
		pid = argv[2];
	} else if (argc == 3) {
		range.start = strtoull(argv[1], NULL, 0);
		range.end = strtoull(argv[2], NULL, 0);
		opts = (struct scan_options){ .ranges = &range,
					      .range_cnt = 1,
					      .every_folio = true };
	}
	status = dump(scanner, &opts, pid);
	scanner__close(scanner);
	return status;
}
