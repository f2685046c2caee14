/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the pind*.c files only. */
#ifndef GUP_PIND_IMPL_H
#define GUP_PIND_IMPL_H

#include "fuse.h"
#include "pind.h"

struct pfn_range;
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
/* At which level it begins, and what the fuse makes of it later; 0 or -errno after one line on stderr. */
enum fuse_level pind_source__level(const struct pind_source *source);
/* Does it track by plan core, whose ledger takes 0.4% of RAM? */
bool pind_source__has_ledger(const struct pind_source *source);
int pind_source__set_level(struct pind_source *source, enum fuse_level level);
/* Of its BPF programs, as own_tracker.h has them; 0 and -ENOENT where there are none. */
uint64_t pind_source__run_ns(const struct pind_source *source);
int pind_source__measure(const struct pind_source *source);

/* An audited snapshot, NULL after one line on stderr. */
struct snapshot *pind_source__take(struct pind_source *source);

/* All folios that the tracker knows, listed; NULL without a tracker, or after one line on stderr. */
struct snapshot *pind_source__look(struct pind_source *source);
/* The pages of the ranges, ascending and apart, explained by a scan; NULL after one line on stderr. */
struct snapshot *pind_source__explain(struct pind_source *source, const struct pfn_range *ranges,
				      size_t cnt);

/* Answers for page frames that are busy; accepts NULL, as which it does nothing. */
struct pind_busy;

/* After one line on stderr, one that never has any, or NULL. */
struct pind_busy *pind_busy__open(void);
void pind_busy__close(struct pind_busy *busy);
/* A descriptor that is readable when pind_busy__serve() has work; -1 = not now. */
int pind_busy__fd(const struct pind_busy *busy, uint64_t now_ns);
void pind_busy__serve(struct pind_busy *busy, struct pind_source *source, uint64_t now_ns);
/* Adds the last answers. */
void pind_busy__show(const struct pind_busy *busy, struct snapshot *snap);

/* What the daemon costs, for the fuse. */
struct pind_fuse {
	struct fuse fuse;
	int stats_fd; /* open while BPF programs are measured */
	uint64_t begun_ns, begun_run_ns;
	double run_share;      /* CPUs that they took then */
	uint64_t interval_ns;  /* between two snapshots */
	double snapshot_share; /* CPUs that snapshots take, by the last one */
	uint64_t snapshots_ns; /* that all of them took, when they were taken */
	uint64_t spread_ns;    /* that both took in all, by these shares */
	uint64_t told_ns;
};

void pind_fuse__begin(struct pind_fuse *fuse, const struct pind_config *config,
		      const struct pind_source *source);
/* A snapshot took that much processor time and time: it counts until the next, not for its moment. */
void pind_fuse__snapshot(struct pind_fuse *fuse, uint64_t cpu_ns, uint64_t took_ns);
/* To be called each second or so; says in one line what it changes. bytes: memory of all. */
void pind_fuse__look(struct pind_fuse *fuse, struct pind_source *source, uint64_t now_ns,
		     uint64_t bytes);

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
