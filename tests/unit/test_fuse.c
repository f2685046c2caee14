// SPDX-License-Identifier: GPL-2.0-only
/* The daemon's fuse, told what it costs: when it steps down, and when up again. */
#include "fixture.h"
#include "fuse.h"

#define CPUS 4
#define BEGIN (1000 * S)

/* A fuse of 1% of four CPUs and 100 MiB, watched for some seconds at a cost; how often it stepped. */
struct world {
	struct fuse fuse;
	uint64_t now_ns, cpu_ns;
};

static struct world world(void)
{
	struct world world = {
		.fuse = { .max_cpu_ppm = 10000, .max_bytes = 100 * MIB, .cpus = CPUS },
		.now_ns = BEGIN,
	};

	assert_false(fuse__look(&world.fuse, world.now_ns, 0, 0));
	return world;
}

static unsigned int run(struct world *world, unsigned int seconds, uint64_t cpu_ms_a_second,
			uint64_t bytes)
{
	unsigned int steps = 0;

	for (unsigned int i = 0; i < seconds; i++) {
		world->now_ns += S;
		world->cpu_ns += cpu_ms_a_second * MS;
		steps += fuse__look(&world->fuse, world->now_ns, world->cpu_ns, bytes);
	}
	return steps;
}

static void test_cheap(void **state)
{
	struct world w = world();

	(void)state;
	assert_int_equal(run(&w, 4000, 40, 100 * MIB), 0); /* just as much as it may */
	assert_int_equal(w.fuse.level, FUSE_WHOLE);
	assert_int_equal(w.fuse.cpu_ppm, 10000);
}

static void test_down(void **state)
{
	struct world w = world();

	(void)state;
	assert_int_equal(run(&w, 9, 41, 0), 0);
	assert_int_equal(run(&w, 1, 41, 0), 1);
	assert_int_equal(w.fuse.level, FUSE_NO_STACKS);
	assert_int_equal(run(&w, 10, 41, 0), 1);
	assert_int_equal(w.fuse.level, FUSE_SCAN);
	assert_int_equal(run(&w, 1000, 41, 0), 0); /* there is nothing less */
	assert_string_equal(fuse_level_name(w.fuse.level), "scan only");
}

static void test_memory(void **state)
{
	struct world w = world();

	(void)state;
	assert_int_equal(run(&w, 10, 0, 100 * MIB + 1), 1);
	assert_int_equal(w.fuse.level, FUSE_NO_STACKS);
}

/* Up by one step an hour, however often it goes down meanwhile. */
static void test_up(void **state)
{
	struct world w = world();

	(void)state;
	assert_int_equal(run(&w, 20, 1000, 0), 2);
	assert_int_equal(run(&w, 3590, 0, 0), 0);
	assert_int_equal(run(&w, 10, 0, 0), 1);
	assert_int_equal(w.fuse.level, FUSE_NO_STACKS);
	assert_int_equal(run(&w, 10, 1000, 0), 1);
	assert_int_equal(w.fuse.level, FUSE_SCAN);
	assert_int_equal(run(&w, 7200, 0, 0), 2);
	assert_int_equal(w.fuse.level, FUSE_WHOLE);
	assert_int_equal(run(&w, 7200, 0, 0), 0);
}

/* Plan scan begins at the bottom, and stays there. */
static void test_least(void **state)
{
	struct world w = world();

	(void)state;
	w.fuse.level = w.fuse.least = FUSE_SCAN;
	assert_int_equal(run(&w, 8000, 0, 0), 0);
	assert_int_equal(run(&w, 8000, 1000, 0), 0);
	assert_int_equal(w.fuse.level, FUSE_SCAN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cheap),  cmocka_unit_test(test_down),
		cmocka_unit_test(test_memory), cmocka_unit_test(test_up),
		cmocka_unit_test(test_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
