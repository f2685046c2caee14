// SPDX-License-Identifier: GPL-2.0-only
/*
 * Live snapshots for gup-pintop: of a running gup-pind, else of an own tracker,
 * or of scans where the kernel refuses to be traced. A thread takes them, because
 * one may take longer than a user waits for a key; the screen gets the newest and
 * never waits. The thread alone touches the tracker.
 */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "fmt.h"
#include "own_cost.h"
#include "own_tracker.h"
#include "pind_client.h"
#include "scan_take.h"
#include "top_source.h"
#include "util.h"

#define TOOL "gup-pintop"
#define SLICE_MS 50
#define SCAN_SHARE 10 /* scans take at most one part in so many of the time */
#define NS_PER_S 1000000000ULL

struct live {
	struct top_source source;
	struct own_tracker *tracker; /* NULL = the daemon, or scans */
	struct own_cost cost;	     /* of the scans */
	bool by_daemon;
	struct pind_client client;
	char *body; /* the daemon's answer of last time */
	size_t bytes;
	atomic_ullong taken_ns; /* of its snapshot */
	const char *record;
	pthread_t thread;
	bool running;
	atomic_bool stop;
	atomic_ullong delay_ns;
	pthread_mutex_t lock; /* of the two below */
	struct snapshot *newest;
	char failed[200]; /* why there will be no more */
};

/* The screen is drawn anew. */
static void wake(struct live *live)
{
	uint64_t one = 1;

	if (write(live->source.fd, &one, sizeof(one)) != sizeof(one))
		warn("eventfd");
}

/* Hands over a snapshot, or the reason why there is none; what nobody fetched goes. */
static void hand_over(struct live *live, struct snapshot *snap, const char *failed)
{
	pthread_mutex_lock(&live->lock);
	snapshot__free(live->newest);
	live->newest = snap;
	snprintf(live->failed, sizeof(live->failed), "%s", failed);
	pthread_mutex_unlock(&live->lock);
	wake(live);
}

/* Until the next snapshot is due; the last took until now. */
static int serve_until(struct live *live, uint64_t begin)
{
	uint64_t least = live->tracker ? 0 : (clock_ns(CLOCK_MONOTONIC) - begin) * SCAN_SHARE;
	int err = 0;

	while (!err && !live->stop &&
	       (clock_ns(CLOCK_MONOTONIC) - begin < live->delay_ns ||
		clock_ns(CLOCK_MONOTONIC) - begin < least)) {
		if (live->tracker)
			err = own_tracker__poll(live->tracker, SLICE_MS);
		else
			usleep(SLICE_MS * 1000);
	}
	return err;
}

static struct snapshot *scan_one(struct live *live)
{
	const struct scan_take_options take = { .tool = TOOL };
	const struct audit_options audit = {};
	struct snapshot *snap = snapshot__scan(&take);

	if (!snap)
		return NULL;
	snapshot__audit(snap, &audit);
	own_cost__set(&live->cost, snap);
	return snap;
}

/* Hands over, and records it if that was asked for. */
static int publish(struct live *live, struct snapshot *snap)
{
	char path[512], why[600];
	int err = 0;

	if (live->record)
		err = top_save(live->record, snap, path, sizeof(path));
	if (err) {
		snapshot__free(snap);
		snprintf(why, sizeof(why), "can't write %s: %s", path, strerror(-err));
		hand_over(live, NULL, why);
		return err;
	}
	hand_over(live, snap, "");
	return 0;
}

/* The daemon may be started again: only what cannot be recorded ends this. */
static int ask_one(struct live *live)
{
	char why[400];
	size_t bytes;
	char *body =
		pind_client__get(&live->client, PIND_CLIENT_SNAPSHOT, &bytes, why, sizeof(why));
	struct snapshot *snap;

	if (!body && errno != EAGAIN) {
		hand_over(live, NULL, why);
		return 0;
	}
	if (!body || (bytes == live->bytes && !memcmp(body, live->body, bytes))) {
		free(body);
		wake(live);
		return 0;
	}
	free(live->body);
	live->body = body;
	live->bytes = bytes;
	snap = pind_client__read(&live->client, body, bytes, why, sizeof(why));
	if (!snap) {
		hand_over(live, NULL, why);
		return 0;
	}
	live->taken_ns = snap->taken_ns;
	return publish(live, snap);
}

static int take_one(struct live *live)
{
	struct snapshot *snap;

	if (live->by_daemon)
		return ask_one(live);
	snap = live->tracker ? own_tracker__take(live->tracker) : scan_one(live);
	if (snap)
		return publish(live, snap);
	hand_over(live, NULL, "can't take a snapshot any more");
	return -EIO;
}

static void *run(void *arg)
{
	struct live *live = arg;
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);
	int err = 0;

	while (!err && !live->stop) {
		err = take_one(live);
		if (err)
			break;
		err = serve_until(live, begin);
		if (err)
			hand_over(live, NULL, "can't read the tracker any more");
		begin = clock_ns(CLOCK_MONOTONIC);
	}
	return NULL;
}

static struct snapshot *live_next(struct top_source *source, int step, char *why, size_t room)
{
	struct live *live = (struct live *)source;
	struct snapshot *snap;
	uint64_t cnt;

	(void)step;
	if (read(source->fd, &cnt, sizeof(cnt)) != sizeof(cnt))
		return NULL;
	pthread_mutex_lock(&live->lock);
	snap = live->newest;
	live->newest = NULL;
	snprintf(why, room, "%s", live->failed);
	pthread_mutex_unlock(&live->lock);
	return snap;
}

static void live_pace(const struct top_source *source, char *text, size_t room)
{
	const struct live *live = (const struct live *)source;
	uint64_t taken = live->taken_ns;
	uint64_t ns;

	if (!live->by_daemon) {
		snprintf(text, room, "every %s", fmt_age(live->delay_ns).s);
		return;
	}
	ns = clock_ns(CLOCK_REALTIME);
	snprintf(text, room, "%s old", fmt_age(ns > taken ? ns - taken : 0).s);
}

static void live_set_delay(struct top_source *source, uint64_t delay_ns)
{
	((struct live *)source)->delay_ns = delay_ns;
}

static void live_close(struct top_source *source)
{
	struct live *live = (struct live *)source;

	live->stop = true;
	if (live->running)
		pthread_join(live->thread, NULL);
	own_tracker__close(live->tracker);
	free(live->body);
	snapshot__free(live->newest);
	if (source->fd >= 0)
		close(source->fd);
	pthread_mutex_destroy(&live->lock);
	free(live);
}

static const struct top_source_ops live_ops = { live_next, live_pace, live_set_delay, live_close };

/* Signals are the main thread's affair. */
static int start_thread(struct live *live)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&live->thread, NULL, run, live);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	live->running = !err;
	return err;
}

/* A first scan shows whether that works here; where neither does, the tracker's line has said why. */
static int open_scans(struct live *live)
{
	const struct scan_take_options take = { .tool = TOOL };
	struct snapshot *snap;

	if (geteuid())
		return -EPERM;
	snap = snapshot__scan(&take);
	if (!snap)
		return -errno;
	snapshot__free(snap);
	warnx("scans are shown instead: what is pinned is exact, who pinned it is inferred");
	own_cost__begin(&live->cost);
	return 0;
}

/*
 * Is there a daemon to ask? 0; -ENOENT: go on without; another -errno after one
 * line on stderr: do not.
 */
static int open_daemon(struct live *live, const struct top_live_options *opts)
{
	struct snapshot *snap;
	char why[400];
	int err = 0;

	live->client = (struct pind_client){
		.socket = opts->socket,
		.timeout_ms = PIND_CLIENT_TIMEOUT_MS,
		.bytes_max = PIND_CLIENT_BYTES_MAX,
	};
	snap = pind_client__snapshot(&live->client, why, sizeof(why));
	if (!snap && errno != EAGAIN)
		err = -errno;
	if (snap && !opts->socket && !pind_client__knows_more(snap))
		err = -ENOENT;
	snapshot__free(snap);
	live->by_daemon = !err;
	if (!err || (err == -ENOENT && !opts->socket))
		return err;
	warnx("%s", why);
	/* what a daemon says amiss does not keep root from looking */
	return geteuid() || opts->socket ? -EACCES : -ENOENT;
}

struct top_source *top_source__live(const struct top_live_options *opts, int *status)
{
	const struct own_tracker_options tracking = { .plan = OWN_PLAN_CORE, .tool = TOOL };
	struct live *live = calloc(1, sizeof(*live));
	int err;

	*status = 4;
	if (!live) {
		warn("can't track");
		return NULL;
	}
	pthread_mutex_init(&live->lock, NULL);
	live->record = opts->record;
	live->delay_ns = opts->delay_ns;
	live->source = (struct top_source){ &live_ops, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
	*status = 3;
	err = opts->no_daemon ? -ENOENT : open_daemon(live, opts);
	if (err == -ENOENT)
		live->tracker = own_tracker__open(&tracking, status);
	if (!err || live->tracker || (err == -ENOENT && *status == 3 && !open_scans(live))) {
		*status = 4;
		if (live->source.fd >= 0 && !start_thread(live)) {
			*status = 0;
			return &live->source;
		}
		warnx("can't start the thread that takes snapshots");
	}
	live_close(&live->source);
	return NULL;
}
