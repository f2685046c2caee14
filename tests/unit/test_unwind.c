// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unwinding of real stacks: a child is stopped at a system call at the end of a
 * known call chain, its registers, stack and maps are taken as the tracker takes
 * them, it is killed, and then the chain must come out by name. And of garbage:
 * nothing may crash, loop, or name a frame that is not code.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "unwind.h"
#include "unwind_garbage.h"

#ifdef __clang__
#define CHAIN __attribute__((noinline))
#else
#define CHAIN __attribute__((noinline, noclone, optimize("omit-frame-pointer")))
#endif

/* What is left of a process: enough to unwind it. */
struct remains {
	struct proc_maps *maps;
	struct user_regs regs;
	uint8_t stack[STACK_BYTES];
	size_t len;
};

/* ---- call chains; the asm statements keep calls from becoming jumps ---- */

static void (*volatile leaf)(void);

CHAIN static void leaf_pause(void)
{
	syscall(SYS_pause);
	__asm__ volatile("");
}

CHAIN static int chain_c(int depth)
{
	volatile char room[200];

	room[depth & 63] = depth;
	leaf();
	__asm__ volatile("");
	return room[depth & 63];
}

CHAIN static int chain_b(int depth)
{
	volatile char *room = __builtin_alloca(64 + (depth & 63));
	int ret;

	room[0] = depth; /* of variable size: this frame needs its frame pointer all the same */
	ret = chain_c(depth + room[0]);
	__asm__ volatile("");
	return ret;
}

CHAIN static int chain_a(int depth)
{
	int ret = chain_b(depth + 1);

	__asm__ volatile("");
	return ret;
}

CHAIN static int recurse(int depth)
{
	int ret = depth ? recurse(depth - 1) : chain_a(1);

	__asm__ volatile("");
	return ret;
}

static void on_signal(int sig)
{
	(void)sig;
	leaf_pause();
	__asm__ volatile("");
}

CHAIN static void leaf_signal(void)
{
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	__asm__ volatile("");
}

/* A function that no table describes. */
void without_cfi(void (*function)(void));
__asm__(".pushsection .text\n"
	".globl without_cfi\n"
	".type without_cfi, @function\n"
	"without_cfi:\n"
	"	sub $24, %rsp\n"
	"	call *%rdi\n"
	"	add $24, %rsp\n"
	"	ret\n"
	".size without_cfi, . - without_cfi\n"
	".popsection\n");

CHAIN static void leaf_without_cfi(void)
{
	without_cfi(leaf_pause);
	__asm__ volatile("");
}

/* ---- taking a process's remains ---- */

static void from_ptrace(struct user_regs *to, const struct user_regs_struct *from)
{
	*to = (struct user_regs){
		.ip = from->rip,
		.sp = from->rsp,
		.bp = from->rbp,
		.bx = from->rbx,
		.r12 = from->r12,
		.r13 = from->r13,
		.r14 = from->r14,
		.r15 = from->r15,
	};
}

static void copy_stack(pid_t pid, struct remains *remains, size_t want)
{
	struct iovec to = { remains->stack, want };
	struct iovec from = { (void *)remains->regs.sp, want };
	ssize_t got;

	/* The stack may end before: a page at a time is what remains readable. */
	while ((got = process_vm_readv(pid, &to, 1, &from, 1, 0)) < 0 && want > 64) {
		want -= 64;
		to.iov_len = want;
		from.iov_len = want;
	}
	remains->len = got < 0 ? 0 : got;
}

/* Runs a chain that ends in pause(2); returns when the child is dead. */
CHAIN static void take(struct remains *remains, void (*function)(void), int depth, size_t want)
{
	struct user_regs_struct regs;
	int status;
	pid_t pid;

	leaf = function;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		syscall(SYS_kill, getpid(), SIGSTOP);
		recurse(depth);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFSTOPPED(status))
		skip(); /* no ptrace here */
	do {
		int sig = WSTOPSIG(status) == SIGUSR1 ? SIGUSR1 : 0;

		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSTOPPED(status));
		assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &regs), 0);
	} while (WSTOPSIG(status) != SIGTRAP || regs.orig_rax != SYS_pause);
	from_ptrace(&remains->regs, &regs);
	copy_stack(pid, remains, want);
	remains->maps = proc_maps__read(pid);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_non_null(remains->maps);
}

static int unwind(const struct remains *remains, uint64_t *ips, const char **why)
{
	return unwind__user(remains->maps, &remains->regs, remains->stack, remains->len, ips,
			    UNWIND_MAX_FRAMES, why);
}

static const char *name_of(const struct proc_maps *maps, uint64_t ip)
{
	const char *function, *file;
	uint64_t offset;

	assert_true(user_frame__resolve(maps, ip, &function, &file, &offset));
	assert_non_null(file);
	return function ? function : "?";
}

/* Checks names from frame `from` on; returns the frame after the last one. */
static int expect(const struct proc_maps *maps, const uint64_t *ips, int cnt, int from, ...)
{
	const char *wanted;
	va_list args;

	va_start(args, from);
	while ((wanted = va_arg(args, const char *))) {
		assert_true(from < cnt);
		assert_string_equal(name_of(maps, ips[from]), wanted);
		from++;
	}
	va_end(args);
	return from;
}

static void print_stack(const struct proc_maps *maps, const uint64_t *ips, int cnt, const char *why)
{
	int i;

	if (!getenv("V"))
		return;
	for (i = 0; i < cnt; i++)
		printf("    %2d %#lx %s\n", i, (unsigned long)ips[i], name_of(maps, ips[i]));
	printf("       %s\n", why ? why : "complete");
}

/* ---- tests ---- */

static void test_chain_of_dead_process(void **state)
{
	uint64_t ips[UNWIND_MAX_FRAMES];
	static struct remains remains;
	const char *why;
	int cnt, at;

	(void)state;
	take(&remains, leaf_pause, 2, STACK_BYTES);
	cnt = unwind(&remains, ips, &why);
	print_stack(remains.maps, ips, cnt, why);
	assert_true(cnt > 8);
	at = expect(remains.maps, ips, cnt, 0, "syscall", "leaf_pause", "chain_c", "chain_b",
		    "chain_a", "recurse", "recurse", "recurse", "take", NULL);
	while (at < cnt && strcmp(name_of(remains.maps, ips[at]), "main"))
		at++;
	assert_true(at < cnt);
	assert_null(why);
	assert_string_equal(name_of(remains.maps, ips[cnt - 1]), "_start");
	proc_maps__free(remains.maps);
}

static void test_short_copy(void **state)
{
	uint64_t ips[UNWIND_MAX_FRAMES], all[UNWIND_MAX_FRAMES];
	static struct remains remains;
	const char *why;
	int cnt, full;
	size_t len;

	(void)state;
	take(&remains, leaf_pause, 2, STACK_BYTES);
	full = unwind(&remains, all, &why);
	remains.len = 1024;
	cnt = unwind(&remains, ips, &why);
	assert_in_range(cnt, 2, full - 1);
	assert_string_equal(why, "stack copy of 1 KiB ended");
	remains.len = 100;
	unwind(&remains, ips, &why);
	assert_string_equal(why, "stack copy of 100 bytes ended");
	for (len = 0; len < 4096; len += 8) {
		remains.len = len;
		cnt = unwind(&remains, ips, &why);
		assert_in_range(cnt, 1, full);
		assert_memory_equal(ips, all, cnt * sizeof(*ips));
		assert_true(cnt == full ? !why : why && strstr(why, "stack copy of "));
	}
	proc_maps__free(remains.maps);
}

static void test_too_deep(void **state)
{
	uint64_t ips[UNWIND_MAX_FRAMES];
	static struct remains remains;
	const char *why;

	(void)state;
	take(&remains, leaf_pause, 100, STACK_BYTES);
	assert_int_equal(unwind(&remains, ips, &why), UNWIND_MAX_FRAMES);
	assert_string_equal(why, "only the innermost 64 frames");
	assert_int_equal(
		unwind__user(remains.maps, &remains.regs, remains.stack, remains.len, ips, 3, &why),
		3);
	assert_string_equal(why, "only the innermost 3 frames");
	assert_int_equal(unwind__user(remains.maps, &remains.regs, NULL, 0, ips, 0, &why), 0);
	proc_maps__free(remains.maps);
}

static void test_through_signal_frame(void **state)
{
	uint64_t ips[UNWIND_MAX_FRAMES];
	static struct remains remains;
	const char *why;
	int cnt, at;

	(void)state;
	take(&remains, leaf_signal, 0, STACK_BYTES);
	cnt = unwind(&remains, ips, &why);
	print_stack(remains.maps, ips, cnt, why);
	expect(remains.maps, ips, cnt, 1, "leaf_pause", "on_signal", NULL);
	for (at = 3; at < cnt && strcmp(name_of(remains.maps, ips[at]), "leaf_signal"); at++)
		;
	expect(remains.maps, ips, cnt, at, "leaf_signal", "chain_c", "chain_b", "chain_a", NULL);
	assert_null(why);
	proc_maps__free(remains.maps);
}

static void test_no_table(void **state)
{
	uint64_t ips[UNWIND_MAX_FRAMES];
	static struct remains remains;
	const char *why;
	int cnt;

	(void)state;
	take(&remains, leaf_without_cfi, 0, STACK_BYTES);
	cnt = unwind(&remains, ips, &why);
	expect(remains.maps, ips, cnt, 1, "leaf_pause", "without_cfi", NULL);
	assert_int_equal(cnt, 3);
	assert_non_null(strstr(why ? why : "", "no unwind information in "));
	proc_maps__free(remains.maps);
}

/* getcontext() in the process itself: registers at a call instead of a system call. */
CHAIN static void leaf_own(void)
{
	uint64_t ips[UNWIND_MAX_FRAMES];
	static struct remains remains;
	const greg_t *reg;
	const char *why;
	ucontext_t uc;
	int cnt;

	assert_int_equal(getcontext(&uc), 0);
	reg = uc.uc_mcontext.gregs;
	remains.regs = (struct user_regs){
		.ip = reg[REG_RIP],
		.sp = reg[REG_RSP],
		.bp = reg[REG_RBP],
		.bx = reg[REG_RBX],
		.r12 = reg[REG_R12],
		.r13 = reg[REG_R13],
		.r14 = reg[REG_R14],
		.r15 = reg[REG_R15],
	};
	copy_stack(getpid(), &remains, STACK_BYTES);
	remains.maps = proc_maps__read(getpid());
	assert_non_null(remains.maps);
	cnt = unwind(&remains, ips, &why);
	print_stack(remains.maps, ips, cnt, why);
	expect(remains.maps, ips, cnt, 0, "leaf_own", "chain_c", "chain_b", "chain_a", "recurse",
	       "test_own_stack", NULL);
	assert_null(why);
	proc_maps__free(remains.maps);
}

static void test_own_stack(void **state)
{
	(void)state;
	leaf = leaf_own;
	recurse(0);
	__asm__ volatile("");
}

static void test_code_without_file(void **state)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct proc_maps *maps = proc_maps__read(getpid());
	struct user_regs regs = { .ip = (uint64_t)page + 16, .sp = 0x7fff0000 };
	const char *why, *function, *file;
	uint64_t ips[4], offset;

	(void)state;
	assert_non_null(maps);
	assert_int_equal(unwind__user(maps, &regs, "", 0, ips, 4, &why), 1);
	assert_string_equal(why, "code without a file (generated at run time)");
	assert_true(user_frame__resolve(maps, regs.ip, &function, &file, &offset));
	assert_null(function);
	assert_null(file);
	regs.ip = 16;
	assert_int_equal(unwind__user(maps, &regs, "", 0, ips, 4, &why), 1);
	assert_string_equal(why, "code that is not mapped");
	assert_false(user_frame__resolve(maps, regs.ip, &function, &file, &offset));
	proc_maps__free(maps);
	munmap(page, 4096);
}

/* ---- garbage ---- */

static void fuzz_once(const struct proc_maps *maps, const uint64_t *code, int code_cnt)
{
	static uint64_t stack[STACK_BYTES / 8];
	uint64_t ips[UNWIND_MAX_FRAMES], sp = rnd() % 8 ? 0x7ffd12340000 + rnd() % 64 : rnd();
	uint64_t words[sizeof(struct user_regs) / 8];
	struct user_regs regs;
	const char *why = NULL;
	int cnt, i;
	size_t j;

	for (j = 0; j < sizeof(stack) / 8; j++)
		stack[j] = tempting(code, code_cnt, sp);
	for (j = 0; j < sizeof(words) / 8; j++)
		words[j] = tempting(code, code_cnt, sp);
	memcpy(&regs, words, sizeof(regs));
	regs.sp = sp;
	cnt = unwind__user(maps, &regs, stack, rnd() % (sizeof(stack) + 1), ips, UNWIND_MAX_FRAMES,
			   &why);
	assert_in_range(cnt, 1, UNWIND_MAX_FRAMES);
	for (i = 1; i < cnt; i++)
		assert_true(proc_maps__covers(maps, ips[i]) || proc_maps__covers(maps, ips[i] - 1));
}

static void test_garbage(void **state)
{
	struct proc_maps *maps = proc_maps__read(getpid());
	const uint64_t code[] = {
		(uint64_t)chain_a,	   (uint64_t)without_cfi,
		(uint64_t)printf,	   (uint64_t)qsort,
		(uint64_t)proc_maps__read, (uint64_t)getauxval(AT_SYSINFO_EHDR) + 2048,
		(uint64_t)raise,	   (uint64_t)getcontext,
	};
	int i;

	(void)state;
	assert_non_null(maps);
	for (i = 0; i < 10000; i++)
		fuzz_once(maps, code, sizeof(code) / sizeof(code[0]));
	proc_maps__free(maps);
}

/* A real stack with a few words changed goes further than a random one. */
static void test_damaged_stack(void **state)
{
	uint64_t ips[UNWIND_MAX_FRAMES];
	static struct remains remains;
	uint8_t whole[STACK_BYTES];
	const char *why;
	int i, j;

	(void)state;
	take(&remains, leaf_pause, 4, STACK_BYTES);
	memcpy(whole, remains.stack, sizeof(whole));
	for (i = 0; i < 10000; i++) {
		memcpy(remains.stack, whole, sizeof(whole));
		for (j = rnd() % 8; j >= 0; j--) {
			uint64_t word = tempting(&remains.regs.ip, 1, remains.regs.sp);

			memcpy(remains.stack + rnd() % 128 * 8, &word, sizeof(word));
		}
		assert_in_range(unwind(&remains, ips, &why), 1, UNWIND_MAX_FRAMES);
	}
	proc_maps__free(remains.maps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain_of_dead_process),
		cmocka_unit_test(test_short_copy),
		cmocka_unit_test(test_too_deep),
		cmocka_unit_test(test_through_signal_frame),
		cmocka_unit_test(test_no_table),
		cmocka_unit_test(test_own_stack),
		cmocka_unit_test(test_code_without_file),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_damaged_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
