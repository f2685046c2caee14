/* SPDX-License-Identifier: GPL-2.0-only */
/* gup-pintop's options and its run. */
#ifndef GUP_TOP_H
#define GUP_TOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "top_model.h"

#define TOP_DELAY_LEAST_NS 100000000ULL

struct top_env {
	char **replay; /* files of recorded snapshots, NULL = live */
	size_t replay_cnt;
	const char *socket;  /* of gup-pind; NULL = the usual one, if it is there */
	bool no_daemon;	     /* ask none */
	const char *record;  /* folder for each snapshot taken, NULL = none */
	bool batch, json;    /* lines instead of a screen; NDJSON instead of lines */
	uint64_t frames;     /* how many snapshots in batch mode, 0 = no end */
	uint64_t delay_ns;   /* between two */
	enum top_view view;  /* to begin with */
	const char *columns; /* "memory,pins"; NULL = the view's usual ones */
	const char *sort;    /* column, with - before it reversed; NULL = the view's */
	const char *filter;  /* words, "comm=fio kind=anon"; NULL = everything */
	bool ascii;	     /* no characters but ASCII */
};

/* Runs until the user ends it; the exit status. Errors are one line on stderr. */
int top_run(const struct top_env *env);

#endif
