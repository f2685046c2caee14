/* SPDX-License-Identifier: GPL-2.0-only */
/* gup-validate's options and its run. */
#ifndef GUP_VALIDATE_H
#define GUP_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>

enum validate_what { VALIDATE_RUN, VALIDATE_LIST, VALIDATE_CENSUS, VALIDATE_MODULE };

#define VALIDATE_CHOSEN_MAX 64

struct validate_env {
	enum validate_what what;
	const char *dir;    /* of modules; NULL = the running kernel's */
	const char *module; /* name, or path of its file */
	char **cmd;	    /* what exercises it; NULL = nothing */
	bool json;
	/* Patches, rules and sites that were asked for; none = all. */
	struct {
		char part; /* 'p', 'r', 's' */
		const char *id;
	} chosen[VALIDATE_CHOSEN_MAX];
	size_t chosen_cnt;
};

/* Is there a patch, rule or site ('p', 'r', 's') of that name? */
bool validate_knows(char part, const char *id);

/* Does it, on stdout; the exit status. Errors are one line on stderr. */
int validate_run(const struct validate_env *env);

#endif
