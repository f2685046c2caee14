// SPDX-License-Identifier: GPL-2.0-only
/* The suppression file: what it takes, what it refuses and where, what it covers. */
#include "fixture.h"

static char path[] = "/tmp/gup-suppress-XXXXXX";
static char messages[4096];

/* Loads a file of this text; what it says on stderr goes to messages. */
static struct suppressions *load(const char *text)
{
	struct suppressions *supps;
	FILE *file = fopen(path, "w"), *said = tmpfile();
	int saved = dup(2);
	int err;

	assert_non_null(file);
	assert_non_null(said);
	fputs(text, file);
	fclose(file);
	fflush(stderr);
	dup2(fileno(said), 2);
	supps = suppressions__load(path, TAKEN);
	err = errno;
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	rewind(said);
	memset(messages, 0, sizeof(messages));
	assert_true(fread(messages, 1, sizeof(messages) - 1, said) < sizeof(messages) - 1);
	fclose(said);
	errno = err;
	return supps;
}

static void assert_refused(const char *text, const char *where)
{
	struct suppressions *supps = load(text);

	assert_null(supps);
	assert_int_equal(errno, EINVAL);
	if (!strstr(messages, where))
		print_message("wanted \"%s\", got: %s\n", where, messages);
	assert_non_null(strstr(messages, where));
	assert_non_null(strstr(messages, path));
}

static void test_refused(void **state)
{
	(void)state;
	assert_refused("orphaned:python3\n", ":1: no reason given");
	assert_refused("# head\n\norphaned:python3  #   \n", ":3: no reason given");
	assert_refused("orphaned python3  # why\n", ":1: expected rule:glob");
	assert_refused("orphan:python3  # why\n", ":1: no such rule: orphan");
	assert_refused("orphaned:  # why\n", ":1: no glob");
	assert_refused("orphaned:x until=soon  # why\n", ":1: until= wants a day");
	assert_refused("orphaned:x until=2026-02-30  # why\n", ":1: until= wants a day");
	assert_refused("orphaned:a  # why\nleaked:b\n", ":2: no reason given");
	assert_null(suppressions__load("/nonexistent/leaks.supp", TAKEN));
	assert_int_equal(errno, ENOENT);
}

static const char *match(struct suppressions *supps, enum rule rule, const char *name)
{
	const char *names[] = { NULL, name };

	return suppressions__match(supps, rule, names, 2);
}

static void test_match(void **state)
{
	struct suppressions *supps = load("# our hosts\n"
					  "orphaned:mlx5_*  # MRs of the trainer\n"
					  "*:/dev/vfio/*  # guests\n"
					  "leaked:my app#1 until=2027-01-01  # fixed in 2.0\n"
					  "leaked:old until=2026-11-22  # was to be fixed\n"
					  "  note-less:never # x\n");

	(void)state;
	assert_null(supps); /* the last line names no rule */
	supps = load("# our hosts\n"
		     "orphaned:mlx5_*  # MRs of the trainer\n"
		     "*:/dev/vfio/*  # guests\n"
		     "leaked:my app#1 until=2027-01-01  # fixed in 2.0\n"
		     "leaked:old until=2026-11-22  # was to be fixed\n");
	assert_non_null(supps);
	assert_null(match(supps, RULE_LEAKED, "mlx5_ib_reg_user_mr"));
	assert_null(match(supps, RULE_ORPHANED, "ib_umem_get"));
	assert_null(match(supps, RULE_LEAKED, "old"));
	assert_non_null(match(supps, RULE_ORPHANED, "mlx5_ib_reg_user_mr"));
	assert_non_null(strstr(match(supps, RULE_ORPHANED, "mlx5_x"), ":2 # MRs of the trainer"));
	assert_non_null(match(supps, RULE_SHORT_HELD, "/dev/vfio/vfio/7"));
	assert_non_null(strstr(suppressions__unused(supps, 0), ":4 unused"));
	assert_non_null(strstr(suppressions__unused(supps, 1), ":5 expired 2026-11-22"));
	assert_null(suppressions__unused(supps, 2));
	assert_non_null(match(supps, RULE_LEAKED, "my app#1"));
	assert_non_null(strstr(suppressions__unused(supps, 0), ":5 expired"));
	suppressions__restart(supps);
	assert_non_null(suppressions__unused(supps, 3));
	suppressions__free(supps);
	suppressions__free(NULL);
	assert_null(suppressions__match(NULL, RULE_LEAKED, NULL, 0));
}

/* Suppressed findings are counted, but neither in the level nor in the exit status. */
static void test_audit(void **state)
{
	struct suppressions *supps = load("orphaned:ib_umem_get  # known\nleaked:x  # unused\n");
	struct audit_options opts = { .suppressions = supps };
	struct text_options text_opts = { 0 };
	struct snapshot *snap = fixture_rdma();
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(supps);
	snapshot__audit(snap, &opts);
	assert_int_equal(snap->exit_code, 0);
	assert_int_equal(snap->verdict, LEVEL_OK);
	assert_int_equal(snap->suppressed, 1);
	assert_int_equal(snap->finding_cnt, 1);
	assert_non_null(snap->findings[0].suppressed_by);
	assert_int_equal(snap->unused_suppression_cnt, 1);
	assert_int_equal(form_text(out, snap, &text_opts), 0);
	fclose(out);
	assert_memory_equal(text, "OK  ", 4);
	assert_non_null(strstr(text, "\n   1.20 GiB   suppressed    "));
	assert_non_null(strstr(text, "\n   suppress   "));
	assert_non_null(strstr(text, ":2 unused\n"));
	free(text);
	snapshot__free(snap);
	suppressions__free(supps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_audit),
	};
	int fd, failed;

	setenv("TZ", "UTC", 1);
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
