/* SPDX-License-Identifier: GPL-2.0-only */
/* Saved snapshots for the unit tests: the golden documents, and one of all that a scan fills. */
#ifndef GUP_TEST_FIXTURE_SAVED_H
#define GUP_TEST_FIXTURE_SAVED_H

#include <glob.h>

#include "fixture.h"

static inline const char *golden_dir(void)
{
	const char *dir = getenv("GOLDEN_DIR");

	return dir ? dir : "tests/golden";
}

/* The golden documents, all of them. */
static inline size_t golden_files(glob_t *files)
{
	char pattern[512];

	snprintf(pattern, sizeof(pattern), "%s/*.json", golden_dir());
	assert_int_equal(glob(pattern, 0, NULL, files), 0);
	snprintf(pattern, sizeof(pattern), "%s/snapshots/*.json", golden_dir());
	assert_int_equal(glob(pattern, GLOB_APPEND, NULL, files), 0);
	return files->gl_pathc;
}

static inline struct snapshot *read_text(const char *text)
{
	char why[256] = "";
	struct snapshot *snap = form_json__read_buffer(text, strlen(text), why, sizeof(why));

	if (!snap)
		print_message("%s\n", why);
	assert_non_null(snap);
	return snap;
}

static inline void add_pages(struct snapshot *snap)
{
	struct page_info *page;
	int *mapped;

	for (int i = 0; i < 3; i++) {
		page = snapshot__append(snap, &snap->pages, &snap->page_cnt, sizeof(*page));
		*page = (struct page_info){ .pfn = 0xa5a80 + i,
					    .folio_bytes = 4 * KIB,
					    .pins = i < 2,
					    .certain = i == 0,
					    .refcount = i < 2 ? 1025 : 0,
					    .mapcount = i < 2 ? 0 : -1,
					    .kind = MEM_FILE,
					    .node = i - 1,
					    .zone = "Movable",
					    .group = i < 2 ? 2 : -1,
					    .why = i < 2 ? NULL : "free",
					    .file = i ? NULL : "/srv/model.bin",
					    .offset = i * 4 * KIB };
	}
	mapped = snapshot__append(snap, &snap->pages[1].mapped_by, &snap->pages[1].mapped_by_cnt,
				  sizeof(*mapped));
	*mapped = 3;
}

/* Every field that the fixtures of the reports leave out. */
static inline struct snapshot *fixture_scan(void)
{
	struct snapshot *snap = fixture_rdma();
	struct group *group = &snap->groups[2];
	struct zone_use *zone;
	struct memory *memory;
	struct holder *likely;
	int *mapped;

	likely = snapshot__append(snap, &group->likely, &group->likely_cnt, sizeof(*likely));
	*likely = (struct holder){ 3, 7, BASIS_LIKELY, "has uverbs0 open" };
	group->residue = true;
	group->file_released = true;
	group->owner_id = 0xfedcba9876543210;
	group->mapped_known = true;
	mapped = snapshot__append(snap, &group->mapped_by, &group->mapped_by_cnt, sizeof(*mapped));
	*mapped = 2;
	group->mapped_folios = 3;
	group->memory_of = 1;
	memory = &group->memory[0];
	*memory = (struct memory){ .kind = MEM_FILE,
				   .folio_bytes = 4 * KIB,
				   .folios = 3,
				   .node = -1,
				   .zone = "Movable",
				   .file = "/srv/model \"7\"\n.bin",
				   .cma = true,
				   .deleted = true,
				   .dev = 8 << 20 | 3,
				   .ino = 131101,
				   .file_bytes = 5 * MIB,
				   .first_byte = 8 * KIB,
				   .end_byte = 20 * KIB,
				   .dirty_folios = 2,
				   .writeback_folios = 1 };
	add_pages(snap);
	zone = snapshot__append(snap, &snap->zones, &snap->zone_cnt, sizeof(*zone));
	*zone = (struct zone_use){ 0, "Movable", { 3, 3, 12 * KIB }, 2, 2 * MIB, true, 3 };
	snap->maybe = (struct quantity){ 0, 5, 20 * KIB };
	snap->unexplained = "1.00 GiB of RAM is in no account of /proc/meminfo";
	snap->filter = "kind file";
	snap->checks.above_scan_known = true;
	snap->checks.above_scan = -7;
	snap->checks.vmstat_known = true;
	snap->checks.moved_during_scan = 3211;
	snap->checks.scan_left_out = 32768;
	snap->cmd_known_status = true;
	snap->cmd = "x";
	snap->cmd_signal = 9;
	snap->cmd_status = -1;
	snap->processes[0].exit_status = -1;
	snap->processes[0].exit_signal = 11;
	snap->processes[1].cgroup_id = 4711;
	snap->processes[1].cgroup = "/machine.slice/libpod-"
				    "0123456789abcdef0123456789abcdef"
				    "0123456789abcdef0123456789abcdef.scope";
	return snap;
}

#endif
