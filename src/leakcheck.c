// SPDX-License-Identifier: GPL-2.0-only
/*
 * gup-leakcheck's run: open the tracker, test it, run the command or watch,
 * wait for late releases, report.
 */
#include "leakcheck_impl.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "command.h"
#include "forms.h"
#include "own_tracker.h"
#include "suppress.h"
#include "take.h"
#include "util.h"

#define POLL_MS 100
#define TAKES_MAX 20
#define SETTLE_MS 20
#define SETTLE_NS (SETTLE_MS * 1000000ULL)

struct run {
	const struct env *env;
	struct suppressions *suppressions;
	struct own_tracker *own;
	struct tracker *tracker; /* its */
	struct flow base;
	struct command cmd;
	struct take_options take;
	FILE *out;   /* where the report goes */
	int signals; /* signalfd */
	bool interrupted;
	uint64_t started_ns; /* realtime */
	uint64_t ran_ns;     /* CMD's run or the watch */
	uint64_t waited_ns;  /* for late releases */
};

/* By the plan that was chosen; if none was, by plan core, or call where that cannot be used. */
static int start_tracking(struct run *run)
{
	const struct env *env = run->env;
	const struct own_tracker_options opts = {
		.plan = !env->plan_chosen	 ? OWN_PLAN_CORE_FIRST
			: env->plan == PLAN_CALL ? OWN_PLAN_CALL
						 : OWN_PLAN_CORE,
		.stack_every = env->stack_every,
		.max_folios = env->max_folios,
		.max_records = env->max_records,
		.skip_func = env->skip_hook,
		.verbose = env->verbose,
		.tool = "gup-leakcheck",
	};
	int ret;

	run->own = own_tracker__open(&opts, &ret);
	if (!run->own)
		return ret;
	run->tracker = own_tracker__tracker(run->own);
	run->take = *own_tracker__take_options(run->own);
	return 0;
}

static void block_signals(struct run *run)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Signals go on to CMD; those that mean "stop" also end the watch, the second one at once. */
static void take_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signals, &info, sizeof(info)) == sizeof(info)) {
		int sig = info.ssi_signo;

		if (sig == SIGCHLD)
			continue;
		/* A terminal has sent SIGINT and SIGQUIT to the whole group already. */
		if (run->env->cmd && (info.ssi_code == SI_USER || sig == SIGHUP))
			command__signal(&run->cmd, sig);
		if (sig != SIGUSR1 && sig != SIGUSR2)
			run->interrupted = true;
	}
}

/* One step of waiting: records of the tracker, signals. */
static int step(struct run *run, int timeout_ms)
{
	int err = own_tracker__poll(run->own, timeout_ms);

	take_signals(run);
	return err;
}

static bool time_is_up(const struct run *run, uint64_t begin)
{
	return run->env->duration_ns && clock_ns(CLOCK_MONOTONIC) - begin >= run->env->duration_ns;
}

/* Until CMD has ended, the time is up, or we are interrupted (CMD then gets its grace to end). */
static int watch(struct run *run)
{
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), asked = 0;

	for (;;) {
		int err = step(run, POLL_MS);

		if (err)
			return err;
		if (time_is_up(run, begin))
			return 0;
		if (!run->env->cmd && run->interrupted)
			return 0;
		if (run->env->cmd && command__ended(&run->cmd))
			return 0;
		if (!run->interrupted)
			continue;
		if (!asked)
			asked = clock_ns(CLOCK_MONOTONIC);
		if (clock_ns(CLOCK_MONOTONIC) - asked > run->env->grace_ns)
			return 0;
	}
}

/* Late releases have their time: ends early when nothing is left. */
static int wait_grace(struct run *run)
{
	bool has_ledger = tracker__facts(run->tracker)->has_cmpxchg;
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), pins = 1;
	int err = 0;

	while (has_ledger && run->waited_ns < run->env->grace_ns && !err) {
		err = snapshot__held(run->tracker, &run->take, &pins);
		if (err || !pins || run->interrupted)
			break;
		err = step(run, SETTLE_MS);
		run->waited_ns = clock_ns(CLOCK_MONOTONIC) - begin;
	}
	return err;
}

static void fill_command(const struct run *run, struct snapshot *snap)
{
	char text[256] = "";
	size_t len = 0;

	snap->ran_ns = run->ran_ns;
	snap->grace_ns = run->env->grace_ns;
	snap->waited_ns = run->waited_ns;
	if (!run->env->cmd)
		return;
	for (char **arg = run->env->cmd; *arg && len < sizeof(text); arg++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "", *arg);
	snap->cmd = snapshot__str(snap, text);
	snap->cmd_known_status = run->cmd.ended;
	snap->cmd_status = WIFEXITED(run->cmd.status) ? WEXITSTATUS(run->cmd.status) : -1;
	snap->cmd_signal = WIFSIGNALED(run->cmd.status) ? WTERMSIG(run->cmd.status) : 0;
}

static struct snapshot *take_audited(struct run *run)
{
	struct audit_options audit = {
		.min_age_ns = run->env->min_age_ns,
		.min_pages = run->env->min_pages,
		.cmd_mode = run->env->cmd != NULL,
		.suppressions = run->suppressions,
	};
	struct snapshot *snap = snapshot__take(run->tracker, &run->take);

	if (snap) {
		fill_command(run, snap);
		filter__apply(snap, &run->env->filter);
		snapshot__audit(snap, &audit);
	}
	return snap;
}

/*
 * Takes snapshots until no release is under way and two in a row find the same:
 * pins are read before the holders of their files, so a holder that ends in
 * between would look like a leak once, but not twice.
 */
static struct snapshot *take_settled(struct run *run)
{
	struct snapshot *last = NULL, *snap;
	uint64_t begin = clock_ns(CLOCK_MONOTONIC), wait;

	ksyms__refresh(run->take.ksyms); /* our trampolines, and modules loaded since */
	for (int i = 0;; i++) {
		snap = take_audited(run);
		if (!snap)
			break;
		wait = snapshot__settle_ns(snap, clock_ns(CLOCK_REALTIME));
		if (i == TAKES_MAX || run->interrupted)
			break;
		if (!wait && (!snap->finding_cnt || (last && snapshot__same_findings(last, snap))))
			break;
		snapshot__free(last);
		last = snap;
		step(run, wait > SETTLE_NS ? (int)(wait / 1000000) + 1 : SETTLE_MS);
		run->waited_ns += clock_ns(CLOCK_MONOTONIC) - begin;
		begin = clock_ns(CLOCK_MONOTONIC);
	}
	snapshot__free(last);
	return snap;
}

static int start_command(struct run *run)
{
	int err = command__start(&run->cmd);

	if (err == -ENOENT) {
		warnx("%s: command not found", run->env->cmd[0]);
		return 127;
	}
	if (err) {
		warnx("%s: %s", run->env->cmd[0], strerror(-err));
		return 126;
	}
	return 0;
}

static int track(struct run *run)
{
	struct snapshot *snap;
	int ret;

	if (flow__read(run->tracker, &run->base))
		return EXIT_BROKEN;
	run->started_ns = clock_ns(CLOCK_REALTIME);
	run->take.base = &run->base;
	run->take.since_ns = run->started_ns;
	run->take.tree_only = run->env->cmd != NULL;
	run->take.pages = run->env->pages;
	run->take.pid = run->env->pid;
	if (run->env->cmd) {
		tracker__set_root(run->tracker, run->cmd.pid);
		ret = start_command(run);
		if (ret)
			return ret;
	} else if (!run->env->duration_ns && isatty(STDERR_FILENO)) {
		warnx("watching; Ctrl-C ends the watch and prints the report");
	}
	ret = watch(run);
	run->ran_ns = clock_ns(CLOCK_REALTIME) - run->started_ns;
	if (!ret && run->env->cmd)
		ret = wait_grace(run);
	if (ret) {
		warnx("can't read the tracker: %s", strerror(-ret));
		return EXIT_BROKEN;
	}
	snap = take_settled(run);
	if (!snap)
		return EXIT_BROKEN;
	ret = leakcheck_report(run->out, run->env, snap, run->suppressions, 0);
	snapshot__free(snap);
	return ret;
}

static void run__close(struct run *run)
{
	if (run->cmd.pid && !run->cmd.ended && !run->started_ns)
		command__cancel(&run->cmd);
	own_tracker__close(run->own);
	suppressions__free(run->suppressions);
	if (run->out != stdout)
		fclose(run->out);
}

static bool in_table(const char *func)
{
	size_t cnt;
	const struct hook *table = hooks__table(&cnt);

	for (size_t i = 0; i < cnt; i++)
		if (!strcmp(table[i].func, func))
			return true;
	return false;
}

int leakcheck_plan(const char *name)
{
	return hook_plan_of(name);
}

/* Runs CMD under the tracker, or watches. */
static int watch_and_report(struct run *run)
{
	const struct env *env = run->env;
	int ret;

	block_signals(run);
	ret = start_tracking(run);
	if (!ret && env->cmd && command__prepare(&run->cmd, env->cmd)) {
		warn("can't start %s", env->cmd[0]);
		ret = EXIT_BROKEN;
	}
	return ret ? ret : track(run);
}

/* With the eyes of this run alone, which sees no process that has gone. */
static int look(struct run *run)
{
	const struct env *env = run->env;

	if (env->pid && kill(env->pid, 0) && errno == ESRCH) {
		warnx("no process %u", env->pid);
		return EXIT_USAGE;
	}
	if (env->cmd || env->watch)
		return watch_and_report(run);
	return leakcheck_scan(env, run->out, run->suppressions);
}

int leakcheck_run(const struct env *env)
{
	struct run run = { .env = env };
	int ret;

	if (env->skip_hook && !in_table(env->skip_hook)) {
		warnx("--skip-hook: no function %s in the table", env->skip_hook);
		return EXIT_USAGE;
	}

	run.out = env->output ? fopen(env->output, "we") : stdout;
	if (!run.out) {
		warn("%s", env->output);
		return EXIT_USAGE;
	}
	if (env->suppress) {
		run.suppressions = suppressions__load(env->suppress, clock_ns(CLOCK_REALTIME));
		if (!run.suppressions)
			return EXIT_USAGE;
	}
	if (env->cmd || env->watch || !leakcheck_daemon(env, run.out, run.suppressions, &ret))
		ret = look(&run);
	run__close(&run);
	return ret;
}
