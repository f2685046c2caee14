// SPDX-License-Identifier: GPL-2.0
/*
 * kmodpin: pin by the test module of tests/kmod, rightly or by one of the classic mistakes.
 *
 * Needs /dev/gup_pin_test (--module loads it). What the kernel's counters must say while the pages
 * are held and after the release is in the table below, in units of the pages asked for; --check
 * compares. Pages that a mistake leaves pinned stay so until the machine goes down: for guests.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../kmod/gup_pin_test.h"
#include "pinargs.h"

#define DEVICE "/dev/gup_pin_test"
#define SETTLE_MS 2000

struct op {
	const char *name;
	const char *doc;
	unsigned long ioctl;
	unsigned int acquired, released; /* while held */
	unsigned int end_released;	 /* after the release */
	unsigned int acquired_less;	 /* pages, not in units of those asked for */
	unsigned int released_less;
	bool hole;   /* the last page is not mapped: the call must fail */
	bool writes; /* at the release; what the file got of it is said */
};

static const struct op ops[] = {
	{ "pin", "pin, release at the end", GUP_PIN_TEST_PIN, 1, 0, 1, 0, 0, false, false },
	{ "get", "get_user_pages_fast, put_page: no pin", GUP_PIN_TEST_GET, 0, 0, 0, 0, 0, false,
	  false },
	{ "forget", "pin, never release", GUP_PIN_TEST_FORGET, 1, 0, 0, 0, 0, false, false },
	{ "late", "pin, release --delay later", GUP_PIN_TEST_LATE, 1, 0, 1, 0, 0, false, false },
	{ "twice", "three pins; one owner releases twice, then the other two", GUP_PIN_TEST_TWICE,
	  3, 2, 4, 0, 0, false, false },
	{ "putpage", "pin, release by put_page", GUP_PIN_TEST_PUTPAGE, 1, 0, 0, 0, 0, false,
	  false },
	{ "hole", "pin with the last page unmapped: refused, all undone", GUP_PIN_TEST_PIN, 1, 1, 1,
	  1, 1, true, false },
	{ "short", "the same, nothing undone", GUP_PIN_TEST_SHORT, 1, 0, 0, 1, 0, true, false },
	{ "unpinget", "get_user_pages_fast, released by unpin_user_pages", GUP_PIN_TEST_UNPIN_GET,
	  0, 1, 1, 0, 0, false, false },
	{ "oneless", "pin, release all but the last", GUP_PIN_TEST_ONE_LESS, 1, 1, 1, 0, 1, false,
	  false },
	{ "hugetwice", "pin pages of one large folio, release its first page for each of them too",
	  GUP_PIN_TEST_HUGE_TWICE, 1, 2, 2, 0, 1, false, false },
	{ "clean", "pin, have the file written back, write, release as clean", GUP_PIN_TEST_CLEAN,
	  1, 0, 1, 0, 0, false, true },
	{ "dirty", "the same, released as dirty", GUP_PIN_TEST_DIRTY, 1, 0, 1, 0, 0, false, true },
	{ "biased", "kernel pages with a driver's number of references: no pin",
	  GUP_PIN_TEST_BIASED, 0, 0, 0, 0, 0, false, false },
};

struct env {
	const struct op *op;
	const char *kind;
	const char *module;
	unsigned long count;
	unsigned long hold_ms;
	unsigned long delay_ms;
	unsigned int flags;
	bool wait, leave, vmstat, check;

	struct mem mem;
	struct pin_stat base;
	int dev;
};

enum { OPT_WAIT = 256, OPT_VMSTAT, OPT_CHECK, OPT_DELAY, OPT_LEAVE, OPT_SHORT, OPT_MODULE };

static const struct argp_option options[] = {
	{ "count", 'n', "N", 0, "pages (default 61)", 0 },
	{ "kind", 'k', "KIND", 0, "memory, as of the program pins (default anon)", 0 },
	{ "short", OPT_SHORT, NULL, 0, "without FOLL_LONGTERM", 0 },
	{ "read-only", 'r', NULL, 0, "without FOLL_WRITE", 0 },
	{ "delay", OPT_DELAY, "SECONDS", 0, "until the release of `late` (default 2)", 0 },
	{ "hold", 'H', "SECONDS", 0, "hold the pins so long", 0 },
	{ "wait", OPT_WAIT, NULL, 0, "hold the pins until a line, or the end, of stdin", 0 },
	{ "leave", OPT_LEAVE, NULL, 0, "exit then, without a release", 0 },
	{ "vmstat", OPT_VMSTAT, NULL, 0, "print how far /proc/vmstat went up", 0 },
	{ "check", OPT_CHECK, NULL, 0, "fail if that is not what the mistake makes it", 0 },
	{ "module", OPT_MODULE, "FILE", 0, "load this module first if it is not loaded", 0 },
	{ 0 },
};

static const char doc[] =
	"Pin by the module gup_pin_test.\v"
	"OP is pin, get (no pin: the control), hole, biased, or a mistake: forget, late, twice, "
	"putpage, short, unpinget, oneless, hugetwice, clean (dirty is right).\n\n"
	"Prints `pinned PAGES` and `released`, and `vmstat held +A -R`, `vmstat end +A -R`, as "
	"the program pins does; `lost PAGES` of what clean and dirty wrote to a file. Exit status: "
	"0 done, 2 usage, 4 failed, 77 no such module.";

static const struct op *find_op(const char *name, struct argp_state *state)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!strcmp(name, ops[i].name))
			return &ops[i];
	}
	argp_error(state, "%s: no such OP", name);
	return NULL;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;

	switch (key) {
	case 'n':
		env->count = num_arg(arg, state);
		break;
	case 'k':
		env->kind = kind_arg(arg, state);
		break;
	case 'r':
		env->flags &= ~GUP_PIN_TEST_WRITE;
		break;
	case OPT_SHORT:
		env->flags &= ~GUP_PIN_TEST_LONGTERM;
		break;
	case OPT_DELAY:
		env->delay_ms = ms_arg(arg, state);
		break;
	case 'H':
		env->hold_ms = ms_arg(arg, state);
		break;
	case OPT_WAIT:
		env->wait = true;
		break;
	case OPT_LEAVE:
		env->leave = true;
		break;
	case OPT_VMSTAT:
		env->vmstat = true;
		break;
	case OPT_CHECK:
		env->check = true;
		break;
	case OPT_MODULE:
		env->module = arg;
		break;
	case ARGP_KEY_ARG:
		env->op = find_op(arg, state);
		break;
	case ARGP_KEY_END:
		if (!env->op)
			argp_error(state, "no OP given");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int open_device(struct env *env)
{
	if (env->module && access(DEVICE, F_OK)) {
		int fd = open(env->module, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return skip("%s", env->module);
		if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
			return skip("loading %s", env->module);
		close(fd);
		/* The device node comes a moment later where udev makes it. */
		for (int i = 0; i < 100 && access(DEVICE, F_OK); i++)
			sleep_ms(20);
	}
	env->dev = open(DEVICE, O_RDWR | O_CLOEXEC);
	return env->dev < 0 ? skip(DEVICE) : 0;
}

static int pin(const struct env *env)
{
	struct gup_pin_test_args args = {
		.addr = (unsigned long)env->mem.addr,
		.npages = env->count,
		.flags = env->flags,
		.delay_ms = env->delay_ms,
	};
	bool refused;

	if (env->op->hole && munmap(env->mem.addr + (env->count - 1) * page_size(), page_size()))
		return fail("munmap");
	refused = ioctl(env->dev, env->op->ioctl, &args) != 0;
	if (refused != env->op->hole)
		return fail("%s of %lu pages", env->op->name, env->count);
	return 0;
}

static int see_vmstat(const struct env *env, const char *when, unsigned int released)
{
	unsigned long long want_acq = env->op->acquired * env->count - env->op->acquired_less;
	unsigned long long want_rel = released * env->count - env->op->released_less;
	struct pin_stat now;
	int status;

	if (!env->vmstat && !env->check)
		return 0;
	status = pin_stat__read(&now);
	if (status)
		return status;
	now.acquired -= env->base.acquired;
	now.released -= env->base.released;
	if (env->vmstat)
		say("vmstat %s +%llu -%llu", when, now.acquired, now.released);
	if (!env->check || (now.acquired == want_acq && now.released == want_rel))
		return 0;
	errno = 0;
	return fail("%s: +%llu -%llu in vmstat, not +%llu -%llu", when, now.acquired, now.released,
		    want_acq, want_rel);
}

static int release(const struct env *env)
{
	if (env->op->ioctl != GUP_PIN_TEST_LATE)
		return ioctl(env->dev, GUP_PIN_TEST_RELEASE) ? fail("release") : 0;
	sleep_ms(env->delay_ms);
	if (env->vmstat || env->check)
		pin_stat__settle(&env->base, SETTLE_MS);
	return 0;
}

/* So that what is dirty afterwards is so by the release. */
static int write_back(const struct env *env)
{
	if (!env->op->writes || env->mem.fd < 0)
		return 0;
	return msync(env->mem.addr, env->mem.len, MS_SYNC) ? fail("msync") : 0;
}

/* Reads the file again from its disk, past what is in memory. */
static int see_file(struct env *env)
{
	unsigned long lost = 0;

	if (!env->op->writes || env->mem.fd < 0)
		return 0;
	munmap(env->mem.addr, env->mem.map_len);
	if (fsync(env->mem.fd) || posix_fadvise(env->mem.fd, 0, 0, POSIX_FADV_DONTNEED))
		return fail("fsync");
	for (unsigned long i = 0; i < env->count; i++) {
		char mark[sizeof(GUP_PIN_TEST_MARK)];

		if (pread(env->mem.fd, mark, sizeof(mark), i * page_size()) != sizeof(mark))
			return fail("reading page %lu", i);
		lost += memcmp(mark, GUP_PIN_TEST_MARK, sizeof(mark)) != 0;
	}
	say("lost %lu", lost);
	return 0;
}

static int run(struct env *env)
{
	int status = open_device(env);

	if (!status)
		status = mem__map(&env->mem, env->kind, env->count);
	if (!status && (env->vmstat || env->check))
		status = pin_stat__read(&env->base);
	if (!status)
		status = pin(env);
	if (!status)
		status = see_vmstat(env, "held", env->op->released);
	if (status)
		return status;
	say("pinned %lu", env->count);
	sleep_ms(env->hold_ms);
	if (env->wait)
		wait_line();
	if (env->leave)
		return 0;
	status = write_back(env);
	if (!status)
		status = release(env);
	if (status)
		return status;
	say("released");
	status = see_file(env);
	if (status)
		return status;
	return see_vmstat(env, "end", env->op->end_released);
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, "OP", doc, NULL, NULL, NULL };
	struct env env = { .kind = "anon",
			   .count = 61,
			   .delay_ms = 2000,
			   .mem.fd = -1,
			   .flags = GUP_PIN_TEST_WRITE | GUP_PIN_TEST_LONGTERM };

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	raise_memlock();
	return run(&env);
}
