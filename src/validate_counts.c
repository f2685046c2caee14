// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of rules, second half: how pins are counted, in struct page and in the
 * kernel's counters.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "util.h"
#include "validate_impl.h"

#define OWNERS 5       /* that pin one page */
#define MANY 1021      /* pins on one page */
#define HUGE_PAGES 512 /* of 4 KiB in a huge page */

static unsigned long long ull(uint64_t value)
{
	return value;
}

/* After each of several pins of one page: its books, and its reference count. */
static enum verdict pin_again(struct validation *val, struct hold *holds, struct outcome *out)
{
	int32_t refcount = 0;
	struct held held;
	int err;

	for (unsigned int i = 0; i < OWNERS; i++) {
		err = hold__pin(&holds[i], &way_ring);
		if (!err)
			err = bench__held(&val->bench, &held);
		if (err)
			return outcome__error(out, "io_uring", err);
		outcome__saw(out, "%d", held.refcount);
		out->pins = held.pins;
		if (held.pins != i + 1 || held.differing || held.large)
			return outcome__fail(out, "after %u pins the books have %llu", i + 1,
					     ull(held.pins));
		if (i && held.refcount - refcount != GUP_BIAS)
			return outcome__fail(out, "a pin added %d", held.refcount - refcount);
		refcount = held.refcount;
	}
	return VERDICT_PASS;
}

enum verdict check_small(struct validation *val, const struct row *row, struct outcome *out)
{
	struct hold holds[OWNERS];
	enum verdict verdict = VERDICT_PASS;
	struct held held = {};
	char *own[OWNERS];
	int err = 0;

	(void)row;
	bench__rest(&val->bench);
	snprintf(out->did, sizeof(out->did), "%d io_uring rings register the same small page",
		 OWNERS);
	snprintf(out->expected, sizeof(out->expected),
		 "each adds %d to its reference count; the last release takes all away", GUP_BIAS);
	for (unsigned int i = 0; i < OWNERS; i++) {
		int this = hold__begin(&holds[i], &way_ring, NULL, MEMORY_ANON, 1);

		err = err ? err : this;
		own[i] = holds[i].addr;
		holds[i].addr = holds[0].addr;
	}
	if (err)
		verdict = outcome__skip(out, "%s", holds[0].why);
	else
		verdict = pin_again(val, holds, out);
	for (unsigned int i = 0; i < OWNERS; i++) {
		hold__unpin(&holds[i], &way_ring);
		holds[i].addr = own[i];
	}
	for (int i = 0; i < 100 && !bench__held(&val->bench, &held) && held.pins; i++)
		usleep(10000);
	for (unsigned int i = 0; i < OWNERS; i++)
		hold__end(&holds[i]);
	if (verdict == VERDICT_PASS && held.pins)
		verdict = outcome__fail(out, "%llu pins are left", ull(held.pins));
	return verdict;
}

enum verdict check_never_missed(struct validation *val, const struct row *row, struct outcome *out)
{
	enum verdict verdict;
	struct pass pass;
	int err = pass__run(&pass, &val->bench, row->way, NULL, MEMORY_ANON, 0);

	snprintf(out->expected, sizeof(out->expected),
		 "the struct page of each of the pages says that it is pinned");
	if (err)
		verdict = err == -EOPNOTSUPP ? outcome__skip(out, "%s", pass.hold.why)
					     : outcome__error(out, row->way->name, err);
	else
		verdict = pass__judge(&pass, row, out);
	if (verdict == VERDICT_PASS && pass.held.folios != pass.hold.pages)
		verdict = outcome__fail(out, "%zu of %zu pages are in the books", pass.held.folios,
					pass.hold.pages);
	pass__end(&pass);
	return verdict;
}

/* One huge page, all its small pages pinned. */
static enum verdict pin_huge(struct validation *val, const struct way *way, enum own_memory memory,
			     struct outcome *out)
{
	enum verdict verdict = VERDICT_PASS;
	struct pass pass;
	int err = pass__run(&pass, &val->bench, way, NULL, memory, HUGE_PAGES);

	if (err == -EOPNOTSUPP) {
		verdict = outcome__skip(out, "%s", pass.hold.why);
		goto end;
	}
	if (err || pass.refused) {
		verdict = outcome__error(out, way->name, err ? err : pass.refused);
		goto end;
	}
	out->pins += pass.seen.pinned;
	outcome__saw(out, "%s: %llu pinned, %llu released",
		     memory == MEMORY_THP ? "THP" : "hugetlb", ull(pass.seen.pinned),
		     ull(pass.seen.released));
	if (!way->transient)
		outcome__saw(out, "while held %llu pins on %zu folio, its pincount %d",
			     ull(pass.held.pins), pass.held.folios, pass.held.pincount);
	if (pass.seen.pinned != HUGE_PAGES || pass.seen.released != HUGE_PAGES)
		verdict = outcome__fail(out, "%llu pinned, %llu released", ull(pass.seen.pinned),
					ull(pass.seen.released));
	else if (pass.still || pass.held.differing)
		verdict = outcome__fail(out, "struct page differs from the books");
	else if (!way->transient && (pass.held.folios != 1 || pass.held.large != 1 ||
				     (uint64_t)pass.held.pincount != pass.held.pins))
		verdict = outcome__fail(out, "not one large folio with an exact pin count");
end:
	pass__end(&pass);
	return verdict;
}

/* AF_XDP keeps a pin for each small page; process_vm gives them back one by one. */
enum verdict check_huge(struct validation *val, const struct row *row, struct outcome *out)
{
	enum verdict verdict, more;

	(void)row;
	snprintf(out->did, sizeof(out->did),
		 "XDP_UMEM_REG and process_vm_readv of %d pages of a huge page", HUGE_PAGES);
	snprintf(out->expected, sizeof(out->expected),
		 "%d pins, exactly counted on the head page, %d released", HUGE_PAGES, HUGE_PAGES);
	verdict = pin_huge(val, &way_xdp, MEMORY_THP, out);
	if (verdict == VERDICT_PASS)
		verdict = pin_huge(val, &way_pv_read, MEMORY_THP, out);
	if (verdict == VERDICT_PASS) {
		more = pin_huge(val, &way_xdp, MEMORY_HUGETLB, out);
		if (more == VERDICT_SKIP)
			outcome__saw(out, "%s", out->reason);
		else
			verdict = more;
	}
	return verdict;
}

enum verdict check_huge_fast(struct validation *val, const struct row *row, struct outcome *out)
{
	snprintf(out->did, sizeof(out->did), "%s of %d pages of a huge page", row->way->name,
		 HUGE_PAGES);
	snprintf(out->expected, sizeof(out->expected),
		 "%d references taken at once and all given back", HUGE_PAGES);
	return pin_huge(val, row->way, MEMORY_THP, out);
}

/* Registers the same page many times over as buffers of one ring. */
static int register_many(struct hold *hold)
{
	static struct iovec iov[MANY];

	for (unsigned int i = 0; i < MANY; i++)
		iov[i] = (struct iovec){ hold->addr, sysconf(_SC_PAGESIZE) };
	return syscall(__NR_io_uring_register, hold->holder, IORING_REGISTER_BUFFERS, iov, MANY)
		       ? -errno
		       : 0;
}

enum verdict check_many(struct validation *val, const struct row *row, struct outcome *out)
{
	const struct way many = { way_ring.name,    false,	   MEMORY_ANON,	  1,
				  way_ring.prepare, register_many, way_ring.unpin };
	enum verdict verdict = VERDICT_PASS;
	struct pass pass;
	int err = pass__run(&pass, &val->bench, &many, NULL, MEMORY_ANON, 1);

	(void)row;
	snprintf(out->did, sizeof(out->did), "one small page registered %d times", MANY);
	snprintf(out->expected, sizeof(out->expected),
		 "%d pins in its reference count, which stays positive; all released", MANY);
	out->pins = pass.seen.pinned;
	outcome__saw(out, "%llu pinned, reference count %d, %llu released", ull(pass.seen.pinned),
		     pass.held.refcount, ull(pass.seen.released));
	if (err || pass.refused)
		verdict = err == -EOPNOTSUPP
				  ? outcome__skip(out, "%s", pass.hold.why)
				  : outcome__error(out, "io_uring", err ? err : pass.refused);
	else if (pass.held.most != MANY || pass.held.differing ||
		 pass.held.refcount / GUP_BIAS != MANY)
		verdict = outcome__fail(out, "counted as %d", pass.held.refcount / GUP_BIAS);
	else if (pass.seen.released != MANY || pass.still)
		verdict = outcome__fail(out, "%llu released", ull(pass.seen.released));
	pass__end(&pass);
	return verdict;
}

/* What the kernel counted since the tracker was attached, against what the hooks saw: a few tries, as others pin too. */
enum verdict check_vmstat(struct validation *val, const struct row *row, struct outcome *out)
{
	const struct flow *base = &val->bench.base;
	uint64_t acquired = 0, released = 0, vm_acquired = 0, vm_released = 0, missed = 0;
	enum verdict verdict;
	struct flow now;

	verdict = check_released(val, row, out);
	snprintf(out->expected, sizeof(out->expected),
		 "nr_foll_pin_acquired and _released went up by what the hooks saw");
	for (int i = 0; i < 20 && verdict == VERDICT_PASS; i++) {
		if (flow__read(val->bench.tracker, &now) || !now.vm_known)
			return outcome__skip(out, "this kernel shows no nr_foll_pin_acquired");
		acquired = now.acquired - base->acquired;
		released = now.released - base->released;
		vm_acquired = now.vm_acquired - base->vm_acquired;
		vm_released = now.vm_released - base->vm_released;
		missed = now.missed_releases - base->missed_releases;
		if (acquired == vm_acquired && released + missed == vm_released)
			break;
		usleep(10000);
	}
	if (verdict != VERDICT_PASS)
		return verdict;
	outcome__kernel(out, "+%llu -%llu", ull(vm_acquired), ull(vm_released));
	outcome__saw(out, "+%llu -%llu since the start, %llu missed and repaired", ull(acquired),
		     ull(released), ull(missed));
	if (acquired != vm_acquired || released + missed != vm_released)
		return outcome__fail(out, "the kernel counted +%llu -%llu", ull(vm_acquired),
				     ull(vm_released));
	return VERDICT_PASS;
}
