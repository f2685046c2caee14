// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the tracker's maps, whole maps in batches, and reaps the ledger.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tracker_impl.h"
#include "util.h"

#define BATCH 4096

static int map_fd(const struct bpf_map *map)
{
	return bpf_map__fd(map);
}

/*
 * Calls fn with each key and value of a hash map. A batch reads whole buckets,
 * so an element is seen once; elements that come or go meanwhile may be missed.
 */
static int each_element(const struct bpf_map *map, size_t key_size, size_t value_size,
			int (*fn)(void *ctx, const void *key, const void *value), void *ctx)
{
	cleanup_free char *keys = malloc(BATCH * key_size), *values = malloc(BATCH * value_size);
	uint32_t cursor[4] = {};
	void *in = NULL;
	int err = 0;

	if (!keys || !values)
		return -ENOMEM;
	while (!err) {
		uint32_t cnt = BATCH;

		err = bpf_map_lookup_batch(map_fd(map), in, cursor, keys, values, &cnt, NULL);
		if (err && err != -ENOENT)
			return err;
		for (uint32_t i = 0; i < cnt; i++) {
			int ret = fn(ctx, keys + i * key_size, values + i * value_size);

			if (ret)
				return ret;
		}
		in = cursor;
	}
	return 0;
}

/* A growing array of elements. */
struct list {
	void *items;
	size_t cnt, room, size;
	const struct tracker *tracker;
};

static void *list_add(struct list *list)
{
	if (list->cnt == list->room) {
		size_t room = list->room ? 2 * list->room : 256;
		void *items = realloc(list->items, room * list->size);

		if (!items)
			return NULL;
		list->items = items;
		list->room = room;
	}
	return memset((char *)list->items + list->size * list->cnt++, 0, list->size);
}

static int finish(struct list *list, int err, void *items, size_t *cnt)
{
	if (err) {
		free(list->items);
		list->items = NULL;
		list->cnt = 0;
	}
	*(void **)items = list->items;
	*cnt = list->cnt;
	return err;
}

static int add_entry(void *ctx, const void *key, const void *value)
{
	struct list *list = ctx;
	const struct gup_entry *entry = value;
	struct ledger_item *item;

	if (!(entry->word & GUP_COUNT_MASK) || (entry->word & GUP_DEAD))
		return 0;
	item = list_add(list);
	if (!item)
		return -ENOMEM;
	item->folio = *(const uint64_t *)key;
	item->entry = *entry;
	item->has_more = !bpf_map_lookup_elem(map_fd(list->tracker->skel->maps.more_owners), key,
					      &item->more);
	return 0;
}

int tracker__truth(const struct tracker *tracker, struct gup_truth *truth, size_t cnt)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct track_bpf__bss *bss = tracker->skel->bss;

	for (size_t done = 0; done < cnt;) {
		size_t part = cnt - done < GUP_BATCH ? cnt - done : GUP_BATCH;
		int err;

		memcpy(bss->requests, truth + done, part * sizeof(*truth));
		bss->request_cnt = part;
		err = bpf_prog_test_run_opts(bpf_program__fd(tracker->skel->progs.read_truth),
					     &opts);
		if (err)
			return err;
		memcpy(truth + done, bss->requests, part * sizeof(*truth));
		done += part;
	}
	return 0;
}

static int read_truths(const struct tracker *tracker, struct ledger_item *items, size_t cnt)
{
	struct gup_truth part[GUP_BATCH];

	for (size_t done = 0; done < cnt;) {
		size_t n = cnt - done < GUP_BATCH ? cnt - done : GUP_BATCH;
		int err;

		for (size_t i = 0; i < n; i++)
			part[i] = (struct gup_truth){ .folio = items[done + i].folio };
		err = tracker__truth(tracker, part, n);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++)
			items[done + i].truth = part[i];
		done += n;
	}
	return 0;
}

int tracker__ledger(const struct tracker *tracker, struct ledger_item **items, size_t *cnt)
{
	struct list list = { .size = sizeof(**items), .tracker = tracker };
	int err = 0;

	if (tracker->facts->has_cmpxchg)
		err = each_element(tracker->skel->maps.ledger, sizeof(uint64_t),
				   sizeof(struct gup_entry), add_entry, &list);
	if (!err)
		err = read_truths(tracker, list.items, list.cnt);
	return finish(&list, err, items, cnt);
}

static int add_owner(void *ctx, const void *key, const void *value)
{
	struct list *list = ctx;
	struct gup_owner *owner = list_add(list);

	(void)key;
	if (!owner)
		return -ENOMEM;
	return bpf_map_lookup_elem(map_fd(list->tracker->skel->maps.owners), value, owner);
}

int tracker__owners(const struct tracker *tracker, struct gup_owner **owners, size_t *cnt)
{
	struct list list = { .size = sizeof(**owners), .tracker = tracker };
	int err = each_element(tracker->skel->maps.owner_ids, sizeof(struct gup_owner_key),
			       sizeof(uint32_t), add_owner, &list);

	return finish(&list, err, owners, cnt);
}

static int add_record(void *ctx, const void *key, const void *value)
{
	struct gup_spill *item = list_add(ctx);

	if (!item)
		return -ENOMEM;
	item->key = *(const struct gup_record_key *)key;
	item->record = *(const struct gup_record *)value;
	return 0;
}

int tracker__records(const struct tracker *tracker, struct gup_spill **items, size_t *cnt)
{
	struct list list = { .size = sizeof(**items) };
	int err = each_element(tracker->skel->maps.records, sizeof(struct gup_record_key),
			       sizeof(struct gup_record), add_record, &list);

	return finish(&list, err, items, cnt);
}

int tracker__spills(const struct tracker *tracker, struct gup_spill **items, size_t *cnt)
{
	struct list list = { .size = sizeof(**items) };
	struct gup_spill spill, *item;
	int err = 0;

	while (!bpf_map_lookup_and_delete_elem(map_fd(tracker->skel->maps.spills), NULL, &spill)) {
		item = list_add(&list);
		if (!item) {
			err = -ENOMEM;
			break;
		}
		*item = spill;
	}
	return finish(&list, err, items, cnt);
}

int tracker__take_record(const struct tracker *tracker, const struct gup_record_key *key,
			 struct gup_record *record)
{
	return bpf_map_lookup_and_delete_elem(map_fd(tracker->skel->maps.records), key, record);
}

static int add_proc(void *ctx, const void *key, const void *value)
{
	struct proc_item *item = list_add(ctx);

	if (!item)
		return -ENOMEM;
	item->key = *(const struct gup_proc_key *)key;
	item->proc = *(const struct gup_proc *)value;
	return 0;
}

int tracker__procs(const struct tracker *tracker, struct proc_item **procs, size_t *cnt)
{
	struct list list = { .size = sizeof(**procs) };
	int err = each_element(tracker->skel->maps.procs, sizeof(struct gup_proc_key),
			       sizeof(struct gup_proc), add_proc, &list);

	return finish(&list, err, procs, cnt);
}

static int add_site(void *ctx, const void *key, const void *value)
{
	struct site_item *item = list_add(ctx);

	if (!item)
		return -ENOMEM;
	item->key = *(const struct gup_site_key *)key;
	item->cnt = *(const struct gup_site_cnt *)value;
	return 0;
}

/* As struct release_mark of bpf/sites.bpf.h. */
struct release_mark {
	struct gup_site_key key;
	uint64_t pending;
	uint64_t where;
};

static int add_pending(void *ctx, const void *key, const void *value)
{
	const struct release_mark *mark = value;
	struct gup_site_cnt cnt = { 1, mark->pending };

	(void)key;
	return mark->pending ? add_site(ctx, &mark->key, &cnt) : 0;
}

int tracker__sites(const struct tracker *tracker, struct site_item **sites, size_t *cnt)
{
	struct list list = { .size = sizeof(**sites) };
	int err = each_element(tracker->skel->maps.sites, sizeof(struct gup_site_key),
			       sizeof(struct gup_site_cnt), add_site, &list);

	if (!err)
		err = each_element(tracker->skel->maps.release_marks, sizeof(uint32_t),
				   sizeof(struct release_mark), add_pending, &list);
	return finish(&list, err, sites, cnt);
}

static int mark_owner(void *ctx, const void *key, const void *value)
{
	const struct release_mark *mark = value;
	bool *used = ctx;

	(void)key;
	if (mark->key.owner < TRACKER_OWNERS_END)
		used[mark->key.owner] = true;
	return 0;
}

int tracker__mark_releasing(const struct tracker *tracker, bool used[TRACKER_OWNERS_END])
{
	return each_element(tracker->skel->maps.release_marks, sizeof(uint32_t),
			    sizeof(struct release_mark), mark_owner, used);
}

static int add_err(void *ctx, const void *key, const void *value)
{
	struct err_item *item = list_add(ctx);

	if (!item)
		return -ENOMEM;
	item->key = *(const struct gup_err_key *)key;
	item->cnt = *(const uint64_t *)value;
	return 0;
}

int tracker__errs(const struct tracker *tracker, struct err_item **errs, size_t *cnt)
{
	struct list list = { .size = sizeof(**errs) };
	int err = each_element(tracker->skel->maps.errs, sizeof(struct gup_err_key),
			       sizeof(uint64_t), add_err, &list);

	return finish(&list, err, errs, cnt);
}

int tracker__entry(const struct tracker *tracker, uint64_t folio, struct gup_entry *entry)
{
	return bpf_map_lookup_elem(map_fd(tracker->skel->maps.ledger), &folio, entry);
}

size_t tracker__stack(const struct tracker *tracker, bool user, int id,
		      uint64_t ips[GUP_STACK_DEPTH])
{
	const struct bpf_map *const maps[2][2] = {
		{ tracker->skel->maps.kstacks, tracker->skel->maps.kstacks_more },
		{ tracker->skel->maps.ustacks, tracker->skel->maps.ustacks_more },
	};
	const struct bpf_map *map = maps[user][(id & GUP_STACK_MORE) != 0];
	int key = id & ~GUP_STACK_MORE;
	size_t cnt = 0;

	if (id < 0 || bpf_map_lookup_elem(map_fd(map), &key, ips))
		return 0;
	while (cnt < GUP_STACK_DEPTH && ips[cnt])
		cnt++;
	return cnt;
}

int tracker__stats(const struct tracker *tracker, uint64_t cnt[GUP_STAT_CNT])
{
	int cpus = libbpf_num_possible_cpus(), err;
	cleanup_free uint64_t *values = NULL;
	uint32_t zero = 0;

	memset(cnt, 0, GUP_STAT_CNT * sizeof(*cnt));
	if (cpus < 0)
		return cpus;
	values = calloc((size_t)cpus * GUP_STAT_CNT, sizeof(*values));
	if (!values)
		return -ENOMEM;
	err = bpf_map_lookup_elem(map_fd(tracker->skel->maps.stats), &zero, values);
	for (int cpu = 0; cpu < cpus && !err; cpu++)
		for (int i = 0; i < GUP_STAT_CNT; i++)
			cnt[i] += values[cpu * GUP_STAT_CNT + i];
	cnt[GUP_STAT_SITES_LOST] += tracker->sites_lost;
	return err;
}

static int count_one(void *ctx, const void *key, const void *value)
{
	(void)key, (void)value;
	++*(uint64_t *)ctx;
	return 0;
}

size_t tracker__owner_cnt(const struct tracker *tracker)
{
	uint64_t cnt = 0;

	each_element(tracker->skel->maps.owner_ids, sizeof(struct gup_owner_key), sizeof(uint32_t),
		     count_one, &cnt);
	return cnt;
}

/* Elements that take memory: all that fit, or where a map grows, those that are there. */
static uint64_t entries_of(const struct bpf_map *map)
{
	uint64_t cnt = 0;

	if (!(bpf_map__map_flags(map) & BPF_F_NO_PREALLOC))
		return bpf_map__max_entries(map);
	each_element(map, bpf_map__key_size(map), bpf_map__value_size(map), count_one, &cnt);
	return cnt;
}

uint64_t tracker__bytes(const struct tracker *tracker)
{
	const struct bpf_map *map;
	uint64_t sum = tracker->kept_bytes;

	/* An element of a hash has about 48 bytes besides key and value, a bucket 16. */
	bpf_object__for_each_map (map, tracker->skel->obj) {
		bool hash = bpf_map__type(map) == BPF_MAP_TYPE_HASH;

		sum += entries_of(map) *
		       (bpf_map__key_size(map) + bpf_map__value_size(map) + (hash ? 48 : 0));
		if (bpf_map__map_flags(map) & BPF_F_NO_PREALLOC)
			sum += bpf_map__max_entries(map) * 16;
	}
	return sum;
}

int tracker__recount(struct tracker *tracker)
{
	uint64_t cnt[GUP_STAT_CNT], entries = 0;
	int err = tracker__stats(tracker, cnt);

	if (!err)
		err = each_element(tracker->skel->maps.ledger, sizeof(uint64_t),
				   sizeof(struct gup_entry), count_one, &entries);
	tracker->reaped = cnt[GUP_STAT_INSERTED] - entries;
	return err;
}

static int add_idle(void *ctx, const void *key, const void *value)
{
	const struct gup_entry *entry = value;
	uint64_t *folio;

	if ((entry->word & GUP_COUNT_MASK) || (entry->word & GUP_DEAD))
		return 0;
	folio = list_add(ctx);
	if (!folio)
		return -ENOMEM;
	*folio = *(const uint64_t *)key;
	return 0;
}

static int reap_batch(struct tracker *tracker, const uint64_t *folios, size_t cnt)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	struct track_bpf__bss *bss = tracker->skel->bss;
	int err;

	for (size_t i = 0; i < cnt; i++)
		bss->requests[i].folio = folios[i];
	bss->request_cnt = cnt;
	err = bpf_prog_test_run_opts(bpf_program__fd(tracker->skel->progs.reap), &opts);
	tracker->reaped += bss->request_done;
	return err;
}

int tracker__reap(struct tracker *tracker)
{
	struct list list = { .size = sizeof(uint64_t) };
	uint64_t cnt[GUP_STAT_CNT];
	int err = tracker__stats(tracker, cnt);

	if (err || cnt[GUP_STAT_INSERTED] - tracker->reaped < tracker->opts.max_folios / 2)
		return err;
	err = each_element(tracker->skel->maps.ledger, sizeof(uint64_t), sizeof(struct gup_entry),
			   add_idle, &list);
	for (size_t done = 0; done < list.cnt && !err; done += GUP_BATCH) {
		size_t n = list.cnt - done < GUP_BATCH ? list.cnt - done : GUP_BATCH;

		err = reap_batch(tracker, (uint64_t *)list.items + done, n);
	}
	free(list.items);
	return err;
}
