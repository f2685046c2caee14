// SPDX-License-Identifier: GPL-2.0-only
/* Usage errors are one line, like all others; argp's own add a second. See options.h. */
#include "options.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "duration.h"

#define OPTIONS_MAX 64

void usage_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vwarnx(fmt, args);
	va_end(args);
	exit(2);
}

uint64_t option_number(const char *name, const char *arg, uint64_t least, uint64_t most)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(arg, &end, 10);
	if (errno || *end || end == arg || *arg == '-' || value < least || value > most)
		usage_error("%s: '%s' is not a number from %llu to %llu", name, arg,
			    (unsigned long long)least, (unsigned long long)most);
	return value;
}

uint64_t option_duration(const char *name, const char *arg)
{
	uint64_t ns = 0;

	if (parse_duration(arg, &ns))
		usage_error("%s: '%s' is not a time: use 500ms, 10s, 5m, 2h", name, arg);
	return ns;
}

/* Status 4 was said to be one before, maybe this one. */
static void check_stdout(int status, void *arg)
{
	bool failed = ferror(stdout);

	(void)arg;
	if (!fclose(stdout)) {
		if (!failed)
			return;
		errno = EIO;
	}
	if (status != 4)
		warn("can't write to standard output");
	_exit(4);
}

void stdout_must_be_written(void)
{
	if (on_exit(check_stdout, NULL))
		err(4, "can't begin");
}

void options_check(int argc, char **argv, const struct argp_option *options)
{
	struct option longs[OPTIONS_MAX + 4] = {};
	char shorts[2 * OPTIONS_MAX + 8] = "+:Vh?";
	size_t cnt = 0, len = strlen(shorts);
	int key;

	for (const struct argp_option *o = options; (o->name || o->doc) && cnt < OPTIONS_MAX; o++) {
		if (!o->name)
			continue;
		longs[cnt].name = o->name;
		longs[cnt++].has_arg = o->arg ? required_argument : no_argument;
		if (o->key < 128)
			len += snprintf(shorts + len, sizeof(shorts) - len, "%c%s", o->key,
					o->arg ? ":" : "");
	}
	longs[cnt++].name = "help";
	longs[cnt++].name = "usage";
	longs[cnt++].name = "version";
	opterr = 0;
	while ((key = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (key == ':')
			usage_error("%s wants a value (see --help)", argv[optind - 1]);
		if (key == '?' && strcmp(argv[optind - 1], "-?"))
			usage_error("unknown option %s (see --help)", argv[optind - 1]);
	}
	optind = 1;
}
