// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pind: the daemon. Options here, from the table of settings; the run is in
 * src/pind.c.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "pind.h"
#include "util.h"

const char *argp_program_version = "gup-pind " GUP_VERSION;

static const char doc[] =
	"Track who pins which memory pages, and serve it over HTTP on a Unix socket: "
	"/metrics for Prometheus, /v1/snapshot, /v1/findings, /v1/schema, /healthz.\v"
	"EXAMPLES\n"
	"  gup-pind                            needs root; Ctrl-C ends it\n"
	"  gup-pind --once                     one scan, its metrics to standard output\n"
	"  curl --unix-socket /run/gup-pin/gup-pind.sock http://gup-pin/metrics\n\n"
	"Each option but those of the first group is a key of the configuration file, "
	"with _ for -.\n\n"
	"EXIT STATUS\n"
	"  0 ended by a signal, or done  2 usage  3 cannot run here  4 failed";

enum { OPT_ONCE = 256, OPT_DETACH, OPT_CONFIG, OPT_CHECK, OPT_SETTING };

#define OPTIONS_MAX 64

struct args {
	bool once, detach, check;
	const char *config; /* NULL = the usual one, if it is there */
	const char *given[OPTIONS_MAX];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;
	size_t cnt;

	pind_settings(&cnt);
	switch (key) {
	case OPT_ONCE:
		args->once = true;
		return 0;
	case OPT_DETACH:
		args->detach = true;
		return 0;
	case OPT_CHECK:
		args->check = true;
		return 0;
	case OPT_CONFIG:
		args->config = arg;
		return 0;
	case ARGP_KEY_ARG:
		usage_error("unexpected '%s' (see --help)", arg);
	}
	if (key < OPT_SETTING || (size_t)key >= OPT_SETTING + cnt)
		return ARGP_ERR_UNKNOWN;
	args->given[key - OPT_SETTING] = arg;
	return 0;
}

/* The options of the table, behind those that are no settings. */
static void list_options(struct argp_option options[OPTIONS_MAX])
{
	static const struct argp_option own[] = {
		{ NULL, 0, NULL, 0, "What to do:", 1 },
		{ "once", OPT_ONCE, NULL, 0, "take one snapshot, write its metrics, end", 1 },
		{ "detach", OPT_DETACH, NULL, 0, "end tracking that outlived its daemon", 1 },
		{ "config", OPT_CONFIG, "FILE", 0, "settings from there (" PIND_CONFIG ")", 1 },
		{ "check-config", OPT_CHECK, NULL, 0, "read the settings, say what is wrong, end",
		  1 },
		{ NULL, 0, NULL, 0, "Settings:", 2 },
	};
	size_t cnt;
	const struct pind_setting *settings = pind_settings(&cnt);

	memcpy(options, own, sizeof(own));
	for (size_t i = 0; i < cnt; i++)
		options[ARRAY_SIZE(own) + i] = (struct argp_option){
			settings[i].name, OPT_SETTING + i, settings[i].arg, 0, settings[i].doc, 2
		};
}

/* The file first, what the command line says after it. */
static void configure(struct pind_config *config, const struct args *args)
{
	const char *path = args->config ? args->config : PIND_CONFIG;
	cleanup_file FILE *file = fopen(path, "re");
	size_t cnt;
	const struct pind_setting *settings = pind_settings(&cnt);
	char why[128];

	pind_config__default(config);
	if (!file && (args->config || errno != ENOENT))
		err(2, "%s", path);
	if (file && pind_config__read(config, file, path))
		exit(2);
	for (size_t i = 0; i < cnt; i++)
		if (args->given[i] &&
		    pind_config__set(config, &settings[i], args->given[i], why, sizeof(why)))
			usage_error("--%s: %s", settings[i].name, why);
	config->once = args->once;
	config->detach = args->detach;
}

int main(int argc, char **argv)
{
	struct argp_option options[OPTIONS_MAX] = {};
	const struct argp argp = { options, parse, NULL, doc, NULL, NULL, NULL };
	struct args args = {};
	struct pind_config config;

	stdout_must_be_written();
	list_options(options);
	options_check(argc, argv, options);
	argp_err_exit_status = 2;
	if (argp_parse(&argp, argc, argv, 0, NULL, &args))
		return 2;
	configure(&config, &args);
	if (args.check)
		return 0;
	return pind_run(&config);
}
