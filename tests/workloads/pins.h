/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The call sites of the program pins (pins_sites.c) and what its main program (pins.c) tells them.
 */
#ifndef PINS_H
#define PINS_H

#include <stdbool.h>
#include <sys/types.h>

#include "pinlib.h"

struct job {
	/* what was asked for */
	const char *kind;    /* of memory, or NULL for the site's own */
	const char *path;    /* file or block device of the O_DIRECT sites */
	unsigned long count; /* pages, 0 for the site's own number */
	unsigned long block; /* bytes of one read or write, 0 for all in one */
	bool child;	     /* pin the memory of a child process */

	/* what is there while it runs */
	struct mem mem;
	int fd;	      /* what holds the pins, or -1 */
	pid_t target; /* whose memory it is, 0 if its own */
};

struct site {
	const char *name;
	const char *doc;
	const char *kind;		 /* memory used unless told otherwise */
	unsigned long count;		 /* pages, a prime number */
	bool transient;			 /* released before the call returns */
	bool in_child;			 /* a child process maps the memory and pins it */
	int (*prepare)(struct job *job); /* once, before anything is counted; may be NULL */
	int (*pin)(struct job *job);
	int (*release)(struct job *job); /* NULL if there is nothing to do */
};

extern const struct site pin_sites[]; /* ends with a row without name */

#endif
