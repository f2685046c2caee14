/* SPDX-License-Identifier: GPL-2.0-only */
/* Who has the very open files that pins came through, now. */
#ifndef GUP_HOLDERS_H
#define GUP_HOLDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "gup_abi.h"

/*
 * Walks all tasks' descriptor tables for the files given (file and priv of each
 * are used). *holders is malloc'ed. 0; or -errno: nobody could look, which is
 * not "nobody holds it".
 */
int holders__find(const struct gup_file *files, size_t file_cnt, struct gup_holder **holders,
		  size_t *cnt);

#endif
