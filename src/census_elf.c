// SPDX-License-Identifier: GPL-2.0-only
/*
 * The census of module files. A call to another object is a relocation against
 * an undefined symbol in a section of code; libdw opens compressed files as it
 * opens plain ones (those that its build can unpack: gzip, xz, bzip2, zstd).
 */
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "census.h"
#include "resolve.h"
#include "util.h"

struct object_symbols {
	Elf_Data *data;
	size_t cnt, strtab;
};

static bool find_symbols(Elf *elf, struct object_symbols *syms)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_SYMTAB || !shdr.sh_entsize)
			continue;
		syms->data = elf_getdata(scn, NULL);
		syms->cnt = shdr.sh_size / shdr.sh_entsize;
		syms->strtab = shdr.sh_link;
		return syms->data;
	}
	return false;
}

/* The GUP function that symbol i stands for, if it is undefined here. */
static const char *wanted(Elf *elf, const struct object_symbols *syms, size_t i,
			  enum gup_family *family)
{
	const char *name;
	GElf_Sym sym;

	if (!gelf_getsym(syms->data, i, &sym) || sym.st_shndx != SHN_UNDEF || !sym.st_name)
		return NULL;
	name = elf_strptr(elf, syms->strtab, sym.st_name);
	return name ? census_func(name, family) : NULL;
}

/* Copies the name of the function that an offset of a section lies in; false = in none. */
static bool name_caller(Elf *elf, const struct object_symbols *syms, size_t section,
			uint64_t offset, char *buf, size_t size)
{
	const char *name = NULL;
	GElf_Sym sym;

	for (size_t i = 0; i < syms->cnt; i++) {
		if (!gelf_getsym(syms->data, i, &sym) || sym.st_shndx != section ||
		    GELF_ST_TYPE(sym.st_info) != STT_FUNC || offset < sym.st_value ||
		    offset - sym.st_value >= sym.st_size)
			continue;
		name = elf_strptr(elf, syms->strtab, sym.st_name);
	}
	if (name)
		symbol_display(name, buf, size);
	return name;
}

/* Notes the calls among the relocations of one section of code. 0 or -ENOMEM. */
static int read_relocations(Elf *elf, const struct object_symbols *syms, Elf_Scn *scn,
			    const GElf_Shdr *shdr, struct census_unit *unit)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	size_t cnt = shdr->sh_entsize ? shdr->sh_size / shdr->sh_entsize : 0;
	GElf_Rela rela;
	int err = 0;

	for (size_t i = 0; data && i < cnt && !err; i++) {
		enum gup_family family;
		const char *callee;
		char caller[128];

		if (!gelf_getrela(data, i, &rela))
			continue;
		callee = wanted(elf, syms, GELF_R_SYM(rela.r_info), &family);
		if (!callee)
			continue;
		err = census_unit__add(
			unit, callee, family,
			name_caller(elf, syms, shdr->sh_info, rela.r_offset, caller, sizeof(caller))
				? caller
				: NULL,
			1);
	}
	return err;
}

static bool is_code(Elf *elf, size_t section)
{
	Elf_Scn *scn = elf_getscn(elf, section);
	GElf_Shdr shdr;

	return scn && gelf_getshdr(scn, &shdr) && shdr.sh_flags & SHF_EXECINSTR;
}

static int read_elf(Elf *elf, struct census_unit *unit)
{
	struct object_symbols syms = {};
	enum gup_family family;
	Elf_Scn *scn = NULL;
	bool any = false;
	GElf_Shdr shdr;
	int err = 0;

	if (elf_kind(elf) != ELF_K_ELF || !find_symbols(elf, &syms))
		return -EBADMSG;
	for (size_t i = 0; i < syms.cnt && !any; i++)
		any = wanted(elf, &syms, i, &family);
	while (any && !err && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_RELA &&
		    is_code(elf, shdr.sh_info))
			err = read_relocations(elf, &syms, scn, &shdr, unit);
	return err;
}

static int read_file(const char *path, struct census_unit *unit)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf *elf;
	int err;

	if (fd < 0)
		return -errno;
	elf = dwelf_elf_begin(fd);
	if (!elf)
		return -EBADMSG;
	err = read_elf(elf, unit);
	elf_end(elf);
	return err;
}

/* "kernel/net/key/af-key.ko.xz" is af_key; NULL: not a module's file. */
static char *module_name(const char *file)
{
	const char *end = strstr(file, ".ko");
	char *name;

	if (!end || end == file || (end[3] && end[3] != '.'))
		return NULL;
	name = strndup(file, end - file);
	for (char *p = name; p && *p; p++)
		if (*p == '-')
			*p = '_';
	return name;
}

static bool is_listed(const char *const *only, const char *name)
{
	for (; only && *only; only++)
		if (!strcmp(*only, name))
			return true;
	return !only;
}

static int add_module(struct census *census, const char *path, char *name, const char *const *only)
{
	struct census_unit unit = {};
	char **names = reallocarray(census->names, census->modules + 1, sizeof(*names));
	int err;

	if (!names) {
		free(name);
		return -ENOMEM;
	}
	census->names = names;
	names[census->modules++] = name;
	if (!is_listed(only, name))
		return 0;
	err = read_file(path, &unit);
	if (!err && unit.call_cnt) {
		unit.name = strdup(name);
		err = unit.name ? census__add(census, &unit) : -ENOMEM;
	}
	for (size_t i = 0; i < unit.call_cnt; i++)
		free(unit.calls[i].caller);
	free(unit.calls);
	if (err && err != -ENOMEM)
		census->unreadable++;
	return err == -ENOMEM ? err : 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int by_unit(const void *a, const void *b)
{
	const struct census_unit *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int census__modules(struct census *census, const char *dir, const char *const *only)
{
	char *const dirs[] = { (char *)dir, NULL };
	FTS *fts = fts_open(dirs, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
	FTSENT *entry;
	int err = 0;

	if (!fts)
		return -errno;
	elf_version(EV_CURRENT);
	while (!err && (entry = fts_read(fts))) {
		char *name = entry->fts_info == FTS_F ? module_name(entry->fts_name) : NULL;

		if (name)
			err = add_module(census, entry->fts_accpath, name, only);
	}
	fts_close(fts);
	if (!err && !census->modules)
		err = -ENOENT;
	if (!err && census->unit_cnt)
		qsort(census->units, census->unit_cnt, sizeof(*census->units), by_unit);
	return err;
}
