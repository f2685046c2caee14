// SPDX-License-Identifier: GPL-2.0-only
/* Notes of more processes than there is room for: those of known owners stay, the others go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "notes.h"

#define ROOM 4096

/* A stack of process `tgid`, which has no maps: none of these lives. */
static void take(struct notes *notes, uint32_t tgid)
{
	struct gup_rec rec = {
		.kind = GUP_REC_STACK,
		.tgid = tgid,
		.start_boottime = 7,
		.owner = tgid % 1000,
		.ip = tgid,
	};

	notes__take(notes, &rec);
	notes__unwind(notes);
}

static struct gup_owner owner_of(uint32_t tgid)
{
	return (struct gup_owner){
		.key = { .tgid = tgid, .start_boottime = 7 },
		.id = tgid % 1000,
	};
}

static size_t frames_of(const struct notes *notes, uint32_t tgid)
{
	struct gup_owner owner = owner_of(tgid);
	const uint64_t *ips = NULL;
	const char *why;
	size_t cnt = notes__stack(notes, &owner, &ips, &why);

	if (cnt)
		assert_int_equal(ips[0], tgid);
	return cnt;
}

/* Numbers above any process id, so that none of them is there. */
#define FIRST (1U << 23)

static void test_room(void **state)
{
	struct notes *notes = notes__new();
	struct gup_owner owners[] = { owner_of(FIRST + 4000), owner_of(FIRST + 3), owner_of(1) };

	(void)state;
	assert_non_null(notes);
	for (uint32_t i = 0; i < ROOM; i++) {
		assert_false(notes__full(notes));
		take(notes, FIRST + i);
	}
	assert_true(notes__full(notes));
	take(notes, FIRST + ROOM);
	assert_int_equal(frames_of(notes, FIRST + ROOM), 0);
	notes__forget_others(notes, owners, 3);
	assert_false(notes__full(notes));
	assert_int_equal(frames_of(notes, FIRST + 3), 1);
	assert_int_equal(frames_of(notes, FIRST + 4000), 1);
	assert_int_equal(frames_of(notes, FIRST + 4), 0);
	take(notes, FIRST + ROOM);
	assert_int_equal(frames_of(notes, FIRST + ROOM), 1);
	notes__forget_others(notes, NULL, 0);
	assert_int_equal(frames_of(notes, FIRST + 3), 0);
	notes__free(notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_room) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
