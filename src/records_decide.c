// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who gets which pins of one folio. A party is an owner that had pins of it at
 * the last scan, or that called since, or both. Releases are not seen, so:
 *
 * - One owner alone: all that its calls explain is its.
 * - Several, and the folio holds just what they took: each its own, nothing was
 *   released. A call takes one pin of a small folio; of a large one it takes one
 *   for each page, and some callers keep only one of these (io_uring since v6.12).
 * - One process, several ways: short-term pins are taken as released when just its
 *   long-term ones are left.
 * - Several, and less is left: cannot be decided, so it is called inferred.
 *   Long-term pins are believed to stay rather than short ones, new ones rather
 *   than old ones.
 * - More pins than calls explain are nobody's.
 */
#include <stdlib.h>
#include <string.h>

#include "records_impl.h"

static struct party *add_party(struct parties *parties, uint32_t owner)
{
	struct party *party;

	for (size_t i = 0; i < parties->cnt; i++)
		if (parties->items[i].claim.owner == owner)
			return &parties->items[i];
	if (parties->cnt == PARTIES_MAX) {
		parties->crowded = true;
		return NULL;
	}
	party = &parties->items[parties->cnt++];
	*party = (struct party){ .claim.owner = owner };
	return party;
}

void parties__add_known(struct parties *parties, const struct claim *claim)
{
	struct party *party = add_party(parties, claim->owner);

	if (!party)
		return;
	party->claim.pins += claim->pins;
	party->claim.inferred |= claim->inferred;
	party->claim.since = claim->since;
	party->known += claim->pins;
	party->least += claim->pins;
	party->most += claim->pins;
	party->ns = claim->since;
}

void parties__add_fresh(struct parties *parties, const struct gup_record *record, uint32_t calls,
			uint64_t pages)
{
	struct party *party = add_party(parties, record->owner);

	if (!party)
		return;
	if (!party->claim.since)
		party->claim.since = calls == record->calls ? record->first_ns : record->last_ns;
	party->least += calls;
	party->most += calls * pages;
	if (record->last_ns > party->ns)
		party->ns = record->last_ns;
	party->longterm |= (record->notes & GUP_RECORD_LONGTERM) != 0;
}

static struct owner_class class_of(const struct parties *parties, size_t i)
{
	uint32_t owner = parties->items[i].claim.owner;

	return owner < parties->class_cnt ? parties->classes[owner]
					  : (struct owner_class){ owner, owner };
}

/* Are all parties one owner; are they, if not that, one process? */
static bool is_one(const struct parties *parties, bool process)
{
	for (size_t i = 1; i < parties->cnt; i++) {
		struct owner_class a = class_of(parties, 0), b = class_of(parties, i);

		if (process ? a.process != b.process : a.kind != b.kind)
			return false;
	}
	return true;
}

static int by_trust(const void *a, const void *b)
{
	const struct party *x = a, *y = b;

	if (x->longterm != y->longterm)
		return x->longterm ? -1 : 1;
	return (x->ns < y->ns) - (x->ns > y->ns);
}

/* A process that used the memory for a moment too casts no doubt on its own long-term pins. */
static void expect_brief_released(struct parties *parties)
{
	for (size_t i = 0; i < parties->cnt; i++)
		if (!parties->items[i].longterm)
			parties->items[i].least = parties->items[i].known;
}

/* Takes from *left what the party gets: no more than it can have taken. */
static size_t give(const struct party *party, uint64_t share, bool exact, uint64_t *left,
		   struct claim *claim)
{
	if (share > *left)
		share = *left;
	if (!share)
		return 0;
	*claim = party->claim;
	claim->pins = share;
	claim->inferred |= !exact;
	*left -= share;
	return 1;
}

size_t parties__decide(struct parties *parties, uint64_t pins, bool certain, struct claim *claims)
{
	bool one = is_one(parties, false), exact;
	uint64_t least = 0, most = 0, left;
	size_t cnt = 0;

	if (!one && is_one(parties, true))
		expect_brief_released(parties);
	for (size_t i = 0; i < parties->cnt; i++) {
		least += parties->items[i].least;
		most += parties->items[i].most;
	}
	if (!certain && pins > most)
		pins = most;
	left = pins;
	exact = !parties->crowded && (one || pins == least || pins >= most);
	if (!exact || one)
		qsort(parties->items, parties->cnt, sizeof(*parties->items), by_trust);
	for (size_t i = 0; i < parties->cnt; i++) {
		const struct party *party = &parties->items[i];

		cnt += give(party, pins == least && !one ? party->least : party->most, exact, &left,
			    &claims[cnt]);
	}
	if (left)
		claims[cnt++] = (struct claim){ .pins = left };
	return cnt;
}
