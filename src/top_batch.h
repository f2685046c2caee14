/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef GUP_TOP_BATCH_H
#define GUP_TOP_BATCH_H

#include <stdio.h>

#include "top_model.h"

/* One snapshot in its view: a summary, headings, rows, an empty line. 0, or -1 with errno. */
int top_batch(FILE *out, const struct top_model *model);

#endif
