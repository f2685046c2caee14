// SPDX-License-Identifier: GPL-2.0-only
/* gup-validate's run. */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util.h"
#include "validate_impl.h"

#define EXIT_FINDINGS 1
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
	err = census__modules(&census, env->dir ? env->dir : dir, NULL);
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

/* ---- the checks ---- */

static const char part_letters[PART_CNT] = { 'p', 'r', 's' };

bool validate_knows(char part, const char *id)
{
	for (const struct row *row = rows; row->id; row++)
		if (part_letters[row->part] == part && !strcmp(row->id, id))
			return true;
	return false;
}

static bool is_chosen(const struct validate_env *env, const struct row *row)
{
	for (size_t i = 0; i < env->chosen_cnt; i++)
		if (env->chosen[i].part == part_letters[row->part] &&
		    !strcmp(env->chosen[i].id, row->id))
			return true;
	return !env->chosen_cnt;
}

static void run_row(struct validation *val, const struct row *row, struct outcome *out)
{
	*out = (struct outcome){};
	if (row->gate && !bench__has(&val->bench, row->gate)) {
		out->verdict = outcome__skip(out, "%s", row->no_gate);
		return;
	}
	out->verdict = row->check(val, row, out);
	if (out->verdict == VERDICT_PASS && !out->is_static && !out->pins)
		out->verdict = outcome__fail(out, "passed without having seen a pin of its own");
}

struct results {
	const struct row **rows;
	struct outcome *outcomes;
	size_t cnt;
	bool failed;
};

static void run_part(struct validation *val, enum part part, unsigned int number, size_t cnt,
		     struct results *results)
{
	bool failed = false, ktap = !val->env->json;
	size_t row_number = 0;

	if (ktap)
		form_part(stdout, part, cnt);
	for (const struct row *row = rows; row->id; row++) {
		struct outcome *out = &results->outcomes[results->cnt];

		if (row->part != part || !is_chosen(val->env, row))
			continue;
		run_row(val, row, out);
		results->rows[results->cnt++] = row;
		failed |= out->verdict == VERDICT_FAIL;
		if (ktap)
			form_row(stdout, ++row_number, row, out);
	}
	results->failed |= failed;
	if (ktap)
		form_part_end(stdout, number, part, failed);
}

static int run_parts(struct validation *val)
{
	size_t counts[PART_CNT] = {}, cnt = 0;
	cleanup_free const struct row **done = NULL;
	cleanup_free struct outcome *outcomes = NULL;
	struct results results = {};
	unsigned int number = 0;

	for (const struct row *row = rows; row->id; row++) {
		counts[row->part] += is_chosen(val->env, row);
		cnt++;
	}
	results.rows = done = calloc(cnt, sizeof(*done));
	results.outcomes = outcomes = calloc(cnt, sizeof(*outcomes));
	if (!done || !outcomes) {
		warn("can't keep the results");
		return EXIT_BROKEN;
	}
	if (!val->env->json)
		form_begin(stdout, counts);
	for (enum part part = 0; part < PART_CNT; part++)
		if (counts[part])
			run_part(val, part, ++number, counts[part], &results);
	if (val->env->json)
		form_validation_json(stdout, done, outcomes, results.cnt);
	else
		form_table(stdout, done, outcomes, results.cnt);
	return results.failed ? EXIT_FINDINGS : 0;
}

static int run_checks(const struct validate_env *env)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	struct validation val = { .env = env };
	int ret;

	setrlimit(RLIMIT_MEMLOCK, &unlimited);
	ret = bench__open(&val.bench, &(struct tracker_options){});
	if (!ret)
		ret = run_parts(&val);
	bench__close(&val.bench);
	return ret;
}

int validate_run(const struct validate_env *env)
{
	switch (env->what) {
	case VALIDATE_LIST:
		form_list(stdout);
		return 0;
	case VALIDATE_CENSUS:
		return run_census(env);
	case VALIDATE_MODULE:
		return validate_module(env);
	default:
		return run_checks(env);
	}
}
