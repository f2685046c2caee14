/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the form_prom*.c files only: how a family and its samples are written. */
#ifndef GUP_FORM_PROM_IMPL_H
#define GUP_FORM_PROM_IMPL_H

#include "form_prom.h"

struct prom {
	FILE *out;
	const struct snapshot *snap;
	const struct prom_options *opts;
	int err; /* 0 or -ENOMEM */
};

/* HELP and TYPE. name of a counter: without "_total". */
void prom__family(struct prom *prom, const char *name, const char *type, const char *help);
/* One sample; labels: 'a="x",b="y"' escaped, or NULL. */
void prom__sample(struct prom *prom, const char *name, const char *labels, uint64_t value);
/* 'name="value"' with a comma before it unless it is the first; value may hold any bytes. */
void prom__label(struct prom *prom, FILE *labels, bool first, const char *name, const char *value);

/* The families by owner, cgroup, site and driver. */
void prom__labelled(struct prom *prom);

#endif
