// SPDX-License-Identifier: GPL-2.0-only
/* gup-leakcheck --limits: the accounts of pinned memory, as text or JSON. */
#include <err.h>
#include <errno.h>
#include <string.h>

#include "kernel.h"
#include "leakcheck.h"
#include "pin_limits.h"
#include "util.h"

#define EXIT_USAGE 2
#define EXIT_CANNOT 3
#define EXIT_BROKEN 4

/* Without privilege there is still something to tell, but it is not what was asked for. */
static int write_limits(FILE *out, const struct env *env, const struct limits *limits)
{
	int err = env->form == FORM_JSON ? form_limits_json(out, limits) : form_limits(out, limits);

	if (err || fflush(out)) {
		warnx("can't write the report: %s", strerror(errno));
		return EXIT_BROKEN;
	}
	return limits->scan_err || limits->users_err ? EXIT_CANNOT : 0;
}

int leakcheck_limits(const struct env *env)
{
	cleanup_file FILE *file = env->output ? fopen(env->output, "we") : NULL;
	struct limits limits;
	int err;

	if (env->output && !file) {
		warn("%s", env->output);
		return EXIT_USAGE;
	}
	kernel_reader__log(env->verbose);
	err = limits__read(&limits);
	if (err) {
		warnx("can't look at /proc: %s", strerror(-err));
		return EXIT_BROKEN;
	}
	err = write_limits(file ? file : stdout, env, &limits);
	limits__free(&limits);
	return err;
}
