// SPDX-License-Identifier: GPL-2.0
/*
 * identity: what may become of memory while it is pinned, and what must be said of it then when
 * nobody watches releases: it is unmapped, moved, mapped anew, truncated, forked, its owner exits.
 * Each scene is a process of its own, and stops halfway, so that the pins may be looked at.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "crew.h"

#define ALONE ((char *)0x100000000000) /* an address that nobody is given */
#define SPARED 37ul /* pages at the begin of a range that another one leaves out */

static pid_t orphan; /* a process that outlives its parent, of this scene */

/* The first half is over: the pins may be looked at, or not. */
static void between(const struct member *me)
{
	crew__report(me, 0, 0);
	crew__wait(me);
}

static void expect(const char *basis, pid_t pid, unsigned long pins)
{
	say("%s %d %lu", basis, pid, pins);
}

static int map_pinned(struct mem *mem, const char *kind, unsigned long n, int *ring)
{
	int status = mem__map(mem, kind, n);

	*ring = status ? -1 : uring__pin(mem, &status);
	return status;
}

/* New memory at the same place. */
static int map_again(const struct mem *mem)
{
	if (munmap(mem->addr, mem->len) ||
	    mmap(mem->addr, mem->len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != mem->addr)
		return fail("mapping anew");
	memset(mem->addr, 2, mem->len);
	return 0;
}

/*
 * Its anon_vma is free then, and may become that of another scene: it must have no page at the same
 * address, or nobody could tell the two apart.
 */
static int unmapped(const struct member *me, unsigned long n)
{
	struct mem mem = { .addr = ALONE, .len = n * page_size(), .fd = -1 };
	int status = 0;

	if (mmap(mem.addr, mem.len, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != mem.addr)
		return fail("mmap");
	memset(mem.addr, 1, mem.len);
	uring__pin(&mem, &status);
	if (!status && munmap(mem.addr, mem.len))
		status = fail("munmap");
	if (status)
		return status;
	between(me);
	expect("recorded", getpid(), n);
	return 0;
}

/* Moved, and pinned again where it is now. */
static int moved(const struct member *me, unsigned long n)
{
	struct mem mem;
	int ring, status = map_pinned(&mem, "anon", n, &ring);
	char *place = mmap(NULL, n * page_size(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (status)
		return status;
	mem.addr = mremap(mem.addr, mem.len, mem.len, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	if (mem.addr == MAP_FAILED)
		return fail("mremap");
	uring__pin(&mem, &status);
	if (status)
		return status;
	between(me);
	expect("recorded", getpid(), 2 * n);
	return 0;
}

static int forked(const struct member *me, unsigned long n)
{
	struct mem mem;
	int ring, status = map_pinned(&mem, "anon", n, &ring);

	for (int i = 0; i < 20 && !status; i++) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			pause();
			_exit(0);
		}
		if (pid < 0)
			status = fail("fork");
	}
	if (status)
		return status;
	between(me);
	expect("recorded", getpid(), n);
	return 0;
}

/*
 * Mapped and pinned again at the same place, with nobody looking: only the ends are known. A report
 * calls all pins of an owner (here: by one of the two rings) inferred if some are: those of the newer.
 */
static int dropped(const struct member *me, unsigned long n)
{
	struct mem mem;
	int ring, status = map_pinned(&mem, "anon", n, &ring);

	if (!status && madvise(mem.addr, mem.len, MADV_DONTNEED))
		status = fail("madvise");
	if (status)
		return status;
	memset(mem.addr, 2, mem.len);
	uring__pin(&mem, &status);
	if (status)
		return status;
	between(me);
	expect("recorded", getpid(), 2);
	expect("inferred", getpid(), 2 * n - 2);
	return 0;
}

static int mapped_again(const struct member *me, unsigned long n)
{
	struct mem mem;
	int ring, status = map_pinned(&mem, "anon", n, &ring);

	if (status)
		return status;
	between(me);
	status = map_again(&mem);
	if (!status)
		uring__pin(&mem, &status);
	expect("recorded", getpid(), 2 * n);
	return status;
}

/* Two mappings of anonymous memory, side by side: a fork would copy one of them alone. */
static int two_vmas(const struct member *me, unsigned long n)
{
	struct mem mem = { .len = 2 * n * page_size(), .fd = -1 };
	int status = 0;

	mem.addr = mmap(NULL, mem.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem.addr == MAP_FAILED || madvise(mem.addr + mem.len / 2, mem.len / 2, MADV_DONTFORK))
		return fail("mmap");
	memset(mem.addr, 1, mem.len);
	uring__pin(&mem, &status);
	if (status)
		return status;
	between(me);
	expect("recorded", getpid(), 2 * n);
	return 0;
}

/* The kind memfd is sealed against it. */
static int map_file(struct mem *mem, unsigned long n, int *ring)
{
	int status = 0;

	mem->fd = memfd_create("identity", MFD_CLOEXEC);
	mem->len = mem->map_len = n * page_size();
	if (mem->fd < 0 || ftruncate(mem->fd, mem->len))
		return fail("memfd_create");
	mem->addr = mmap(NULL, mem->len, PROT_READ | PROT_WRITE, MAP_SHARED, mem->fd, 0);
	if (mem->addr == MAP_FAILED)
		return fail("mmap");
	memset(mem->addr, 1, mem->len);
	*ring = uring__pin(mem, &status);
	return status;
}

static int truncate_it(struct mem *mem)
{
	if (munmap(mem->addr, mem->map_len) || ftruncate(mem->fd, 0))
		return fail("truncating");
	return 0;
}

static int truncated(const struct member *me, unsigned long n)
{
	struct mem mem;
	int ring, status = map_file(&mem, n, &ring);

	if (status)
		return status;
	between(me);
	expect("recorded", getpid(), n);
	status = truncate_it(&mem);
	close(mem.fd);
	return status;
}

/*
 * Before anybody looked, so nobody can tell whose it was. The file stays open: another one in its
 * struct inode could be taken for it.
 */
static int truncated_unseen(const struct member *me, unsigned long n)
{
	struct mem mem;
	int ring, status = map_file(&mem, n, &ring);

	if (!status)
		status = truncate_it(&mem);
	if (status)
		return status;
	between(me);
	say("unknown nobody %lu", n);
	return 0;
}

/* The second range begins a few pages later and goes again: whose the rest is nobody can tell. */
static int overlapping(const struct member *me, unsigned long n)
{
	struct mem mem, part;
	int ring, second, status = map_pinned(&mem, "anon", n, &ring);

	if (status)
		return status;
	part = mem;
	part.addr += SPARED * page_size();
	part.len -= SPARED * page_size();
	second = uring__pin(&part, &status);
	if (status)
		return status;
	between(me);
	uring__unregister(second);
	expect("recorded", getpid(), SPARED);
	expect("inferred", getpid(), n - SPARED);
	return 0;
}

/* A child that pins its parent's memory, at the same address, and lets go when it is told. */
static int pin_too(const struct member *me, void *arg)
{
	struct mem *mem = arg;
	int status = 0, ring;

	memset(mem->addr, 3, mem->len);
	ring = uring__pin(mem, &status);
	crew__report(me, status, 0);
	crew__wait(me);
	if (!status)
		uring__unregister(ring);
	crew__report(me, status, 0);
	crew__wait(me);
	return status;
}

static int pinned_by_both(struct member *child, const char *kind, struct mem *mem, unsigned long n)
{
	int status = mem__map(mem, kind, n);

	if (!status)
		status = crew__start(child, 0, pin_too, mem);
	if (!status)
		status = crew__hear(child, NULL);
	if (status)
		return status;
	memset(mem->addr, 4, mem->len);
	uring__pin(mem, &status);
	return status;
}

static int same_address(const struct member *me, unsigned long n)
{
	struct member child;
	struct mem mem;
	int status = pinned_by_both(&child, "anon", &mem, n);

	if (status)
		return status;
	between(me);
	expect("recorded", getpid(), n);
	expect("recorded", child.pid, n);
	return 0;
}

static int same_pages(const struct member *me, unsigned long n)
{
	struct member child;
	struct mem mem;
	int status = pinned_by_both(&child, "memfd", &mem, n);

	if (status)
		return status;
	between(me);
	expect("recorded", getpid(), n);
	expect("recorded", child.pid, n);
	return 0;
}

static int one_releases(const struct member *me, unsigned long n)
{
	struct member child;
	struct mem mem;
	int status = pinned_by_both(&child, "memfd", &mem, n);

	if (status)
		return status;
	between(me);
	crew__tell(&child);
	say("inferred %d,%d %lu", getpid(), child.pid, n);
	return crew__hear(&child, NULL);
}

/* Exits and leaves the ring to a child, which may pin other memory at the same address. */
static int leave_ring(const struct member *me, void *arg)
{
	const unsigned long *n = arg;
	struct mem mem;
	int ring, status = map_pinned(&mem, "anon", *n, &ring);

	if (status)
		crew__report(me, status, 0);
	if (status || fork())
		return status;
	crew__report(me, 0, getpid());
	crew__wait(me);
	status = map_again(&mem);
	if (!status)
		uring__pin(&mem, &status);
	crew__report(me, status, 0);
	for (;;)
		pause();
}

static int start_orphan(struct member *parent, unsigned long n)
{
	unsigned long child = 0;
	int status = crew__start(parent, 0, leave_ring, &n);

	if (!status)
		status = crew__hear(parent, &child);
	orphan = child;
	if (!status && waitpid(parent->pid, NULL, 0) != parent->pid)
		status = fail("waitpid");
	return status;
}

static int orphaned(const struct member *me, unsigned long n)
{
	struct member parent;
	int status = start_orphan(&parent, n);

	if (status)
		return status;
	between(me);
	expect("recorded", parent.pid, n);
	return 0;
}

static int orphan_pins(const struct member *me, unsigned long n)
{
	struct member parent;
	int status = start_orphan(&parent, n);

	if (status)
		return status;
	between(me);
	crew__tell(&parent);
	expect("recorded", parent.pid, n);
	expect("recorded", orphan, n);
	return crew__hear(&parent, NULL);
}

static int (*const scenes[])(const struct member *me, unsigned long n) = {
	unmapped,   moved,	  forked,	    dropped,	 mapped_again,
	two_vmas,   truncated,	  truncated_unseen, overlapping, same_address,
	same_pages, one_releases, orphaned,	    orphan_pins,
};
#define SCENES ARRAY_SIZE(scenes)

static int play(const struct member *me, void *arg)
{
	unsigned long n = 101;
	int status;

	(void)arg;
	for (unsigned int i = 0; i < me->nr; i++)
		n = next_prime(n);
	status = scenes[me->nr](me, n);
	crew__report(me, status, 0);
	crew__wait(me);
	if (orphan)
		kill(orphan, SIGKILL);
	return status;
}

static int hear_all(const struct member *crew)
{
	int status = 0;

	for (unsigned int i = 0; i < SCENES && !status; i++)
		status = crew__hear(&crew[i], NULL);
	return status;
}

/*
 * Prints `recorded PID PINS`, `inferred PID[,PID] PINS` and `unknown nobody PINS`, `half` and
 * `ready`; the last two wait for a line.
 */
int main(void)
{
	static struct member crew[SCENES];
	int status = 0, ret;

	raise_memlock();
	for (unsigned int i = 0; i < SCENES && !status; i++)
		status = crew__start(&crew[i], i, play, NULL);
	if (!status)
		status = hear_all(crew);
	if (!status) {
		say("half");
		wait_line();
		for (unsigned int i = 0; i < SCENES; i++)
			crew__tell(&crew[i]);
		status = hear_all(crew);
	}
	if (!status) {
		say("ready");
		wait_line();
	}
	for (unsigned int i = 0; i < SCENES; i++) {
		/* One in its first half would wait for another order. */
		if (status && crew[i].pid > 0)
			kill(crew[i].pid, SIGKILL);
		ret = crew__end(&crew[i]);
		status = status ? status : ret;
	}
	return status;
}
