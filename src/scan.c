// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives bpf/scan.bpf.c: finds the struct page array, walks it a piece at a
 * time, and gathers what the judge (scan_judge.c) calls a hit.
 */
#include "scan.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>

#include "scan_impl.h"
#include "scan.skel.h"
#include "util.h"

#define BUDGET_NS 500000	  /* of one run in the kernel */
#define SLICES_PER_S 100	  /* of a scan with a rate limit */
#define VMEMMAP_ALIGN (2UL << 20) /* at least, everywhere */

struct scanner {
	struct scan_bpf *skel;
	struct scan_judge judge;
	bool direct;
};

static int run(struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	return bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
}

/* --- open --- */

static bool has_func(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;
}

static void set_facts(struct scanner *scanner)
{
	const struct kernel_facts *facts = &scanner->judge.facts;
	struct scan_bpf__rodata *ro = scanner->skel->rodata;

	ro->pg_reserved = facts->pg_reserved;
	ro->pg_head = facts->pg_head;
	ro->pg_swapbacked = facts->pg_swapbacked;
	ro->pg_slab = facts->pg_slab;
	ro->pgty_hugetlb = facts->pgty_hugetlb;
	ro->dtor_hugetlb = facts->dtor_hugetlb;
	scan_judge__buddy(facts, (uint32_t *)&ro->buddy_mask, (uint32_t *)&ro->buddy_type);
	/*
	 * In the page cache until Linux kernel commit a08c7193e4f1 ("mm/filemap: remove
	 * hugetlb special casing in filemap.c") (in v6.7), which this function went with.
	 */
	scanner->judge.hugetlb_index_in_huge_pages = has_func(facts->btf, "hugetlb_basepage_index");
	scanner->direct = has_func(facts->btf, "bpf_rdonly_cast");
}

static int load(struct scanner *scanner)
{
	int err = kernel_facts__read_btf(&scanner->judge.facts);

	if (err)
		return err;
	scanner->skel = scan_bpf__open();
	if (!scanner->skel)
		return -errno;
	set_facts(scanner);
	bpf_program__set_autoload(scanner->skel->progs.walk__copy, true);
	bpf_program__set_autoload(scanner->skel->progs.walk__direct, scanner->direct);
	return scan_bpf__load(scanner->skel);
}

/* The pfn that backs an address of ours; 0 = not allowed to know. */
static uint64_t pfn_at(const void *mem)
{
	cleanup_fd int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (fd < 0 || pread(fd, &entry, sizeof(entry),
			    (uintptr_t)mem / sysconf(_SC_PAGESIZE) * 8) != sizeof(entry))
		return 0;
	return entry & ((1ULL << 55) - 1);
}

/* Puts the page into a pipe, which keeps it where it is, and asks for its struct page. */
static int find_by_pipe(struct scanner *scanner, void *mem, uint64_t *vmemmap)
{
	struct iovec iov = { mem, sysconf(_SC_PAGESIZE) };
	int fds[2], err = 0;
	uint64_t pfn;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	if (vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK) != (ssize_t)iov.iov_len)
		err = -ENODATA;
	scanner->skel->bss->pipe_fd = fds[0];
	if (!err)
		err = run(scanner->skel->progs.find_page);
	pfn = pfn_at(mem);
	if (!err && !pfn)
		err = -EPERM;
	close(fds[0]);
	close(fds[1]);
	*vmemmap = scanner->skel->bss->pipe_page - pfn * scanner__page_bytes(scanner);
	if (!err && (!scanner->skel->bss->pipe_page || *vmemmap % VMEMMAP_ALIGN))
		err = -ENXIO;
	return err;
}

static int find_vmemmap(struct scanner *scanner)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t vmemmap = 0;
	int err;

	if (mem == MAP_FAILED)
		return -errno;
	mem[0] = 1;
	err = find_by_pipe(scanner, mem, &vmemmap);
	munmap(mem, page);
	scanner->skel->bss->vmemmap = vmemmap;
	return err;
}

static void explain(int err)
{
	if (err == -ENOENT)
		warnx("the kernel has no BTF (CONFIG_DEBUG_INFO_BTF), which the scan needs");
	else if (err == -ENOSYS)
		warnx("the kernel is older than 5.10: it does not count pins");
	else if (err == -EPERM && kernel_is_confidential())
		warnx("the kernel is locked down (confidentiality): it lets nobody read struct "
		      "page");
	else if (err == -EPERM)
		warnx("the scan needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN");
	else if (err == -ENXIO)
		warnx("cannot find the kernel's struct page array");
	else
		warnx("cannot scan: %s", strerror(-err));
}

struct scanner *scanner__open(void)
{
	struct scanner *scanner = calloc(1, sizeof(*scanner));
	int err = -ENOMEM;

	if (scanner)
		err = kernel_is_confidential() ? -EPERM : load(scanner);
	if (!err)
		err = find_vmemmap(scanner);
	if (!err)
		return scanner;
	explain(err);
	scanner__close(scanner);
	errno = -err;
	return NULL;
}

void scanner__close(struct scanner *scanner)
{
	if (!scanner)
		return;
	scan_bpf__destroy(scanner->skel);
	kernel_facts__free(&scanner->judge.facts);
	free(scanner);
}

uint64_t scanner__vmemmap(const struct scanner *scanner)
{
	return scanner->skel->bss->vmemmap;
}

uint64_t scanner__page_bytes(const struct scanner *scanner)
{
	return scanner->judge.facts.page_struct_bytes;
}

/* --- walk --- */

struct walking {
	struct scanner *scanner;
	struct scan_result *result;
	const struct scan_options *opts;
	struct bpf_program *walk;
	size_t room; /* in result->hits */
	uint64_t began;
};

static int add_hit(struct walking *w, const struct scan_hit *hit)
{
	struct scan_result *result = w->result;

	if (result->hit_cnt == w->room) {
		size_t room = w->room + w->room / 4 + 1024;
		struct scan_hit *more = reallocarray(result->hits, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		result->hits = more;
		w->room = room;
	}
	result->hits[result->hit_cnt++] = *hit;
	return 0;
}

/* Of a folio that was split while it was read, its parts may follow. */
static bool is_within_last(const struct scan_result *result, const struct scan_hit *hit)
{
	const struct scan_hit *last;

	if (!result->hit_cnt)
		return false;
	last = &result->hits[result->hit_cnt - 1];
	return hit->pfn < last->pfn + (1ULL << last->order);
}

/* A walk begins and ends at a round pfn; what it saw beside its range does not count. */
static int take_folios(struct walking *w, const struct pfn_range *range)
{
	const struct scan_bpf__bss *bss = w->scanner->skel->bss;
	struct scan_hit hit;
	int err = 0;

	for (uint32_t i = 0; i < bss->folio_cnt && !err; i++) {
		const struct gup_scan_folio *folio = (const void *)&bss->folios[i];

		if (folio->pfn >= range->end ||
		    folio->pfn + (1ULL << folio->order) <= range->start ||
		    !scan_judge(&w->scanner->judge, folio, w->opts->every_folio, &hit) ||
		    (!w->opts->every_folio && is_within_last(w->result, &hit)))
			continue;
		err = add_hit(w, &hit);
	}
	return err;
}

static void keep_rate(struct walking *w)
{
	uint64_t due = w->began + w->result->pages * 1000000000ULL / w->opts->max_pages_per_s;
	struct timespec until = { due / 1000000000, due % 1000000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

static uint64_t slice_end(const struct walking *w, uint64_t next, uint64_t end)
{
	uint64_t slice = w->opts->max_pages_per_s / SLICES_PER_S;

	if (!w->opts->max_pages_per_s)
		return end;
	slice = slice < 64 ? 64 : slice;
	return end - next > slice ? next + slice : end;
}

static int walk_range(struct walking *w, const struct pfn_range *range)
{
	struct scan_bpf__bss *bss = w->scanner->skel->bss;
	uint64_t next = range->start;
	int err = 0;

	while (next < range->end && !err) {
		uint64_t held = clock_ns(CLOCK_THREAD_CPUTIME_ID);

		bss->next = next;
		bss->end = slice_end(w, next, range->end);
		err = run(w->walk);
		held = clock_ns(CLOCK_THREAD_CPUTIME_ID) - held;
		if (held > w->result->longest_ns)
			w->result->longest_ns = held;
		if (!err && bss->next <= next)
			err = -EIO;
		if (!err)
			err = take_folios(w, range);
		w->result->pages += (bss->next < range->end ? bss->next : range->end) - next;
		next = bss->next;
		if (w->opts->max_pages_per_s && !err)
			keep_rate(w);
	}
	return err;
}

/* The online pfns asked for, and how many of those asked for are left out. */
static int choose_ranges(const struct scan_options *opts, struct pfn_range **ranges, size_t *cnt,
			 uint64_t *left_out)
{
	cleanup_free struct pfn_range *ram = NULL;
	uint64_t asked = 0, kept = 0;
	size_t ram_cnt;
	int err = ram_ranges__read(&ram, &ram_cnt, left_out);

	*ranges = NULL;
	if (err)
		return err;
	if (!opts->ranges) {
		*ranges = ram;
		*cnt = ram_cnt;
		ram = NULL;
		return 0;
	}
	err = pfn_ranges__within(opts->ranges, opts->range_cnt, ram, ram_cnt, ranges, cnt);
	for (size_t i = 0; i < opts->range_cnt; i++)
		asked += opts->ranges[i].end - opts->ranges[i].start;
	for (size_t i = 0; i < *cnt && !err; i++)
		kept += (*ranges)[i].end - (*ranges)[i].start;
	*left_out = asked > kept ? asked - kept : 0;
	return err;
}

int scanner__run(struct scanner *scanner, const struct scan_options *opts,
		 struct scan_result *result)
{
	struct scan_bpf__bss *bss = scanner->skel->bss;
	cleanup_free struct pfn_range *ranges = NULL;
	struct walking w = {
		.scanner = scanner,
		.result = result,
		.opts = opts,
		.walk = scanner->direct && !opts->every_folio && !opts->copies
				? scanner->skel->progs.walk__direct
				: scanner->skel->progs.walk__copy,
		.began = clock_ns(CLOCK_MONOTONIC),
	};
	size_t cnt = 0;
	int err;

	memset(result, 0, sizeof(*result));
	err = choose_ranges(opts, &ranges, &cnt, &result->left_out);
	bss->unreadable = bss->in_motion = 0;
	bss->budget_ns = BUDGET_NS;
	bss->every = opts->every_folio;
	for (size_t i = 0; i < cnt && !err; i++)
		err = walk_range(&w, &ranges[i]);
	if (!err)
		err = scan_files__find(scanner, result);
	result->unreadable = bss->unreadable;
	result->in_motion = bss->in_motion;
	result->ns = clock_ns(CLOCK_MONOTONIC) - w.began;
	return err;
}

void scan_result__free(struct scan_result *result)
{
	free(result->hits);
	free(result->files);
	memset(result, 0, sizeof(*result));
}

int scanner__ask_files(struct scanner *scanner, struct gup_scan_file *files, size_t cnt)
{
	struct scan_bpf__bss *bss = scanner->skel->bss;
	int err;

	memcpy(bss->files, files, cnt * sizeof(*files));
	bss->file_cnt = cnt;
	err = run(scanner->skel->progs.find_files);
	memcpy(files, bss->files, cnt * sizeof(*files));
	return err;
}
