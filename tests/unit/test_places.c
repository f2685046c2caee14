// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a scan reads besides: lists of page frames as people and the kernel's
 * log write them, paths through mounts, /proc/meminfo; in which zone a page lies.
 */
#include <errno.h>

#include "fixture.h"
#include "meminfo.h"
#include "mounts.h"
#include "pfn_list.h"
#include "scan.h"
#include "zones.h"

static void assert_list(const char *text, const char *want)
{
	struct pfn_range *ranges = NULL;
	size_t cnt = 0, len = 0;
	char got[256] = "";

	assert_int_equal(pfn_list__parse(text, &ranges, &cnt), 0);
	for (size_t i = 0; i < cnt; i++)
		len += snprintf(got + len, sizeof(got) - len, "[%llx,%llx)",
				(unsigned long long)ranges[i].start,
				(unsigned long long)ranges[i].end);
	assert_string_equal(got, want);
	free(ranges);
}

static void test_pfn_list(void **state)
{
	static const char *const wrong[] = { "",	 "x",	"a5a80-",  "10-f",
					     "1,,2",	 "1 2", "[10, f)", "[10, 1f]",
					     "[1.2] no", "-1",	"1,",	   "fffffffffffffffff" };
	struct pfn_range *ranges = NULL;
	size_t cnt = 0;

	(void)state;
	assert_list("a5a80", "[a5a80,a5a81)");
	assert_list("0xa5a80-0xa5add", "[a5a80,a5ade)");
	assert_list("30-31, 10,11,12-13,20-2f", "[10,14)[20,32)");
	assert_list("[a5a80, a5ade)", "[a5a80,a5ade)");
	assert_list("[  12.345678] alloc_contig_range: [a5a80, a5ade) PFNs busy", "[a5a80,a5ade)");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(pfn_list__parse(wrong[i], &ranges, &cnt), -EINVAL);
	assert_int_equal(pfn_list__block("memory", &ranges, &cnt), -EINVAL);
	assert_int_equal(pfn_list__block("../1", &ranges, &cnt), -EINVAL);
	assert_int_equal(pfn_list__block("memory999999999", &ranges, &cnt), -ENOENT);
	free(ranges);
}

static FILE *open_text(const char *text)
{
	FILE *file = fmemopen((void *)text, strlen(text), "r");

	assert_non_null(file);
	return file;
}

static void assert_path(const struct mounts *mounts, uint64_t dev, const char *path,
			const char *want)
{
	char *got = mounts__path(mounts, dev, path);

	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
}

static void test_mounts(void **state)
{
	FILE *file = open_text("21 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
			       "22 21 0:25 / /dev/shm rw - tmpfs tmpfs rw\n"
			       "23 21 8:2 /home /ho\\040me rw - btrfs /dev/sdb rw\n"
			       "24 21 8:2 /home/ann /ann rw - btrfs /dev/sdb rw\n");
	struct mounts *mounts = mounts__read(file);

	(void)state;
	assert_non_null(mounts);
	assert_path(mounts, 8 << 20 | 1, "/srv/x", "/srv/x");
	assert_path(mounts, 25, "/x", "/dev/shm/x");
	assert_path(mounts, 8 << 20 | 2, "/home/bob/x", "/ho me/bob/x");
	assert_path(mounts, 8 << 20 | 2, "/home/ann/x", "/ann/x");
	assert_path(mounts, 8 << 20 | 2, "/homework", "/homework"); /* no mount shows it */
	assert_path(mounts, 9, "memfd:buffers", "memfd:buffers");
	assert_null(mounts__path(mounts, 25, ""));
	mounts__free(mounts);
	fclose(file);
}

static void test_meminfo(void **state)
{
	FILE *file = open_text("MemTotal:  1009 kB\nMemFree:  503 kB\nMemAvailable: 7 kB\n"
			       "Cached: 101 kB\nAnonPages: 53 kB\nShmem: 11 kB\nSlab: 31 kB\n"
			       "KReclaimable: 29 kB\nSReclaimable: 23 kB\nHugePages_Total: 4\n"
			       "Hugetlb: 17 kB\n");
	struct meminfo info;

	(void)state;
	assert_int_equal(meminfo__read(file, &info), 0);
	assert_int_equal(info.total_bytes, 1009 * KIB);
	assert_int_equal(info.unexplained_bytes,
			 (1009 - 503 - 101 - 53 - 31 - (29 - 23) - 17) * KIB);
	fclose(file);
	file = open_text("MemFree: 1 kB\n");
	assert_int_equal(meminfo__read(file, &info), -EINVAL);
	fclose(file);
}

static const char *zone_at(const struct zones *zones, uint64_t pfn)
{
	const struct zone *zone = zones__find(zones, pfn);

	return zone ? zone->name : "";
}

/* A device's memory within what a zone spans, and behind all zones. */
static void test_zones(void **state)
{
	struct zone list[] = { { 1, 4096, 0, "DMA" },
			       { 4096, 9000, 0, "Normal" },
			       { 9000, 9500, 1, "Movable" },
			       { 0, 0, -1, "Device" } };
	struct pfn_range ram[] = { { 1, 160 }, { 256, 8000 }, { 9000, 9500 } };
	struct cma_range cma[] = { { 5000, 5100 }, { 6000, 6001 } };
	struct zones zones = { .list = list,
			       .cnt = ARRAY_SIZE(list),
			       .ram = ram,
			       .ram_cnt = ARRAY_SIZE(ram),
			       .cma = cma,
			       .cma_cnt = ARRAY_SIZE(cma) };

	(void)state;
	assert_string_equal(zone_at(&zones, 1), "DMA");
	assert_string_equal(zone_at(&zones, 4095), "DMA");
	assert_string_equal(zone_at(&zones, 4096), "Normal");
	assert_string_equal(zone_at(&zones, 9499), "Movable");
	assert_int_equal(zones__find(&zones, 9499)->node, 1);
	assert_string_equal(zone_at(&zones, 160), "Device");
	assert_string_equal(zone_at(&zones, 8000), "Device");
	assert_string_equal(zone_at(&zones, 1 << 20), "Device");
	assert_true(zone__is_device(zones__find(&zones, 8000)));
	assert_false(zone__is_device(zones__find(&zones, 7999)));
	assert_false(zone__is_device(NULL));
	assert_true(zones__is_cma(&zones, 5000) && zones__is_cma(&zones, 6000));
	assert_false(zones__is_cma(&zones, 5100) || zones__is_cma(&zones, 4999));
	/* Where System RAM cannot be read, nothing is a device's. */
	zones.ram_cnt = 0;
	zones.cnt--;
	assert_string_equal(zone_at(&zones, 8000), "Normal");
	assert_string_equal(zone_at(&zones, 1 << 20), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pfn_list),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_meminfo),
		cmocka_unit_test(test_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
