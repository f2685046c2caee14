// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench-bodies: nanoseconds of what the tracker's programs do for a call or a page, by
 * BPF_PROG_TEST_RUN on this kernel, without the trampoline that leads to them and less
 * the reading of the clock. The pages are real ones, pinned by io_uring meanwhile. Stacks
 * are those of a bpf() call.
 */
#include <bpf/bpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gup_abi.h"
#include "bench/bodies.skel.h"
#include "kernel.h"
#include "scan.h"
#include "util.h"

#define PAGES 512UL
#define PAGE 4096UL
#define RUNS 20000
#define LIVE 100000
#define RECORDS 262144
#define FOLIOS 65536

struct body {
	const char *name;
	const char *prog;
	size_t pages; /* of one call */
	size_t step;  /* how much farther each run begins: in bytes, or in pages of plan core */
	bool long_term;
	size_t live;	    /* so many records are made before */
	enum gup_stat stat; /* what is counted meanwhile, and how often */
	size_t counted;
	bool beside; /* another process does the same meanwhile, and is counted too */
};

static const struct body bodies[] = {
	{ "plan call: 1 page, new buffer", "body_call", .pages = 1, .step = PAGE,
	  .stat = GUP_STAT_RECORDED, .counted = RUNS },
	{ "plan call: 1 page, the same again", "body_call", .pages = 1, .stat = GUP_STAT_RECORDED,
	  .counted = 1 },
	{ "plan call: 64 pages, new buffer", "body_call", .pages = 64, .step = 64 * PAGE,
	  .stat = GUP_STAT_RECORDED, .counted = RUNS },
	{ "plan call: 512 pages, long-term", "body_call", .pages = 512, .step = 513 * PAGE,
	  .long_term = true, .stat = GUP_STAT_RECORDED_LONG, .counted = RUNS },
	{ "plan core: entry and exit", "body_core_call", .pages = 1, .stat = GUP_STAT_STACKS_LOST },
	{ "plan core: a page is pinned", "body_core_pin", .pages = 1, .step = 1,
	  .stat = GUP_STAT_ACQUIRED, .counted = RUNS },
	{ "plan core: a page is released", "body_core_unpin", .pages = 1, .step = 1,
	  .stat = GUP_STAT_UNMATCHED },
	{ "plan call: new, 100,000 live calls", "body_call", .pages = 1, .step = PAGE, .live = LIVE,
	  .stat = GUP_STAT_RECORDED, .counted = LIVE + RUNS },
	{ "plan call: the same, of 100,000", "body_call", .pages = 1, .stat = GUP_STAT_RECORDED,
	  .counted = 1 },
	{ "plan call: new, on two CPUs", "body_call", .pages = 1, .step = PAGE, .beside = true },
	{ "plan call: the same, on two CPUs", "body_call", .pages = 1, .beside = true },
};

static char *pin_memory(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct io_uring_params params = {};
	int ring = syscall(__NR_io_uring_setup, 4, &params);
	char *memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
	struct iovec buffer = { memory, PAGES * PAGE };

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	if (memory == MAP_FAILED || madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE))
		err(4, "memory");
	memset(memory, 1, PAGES * PAGE);
	if (ring < 0 || syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buffer, 1))
		err(4, "io_uring");
	return memory;
}

static void find_pages(struct bodies_bpf *skel, const char *memory)
{
	struct scanner *scanner = scanner__open();
	cleanup_fd int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entries[PAGES];

	if (!scanner)
		exit(3);
	if (pread(fd, entries, sizeof(entries), (uintptr_t)memory / PAGE * 8) != sizeof(entries))
		err(4, "/proc/self/pagemap");
	for (size_t i = 0; i < PAGES; i++)
		skel->bss->body_pages[i] =
			scanner__vmemmap(scanner) +
			(entries[i] & ((1ULL << 55) - 1)) * scanner__page_bytes(scanner);
	scanner__close(scanner);
}

static void set_constants(struct bodies_bpf *skel, const struct kernel_facts *facts)
{
	skel->rodata->foll_pin = facts->foll_pin;
	skel->rodata->foll_longterm = facts->foll_longterm;
	skel->rodata->pg_reserved = facts->pg_reserved;
	skel->rodata->pg_head = facts->pg_head;
	skel->rodata->pgty_hugetlb = facts->pgty_hugetlb;
	skel->rodata->dtor_hugetlb = facts->dtor_hugetlb;
	skel->rodata->zero_page_counts = facts->zero_page_counts;
	skel->rodata->hugetlb_index_huge = facts->hugetlb_index_huge;
	skel->rodata->ages_mask = RECORDS - 1;
}

static struct bodies_bpf *load(const struct kernel_facts *facts)
{
	struct bodies_bpf *skel = bodies_bpf__open();
	struct bpf_program *prog;

	if (!skel)
		err(4, "BPF");
	set_constants(skel, facts);
	bpf_object__for_each_program (prog, skel->obj)
		bpf_program__set_autoload(prog, !strncmp(bpf_program__name(prog), "body_", 5));
	bpf_map__set_max_entries(skel->maps.records, RECORDS);
	bpf_map__set_max_entries(skel->maps.ages, RECORDS);
	bpf_map__set_max_entries(skel->maps.ledger, FOLIOS);
	errno = -bodies_bpf__load(skel);
	if (errno)
		err(errno == EPERM ? 3 : 4, "can't load BPF programs");
	for (uint32_t id = 1; id < bpf_map__max_entries(skel->maps.owners); id++)
		if (bpf_map_update_elem(bpf_map__fd(skel->maps.free_owners), NULL, &id, BPF_ANY))
			err(4, "owners");
	return skel;
}

static int ascending(const void *a, const void *b)
{
	const uint64_t *one = a, *other = b;

	return (*one > *other) - (*one < *other);
}

struct cost {
	int64_t least, median, mean;
};

/* Of all CPUs. */
static size_t counted(struct bodies_bpf *skel, enum gup_stat stat)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t(*of_cpu)[GUP_STAT_CNT] = calloc(cpus, sizeof(*of_cpu));
	uint32_t zero = 0;
	size_t sum = 0;

	if (!of_cpu || bpf_map_lookup_elem(bpf_map__fd(skel->maps.stats), &zero, of_cpu))
		err(4, "statistics");
	for (int i = 0; i < cpus; i++)
		sum += of_cpu[i][stat];
	free(of_cpu);
	return sum;
}

static void run_once(struct bodies_bpf *skel, const struct body *body, int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(fd, &opts))
		err(4, "%s", body->name);
	skel->bss->body_start += body->step;
}

/* A process that runs the program again and again, until it is killed; its records are its own. */
static pid_t run_beside(const struct body *body, int fd)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	pid_t child = fork();

	if (child)
		return child;
	while (!bpf_prog_test_run_opts(fd, &opts))
		;
	err(4, "%s", body->name);
}

static struct cost run(struct bodies_bpf *skel, const struct body *body)
{
	static uint64_t took[RUNS];
	int fd = bpf_program__fd(bpf_object__find_program_by_name(skel->obj, body->prog));
	pid_t child = body->beside ? run_beside(body, fd) : -1;
	size_t before = counted(skel, body->stat);
	uint64_t sum = 0;

	skel->bss->body_cnt = body->pages;
	for (size_t i = 0; i < body->live; i++)
		run_once(skel, body, fd);
	for (size_t i = 0; i < RUNS; i++) {
		run_once(skel, body, fd);
		took[i] = skel->bss->body_ns;
		sum += took[i];
	}
	if (child > 0 && (kill(child, SIGKILL) || waitpid(child, NULL, 0) != child))
		err(4, "%s", body->name);
	before = counted(skel, body->stat) - before;
	if (!body->beside && before != body->counted)
		errx(4, "%s: %zu counted, expected %zu", body->name, before, body->counted);
	qsort(took, RUNS, sizeof(*took), ascending);
	return (struct cost){ took[0], took[RUNS / 2], sum / RUNS };
}

static void measure_all(struct bodies_bpf *skel, uint64_t longterm)
{
	static const struct body nothing = { .name = "nothing", .prog = "body_nothing" };
	struct cost clock;

	skel->bss->body_tgid = getpid();
	skel->bss->body_start = 1UL << 30;
	clock = run(skel, &nothing);
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct cost cost;

		skel->bss->body_flags = bodies[i].long_term ? longterm : 0;
		cost = run(skel, &bodies[i]);
		printf("%-34s %6lld %6lld %6lld\n", bodies[i].name,
		       (long long)(cost.least - clock.least),
		       (long long)(cost.median - clock.median),
		       (long long)(cost.mean - clock.mean));
	}
}

int main(void)
{
	struct kernel_facts facts;
	char *memory = pin_memory();
	struct bodies_bpf *skel;
	int err = kernel_facts__read(&facts);

	if (err) {
		kernel_facts__explain(err);
		return 3;
	}
	skel = load(&facts);
	find_pages(skel, memory);
	printf("%-34s %6s %6s %6s ns of a BPF program's body\n", "", "min", "median", "mean");
	measure_all(skel, facts.foll_longterm);
	bodies_bpf__destroy(skel);
	kernel_facts__free(&facts);
	return 0;
}
