// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-pind's run. Two processes: this one tracks, takes snapshots and has the
 * privilege for that; the other one, forked before anything is opened, answers
 * HTTP from the snapshots that it is fed (serve.h) and has no privilege at all.
 */
#include "pind.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "feed.h"
#include "form_prom.h"
#include "journal.h"
#include "notify.h"
#include "pind_impl.h"
#include "resolve.h"
#include "serve.h"
#include "util.h"

#define NS_PER_S 1000000000ULL
#define REAP_NS NS_PER_S /* the ledger is looked after that often, also when nothing happens */
#define STALE_INTERVALS 3
#define STALE_NS (10 * NS_PER_S) /* taking one has its time */
/* The least that the kernel allows: snapshots that wait to be read take memory, and only the newest counts. */
#define FEED_BACKLOG_BYTES 1

struct pind {
	const struct pind_config *config;
	struct pind_source *source;
	struct prom_self self;
	struct journal *journal;
	struct pind_busy *busy;
	struct pind_fuse fuse;
	uint64_t bpf_bytes; /* of the last snapshot */
	int signals;	    /* signalfd */
	int socket, lock;
	int tcp;	     /* -1 = none */
	int feed;	     /* to the server */
	pid_t server, relay; /* 0 = none */
	bool ready;	     /* the service manager knows */
	bool ended;	     /* by a signal */
	uint64_t next_ns, watchdog_ns, beat_ns;
};

static uint64_t resident_bytes(void)
{
	char text[128];
	unsigned long pages;

	if (read_text_at(AT_FDCWD, "/proc/self/statm", text, sizeof(text)) ||
	    sscanf(text, "%*u %lu", &pages) != 1)
		return 0;
	return pages * sysconf(_SC_PAGESIZE);
}

static struct snapshot *take(struct pind *pind)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC);
	struct snapshot *snap = pind_source__take(pind->source);

	pind->self.took_ns = clock_ns(CLOCK_MONOTONIC) - begin;
	pind->self.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	pind->self.resident_bytes = resident_bytes();
	pind->self.fuse_level =
		pind->fuse.fuse.level > pind->fuse.fuse.least ? pind->fuse.fuse.level : 0;
	pind->self.cpu_ratio_ns = pind->fuse.fuse.cpu_ppm * 1000;
	if (snap)
		pind->bpf_bytes = snap->checks.bpf_bytes;
	if (snap)
		pind->self.snapshots++;
	else
		pind->self.failed_snapshots++;
	return snap;
}

/* A snapshot to all who want it. A failed one is counted, and tried again next time. */
static int publish(struct pind *pind)
{
	const struct prom_options opts = { .top = pind->config->top, .self = &pind->self };
	struct snapshot *snap = take(pind);
	int err;

	if (!snap)
		return 0;
	pind_busy__show(pind->busy, snap);
	if (*pind->config->textfile)
		pind_textfile__write(pind->config->textfile, snap, &opts);
	journal__tell(pind->journal, snap, clock_ns(CLOCK_MONOTONIC));
	err = feed__send(pind->feed, snap, &pind->self);
	snapshot__free(snap);
	if (err == -EPIPE)
		return err;
	if (err == -EAGAIN)
		pind->self.unsent_snapshots++;
	else if (err)
		warnx("can't hand over a snapshot: %s", strerror(-err));
	if (!err && !pind->ready) {
		pind->ready = true;
		notify("READY=1");
	}
	return 0;
}

static int block_signals(struct pind *pind)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pind->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return pind->signals < 0 ? -errno : 0;
}

static bool has_ended(pid_t *child)
{
	if (!*child || waitpid(*child, NULL, WNOHANG) != *child)
		return false;
	*child = 0;
	return true;
}

/* 0; -ECHILD: one of those that serve has ended by itself. */
static int take_signals(struct pind *pind)
{
	struct signalfd_siginfo info;
	int ret = 0;

	while (read(pind->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo != SIGCHLD)
			pind->ended = true;
		else if (has_ended(&pind->server) || has_ended(&pind->relay))
			ret = -ECHILD;
	}
	return pind->ended ? 0 : ret;
}

static int wait_ms(const struct pind *pind, uint64_t now)
{
	uint64_t until = pind->next_ns;

	if (until > now + REAP_NS)
		until = now + REAP_NS;
	return until > now ? (int)((until - now) / 1000000) + 1 : 0;
}

static int loop(struct pind *pind)
{
	int err = 0;

	while (!err && !pind->ended) {
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		struct pollfd fds[] = { { pind->signals, POLLIN, 0 },
					{ -1, POLLIN, 0 },
					{ pind_busy__fd(pind->busy, now), POLLIN, 0 } };

		pind_fuse__look(&pind->fuse, pind->source, now,
				pind->self.resident_bytes + pind->bpf_bytes);
		fds[1].fd = pind_source__fd(pind->source);
		if (pind->watchdog_ns && now >= pind->beat_ns) {
			notify("WATCHDOG=1");
			pind->beat_ns = now + pind->watchdog_ns;
		}
		if (now >= pind->next_ns) {
			uint64_t begin = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

			err = publish(pind);
			pind_fuse__snapshot(&pind->fuse, clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin,
					    clock_ns(CLOCK_MONOTONIC) - now);
			/* From its end: one that takes longer than that leaves room for signals. */
			pind->next_ns = clock_ns(CLOCK_MONOTONIC) + pind->config->scan_interval_ns;
			continue;
		}
		if (poll(fds, ARRAY_SIZE(fds), wait_ms(pind, now)) < 0 && errno != EINTR)
			return -errno;
		pind_busy__serve(pind->busy, pind->source, clock_ns(CLOCK_MONOTONIC));
		err = pind_source__serve(pind->source);
		if (!err)
			err = take_signals(pind);
	}
	return err;
}

static int serve(const struct serve_options *opts)
{
	int err;

	/* the process that tracks decides when all end */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	err = serve_confine(opts);
	if (!err)
		return serve_run(opts);
	warnx("can't give up privilege: %s", strerror(-err));
	return STATUS_BROKEN;
}

/* Before anything privileged is opened: what is not there cannot be inherited. */
static pid_t start(const struct serve_options *opts)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		warn("fork");
	if (!pid)
		_exit(serve(opts));
	return pid;
}

static int make_pair(int pair[2])
{
	const int backlog = FEED_BACKLOG_BYTES;

	if (!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) &&
	    !setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &backlog, sizeof(backlog)))
		return 0;
	warn("socketpair");
	return -errno;
}

/* Two, if there is to be TCP: who comes that way meets a process that has sums only. */
static int start_servers(struct pind *pind)
{
	struct serve_options opts = {
		.is_confined = true,
		.top = pind->config->top,
		.stale_ns = *pind->config->input
				    ? 0
				    : STALE_INTERVALS * pind->config->scan_interval_ns + STALE_NS,
		.relay = -1,
	};
	int feed[2], relay[2] = { -1, -1 };

	if (make_pair(feed) || (pind->tcp >= 0 && make_pair(relay)))
		return -errno;
	pind->feed = feed[0];
	opts.socket = pind->socket;
	opts.feed = feed[1];
	opts.relay = relay[0];
	pind->server = start(&opts);
	if (pind->server > 0 && pind->tcp >= 0) {
		opts.socket = pind->tcp;
		opts.feed = relay[1];
		opts.relay = -1;
		opts.is_relay = true;
		pind->relay = start(&opts);
	}
	close(feed[1]);
	if (pind->tcp >= 0) {
		close(relay[0]);
		close(relay[1]);
		close(pind->tcp);
	}
	return pind->server < 0 || pind->relay < 0 ? -EAGAIN : 0;
}

static int explain_end(const struct pind *pind, int err)
{
	if (err == -ECHILD || err == -EPIPE)
		warnx("a process that serves HTTP has ended: so does this one");
	else if (err)
		warnx("can't read the tracker: %s", strerror(-err));
	notify("STOPPING=1");
	(void)pind;
	return err ? STATUS_BROKEN : 0;
}

static int drop_privilege(int *status)
{
	int err = pind_privilege__drop();

	if (!err)
		return 0;
	warnx("can't give up privilege: %s", strerror(-err));
	*status = STATUS_BROKEN;
	return err;
}

static int run_daemon(struct pind *pind)
{
	int ret = STATUS_BROKEN;

	pind->socket = pind_socket__open(pind->config, &pind->lock);
	if (pind->socket < 0)
		return STATUS_CANNOT;
	if (*pind->config->listen) {
		pind->tcp = pind_tcp__open(pind->config->listen);
		if (pind->tcp < 0) {
			pind_socket__close(pind->config, pind->socket, pind->lock);
			return STATUS_CANNOT;
		}
	}
	pind->journal = journal__new();
	if (!pind->journal)
		warn("can't begin");
	if (pind->journal && !block_signals(pind) && !start_servers(pind)) {
		pind->source = pind_source__open(pind->config, &ret);
		if (pind->source && !*pind->config->input)
			pind->busy = pind_busy__open();
		if (pind->source && !drop_privilege(&ret)) {
			pind->watchdog_ns = notify_watchdog_ns();
			pind_fuse__begin(&pind->fuse, pind->config, pind->source);
			ret = explain_end(pind, loop(pind));
		}
		close(pind->feed); /* the end of the server, and that of the relay */
		if (pind->server > 0)
			waitpid(pind->server, NULL, 0);
		if (pind->relay > 0)
			waitpid(pind->relay, NULL, 0);
	}
	pind_busy__close(pind->busy);
	pind_source__close(pind->source);
	journal__free(pind->journal);
	pind_socket__close(pind->config, pind->socket, pind->lock);
	return ret;
}

static int run_once(struct pind *pind)
{
	const struct prom_options opts = { .top = pind->config->top, .self = &pind->self };
	struct snapshot *snap;
	int ret, err = 0;

	pind->source = pind_source__open(pind->config, &ret);
	if (!pind->source)
		return ret;
	snap = take(pind);
	if (snap && *pind->config->textfile)
		err = pind_textfile__write(pind->config->textfile, snap, &opts);
	else if (snap)
		err = form_prom(stdout, snap, &opts);
	if (err && !*pind->config->textfile)
		warnx("can't write the metrics: %s", strerror(-err));
	ret = snap && !err ? 0 : STATUS_BROKEN;
	snapshot__free(snap);
	pind_source__close(pind->source);
	return ret;
}

int pind_run(const struct pind_config *config)
{
	struct pind pind = { .config = config, .socket = -1, .lock = -1, .tcp = -1 };

	if (config->detach)
		return pind_source__detach(config);
	pind.self.started_ns = clock_ns(CLOCK_REALTIME);
	return config->once ? run_once(&pind) : run_daemon(&pind);
}
