// SPDX-License-Identifier: GPL-2.0-only
/* Which owners and processes plan call forgets, and which it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gone.h"

#define BEFORE 1000

static struct gup_owner owner(uint32_t id, uint32_t tgid, uint64_t start)
{
	return (struct gup_owner){ .id = id, .key = { .tgid = tgid, .start_boottime = start } };
}

static struct proc_item proc(uint32_t tgid, uint64_t start, uint32_t parent, uint64_t exit_ns)
{
	return (struct proc_item){
		.key = { .tgid = tgid, .start_boottime = start },
		.proc = { .ptgid = parent, .exit_ns = exit_ns },
	};
}

static void test_owners(void **state)
{
	struct gup_owner owners[] = {
		owner(1, 40, 7), /* lives */
		owner(2, 41, 7), /* exited, and holds */
		owner(3, 41, 7), /* exited */
		owner(4, 42, 7), /* exited just now */
		owner(5, 40, 6), /* exited; its number is in use again */
		owner(6, 43, 7), /* nothing is known of its process */
		owner(7, 41, 7), /* an id that nobody counted */
	};
	struct proc_item procs[] = {
		proc(42, 7, 1, BEFORE),
		proc(40, 7, 1, 0),
		proc(41, 7, 1, BEFORE - 1),
		proc(40, 6, 1, 5),
	};
	const bool used[7] = { [2] = true };

	(void)state;
	assert_int_equal(gone__owners(owners, 7, procs, 4, used, 7, BEFORE), 2);
	assert_int_equal(owners[0].id, 3);
	assert_int_equal(owners[1].id, 5);
}

static void test_idle(void **state)
{
	struct gup_owner owners[] = {
		owner(1, 40, 7), /* has called just now */
		owner(2, 40, 7), /* idle, and holds */
		owner(3, 40, 7), /* idle */
		owner(4, 41, 7), /* made just now */
		owner(9, 40, 7), /* an id that nobody counted */
	};
	const bool used[5] = { [2] = true };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		owners[i].first_ns = owners[i].last_ns = BEFORE - 1;
	owners[0].last_ns = BEFORE;
	owners[3].first_ns = BEFORE;
	owners[3].last_ns = 0;
	assert_int_equal(gone__idle(owners, 5, used, 5, BEFORE), 1);
	assert_int_equal(owners[0].id, 3);
	assert_int_equal(gone__idle(owners, 5, used, 5, 5), 0);
}

static void test_procs(void **state)
{
	struct gup_owner owners[] = { owner(1, 50, 7), owner(2, 51, 7) };
	struct proc_item procs[] = {
		proc(50, 7, 1, 5),	/* an owner */
		proc(52, 7, 1, 0),	/* lives */
		proc(53, 7, 1, 5),	/* parent of one that lives */
		proc(54, 7, 53, 0),	/* that one */
		proc(55, 7, 1, 5),	/* goes */
		proc(56, 7, 1, 5),	/* of the command under test: goes, too */
		proc(57, 7, 1, BEFORE), /* exited just now */
		proc(58, 7, 1, 5),	/* whose memory an owner pins */
	};

	(void)state;
	procs[5].proc.in_tree = 1;
	owners[1].mm_tgid = 58;
	assert_int_equal(gone__procs(procs, 8, owners, 2, BEFORE), 2);
	assert_int_equal(procs[0].key.tgid, 55);
	assert_int_equal(procs[1].key.tgid, 56);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_procs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
