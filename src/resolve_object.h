/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ELF objects for src/resolve_user.c: see src/resolve_object.c. Addresses here
 * are in the object's own numbering; offsets are in its file. Strings and tables
 * are valid until the next call of any of these.
 */
#ifndef GUP_RESOLVE_OBJECT_H
#define GUP_RESOLVE_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct Dwarf_CFI_s;
struct object;

/*
 * The object of a file that is open with O_PATH: only regular files are opened
 * any further (opening a device or FIFO has effects). NULL = not regular, not
 * allowed, or too many. Each get is paired with a put.
 */
struct object *object__get(int path_fd);
/* The vdso of a process that has it at start; NULL when it is not the one we have ourselves. */
struct object *object__get_vdso(uint64_t start, uint64_t end);
/* One more reference. */
struct object *object__ref(struct object *object);
/* Accepts NULL. */
void object__put(struct object *object);

bool object__vaddr(struct object *object, uint64_t file_offset, uint64_t *vaddr);
/* Name of the function at vaddr, NULL = none. */
const char *object__symbol(struct object *object, uint64_t vaddr);
/* Call frame information, NULL = none or not x86-64. */
struct Dwarf_CFI_s *object__cfi(struct object *object);
/* Bytes of the file that are mapped unchanged: neither writable nor relocated. */
bool object__read_constant(struct object *object, uint64_t file_offset, void *buf, size_t len);

#endif
