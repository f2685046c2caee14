// SPDX-License-Identifier: GPL-2.0-only
/* Where the daemon's snapshots come from. See pind_impl.h. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "audit.h"
#include "background.h"
#include "forms.h"
#include "own_tracker.h"
#include "pind_impl.h"
#include "scan_take.h"
#include "util.h"

/* Work items release much of what a process held when it ends; a busy machine comes to them late. */
#define RELEASE_NS 10000000000ULL

struct pind_source {
	const struct pind_config *config;
	int lock;		     /* of bpffs, -1 = none */
	struct own_tracker *tracker; /* NULL: a scan for each snapshot, or a recorded one */
};

static struct snapshot *read_recorded(const char *path)
{
	cleanup_file FILE *file = fopen(path, "re");
	struct snapshot *snap;
	char why[256] = "";

	if (!file) {
		warn("%s", path);
		return NULL;
	}
	snap = form_json__read(file, why, sizeof(why));
	if (!snap)
		warnx("%s: no snapshot: %s", path, *why ? why : strerror(errno));
	return snap;
}

struct scanning {
	struct scan_take_options opts;
	struct snapshot *snap;
};

static int scan_now(void *ctx)
{
	struct scanning *scanning = ctx;

	scanning->snap = snapshot__scan(&scanning->opts);
	return 0;
}

/* Of all RAM without ranges. */
static struct snapshot *scan(const struct pind_config *config, const struct pfn_range *ranges,
			     size_t cnt)
{
	struct scanning scanning = {
		.opts = {
			.tool = "gup-pind",
			.ranges = ranges,
			.range_cnt = cnt,
			.counters_as_they_are = true,
			.max_pages_per_s = config->scan_rate,
		},
	};
	int err = background_run(scan_now, &scanning);

	if (err)
		warnx("can't scan: %s", strerror(-err));
	return scanning.snap;
}

struct snapshot *pind_source__take(struct pind_source *source)
{
	const struct audit_options audit = {};
	struct snapshot *snap;

	if (source->tracker)
		return own_tracker__take(source->tracker);
	snap = *source->config->input ? read_recorded(source->config->input)
				      : scan(source->config, NULL, 0);
	if (snap)
		snapshot__audit(snap, &audit);
	return snap;
}

struct snapshot *pind_source__look(struct pind_source *source)
{
	return source->tracker ? own_tracker__look(source->tracker) : NULL;
}

struct snapshot *pind_source__explain(struct pind_source *source, const struct pfn_range *ranges,
				      size_t cnt)
{
	return scan(source->config, ranges, cnt);
}

/* A tracker that has just begun has seen nothing yet: for one look a scan says more. */
static bool wants_tracker(const struct pind_config *config)
{
	if (*config->input || config->plan == PIND_SCAN)
		return false;
	return config->plan != PIND_AUTO || !config->once;
}

/*
 * Locks the folder that the pinned set is in: the set itself comes and goes.
 * -1 after one line on stderr.
 */
static int lock_bpffs(const char *dir)
{
	char path[PATH_MAX];
	struct statfs fs;
	int fd;

	snprintf(path, sizeof(path), "%s", dir);
	fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) || fs.f_type != BPF_FS_MAGIC)
		warnx("--bpffs %s: not below a mounted bpffs: mount -t bpf bpf /sys/fs/bpf, or "
		      "--bpffs none",
		      dir);
	else if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	else if (errno == EWOULDBLOCK)
		warnx("another gup-pind tracks in %s: end it first", dir);
	else
		warn("%s", dir);
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool is_pinned(const struct pind_config *config)
{
	return !config->once && strcmp(config->bpffs, "none");
}

int pind_source__detach(const struct pind_config *config)
{
	cleanup_fd int lock = -1;
	int err;

	if (!strcmp(config->bpffs, "none"))
		return 0;
	lock = lock_bpffs(config->bpffs);
	if (lock < 0)
		return STATUS_CANNOT;
	err = own_tracker__detach(config->bpffs);
	if (err)
		warnx("can't remove all of %s: %s", config->bpffs, strerror(-err));
	return err ? STATUS_BROKEN : 0;
}

/* The exit status: 0, or after one line on stderr. */
static int track(struct pind_source *source)
{
	static const enum own_plan plans[] = {
		[PIND_AUTO] = OWN_PLAN_CALL_FIRST,
		[PIND_CORE] = OWN_PLAN_CORE,
		[PIND_CALL] = OWN_PLAN_CALL,
		[PIND_SCAN] = OWN_PLAN_CALL_FIRST,
	};
	const struct own_tracker_options opts = {
		.plan = plans[source->config->plan],
		.pin_dir = is_pinned(source->config) ? source->config->bpffs : NULL,
		.tool = "gup-pind",
		.source = "gup-pind",
		.max_records = source->config->max_records,
		.counters_as_they_are = true,
		.max_pages_per_s = source->config->scan_rate,
		.release_ns = RELEASE_NS,
	};
	int status = STATUS_CANNOT;

	if (opts.pin_dir && source->lock < 0)
		source->lock = lock_bpffs(opts.pin_dir);
	if (opts.pin_dir && source->lock < 0)
		return STATUS_CANNOT;
	source->tracker = own_tracker__open(&opts, &status);
	if (!source->tracker)
		return status;
	/* A daemon before this one may have left it without. */
	own_tracker__set_stacks(source->tracker, true);
	return 0;
}

struct pind_source *pind_source__open(const struct pind_config *config, int *status)
{
	struct pind_source *source = calloc(1, sizeof(*source));

	*status = STATUS_BROKEN;
	if (!source) {
		warn("can't begin");
		return NULL;
	}
	source->config = config;
	source->lock = -1;
	if (!wants_tracker(config) && (*config->input || !geteuid()))
		return source;
	*status = STATUS_CANNOT;
	if (!wants_tracker(config)) {
		warnx("the scan needs root (CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN): run it with "
		      "sudo");
		pind_source__close(source);
		return NULL;
	}
	*status = track(source);
	if (!*status)
		return source;
	pind_source__close(source);
	return NULL;
}

enum fuse_level pind_source__level(const struct pind_source *source)
{
	return source->tracker ? FUSE_WHOLE : FUSE_SCAN;
}

bool pind_source__has_ledger(const struct pind_source *source)
{
	return source->tracker && own_tracker__has_ledger(source->tracker);
}

int pind_source__set_level(struct pind_source *source, enum fuse_level level)
{
	if (level == FUSE_SCAN) {
		own_tracker__close(source->tracker);
		source->tracker = NULL;
		return is_pinned(source->config) ? own_tracker__detach(source->config->bpffs) : 0;
	}
	if (!source->tracker && track(source))
		return -ENODEV;
	own_tracker__set_stacks(source->tracker, level == FUSE_WHOLE);
	return 0;
}

uint64_t pind_source__run_ns(const struct pind_source *source)
{
	return source->tracker ? own_tracker__run_ns(source->tracker) : 0;
}

int pind_source__measure(const struct pind_source *source)
{
	return source->tracker ? own_tracker__measure() : -ENOENT;
}

void pind_source__close(struct pind_source *source)
{
	if (!source)
		return;
	own_tracker__close(source->tracker);
	if (source->lock >= 0)
		close(source->lock);
	free(source);
}

int pind_source__fd(const struct pind_source *source)
{
	return source->tracker ? own_tracker__poll_fd(source->tracker) : -1;
}

int pind_source__serve(struct pind_source *source)
{
	return source->tracker ? own_tracker__poll(source->tracker, 0) : 0;
}
