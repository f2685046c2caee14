/* SPDX-License-Identifier: GPL-2.0-only */
/* gup-leakcheck's options and its run. */
#ifndef GUP_LEAKCHECK_H
#define GUP_LEAKCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "filter.h"

struct pfn_range;
struct suppressions;

enum form { FORM_TEXT, FORM_JSON, FORM_FOLDED };
enum what { DO_TRACK, DO_SCHEMA, DO_PROBE, DO_SAVED, DO_LIMITS };

struct env {
	enum what what;
	enum form form;
	char **cmd;	   /* NULL = none */
	const char *input; /* a saved snapshot to judge, "-" = standard input */
	const char *diff;  /* an older one to compare it with, NULL = none */
	uint32_t pid;
	bool watch;	      /* track for duration_ns; else, without CMD, scan once */
	uint64_t duration_ns; /* 0 = until CMD ends or we are interrupted */
	uint64_t grace_ns;
	uint64_t min_age_ns, min_pages;
	unsigned int top;
	struct filter filter;
	const char *suppress;
	const char *output; /* file of the report, NULL = stdout */
	bool quiet, verbose;
	bool pages;		  /* list every folio */
	const char *socket;	  /* of the gup-pind to ask; NULL = the usual one, if it is there */
	bool no_daemon;		  /* ask none */
	struct pfn_range *ranges; /* explain these; NULL = scan all */
	size_t range_cnt;
	int plan;	  /* enum hook_plan */
	bool plan_chosen; /* else the other one is used where this one cannot be */
	uint32_t stack_every;
	uint64_t max_folios;
	uint64_t scan_rate; /* struct pages a second, 0 = as fast as it goes */
	uint64_t max_records;
	const char *skip_hook;
};

/* The number of a plan's name for env.plan, or -1. */
int leakcheck_plan(const char *name);

/* Tracks or scans, reports to stdout; the exit status. Errors are one line on stderr. */
int leakcheck_run(const struct env *env);
/* Judges the saved snapshot env->input, or compares it with env->diff; the exit status. */
int leakcheck_saved(const struct env *env);
/* Writes what is charged to processes and users; the exit status. */
int leakcheck_limits(const struct env *env);

/*
 * Writes an audited snapshot in the form that was asked for, and names unused
 * suppressions (may be NULL) on stderr; the exit status. age_ns: of a snapshot
 * that another program took, 0 if this one did.
 */
int leakcheck_report(FILE *out, const struct env *env, const struct snapshot *snap,
		     const struct suppressions *suppressions, uint64_t age_ns);

#endif
