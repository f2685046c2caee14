// SPDX-License-Identifier: GPL-2.0-only
/*
 * scan_dump: one scan, one line per hit, for tests:
 *   PFN ORDER PINS certain|maybe KIND REFCOUNT MAPCOUNT INDEX WHAT FILE
 * and a last line that begins with "#": what was walked, and how long it took.
 * With arguments START END (pfns) it shows every folio of that range.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel.h"
#include "scan.h"
#include "util.h"

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

int main(int argc, char **argv)
{
	struct pfn_range range = {};
	struct scan_options opts = {};
	struct scan_result result = {};
	struct scanner *scanner;
	int error;

	if (argc == 3) {
		range.start = strtoull(argv[1], NULL, 0);
		range.end = strtoull(argv[2], NULL, 0);
		opts = (struct scan_options){ .ranges = &range,
					      .range_cnt = 1,
					      .every_folio = true };
	}
	kernel_reader__log(getenv("V") != NULL);
	scanner = scanner__open();
	if (!scanner)
		return 3;
	error = scanner__run(scanner, &opts, &result);
	if (error)
		warnx("scan: error %d", error);
	for (size_t i = 0; i < result.hit_cnt; i++)
		print_hit(&result, &result.hits[i]);
	printf("# pages %llu unreadable %llu in_motion %llu left_out %llu ns %llu longest_ns "
	       "%llu\n",
	       (unsigned long long)result.pages, (unsigned long long)result.unreadable,
	       (unsigned long long)result.in_motion, (unsigned long long)result.left_out,
	       (unsigned long long)result.ns, (unsigned long long)result.longest_ns);
	scan_result__free(&result);
	scanner__close(scanner);
	return error ? 4 : 0;
}
