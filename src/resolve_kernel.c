// SPDX-License-Identifier: GPL-2.0-only
/*
 * Kernel symbols from /proc/kallsyms, which can have more than 200,000 lines:
 * one buffer with the names, one sorted array of text symbols, nothing else.
 * Interface: include/resolve.h. User symbols: src/resolve_user.c.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "resolve.h"
#include "util.h"

#define READ_BYTES (256 * 1024)
#define LAST_FUNCTION_BYTES (16 * 1024) /* longest function assumed before a gap */

struct ksyms {
	char *names;	   /* all strings, each with its NUL */
	struct ksym *syms; /* by address; of several names the nicest first */
	size_t cnt;
	uint64_t etext;
	uint64_t modules;
	/* modules_loaded() as they were read */ /* end of the kernel's own text, 0 = unknown */
};

/*
 * While reading, names may move as the buffer grows: symbols are kept with
 * offsets. No module is offset 0, where an empty string lies.
 */
struct raw_sym {
	uint64_t addr;
	uint32_t name, module;
};

struct loader {
	char *names;
	size_t names_len, names_room;
	struct raw_sym *syms;
	size_t cnt, room;
	uint32_t module; /* of the line before */
	uint64_t etext;
	bool any_address;
	size_t lines;
};

/* Returns the offset of the copy, 0 = out of memory. */
static uint32_t add_name(struct loader *ld, const char *name, size_t len)
{
	size_t at = ld->names_len;

	if (at + len + 1 > ld->names_room) {
		size_t room = ld->names_room * 2 + len + 1;
		char *names = realloc(ld->names, room);

		if (!names)
			return 0;
		ld->names = names;
		ld->names_room = room;
	}
	memcpy(ld->names + at, name, len);
	ld->names[at + len] = '\0';
	ld->names_len += len + 1;
	return at;
}

static int add_symbol(struct loader *ld, uint64_t addr, const char *name, size_t name_len,
		      const char *module, size_t module_len)
{
	struct raw_sym *sym;
	uint32_t at;

	if (ld->cnt == ld->room) {
		size_t room = ld->room * 2 + 4096;

		sym = realloc(ld->syms, room * sizeof(*sym));
		if (!sym)
			return -ENOMEM;
		ld->syms = sym;
		ld->room = room;
	}
	if (!module_len)
		ld->module = 0;
	else if (!ld->module || strlen(ld->names + ld->module) != module_len ||
		 memcmp(ld->names + ld->module, module, module_len))
		ld->module = add_name(ld, module, module_len);
	at = add_name(ld, name, name_len);
	if (!at || (module_len && !ld->module))
		return -ENOMEM;
	ld->syms[ld->cnt++] = (struct raw_sym){ addr, at, ld->module };
	return 0;
}

/* One line without its newline: "ffffffff81000000 T name\t[module]". */
static int add_line(struct loader *ld, const char *line, size_t len)
{
	const char *end = line + len, *name, *name_end, *module = NULL;
	size_t module_len = 0;
	uint64_t addr = 0;
	const char *p;

	for (p = line; p < end && isxdigit((unsigned char)*p); p++)
		addr = addr << 4 | (isdigit((unsigned char)*p) ? *p - '0' : (*p | 32) - 'a' + 10);
	if (end - p < 4 || p[0] != ' ' || p[2] != ' ')
		return 0;
	ld->lines++;
	ld->any_address |= addr != 0;
	name = p + 3;
	name_end = memchr(name, '\t', end - name);
	if (name_end && end - name_end > 3 && name_end[1] == '[' && end[-1] == ']') {
		module = name_end + 2;
		module_len = end - 1 - module;
	}
	if (!name_end)
		name_end = end;
	if (name_end - name == 6 && !memcmp(name, "_etext", 6))
		ld->etext = addr;
	if (!strchr("TtWw", p[1]) || !addr)
		return 0;
	/* Padding before functions (CONFIG_CALL_PADDING, kCFI), not functions. */
	if ((name_end - name > 6 && !memcmp(name, "__pfx_", 6)) ||
	    (name_end - name > 6 && !memcmp(name, "__cfi_", 6)))
		return 0;
	return add_symbol(ld, addr, name, name_end - name, module, module_len);
}

static int read_all(struct loader *ld)
{
	size_t have = 0;
	int fd, err = 0;
	ssize_t got;
	char *buf;

	fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	buf = malloc(READ_BYTES);
	ld->names_room = READ_BYTES;
	ld->names_len = 1;
	ld->names = calloc(1, ld->names_room);
	if (!buf || !ld->names)
		err = -ENOMEM;
	while (!err && (got = read(fd, buf + have, READ_BYTES - have)) != 0) {
		char *line = buf, *newline;

		if (got < 0) {
			err = errno == EINTR ? 0 : -errno;
			continue;
		}
		have += got;
		while (!err && (newline = memchr(line, '\n', buf + have - line))) {
			err = add_line(ld, line, newline - line);
			line = newline + 1;
		}
		have -= line - buf;
		memmove(buf, line, have);
		if (have == READ_BYTES)
			err = -EINVAL;
	}
	free(buf);
	close(fd);
	if (!err && !ld->any_address)
		err = ld->lines ? -EPERM : -ENODATA;
	return err;
}

/* By address; the nicest name of an address first. */
static int by_addr(const void *a, const void *b, void *names)
{
	const struct raw_sym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (symbol_is_nicer((char *)names + x->name, (char *)names + y->name))
		return -1;
	if (symbol_is_nicer((char *)names + y->name, (char *)names + x->name))
		return 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* Sorts, and turns offsets into pointers now that the names stay where they are. */
static int finish(struct loader *ld, struct ksyms *ksyms)
{
	struct ksym *syms;
	char *names;
	size_t i;

	syms = malloc((ld->cnt ? ld->cnt : 1) * sizeof(*syms));
	if (!syms)
		return -ENOMEM;
	names = realloc(ld->names, ld->names_len);
	if (names)
		ld->names = names;
	qsort_r(ld->syms, ld->cnt, sizeof(*ld->syms), by_addr, ld->names);
	for (i = 0; i < ld->cnt; i++) {
		const struct raw_sym *raw = &ld->syms[i];

		syms[i] = (struct ksym){
			.addr = raw->addr,
			.name = ld->names + raw->name,
			.module = raw->module ? ld->names + raw->module : NULL,
		};
	}
	free(ksyms->syms);
	free(ksyms->names);
	ksyms->syms = syms;
	ksyms->cnt = ld->cnt;
	ksyms->names = ld->names;
	ksyms->etext = ld->etext;
	ld->names = NULL;
	return 0;
}

/* Tells one set of loaded modules from another, by their names and places. */
static uint64_t modules_loaded(void)
{
	cleanup_file FILE *file = fopen("/proc/modules", "re");
	uint64_t sum = 0, addr;
	char name[64];

	/* "xfs 2629632 1 nls_utf8, Live 0xffffffffc0800000" */
	while (file && fscanf(file, "%63s %*s %*s %*s %*s %" SCNx64 "%*[^\n]", name, &addr) == 2) {
		for (const char *c = name; *c; c++)
			addr = addr * 31 + (unsigned char)*c;
		sum += addr;
	}
	return sum;
}

int ksyms__follow(struct ksyms *ksyms)
{
	return modules_loaded() == ksyms->modules ? 0 : ksyms__refresh(ksyms);
}

int ksyms__refresh(struct ksyms *ksyms)
{
	uint64_t modules = modules_loaded();
	struct loader ld = {};
	int err;

	err = read_all(&ld);
	if (!err)
		err = finish(&ld, ksyms);
	if (!err)
		ksyms->modules = modules;
	free(ld.syms);
	free(ld.names);
	return err;
}

struct ksyms *ksyms__load(void)
{
	struct ksyms *ksyms = calloc(1, sizeof(*ksyms));
	int err;

	if (!ksyms)
		return NULL;
	err = ksyms__refresh(ksyms);
	if (err) {
		ksyms__free(ksyms);
		errno = -err;
		return NULL;
	}
	return ksyms;
}

void ksyms__free(struct ksyms *ksyms)
{
	if (!ksyms)
		return;
	free(ksyms->syms);
	free(ksyms->names);
	free(ksyms);
}

/* Index of the first symbol above addr. */
static size_t above(const struct ksyms *ksyms, uint64_t addr)
{
	size_t low = 0, high = ksyms->cnt;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (ksyms->syms[mid].addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool same_module(const struct ksym *a, const struct ksym *b)
{
	return a->module && b->module ? !strcmp(a->module, b->module) : a->module == b->module;
}

const struct ksym *ksyms__find(const struct ksyms *ksyms, uint64_t addr)
{
	size_t next = above(ksyms, addr);
	const struct ksym *sym;
	bool last;

	if (!next)
		return NULL;
	sym = &ksyms->syms[next - 1];
	if (!sym->module && sym->addr < ksyms->etext && addr >= ksyms->etext)
		return NULL;
	/* BPF programs are scattered: each may be the last before a gap. */
	last = next == ksyms->cnt || !same_module(sym, &ksyms->syms[next]) ||
	       (sym->module && !strcmp(sym->module, "bpf"));
	if (last && addr - sym->addr >= LAST_FUNCTION_BYTES)
		return NULL;
	while (sym > ksyms->syms && sym[-1].addr == sym->addr)
		sym--;
	return sym;
}

uint64_t ksyms__addr(const struct ksyms *ksyms, const char *name, size_t *count)
{
	uint64_t addr = 0;
	size_t n = 0, i;

	for (i = 0; i < ksyms->cnt; i++) {
		if (strcmp(ksyms->syms[i].name, name))
			continue;
		if (!n++)
			addr = ksyms->syms[i].addr;
	}
	if (count)
		*count = n;
	return addr;
}

uint64_t ksyms__next(const struct ksyms *ksyms, uint64_t addr)
{
	size_t next = above(ksyms, addr);

	return next < ksyms->cnt ? ksyms->syms[next].addr : 0;
}

void symbol_display(const char *name, char *buf, size_t size)
{
	static const char *const suffixes[] = {
		".isra.",     ".constprop.", ".part.",	    ".cold", ".llvm.",
		".lto_priv.", ".clone.",     ".localalias", ".ipa.",
	};
	size_t len = strlen(name), i;

	for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		const char *at = strstr(name + (*name != '\0'), suffixes[i]);

		if (at && (size_t)(at - name) < len)
			len = at - name;
	}
	if (!size)
		return;
	if (len >= size)
		len = size - 1;
	memcpy(buf, name, len);
	buf[len] = '\0';
}

bool symbol_is_nicer(const char *a, const char *b)
{
	size_t bars_a = strspn(a, "_"), bars_b = strspn(b, "_");

	if (bars_a != bars_b)
		return bars_a < bars_b;
	return strlen(a) < strlen(b);
}
