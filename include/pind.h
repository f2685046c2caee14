/* SPDX-License-Identifier: GPL-2.0-only */
/* gup-pind's settings and its run. */
#ifndef GUP_PIND_H
#define GUP_PIND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PIND_SOCKET "/run/gup-pin/gup-pind.sock"
#define PIND_CONFIG "/etc/gup-pin/gup-pind.conf"
#define PIND_BPFFS "/sys/fs/bpf/gup-pin"
#define PIND_SOCKET_MAX 108 /* sun_path */

enum pind_plan { PIND_AUTO, PIND_CORE, PIND_CALL, PIND_SCAN };

struct pind_config {
	char socket[PIND_SOCKET_MAX];
	char group[32];		   /* of the socket */
	char listen[64];	   /* [ADDRESS:]PORT for TCP; empty = no TCP */
	char bpffs[PATH_MAX];	   /* folder where tracking outlives the daemon; "none" */
	char textfile[PATH_MAX];   /* folder; empty = none */
	char input[PATH_MAX];	   /* a recorded snapshot, empty = look at this machine */
	uint64_t plan;		   /* enum pind_plan */
	uint64_t scan_interval_ns; /* between two snapshots */
	uint64_t scan_rate;	   /* struct pages a second */
	uint64_t max_records;	   /* of plan call */
	uint64_t top;		   /* values of a label in the metrics */
	uint64_t max_cpu_ppm;	   /* of all CPUs; above it less is done, see fuse.h */
	uint64_t max_bytes;	   /* likewise; 0 = as --help says */
	bool once;
	bool detach; /* end tracking that outlived its daemon, and nothing else */
};

/* A setting: an option of the program, and a key of the configuration file with "_" for "-". */
struct pind_setting {
	const char *name; /* "scan-interval" */
	const char *arg;  /* what --help calls the value */
	const char *doc;
	enum { PIND_TEXT, PIND_TIME, PIND_NUMBER, PIND_WORD, PIND_SHARE, PIND_BYTES } kind;
	size_t at;	      /* in struct pind_config */
	uint64_t least, most; /* of a number or time; most of a text: its room */
	const char *words[4]; /* of PIND_WORD; the place is the value */
};

/* The table of all settings. */
const struct pind_setting *pind_settings(size_t *cnt);

void pind_config__default(struct pind_config *config);
/* 0, or -EINVAL with the reason, one line without the setting's name, in why. */
int pind_config__set(struct pind_config *config, const struct pind_setting *setting,
		     const char *value, char *why, size_t why_bytes);
/*
 * Reads "key = value" lines; "#" begins a comment. 0, or -EINVAL after one line
 * on stderr for each wrong line: "path:3: unknown key 'x'".
 */
int pind_config__read(struct pind_config *config, FILE *in, const char *path);

/* Runs until SIGTERM or SIGINT, or once; the exit status. Errors are one line on stderr. */
int pind_run(const struct pind_config *config);

#endif
