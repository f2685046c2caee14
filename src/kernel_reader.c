// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives bpf/kernel.bpf.c: the machine code of a kernel function. Request and
 * answer lie in the program's own globals.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "kernel.h"
#include "kernel.skel.h"
#include "resolve.h"
#include "util.h"

struct kernel_reader {
	struct kernel_bpf *skel;
};

static bool log_on;

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return log_on && level != LIBBPF_DEBUG ? vfprintf(stderr, fmt, args) : 0;
}

void kernel_reader__log(bool on)
{
	log_on = on;
	libbpf_set_print(print_libbpf);
}

struct kernel_reader *kernel_reader__open(void)
{
	struct kernel_reader *reader = calloc(1, sizeof(*reader));
	int err;

	if (!reader)
		return NULL;
	reader->skel = kernel_bpf__open_and_load();
	if (reader->skel)
		return reader;
	err = errno;
	free(reader);
	errno = err;
	return NULL;
}

bool kernel_is_confidential(void)
{
	cleanup_file FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	char line[128];

	return file && fgets(line, sizeof(line), file) && strstr(line, "[confidentiality]");
}

void kernel_reader__explain(void)
{
	int err = errno;

	if (kernel_is_confidential())
		warnx("the kernel is locked down (confidentiality): BPF may not read its memory");
	else
		warnx("can't read kernel symbols or load BPF programs: %s", strerror(err));
}

void kernel_reader__close(struct kernel_reader *reader)
{
	if (!reader)
		return;
	kernel_bpf__destroy(reader->skel);
	free(reader);
}

static int run(struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	return bpf_prog_test_run_opts(bpf_program__fd(prog), &opts);
}

/* x86-64: call rel32, jmp rel32, and conditional jumps with rel32, at any byte. */
static bool branches_to(const uint8_t *text, size_t len, uint64_t addr, uint64_t target)
{
	for (size_t i = 0; i + 5 <= len; i++) {
		size_t op = 1;
		int32_t rel;

		if (text[i] == 0x0f && (text[i + 1] & 0xf0) == 0x80 && i + 6 <= len)
			op = 2;
		else if (text[i] != 0xe8 && text[i] != 0xe9)
			continue;
		memcpy(&rel, text + i + op, sizeof(rel));
		if (addr + i + op + 4 + (int64_t)rel == target)
			return true;
	}
	return false;
}

/* Fills the program's buffer. */
static int read_text(struct kernel_reader *reader, uint64_t addr, size_t len)
{
	struct kernel_bpf__bss *bss = reader->skel->bss;
	int err;

	bss->text_addr = addr;
	bss->text_len = len;
	err = run(reader->skel->progs.read_text);
	return err ? err : bss->text_err;
}

int kernel_reader__text(struct kernel_reader *reader, uint64_t addr, void *buf, size_t len)
{
	int err = len <= GUP_TEXT_BYTES ? read_text(reader, addr, len) : -E2BIG;

	if (!err)
		memcpy(buf, reader->skel->bss->text, len);
	return err;
}

int kernel_reader__calls(struct kernel_reader *reader, const struct ksyms *ksyms, const char *func,
			 const char *callee)
{
	uint64_t addr = ksyms__addr(ksyms, func, NULL), target = ksyms__addr(ksyms, callee, NULL);
	uint64_t end, len;
	int err;

	if (!addr || !target)
		return -ENOENT;
	end = ksyms__next(ksyms, addr);
	len = end > addr && end - addr < GUP_TEXT_BYTES ? end - addr : GUP_TEXT_BYTES;
	err = read_text(reader, addr, len);
	if (err)
		return err;
	return branches_to(reader->skel->bss->text, len, addr, target);
}
