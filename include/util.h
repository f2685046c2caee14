/* SPDX-License-Identifier: GPL-2.0-only */
/* Small things that every file may use. Nothing here knows about pins. */
#ifndef GUP_UTIL_H
#define GUP_UTIL_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_free_(void *ptr)
{
	free(*(void **)ptr);
}

static inline void cleanup_fd_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file_(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_)))
#define cleanup_fd __attribute__((cleanup(cleanup_fd_)))
#define cleanup_file __attribute__((cleanup(cleanup_file_)))

#endif
