// SPDX-License-Identifier: GPL-2.0-only
/* gup-validate's run. */
#include "validate.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "census.h"
#include "kernel.h"
#include "resolve.h"

#define EXIT_CANNOT 3
#define EXIT_BROKEN 4

/* The running kernel's own code too, where it may be read. */
static void add_kernel(struct census *census)
{
	struct kernel_reader *reader;
	struct ksyms *ksyms;
	int err = -EPERM;

	kernel_reader__log(false);
	ksyms = ksyms__load();
	reader = ksyms ? kernel_reader__open() : NULL;
	if (reader)
		err = census__kernel(census, reader, ksyms);
	if (err)
		warnx("the kernel's own code is left out: %s", strerror(-err));
	kernel_reader__close(reader);
	ksyms__free(ksyms);
}

static int run_census(const struct validate_env *env)
{
	struct census census = {};
	struct utsname name;
	char dir[128];
	int err;

	uname(&name);
	snprintf(dir, sizeof(dir), "/lib/modules/%s", name.release);
	err = census__modules(&census, env->dir ? env->dir : dir);
	if (err && env->dir) {
		warnx("%s: %s", env->dir,
		      err == -ENOENT ? "no kernel modules there" : strerror(-err));
		return EXIT_CANNOT;
	}
	if (!env->dir)
		add_kernel(&census);
	err = env->json ? census__json(stdout, &census, env->dir ? env->dir : dir)
			: census__print(stdout, &census, env->dir ? env->dir : dir);
	census__free(&census);
	if (err)
		warnx("can't write the census: %s", strerror(-err));
	return err ? EXIT_BROKEN : 0;
}

int validate_run(const struct validate_env *env)
{
	return run_census(env);
}
