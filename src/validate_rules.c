// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of rules, first half: what flags calls have, what the caller gets and
 * gives back, and which memory may be pinned at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util.h"
#include "validate_impl.h"

static unsigned long long ull(uint64_t value)
{
	return value;
}

/* Ways that every kernel has, of each API family: short, long, long. */
static const struct way *const basic[] = { &way_pv_read, &way_pv_write, &way_ring, &way_xdp };

/* What a rule wants of each of the basic passes. */
typedef bool (*wants_fn)(const struct bench *bench, const struct pass *pass, const struct way *way);

/* Runs the basic ways and asks of each; those that are not there are left out. */
static enum verdict each_basic(struct validation *val, struct outcome *out, bool only_held,
			       wants_fn wants)
{
	enum verdict verdict = VERDICT_PASS;

	for (size_t i = 0; i < ARRAY_SIZE(basic); i++) {
		const struct way *way = basic[i];
		struct pass pass;
		int err;

		if (only_held && way->transient)
			continue;
		err = pass__run(&pass, &val->bench, way, NULL, MEMORY_ANON, 0);
		if (err == -EOPNOTSUPP) {
			outcome__saw(out, "%s", pass.hold.why);
		} else if (err || pass.refused) {
			verdict = outcome__error(out, way->name, err ? err : pass.refused);
		} else {
			out->pins += pass.seen.pinned;
			outcome__add(out->did, sizeof(out->did), "%s", way->name);
			outcome__saw(out, "%llu pinned, %llu released", ull(pass.seen.pinned),
				     ull(pass.seen.released));
			/* Old kernels' BPF hooks no function of seven arguments. */
			if (!pass.seen.apis)
				outcome__saw(out, "%s: by a function that can't be hooked here",
					     way->name);
			else if (!wants(&val->bench, &pass, way))
				verdict = outcome__fail(out, "%s does not", way->name);
		}
		pass__end(&pass);
	}
	return verdict;
}

static bool is_longterm(const struct bench *bench, const struct pass *pass, const struct way *way)
{
	(void)bench;
	(void)way;
	return pass->seen.flags_all & PIN_LONGTERM && pass->held.pins && !pass->held.differing;
}

enum verdict check_longterm(struct validation *val, const struct row *row, struct outcome *out)
{
	(void)row;
	snprintf(out->expected, sizeof(out->expected),
		 "what is held beyond its call has FOLL_LONGTERM, and is a pin by struct page");
	return each_basic(val, out, true, is_longterm);
}

static bool flags_are_right(const struct bench *bench, const struct pass *pass,
			    const struct way *way)
{
	bool longterm = pass->seen.flags_any & PIN_LONGTERM;

	(void)bench;
	return !pass->seen.foll_pin_passed && pass->seen.apis && longterm == !way->transient;
}

enum verdict check_flags(struct validation *val, const struct row *row, struct outcome *out)
{
	(void)row;
	snprintf(out->expected, sizeof(out->expected),
		 "no caller passes FOLL_PIN; FOLL_LONGTERM where held, and only there");
	return each_basic(val, out, false, flags_are_right);
}

static bool array_is_full(const struct bench *bench, const struct pass *pass, const struct way *way)
{
	(void)bench;
	(void)way;
	return pass->seen.asked == pass->hold.pages && pass->seen.pinned == pass->hold.pages;
}

enum verdict check_array(struct validation *val, const struct row *row, struct outcome *out)
{
	(void)row;
	snprintf(out->expected, sizeof(out->expected),
		 "pages asked for by the calls = pages pinned: each came back in the array");
	return each_basic(val, out, false, array_is_full);
}

static bool is_released(const struct bench *bench, const struct pass *pass, const struct way *way)
{
	(void)bench;
	(void)way;
	return pass->seen.released == pass->seen.pinned && pass->seen.releases[0] && !pass->still &&
	       !pass->seen.unpinned;
}

enum verdict check_released(struct validation *val, const struct row *row, struct outcome *out)
{
	(void)row;
	snprintf(out->expected, sizeof(out->expected),
		 "released by unpin_*, to the page, and no struct page holds a pin then");
	return each_basic(val, out, false, is_released);
}

enum verdict check_process_vm(struct validation *val, const struct row *row, struct outcome *out)
{
	static const struct way *const ways[] = { &way_pv_read, &way_pv_write };
	enum verdict verdict = VERDICT_PASS;

	snprintf(out->expected, sizeof(out->expected),
		 "pin_user_pages_remote, as many pins as pages, released at once");
	for (size_t i = 0; i < ARRAY_SIZE(ways) && verdict == VERDICT_PASS; i++) {
		const struct row each = { row->part, row->id,	row->promise, check_way,   ways[i],
					  NULL,	     row->want, row->gate,    row->no_gate };
		struct pass pass;
		int err = pass__run(&pass, &val->bench, ways[i], NULL, MEMORY_ANON, 0);
		uint64_t before = out->pins;

		verdict = err ? outcome__error(out, ways[i]->name, err)
			      : pass__judge(&pass, &each, out);
		out->pins += before;
		if (verdict == VERDICT_PASS && !(pass.seen.apis & 1U << API_PIN_USER_PAGES_REMOTE))
			verdict = outcome__fail(out, "not by pin_user_pages_remote");
		pass__end(&pass);
	}
	return verdict;
}

/* ---- memory ---- */

/* Whether the zero page counts is the kernel's affair, but both counts agree. */
enum verdict check_zero(struct validation *val, const struct row *row, struct outcome *out)
{
	const size_t pages = 59;
	enum verdict verdict = VERDICT_PASS;
	struct pass zero, control;
	uint64_t want = val->bench.facts.zero_page_counts ? pages : 0;
	int err;

	(void)row;
	snprintf(out->did, sizeof(out->did),
		 "process_vm_readv of %zu pages never written (the zero page), and of %zu others",
		 pages, pages);
	snprintf(out->expected, sizeof(out->expected), "%llu pins, and %zu", ull(want), pages);
	err = pass__run(&zero, &val->bench, &way_pv_read, NULL, MEMORY_ZERO, pages);
	if (err || zero.refused) {
		pass__end(&zero);
		return outcome__error(out, "process_vm_readv", err ? err : zero.refused);
	}
	err = pass__run(&control, &val->bench, &way_pv_read, NULL, MEMORY_ANON, pages);
	outcome__saw(out, "%llu pinned %llu released, and %llu pinned", ull(zero.seen.pinned),
		     ull(zero.seen.released), ull(control.seen.pinned));
	out->pins = control.seen.pinned;
	if (err)
		verdict = outcome__error(out, "process_vm_readv", err);
	else if (zero.seen.pinned != want || zero.seen.released != want)
		verdict = outcome__fail(out, "the zero page counts %llu", ull(zero.seen.pinned));
	else if (control.seen.pinned != pages)
		verdict = outcome__fail(out, "the control pinned %llu", ull(control.seen.pinned));
	pass__end(&control);
	pass__end(&zero);
	return verdict;
}

/* Shared mappings of files that must not be pinned for long. */
static enum verdict check_refused(struct validation *val, const struct row *row,
				  enum own_memory memory, const char *what, struct outcome *out)
{
	enum verdict verdict = VERDICT_PASS;
	struct pass pass, control;
	int err;

	snprintf(out->did, sizeof(out->did), "%s (FOLL_WRITE|FOLL_LONGTERM) of %s", row->way->name,
		 what);
	snprintf(out->expected, sizeof(out->expected),
		 "refused, nothing left; a short pin of such memory works");
	err = pass__with_control(&pass, &control, &val->bench, row, memory, &way_pv_write);
	if (err == -EOPNOTSUPP) {
		pass__end(&pass);
		return outcome__skip(out, "%s", pass.hold.why);
	}
	if (err) {
		pass__end(&pass);
		return outcome__error(out, what, err);
	}
	out->pins = control.seen.pinned;
	outcome__kernel(out, "%s", pass.refused ? strerror(-pass.refused) : "pinned it");
	outcome__saw(out, "%llu pinned, %llu released; the short pin: %llu, %llu",
		     ull(pass.seen.pinned), ull(pass.seen.released), ull(control.seen.pinned),
		     ull(control.seen.released));
	if (!pass.refused)
		verdict = outcome__fail(out, "pinned %s", what);
	else if (pass.seen.pinned != pass.seen.released)
		verdict = outcome__fail(out, "refused, but pins are left");
	else if (!control.seen.pinned || control.seen.pinned != control.seen.released)
		verdict = outcome__fail(out, "the short pin does not balance");
	pass__end(&control);
	pass__end(&pass);
	return verdict;
}

enum verdict check_file(struct validation *val, const struct row *row, struct outcome *out)
{
	return check_refused(val, row, MEMORY_FILE, "a shared file mapping", out);
}

enum verdict check_dax(struct validation *val, const struct row *row, struct outcome *out)
{
	return check_refused(val, row, MEMORY_DAX, "a file in DAX memory", out);
}

/* Of memory that is never free and never on a list: one reference while it is mapped, by old and new kernels. */
enum verdict check_device_count(struct validation *val, const struct row *row, struct outcome *out)
{
	enum verdict verdict = VERDICT_PASS;
	int32_t after = 0;
	struct pass pass;
	int err;

	snprintf(out->expected, sizeof(out->expected),
		 "pinned and released; then each page has the one reference of a device's page");
	err = pass__run(&pass, &val->bench, row->way, NULL, MEMORY_DAX, 0);
	if (err == -EOPNOTSUPP) {
		pass__end(&pass);
		return outcome__skip(out, "%s", pass.hold.why);
	}
	if (!err)
		verdict = pass__judge(&pass, row, out);
	for (size_t i = 0; !err && verdict == VERDICT_PASS && i < pass.hold.pages; i++) {
		const char *page = pass.hold.addr + i * sysconf(_SC_PAGESIZE);

		err = bench__references(&val->bench, pfn_of(page), &after);
		if (!err && after != 1)
			verdict = outcome__fail(out, "page %zu has %d references", i, after);
	}
	outcome__saw(out, "the last page has %d", after);
	pass__end(&pass);
	return err ? outcome__error(out, "a file in DAX memory", err) : verdict;
}

/* Is the byte that process_vm_writev wrote into the mapping in the file, past the page cache? */
static bool reached_file(const struct hold *hold)
{
	char byte = 0;

	if (fsync(hold->fd) || posix_fadvise(hold->fd, 0, 0, POSIX_FADV_DONTNEED))
		return false;
	return pread(hold->fd, &byte, 1, 0) == 1 && byte == 'w';
}

enum verdict check_dirty(struct validation *val, const struct row *row, struct outcome *out)
{
	enum verdict verdict;
	struct pass pass;
	bool reached;
	int err = pass__run(&pass, &val->bench, row->way, NULL, MEMORY_FILE, 0);

	if (err == -EOPNOTSUPP) {
		pass__end(&pass);
		return outcome__skip(out, "%s", pass.hold.why);
	}
	snprintf(out->expected, sizeof(out->expected),
		 "the page is dirty after the release, and what was written reaches the file");
	verdict = err ? outcome__error(out, "a shared file mapping", err)
		      : pass__judge(&pass, row, out);
	if (verdict == VERDICT_PASS) {
		munmap(pass.hold.map, pass.hold.map_bytes);
		pass.hold.map = NULL;
		reached = reached_file(&pass.hold);
		outcome__saw(out, "the file has %s", reached ? "it" : "other data");
		if (!reached)
			verdict = outcome__fail(out, "written data is lost");
	}
	pass__end(&pass);
	return verdict;
}
