/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who calls which GUP functions, read from machine code: relocations of module
 * files (plain or compressed), and branches in the text of the running kernel.
 * Static: says what code could do, not what it did.
 */
#ifndef GUP_CENSUS_H
#define GUP_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define CENSUS_KERNEL "vmlinux" /* the unit that is no module */

enum gup_family {
	FAMILY_PIN,   /* pin_user_pages* and what pins for its caller */
	FAMILY_UNPIN, /* unpin_* */
	FAMILY_GET,   /* get_user_pages* and what gets for its caller */
	FAMILY_CNT,
};

enum census_class {
	CLASS_CONVERTED, /* pins, and releases by unpin_* */
	CLASS_PINS,	 /* pins; the release is in another module or the kernel */
	CLASS_RELEASES,	 /* releases what another module or the kernel pinned */
	CLASS_STILL_GET, /* get_user_pages* only */
	CLASS_BOTH,	 /* pins in one place, still gets in another */
	CLASS_NONE,	 /* calls no GUP function */
	CENSUS_CLASS_CNT,
};

/* Calls of one GUP function by one function. */
struct census_call {
	const char *callee; /* constant */
	enum gup_family family;
	char *caller; /* NULL = unknown */
	unsigned int cnt;
};

/* One module, or the kernel itself. */
struct census_unit {
	char *name; /* as lsmod has it; "vmlinux" = the kernel itself */
	struct census_call *calls;
	size_t call_cnt;
	enum census_class class;
};

struct census {
	struct census_unit *units; /* those that call any GUP function, by name */
	size_t unit_cnt;
	size_t modules;	   /* module files */
	size_t unreadable; /* that could not be */
	char **names;	   /* of all modules, to tell "calls none" from "is not there" */
};

struct kernel_reader;
struct ksyms;

/*
 * Adds the modules below dir; of those not in only (a list that ends with NULL,
 * or NULL = all) just the names. 0; -ENOENT: there is none; else -errno.
 * Not to be called twice for one census.
 */
int census__modules(struct census *census, const char *dir, const char *const *only);
/* Adds the running kernel's own code. 0; -ENOENT: no symbol tells where it lies; else -errno. */
int census__kernel(struct census *census, struct kernel_reader *reader, const struct ksyms *ksyms);
/* A unit by name, NULL = it calls no GUP function. */
const struct census_unit *census__find(const struct census *census, const char *name);
/* Is there a module of that name, whatever it calls? */
bool census__has_module(const struct census *census, const char *name);
void census__free(struct census *census);

/* The GUP function of that name: its name as a constant, and its family. NULL = none. */
const char *census_func(const char *name, enum gup_family *family);
/* The table of GUP functions: name of row i, NULL past the last. */
const char *census_func_name(size_t i);
/* Notes cnt more calls of a unit. 0 or -ENOMEM. */
int census_unit__add(struct census_unit *unit, const char *callee, enum gup_family family,
		     const char *caller, unsigned int cnt);
/* Adds a unit with its calls, and takes them over. 0 or -ENOMEM. */
int census__add(struct census *census, struct census_unit *unit);

const char *census_class_name(enum census_class class);	 /* "converted" */
const char *census_class_words(enum census_class class); /* a sentence */

/* As text for people, and as one JSON document. 0 or -errno. */
int census__print(FILE *out, const struct census *census, const char *dir);
int census__json(FILE *out, const struct census *census, const char *dir);

#endif
