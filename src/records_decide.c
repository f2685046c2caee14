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
 * - Calls that came while the scan ran: it may have passed before them or after.
 *   What the pins do not tell is called inferred until the next scan.
 * - More pins than calls explain are nobody's, unless the next calls explain them:
 *   a call is recorded when it ends, and pins before.
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
	party->claim.doubtful |= claim->doubtful;
	party->claim.since = claim->since;
	party->claim.loose += claim->loose;
	party->known += claim->firm;
	party->least += claim->firm;
	party->most += claim->firm;
	party->sure_most += claim->firm;
	party->counted += claim->again;
	party->longterm |= claim->longterm;
	party->ns = claim->since;
}

void parties__add_fresh(struct parties *parties, const struct gup_record *record,
			const struct fresh *fresh)
{
	struct party *party = add_party(parties, record->owner);
	uint32_t counted, sure, late = fresh->late ? fresh->since : 0;

	if (!party)
		return;
	counted = party->counted < fresh->open ? party->counted : fresh->open;
	party->counted -= counted;
	sure = fresh->open - counted + fresh->since - late;
	if (!party->claim.since)
		party->claim.since =
			sure + late == record->calls ? record->first_ns : record->last_ns;
	party->least += sure;
	party->maybe += late;
	party->again += late;
	party->most += (sure + late) * fresh->pages;
	party->sure_most += sure * fresh->pages;
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
		if (!parties->items[i].longterm) {
			parties->items[i].least = parties->items[i].known;
			parties->items[i].maybe = 0;
		}
}

/*
 * Pins that were nobody's at the last scan, and not before: their call may have
 * been under way then, and what has been called since explains them.
 */
static void explain_loose(struct parties *parties)
{
	uint64_t fresh = 0, cut;

	for (size_t i = 0; i < parties->cnt; i++)
		fresh += parties->items[i].most - parties->items[i].known;
	for (size_t i = 0; i < parties->cnt; i++) {
		struct party *nobody = &parties->items[i];

		if (nobody->claim.owner)
			continue;
		cut = nobody->claim.loose < fresh ? nobody->claim.loose : fresh;
		nobody->known -= cut;
		nobody->least -= cut;
		nobody->most -= cut;
		nobody->sure_most -= cut;
		if (!nobody->known)
			*nobody = parties->items[--parties->cnt];
		return;
	}
}

/* How the pins of a folio are split. */
enum split {
	SPLIT_LEAST, /* each has what its calls took, one pin a call */
	SPLIT_MOST,  /* one owner; or each has what its calls took at most */
	SPLIT_OPEN,  /* the scan may have passed before some of the calls: the next one will tell */
	SPLIT_DOUBT, /* some of the pins have gone: by rule */
};

static enum split choose_split(const struct parties *parties, bool one, uint64_t pins)
{
	uint64_t least = 0, maybe = 0, most = 0;

	for (size_t i = 0; i < parties->cnt; i++) {
		least += parties->items[i].least;
		maybe += parties->items[i].maybe;
		most += parties->items[i].most;
	}
	if (one)
		return SPLIT_MOST;
	if (parties->crowded)
		return SPLIT_DOUBT;
	if (pins == least + maybe)
		return SPLIT_LEAST;
	if (pins >= most)
		return SPLIT_MOST;
	return maybe && pins >= least ? SPLIT_OPEN : SPLIT_DOUBT;
}

/*
 * Since when the party has its share. Of short-term pins some of which have gone, those
 * that stay are the last, if so many were taken since the last scan: a buffer that is in
 * use all the time is pinned at each scan.
 */
static uint64_t since_of(const struct party *party, uint64_t share)
{
	bool fresh = share < party->most && share <= party->most - party->known;

	return !party->longterm && fresh ? party->ns : party->claim.since;
}

/* The claim of a party with a share of the pins. */
static struct claim claim_of(const struct party *party, uint64_t share, enum split split)
{
	struct claim claim = {
		.owner = party->claim.owner,
		.since = since_of(party, share),
		.longterm = party->longterm,
		.doubtful = party->claim.doubtful || split == SPLIT_DOUBT,
		.pins = share,
		.firm = share,
	};

	claim.inferred = claim.doubtful || split == SPLIT_OPEN;
	if (split == SPLIT_OPEN)
		claim.firm = party->least;
	else if (split == SPLIT_LEAST)
		claim.again = party->again;
	else if (split == SPLIT_MOST && share > party->sure_most)
		claim.again = party->again < share - party->sure_most ? party->again
								      : share - party->sure_most;
	return claim;
}

size_t parties__decide(struct parties *parties, uint64_t pins, bool certain, struct claim *claims)
{
	uint64_t most = 0, left, firm = 0;
	enum split split;
	size_t cnt = 0;
	bool one;

	explain_loose(parties);
	one = is_one(parties, false);
	if (!one && is_one(parties, true))
		expect_brief_released(parties);
	for (size_t i = 0; i < parties->cnt; i++)
		most += parties->items[i].most;
	if (!certain && pins > most)
		pins = most;
	split = choose_split(parties, one, pins);
	qsort(parties->items, parties->cnt, sizeof(*parties->items), by_trust);
	for (size_t i = 0; i < parties->cnt && split == SPLIT_OPEN; i++)
		firm += parties->items[i].least;
	left = pins - firm;
	for (size_t i = 0; i < parties->cnt; i++) {
		const struct party *party = &parties->items[i];
		uint64_t own = split == SPLIT_OPEN ? party->least : 0;
		uint64_t room = split == SPLIT_LEAST ? party->least + party->maybe : party->most;
		uint64_t more = room - own < left ? room - own : left;

		left -= more;
		if (own + more)
			claims[cnt++] = claim_of(party, own + more, split);
	}
	if (left)
		claims[cnt++] = (struct claim){
			.pins = left,
			.firm = left,
			.loose = parties->first ? 0 : left,
		};
	return cnt;
}
