// SPDX-License-Identifier: GPL-2.0-only
/*
 * From made-up folios and evidence to groups, findings and the report of a
 * scan: who is named, why, and above all who is not. Numbers are primes.
 */
#include "fixture.h"
#include "scan_counters.h"
#include "snapshot_scan.h"

#define PAGE 4096ULL
#define BLOCK 512
#define HITS_MAX 64

/* A machine with one zone for all, and whatever a test adds to it. */
struct machine {
	struct snapshot *snap;
	struct scan_result scan;
	struct evidence evidence;
	struct zones zones;
	struct scan_view view;
	struct scan_hit hits[HITS_MAX];
	struct scan_file files[2];
	const char *paths[2];
	struct evidence_proc procs[8];
	struct evidence_file open[8];
	uint32_t mapped_by[HITS_MAX], members[8];
	struct evidence_set sets[8];
	struct evidence_match matches[HITS_MAX];
	struct zone zone[2];
	struct cma_range cma[1];
	bool gone[HITS_MAX];
	size_t open_cnt, member_cnt;
};

static void machine_open(struct machine *m)
{
	*m = (struct machine){ .snap = fixture_empty() };
	m->snap->checks = (struct checks){
		.source = "none",
		.scanned_struct_pages = 6291449,
		.scan_ms = 31,
		.cpu_percent = -1,
		.vmstat_known = true,
		.vmstat_acquired = 1000,
		.vmstat_released = 960,
		.above_scan_known = true,
		.above_scan = 2,
		.moved_during_scan = 5,
		.vmstat_agrees = true,
	};
	m->zone[0] = (struct zone){ 0, 1 << 20, 0, "Normal" };
	m->zone[1] = (struct zone){ 1 << 20, 1 << 21, 1, "Movable" };
	m->cma[0] = (struct cma_range){ 8 * BLOCK, 9 * BLOCK };
	m->zones = (struct zones){
		.list = m->zone, .cnt = 2, .cma = m->cma, .cma_cnt = 1, .pageblock_pages = BLOCK
	};
	m->scan.hits = m->hits;
	m->scan.files = m->files;
	m->evidence.procs = m->procs;
	m->evidence.sets = m->sets;
	m->evidence.set_cnt = 1;
	m->evidence.mapped_by = m->mapped_by;
	m->evidence.matches = m->matches;
	m->evidence.complete = true;
	m->view = (struct scan_view){
		.snap = m->snap,
		.scan = &m->scan,
		.evidence = &m->evidence,
		.zones = &m->zones,
		.gone = m->gone,
		.paths = m->paths,
	};
}

/* So many folios of one kind, one pin each, behind the last; they lie apart. */
static size_t add_hits(struct machine *m, size_t cnt, enum mem_kind kind, unsigned int order,
		       uint32_t set)
{
	size_t first = m->scan.hit_cnt;

	for (size_t i = 0; i < cnt; i++) {
		size_t at = m->scan.hit_cnt++;

		assert_true(at < HITS_MAX);
		m->hits[at] = (struct scan_hit){
			.pfn = at ? (m->hits[at - 1].pfn / BLOCK + 1) * BLOCK : BLOCK,
			.mapping = 0x1000 + kind,
			.index = i,
			.pins = 1,
			.refcount = 1024 + (set != 0),
			.mapcount = set != 0,
			.file = -1,
			.order = order,
			.kind = kind,
			.certain = true,
		};
		m->mapped_by[at] = set;
	}
	return first;
}

static uint32_t add_proc(struct machine *m, uint32_t pid, const char *comm)
{
	struct evidence_proc *proc = &m->procs[m->evidence.proc_cnt];

	proc->pid = pid;
	snprintf(proc->comm, sizeof(proc->comm), "%s", comm);
	proc->files = m->open + m->open_cnt;
	proc->fds_read = proc->maps_read = true;
	return m->evidence.proc_cnt++;
}

/* Of the process added last. */
static void add_open(struct machine *m, int fd, const char *kind, const char *path, uint64_t bytes,
		     const char *says)
{
	struct evidence_file *file = &m->open[m->open_cnt++];

	*file = (struct evidence_file){ .fd = fd, .kind = kind, .path = path, .says_bytes = bytes };
	snprintf(file->says, sizeof(file->says), "%s", says);
	m->procs[m->evidence.proc_cnt - 1].file_cnt++;
}

/* A set of one process. */
static uint32_t add_set(struct machine *m, uint32_t proc)
{
	m->members[m->member_cnt] = proc;
	m->sets[m->evidence.set_cnt] = (struct evidence_set){ &m->members[m->member_cnt++], 1 };
	return m->evidence.set_cnt++;
}

static void match(struct machine *m, size_t first, size_t cnt, uint32_t proc, uint32_t file)
{
	for (size_t i = 0; i < cnt; i++)
		m->matches[m->evidence.match_cnt++] =
			(struct evidence_match){ first + i, proc, file };
}

static struct snapshot *machine_shot(struct machine *m)
{
	scan_view__groups(&m->view);
	scan_view__likely(&m->view);
	scan_view__zones(&m->view);
	scan_view__pages(&m->view, false);
	audit(m->snap);
	return m->snap;
}

static const struct group *group_of(const struct machine *m, size_t hit)
{
	return &m->snap->groups[m->view.group_of[hit]];
}

static const char *comm_of_likely(const struct machine *m, size_t hit)
{
	const struct group *group = group_of(m, hit);

	return group->likely_cnt ? m->snap->processes[group->likely[0].process].comm : "nobody";
}

static void assert_sums(const struct snapshot *snap)
{
	struct quantity sum = { 0 };

	for (size_t i = 0; i < snap->group_cnt; i++) {
		sum.pins += snap->groups[i].q.pins;
		sum.folios += snap->groups[i].q.folios;
		sum.bytes += snap->groups[i].q.bytes;
	}
	assert_memory_equal(&sum, &snap->pinned, sizeof(sum));
	assert_memory_equal(&sum, &snap->unattributed, sizeof(sum));
}

static int text_form(FILE *out, const struct snapshot *snap)
{
	const struct text_options options = { 0 };

	return form_text(out, snap, &options);
}

/* Every story at once: each its group, its words and its state. */
static void test_stories(void **state)
{
	struct machine m;
	size_t ring, residue, device, plain, file, maybe, kernel, gone;
	uint32_t server, child, camera, reader;
	char *text;

	(void)state;
	machine_open(&m);
	server = add_proc(&m, 211, "server");
	add_open(&m, 4, "io_uring", "[io_uring]", 7 * PAGE, "UserBufs 1, 28.0 KiB");
	child = add_proc(&m, 223, "child");
	add_open(&m, 9, "rdma", "/dev/infiniband/uverbs0", 0, "");
	m.procs[child].vm_pin_bytes = 13 * PAGE;
	camera = add_proc(&m, 227, "camera");
	add_open(&m, 5, "v4l2", "/dev/video0", 0, "");
	reader = add_proc(&m, 229, "reader");

	ring = add_hits(&m, 7, MEM_ANON, 0, add_set(&m, server));
	match(&m, ring, 7, server, 0);
	residue = add_hits(&m, 13, MEM_ANON, 0, 0);
	device = add_hits(&m, 2, MEM_THP, 9, add_set(&m, camera));
	plain = add_hits(&m, 3, MEM_ANON, 0, add_set(&m, reader));
	file = add_hits(&m, 11, MEM_FILE, 0, 0);
	for (size_t i = file; i < file + 11; i++)
		m.hits[i].file = 0;
	m.files[m.scan.file_cnt++] =
		(struct scan_file){ .ino = 17, .bytes = PAGE, .deleted = true };
	m.paths[0] = "/srv/gone.img";
	maybe = add_hits(&m, 5, MEM_FILE, 0, 0);
	for (size_t i = maybe; i < maybe + 5; i++)
		m.hits[i].certain = false;
	kernel = add_hits(&m, 1, MEM_KERNEL, 0, 0);
	m.hits[kernel].pins = 63;
	gone = add_hits(&m, 2, MEM_ANON, 0, 0);
	m.gone[gone] = m.gone[gone + 1] = true;
	machine_shot(&m);

	assert_sums(m.snap);
	assert_int_equal(m.snap->pinned.pins, 38);
	assert_int_equal(m.snap->maybe.folios, 5);
	assert_int_equal(m.snap->page_cnt, 5);
	assert_int_equal(m.view.group_of[maybe], -1);
	assert_int_equal(m.view.group_of[kernel], -1);
	assert_int_equal(group_of(&m, ring)->state, STATE_HELD);
	assert_string_equal(comm_of_likely(&m, ring), "server");
	assert_int_equal(group_of(&m, residue)->state, STATE_ORPHANED);
	assert_string_equal(comm_of_likely(&m, residue), "child");
	assert_int_equal(group_of(&m, device)->state, STATE_HELD);
	assert_int_equal(group_of(&m, plain)->state, STATE_UNATTRIBUTED);
	assert_int_equal(group_of(&m, file)->state, STATE_UNATTRIBUTED);
	assert_int_equal(group_of(&m, gone)->state, STATE_IN_FLIGHT);
	assert_int_equal(m.snap->finding_cnt, 1);
	assert_string_equal(m.snap->findings[0].certainty, "suspect");
	assert_int_equal(m.snap->exit_code, 1);
	text = written(m.snap, text_form);
	assert_golden("report-scan.txt", text);
	free(text);
	snapshot__free(m.snap);
}

/* Memory that nobody maps, and nobody who could hold it: a warning, never "leaked". */
static void test_nobody(void **state)
{
	struct machine m;
	size_t residue;

	(void)state;
	machine_open(&m);
	add_proc(&m, 211, "server");
	add_open(&m, 4, "io_uring", "[io_uring]", 7 * PAGE, "UserBufs 1");
	match(&m, add_hits(&m, 7, MEM_ANON, 0, add_set(&m, 0)), 7, 0, 0);
	residue = add_hits(&m, 3, MEM_HUGETLB, 9, 0);
	machine_shot(&m);
	assert_true(group_of(&m, residue)->residue);
	/* all that the ring says it holds is explained by what it was matched with */
	assert_string_equal(comm_of_likely(&m, residue), "nobody");
	assert_int_equal(group_of(&m, residue)->state, STATE_UNKNOWN_HOLDER);
	assert_int_equal(m.snap->leaks, 0);
	assert_int_equal(m.snap->exit_code, 1);
	snapshot__free(m.snap);
}

/* Of those that could hold it, whose account says as much goes before who only has a file open. */
static void test_strongest(void **state)
{
	struct machine m;
	size_t residue;

	(void)state;
	machine_open(&m);
	for (uint32_t pid = 301; pid < 304; pid++) {
		add_proc(&m, pid, pid == 302 ? "equal" : "other");
		add_open(&m, 3, "io_uring", "[io_uring]", pid == 302 ? 13 * PAGE : 17 * PAGE, "");
	}
	residue = add_hits(&m, 13, MEM_ANON, 0, 0);
	machine_shot(&m);
	assert_int_equal(group_of(&m, residue)->likely_cnt, 1);
	assert_string_equal(comm_of_likely(&m, residue), "equal");
	assert_non_null(strstr(group_of(&m, residue)->likely[0].why, "as much as this"));
	snapshot__free(m.snap);
}

/* What the second look finds gone, changed or mapped again is no longer what it was. */
static void test_second_look(void **state)
{
	struct machine m;
	struct scan_hit later[5];
	const struct scan_result again = { .hits = later, .hit_cnt = 4 };

	(void)state;
	machine_open(&m);
	m.view.gone = NULL;
	add_hits(&m, 5, MEM_ANON, 0, 0);
	memcpy(later, m.hits, sizeof(later)); /* the last one is gone */
	later[1].mapping++;
	later[2].pins = 0;
	later[3].mapcount = 1;
	scan_view__compare(&m.view, 4, 5, &again, m.gone);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(m.gone[i], i == 4);
	scan_view__compare(&m.view, 0, 5, &again, m.gone);
	assert_false(m.gone[0]);
	for (size_t i = 1; i < 5; i++)
		assert_true(m.gone[i]);
	m.view.gone = m.gone;
	machine_shot(&m);
	assert_int_equal(group_of(&m, 0)->q.folios, 1);
	assert_int_equal(group_of(&m, 1)->state, STATE_IN_FLIGHT);
	assert_int_equal(group_of(&m, 1)->q.folios, 4);
	snapshot__free(m.snap);
}

/* Pageblocks are counted once, however many pins they hold and however many a folio covers. */
static void test_zones(void **state)
{
	struct machine m;

	(void)state;
	machine_open(&m);
	add_hits(&m, 5, MEM_ANON, 0, 0);
	m.hits[1].pfn = m.hits[0].pfn + 1;
	m.hits[2].pfn = m.hits[0].pfn + 511;
	m.hits[3].pfn = 8 * BLOCK + 3; /* CMA */
	m.hits[4].pfn = 1 << 20;
	m.hits[4].order = 18;
	machine_shot(&m);
	assert_int_equal(m.snap->zone_cnt, 2);
	assert_int_equal(m.snap->zones[0].pageblocks, 2);
	assert_int_equal(m.snap->zones[0].cma_folios, 1);
	assert_int_equal(m.snap->zones[0].q.folios, 4);
	assert_string_equal(m.snap->zones[1].zone, "Movable");
	assert_int_equal(m.snap->zones[1].pageblocks, 512);
	assert_true(m.snap->zones[1].blocks_offline);
	snapshot__free(m.snap);
}

/* Single pages: who pins them, what else they are, and what is not there at all. */
static void test_explain(void **state)
{
	const struct pfn_range range = { BLOCK - 2, BLOCK + 6 };
	struct machine m;
	struct page_info *pages;

	(void)state;
	machine_open(&m);
	add_hits(&m, 5, MEM_ANON, 0, 0);
	for (size_t i = 0; i < 5; i++)
		m.hits[i].pfn = BLOCK + i;
	m.hits[1].pins = m.hits[2].pins = m.hits[3].pins = 0;
	m.hits[1].what = m.hits[2].what = SCAN_FREE;
	m.hits[3].refcount = 8;
	m.hits[3].mapcount = 1;
	scan_view__groups(&m.view);
	scan_view__explain(&m.view, &range, 1);
	pages = m.snap->pages;
	assert_int_equal(m.snap->page_cnt, 6);
	assert_int_equal(pages[0].pfn, BLOCK - 2);
	assert_int_equal(pages[0].folio_bytes, 2 * PAGE);
	assert_non_null(strstr(pages[0].why, "no page"));
	assert_int_equal(pages[1].group, 0);
	assert_null(pages[1].why);
	assert_string_equal(pages[2].why, "free");
	assert_int_equal(pages[2].folio_bytes, 2 * PAGE);
	assert_non_null(strstr(pages[3].why, "busy by 7 references"));
	assert_int_equal(pages[4].group, 0);
	assert_int_equal(pages[5].pfn, BLOCK + 5);
	snapshot__free(m.snap);
}

static const struct {
	uint64_t acquired[2], released[2], slack, undecided, left_out;
	bool biased, agrees;
	const char *says;
} vmstat_cases[] = {
	{ { 5009, 5009 },
	  { 4000, 4000 },
	  0,
	  0,
	  0,
	  false,
	  true,
	  "1,009 pins, as the scan; 0 moved meanwhile: agrees" },
	{ { 5009, 5011 },
	  { 4000, 4003 },
	  0,
	  0,
	  0,
	  false,
	  true,
	  "1,008 pins, 1 below the scan; 5 moved meanwhile: agrees" },
	{ { 5009, 5030 },
	  { 4000, 4000 },
	  0,
	  0,
	  0,
	  false,
	  true,
	  "1,030 pins, 21 above the scan; 21 moved meanwhile: agrees" },
	{ { 5046, 5046 },
	  { 4000, 4000 },
	  0,
	  0,
	  0,
	  false,
	  false,
	  "1,046 pins, 37 above the scan; 0 moved meanwhile: DISAGREES by 37" },
	{ { 5046, 5049 },
	  { 4000, 4000 },
	  0,
	  0,
	  0,
	  false,
	  false,
	  "1,049 pins, 40 above the scan; 3 moved meanwhile: DISAGREES by 37" },
	{ { 5046, 5046 }, { 4000, 4000 }, 0, 36, 0, false, false, "DISAGREES by 37" },
	{ { 5046, 5046 }, { 4000, 4000 }, 0, 37, 0, false, true, "37 above the scan; 0 moved" },
	{ { 5046, 5046 }, { 4000, 4000 }, 18, 0, 0, false, false, "DISAGREES by 37" },
	{ { 5046, 5046 }, { 4000, 4000 }, 19, 0, 0, false, true, ": agrees" },
	{ { 5046, 5046 }, { 4000, 4000 }, 0, 0, 36, false, false, "DISAGREES by 37" },
	{ { 5046, 5046 },
	  { 4000, 4000 },
	  0,
	  0,
	  37,
	  false,
	  true,
	  "37 above the scan; 0 moved meanwhile: may be of what\n              was left out\n" },
	{ { 5000, 5000 },
	  { 4000, 4000 },
	  0,
	  9,
	  0,
	  false,
	  false,
	  "1,000 pins, 9 below the scan; 0 moved meanwhile: DISAGREES by 9" },
	{ { 5000, 5000 },
	  { 4000, 4000 },
	  0,
	  0,
	  0,
	  true,
	  true,
	  "9 below the scan; 0 moved meanwhile: within\n              folio_add_pin's "
	  "bias" },
	{ { 5000, 5000 },
	  { 6000, 6000 },
	  0,
	  0,
	  0,
	  true,
	  true,
	  "-1,000 pins, 2,009 below the scan; 0 moved meanwhile: within\n" },
};

/* What the report says of the kernel's counters, beside 1,009 pins found. */
static void test_vmstat(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vmstat_cases); i++) {
		struct scan_counters counters[2];
		struct machine m;
		char *text;

		for (int k = 0; k < 2; k++)
			counters[k] = (struct scan_counters){ true, vmstat_cases[i].acquired[k],
							      vmstat_cases[i].released[k],
							      vmstat_cases[i].slack };
		machine_open(&m);
		m.snap->checks.scan_left_out = vmstat_cases[i].left_out;
		scan_counters__weigh(&m.snap->checks, counters, 1009, vmstat_cases[i].undecided,
				     vmstat_cases[i].biased);
		machine_shot(&m);
		assert_int_equal(m.snap->checks.vmstat_agrees, vmstat_cases[i].agrees);
		text = written(m.snap, text_form);
		if (!strstr(text, vmstat_cases[i].says))
			fail_msg("%s not in %s", vmstat_cases[i].says, text);
		free(text);
		snapshot__free(m.snap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),	  cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_strongest), cmocka_unit_test(test_second_look),
		cmocka_unit_test(test_zones),	  cmocka_unit_test(test_explain),
		cmocka_unit_test(test_vmstat),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
