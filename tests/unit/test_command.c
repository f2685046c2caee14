// SPDX-License-Identifier: GPL-2.0-only
/* The command under test from its fork to its end, and times as people type them. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "command.h"
#include "duration.h"
#include "util.h"

#define DEADLINE_MS 5000

/* --- durations --- */

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "0", 0 },
		{ "0ms", 0 },
		{ "7", 7000000000ULL },
		{ "007s", 7000000000ULL },
		{ "500ms", 500000000ULL },
		{ "10s", 10000000000ULL },
		{ "5m", 300000000000ULL },
		{ "2h", 7200000000000ULL },
		{ "1d", 86400000000000ULL },
		{ "18446744073s", 18446744073000000000ULL },
		{ "18446744073709ms", 18446744073709000000ULL },
		{ "213503d", 18446659200000000000ULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t ns = 1;

		assert_int_equal(parse_duration(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
}

/* Refused, and what was there is left alone. */
static void test_duration_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"s",
		"-1",
		"+1",
		" 1s",
		"1 s",
		"1s ",
		"1.5s",
		"1S",
		"1sec",
		"1us",
		"1ns",
		"1m30s",
		"0x10",
		"ten",
		"18446744074",
		"18446744073710ms",
		"307445735m",
		"213504d",
		"18446744073709551616",
		"99999999999999999999ms",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t ns = 13;

		if (parse_duration(bad[i], &ns) != -EINVAL)
			fail_msg("\"%s\" taken", bad[i]);
		assert_int_equal(ns, 13);
	}
}

/* --- the command --- */

static char dir[] = "/tmp/gup-command-XXXXXX";
static char witness[64]; /* a file that the command makes */

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(witness, sizeof(witness), "%s/ran", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(witness);
	return rmdir(dir);
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static void prepare(struct command *cmd, const char *script)
{
	char *argv[] = { "sh", "-c", (char *)script, "sh", witness, NULL };

	unlink(witness);
	assert_int_equal(command__prepare(cmd, argv), 0);
	assert_true(cmd->pid > 0);
	assert_false(cmd->ended);
}

static void wait_end(struct command *cmd)
{
	for (int i = 0; i < DEADLINE_MS && !command__ended(cmd); i++)
		sleep_ms(1);
	assert_true(cmd->ended);
}

/* No child is left, neither running nor as a zombie. */
static void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int open_fds(void)
{
	int cnt = 0;

	for (int fd = 0; fd < 256; fd++)
		cnt += fcntl(fd, F_GETFD) >= 0;
	return cnt;
}

static void test_exit_status(void **state)
{
	int fds = open_fds();
	struct command cmd;

	(void)state;
	prepare(&cmd, "exit 37");
	assert_int_equal(command__start(&cmd), 0);
	wait_end(&cmd);
	assert_true(WIFEXITED(cmd.status));
	assert_int_equal(WEXITSTATUS(cmd.status), 37);
	assert_true(command__ended(&cmd));
	assert_int_equal(WEXITSTATUS(cmd.status), 37);
	assert_no_child();
	assert_int_equal(open_fds(), fds);
}

/* Its process id is known, and it has executed nothing, until it is let go. */
static void test_waits_for_start(void **state)
{
	char path[64], exe[256] = "", own[256] = "";
	struct command cmd;

	(void)state;
	prepare(&cmd, "echo $$ > \"$1\"");
	sleep_ms(50);
	snprintf(path, sizeof(path), "/proc/%d/exe", cmd.pid);
	assert_true(readlink(path, exe, sizeof(exe) - 1) > 0);
	assert_true(readlink("/proc/self/exe", own, sizeof(own) - 1) > 0);
	assert_string_equal(exe, own);
	assert_int_equal(access(witness, F_OK), -1);
	assert_false(command__ended(&cmd));

	assert_int_equal(command__start(&cmd), 0);
	wait_end(&cmd);
	assert_int_equal(cmd.status, 0);
	assert_int_equal(access(witness, F_OK), 0);
}

static void test_process_id(void **state)
{
	struct command cmd;
	FILE *file;
	int pid = 0;

	(void)state;
	prepare(&cmd, "echo $$ > \"$1\"");
	assert_int_equal(command__start(&cmd), 0);
	wait_end(&cmd);
	file = fopen(witness, "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	assert_int_equal(pid, cmd.pid);
}

static void refused(const char *path, int err)
{
	char *argv[] = { (char *)path, NULL };
	int fds = open_fds();
	struct command cmd;

	assert_int_equal(command__prepare(&cmd, argv), 0);
	assert_int_equal(command__start(&cmd), -err);
	assert_true(cmd.ended);
	assert_true(command__ended(&cmd));
	assert_no_child();
	assert_int_equal(open_fds(), fds);
}

static void test_exec_fails(void **state)
{
	int fd;

	(void)state;
	refused("gup-no-such-command", ENOENT);
	refused("/no/such/command", ENOENT);
	refused("/dev/null", EACCES);
	refused(dir, EACCES);
	refused("/dev/null/command", ENOTDIR);
	fd = open(witness, O_CREAT | O_TRUNC | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	refused(witness, EACCES);
}

static void test_killed(void **state)
{
	struct command cmd;

	(void)state;
	prepare(&cmd, "kill -SEGV $$");
	assert_int_equal(command__start(&cmd), 0);
	wait_end(&cmd);
	assert_true(WIFSIGNALED(cmd.status));
	assert_int_equal(WTERMSIG(cmd.status), SIGSEGV);
}

static void test_signal_passed_on(void **state)
{
	struct command cmd;

	(void)state;
	prepare(&cmd, "trap 'exit 41' USR1; : > \"$1\"; for i in $(seq 500); do sleep 0.01; done");
	assert_int_equal(command__start(&cmd), 0);
	for (int i = 0; i < DEADLINE_MS && access(witness, F_OK); i++)
		sleep_ms(1);
	assert_false(command__ended(&cmd));
	command__signal(&cmd, SIGUSR1);
	wait_end(&cmd);
	assert_true(WIFEXITED(cmd.status));
	assert_int_equal(WEXITSTATUS(cmd.status), 41);
}

/* A process id is not signalled any more once it is reaped: it may be somebody else's. */
static void test_signal_after_end(void **state)
{
	struct command cmd;
	pid_t other;

	(void)state;
	prepare(&cmd, "exit 0");
	assert_int_equal(command__start(&cmd), 0);
	wait_end(&cmd);
	other = fork();
	assert_true(other >= 0);
	if (!other) {
		pause();
		_exit(0);
	}
	cmd.pid = other;
	command__signal(&cmd, SIGKILL);
	sleep_ms(20);
	assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
	kill(other, SIGKILL);
	assert_int_equal(waitpid(other, NULL, 0), other);
}

/* The command starts with no signal blocked, whatever this process blocks. */
static void test_signals_unblocked(void **state)
{
	struct command cmd;
	sigset_t some, old;

	(void)state;
	sigemptyset(&some);
	sigaddset(&some, SIGINT);
	sigaddset(&some, SIGTERM);
	sigprocmask(SIG_BLOCK, &some, &old);
	prepare(&cmd, "kill -TERM $$; exit 43");
	assert_int_equal(command__start(&cmd), 0);
	wait_end(&cmd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	assert_true(WIFSIGNALED(cmd.status));
	assert_int_equal(WTERMSIG(cmd.status), SIGTERM);
}

static void test_cancel(void **state)
{
	int fds = open_fds();
	struct command cmd;

	(void)state;
	prepare(&cmd, ": > \"$1\"");
	command__cancel(&cmd);
	assert_true(cmd.ended);
	assert_true(WIFSIGNALED(cmd.status));
	assert_no_child();
	assert_int_equal(open_fds(), fds);
	assert_int_equal(access(witness, F_OK), -1);
}

/* It has died meanwhile: cancelling does not hang. */
static void test_cancel_dead(void **state)
{
	struct command cmd;

	(void)state;
	prepare(&cmd, ": > \"$1\"");
	command__signal(&cmd, SIGKILL);
	sleep_ms(20);
	command__cancel(&cmd);
	assert_true(cmd.ended);
	assert_no_child();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration),	 cmocka_unit_test(test_duration_refused),
		cmocka_unit_test(test_exit_status),	 cmocka_unit_test(test_waits_for_start),
		cmocka_unit_test(test_process_id),	 cmocka_unit_test(test_exec_fails),
		cmocka_unit_test(test_killed),		 cmocka_unit_test(test_signal_passed_on),
		cmocka_unit_test(test_signal_after_end), cmocka_unit_test(test_signals_unblocked),
		cmocka_unit_test(test_cancel),		 cmocka_unit_test(test_cancel_dead),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
