// SPDX-License-Identifier: GPL-2.0
/*
 * stress: pin and release as fast as several processes can, then see that nothing stays.
 *
 * Each process registers and unregisters a large io_uring buffer and reads itself by
 * process_vm_readv, one byte of it, for which all the pages are pinned; one thread of it forks over
 * and over, which makes the lockless pin undo and retry (it looks at the whole mm's
 * write_protect_seq), others read a block device by O_DIRECT, whose completions release in
 * interrupts. The clock starts when all have touched their memory, which takes longer than many a
 * test under emulation. At the end each process may keep a known prime number of pages, so that a
 * ledger kept under load can be compared page by page.
 */
#include <argp.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "crew.h"

#define FORK_PAGES 2039ul /* what a fork has to copy the page tables of */
#define FORK_PAUSE_MS 5	  /* a fork costs as much as thousands of pins */
#define DIRECT_PAGES 61ul /* of one O_DIRECT read */
#define SETTLE_MS 10000

/* Shared by all processes. */
struct counts {
	atomic_bool stop;
	atomic_ulong iouring_pins, iouring_releases;
	atomic_ulong pvread_pins, pvread_releases;
	atomic_ulong odirect_pages;
	atomic_ulong forks;
};

struct env {
	unsigned long procs;
	unsigned long pages;
	unsigned long seconds;
	unsigned long threads;
	unsigned long hold;
	const char *dev;
	const char *kind;
	bool no_fork;
	struct counts *counts;
	struct pin_stat base;
};

static const struct argp_option options[] = {
	{ "procs", 'p', "N", 0, "processes (default 8)", 0 },
	{ "pages", 'n', "N", 0, "pages of one io_uring call, per process (default 32768)", 0 },
	{ "kind", 'k', "KIND", 0, "their memory, as of the program pins (default anon)", 0 },
	{ "seconds", 's', "N", 0, "how long, from when all have their memory (default 10)", 0 },
	{ "dev", 'd', "PATH", 0, "read this block device or file by O_DIRECT", 0 },
	{ "threads", 't', "N", 0, "O_DIRECT threads per process (default 2)", 0 },
	{ "no-fork", 'F', NULL, 0, "without the forks", 0 },
	{ "hold-at-end", 'H', "N", 0,
	  "then each process keeps another prime number of pages, from "
	  "N on, until a line or the end of stdin",
	  0 },
	{ 0 },
};

static const char doc[] =
	"Pin and release under load, then check that the kernel's counters agree.\v"
	"Prints `NAME COUNT` lines: pages per kind, forks, vmstat_acquired and vmstat_released, "
	"left (what stays pinned more than before). With --hold-at-end then `owner PID PAGES` "
	"for each process, `pinned TOTAL`, and at the end `released`.\n\n"
	"Exit status: 0 done, 2 usage, 4 failed or pages left pinned, 77 not possible here.";

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct env *env = state->input;
	unsigned long *num = NULL;

	switch (key) {
	case 'p':
		num = &env->procs;
		break;
	case 'n':
		num = &env->pages;
		break;
	case 's':
		num = &env->seconds;
		break;
	case 't':
		num = &env->threads;
		break;
	case 'H':
		num = &env->hold;
		break;
	case 'd':
		env->dev = arg;
		break;
	case 'F':
		env->no_fork = true;
		break;
	case 'k':
		env->kind = arg;
		if (!mem__kind_ok(arg))
			argp_error(state, "%s: no such kind of memory", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (num && (!parse_num(arg, num) || !*num))
		argp_error(state, "%s: not a number above 0", arg);
	return 0;
}

/* ---- the threads beside the main one; each returns an exit status ---- */

static void *fork_loop(void *arg)
{
	struct counts *counts = ((struct env *)arg)->counts;

	while (!counts->stop) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		if (pid < 0 && errno == EAGAIN)
			continue;
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return (void *)(long)fail("fork");
		counts->forks++;
		sleep_ms(FORK_PAUSE_MS);
	}
	return NULL;
}

static size_t device_size(int fd)
{
	unsigned long long bytes;

	if (!ioctl(fd, BLKGETSIZE64, &bytes))
		return bytes;
	return lseek(fd, 0, SEEK_END);
}

static void *direct_loop(void *arg)
{
	const struct env *env = arg;
	struct mem mem;
	int status = mem__map(&mem, "anon", DIRECT_PAGES);
	int fd = open(env->dev, O_RDONLY | O_DIRECT | O_CLOEXEC);
	size_t size, off = 0;

	if (status)
		return (void *)(long)status;
	if (fd < 0)
		return (void *)(long)fail("%s", env->dev);
	size = device_size(fd);
	errno = 0;
	if (size < mem.len)
		return (void *)(long)fail("%s: too small", env->dev);
	while (!env->counts->stop) {
		if (pread(fd, mem.addr, mem.len, off) != (ssize_t)mem.len)
			return (void *)(long)fail("%s: reading at %zu", env->dev, off);
		env->counts->odirect_pages += DIRECT_PAGES;
		off = off + 2 * mem.len > size ? 0 : off + mem.len;
	}
	close(fd);
	return NULL;
}

/* ---- one process ---- */

/* Its memory: big is registered and read, small is only read, and copied by forks. */
struct memory {
	struct mem big, small;
};

static int map_memory(const struct env *env, struct memory *memory)
{
	int status = mem__map(&memory->big, env->kind, env->pages);

	if (!status)
		status = mem__map(&memory->small, "anon", FORK_PAGES);
	/* A fork would copy all pages that are pinned; the race needs only few of them. */
	if (!status)
		madvise(memory->big.addr, memory->big.map_len, MADV_DONTFORK);
	return status;
}

static int read_self(struct counts *counts, const struct mem *mem)
{
	size_t pages = mem->len / page_size();
	int status = pv_pin(getpid(), mem->addr, pages, false);

	if (status)
		return status;
	counts->pvread_pins += pages;
	counts->pvread_releases += pages;
	return 0;
}

static int pin_loop(const struct env *env, const struct memory *memory)
{
	struct counts *counts = env->counts;
	struct iovec buf = { memory->big.addr, memory->big.len };
	int ring = uring__open();
	int err, status = 0;

	if (ring < 0) {
		errno = -ring;
		return skip("io_uring_setup");
	}
	while (!counts->stop && !status) {
		err = uring__register(ring, &buf, 1);
		errno = -err;
		if (err)
			return fail("io_uring: registering %lu pages", env->pages);
		counts->iouring_pins += env->pages;
		status = read_self(counts, &memory->small);
		if (!status)
			status = read_self(counts, &memory->big);
		err = uring__unregister(ring);
		errno = -err;
		if (err)
			return fail("io_uring: unregistering");
		counts->iouring_releases += env->pages;
	}
	close(ring);
	return status;
}

static int join(pthread_t thread)
{
	void *ret;

	pthread_join(thread, &ret);
	return (long)ret;
}

static int load(const struct env *env, const struct memory *memory)
{
	pthread_t threads[1 + 64];
	unsigned int nr = 0;
	int ret = 0, status;

	if (!env->no_fork)
		ret = pthread_create(&threads[nr++], NULL, fork_loop, (void *)env);
	for (unsigned int i = 0; !ret && env->dev && i < env->threads; i++)
		ret = pthread_create(&threads[nr++], NULL, direct_loop, (void *)env);
	errno = ret;
	if (ret)
		return fail("pthread_create");
	status = pin_loop(env, memory);
	while (nr--) {
		ret = join(threads[nr]);
		if (ret && !status)
			status = ret;
	}
	return status;
}

/* Reports three times: with its memory touched, with the load done, with its last pages held. */
static int one_process(const struct member *me, void *arg)
{
	const struct env *env = arg;
	unsigned long pages = env->hold - 1;
	struct memory memory = {};
	struct mem mem;
	int ring, status = map_memory(env, &memory);

	crew__report(me, status, 0);
	crew__wait(me);
	if (!status)
		status = load(env, &memory);
	mem__unmap(&memory.big);
	mem__unmap(&memory.small);
	crew__report(me, status, 0);
	crew__wait(me);
	if (status || !env->hold)
		return status;
	for (unsigned int i = 0; i <= me->nr; i++)
		pages = next_prime(pages);
	status = mem__map(&mem, "anon", pages);
	ring = status ? -1 : uring__pin(&mem, &status);
	crew__report(me, status, pages);
	crew__wait(me);
	if (ring >= 0)
		close(ring);
	return status;
}

/* ---- the parent ---- */

static int hear_all(const struct env *env, const struct member *crew)
{
	int status = 0;

	for (unsigned int i = 0; i < env->procs; i++) {
		int ret = crew[i].pid > 0 ? crew__hear(&crew[i], NULL) : 0;

		if (ret && !status)
			status = ret;
	}
	return status;
}

/* What all of them say they did, what the kernel says, and whether anything stays. */
static int print_counts(const struct env *env)
{
	const struct counts *counts = env->counts;
	struct pin_stat now;
	long long left;
	int status;

	say("iouring_pins %lu", counts->iouring_pins);
	say("iouring_releases %lu", counts->iouring_releases);
	say("pvread_pins %lu", counts->pvread_pins);
	say("pvread_releases %lu", counts->pvread_releases);
	say("odirect_pages %lu", counts->odirect_pages);
	say("forks %lu", counts->forks);
	pin_stat__settle(&env->base, SETTLE_MS);
	status = pin_stat__read(&now);
	if (status)
		return status;
	now.acquired -= env->base.acquired;
	now.released -= env->base.released;
	left = now.acquired - now.released;
	say("vmstat_acquired %llu", now.acquired);
	say("vmstat_released %llu", now.released);
	say("left %lld", left);
	errno = 0;
	if (left)
		return fail("%lld pages are still pinned, or somebody else pins", left);
	if (now.acquired < counts->iouring_pins + counts->pvread_pins)
		return fail("the kernel counted less than was pinned");
	return 0;
}

static int hold(const struct env *env, const struct member *crew)
{
	unsigned long pages = 0, total = 0;

	for (unsigned int i = 0; i < env->procs; i++) {
		int status;

		crew__tell(&crew[i]);
		status = crew__hear(&crew[i], &pages);
		if (status)
			return status;
		say("owner %d %lu", crew[i].pid, pages);
		total += pages;
	}
	say("pinned %lu", total);
	wait_line();
	return 0;
}

/* All together, for so long; the clock runs from when all are ready. */
static int run_load(struct env *env, struct member *crew)
{
	int status = 0;

	for (unsigned int i = 0; !status && i < env->procs; i++)
		status = crew__start(&crew[i], i, one_process, env);
	if (!status)
		status = hear_all(env, crew);
	if (!status)
		status = pin_stat__read(&env->base);
	if (!status) {
		for (unsigned int i = 0; i < env->procs; i++)
			crew__tell(&crew[i]);
		sleep_ms(env->seconds * 1000);
	}
	env->counts->stop = true;
	return status ? status : hear_all(env, crew);
}

static int run(struct env *env, struct member *crew)
{
	int status = run_load(env, crew);

	if (!status)
		status = print_counts(env);
	if (!status && env->hold)
		status = hold(env, crew);
	for (unsigned int i = 0; i < env->procs; i++) {
		int ret = crew__end(&crew[i]);

		if (ret && !status)
			status = ret;
	}
	if (!status && env->hold)
		say("released");
	return status;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse_opt, NULL, doc, NULL, NULL, NULL };
	struct env env = {
		.procs = 8, .pages = 32768, .seconds = 10, .threads = 2, .kind = "anon"
	};
	struct member *crew;
	int status;

	argp_err_exit_status = EXIT_USAGE;
	argp_parse(&argp, argc, argv, 0, NULL, &env);
	raise_memlock();
	if (env.threads > 64)
		env.threads = 64;
	crew = calloc(env.procs, sizeof(*crew));
	env.counts = mmap(NULL, sizeof(*env.counts), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!crew || env.counts == MAP_FAILED)
		return fail("no memory");
	status = run(&env, crew);
	free(crew);
	return status;
}
