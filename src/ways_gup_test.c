// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to pin by the kernel's own gup_test (CONFIG_GUP_TEST), as its selftest of
 * that name does. The interface is that of mm/gup_test.h, which no header package
 * has; PIN_LONGTERM_TEST_* came later than the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ways.h"

struct gup_test {
	uint64_t get_delta_usec, put_delta_usec;
	uint64_t addr, size;
	uint32_t nr_pages_per_call;
	uint32_t gup_flags;
	uint32_t test_flags;
	uint32_t which_pages[8];
};

struct pin_longterm_test {
	uint64_t addr, size;
	uint32_t flags;
};

#define GUP_FAST_BENCHMARK _IOWR('g', 1, struct gup_test)
#define PIN_FAST_BENCHMARK _IOWR('g', 2, struct gup_test)
#define PIN_LONGTERM_BENCHMARK _IOWR('g', 3, struct gup_test)
#define GUP_BASIC_TEST _IOWR('g', 4, struct gup_test)
#define PIN_BASIC_TEST _IOWR('g', 5, struct gup_test)
#define PIN_LONGTERM_TEST_START _IOW('g', 7, struct pin_longterm_test)
#define PIN_LONGTERM_TEST_STOP _IO('g', 8)
#define PIN_LONGTERM_TEST_FLAG_USE_WRITE 1

#define FOLL_WRITE 1

static int open_gup_test(struct hold *hold, const char *arg)
{
	(void)arg;
	hold->holder = open("/sys/kernel/debug/gup_test", O_RDWR | O_CLOEXEC);
	return hold->holder < 0
		       ? hold__cannot(hold, "this kernel has no gup_test (CONFIG_GUP_TEST)")
		       : 0;
}

/* It says nothing when it got fewer pages, but gives back for how many bytes it asked. */
static int run(const struct hold *hold, unsigned long command, uint32_t flags)
{
	uint64_t bytes = hold->pages * sysconf(_SC_PAGESIZE);
	struct gup_test test = {
		.addr = (uintptr_t)hold->addr,
		.size = bytes,
		.nr_pages_per_call = GUP_TEST_PAGES_PER_CALL,
		.gup_flags = flags,
	};

	if (ioctl(hold->holder, command, &test))
		return -errno;
	return test.size == bytes ? 0 : -EIO;
}

static int pin_fast(struct hold *hold)
{
	return run(hold, PIN_FAST_BENCHMARK, FOLL_WRITE);
}

static int pin_fast_read(struct hold *hold)
{
	return run(hold, PIN_FAST_BENCHMARK, 0);
}

static int pin_basic(struct hold *hold)
{
	return run(hold, PIN_BASIC_TEST, FOLL_WRITE);
}

static int pin_longterm(struct hold *hold)
{
	return run(hold, PIN_LONGTERM_BENCHMARK, FOLL_WRITE);
}

static int get_fast(struct hold *hold)
{
	return run(hold, GUP_FAST_BENCHMARK, FOLL_WRITE);
}

static int get_basic(struct hold *hold)
{
	return run(hold, GUP_BASIC_TEST, FOLL_WRITE);
}

static int start_longterm(struct hold *hold)
{
	struct pin_longterm_test test = {
		.addr = (uintptr_t)hold->addr,
		.size = hold->pages * sysconf(_SC_PAGESIZE),
		.flags = PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};

	if (!ioctl(hold->holder, PIN_LONGTERM_TEST_START, &test))
		return 0;
	return errno == EINVAL ? hold__cannot(hold, "this gup_test has no PIN_LONGTERM_TEST_START")
			       : -errno;
}

static int stop_longterm(struct hold *hold)
{
	return ioctl(hold->holder, PIN_LONGTERM_TEST_STOP) ? -errno : 0;
}

#define WAY(words, transient, pages, pin, unpin)                                \
	{                                                                       \
		words, transient, MEMORY_ANON, pages, open_gup_test, pin, unpin \
	}

const struct way way_gup_test_fast = WAY("PIN_FAST_BENCHMARK", true, 257, pin_fast, NULL);
const struct way way_gup_test_fast_read =
	WAY("PIN_FAST_BENCHMARK for reading", true, 263, pin_fast_read, NULL);
const struct way way_gup_test_pin = WAY("PIN_BASIC_TEST", true, 269, pin_basic, NULL);
const struct way way_gup_test_longterm =
	WAY("PIN_LONGTERM_BENCHMARK", true, 271, pin_longterm, NULL);
const struct way way_gup_test_get_fast = WAY("GUP_FAST_BENCHMARK", true, 277, get_fast, NULL);
const struct way way_gup_test_get = WAY("GUP_BASIC_TEST", true, 281, get_basic, NULL);
const struct way way_gup_test_held =
	WAY("PIN_LONGTERM_TEST_START", false, 283, start_longterm, stop_longterm);
