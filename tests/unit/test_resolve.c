// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel and user addresses to names, checked against what this process knows of
 * itself, its children and the kernel it runs on.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolve.h"
#include "unwind.h"

/* ---- kernel symbols ---- */

static struct ksyms *load_or_skip(void)
{
	struct ksyms *ksyms = ksyms__load();

	if (!ksyms && (errno == EPERM || errno == EACCES || errno == ENOENT))
		skip();
	assert_non_null(ksyms);
	return ksyms;
}

static void test_ksyms(void **state)
{
	struct ksyms *ksyms = load_or_skip();
	const struct ksym *sym;
	uint64_t addr, next;
	size_t count;

	(void)state;
	addr = ksyms__addr(ksyms, "schedule", &count);
	assert_int_not_equal(addr, 0);
	assert_int_equal(count, 1);
	next = ksyms__next(ksyms, addr);
	assert_true(next > addr && next - addr < 65536);
	sym = ksyms__find(ksyms, addr + 5);
	assert_non_null(sym);
	assert_string_equal(sym->name, "schedule");
	assert_null(sym->module);
	assert_int_equal(sym->addr, addr);
	assert_ptr_equal(ksyms__find(ksyms, next - 1), sym);
	assert_ptr_not_equal(ksyms__find(ksyms, next), sym);
	assert_null(ksyms__find(ksyms, 0x400000));
	assert_null(ksyms__find(ksyms, UINT64_MAX));
	assert_int_equal(ksyms__next(ksyms, UINT64_MAX), 0);
	assert_int_equal(ksyms__addr(ksyms, "no_such_function", &count), 0);
	assert_int_equal(count, 0);
	assert_int_equal(ksyms__refresh(ksyms), 0);
	assert_int_equal(ksyms__addr(ksyms, "schedule", NULL), addr);
	ksyms__free(ksyms);
	ksyms__free(NULL);
}

/* Every line of kallsyms that is a text symbol must be found by address and by name. */
static void test_ksyms_against_file(void **state)
{
	struct ksyms *ksyms = load_or_skip();
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[1024], type, name[512];
	unsigned long long addr;
	int n = 0;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		const struct ksym *sym;

		assert_int_equal(sscanf(line, "%llx %c %511s", &addr, &type, name), 3);
		if (n++ % 97 || !strchr("TtWw", type) || strchr(line, '[') ||
		    !strncmp(name, "__pfx_", 6))
			continue;
		sym = ksyms__find(ksyms, addr);
		if (sym) { /* else it is _etext or beyond */
			assert_int_equal(sym->addr, addr);
			assert_int_not_equal(ksyms__addr(ksyms, name, NULL), 0);
		}
	}
	fclose(file);
	ksyms__free(ksyms);
}

static void test_ksyms_hidden(void **state)
{
	char line[64];
	int status;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		struct ksyms *ksyms;
		FILE *file;

		if (setresuid(65534, 65534, 65534))
			_exit(1);
		file = fopen("/proc/kallsyms", "re");
		if (!file || !fgets(line, sizeof(line), file))
			_exit(2);
		ksyms = ksyms__load();
		if (strtoull(line, NULL, 16))
			_exit(ksyms ? 0 : 3); /* not hidden on this host */
		_exit(!ksyms && errno == EPERM ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_symbol_display(void **state)
{
	static const char *const pairs[][2] = {
		{ "pin_user_pages", "pin_user_pages" },
		{ "gup_fast.isra.0", "gup_fast" },
		{ "f.constprop.12", "f" },
		{ "f.part.0.cold", "f" },
		{ "f.isra.0.constprop.3.cold", "f" },
		{ "f.llvm.1234567", "f" },
		{ "a.b", "a.b" },
		{ ".cold", ".cold" },
		{ "", "" },
	};
	char buf[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		symbol_display(pairs[i][0], buf, sizeof(buf));
		assert_string_equal(buf, pairs[i][1]);
	}
	symbol_display("pin_user_pages", buf, 4);
	assert_string_equal(buf, "pin");
	symbol_display("x", buf, 0);
	assert_true(symbol_is_nicer("read", "__read"));
	assert_true(symbol_is_nicer("read", "readable"));
	assert_false(symbol_is_nicer("read", "read"));
}

/* ---- user addresses ---- */

__attribute__((noinline)) static int some_function(int x)
{
	__asm__ volatile("" : "+r"(x));
	return x * 3;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void expect_name(const struct proc_maps *maps, const void *code, const char *function,
			const char *file)
{
	const char *got_function, *got_file;
	uint64_t offset;

	assert_true(proc_maps__covers(maps, (uint64_t)code));
	assert_true(
		user_frame__resolve(maps, (uint64_t)code + 1, &got_function, &got_file, &offset));
	assert_non_null(got_function);
	assert_string_equal(got_function, function);
	assert_non_null(got_file);
	if (*file == '*')
		assert_non_null(strstr(got_file, file + 1));
	else
		assert_string_equal(got_file, file);
	assert_int_not_equal(offset, 0);
}

static void test_own_functions(void **state)
{
	struct proc_maps *maps = proc_maps__read(getpid());
	const char *function, *file;
	Dl_info info;
	uint64_t offset, addr = (uint64_t)some_function;

	(void)state;
	some_function(1);
	assert_non_null(maps);
	expect_name(maps, some_function, "some_function", program_invocation_short_name);
	expect_name(maps, dlsym(RTLD_DEFAULT, "gnu_get_libc_version"), "gnu_get_libc_version",
		    "*libc");
	assert_false(proc_maps__covers(maps, 4096));
	assert_false(proc_maps__covers(maps, (uint64_t)&maps));
	assert_false(user_frame__resolve(maps, (uint64_t)&maps, &function, &file, &offset));
	assert_null(function);
	assert_false(user_frame__resolve(maps, 0, &function, &file, &offset));
	/* The offset is the address that the linker knew. */
	assert_int_not_equal(dladdr(some_function, &info), 0);
	assert_true(user_frame__resolve(maps, addr + 1, &function, &file, &offset));
	assert_int_equal(offset, addr + 1 - (uint64_t)info.dli_fbase);
	proc_maps__free(maps);
	proc_maps__free(NULL);
}

static void test_vdso(void **state)
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR), at;
	struct proc_maps *maps = proc_maps__read(getpid());
	const char *function, *file;
	uint64_t offset;
	bool found = false;

	(void)state;
	assert_non_null(maps);
	for (at = vdso; vdso && !found && at < vdso + 16384; at += 16) {
		if (!user_frame__resolve(maps, at + 1, &function, &file, &offset))
			break;
		assert_string_equal(file, "[vdso]");
		found = function && strstr(function, "clock_gettime");
	}
	assert_true(found || !vdso);
	proc_maps__free(maps);
}

/* A program that is deleted while it runs and killed before anything is resolved. */
static void test_dead_and_deleted(void **state)
{
	char path[] = "/tmp/test_resolve_XXXXXX", buf[65536];
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = mkostemp(path, O_CLOEXEC), fds = count_fds(), status;
	struct proc_maps *maps;
	uint64_t address;
	int pipe_fd[2];
	ssize_t got;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip(); /* needs /proc/PID/map_files */
	while ((got = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, got), got);
	fchmod(out, 0755);
	close(in);
	close(out);
	assert_int_equal(pipe(pipe_fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(pipe_fd[1], 1);
		execl(path, path, "--print-and-wait", NULL);
		_exit(127);
	}
	assert_int_equal(read(pipe_fd[0], &address, sizeof(address)), sizeof(address));
	unlink(path);
	maps = proc_maps__read(pid);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_non_null(maps);
	expect_name(maps, (void *)address, "some_function", strrchr(path, '/') + 1);
	proc_maps__free(maps);
	user_objects__drop();
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	assert_true(count_fds() <= fds);
	errno = 0;
	assert_null(proc_maps__read(pid));
	assert_int_equal(errno, ESRCH);
}

/* What is mapped may be anything: no ELF, a part of one, a device. */
static void test_odd_mappings(void **state)
{
	int fd = memfd_create("not_elf", MFD_CLOEXEC), zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
	const char *function, *file, *why;
	void *text, *device;
	struct proc_maps *maps;
	struct user_regs regs = {};
	uint64_t offset, ips[4];

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(write(fd, "\177ELF\2\1\1", 7), 7);
	assert_int_equal(ftruncate(fd, 8192), 0);
	text = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	device = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, zero, 0);
	assert_ptr_not_equal(text, MAP_FAILED);
	maps = proc_maps__read(getpid());
	assert_non_null(maps);
	/* Truncated behind our back: no SIGBUS. */
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_true(user_frame__resolve(maps, (uint64_t)text + 5000, &function, &file, &offset));
	assert_null(function);
	assert_string_equal(file, "memfd:not_elf");
	assert_int_equal(offset, 5000);
	regs.ip = (uint64_t)text + 64;
	assert_int_equal(unwind__user(maps, &regs, "", 0, ips, 4, &why), 1);
	assert_string_equal(why, "no unwind information in memfd:not_elf");
	if (device != MAP_FAILED)
		assert_true(
			user_frame__resolve(maps, (uint64_t)device + 9, &function, &file, &offset));
	proc_maps__free(maps);
	munmap(text, 8192);
	munmap(device, 4096);
	close(fd);
	close(zero);
}

static int print_and_wait(void)
{
	uint64_t address = (uint64_t)some_function;

	if (write(1, &address, sizeof(address)) != sizeof(address))
		return 1;
	alarm(60); /* not for ever, should the test die */
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ksyms),
		cmocka_unit_test(test_ksyms_against_file),
		cmocka_unit_test(test_ksyms_hidden),
		cmocka_unit_test(test_symbol_display),
		cmocka_unit_test(test_own_functions),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_dead_and_deleted),
		cmocka_unit_test(test_odd_mappings),
	};

	if (argc == 2 && !strcmp(argv[1], "--print-and-wait"))
		return print_and_wait();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
