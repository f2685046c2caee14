// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of a snapshot, and the names of its enumerations.
 *
 * Each allocation is linked into the snapshot's pool and carries its size, so
 * that any array of the pool can grow and all of it goes with one call. What
 * the snapshot means: snapshot.h; who fills it: snapshot.c.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define EXIT_RUNTIME 4

struct block {
	struct block *prev, *next;
	size_t bytes;
	max_align_t data[];
};

struct snapshot_pool {
	struct block *blocks;
};

struct snapshot *snapshot__new(void)
{
	struct snapshot *snap = calloc(1, sizeof(*snap));

	if (!snap)
		return NULL;
	snap->pool = calloc(1, sizeof(*snap->pool));
	if (!snap->pool) {
		free(snap);
		return NULL;
	}
	return snap;
}

void snapshot__free(struct snapshot *snap)
{
	struct block *block, *next;

	if (!snap)
		return;
	for (block = snap->pool->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	free(snap->pool);
	free(snap);
}

static void out_of_memory(void)
{
	fputs("gup-pin: out of memory while taking a snapshot\n", stderr);
	exit(EXIT_RUNTIME);
}

static struct block *block_of(void *data)
{
	return (struct block *)((char *)data - offsetof(struct block, data));
}

/* Room for the bytes of a block, which may move; neighbours learn its new place. */
static struct block *resize(struct snapshot_pool *pool, struct block *old, size_t bytes)
{
	size_t had = old ? old->bytes : 0;
	struct block *block;

	if (bytes > SIZE_MAX - sizeof(*block))
		out_of_memory();
	block = realloc(old, sizeof(*block) + bytes);
	if (!block)
		out_of_memory();
	if (!old) {
		block->prev = NULL;
		block->next = pool->blocks;
	}
	memset((char *)block->data + had, 0, bytes - had);
	block->bytes = bytes;
	if (block->next)
		block->next->prev = block;
	if (block->prev)
		block->prev->next = block;
	else
		pool->blocks = block;
	return block;
}

void *snapshot__alloc(struct snapshot *snap, size_t bytes)
{
	return resize(snap->pool, NULL, bytes)->data;
}

const char *snapshot__str(struct snapshot *snap, const char *str)
{
	size_t bytes;

	if (!str)
		return NULL;
	bytes = strlen(str) + 1;
	return memcpy(snapshot__alloc(snap, bytes), str, bytes);
}

const char *snapshot__printf(struct snapshot *snap, const char *fmt, ...)
{
	const char *copy;
	va_list args;
	char *str;
	int len;

	va_start(args, fmt);
	len = vasprintf(&str, fmt, args);
	va_end(args);
	if (len < 0)
		out_of_memory();
	copy = snapshot__str(snap, str);
	free(str);
	return copy;
}

void *snapshot__append(struct snapshot *snap, void *array, size_t *cnt, size_t size)
{
	struct block *block;
	void *data;

	/* array points to a pointer of the caller's own type: copy, do not alias */
	memcpy(&data, array, sizeof(data));
	block = data ? block_of(data) : NULL;
	if (*cnt >= SIZE_MAX / size / 2)
		out_of_memory();
	if (!block || block->bytes < (*cnt + 1) * size) {
		block = resize(snap->pool, block, (*cnt ? *cnt * 2 : 4) * size);
		data = block->data;
		memcpy(array, &data, sizeof(data));
	}
	data = memset((char *)block->data + *cnt * size, 0, size);
	(*cnt)++;
	return data;
}

static const char *const basis_names[] = {
	[BASIS_UNKNOWN] = "unknown",   [BASIS_RECORDED] = "recorded",
	[BASIS_INFERRED] = "inferred", [BASIS_SAME_OPEN_FILE] = "same_open_file",
	[BASIS_LIKELY] = "likely",
};
static_assert(ARRAY_SIZE(basis_names) == BASIS_CNT, "each basis has a name");

static const char *const state_names[] = {
	[STATE_HELD] = "held",
	[STATE_IN_FLIGHT] = "in-flight",
	[STATE_RELEASING] = "releasing",
	[STATE_SHORT_HELD] = "short-held",
	[STATE_LEAKED] = "leaked",
	[STATE_ORPHANED] = "orphaned",
	[STATE_HANDED_OVER] = "handed-over",
	[STATE_UNKNOWN_HOLDER] = "unknown-holder",
	[STATE_LEFT_BEHIND] = "left-behind",
	[STATE_UNATTRIBUTED] = "unattributed",
};
static_assert(ARRAY_SIZE(state_names) == STATE_CNT, "each state has a name");

static const char *const rule_names[] = {
	[RULE_LEAKED] = "leaked",
	[RULE_ORPHANED] = "orphaned",
	[RULE_HANDED_OVER] = "handed-over",
	[RULE_UNKNOWN_HOLDER] = "unknown-holder",
	[RULE_LEFT_BEHIND] = "left-behind",
	[RULE_SHORT_HELD] = "short-held",
	[RULE_LONGTERM_FORBIDDEN] = "longterm-forbidden",
	[RULE_WRONG_RELEASE] = "wrong-release",
	[RULE_DEGRADED] = "degraded",
};
static_assert(ARRAY_SIZE(rule_names) == RULE_CNT, "each rule has a name");

static const char *const level_names[] = {
	[LEVEL_OK] = "ok",
	[LEVEL_NOTE] = "note",
	[LEVEL_WARNING] = "warning",
	[LEVEL_ERROR] = "error",
};
static_assert(ARRAY_SIZE(level_names) == LEVEL_CNT, "each level has a name");

static const char *const mem_kind_names[] = {
	[MEM_UNKNOWN] = "unknown", [MEM_ANON] = "anon",	  [MEM_THP] = "thp",
	[MEM_KSM] = "ksm",	   [MEM_SHMEM] = "shmem", [MEM_HUGETLB] = "hugetlb",
	[MEM_FILE] = "file",	   [MEM_FSDAX] = "fsdax", [MEM_DEVICE] = "device",
	[MEM_KERNEL] = "kernel",
};
static_assert(ARRAY_SIZE(mem_kind_names) == MEM_KIND_CNT, "each kind has a name");

static const char *const api_names[] = {
	[API_UNKNOWN] = "unknown",
	[API_PIN_USER_PAGES] = "pin_user_pages",
	[API_PIN_USER_PAGES_FAST] = "pin_user_pages_fast",
	[API_PIN_USER_PAGES_FAST_ONLY] = "pin_user_pages_fast_only",
	[API_PIN_USER_PAGES_REMOTE] = "pin_user_pages_remote",
	[API_PIN_USER_PAGES_UNLOCKED] = "pin_user_pages_unlocked",
	[API_PIN_USER_PAGES_LOCKED] = "pin_user_pages_locked",
	[API_MEMFD_PIN_FOLIOS] = "memfd_pin_folios",
	[API_FOLIO_ADD_PIN] = "folio_add_pin",
	[API_FOLIO_ADD_PINS] = "folio_add_pins",
};
static_assert(ARRAY_SIZE(api_names) == API_CNT, "each API has a name");

static const char *const wrong_kind_names[] = {
	[WRONG_UNPIN_NOT_PINNED] = "unpin_not_pinned",
	[WRONG_PUT_PAGE] = "put_page",
	[WRONG_FREED_PINNED] = "freed_pinned",
};
static_assert(ARRAY_SIZE(wrong_kind_names) == WRONG_KIND_CNT, "each wrong release has a name");

static const char *const pin_flag_names[] = {
	"WRITE", "LONGTERM", "FORCE", "NOFAULT", "REMOTE", "PCI_P2PDMA",
};
static_assert(1u << (ARRAY_SIZE(pin_flag_names) - 1) == PIN_P2PDMA, "each flag has a name");

static const char *name_of(const char *const *names, size_t cnt, unsigned int value)
{
	return value < cnt ? names[value] : "unknown";
}

const char *basis_name(enum basis basis)
{
	return name_of(basis_names, BASIS_CNT, basis);
}

const char *state_name(enum state state)
{
	return name_of(state_names, STATE_CNT, state);
}

const char *rule_name(enum rule rule)
{
	return name_of(rule_names, RULE_CNT, rule);
}

const char *level_name(enum level level)
{
	return name_of(level_names, LEVEL_CNT, level);
}

const char *mem_kind_name(enum mem_kind kind)
{
	return name_of(mem_kind_names, MEM_KIND_CNT, kind);
}

const char *api_name(enum gup_api_id api)
{
	return name_of(api_names, API_CNT, api);
}

const char *wrong_kind_name(enum wrong_kind kind)
{
	return name_of(wrong_kind_names, WRONG_KIND_CNT, kind);
}

const char *pin_flag_name(unsigned int bit)
{
	return bit < ARRAY_SIZE(pin_flag_names) ? pin_flag_names[bit] : NULL;
}

uint64_t snapshot__taken_by_cmd(const struct snapshot *snap)
{
	uint64_t pins = 0;

	for (size_t i = 0; i < snap->site_cnt; i++)
		pins += snap->sites[i].in_tree ? snap->sites[i].pins : 0;
	return pins;
}
