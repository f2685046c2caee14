// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of records and pinned folios, for the process that goes on when
 * this one ends. Read by the same build only (see kept_layout.h), and by nobody
 * without privilege, so structures go as they are; what the numbers in them point
 * to is checked all the same.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "records_impl.h"
#include "util.h"

/* In front of recs, bounds and claims, in this order. */
struct kept_records {
	uint64_t first_page, page_bytes;
	uint64_t began_ns, before_ns;
	uint64_t rec_cnt, bound_cnt, claim_cnt;
};

static size_t add(void *to, size_t at, const void *from, size_t bytes)
{
	if (bytes)
		memcpy((char *)to + at, from, bytes);
	return at + bytes;
}

int records__save(const struct records *records, void **bytes, size_t *cnt)
{
	const struct bounds *now = &records->now;
	const struct kept_records kept = {
		.first_page = records->first_page,
		.page_bytes = records->page_bytes,
		.began_ns = records->began_ns,
		.before_ns = records->before_ns,
		.rec_cnt = records->rec_cnt,
		.bound_cnt = now->cnt,
		.claim_cnt = now->claim_cnt,
	};
	size_t at;

	*cnt = sizeof(kept) + kept.rec_cnt * sizeof(struct rec) +
	       kept.bound_cnt * sizeof(struct bound) + kept.claim_cnt * sizeof(struct claim);
	*bytes = malloc(*cnt);
	if (!*bytes)
		return -ENOMEM;
	at = add(*bytes, 0, &kept, sizeof(kept));
	at = add(*bytes, at, records->recs, kept.rec_cnt * sizeof(struct rec));
	at = add(*bytes, at, now->items, kept.bound_cnt * sizeof(struct bound));
	add(*bytes, at, now->claims, kept.claim_cnt * sizeof(struct claim));
	return 0;
}

/* A copy of cnt items at *at, which is moved behind them; NULL: too few bytes, or no memory. */
static void *take(const char **at, const char *end, uint64_t cnt, size_t size)
{
	void *items;

	if (cnt > (size_t)(end - *at) / size)
		return NULL;
	items = malloc(cnt * size + 1);
	if (items && cnt)
		memcpy(items, *at, cnt * size);
	*at += cnt * size;
	return items;
}

static bool is_whole(const struct bounds *bounds)
{
	for (size_t i = 0; i < bounds->cnt; i++)
		if (bounds->items[i].first > bounds->claim_cnt ||
		    bounds->items[i].cnt > bounds->claim_cnt - bounds->items[i].first ||
		    bounds->items[i].cnt > PARTIES_MAX + 1)
			return false;
	return true;
}

int records__restore(struct records *records, const void *bytes, size_t cnt)
{
	const char *at = bytes, *end = at + cnt;
	struct kept_records kept;
	struct bounds bounds = {};
	struct rec *recs;

	if (cnt < sizeof(kept))
		return -EBADMSG;
	memcpy(&kept, at, sizeof(kept));
	at += sizeof(kept);
	if (kept.first_page != records->first_page || kept.page_bytes != records->page_bytes)
		return -EBADMSG;
	recs = take(&at, end, kept.rec_cnt, sizeof(*recs));
	bounds.items = recs ? take(&at, end, kept.bound_cnt, sizeof(*bounds.items)) : NULL;
	bounds.claims =
		bounds.items ? take(&at, end, kept.claim_cnt, sizeof(*bounds.claims)) : NULL;
	bounds.cnt = bounds.room = kept.bound_cnt;
	bounds.claim_cnt = bounds.claim_room = kept.claim_cnt;
	if (!bounds.claims || !is_whole(&bounds)) {
		free(recs);
		bounds__drop(&bounds);
		return -EBADMSG;
	}
	free(records->recs);
	bounds__drop(&records->now);
	records->recs = recs;
	records->rec_cnt = kept.rec_cnt;
	records->now = bounds;
	records->began_ns = kept.began_ns;
	records->before_ns = kept.before_ns;
	return 0;
}

void records__translate(struct records *records, const uint32_t *ids, size_t cnt)
{
	for (size_t i = 0; i < records->rec_cnt; i++) {
		uint32_t *owner = &records->recs[i].spill.record.owner;

		*owner = *owner < cnt ? ids[*owner] : 0;
	}
	for (size_t i = 0; i < records->now.claim_cnt; i++) {
		uint32_t *owner = &records->now.claims[i].owner;

		*owner = *owner < cnt ? ids[*owner] : 0;
	}
}
