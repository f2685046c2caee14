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
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util.h"

const struct leg selftest_legs[LEGS] = {
	{ "process_vm_readv", &way_pv_read, MEMORY_ANON, 67 },
	{ "process_vm_readv on a THP", &way_pv_read, MEMORY_THP, 509 },
	{ "io_uring", &way_ring, MEMORY_ANON, 61 },
	{ "io_uring on a THP", &way_ring, MEMORY_THP, 512 },
	{ "udmabuf", &way_udmabuf, MEMORY_MEMFD, 53 },
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

/* The lowest page frame number of this memory, 0 = not allowed to know. */
static uint64_t lowest_pfn(const struct hold *hold)
{
	cleanup_fd int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t page = sysconf(_SC_PAGESIZE), lowest = 0;

	for (size_t i = 0; i < hold->pages && fd >= 0; i++) {
		uint64_t entry, pfn;

		if (pread(fd, &entry, sizeof(entry), ((uintptr_t)hold->addr / page + i) * 8) != 8)
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
static void find_vmemmap(struct tracker *tracker, const struct hold *hold,
			 struct selftest_result *result)
{
	uint64_t pfn = lowest_pfn(hold), lowest = 0;
	cleanup_free struct ledger_item *items = NULL;
	size_t cnt;

	if (!pfn || tracker__ledger(tracker, &items, &cnt) || cnt != hold->pages)
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
	struct seen before;
	struct hold hold;
	int err = hold__begin(&hold, leg->way, NULL, leg->memory, leg->pages);

	if (!err)
		err = own_events(tracker, &before);
	remember_runs(tracker);
	if (!err)
		err = hold__pin(&hold, leg->way);
	if (!err && !leg->way->transient) {
		err = check_held(tracker, leg, &before, result);
		if (!err && leg->memory == MEMORY_ANON)
			find_vmemmap(tracker, &hold, result);
		hold__unpin(&hold, leg->way);
	}
	if (!err)
		err = check_released(tracker, leg, &before, result);
	hold__end(&hold);
	return err;
}

/* Without a ledger, releases have no owner: compare the events of all with vmstat instead. */
static int flow_leg(struct tracker *tracker, const struct leg *leg, struct selftest_result *result)
{
	struct seen before, after;
	uint64_t stats[GUP_STAT_CNT] = {}, released;
	char silent[256];
	struct hold hold;
	int err = hold__begin(&hold, leg->way, NULL, leg->memory, leg->pages);

	remember_runs(tracker);
	if (!err)
		err = own_events(tracker, &before);
	if (!err)
		err = tracker__stats(tracker, stats);
	released = stats[GUP_STAT_RELEASED];
	if (!err)
		err = hold__pin(&hold, leg->way);
	if (!err)
		err = own_events(tracker, &after);
	if (!err)
		err = tracker__stats(tracker, stats);
	hold__end(&hold);
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

/*
 * Old kernels pin by the fast path only for hardware that need not be here, but
 * its grab function also runs for plain references, and that shows that the hook
 * is alive.
 */
static int fast_leg(struct tracker *tracker, struct selftest_result *result)
{
	const struct leg leg = { "vmsplice", &way_vmsplice, MEMORY_ANON, 13 };
	const struct hook *hook = hook_of_group(tracker, "grab, fast path");
	uint64_t before, runs;
	char silent[128];
	struct hold hold;
	int err;

	if (!hook)
		return -ENOENT;
	err = hold__begin(&hold, leg.way, NULL, leg.memory, leg.pages);
	before = tracker__runs(tracker, hook);
	if (!err)
		err = hold__pin(&hold, leg.way);
	runs = tracker__runs(tracker, hook) - before;
	hold__end(&hold);
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

bool leg__is_of(const struct leg *leg, struct tracker *tracker)
{
	const struct hook_choice *choice = tracker__hooks(tracker);

	/* Before memfd_pin_folios() udmabuf took plain references. */
	if (leg->way != &way_udmabuf)
		return true;
	for (size_t i = 0; i < choice->cnt; i++)
		if (!strcmp(choice->hooks[i]->func, "memfd_pin_folios"))
			return true;
	return false;
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
		if (!leg__is_of(&selftest_legs[i], tracker) ||
		    (!ledger && !selftest_legs[i].way->transient))
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
