/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The metrics of an audited snapshot, for Prometheus: its text format 0.0.4 or
 * OpenMetrics 1.0. From the snapshot and what the program knows of itself,
 * nothing else, so that a recorded one gives the same text anywhere.
 *
 * How many series there are is bounded: of each label the largest values are
 * shown, the rest is added up under "other" and counted.
 */
#ifndef GUP_FORM_PROM_H
#define GUP_FORM_PROM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "snapshot.h"

#define PROM_TOP 20 /* values of a label, unless something else is asked for */

#define PROM_TYPE_TEXT "text/plain; version=0.0.4; charset=utf-8"
#define PROM_TYPE_OPEN "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* What the program that tracks has cost and done so far. */
struct prom_self {
	uint64_t cpu_ns;
	uint64_t resident_bytes;
	uint64_t started_ns; /* since the epoch */
	uint64_t took_ns;    /* the last snapshot */
	uint64_t snapshots, failed_snapshots;
	uint64_t fuse_level;	   /* see fuse.h */
	uint64_t cpu_ratio_ns;	   /* in billionths of all CPUs, lately */
	uint64_t unsent_snapshots; /* the process that serves was not ready for them */
};

struct prom_options {
	bool open_metrics;
	unsigned int top;	      /* values of a label, 0 = PROM_TOP */
	const struct prom_self *self; /* NULL: no metrics of the program */
};

/* 0, -EIO if the stream failed, or -ENOMEM. */
int form_prom(FILE *out, const struct snapshot *snap, const struct prom_options *opts);

#endif
