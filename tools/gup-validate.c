// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-validate: do the promises of the pin_user_pages() series hold on this
 * kernel? Options here, the run in src/validate.c.
 */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "validate.h"

const char *argp_program_version = "gup-validate " GUP_VERSION;

static const char doc[] =
	"Check on this kernel what pin_user_pages() promises: pin own memory in every way that "
	"is at hand, and compare what was asked for, what the kernel counted, and what struct "
	"page says. Prints KTAP and, at its end, a table. Needs root.\v"
	"EXAMPLES\n"
	"  gup-validate                         all that can be checked here\n"
	"  gup-validate --patch 12 --rule R11   these two\n"
	"  gup-validate --census                who still calls get_user_pages()\n\n"
	"EXIT STATUS\n"
	"  0 all holds  1 something is broken  2 usage  3 cannot run here  4 failed";

enum { OPT_LIST = 256, OPT_PATCH, OPT_RULE, OPT_SITE, OPT_JSON, OPT_CENSUS };

static const struct argp_option options[] = {
	{ "list", OPT_LIST, NULL, 0, "print the patches, rules and call sites", 0 },
	{ "patch", OPT_PATCH, "N", 0, "only this patch of the series; may be repeated", 0 },
	{ "rule", OPT_RULE, "R", 0, "only this rule, e.g. R11; may be repeated", 0 },
	{ "site", OPT_SITE, "NAME", 0, "only this call site; may be repeated", 0 },
	{ "json", OPT_JSON, NULL, 0, "one JSON document instead", 0 },
	{ "census", OPT_CENSUS, NULL, 0,
	  "which modules call which GUP functions, by their machine code: those below DIR, or "
	  "the running kernel's and its own code",
	  0 },
	{ 0 },
};

static void choose(struct validate_env *env, char part, const char *id, const char *name)
{
	if (!validate_knows(part, id))
		usage_error("no %s %s (see --list)", name, id);
	if (env->chosen_cnt == VALIDATE_CHOSEN_MAX)
		usage_error("more than %d choices", VALIDATE_CHOSEN_MAX);
	env->chosen[env->chosen_cnt].part = part;
	env->chosen[env->chosen_cnt++].id = id;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct validate_env *env = state->input;

	switch (key) {
	case OPT_LIST:
		env->what = VALIDATE_LIST;
		return 0;
	case OPT_PATCH:
		choose(env, 'p', arg, "patch");
		return 0;
	case OPT_RULE:
		choose(env, 'r', arg, "rule");
		return 0;
	case OPT_SITE:
		choose(env, 's', arg, "call site");
		return 0;
	case OPT_JSON:
		env->json = true;
		return 0;
	case OPT_CENSUS:
		env->what = VALIDATE_CENSUS;
		return 0;
	case ARGP_KEY_ARG:
		if (env->dir)
			usage_error("only one DIR can be given");
		env->dir = arg;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "[DIR]", doc, NULL, NULL, NULL };
	struct validate_env env = {};
	int ret;

	stdout_must_be_written();
	options_check(argc, argv, options);
	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &env))
		return 2;
	if (env.dir && env.what != VALIDATE_CENSUS)
		usage_error("DIR goes with --census only");
	if (env.chosen_cnt && env.what != VALIDATE_RUN)
		usage_error("--patch, --rule and --site go with the checks only");
	ret = validate_run(&env);
	return ret;
}
