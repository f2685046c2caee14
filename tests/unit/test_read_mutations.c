// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random mutations of saved snapshots: the reader refuses them in one line, or
 * what it takes is a snapshot that every form can write. The seed is fixed.
 */
#include "fixture.h"
#include "fixture_saved.h"

#define MUTATIONS 100003 /* as far as they get in */
#define SECONDS_MAX 8	 /* of CPU time for them */

static uint64_t seed = 20261122;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (seed >> 33) % limit;
}

/* Swaps a value for another one's text, so that the document often stays JSON. */
static size_t graft(char *text, size_t len, size_t room)
{
	static const char *const values[] = {
		"null",
		"true",
		"0",
		"-1",
		"1",
		"7",
		"2147483648",
		"9007199254740991",
		"\"\"",
		"[]",
		"{}",
		"[null]",
		"0.5",
		"\"leaked\"",
		"\"2026-11-22T10:12:41.020Z\"",
	};
	const char *value = values[random_below(ARRAY_SIZE(values))];
	char *colon = memchr(text + random_below(len), ':', len), *end;
	size_t bytes = strlen(value);

	if (!colon || colon >= text + len)
		return len;
	end = colon + 1 + strcspn(colon + 1, ",\n]}");
	if (len - (end - colon - 1) + bytes >= room)
		return len;
	memmove(colon + 1 + bytes, end, text + len - end);
	memcpy(colon + 1, value, bytes);
	return len - (end - colon - 1) + bytes;
}

static size_t mutate(char *text, size_t len, size_t room)
{
	size_t at = random_below(len), cnt = 1 + random_below(40), from = random_below(len);

	if (cnt > len - at)
		cnt = len - at;
	switch (random_below(6)) {
	case 0:
		text[at] = random_below(256);
		return len;
	case 1: /* out */
		memmove(text + at, text + at + cnt, len - at - cnt);
		return len - cnt;
	case 2: /* over: pieces of the document in other places */
		memmove(text + at, text + from, cnt < len - from ? cnt : len - from);
		return len;
	case 3: /* twice */
		if (len + cnt >= room)
			return len;
		memmove(text + at + cnt, text + at, len - at);
		return len + cnt;
	default:
		return graft(text, len, room);
	}
}

static int verbose_text(FILE *out, const struct snapshot *snap)
{
	const struct text_options options = { .verbose = true };

	return form_text(out, snap, &options);
}

/* What was taken for a snapshot must be one: stable, and fit for every form. */
static void use(struct snapshot *snap)
{
	form_fn const forms[] = { verbose_text, form_folded };
	char *first = written(snap, form_json_line), *second;
	struct snapshot *back = read_text(first);

	second = written(back, form_json_line);
	assert_string_equal(second, first);
	snapshot__free(back);
	free(first);
	free(second);
	audit(snap);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		free(written(snap, forms[i]));
}

/* Something of everything, and small: most mutations are of this. */
static struct snapshot *fixture_small(void)
{
	static const char *const kernel[] = { "pin_user_pages_fast", NULL };
	struct snapshot *snap = fixture_empty();
	struct page_info *page;
	struct group *group;
	struct site *site;

	add_process(snap, 7, "a");
	end_process(snap, 0, EXITED);
	group = add_group(snap, 0, 3, 3, 12 * KIB);
	group->kernel_stack = add_stack(snap, false, NULL, kernel);
	set_through(group, "char", "/dev/b", 3, "ioctl");
	add_holder(snap, group, 0, 3, BASIS_SAME_OPEN_FILE, NULL);
	add_memory(snap, group, MEM_ANON, 4 * KIB, 3);
	group->mapped_known = true;
	site = add_site(snap, "c", NULL, 1, 3);
	add_release(snap, site, "d", 1);
	page = snapshot__append(snap, &snap->pages, &snap->page_cnt, sizeof(*page));
	*page = (struct page_info){ .pfn = 5, .folio_bytes = 4 * KIB, .group = 0 };
	add_up(snap);
	audit(snap);
	return snap;
}

/* The i-th document, in one line, where more bytes mean something. */
static char *document(const glob_t *files, size_t i)
{
	char *text = i % 8 ? NULL : read_file(files->gl_pathv[i / 8 % files->gl_pathc]);
	struct snapshot *snap = text ? read_text(text) : fixture_small();

	free(text);
	text = written(snap, form_json_line);
	snapshot__free(snap);
	return text;
}

static void test_mutations(void **state)
{
	unsigned int taken = 0, refused = 0;
	clock_t end = clock() + SECONDS_MAX * CLOCKS_PER_SEC;
	char *work = malloc(65536), why[256];
	struct snapshot *snap;
	glob_t files;
	char *text = NULL;
	size_t len;

	(void)state;
	golden_files(&files);
	for (size_t i = 0; i < MUTATIONS && clock() < end; i++) {
		if (i % 1009 == 0) {
			free(text);
			text = document(&files, i / 1009);
		}
		len = strlen(text);
		memcpy(work, text, len);
		for (int round = random_below(2); round >= 0 && len; round--)
			len = mutate(work, len, 65536);
		snap = form_json__read_buffer(work, len, why, sizeof(why));
		if (snap) {
			taken++;
			use(snap);
			snapshot__free(snap);
		} else {
			refused++;
			assert_null(strchr(why, '\n'));
			assert_int_equal(errno, EINVAL);
		}
	}
	print_message("%u mutations refused, %u taken\n", refused, taken);
	assert_true(taken > 100 && refused > 1000);
	free(text);
	free(work);
	globfree(&files);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_mutations) };

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
