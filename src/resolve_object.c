// SPDX-License-Identifier: GPL-2.0-only
/*
 * ELF objects behind mappings: shared by all processes, each with its file kept
 * open, symbols and unwind tables loaded when first asked and dropped when many
 * are. Files are anybody's: they are read with pread, never mapped (a truncated
 * mapping is SIGBUS), and what could need unbounded memory is refused unless root
 * owns the file. Interface: src/resolve_object.h. Used by src/resolve_user.c.
 */
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "resolve.h"
#include "resolve_object.h"
#include "resolve_symtab.h"

#define MAX_OBJECTS 512			/* open files */
#define MAX_IDLE 32			/* of these, ones that no proc_maps uses */
#define MAX_LOADED 64			/* objects with tables in memory */
#define MAX_LOADED_BYTES (1ULL << 30)	/* of these objects' files, which bound the tables */
#define MAX_OBJECT_BYTES (512ULL << 20) /* for files that are not root's */
#define MAX_ROOT_OBJECT_BYTES (4ULL << 30)
#define MAX_SEGMENTS 32

/* What is loaded of an object on demand and dropped when memory is short. */
struct tables {
	Elf *elf;
	bool x86_64;
	GElf_Phdr segments[MAX_SEGMENTS]; /* PT_LOAD */
	size_t segment_cnt;
	bool cfi_tried, symbols_tried;
	Dwarf_CFI *cfi;		/* NULL = none */
	struct symtab *symbols; /* NULL = none */
};

struct object {
	struct object *next;
	dev_t dev;
	ino_t ino;
	struct timespec mtime;
	uint64_t bytes;
	bool trusted; /* root owns it, or it is the kernel's */
	int fd;	      /* -1: image */
	void *image;  /* vdso */
	unsigned int refs;
	uint64_t used;	       /* larger = more recently */
	bool broken;	       /* not ELF, or refused */
	struct tables *tables; /* NULL = not loaded */
};

/* All objects of all processes. */
static struct {
	struct object *first;
	size_t cnt;
	uint64_t clock;
} cache;

/* ---- objects ---- */

static void tables__free(struct tables *tables)
{
	if (!tables)
		return;
	if (tables->cfi)
		dwarf_cfi_end(tables->cfi);
	symtab__free(tables->symbols);
	elf_end(tables->elf);
	free(tables);
}

static void object__free(struct object *object)
{
	tables__free(object->tables);
	if (object->fd >= 0)
		close(object->fd);
	free(object->image);
	free(object);
	cache.cnt--;
}

/* Closes the least recently used objects that nobody uses, but for the newest `keep`. */
static void drop_idle(size_t keep)
{
	for (;;) {
		struct object **at, **oldest = NULL, *victim;
		size_t idle = 0;

		for (at = &cache.first; *at; at = &(*at)->next) {
			if ((*at)->refs)
				continue;
			idle++;
			if (!oldest || (*at)->used < (*oldest)->used)
				oldest = at;
		}
		if (idle <= keep)
			return;
		victim = *oldest;
		*oldest = victim->next;
		object__free(victim);
	}
}

void user_objects__drop(void)
{
	drop_idle(0);
}

struct object *object__ref(struct object *object)
{
	object->refs++;
	return object;
}

void object__put(struct object *object)
{
	if (object && !--object->refs)
		drop_idle(MAX_IDLE);
}

static struct object *object__new(const struct stat *st)
{
	struct object *object;

	if (cache.cnt >= MAX_OBJECTS)
		drop_idle(0);
	if (cache.cnt >= MAX_OBJECTS)
		return NULL;
	object = calloc(1, sizeof(*object));
	if (!object)
		return NULL;
	object->dev = st->st_dev;
	object->ino = st->st_ino;
	object->mtime = st->st_mtim;
	object->bytes = st->st_size;
	object->trusted = st->st_uid == 0;
	object->fd = -1;
	object->refs = 1;
	object->used = ++cache.clock;
	object->next = cache.first;
	cache.first = object;
	cache.cnt++;
	return object;
}

static struct object *object__find(const struct stat *st)
{
	struct object *object;

	for (object = cache.first; object; object = object->next) {
		if (object->ino == st->st_ino && object->dev == st->st_dev &&
		    object->bytes == (uint64_t)st->st_size &&
		    object->mtime.tv_sec == st->st_mtim.tv_sec &&
		    object->mtime.tv_nsec == st->st_mtim.tv_nsec) {
			object->refs++;
			object->used = ++cache.clock;
			return object;
		}
	}
	return NULL;
}

struct object *object__get(int path_fd)
{
	struct object *object;
	struct stat st;
	char self[64];
	int fd;

	if (fstat(path_fd, &st) || !S_ISREG(st.st_mode))
		return NULL;
	object = object__find(&st);
	if (object)
		return object;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", path_fd);
	fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	object = object__new(&st);
	if (!object) {
		close(fd);
		return NULL;
	}
	object->fd = fd;
	return object;
}

/* All 64-bit processes of a kernel have the same vdso: a copy of our own serves for all. */
struct object *object__get_vdso(uint64_t start, uint64_t end)
{
	const void *own = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct stat vdso = {}; /* no file has inode 0 */
	struct object *object = object__find(&(struct stat){ .st_size = end - start });
	char line[256];
	bool same = false;
	FILE *maps;

	if (object || !own || start < 1ULL << 32)
		return object;
	maps = fopen("/proc/self/maps", "re");
	if (!maps)
		return NULL;
	while (!same && fgets(line, sizeof(line), maps)) {
		uint64_t own_start, own_end;

		same = sscanf(line, "%" SCNx64 "-%" SCNx64, &own_start, &own_end) == 2 &&
		       own_start == (uint64_t)own && own_end - own_start == end - start;
	}
	fclose(maps);
	if (!same)
		return NULL;
	vdso.st_size = end - start;
	object = object__new(&vdso);
	if (!object)
		return NULL;
	object->image = malloc(end - start);
	if (object->image)
		memcpy(object->image, own, end - start);
	else
		object->broken = true;
	return object;
}

/* ---- tables of an object ---- */

/* Sections that libdwfl would read whole or inflate, in a file that anybody may have written. */
static bool is_tame(Elf *elf, uint64_t file_bytes)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return true; /* no sections */
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name;

		if (!gelf_getshdr(scn, &shdr))
			return false;
		name = elf_strptr(elf, names, shdr.sh_name);
		if (name && !strcmp(name, ".gnu_debugdata"))
			return false;
		if (shdr.sh_flags & SHF_COMPRESSED &&
		    (shdr.sh_type == SHT_SYMTAB || shdr.sh_type == SHT_DYNSYM ||
		     shdr.sh_type == SHT_STRTAB || shdr.sh_type == SHT_SYMTAB_SHNDX))
			return false;
		if (shdr.sh_type != SHT_NOBITS && shdr.sh_size > file_bytes)
			return false;
	}
	return true;
}

static bool read_segments(struct tables *tables)
{
	GElf_Ehdr ehdr;
	size_t cnt, i;

	if (!gelf_getehdr(tables->elf, &ehdr) || elf_getphdrnum(tables->elf, &cnt))
		return false;
	tables->x86_64 = ehdr.e_machine == EM_X86_64 && ehdr.e_ident[EI_CLASS] == ELFCLASS64;
	for (i = 0; i < cnt && tables->segment_cnt < MAX_SEGMENTS; i++) {
		GElf_Phdr *phdr = &tables->segments[tables->segment_cnt];

		if (gelf_getphdr(tables->elf, i, phdr) && phdr->p_type == PT_LOAD)
			tables->segment_cnt++;
	}
	return tables->segment_cnt && (ehdr.e_type == ET_EXEC || ehdr.e_type == ET_DYN);
}

/* Makes room for one more object's tables. */
static void unload_others(const struct object *wanted)
{
	for (;;) {
		struct object *object, *oldest = NULL;
		uint64_t bytes = wanted->bytes;
		size_t cnt = 1;

		for (object = cache.first; object; object = object->next) {
			if (!object->tables || object == wanted)
				continue;
			bytes += object->bytes;
			cnt++;
			if (!oldest || object->used < oldest->used)
				oldest = object;
		}
		if (!oldest || (cnt <= MAX_LOADED && bytes <= MAX_LOADED_BYTES))
			return;
		tables__free(oldest->tables);
		oldest->tables = NULL;
	}
}

static struct tables *object__tables(struct object *object)
{
	struct tables *tables;

	object->used = ++cache.clock;
	if (object->tables || object->broken)
		return object->tables;
	object->broken = true;
	if (object->bytes > (object->trusted ? MAX_ROOT_OBJECT_BYTES : MAX_OBJECT_BYTES))
		return NULL;
	unload_others(object);
	tables = calloc(1, sizeof(*tables));
	if (!tables)
		return NULL;
	elf_version(EV_CURRENT);
	tables->elf = object->image ? elf_memory(object->image, object->bytes)
				    : elf_begin(object->fd, ELF_C_READ, NULL);
	if (!tables->elf || elf_kind(tables->elf) != ELF_K_ELF || !read_segments(tables)) {
		tables__free(tables);
		return NULL;
	}
	if (!object->trusted && !is_tame(tables->elf, object->bytes))
		tables->symbols_tried = true;
	object->broken = false;
	object->tables = tables;
	return tables;
}

/* Executable segments first: a page can hold the end of one segment and the start of the next. */
static const GElf_Phdr *segment_at(const struct tables *tables, uint64_t file_offset)
{
	const GElf_Phdr *found = NULL;
	size_t i;

	for (i = 0; i < tables->segment_cnt; i++) {
		const GElf_Phdr *phdr = &tables->segments[i];

		if (file_offset < phdr->p_offset || file_offset - phdr->p_offset >= phdr->p_filesz)
			continue;
		if (phdr->p_flags & PF_X)
			return phdr;
		found = phdr;
	}
	return found;
}

bool object__vaddr(struct object *object, uint64_t file_offset, uint64_t *vaddr)
{
	struct tables *tables = object__tables(object);
	const GElf_Phdr *phdr = tables ? segment_at(tables, file_offset) : NULL;

	if (!phdr)
		return false;
	*vaddr = file_offset - phdr->p_offset + phdr->p_vaddr;
	return true;
}

Dwarf_CFI *object__cfi(struct object *object)
{
	struct tables *tables = object__tables(object);

	if (!tables || !tables->x86_64)
		return NULL;
	if (!tables->cfi_tried)
		tables->cfi = dwarf_getcfi_elf(tables->elf);
	tables->cfi_tried = true;
	return tables->cfi;
}

bool object__read_constant(struct object *object, uint64_t file_offset, void *buf, size_t len)
{
	struct tables *tables = object__tables(object);
	const GElf_Phdr *phdr = tables ? segment_at(tables, file_offset) : NULL;

	if (!phdr || phdr->p_flags & PF_W || file_offset > object->bytes ||
	    object->bytes - file_offset < len)
		return false;
	if (object->image) {
		memcpy(buf, (char *)object->image + file_offset, len);
		return true;
	}
	return pread(object->fd, buf, len, file_offset) == (ssize_t)len;
}

const char *object__symbol(struct object *object, uint64_t vaddr)
{
	struct tables *tables = object__tables(object);

	if (!tables)
		return NULL;
	if (!tables->symbols_tried)
		tables->symbols = symtab__load(tables->elf);
	tables->symbols_tried = true;
	return symtab__find(tables->symbols, vaddr);
}
