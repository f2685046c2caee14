// SPDX-License-Identifier: GPL-2.0-only
/* Checks of patches 20 to 22, by the kernel's own gup_test. */
#include <errno.h>
#include <stdio.h>

#include "util.h"
#include "validate_impl.h"

#define HUGE_PAGES 512 /* of 4 KiB in a huge page */

static enum verdict judge(const struct pass *pass, const struct way *way, uint32_t flags,
			  struct outcome *out)
{
	const struct seen *seen = &pass->seen;
	size_t pages = pass->hold.pages;
	/* How many calls PIN_LONGTERM_TEST_START makes is its own affair. */
	size_t calls = (pages + GUP_TEST_PAGES_PER_CALL - 1) / GUP_TEST_PAGES_PER_CALL;

	outcome__saw(out, "%s: %llu by %llu calls", way->name, (unsigned long long)seen->pinned,
		     (unsigned long long)seen->calls);
	out->pins += seen->pinned;
	if (pass->refused)
		return outcome__error(out, way->name, pass->refused);
	if (seen->pinned != pages || seen->asked != pages || seen->released != pages)
		return outcome__fail(
			out, "%s: of %zu pages %llu asked for, %llu pinned, %llu released",
			way->name, pages, (unsigned long long)seen->asked,
			(unsigned long long)seen->pinned, (unsigned long long)seen->released);
	if (way->transient && seen->calls != calls)
		return outcome__fail(out, "%s: %llu calls, not %zu", way->name,
				     (unsigned long long)seen->calls, calls);
	if (seen->flags_all != flags || seen->flags_any != flags)
		return outcome__fail(out, "%s: not pinned%s%s", way->name,
				     flags & PIN_WRITE ? " with FOLL_WRITE" : " without FOLL_WRITE",
				     flags & PIN_LONGTERM ? " and FOLL_LONGTERM" : "");
	if (!way->transient && (pass->held.pins != pages || pass->held.differing))
		return outcome__fail(out, "%s: struct page differs from the books", way->name);
	if (pass->still)
		return outcome__fail(out, "%s: %zu folios still hold a pin", way->name,
				     pass->still);
	return VERDICT_PASS;
}

static enum verdict pin(struct validation *val, const struct way *way, enum own_memory memory,
			size_t pages, uint32_t flags, struct outcome *out)
{
	enum verdict verdict;
	struct pass pass;
	int err = pass__run(&pass, &val->bench, way, NULL, memory, pages);

	if (err == -EOPNOTSUPP && pass.hold.why[0])
		verdict = outcome__skip(out, "%s", pass.hold.why);
	else if (err)
		verdict = outcome__error(out, way->name, err);
	else
		verdict = judge(&pass, way, flags, out);
	pass__end(&pass);
	return verdict;
}

/* The same by get_user_pages*(): counted as references, not as pins. */
static enum verdict get(struct validation *val, const struct way *way, struct outcome *out)
{
	enum verdict verdict = VERDICT_PASS;
	struct pass pass;
	int err = pass__run(&pass, &val->bench, way, NULL, MEMORY_ANON, 0);

	if (err || pass.refused)
		verdict = outcome__error(out, way->name, err ? err : pass.refused);
	else if (pass.seen.pinned || !pass.seen.gets)
		verdict = outcome__fail(out, "%s: %llu pinned, %llu calls took references",
					way->name, (unsigned long long)pass.seen.pinned,
					(unsigned long long)pass.seen.gets);
	pass__end(&pass);
	return verdict;
}

enum verdict check_gup_test_write(struct validation *val, const struct row *row,
				  struct outcome *out)
{
	enum verdict verdict;

	(void)row;
	snprintf(out->did, sizeof(out->did), "PIN_FAST_BENCHMARK with and without FOLL_WRITE");
	snprintf(out->expected, sizeof(out->expected), "pinned with and without FOLL_WRITE");
	verdict = pin(val, &way_gup_test_fast, MEMORY_ANON, 0, PIN_WRITE, out);
	if (verdict == VERDICT_PASS)
		verdict = pin(val, &way_gup_test_fast_read, MEMORY_ANON, 0, 0, out);
	return verdict;
}

enum verdict check_gup_test(struct validation *val, const struct row *row, struct outcome *out)
{
	enum verdict verdict, more;

	(void)row;
	snprintf(out->did, sizeof(out->did),
		 "PIN_FAST, PIN, PIN_LONGTERM, GUP_FAST, GUP, %d pages a call",
		 GUP_TEST_PAGES_PER_CALL);
	snprintf(out->expected, sizeof(out->expected),
		 "the first three pin, by as many calls as it takes; the others do not");
	verdict = pin(val, &way_gup_test_fast, MEMORY_ANON, 0, PIN_WRITE, out);
	if (verdict == VERDICT_PASS)
		verdict = pin(val, &way_gup_test_pin, MEMORY_ANON, 0, PIN_WRITE, out);
	if (verdict == VERDICT_PASS)
		verdict = pin(val, &way_gup_test_longterm, MEMORY_ANON, 0, PIN_WRITE | PIN_LONGTERM,
			      out);
	if (verdict == VERDICT_PASS)
		verdict = get(val, &way_gup_test_get_fast, out);
	if (verdict == VERDICT_PASS)
		verdict = get(val, &way_gup_test_get, out);
	if (verdict != VERDICT_PASS)
		return verdict;
	more = pin(val, &way_gup_test_held, MEMORY_ANON, 0, PIN_WRITE | PIN_LONGTERM, out);
	if (more == VERDICT_SKIP)
		outcome__saw(out, "%s", out->reason);
	return more == VERDICT_SKIP ? VERDICT_PASS : more;
}

/* The memory of run_vmtests' matrix: -T, -t, -H, -S. */
enum verdict check_gup_test_memory(struct validation *val, const struct row *row,
				   struct outcome *out)
{
	static const struct {
		const char *name;
		enum own_memory memory;
		size_t pages;
	} kinds[] = {
		{ "small", MEMORY_ANON, 0 },
		{ "shared", MEMORY_MEMFD, 0 },
		{ "THP", MEMORY_THP, HUGE_PAGES },
		{ "hugetlb", MEMORY_HUGETLB, HUGE_PAGES },
	};
	static const struct {
		const struct way *way;
		uint32_t flags;
	} ways[] = {
		{ &way_gup_test_fast, PIN_WRITE },
		{ &way_gup_test_pin, PIN_WRITE },
		{ &way_gup_test_longterm, PIN_WRITE | PIN_LONGTERM },
	};
	enum verdict verdict;

	(void)row;
	snprintf(out->did, sizeof(out->did),
		 "PIN_FAST, PIN, PIN_LONGTERM of small, shared, THP and hugetlb pages");
	snprintf(out->expected, sizeof(out->expected), "each page pinned once and released");
	for (size_t i = 0; i < ARRAY_SIZE(kinds) * ARRAY_SIZE(ways); i++) {
		size_t kind = i / ARRAY_SIZE(ways), way = i % ARRAY_SIZE(ways);
		struct outcome one = {};

		verdict = pin(val, ways[way].way, kinds[kind].memory, kinds[kind].pages,
			      ways[way].flags, &one);
		out->pins += one.pins;
		if (verdict == VERDICT_FAIL)
			return outcome__fail(out, "%s: %s", kinds[kind].name, one.reason);
		/* Without gup_test the first says so; huge pages may be missing. */
		if (verdict == VERDICT_SKIP && !i)
			return outcome__skip(out, "%s", one.reason);
		if (!way)
			outcome__saw(out, "%s: %s", kinds[kind].name,
				     verdict == VERDICT_SKIP ? one.reason : "pinned");
	}
	return VERDICT_PASS;
}
