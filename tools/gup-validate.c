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
	"  gup-validate --census                who still calls get_user_pages()\n"
	"  gup-validate --module my_driver -- ./my_test   does my driver let go?\n\n"
	"EXIT STATUS\n"
	"  0 all holds  1 something is broken  2 usage  3 cannot run here  4 failed\n"
	"  126 CMD cannot be executed  127 CMD not found";

enum { OPT_LIST = 256, OPT_PATCH, OPT_RULE, OPT_SITE, OPT_JSON, OPT_CENSUS, OPT_MODULE };

static const struct argp_option options[] = {
	{ "list", OPT_LIST, NULL, 0, "print the patches, rules and call sites", 0 },
	{ "patch", OPT_PATCH, "N", 0, "only this patch of the series; may be repeated", 0 },
	{ "rule", OPT_RULE, "R", 0, "only this rule, e.g. R11; may be repeated", 0 },
	{ "site", OPT_SITE, "NAME", 0, "only this call site; may be repeated", 0 },
	{ "module", OPT_MODULE, "NAME", 0,
	  "the code of this module (a name, or its file), and what goes through it while CMD runs",
	  0 },
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

struct args {
	struct validate_env env;
	char **words; /* that are no options; NULL = none */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;
	struct validate_env *env = &args->env;

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
	case OPT_MODULE:
		env->what = VALIDATE_MODULE;
		env->module = arg;
		return 0;
	case OPT_JSON:
		env->json = true;
		return 0;
	case OPT_CENSUS:
		env->what = VALIDATE_CENSUS;
		return 0;
	case ARGP_KEY_ARGS:
		args->words = state->argv + state->next;
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

/* What is no option: the directory of --census, the command of --module. */
static void place_words(struct validate_env *env, char **words)
{
	if (!words)
		return;
	if (env->what == VALIDATE_MODULE)
		env->cmd = words;
	else if (env->what != VALIDATE_CENSUS)
		usage_error("'%s' goes with --census or --module only", words[0]);
	else if (words[1])
		usage_error("only one DIR can be given");
	else
		env->dir = words[0];
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "[DIR | -- CMD [ARG...]]", doc, NULL,
					  NULL,	   NULL };
	struct args args = {};
	int ret;

	stdout_must_be_written();
	options_check(argc, argv, options);
	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &args))
		return 2;
	place_words(&args.env, args.words);
	if (args.env.chosen_cnt && args.env.what != VALIDATE_RUN)
		usage_error("--patch, --rule and --site go with the checks only");
	ret = validate_run(&args.env);
	return ret;
}
