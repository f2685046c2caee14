/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ledger with what it asks from outside: struct page is an array, and who
 * suits a release is decided by properties made from an owner's number. Knows
 * no test; included by the tests of the ledger only.
 */
#ifndef GUP_LEDGER_FAKE_H
#define GUP_LEDGER_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "bpf_shim.h"
#include "gup_abi.h"

#define OWNERS 23 /* more than a folio has slots for */
#define NOBODY (~0u)
#define FOLIOS 97
#define ALL_SLOTS (GUP_SLOTS + GUP_MORE_SLOTS)

struct releaser;

static __u64 stats[GUP_STAT_CNT];
static __u64 released[OWNERS + 1], stale[OWNERS + 1];
static __u32 truth[FOLIOS];
static bool truth_known = true;
static __thread void (*after_truth)(void); /* as the shim's: a test may step in */
static __thread __u64 releasing_file;
static __thread __u32 releasing_last;

static void count(enum gup_stat which, __u64 n)
{
	__atomic_add_fetch(&stats[which], n, __ATOMIC_RELAXED);
}

static __u64 folio(int f)
{
	return 0xffffea0000000000ULL + f * 64ULL * 512;
}

static long truth_pins(__u64 folio)
{
	int f = (folio - 0xffffea0000000000ULL) / 64 / 512;
	long pins = truth_known ? (long)__atomic_load_n(&truth[f], __ATOMIC_SEQ_CST) : -1;

	shim_step_in(&after_truth);
	return pins;
}

static __u64 owner_suits(__u32 id, const struct releaser *who);
static void who_releases(struct releaser *who);

static void owner_took(__u32 id, __u32 n, bool is_stale)
{
	__atomic_add_fetch(is_stale ? &stale[id] : &released[id], n, __ATOMIC_RELAXED);
}

#include "ledger.bpf.h"

static __u32 tgid_of(__u32 owner)
{
	return 100 + owner % 7;
}

static __u64 file_of(__u32 owner)
{
	return 0x1000 + owner % 5;
}

static bool is_short(__u32 owner)
{
	return owner % 3 == 0;
}

static bool is_sure(__u32 owner, const struct releaser *who)
{
	return who->tgid == tgid_of(owner) &&
	       (who->file == file_of(owner) || (is_short(owner) && who->last == owner));
}

static __u64 owner_suits(__u32 id, const struct releaser *who)
{
	return (is_sure(id, who) ? SUITS_SURE : 0) | (who->tgid == tgid_of(id) ? SUITS_TGID : 0) |
	       (id != who->avoid ? SUITS_OTHER : 0) | (is_short(id) ? SUITS_SHORT : 0);
}

static void who_releases(struct releaser *who)
{
	who->file = releasing_file;
	who->last = releasing_last;
}

static void ledger_open(int max, int more_max)
{
	shim_map_open(&ledger, sizeof(struct gup_entry), max);
	shim_map_open(&more_owners, sizeof(struct gup_more), more_max);
	memset(stats, 0, sizeof(stats));
	memset(released, 0, sizeof(released));
	memset(stale, 0, sizeof(stale));
	memset(truth, 0, sizeof(truth));
	truth_known = true;
}

static struct gup_entry *entry_of(int f)
{
	__u64 key = folio(f);

	return bpf_map_lookup_elem(&ledger, &key);
}

static __u32 count_of(int f)
{
	struct gup_entry *entry = entry_of(f);

	return entry ? entry->word & GUP_COUNT_MASK : 0;
}

/* Adds what each owner has in the slots of a folio; the sum of it. */
static __u32 slot_sums(int f, __u32 *by_owner)
{
	__u64 key = folio(f);
	struct gup_entry *entry = entry_of(f);
	struct gup_more *more = bpf_map_lookup_elem(&more_owners, &key);
	__u32 sum = 0;

	for (int i = 0; i < ALL_SLOTS; i++) {
		__u64 word = 0;

		if (i < GUP_SLOTS && entry)
			word = entry->slot[i].word;
		else if (i >= GUP_SLOTS && more)
			word = more->slot[i - GUP_SLOTS].word;
		by_owner[GUP_SLOT_OWNER(word)] += GUP_SLOT_PINS(word);
		sum += GUP_SLOT_PINS(word);
	}
	return sum;
}

#endif
