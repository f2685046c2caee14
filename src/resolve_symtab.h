/* SPDX-License-Identifier: GPL-2.0-only */
/* Function symbols of one ELF object: see src/resolve_symtab.c. */
#ifndef GUP_RESOLVE_SYMTAB_H
#define GUP_RESOLVE_SYMTAB_H

#include <gelf.h>
#include <stdint.h>

struct symtab;

/* Copies what it needs: elf may go. NULL = out of memory or nothing loadable. */
struct symtab *symtab__load(Elf *elf);
void symtab__free(struct symtab *symtab);
/* Name of the function at an ELF address, NULL = none. Accepts a NULL symtab. */
const char *symtab__find(const struct symtab *symtab, uint64_t vaddr);

#endif
