/* SPDX-License-Identifier: GPL-2.0-only */
/* gup-validate's options and its run. */
#ifndef GUP_VALIDATE_H
#define GUP_VALIDATE_H

#include <stdbool.h>

enum validate_what { VALIDATE_CENSUS };

struct validate_env {
	enum validate_what what;
	const char *dir; /* of modules; NULL = the running kernel's */
	bool json;
};

/* Does it, on stdout; the exit status. Errors are one line on stderr. */
int validate_run(const struct validate_env *env);

#endif
