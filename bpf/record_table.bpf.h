/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of plan call's records: what is put into it, what gives way, and
 * where that waits. See record.bpf.h.
 */
#ifndef GUP_RECORD_TABLE_BPF_H
#define GUP_RECORD_TABLE_BPF_H

#define SEARCH_AGES 1024 /* places to look at for a record that may go */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct gup_record_key);
	__type(value, struct gup_record);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, struct gup_spill);
} spills SEC(".maps");

static __always_inline void owner_called(__u32 id, __u64 now)
{
	struct gup_owner *owner = owner_of(id);

	if (!owner)
		return;
	owner->last_ns = now;
	__sync_fetch_and_add(&owner->calls, 1);
}

static __always_inline void record_again(struct gup_record *record, __u64 now)
{
	record->last_ns = now;
	__sync_fetch_and_add(&record->calls, 1);
	owner_called(record->owner, now);
}

/* All that the old one says, the new one says too. */
static __always_inline bool covers(const struct gup_record *next, const struct gup_record *old)
{
	return next->owner == old->owner && next->m0 == old->m0 && next->i0 == old->i0 &&
	       next->pages >= old->pages && next->page == old->page;
}

/* No pins of a page but the one that its next record stands for, if it is of the same page. */
static __always_inline bool is_free(__u64 page, __u64 next)
{
	__u64 folio = folio_of(page);
	bool large = folio_flags(folio) & pg_head;

	return truth_pins(folio) <= (page == next && !large);
}

/*
 * Pages of one call are released together, so its ends tell. A longer record is of
 * several calls: who knows.
 */
__noinline int is_released(const struct gup_record *old, __u64 next, __u64 next_last)
{
	if (!old)
		return 1;
	if (old->calls == 1 && old->last_ns != old->first_ns)
		return 0;
	return is_free(old->page, next) && is_free(old->last_page, next_last);
}

/* An old record that gives way may still have pins: then it waits for user space elsewhere. */
__noinline int spill(const struct gup_record_key *key, const struct gup_record *old)
{
	struct gup_spill spilled;

	if (!key || !old)
		return 0;
	spilled.key = *key;
	spilled.record = *old;
	if (!bpf_map_push_elem(&spills, &spilled, 0))
		return 0;
	/* All is full: the oldest goes for a long-term record, a short-term one itself. */
	count(GUP_STAT_SPILLS_LOST, 1);
	if (old->notes & GUP_RECORD_LONGTERM)
		bpf_map_push_elem(&spills, &spilled, BPF_EXIST);
	return 0;
}

/* Short-term records in the order in which they were made: places are used in turn, again and again. */
struct aged {
	struct gup_record_key key;
	__u64 first_ns; /* the record is another one by now if its own differs */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct aged);
} ages SEC(".maps");

const volatile __u64 ages_mask; /* places of ages less 1, a power of two less 1 */
__u64 ages_made, ages_taken;	/* so many were put in, and taken out */

static __always_inline struct aged *aged_at(__u64 number)
{
	__u32 place = number & ages_mask;

	return bpf_map_lookup_elem(&ages, &place);
}

/* Of a record that is in the table. One that goes on where an older one was has its place. */
static __always_inline void note_age(const struct gup_record_key *key,
				     const struct gup_record *record)
{
	struct aged *aged;

	if (record->notes & GUP_RECORD_LONGTERM || record->first_ns != record->last_ns)
		return;
	aged = aged_at(__sync_fetch_and_add(&ages_made, 1));
	if (!aged)
		return;
	aged->key = *key;
	aged->first_ns = record->first_ns;
}

struct search {
	struct gup_record_key key;
	bool found;
};

/* Looks at the oldest place; 1 ends the search. */
static long find_oldest(__u32 i, struct search *search)
{
	__u64 made = ages_made, taken = ages_taken, oldest = taken;
	struct gup_record *old;
	struct aged *aged;

	if (taken >= made)
		return 1;
	if (made - taken > ages_mask + 1)
		oldest = made - (ages_mask + 1);
	if (__sync_val_compare_and_swap(&ages_taken, taken, oldest + 1) != taken)
		return 0;
	aged = aged_at(oldest);
	if (!aged)
		return 1;
	search->key = aged->key;
	old = bpf_map_lookup_elem(&records, &search->key);
	search->found =
		old && old->first_ns == aged->first_ns && !(old->notes & GUP_RECORD_LONGTERM);
	return search->found;
}

/*
 * The table is full: its oldest short-term record goes. If its pins are released
 * that is no loss, else it waits for user space. 0: there is none.
 */
__noinline int make_room(void)
{
	struct search search = {};
	struct gup_record *old;

	bpf_loop(SEARCH_AGES, find_oldest, &search, 0);
	if (!search.found)
		return 0;
	old = bpf_map_lookup_elem(&records, &search.key);
	if (old && !is_released(old, 0, 0))
		spill(&search.key, old);
	return !bpf_map_delete_elem(&records, &search.key);
}

static __always_inline void count_made(const struct gup_record *record)
{
	count(GUP_STAT_RECORDED, 1);
	if (record->notes & GUP_RECORD_LONGTERM)
		count(GUP_STAT_RECORDED_LONG, 1);
}

/* In the place of what the table has for key. */
static __always_inline void record_replace(const struct gup_record_key *key,
					   struct gup_record *record)
{
	struct gup_record *old = bpf_map_lookup_elem(&records, key);

	if (old && old->page == record->page && old->pages == record->pages &&
	    old->owner == record->owner && old->last_page == record->last_page) {
		record_again(old, record->last_ns);
		return;
	}
	if (old && covers(record, old)) {
		record->first_ns = old->first_ns;
		record->calls += old->calls;
	} else if (old && !is_released(old, record->page, record->last_page)) {
		spill(key, old);
	}
	count_made(record);
	if (!bpf_map_update_elem(&records, key, record, BPF_ANY) ||
	    (make_room() && !bpf_map_update_elem(&records, key, record, BPF_ANY)))
		note_age(key, record);
	else if (record->notes & GUP_RECORD_LONGTERM)
		spill(key, record); /* waits for the next scan with those that gave way */
	else
		count(GUP_STAT_RECORDS_FULL, 1);
}

/* absent: the table had nothing for key a moment ago. */
static __always_inline void record_put(const struct gup_record_key *key, struct gup_record *record,
				       bool absent)
{
	if (absent && !bpf_map_update_elem(&records, key, record, BPF_NOEXIST)) {
		count_made(record);
		note_age(key, record);
	} else {
		record_replace(key, record);
	}
}

#endif
