/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What argp lacks, for all programs alike: usage errors of one line, and
 * values that are checked. Each of these ends the program with status 2.
 */
#ifndef GUP_OPTIONS_H
#define GUP_OPTIONS_H

#include <argp.h>
#include <stdint.h>

/* One line on stderr, then exit(2). */
void __attribute__((noreturn, format(printf, 1, 2))) usage_error(const char *fmt, ...);

/* The number in arg, from least to most; name is the option's, "--top". */
uint64_t option_number(const char *name, const char *arg, uint64_t least, uint64_t most);
/* The time in arg, in nanoseconds: "500ms", "10s". */
uint64_t option_duration(const char *name, const char *arg);

/*
 * From now on the end of the program looks whether all of standard output was
 * written, --help too: if not, one line on stderr and exit(4). Call it first.
 */
void stdout_must_be_written(void);

/*
 * Finds unknown options and missing values before argp does, which would
 * answer with two lines. Stops at the first word that is no option.
 */
void options_check(int argc, char **argv, const struct argp_option *options);

#endif
