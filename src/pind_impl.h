/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the pind*.c files only. */
#ifndef GUP_PIND_IMPL_H
#define GUP_PIND_IMPL_H

#include "pind.h"

struct prom_options;
struct snapshot; /* not snapshot.h: its struct group is not that of grp.h */

#define STATUS_CANNOT 3
#define STATUS_BROKEN 4

/*
 * Listens, alone: a second daemon is refused. -1 after one line on stderr. The
 * lock in *lock_fd goes with the process.
 */
int pind_socket__open(const struct pind_config *config, int *lock_fd);
/* Removes the socket; fd -1: does nothing. */
void pind_socket__close(const struct pind_config *config, int fd, int lock_fd);

/* Listens on "[ADDRESS:]PORT" of TCP, numbers only. -1 after one line on stderr. */
int pind_tcp__open(const char *where);

/* Where the snapshots come from: a tracker, scans, a recorded one. */
struct pind_source;

/* NULL after one line on stderr, *status the exit status. */
struct pind_source *pind_source__open(const struct pind_config *config, int *status);
void pind_source__close(struct pind_source *source);
/* Ends pinned tracking that no daemon serves; the exit status. */
int pind_source__detach(const struct pind_config *config);
/* A descriptor that is readable when pind_source__serve() has work; -1 = never. */
int pind_source__fd(const struct pind_source *source);
/* 0 or -errno. */
int pind_source__serve(struct pind_source *source);
/* An audited snapshot, NULL after one line on stderr. */
struct snapshot *pind_source__take(struct pind_source *source);

/*
 * Gives up, for good, the capabilities that taking snapshots does not need;
 * what was attached stays so. 0 or -errno.
 */
int pind_privilege__drop(void);

/*
 * Writes folder/gup_pin.prom, under another name first, so that the collector
 * never reads half of it; removes what writers that were killed have left. 0,
 * or -errno after one line on stderr.
 */
int pind_textfile__write(const char *folder, const struct snapshot *snap,
			 const struct prom_options *opts);

#endif
