/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where gup-pintop's snapshots come from: recorded files, gup-pind, or an
 * own tracker.
 * One small interface; whoever shows them does not know which it is.
 */
#ifndef GUP_TOP_SOURCE_H
#define GUP_TOP_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snapshot.h"

struct top_source;

struct top_source_ops {
	/*
	 * The next snapshot, audited; the caller frees it. Recorded: step is how
	 * far to go. Live: the newest, once. NULL with *why empty: there is none
	 * (beyond the end; not taken yet), else why it failed, in one line.
	 */
	struct snapshot *(*next)(struct top_source *source, int step, char *why, size_t room);
	/* What stands for the pace in the header: "every 2 s", "1 of 3". */
	void (*pace)(const struct top_source *source, char *text, size_t room);
	/* Another delay; NULL if snapshots do not come by themselves. */
	void (*set_delay)(struct top_source *source, uint64_t delay_ns);
	void (*close)(struct top_source *source);
};

struct top_source {
	const struct top_source_ops *ops;
	int fd; /* readable when next() has a new one; -1 = they do not come by themselves */
};

/* NULL after one line on stderr. */
struct top_source *top_source__replay(char **files, size_t cnt);

struct top_live_options {
	uint64_t delay_ns;
	const char *record; /* folder that each snapshot is written to, NULL = none */
	const char *socket; /* of the gup-pind to ask; NULL = the usual one, if it is there */
	bool no_daemon;	    /* ask none */
};

/* Takes or fetches snapshots in a thread of its own. NULL after one line on stderr, *status the exit status. */
struct top_source *top_source__live(const struct top_live_options *opts, int *status);

static inline void top_source__close(struct top_source *source)
{
	if (source)
		source->ops->close(source);
}

/*
 * Writes the snapshot as JSON to a new file in the folder, named after the
 * time it was taken; its path in *path. Written under another name first, so
 * that nobody reads half of one. 0 or -errno.
 */
int top_save(const char *folder, const struct snapshot *snap, char *path, size_t room);

#endif
