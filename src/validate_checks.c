// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of call sites: one pass of a way, judged by what its row wants; and
 * checks that are read off symbols and modules.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util.h"
#include "validate_impl.h"

void outcome__add(char *field, size_t size, const char *fmt, ...)
{
	size_t len = strlen(field);
	va_list args;

	if (len && len + 2 < size)
		len += snprintf(field + len, size - len, "; ");
	va_start(args, fmt);
	vsnprintf(field + len, size - len, fmt, args);
	va_end(args);
}

enum verdict outcome__skip(struct outcome *out, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out->reason, sizeof(out->reason), fmt, args);
	va_end(args);
	return VERDICT_SKIP;
}

enum verdict outcome__fail(struct outcome *out, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out->reason, sizeof(out->reason), fmt, args);
	va_end(args);
	return VERDICT_FAIL;
}

enum verdict outcome__error(struct outcome *out, const char *what, int err)
{
	return outcome__fail(out, "%s: %s", what, strerror(-err));
}

/* ---- one pass ---- */

#define KPF_DIRTY (1ULL << 4) /* of linux/kernel-page-flags.h, which Debian has not */

/* The flag of struct page, not the bit of the page table: that is what a release as dirty sets. */
static bool last_is_dirty(const struct hold *hold)
{
	return page_flags_of(hold->addr + (hold->pages - 1) * sysconf(_SC_PAGESIZE)) & KPF_DIRTY;
}

int pass__run(struct pass *pass, struct bench *bench, const struct way *way, const char *arg,
	      enum own_memory memory, size_t pages)
{
	int err;

	bench__rest(bench);
	*pass = (struct pass){};
	err = hold__begin(&pass->hold, way, arg, memory, pages);
	if (!err)
		err = mark__set(&pass->mark, bench);
	if (err)
		return err;
	pass->was_dirty = last_is_dirty(&pass->hold);
	pass->refused = hold__pin(&pass->hold, way);
	if (pass->refused == -EOPNOTSUPP && pass->hold.why[0])
		return -EOPNOTSUPP;
	if (!way->transient)
		err = bench__held(bench, &pass->held);
	hold__unpin(&pass->hold, way);
	if (!err)
		err = mark__settle(&pass->mark, bench, &pass->seen);
	pass->is_dirty = last_is_dirty(&pass->hold);
	return err ? err : bench__still_pinned(bench, &pass->held, &pass->still);
}

int pass__with_control(struct pass *pass, struct pass *control, struct bench *bench,
		       const struct row *row, enum own_memory memory, const struct way *way)
{
	int err = pass__run(pass, bench, row->way, row->arg, memory, 0);

	if (err)
		return err;
	err = pass__run(control, bench, way, NULL, memory, pass->hold.pages);
	if (err)
		pass__end(control);
	return err;
}

void pass__end(struct pass *pass)
{
	hold__end(&pass->hold);
	mark__free(&pass->mark);
}

static void name_apis(uint32_t apis, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = 0;
	for (unsigned int i = 1; i < API_CNT && len < size; i++)
		if (apis & 1U << i)
			len += snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
					api_name(i));
}

static void describe(const struct pass *pass, const struct way *way, struct outcome *out)
{
	const struct seen *seen = &pass->seen;
	char apis[96];

	name_apis(seen->apis, apis, sizeof(apis));
	outcome__add(out->did, sizeof(out->did), "%s of %zu own pages", way->name,
		     pass->hold.pages);
	outcome__kernel(out, "vmstat +%llu -%llu", (unsigned long long)seen->vm_acquired,
			(unsigned long long)seen->vm_released);
	if (pass->refused)
		outcome__kernel(out, "%s", strerror(-pass->refused));
	outcome__saw(out, "%s pinned %llu%s, %llu released%s%s", *apis ? apis : "nothing",
		     (unsigned long long)seen->pinned,
		     seen->flags_any & PIN_LONGTERM && seen->pinned ? " FOLL_LONGTERM" : "",
		     (unsigned long long)seen->released, seen->releases[0] ? " by " : "",
		     seen->releases);
	if (!way->transient)
		outcome__saw(out, "while held %llu pins on %zu folios, %llu of which differ",
			     (unsigned long long)pass->held.pins, pass->held.folios,
			     (unsigned long long)pass->held.differing);
}

static enum verdict judge_wants(const struct pass *pass, const struct row *row, struct outcome *out)
{
	const struct seen *seen = &pass->seen;

	if (row->want & WANT_LONGTERM && !(seen->flags_all & PIN_LONGTERM))
		return outcome__fail(out, "held beyond its call, but pinned without FOLL_LONGTERM");
	if (row->want & WANT_SHORT && seen->flags_any & PIN_LONGTERM)
		return outcome__fail(out, "a short pin, but FOLL_LONGTERM");
	if (!(row->want & WANT_DIRTY))
		return VERDICT_PASS;
	outcome__saw(out, "%s before, %s after", pass->was_dirty ? "dirty" : "clean",
		     pass->is_dirty ? "dirty" : "clean");
	if (!pass->is_dirty)
		return outcome__fail(out, "pages that may have been written to are still clean");
	return VERDICT_PASS;
}

enum verdict pass__judge(const struct pass *pass, const struct row *row, struct outcome *out)
{
	const struct way *way = row->way;
	const struct seen *seen = &pass->seen;

	describe(pass, way, out);
	out->pins = seen->pinned;
	if (pass->refused)
		return outcome__fail(out, "refused: %s", strerror(-pass->refused));
	/* FAT's direct I/O takes pins again by folio_add_pin(). */
	if (seen->pinned < pass->hold.pages)
		return outcome__fail(out, "%llu of %zu pages pinned",
				     (unsigned long long)seen->pinned, pass->hold.pages);
	if (!seen->apis)
		return outcome__skip(out,
				     "the function that pinned can't be hooked on this kernel");
	if (seen->released != seen->pinned)
		return outcome__fail(out, "pinned %llu, released %llu",
				     (unsigned long long)seen->pinned,
				     (unsigned long long)seen->released);
	if (pass->held.differing)
		return outcome__fail(out, "struct page differs from the books on %llu folios",
				     (unsigned long long)pass->held.differing);
	if (!way->transient && !pass->held.pins)
		return outcome__fail(out, "nothing was held");
	if (pass->still)
		return outcome__fail(out, "%zu folios still hold a pin", pass->still);
	if (seen->unpinned)
		return outcome__fail(out, "%llu releases of what was not pinned",
				     (unsigned long long)seen->unpinned);
	return judge_wants(pass, row, out);
}

enum verdict check_way(struct validation *val, const struct row *row, struct outcome *out)
{
	enum verdict verdict;
	struct pass pass;
	int err;

	snprintf(out->expected, sizeof(out->expected),
		 "as many pins as pages%s, all released%s, struct page as the books",
		 row->want & WANT_LONGTERM ? ", FOLL_LONGTERM"
		 : row->want & WANT_SHORT  ? ", not FOLL_LONGTERM"
					   : "",
		 row->want & WANT_DIRTY ? " as dirty" : "");
	err = pass__run(&pass, &val->bench, row->way, row->arg, row->way->memory, 0);
	if (err == -EOPNOTSUPP && pass.hold.why[0])
		verdict = outcome__skip(out, "%s", pass.hold.why);
	else if (err)
		verdict = outcome__error(out, row->way->name, err);
	else
		verdict = pass__judge(&pass, row, out);
	pass__end(&pass);
	return verdict;
}

enum verdict check_reference(struct validation *val, const struct row *row, struct outcome *out)
{
	enum verdict verdict = VERDICT_PASS;
	struct pass pass, control;
	int err;

	snprintf(out->expected, sizeof(out->expected),
		 "no pin%s; process_vm_readv of as many pages pins them",
		 row->want & WANT_NOTHING ? "" : ", but references");
	err = pass__with_control(&pass, &control, &val->bench, row, MEMORY_ANON, &way_pv_read);
	if (err == -EOPNOTSUPP && pass.hold.why[0]) {
		pass__end(&pass);
		return outcome__skip(out, "%s", pass.hold.why);
	}
	if (err) {
		pass__end(&pass);
		return outcome__error(out, row->way->name, err);
	}
	describe(&pass, row->way, out);
	outcome__saw(out, "%s; the control pinned %llu",
		     pass.seen.gets ? "references were taken" : "no reference was taken",
		     (unsigned long long)control.seen.pinned);
	out->pins = control.seen.pinned;
	if (pass.refused)
		verdict = outcome__fail(out, "refused: %s", strerror(-pass.refused));
	else if (pass.seen.pinned)
		verdict = outcome__fail(out, "pinned %llu", (unsigned long long)pass.seen.pinned);
	else if (!pass.seen.gets && !(row->want & WANT_NOTHING))
		verdict = outcome__fail(out, "took no reference either");
	else if (control.seen.pinned != control.hold.pages)
		verdict =
			outcome__fail(out, "the control pinned %llu of %zu",
				      (unsigned long long)control.seen.pinned, control.hold.pages);
	pass__end(&control);
	pass__end(&pass);
	return verdict;
}

/* ---- without a pin ---- */

enum verdict check_cannot(struct validation *val, const struct row *row, struct outcome *out)
{
	(void)val;
	return outcome__skip(out, "%s", row->arg);
}

enum verdict check_symbol(struct validation *val, const struct row *row, struct outcome *out)
{
	size_t cnt;

	out->is_static = true;
	snprintf(out->did, sizeof(out->did), "counted the functions named %s", row->arg);
	snprintf(out->expected, sizeof(out->expected), "exactly one");
	ksyms__addr(val->bench.ksyms, row->arg, &cnt);
	outcome__saw(out, "%zu", cnt);
	return cnt == 1 ? VERDICT_PASS : outcome__fail(out, "%zu functions have that name", cnt);
}

/* arg: module names, separated by spaces. */
enum verdict check_modules(struct validation *val, const struct row *row, struct outcome *out)
{
	cleanup_free char *names = strdup(row->arg);
	const char *only[8] = {};
	struct census census = {};
	size_t cnt = 0, found = 0;
	struct utsname uts;
	char dir[128], *save;
	bool old = false;

	(void)val;
	out->is_static = true;
	for (char *name = strtok_r(names, " ", &save); name; name = strtok_r(NULL, " ", &save))
		if (cnt + 1 < ARRAY_SIZE(only))
			only[cnt++] = name;
	uname(&uts);
	snprintf(dir, sizeof(dir), "/lib/modules/%s", uts.release);
	snprintf(out->did, sizeof(out->did), "read the code of %s", row->arg);
	snprintf(out->expected, sizeof(out->expected),
		 "pin_user_pages* and unpin_*, no get_user_pages*");
	if (census__modules(&census, dir, only)) {
		census__free(&census);
		return outcome__skip(out, "no modules below %s", dir);
	}
	for (size_t i = 0; i < cnt; i++) {
		const struct census_unit *unit = census__find(&census, only[i]);

		if (!census__has_module(&census, only[i])) {
			outcome__saw(out, "%s: gone since, or not built", only[i]);
			continue;
		}
		found++;
		outcome__saw(out, "%s: %s", only[i],
			     census_class_name(unit ? unit->class : CLASS_NONE));
		old |= unit && (unit->class == CLASS_STILL_GET || unit->class == CLASS_BOTH);
	}
	census__free(&census);
	if (old)
		return outcome__fail(out, "%s", "still get_user_pages*");
	return found ? VERDICT_PASS : outcome__skip(out, "%s: gone since, or not built", row->arg);
}
