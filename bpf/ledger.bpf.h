/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Plan core's books: how often each folio is pinned, and by whom.
 *
 * One preallocated hash, by folio. An element of such a map may be handed to
 * another key while a slow CPU still holds a pointer to it, so a count is only
 * ever changed by compare-and-exchange on a word that carries the folio's tag
 * (gup_abi.h), entries stay at zero and are revived, and only the reaper
 * deletes, after it has moved a zero word to dead.
 *
 * Order: a pin adds to the word, then to its owner's slot; a release takes from
 * the slots, then from the word. So whoever touches a slot keeps the count
 * above zero and the reaper away.
 *
 * Knows nothing of the kernel: truth_pins(), owner_suits(), owner_took() and
 * who_releases() come from outside, so that a unit test can run all of this in user space.
 */
#ifndef GUP_LEDGER_BPF_H
#define GUP_LEDGER_BPF_H

#define CAS_TRIES 8
#define LOOKUP_TRIES 3
#define ENTRY_MORE 4  /* in gup_entry.notes: some owners are in more_owners */
#define ENTRY_WHOLE 8 /* likewise: every pin of the folio since it had none is booked */
#define E_EXIST (-17)
#define E_2BIG (-7)

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct gup_entry);
} ledger SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct gup_more);
} more_owners SEC(".maps");

static __always_inline __u64 ledger_tag(__u64 folio)
{
	return (folio / 64) << GUP_TAG_SHIFT;
}

static __always_inline __u64 word_with(__u64 old, __u64 cnt)
{
	return (old & ~(GUP_COUNT_MASK | GUP_SEQ_MASK)) | ((old + GUP_SEQ_ONE) & GUP_SEQ_MASK) |
	       cnt;
}

static __always_inline bool word_is(__u64 word, __u64 tag)
{
	return (word & ~(GUP_COUNT_MASK | GUP_SEQ_MASK)) == tag;
}

/* Adds n; the count before, or -1 when the element is not (any longer) this folio's or does not yield. */
static __always_inline long word_add(__u64 *word, __u64 tag, __u32 n)
{
	for (int i = 0; i < CAS_TRIES; i++) {
		__u64 old = *(volatile __u64 *)word, cnt = old & GUP_COUNT_MASK;

		if (!word_is(old, tag) || cnt + n > GUP_COUNT_MASK)
			return -1;
		if (__sync_val_compare_and_swap(word, old, word_with(old, cnt + n)) == old)
			return cnt;
	}
	return -1;
}

/* Takes up to n; how many were there to take, or -1 as above. */
static __always_inline long word_sub(__u64 *word, __u64 tag, __u32 n)
{
	for (int i = 0; i < CAS_TRIES; i++) {
		__u64 old = *(volatile __u64 *)word, cnt = old & GUP_COUNT_MASK;
		__u64 take = cnt < n ? cnt : n;

		if (!word_is(old, tag))
			return -1;
		if (__sync_val_compare_and_swap(word, old, word_with(old, cnt - take)) == old)
			return take;
	}
	return -1;
}

static __always_inline bool slots_add(struct gup_slot *slot, int cnt, __u32 owner, __u32 n,
				      __u64 now)
{
	for (int i = 0; i < cnt; i++) {
		__u64 old = *(volatile __u64 *)&slot[i].word;

		if (GUP_SLOT_OWNER(old) == owner && GUP_SLOT_PINS(old) &&
		    __sync_val_compare_and_swap(&slot[i].word, old, old + n) == old)
			return true;
	}
	for (int i = 0; i < cnt; i++) {
		if (!*(volatile __u64 *)&slot[i].word &&
		    !__sync_val_compare_and_swap(&slot[i].word, 0, (__u64)owner << 32 | n)) {
			slot[i].since = now;
			return true;
		}
	}
	return false;
}

/* Several CPUs may note something at once. */
static __always_inline void entry_note(struct gup_entry *entry, __u64 notes)
{
	if ((*(volatile __u64 *)&entry->notes & notes) != notes)
		__sync_fetch_and_or(&entry->notes, notes);
}

/* Owners beyond the entry's own slots. */
static __always_inline bool more_add(struct gup_entry *entry, __u64 folio, __u32 owner, __u32 n,
				     __u64 now)
{
	struct gup_more *more = bpf_map_lookup_elem(&more_owners, &folio);

	if (!more) {
		static const struct gup_more fresh;

		bpf_map_update_elem(&more_owners, &folio, &fresh, BPF_NOEXIST);
		more = bpf_map_lookup_elem(&more_owners, &folio);
		if (!more)
			return false;
	}
	entry_note(entry, ENTRY_MORE);
	return slots_add(more->slot, GUP_MORE_SLOTS, owner, n, now);
}

/* Takes up to n; owner id << 32 | how many, 0 = none. */
static __always_inline __u64 slot_take(struct gup_slot *slot, __u32 n)
{
	for (int i = 0; i < CAS_TRIES; i++) {
		__u64 old = *(volatile __u64 *)&slot->word;
		__u32 have = GUP_SLOT_PINS(old), take = have < n ? have : n;

		if (!have)
			return 0;
		if (__sync_val_compare_and_swap(&slot->word, old, have == take ? 0 : old - take) ==
		    old)
			return (old & ~0xffffffffULL) | take;
	}
	return 0;
}

/* What is known of who releases; owner_suits() compares it with an owner. */
struct releaser {
	__u64 file;  /* open file of the current system call, 0 = none */
	__u32 tgid;  /* 0 = unknown: in an interrupt */
	__u32 last;  /* owner of the thread's last pin call */
	__u32 avoid; /* owner to touch last; 0 = none */
};

#define AVOID_NOBODY (~0U) /* for avoid: nobody is spared, but the pins are stale all the same */

#define SUITS_SURE (1ULL << 63) /* the same open file, or the thread's own short pin call */
#define SUITS_TGID (1ULL << 62)
#define SUITS_OTHER (1ULL << 61) /* not the owner to avoid */
#define SUITS_SHORT \
	(1ULL << 60) /* not FOLL_LONGTERM: such pins come and go many times more often */
#define SUITS_AGE (SUITS_SHORT - 1)

/* Slot index of a folio: its own from 0, then those of more_owners. NULL = none. */
static __always_inline struct gup_slot *slot_at(__u64 folio, __u32 index)
{
	struct gup_entry *entry;
	struct gup_more *more;

	if (index < GUP_SLOTS) {
		entry = bpf_map_lookup_elem(&ledger, &folio);
		return entry ? &entry->slot[index] : NULL;
	}
	index -= GUP_SLOTS;
	more = bpf_map_lookup_elem(&more_owners, &folio);
	return more && index < GUP_MORE_SLOTS ? &more->slot[index] : NULL;
}

/*
 * How well a slot suits a release: larger is better, the oldest among equals; 0
 * = empty. Not static: the verifier then takes the result for any number, and
 * does not follow what each bit of it came from.
 */
__noinline __u64 slot_score(__u64 folio, __u32 index, __u64 tgid_avoid, __u32 last, __u64 file)
{
	struct releaser who = {
		.file = file,
		.tgid = tgid_avoid >> 32,
		.last = last,
		.avoid = (__u32)tgid_avoid,
	};
	struct gup_slot *slot = slot_at(folio, index);
	__u64 word;

	if (!slot)
		return 0;
	word = *(volatile __u64 *)&slot->word;
	if (!GUP_SLOT_PINS(word))
		return 0;
	return owner_suits(GUP_SLOT_OWNER(word), &who) | (~slot->since & SUITS_AGE);
}

struct pick {
	struct releaser who;
	__u64 folio;
	__u64 best;
	int index;
	int used; /* slots that are not empty */
};

static long pick_one(__u32 i, struct pick *pick)
{
	__u64 score = slot_score(pick->folio, i, (__u64)pick->who.tgid << 32 | pick->who.avoid,
				 pick->who.last, pick->who.file);

	pick->used += score != 0;
	if (score > pick->best) {
		pick->best = score;
		pick->index = i;
	}
	return 0;
}

/* Takes up to n of slot index of a folio; owner id << 32 | how many, 0 = none. */
__noinline __u64 take_slot(__u64 folio, __u32 index, __u32 n)
{
	struct gup_slot *slot = slot_at(folio, index);

	return slot ? slot_take(slot, n) : 0;
}

#define TAKE_TRIES (GUP_SLOTS + GUP_MORE_SLOTS + 4) /* every slot may have to give some */
#define EMPTY_TRIES 3 /* a look at 16 slots can miss what moves meanwhile */

#define PICK_SURE 0x100
#define PICK_ONLY 0x200

/*
 * The best slot of a folio with several owners, | PICK_SURE if it is surely the
 * releaser's, | PICK_ONLY if there is no other; -1 = none. bpf_loop(), here and
 * below, and functions that are not static are there so that the verifier looks
 * at each once, not at every way that leads to it. No more than eight calls deep.
 */
static __always_inline int pick_slot(__u64 folio, __u32 tgid, __u32 avoid)
{
	struct pick pick = { .folio = folio, .who = { .tgid = tgid, .avoid = avoid }, .index = -1 };

	if (tgid)
		who_releases(&pick.who);
	bpf_loop(GUP_SLOTS + GUP_MORE_SLOTS, pick_one, &pick, 0);
	if (pick.index < 0)
		return -1;
	return pick.index | (pick.best & SUITS_SURE ? PICK_SURE : 0) |
	       (pick.used == 1 ? PICK_ONLY : 0);
}

struct taking {
	__u64 folio;
	__u32 n, tgid, avoid;
	__u32 owner; /* that lost most recently */
	int sure;    /* bits of pick_slot()'s answer that leave no doubt */
	int empty;   /* slots were found empty so many times */
};

static long take_one(__u32 i __attribute__((unused)), struct taking *taking)
{
	struct gup_entry *entry;
	__u64 took;
	int index;

	if (!taking->n || taking->empty >= EMPTY_TRIES)
		return 1;
	index = pick_slot(taking->folio, taking->tgid, taking->avoid);
	if (index < 0) {
		taking->empty++;
		return 0;
	}
	took = take_slot(taking->folio, index & (PICK_SURE - 1), taking->n);
	if (!(__u32)took)
		return 0;
	taking->owner = took >> 32;
	owner_took(taking->owner, (__u32)took, taking->avoid != 0);
	taking->n -= (__u32)took;
	entry = bpf_map_lookup_elem(&ledger, &taking->folio);
	if (entry && !(index & taking->sure))
		entry_note(entry, GUP_ENTRY_INFERRED);
	return 0;
}

/*
 * Takes n pins of the slots of a folio with several owners, as owner_suits()
 * ranks them. Unless that was sure it is a rule, not knowledge, and the entry is
 * marked inferred. The owner that lost most recently, 0 = none.
 */
__noinline __u32 take_of_many(__u64 folio, __u32 n, __u32 tgid, __u32 avoid)
{
	struct gup_entry *entry = bpf_map_lookup_elem(&ledger, &folio);
	struct taking taking = {
		.folio = folio,
		.n = n,
		.tgid = tgid,
		.avoid = avoid,
		.sure = PICK_SURE | PICK_ONLY,
	};

	if (!entry)
		return 0;
	/* Then the pins may be of somebody who has no slot. */
	if (entry->notes & GUP_ENTRY_NAMELESS) {
		taking.sure = PICK_SURE;
		taking.empty = EMPTY_TRIES - 1;
	}
	bpf_loop(TAKE_TRIES, take_one, &taking, 0);
	return taking.owner;
}

/* Takes n pins from the owners; the last owner that lost any, 0 = nobody. */
static __always_inline __u32 slots_release(struct gup_entry *entry, __u64 folio, __u32 n,
					   __u32 tgid, __u32 avoid)
{
	__u32 owner = 0, last;
	__u64 took;

	if (!*(volatile __u64 *)&entry->slot[1].word &&
	    !(entry->notes & (ENTRY_MORE | GUP_ENTRY_NAMELESS))) {
		took = slot_take(&entry->slot[0], n);
		owner = took >> 32;
		if (owner)
			owner_took(owner, (__u32)took, avoid != 0);
		n -= (__u32)took;
		if (!n)
			return owner;
	}
	last = take_of_many(folio, n, tgid, avoid);
	return last ? last : owner;
}

/*
 * Older pins of this folio whose release was missed: struct page is read while
 * the word stands still, and since every booked pin is in struct page before it
 * is booked and leaves the books before it leaves struct page, a surplus in the
 * books is stale.
 */
__noinline int drop_stale(__u64 folio, __u32 owner)
{
	struct gup_entry *entry = bpf_map_lookup_elem(&ledger, &folio);
	__u64 tag = ledger_tag(folio), word, cnt;
	long truth;

	if (!entry)
		return 0;
	word = *(volatile __u64 *)&entry->word;
	cnt = word & GUP_COUNT_MASK;
	truth = truth_pins(folio);
	if (truth < 0 || (__u64)truth >= cnt || !word_is(word, tag))
		return 0;
	if (__sync_val_compare_and_swap(&entry->word, word, word_with(word, truth)) != word)
		return 0;
	slots_release(entry, folio, cnt - truth, 0, owner ? owner : AVOID_NOBODY);
	count(GUP_STAT_STALE, cnt - truth);
	return 0;
}

/* Books n pins of a folio for an owner (0 = unknown). */
__noinline int ledger_pin(__u64 folio, __u32 n, __u32 owner, __u64 now)
{
	__u64 tag = ledger_tag(folio);
	long before = -1;
	struct gup_entry *entry = NULL;
	bool is_new = false;
	int err = 0;

	for (int i = 0; i < LOOKUP_TRIES && before < 0; i++) {
		entry = bpf_map_lookup_elem(&ledger, &folio);
		if (!entry) {
			struct gup_entry fresh = { .word = tag };

			err = bpf_map_update_elem(&ledger, &folio, &fresh, BPF_NOEXIST);
			is_new = !err;
			if (is_new)
				count(GUP_STAT_INSERTED, 1);
			if (err == E_2BIG)
				break;
			entry = bpf_map_lookup_elem(&ledger, &folio);
		}
		if (entry)
			before = word_add(&entry->word, tag, n);
	}
	if (before < 0) {
		count(err == E_2BIG ? GUP_STAT_MAP_FULL : GUP_STAT_RETRIES_OUT, n);
		return -1;
	}
	if (!entry)
		return -1;
	/* What was noted of pins that have all gone says nothing of new ones. */
	if (!before && (entry->notes & ~(__u64)(ENTRY_MORE | ENTRY_WHOLE)))
		__sync_fetch_and_and(&entry->notes, (__u64)(ENTRY_MORE | ENTRY_WHOLE));
	if (is_new && truth_pins(folio) == n)
		entry_note(entry, ENTRY_WHOLE);
	/* First, so that owners who have left do not take the slots. */
	if (before > 0)
		drop_stale(folio, owner);
	if (!owner || (!slots_add(entry->slot, GUP_SLOTS, owner, n, now) &&
		       !more_add(entry, folio, owner, n, now))) {
		entry_note(entry, GUP_ENTRY_NAMELESS);
		count(GUP_STAT_NAMELESS, n);
	}
	return 0;
}

/*
 * A release that the books know nothing of: of a pin from before tracking, as a
 * rule. It still stands in struct page now; what does not was never pinned, nor
 * was it where the books are whole.
 */
static __always_inline void count_unmatched(__u64 folio, __u32 n, __u64 notes)
{
	long truth = notes & ENTRY_WHOLE ? 0 : truth_pins(folio);

	count(GUP_STAT_UNMATCHED, n);
	if (truth >= 0 && truth < n)
		count(GUP_STAT_UNPINNED, n - truth);
}

/* Books the release of n pins by process tgid (0 = unknown); the owner that lost them, 0 = unknown. */
__noinline __u32 ledger_unpin(__u64 folio, __u32 n, __u32 tgid)
{
	struct gup_entry *entry = bpf_map_lookup_elem(&ledger, &folio);
	__u64 tag = ledger_tag(folio), word;
	__u32 owner, have, take;
	long took;

	if (!entry) {
		count_unmatched(folio, n, 0);
		return 0;
	}
	word = *(volatile __u64 *)&entry->word;
	have = word_is(word, tag) ? word & GUP_COUNT_MASK : 0;
	if (!have) {
		count_unmatched(folio, n, word_is(word, tag) ? entry->notes : 0);
		return 0;
	}
	take = have < n ? have : n;
	owner = slots_release(entry, folio, take, tgid, 0);
	took = word_sub(&entry->word, tag, take);
	if (took < 0)
		count(GUP_STAT_RETRIES_OUT, n);
	else if (took < n)
		count_unmatched(folio, n - took, entry->notes);
	return owner;
}

/* Deletes an entry that stands at zero. True when it is gone. */
static __always_inline bool ledger_reap(__u64 folio)
{
	struct gup_entry *entry = bpf_map_lookup_elem(&ledger, &folio);
	__u64 tag = ledger_tag(folio), word;

	if (!entry)
		return false;
	word = *(volatile __u64 *)&entry->word;
	if (!word_is(word, tag) || (word & GUP_COUNT_MASK) ||
	    __sync_val_compare_and_swap(&entry->word, word, word | GUP_DEAD) != word)
		return false;
	if (entry->notes & ENTRY_MORE)
		bpf_map_delete_elem(&more_owners, &folio);
	return !bpf_map_delete_elem(&ledger, &folio);
}

#endif
