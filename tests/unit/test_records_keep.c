// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plan call: what one process leaves to the next; read badly, and by one whose
 * owners have other ids. That nothing of it is lost, the other tests of records
 * show, which run a second time with another process before each scan.
 */
#include <errno.h>

#include "records_world.h"

/* Owners have other ids there, or none. */
static void test_translated(void **state)
{
	const uint32_t ids[] = { [A] = C, [B] = 0 };
	struct world *w = *state;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	call(w, B, 0x1000, 0x88, 7, 1, 20);
	pinned(w, 10, 0x80, 7, 1);
	pinned(w, 20, 0x88, 7, 1);
	scan(w);
	call(w, A, 0x2000, 0x80, 8, 1, 11);
	pinned(w, 11, 0x80, 8, 1);
	records__load(w->records, w->live, w->live_cnt, NULL, 0);
	w->live_cnt = 0;
	records__translate(w->records, ids, sizeof(ids) / sizeof(*ids));
	/* The scan has them by their number. */
	w->hits[2] = w->hits[1];
	w->hits[1] = (struct scan_hit){
		.pfn = 11, .mapping = 0x80, .index = 8, .pins = 1, .certain = true, .kind = MEM_ANON
	};
	scan(w);
	only(w, 0, C, 1, false);
	only(w, 1, C, 1, false);
	only(w, 2, 0, 1, false);
}

static void test_kept_badly(void **state)
{
	struct world *w = *state;
	struct records *other = records__new(VMEMMAP + 4096, PAGE_BYTES);
	unsigned char *copy;
	void *bytes;
	size_t cnt;

	call(w, A, 0x1000, 0x80, 7, 1, 10);
	pinned(w, 10, 0x80, 7, 1);
	match(w);
	assert_false(gc(w));
	assert_int_equal(records__save(w->records, &bytes, &cnt), 0);
	assert_int_equal(records__restore(other, bytes, cnt), -EBADMSG);
	for (size_t less = 0; less < cnt; less++) {
		copy = malloc(less + 1);
		memcpy(copy, bytes, less);
		assert_int_equal(records__restore(w->records, copy, less), -EBADMSG);
		free(copy);
	}
	/* Whatever is in it: refused, or read without a fault. */
	for (size_t i = 0; i < cnt; i++) {
		((unsigned char *)bytes)[i] ^= 0xff;
		if (!records__restore(w->records, bytes, cnt))
			records__restore(w->records, bytes, cnt);
		((unsigned char *)bytes)[i] ^= 0xff;
	}
	assert_int_equal(records__restore(w->records, bytes, cnt), 0);
	scan(w);
	only(w, 0, A, 1, false);
	free(bytes);
	records__free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kept_badly),
		TEST(test_translated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL) |
	       cmocka_run_group_tests_name("restarts", tests, restarting, NULL);
}
