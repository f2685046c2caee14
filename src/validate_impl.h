/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of gup-validate: rows (what is promised), checks (what
 * proves it), outcomes (what was seen).
 */
#ifndef GUP_VALIDATE_IMPL_H
#define GUP_VALIDATE_IMPL_H

#include <stdio.h>

#include "bench.h"
#include "census.h"
#include "validate.h"
#include "ways.h"

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP, VERDICT_CNT };

enum part { PART_PATCHES, PART_RULES, PART_SITES, PART_CNT };

struct outcome {
	enum verdict verdict;
	uint64_t pins;	/* of this process, seen by the check */
	bool is_static; /* read off code: no pin is needed to pass */
	char did[192];
	char expected[192];
	char kernel[192]; /* what the kernel answered and counted */
	char saw[256];	  /* what the hooks and struct page say */
	char reason[192]; /* of a skip or failure */
};

/* Wants of a row. */
#define WANT_LONGTERM 1 /* every pin FOLL_LONGTERM */
#define WANT_SHORT 2	/* none */
#define WANT_DIRTY 4	/* a clean page is dirty after the release */
#define WANT_NOTHING 8	/* of check_reference: no reference by get_user_pages* either */

struct row;
struct validation;

typedef enum verdict (*check_fn)(struct validation *val, const struct row *row,
				 struct outcome *out);

struct row {
	enum part part;
	const char *id;	     /* "12", "R11", "xdp-umem" */
	const char *promise; /* in words */
	check_fn check;
	const struct way *way;
	const char *arg; /* of the way or check */
	unsigned int want;
	const char *gate;    /* kernel function without which the promise is not made */
	const char *no_gate; /* what the kernel does then */
};

struct validation {
	struct bench bench;
	const struct validate_env *env;
};

/* Ends with a row without id; the parts come one after the other. */
extern const struct row rows[];
const char *part_name(enum part part);
const char *verdict_name(enum verdict verdict);

/* Set a field of an outcome, and give the verdict. */
enum verdict outcome__skip(struct outcome *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
enum verdict outcome__fail(struct outcome *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
enum verdict outcome__error(struct outcome *out, const char *what, int err);
/* Appends to saw or kernel. */
void outcome__add(char *field, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define outcome__saw(out, ...) outcome__add((out)->saw, sizeof((out)->saw), __VA_ARGS__)
#define outcome__kernel(out, ...) outcome__add((out)->kernel, sizeof((out)->kernel), __VA_ARGS__)

/* One pass of a way: pin, look, release, look. */
struct pass {
	struct hold hold;
	struct mark mark;
	struct seen seen;	  /* after the release */
	struct held held;	  /* before it; of a transient way nothing */
	size_t still;		  /* folios that hold a pin after it */
	bool was_dirty, is_dirty; /* the last page, before the pin and after the release */
	int refused;		  /* -errno of the pin call, 0 = it pinned */
};

/* 0; -EOPNOTSUPP: cannot be done here, pass->hold.why says why; else -errno. End with pass__end(). */
int pass__run(struct pass *pass, struct bench *bench, const struct way *way, const char *arg,
	      enum own_memory memory, size_t pages);
/* The same, and then a control: another way with as much of such memory. After an error only pass is to be ended. */
int pass__with_control(struct pass *pass, struct pass *control, struct bench *bench,
		       const struct row *row, enum own_memory memory, const struct way *way);
void pass__end(struct pass *pass);
/* What a row of a call site wants of a pass. */
enum verdict pass__judge(const struct pass *pass, const struct row *row, struct outcome *out);

/* The checks, by file. */
enum verdict check_way(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_cannot(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_gup_test(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_gup_test_write(struct validation *val, const struct row *row,
				  struct outcome *out);
enum verdict check_gup_test_memory(struct validation *val, const struct row *row,
				   struct outcome *out);
enum verdict check_symbol(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_modules(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_process_vm(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_longterm(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_small(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_never_missed(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_huge(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_huge_fast(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_flags(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_array(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_released(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_vmstat(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_many(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_zero(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_file(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_dax(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_device_count(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_dirty(struct validation *val, const struct row *row, struct outcome *out);
enum verdict check_reference(struct validation *val, const struct row *row, struct outcome *out);

/* --module: src/validate_module.c. The exit status. */
int validate_module(const struct validate_env *env);

/* src/validate_form.c: the stream. */
void form_begin(FILE *out, const size_t counts[PART_CNT]);
void form_part(FILE *out, enum part part, size_t cnt);
void form_row(FILE *out, size_t number, const struct row *row, const struct outcome *outcome);
void form_part_end(FILE *out, unsigned int number, enum part part, bool failed);
void form_table(FILE *out, const struct row *const *done, const struct outcome *outcomes,
		size_t cnt);
int form_validation_json(FILE *out, const struct row *const *done, const struct outcome *outcomes,
			 size_t cnt);
void form_list(FILE *out);

#endif
