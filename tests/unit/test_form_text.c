// SPDX-License-Identifier: GPL-2.0-only
/*
 * The text report: golden files, 80 columns always, harmless whatever names
 * come in, and the verdict's line for each kind of end.
 */
#include "fixture.h"
#include "fmt.h"

static struct text_options options;

static int text_form(FILE *out, const struct snapshot *snap)
{
	return form_text(out, snap, &options);
}

static void assert_safe_line(const char *line, size_t bytes, unsigned int most)
{
	unsigned int columns = 0;
	uint32_t code;
	size_t at, len;

	for (at = 0; at < bytes; at += len) {
		len = utf8_decode(line + at, &code);
		assert_true(len > 0);
		assert_false(code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x202e);
		columns += fmt_columns(code);
	}
	if (columns > most)
		print_message("%u columns: %.*s\n", columns, (int)bytes, line);
	assert_true(columns <= most);
	assert_true(bytes == 0 || line[bytes - 1] != ' ');
}

static void assert_safe(const char *text, unsigned int most)
{
	const char *end;

	for (; *text; text = end + 1) {
		end = strchr(text, '\n');
		assert_non_null(end);
		assert_safe_line(text, end - text, most);
	}
}

static void assert_report(struct snapshot *snap, const char *golden)
{
	char *text;

	options = (struct text_options){ 0 };
	audit(snap);
	text = written(snap, text_form);
	assert_safe(text, 80);
	assert_golden(golden, text);
	free(text);
	options.verbose = true;
	text = written(snap, text_form);
	assert_safe(text, 1000);
	free(text);
	options = (struct text_options){ .width = 40, .top = 1 };
	text = written(snap, text_form);
	assert_safe(text, 60); /* tables keep their columns */
	free(text);
	snapshot__free(snap);
}

static void test_golden(void **state)
{
	(void)state;
	assert_report(fixture_rdma(), "report-rdma.txt");
	assert_report(fixture_clean(), "report-clean.txt");
	assert_report(fixture_leak(), "report-leak.txt");
	assert_report(fixture_hostile(), "report-hostile.txt");
	assert_report(fixture_degraded(), "report-degraded.txt");
}

static void assert_verdict(struct snapshot *snap, const char *line)
{
	char *text;

	options = (struct text_options){ .quiet = true };
	audit(snap);
	text = written(snap, text_form);
	assert_string_equal(text, line);
	free(text);
	snapshot__free(snap);
}

static void test_verdicts(void **state)
{
	struct snapshot *snap;

	(void)state;
	assert_verdict(fixture_rdma(), "WARNING  1.20 GiB stays pinned for an exited process: "
				       "1 finding, 0 leaks\n");
	assert_verdict(fixture_clean(),
		       "OK  nothing left pinned: 1,031 pins taken by CMD, all released\n");
	assert_verdict(fixture_leak(), "ERROR  116 KiB leaked: owner gone, nobody holds it: "
				       "1 finding, 1 leak\n");
	snap = fixture_empty();
	add_group(snap, add_process(snap, 1, "qemu"), 512, 1, 2 * MIB);
	add_up(snap);
	assert_verdict(snap, "OK  2.00 MiB pinned, every pin has a living owner\n");
	snap = fixture_empty();
	snap->cmd = "true";
	assert_verdict(snap, "OK  nothing left pinned: CMD took no pins\n");
	snap = fixture_empty();
	snap->cmd = "true";
	snap->checks.plan = "call";
	assert_verdict(
		snap,
		"OK  nothing that CMD pinned is left; plan call does not count what it took\n");
	snap = fixture_clean();
	snap->checks.processes_full = 1;
	assert_verdict(snap, "NOTE  no leftover seen, but the view is incomplete: 1 note\n");
	snap = fixture_clean();
	snap->checks.sites_full = 1;
	assert_verdict(snap, "NOTE  no leftover seen, but the view is incomplete: 1 note\n");
	snap = fixture_clean();
	snap->checks.stacks_lost = 1;
	assert_verdict(snap, "NOTE  no leftover seen, but the view is incomplete: 1 note\n");
}

/* A living group of CMD's is "left behind"; a dead one within its time is being released. */
static void test_releasing(void **state)
{
	struct snapshot *snap = fixture_leak();

	(void)state;
	snap->processes[0].exited_ns = TAKEN - 1 * S;
	assert_verdict(snap, "OK  116 KiB pinned by CMD still being released\n");
	snap = fixture_leak();
	snap->processes[0].exited_ns = TAKEN - 1 * S;
	snap->cmd = NULL;
	assert_verdict(snap, "OK  148 KiB pinned, 116 KiB of it by exited processes, still being "
			     "released\n");
}

static void test_color(void **state)
{
	struct snapshot *snap = fixture_rdma();
	char *text;

	(void)state;
	options = (struct text_options){ .color = true };
	audit(snap);
	text = written(snap, text_form);
	assert_memory_equal(text, "\033[33mWARNING\033[0m  1.20", 22);
	assert_null(strchr(text + 16, '\033'));
	free(text);
	snapshot__free(snap);
}

/* /dev/full takes nothing: the report must not pretend that it was written. */
/* Neighbours alike are one line, whatever strings say so; a recorded owner is told from a likely one. */
static void test_pages(void **state)
{
	struct snapshot *snap = fixture_rdma();
	char first[] = "/srv/model.bin", second[] = "/srv/model.bin";
	struct page_info page = {
		.folio_bytes = 4096, .pins = 1, .certain = true, .refcount = 1025, .kind = MEM_FILE
	};
	char *text;

	(void)state;
	options = (struct text_options){};
	for (int i = 0; i < 4; i++) {
		page.pfn = 0xa5a80 + i;
		page.file = i % 2 ? first : second;
		page.group = i == 3 ? 2 : 0;
		*(struct page_info *)snapshot__append(snap, &snap->pages, &snap->page_cnt,
						      sizeof(page)) = page;
	}
	text = written(snap, text_form);
	assert_safe(text, 80);
	assert_non_null(strstr(text, "[a5a80, a5a83)           3 x 4 KiB file /srv/model.bin: "
				     "1 pin, by python3\n"));
	assert_non_null(strstr(text, "[a5a83, a5a84)           1 x 4 KiB file /srv/model.bin: "
				     "1 pin; refs 1,025,\n"));
	free(text);
	snapshot__free(snap);
}

static void test_write_error(void **state)
{
	struct snapshot *snap = fixture_rdma();
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	audit(snap);
	assert_int_equal(text_form(full, snap), -EIO);
	assert_int_equal(form_json(full, snap), -EIO);
	assert_int_equal(form_folded(full, snap), -EIO);
	fclose(full);
	snapshot__free(snap);
}

static void test_folded(void **state)
{
	struct snapshot *snap = fixture_rdma();
	char *text = written(snap, form_folded);

	(void)state;
	assert_memory_equal(text,
			    "python3;libmlx5.so.1+0x103b1b;ibv_cmd_reg_mr;ioctl;"
			    "do_syscall_64;__x64_sys_ioctl;",
			    80);
	assert_non_null(strstr(text, ";ib_umem_get;pin_user_pages_fast 314597\n"));
	assert_non_null(strstr(text, "fio 768\n[unknown] 3\n"));
	free(text);
	snapshot__free(snap);
	snap = fixture_hostile();
	text = written(snap, form_folded);
	assert_safe(text, 1000);
	assert_non_null(strstr(text, ";a:b\\x0ac 5\n"));
	free(text);
	snapshot__free(snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	    cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_releasing),   cmocka_unit_test(test_color),
		cmocka_unit_test(test_write_error), cmocka_unit_test(test_folded),
		cmocka_unit_test(test_pages),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
