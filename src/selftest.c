// SPDX-License-Identifier: GPL-2.0-only
/*
 * The self-test's legs are a table: memory, way to pin, pages. Each pins a
 * prime number of this process's own pages, so that no other leg's count and
 * no multiple can be taken for it.
 */
#include "selftest_impl.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util.h"

#define HUGE_BYTES (2UL << 20)

const struct leg selftest_legs[LEGS] = {
	{ "process_vm_readv", 67, false, false },
	{ "process_vm_readv on a THP", 509, true, false },
	{ "io_uring", 61, false, true },
	{ "io_uring on a THP", 512, true, true },
};

struct seen {
	uint64_t pinned, released;
};

/* Events booked for this process's own calls. */
static int own_events(struct tracker *tracker, struct seen *seen)
{
	cleanup_free struct gup_owner *owners = NULL;
	uint32_t self = getpid();
	size_t cnt;
	int err = tracker__owners(tracker, &owners, &cnt);

	*seen = (struct seen){};
	for (size_t i = 0; i < cnt && !err; i++) {
		if (owners[i].key.tgid != self)
			continue;
		seen->pinned += owners[i].pinned;
		seen->released += owners[i].released;
	}
	return err;
}

static bool is_huge(const char *mem)
{
	cleanup_file FILE *smaps = fopen("/proc/self/smaps", "re");
	unsigned long start, end, kb;
	char line[256];
	bool inside = false;

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)mem && (unsigned long)mem < end;
		else if (inside && sscanf(line, "AnonHugePages: %lu kB", &kb) == 1)
			return kb > 0;
	}
	return false;
}

/* Touched anonymous memory; NULL when a huge page was wanted and none came. */
char *leg__map(const struct leg *leg, void **map, size_t *map_bytes)
{
	size_t bytes = leg->huge ? 2 * HUGE_BYTES : leg->pages * sysconf(_SC_PAGESIZE);
	char *mem;

	*map_bytes = bytes;
	*map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (*map == MAP_FAILED)
		return NULL;
	mem = *map;
	if (leg->huge)
		mem = (char *)(((uintptr_t)mem + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	madvise(*map, bytes, leg->huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	for (size_t i = 0; i < leg->pages; i++)
		mem[i * sysconf(_SC_PAGESIZE)] = 1;
	return leg->huge && !is_huge(mem) ? NULL : mem;
}

/* Sum over the ledger's entries that name this process, and whether struct page holds exactly that. */
static int own_ledger(struct tracker *tracker, uint64_t *pins, uint64_t *differing)
{
	cleanup_free struct ledger_item *items = NULL;
	cleanup_free struct gup_owner *owners = NULL;
	size_t cnt, owner_cnt;
	int err = tracker__ledger(tracker, &items, &cnt);

	*pins = *differing = 0;
	if (!err)
		err = tracker__owners(tracker, &owners, &owner_cnt);
	for (size_t i = 0; i < cnt && !err; i++) {
		uint32_t id = GUP_SLOT_OWNER(items[i].entry.slot[0].word);
		uint64_t booked = items[i].entry.word & GUP_COUNT_MASK;

		for (size_t o = 0; o < owner_cnt; o++) {
			if (owners[o].id != id || owners[o].key.tgid != (uint32_t)getpid())
				continue;
			*pins += booked;
			*differing += truth_pins_of(&items[i].truth) != booked;
		}
	}
	return err;
}

/* The lowest page frame number of the leg's memory, 0 = not allowed to know. */
static uint64_t lowest_pfn(const struct leg *leg, const char *mem)
{
	cleanup_fd int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t page = sysconf(_SC_PAGESIZE), lowest = 0;

	for (size_t i = 0; i < leg->pages && fd >= 0; i++) {
		uint64_t entry, pfn;

		if (pread(fd, &entry, sizeof(entry), ((uintptr_t)mem / page + i) * 8) != 8)
			return 0;
		pfn = entry & ((1ULL << 55) - 1);
		if (pfn && (!lowest || pfn < lowest))
			lowest = pfn;
	}
	return lowest;
}

/*
 * Where the struct page array begins: the lowest of the leg's struct pages is
 * that of its lowest page frame. No symbol and no constant tells it everywhere.
 */
static void find_vmemmap(struct tracker *tracker, const struct leg *leg, const char *mem,
			 struct selftest_result *result)
{
	uint64_t pfn = lowest_pfn(leg, mem), lowest = 0;
	cleanup_free struct ledger_item *items = NULL;
	size_t cnt;

	if (leg->huge || !pfn || tracker__ledger(tracker, &items, &cnt) || cnt != leg->pages)
		return;
	for (size_t i = 0; i < cnt; i++)
		if (!lowest || items[i].folio < lowest)
			lowest = items[i].folio;
	result->vmemmap = lowest - pfn * tracker__facts(tracker)->page_struct_bytes;
}

static uint64_t runs_before[HOOKS_MAX];

/* Names the hooks of a role that did not run during the leg. */
static void name_silent(struct tracker *tracker, bool acquire, char *buf, size_t size)
{
	const struct hook_choice *choice = tracker__hooks(tracker);
	const struct tracker_gap *gaps;
	unsigned int attached, wanted;
	size_t gap_cnt, len = 0;

	buf[0] = 0;
	tracker__coverage(tracker, &attached, &wanted, &gaps, &gap_cnt);
	for (size_t i = 0; i < choice->cnt; i++) {
		const struct hook *hook = choice->hooks[i];
		const char *what = "attached, never ran";

		if (hook->role != (acquire ? ROLE_ACQUIRE : ROLE_RELEASE) &&
		    !(tracker__is_inlined(tracker, hook->func) && !acquire))
			continue;
		if (tracker__runs(tracker, hook) != runs_before[i])
			continue;
		for (size_t g = 0; g < gap_cnt; g++)
			if (!strcmp(gaps[g].func, hook->func))
				what = "not attached";
		len += snprintf(buf + len, len < size ? size - len : 0, "%s%s (%s)",
				len ? ", " : "; silent: ", hook->func, what);
		if (len >= size)
			break;
	}
}

static void remember_runs(struct tracker *tracker)
{
	const struct hook_choice *choice = tracker__hooks(tracker);

	for (size_t i = 0; i < choice->cnt; i++)
		runs_before[i] = tracker__runs(tracker, choice->hooks[i]);
}

int leg__read(const struct leg *leg, char *mem)
{
	char byte;
	struct iovec local = { &byte, 1 };
	struct iovec remote = { mem, leg->pages * sysconf(_SC_PAGESIZE) };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0 ? -errno : 0;
}

/* Registers the pages as an io_uring buffer: the ring's descriptor holds the pins. */
int leg__ring(const struct leg *leg, char *mem)
{
	struct io_uring_params params = {};
	struct iovec iov = { mem, leg->pages * sysconf(_SC_PAGESIZE) };
	int fd = syscall(__NR_io_uring_setup, 1, &params);

	if (fd < 0)
		return -errno;
	if (!syscall(__NR_io_uring_register, fd, IORING_REGISTER_BUFFERS, &iov, 1))
		return fd;
	close(fd);
	return -errno;
}

void leg__unring(int fd)
{
	syscall(__NR_io_uring_register, fd, IORING_UNREGISTER_BUFFERS, NULL, 0);
	close(fd);
}

int selftest__disagree(struct selftest_result *result, const struct leg *leg, const char *what,
		       uint64_t got, uint64_t want, const char *silent)
{
	snprintf(result->failure, sizeof(result->failure),
		 "%s of %zu own pages: %s %llu, expected %llu%s", leg->name, leg->pages, what,
		 (unsigned long long)got, (unsigned long long)want, silent);
	return -EBADE;
}

/* While pins are held: the ledger's sum is what is out, and struct page agrees folio by folio. */
static int check_held(struct tracker *tracker, const struct leg *leg, const struct seen *before,
		      struct selftest_result *result)
{
	uint64_t pins, differing, out;
	char silent[256];
	struct seen now;
	int err = own_events(tracker, &now);

	if (!err)
		err = own_ledger(tracker, &pins, &differing);
	if (err)
		return err;
	name_silent(tracker, true, silent, sizeof(silent));
	if (now.pinned - before->pinned != leg->pages)
		return selftest__disagree(result, leg, "pins seen", now.pinned - before->pinned,
					  leg->pages, silent);
	out = leg->pages - (now.released - before->released);
	if (pins != out)
		return selftest__disagree(result, leg, "pins in the ledger", pins, out, "");
	if (differing)
		return selftest__disagree(result, leg, "folios whose struct page disagrees",
					  differing, 0, "");
	return 0;
}

/* Release may be deferred: waits up to a second for the last event. */
static int check_released(struct tracker *tracker, const struct leg *leg, const struct seen *before,
			  struct selftest_result *result)
{
	uint64_t pins = 0, differing;
	char silent[256];
	struct seen now = {};
	int err = 0;

	for (int i = 0; i < 100 && !err; i++) {
		err = own_events(tracker, &now);
		if (now.pinned - before->pinned == leg->pages &&
		    now.released - before->released == leg->pages)
			break;
		usleep(10000);
	}
	if (!err)
		err = own_ledger(tracker, &pins, &differing);
	if (err)
		return err;
	if (now.pinned - before->pinned != leg->pages) {
		name_silent(tracker, true, silent, sizeof(silent));
		return selftest__disagree(result, leg, "pins seen", now.pinned - before->pinned,
					  leg->pages, silent);
	}
	if (now.released - before->released != leg->pages) {
		name_silent(tracker, false, silent, sizeof(silent));
		return selftest__disagree(result, leg, "releases seen",
					  now.released - before->released, leg->pages, silent);
	}
	return pins ? selftest__disagree(result, leg, "pins left in the ledger", pins, 0, "") : 0;
}

/* 0, -EBADE, or another -errno: the path is not offered here. */
static int run_leg(struct tracker *tracker, const struct leg *leg, struct selftest_result *result)
{
	size_t bytes;
	void *map;
	char *mem = leg__map(leg, &map, &bytes);
	struct seen before;
	int err, fd = -1;

	if (!mem) {
		if (map != MAP_FAILED)
			munmap(map, bytes);
		return -ENOMEM;
	}
	err = own_events(tracker, &before);
	remember_runs(tracker);
	if (!err && leg->held) {
		fd = leg__ring(leg, mem);
		err = fd < 0 ? fd : check_held(tracker, leg, &before, result);
		if (!err)
			find_vmemmap(tracker, leg, mem, result);
		if (fd >= 0)
			leg__unring(fd);
	} else if (!err) {
		err = leg__read(leg, mem);
	}
	if (!err)
		err = check_released(tracker, leg, &before, result);
	munmap(map, bytes);
	return err;
}

/* Without a ledger, releases have no owner: compare the events of all with vmstat instead. */
static int flow_leg(struct tracker *tracker, const struct leg *leg, struct selftest_result *result)
{
	size_t bytes;
	void *map;
	char *mem = leg__map(leg, &map, &bytes);
	struct seen before, after;
	uint64_t stats[GUP_STAT_CNT] = {}, released;
	char silent[256];
	int err;

	if (!mem)
		return -ENOMEM;
	remember_runs(tracker);
	err = own_events(tracker, &before);
	if (!err)
		err = tracker__stats(tracker, stats);
	released = stats[GUP_STAT_RELEASED];
	if (!err)
		err = leg__read(leg, mem);
	if (!err)
		err = own_events(tracker, &after);
	if (!err)
		err = tracker__stats(tracker, stats);
	munmap(map, bytes);
	if (err)
		return err;
	if (after.pinned - before.pinned != leg->pages) {
		name_silent(tracker, true, silent, sizeof(silent));
		return selftest__disagree(result, leg, "pins seen", after.pinned - before.pinned,
					  leg->pages, silent);
	}
	if (stats[GUP_STAT_RELEASED] - released < leg->pages) {
		name_silent(tracker, false, silent, sizeof(silent));
		return selftest__disagree(result, leg, "releases seen",
					  stats[GUP_STAT_RELEASED] - released, leg->pages, silent);
	}
	return 0;
}

static const struct hook *hook_of_group(struct tracker *tracker, const char *group)
{
	const struct hook_choice *choice = tracker__hooks(tracker);

	for (size_t i = 0; i < choice->cnt; i++)
		if (!strcmp(choice->hooks[i]->group, group))
			return choice->hooks[i];
	return NULL;
}

/* Puts own pages into a pipe: get_user_pages_fast() takes plain references of them. */
static int reference_by_splice(const struct leg *leg, char *mem)
{
	struct iovec iov = { mem, leg->pages * sysconf(_SC_PAGESIZE) };
	int fds[2];
	ssize_t got;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	got = vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK);
	close(fds[0]);
	close(fds[1]);
	return got == (ssize_t)iov.iov_len ? 0 : -ENODATA;
}

/*
 * Old kernels pin by the fast path only for hardware that need not be here, but
 * its grab function also runs for plain references, and that shows that the hook
 * is alive.
 */
static int fast_leg(struct tracker *tracker, struct selftest_result *result)
{
	const struct leg leg = { "vmsplice", 13, false, false };
	const struct hook *hook = hook_of_group(tracker, "grab, fast path");
	uint64_t before, runs;
	char silent[128];
	size_t bytes;
	void *map;
	char *mem = leg__map(&leg, &map, &bytes);
	int err;

	if (!mem || !hook)
		return -ENOMEM;
	before = tracker__runs(tracker, hook);
	err = reference_by_splice(&leg, mem);
	runs = tracker__runs(tracker, hook) - before;
	munmap(map, bytes);
	if (err || runs >= leg.pages)
		return err;
	snprintf(silent, sizeof(silent), "; silent: %s", hook->func);
	return selftest__disagree(result, &leg, "grabs seen", runs, leg.pages, silent);
}

void selftest__list(char *buf, size_t size, const char *name)
{
	size_t len = strlen(buf);

	snprintf(buf + len, size - len, "%s%s", len ? ", " : "", name);
}

int tracker__selftest(struct tracker *tracker, struct selftest_result *result)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY }, limit;
	bool ledger = tracker__facts(tracker)->has_cmpxchg;
	int err = 0, stats_fd;

	memset(result, 0, sizeof(*result));
	getrlimit(RLIMIT_MEMLOCK, &limit);
	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	/* Counts how often each program runs, to tell which one stays silent. */
	stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	for (size_t i = 0; i < LEGS && err != -EBADE; i++) {
		if (!ledger && selftest_legs[i].held)
			continue;
		tracker__poll(tracker, 0); /* a small ledger needs its room back */
		err = ledger ? run_leg(tracker, &selftest_legs[i], result)
			     : flow_leg(tracker, &selftest_legs[i], result);
		if (!err)
			selftest__list(result->verified, sizeof(result->verified),
				       selftest_legs[i].name);
		else if (err != -EBADE)
			selftest__list(result->unverified, sizeof(result->unverified),
				       selftest_legs[i].name);
	}
	if (err != -EBADE && stats_fd >= 0) {
		err = fast_leg(tracker, result);
		if (err != -EBADE)
			selftest__list(err ? result->unverified : result->verified,
				       sizeof(result->verified), "vmsplice");
	}
	if (stats_fd >= 0)
		close(stats_fd);
	setrlimit(RLIMIT_MEMLOCK, &limit); /* the command under test inherits it */
	if (err != -EBADE && !result->verified[0]) {
		snprintf(result->failure, sizeof(result->failure), "no path could be tried (%s)",
			 result->unverified);
		return -EBADE;
	}
	return err == -EBADE ? err : 0;
}
