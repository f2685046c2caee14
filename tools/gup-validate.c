// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-validate: do the promises of the pin_user_pages() series hold on this
 * kernel? Options here, the run in src/validate.c.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "validate.h"

static const char help[] =
	"Usage: gup-validate --census [--json] [DIR]\n"
	"\n"
	"Check what the kernel's pin_user_pages() promises.\n"
	"\n"
	"  --census [DIR]  which modules call which GUP functions, by their machine\n"
	"                  code: who is converted to pin_user_pages(), who still calls\n"
	"                  get_user_pages(). DIR holds modules (.ko, .ko.xz, ...); the\n"
	"                  default is the running kernel: its modules and its own code\n"
	"  --json          as JSON\n"
	"  -h, --help      this text\n"
	"  -V, --version   the version\n"
	"\n"
	"Exit status: 0 done  2 usage  3 cannot run here  4 failed\n";

static const struct option options[] = {
	{ "census", no_argument, NULL, 'c' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ 0 },
};

int main(int argc, char **argv)
{
	struct validate_env env = {};
	bool census = false;
	int key, ret;

	opterr = 0;
	while ((key = getopt_long(argc, argv, ":hV", options, NULL)) != -1) {
		switch (key) {
		case 'c':
			census = true;
			break;
		case 'j':
			env.json = true;
			break;
		case 'h':
			fputs(help, stdout);
			return 0;
		case 'V':
			puts("gup-validate " GUP_VERSION);
			return 0;
		default:
			errx(2, "unknown option %s (see --help)", argv[optind - 1]);
		}
	}
	if (!census || argc - optind > 1)
		errx(2, census ? "only one DIR can be given" : "nothing to do (see --help)");
	env.dir = argv[optind];
	ret = validate_run(&env);
	if (fclose(stdout))
		err(4, "can't write the report");
	return ret;
}
