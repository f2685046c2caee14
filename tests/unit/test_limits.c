// SPDX-License-Identifier: GPL-2.0-only
/*
 * The accounts: as text and JSON from invented figures, and read from this
 * kernel beside an unprivileged child that pins prime numbers of pages. That
 * part needs root, io_uring and BPF.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/io_uring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "pin_limits.h"

#define PAGE 4096UL
#define UID 48611 /* nobody else's */
#define PAGES 13

/* ---- forms ---- */

static struct limits_proc procs[] = {
	{ 4186, 1001, "py\x1b[31m\n\"3\xff", 1288589312, 1288589312, 1288589312, 0, UINT64_MAX },
	{ 4194304, 65534, "a-long-name-15c", 4096, 0, 0, 52 << 10, 8388608 },
};
static struct limits_user users[] = { { 1001, 61440, 7 } };

static char *written(const struct limits *limits, int (*form)(FILE *, const struct limits *))
{
	size_t len;
	char *text = NULL;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(form(out, limits), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_text(void **state)
{
	struct limits limits = { procs, 2, users, 1, 0, 0, false, 3 };
	char *text = written(&limits, form_limits);

	(void)state;
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		assert_in_range(strcspn(line, "\n"), 0, 80);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "\n   4186 "));
	assert_non_null(strstr(text, "  1.20 GiB  1.20 GiB         - unlimited\n"));
	assert_non_null(strstr(text, "\n4194304 a-long-name-15c 65534  4.00 KiB"));
	assert_non_null(strstr(text, "not allowed to look at 3 more\n"));
	assert_non_null(strstr(text, "\n      1001  60.0 KiB          7\n"));
	free(text);
	limits.scan_err = limits.users_err = -EPERM;
	text = written(&limits, form_limits);
	assert_non_null(strstr(text, "65534         ?         - "));
	assert_non_null(strstr(text, "unknown, the kernel shows it in no file"));
	free(text);
}

static uint64_t number(struct json_object *object, const char *key)
{
	return json_object_get_int64(json_object_object_get(object, key));
}

static void test_json(void **state)
{
	struct limits limits = { procs, 2, users, 1, 0, 0, true, 0 };
	char *text = written(&limits, form_limits_json);
	struct json_object *top = json_tokener_parse(text), *list, *row;
	size_t cnt;

	(void)state;
	assert_non_null(top);
	list = json_object_object_get(top, "processes");
	assert_int_equal(json_object_array_length(list), 2);
	row = json_object_array_get_idx(list, 0);
	assert_int_equal(number(row, "pid"), 4186);
	assert_int_equal(number(row, "pinned_bytes"), 1288589312);
	assert_null(json_object_object_get(row, "memlock_bytes"));
	row = json_object_array_get_idx(list, 1);
	assert_int_equal(number(row, "vm_lck_bytes"), 52 << 10);
	assert_int_equal(number(row, "memlock_bytes"), 8388608);
	row = json_object_array_get_idx(json_object_object_get(top, "users"), 0);
	assert_int_equal(number(row, "locked_bytes"), 61440);
	limits__charges(&cnt);
	assert_int_equal(json_object_array_length(json_object_object_get(top, "charges")), cnt);
	json_object_put(top);
	free(text);
	limits.users_err = limits.scan_err = -EPERM;
	text = written(&limits, form_limits_json);
	top = json_tokener_parse(text);
	assert_true(json_object_object_get_ex(top, "users", &list));
	assert_null(list);
	row = json_object_array_get_idx(json_object_object_get(top, "processes"), 0);
	assert_null(json_object_object_get(row, "pinned_bytes"));
	json_object_put(top);
	free(text);
}

/* ---- this kernel ---- */

struct child {
	pid_t pid;
	int go, done;
};

static bool step(const struct child *child)
{
	char c = 'g';

	return write(child->go, &c, 1) == 1 && read(child->done, &c, 1) == 1 && c == 'y';
}

/* Opens a ring, registers pages, unregisters them: one step for each letter that comes. */
static void live(int go, int done)
{
	struct io_uring_params params = {};
	struct iovec buf = { NULL, PAGES * PAGE };
	int ring = -1, err = setresgid(UID, UID, UID) || setresuid(UID, UID, UID);
	char c;

	buf.iov_base =
		mmap(NULL, buf.iov_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; read(go, &c, 1) == 1; i++) {
		if (i == 0)
			err |= (ring = syscall(SYS_io_uring_setup, 4, &params)) < 0;
		else if (i == 1)
			err |= syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, &buf,
				       1);
		else
			err |= syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, 0,
				       0);
		c = err ? 'n' : 'y';
		if (write(done, &c, 1) != 1)
			break;
	}
	_exit(0);
}

static void start(struct child *child)
{
	int go[2], done[2];

	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	child->pid = fork();
	if (!child->pid) {
		close(go[1]);
		live(go[0], done[1]);
	}
	close(go[0]);
	close(done[1]);
	child->go = go[1];
	child->done = done[0];
}

static void stop(const struct child *child)
{
	close(child->go);
	close(child->done);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}

/* What the kernel has charged to the child's user; it is that user's only process. */
static uint64_t locked(void)
{
	struct limits_user *found;
	uint64_t bytes = UINT64_MAX;
	size_t cnt;

	assert_int_equal(limits_users__read(&found, &cnt), 0);
	for (size_t i = 0; i < cnt; i++) {
		assert_true(!i || found[i - 1].uid < found[i].uid);
		if (found[i].uid == UID) {
			bytes = found[i].locked_bytes;
			assert_int_equal(found[i].proc_cnt, 1);
		}
	}
	free(found);
	assert_int_not_equal(bytes, UINT64_MAX);
	return bytes;
}

static void check_child(pid_t pid)
{
	const struct limits_proc *proc = NULL;
	struct limits limits;

	assert_int_equal(limits__read(&limits), 0);
	assert_int_equal(limits.scan_err, 0);
	assert_int_equal(limits.users_err, 0);
	for (size_t i = 0; i < limits.proc_cnt; i++)
		if (limits.procs[i].pid == (uint32_t)pid)
			proc = &limits.procs[i];
	assert_non_null(proc);
	assert_int_equal(proc->uid, UID);
	assert_int_equal(proc->file_bytes, PAGES * PAGE);
	assert_int_equal(proc->pinned_bytes, PAGES * PAGE);
	limits__free(&limits);
}

static void test_live(void **state)
{
	struct child child;
	uint64_t before;

	(void)state;
	if (geteuid())
		skip();
	start(&child);
	if (!step(&child)) {
		stop(&child);
		skip();
	}
	before = locked();
	assert_true(step(&child));
	assert_int_equal(locked() - before, PAGES * PAGE);
	check_child(child.pid);
	assert_true(step(&child));
	assert_int_equal(locked(), before);
	stop(&child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_live),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
