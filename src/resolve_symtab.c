// SPDX-License-Identifier: GPL-2.0-only
/*
 * Function symbols of one ELF object, taken from libdwfl once and kept in a
 * sorted array of our own: libdwfl's lookup goes through all symbols each time.
 * Sources: .symtab, .dynsym, .gnu_debugdata, and files in /usr/lib/debug by build
 * id; never the network, nor files beside the object. Used by src/resolve_object.c.
 */
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

#include "resolve.h"
#include "resolve_symtab.h"

#define MAX_SYMBOLS (2 << 20)
#define NO_SIZE_BYTES 4096 /* a symbol without size is at most so long */

struct usym {
	uint64_t addr;
	uint32_t size;
	uint32_t name; /* offset in names */
};

struct symtab {
	struct usym *syms; /* by address, one per address */
	size_t cnt;
	char *names;
};

static int give_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
		    char **file, Elf **elf)
{
	(void)mod, (void)name, (void)base, (void)file;
	*elf = elf_begin(-1, ELF_C_READ, *userdata); /* one more reference to the same Elf */
	return -1;
}

static int usym_by_addr(const void *a, const void *b, void *names)
{
	const struct usym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (!x->size != !y->size)
		return x->size ? -1 : 1;
	if (symbol_is_nicer((char *)names + x->name, (char *)names + y->name))
		return -1;
	return symbol_is_nicer((char *)names + y->name, (char *)names + x->name);
}

/* One pass counts (symtab->syms still NULL), the next one copies. */
static void copy_symbols(struct symtab *symtab, Dwfl_Module *mod, int cnt, uint64_t bias,
			 size_t *names_bytes)
{
	size_t names = 0, n = 0;
	int i;

	for (i = 1; i < cnt && n < MAX_SYMBOLS; i++) {
		GElf_Word shndx;
		GElf_Sym sym;
		GElf_Addr addr;
		const char *name = dwfl_module_getsym_info(mod, i, &sym, &addr, &shndx, NULL, NULL);
		int type = name ? GELF_ST_TYPE(sym.st_info) : STT_NOTYPE;
		size_t len;

		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || sym.st_shndx == SHN_UNDEF ||
		    !*name)
			continue;
		len = strcspn(name, "@"); /* symbol versions */
		if (names + len + 1 > UINT32_MAX)
			break;
		if (symtab->syms) {
			symtab->syms[n] = (struct usym){
				.addr = addr - bias,
				.size = sym.st_size > UINT32_MAX ? UINT32_MAX : sym.st_size,
				.name = names,
			};
			memcpy(symtab->names + names, name, len);
			symtab->names[names + len] = '\0';
		}
		names += len + 1;
		n++;
	}
	symtab->cnt = n;
	*names_bytes = names;
}

static void take_symbols(struct symtab *symtab, Dwfl_Module *mod)
{
	int cnt = dwfl_module_getsymtab(mod);
	size_t names_bytes, i, n = 0;
	GElf_Addr bias;

	if (cnt <= 0 || !dwfl_module_getelf(mod, &bias))
		return;
	copy_symbols(symtab, mod, cnt, bias, &names_bytes);
	if (!symtab->cnt)
		return;
	symtab->syms = malloc(symtab->cnt * sizeof(*symtab->syms));
	symtab->names = malloc(names_bytes);
	if (!symtab->syms || !symtab->names) {
		symtab->cnt = 0;
		return;
	}
	copy_symbols(symtab, mod, cnt, bias, &names_bytes);
	qsort_r(symtab->syms, symtab->cnt, sizeof(*symtab->syms), usym_by_addr, symtab->names);
	for (i = 0; i < symtab->cnt; i++)
		if (!n || symtab->syms[n - 1].addr != symtab->syms[i].addr)
			symtab->syms[n++] = symtab->syms[i];
	symtab->cnt = n;
}

/* What all loadable segments cover, as ELF addresses. */
static bool address_range(Elf *elf, uint64_t *start, uint64_t *end)
{
	size_t cnt, i;

	*start = UINT64_MAX;
	*end = 0;
	if (elf_getphdrnum(elf, &cnt))
		return false;
	for (i = 0; i < cnt; i++) {
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, i, &phdr) || phdr.p_type != PT_LOAD)
			continue;
		if (phdr.p_vaddr < *start)
			*start = phdr.p_vaddr & -4096ULL;
		if (phdr.p_vaddr + phdr.p_memsz > *end)
			*end = phdr.p_vaddr + phdr.p_memsz;
	}
	return *start < *end;
}

struct symtab *symtab__load(Elf *elf)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = give_elf,
		.find_debuginfo = dwfl_build_id_find_debuginfo,
	};
	struct symtab *symtab;
	uint64_t start, end;
	Dwfl_Module *mod;
	void **userdata;
	Dwfl *dwfl;

	if (!address_range(elf, &start, &end))
		return NULL;
	symtab = calloc(1, sizeof(*symtab));
	dwfl = symtab ? dwfl_begin(&callbacks) : NULL;
	if (!dwfl)
		return symtab;
	dwfl_report_begin(dwfl);
	mod = dwfl_report_module(dwfl, "object", start, end);
	if (mod) {
		dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
		*userdata = elf;
		dwfl_report_end(dwfl, NULL, NULL);
		take_symbols(symtab, mod);
	}
	dwfl_end(dwfl);
	return symtab;
}

void symtab__free(struct symtab *symtab)
{
	if (!symtab)
		return;
	free(symtab->syms);
	free(symtab->names);
	free(symtab);
}

const char *symtab__find(const struct symtab *symtab, uint64_t vaddr)
{
	size_t low = 0, high = symtab ? symtab->cnt : 0, back;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (symtab->syms[mid].addr <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	/* Symbols may lie inside others (labels of assembler code): look back a little. */
	for (back = 0; back < 16 && back < low; back++) {
		const struct usym *sym = &symtab->syms[low - 1 - back];
		uint64_t size = sym->size ? sym->size : back ? 0 : NO_SIZE_BYTES;

		if (vaddr - sym->addr < size)
			return symtab->names + sym->name;
	}
	return NULL;
}
