// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-leakcheck without a command: one scan of the machine as it is, or of the
 * pages asked for. Without privilege, the kernel's totals and no more.
 */
#include <err.h>
#include <errno.h>

#include "fmt.h"
#include "kernel.h"
#include "leakcheck_impl.h"
#include "resolve.h"
#include "scan_take.h"

void leakcheck_totals(FILE *out)
{
	uint64_t acquired, released;

	if (vmstat__read(&acquired, &released))
		return;
	fprintf(out, "%s%s pins are out: %s acquired, %s released since boot (/proc/vmstat)\n",
		acquired < released ? "-" : "",
		fmt_count(acquired < released ? released - acquired : acquired - released).s,
		fmt_count(acquired).s, fmt_count(released).s);
	fputs("who and where need root\n", out);
}

int leakcheck_scan(const struct env *env, FILE *out, const struct suppressions *suppressions)
{
	struct scan_take_options take = {
		.tool = "gup-leakcheck",
		.ranges = env->ranges,
		.range_cnt = env->range_cnt,
		.pages = env->pages,
		.max_pages_per_s = env->scan_rate,
		.min_age_ns = env->min_age_ns,
	};
	struct snapshot *snap;
	int ret;

	if (env->form == FORM_FOLDED) {
		warnx("--folded: a scan knows no stacks; give a command or --duration");
		return EXIT_USAGE;
	}
	kernel_reader__log(env->verbose);
	snap = snapshot__scan(&take);
	if (!snap) {
		if (errno != EPERM && errno != ENOENT && errno != ENOSYS && errno != ENXIO)
			return EXIT_BROKEN;
		if (env->form == FORM_TEXT)
			leakcheck_totals(out);
		return EXIT_CANNOT;
	}
	leakcheck_busy(env, snap);
	leakcheck_judge(env, snap, suppressions);
	ret = leakcheck_report(out, env, snap, suppressions, 0);
	snapshot__free(snap);
	return ret;
}
