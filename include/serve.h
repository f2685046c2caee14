/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The half of gup-pind that answers HTTP. It knows snapshots and nothing else:
 * no tracker, no BPF, no file that a client could name.
 */
#ifndef GUP_SERVE_H
#define GUP_SERVE_H

#include <stdbool.h>
#include <stdint.h>

struct serve_options {
	int socket;	   /* listens */
	int feed;	   /* snapshots come from here, see feed.h */
	int relay;	   /* the pages with sums only go there as well; -1 = nowhere */
	bool is_relay;	   /* feed is the other end of that, and there are no other pages */
	bool is_confined;  /* once it serves, it starts no process and no thread */
	unsigned int top;  /* values of a label, 0 = PROM_TOP */
	uint64_t stale_ns; /* an older snapshot is not healthy; 0 = any is */
};

/* Serves until the feed ends. The exit status: 0, or 4 after one line on stderr. */
int serve_run(const struct serve_options *opts);

/*
 * Gives up what a process that parses HTTP does not need, for good: privilege
 * if there is any (for the user gup-pin, else nobody), the network, new
 * privileges by exec, every descriptor but those of the options and stderr.
 * serve_run() does the rest if the options say is_confined. 0 or -errno.
 */
int serve_confine(const struct serve_options *opts);

#endif
