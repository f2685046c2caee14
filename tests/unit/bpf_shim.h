/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What bpf/ledger.bpf.h needs of BPF, in user space: map definitions, helpers
 * and a preallocated hash map that behaves as the kernel's. Look-ups take no
 * lock; a deleted element goes to the top of the free list and the next insert
 * of any key takes it, while older pointers into it stay readable and writable:
 * that recycling is what the ledger must survive.
 *
 * Two places where a test may step in: after each look-up and before each
 * compare-and-exchange.
 */
#ifndef GUP_BPF_SHIM_H
#define GUP_BPF_SHIM_H

#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define __noinline __attribute__((noinline))

#define SHIM_BUCKETS 64
#define SHIM_MAPS 2
#define SHIM_FREE_END (~SHIM_BUCKETS) /* no bucket's end */

struct shim_elem {
	int next; /* index of the next element of its bucket or the free list; ~bucket = end */
	__u64 key;
	__u64 *value;
};

struct shim_map {
	const void *of; /* the map as the BPF side defines it */
	size_t words;	/* of a value */
	int max, used;
	int bucket[SHIM_BUCKETS];
	int free;
	struct shim_elem *elems;
	pthread_mutex_t lock; /* of inserts and deletes */
};

static struct shim_map shim_maps[SHIM_MAPS];

/* Set by a test, per thread; they switch themselves off while they run. */
static __thread void (*shim_after_lookup)(void);
static __thread void (*shim_before_cas)(void);

static inline struct shim_map *shim_map_of(const void *of)
{
	for (int i = 0; i < SHIM_MAPS; i++)
		if (shim_maps[i].of == of)
			return &shim_maps[i];
	abort();
}

static inline void shim_map_open(const void *of, size_t value_size, int max)
{
	struct shim_map *map = NULL;

	for (int i = 0; i < SHIM_MAPS && !map; i++)
		if (!shim_maps[i].of)
			map = &shim_maps[i];
	if (!map || value_size % sizeof(__u64))
		abort();
	map->of = of;
	map->words = value_size / sizeof(__u64);
	map->max = max;
	map->used = 0;
	map->elems = calloc(max, sizeof(*map->elems));
	for (int i = 0; i < max; i++) {
		map->elems[i].next = i + 1 < max ? i + 1 : SHIM_FREE_END;
		map->elems[i].value = calloc(map->words, sizeof(__u64));
	}
	map->free = 0;
	for (int i = 0; i < SHIM_BUCKETS; i++)
		map->bucket[i] = ~i;
	pthread_mutex_init(&map->lock, NULL);
}

static inline void shim_maps_close(void)
{
	for (int m = 0; m < SHIM_MAPS; m++) {
		for (int i = 0; i < shim_maps[m].max; i++)
			free(shim_maps[m].elems[i].value);
		free(shim_maps[m].elems);
		memset(&shim_maps[m], 0, sizeof(shim_maps[m]));
	}
}

static inline int shim_bucket(__u64 key)
{
	return (key * 0x9e3779b97f4a7c15ULL) >> 58;
}

/* Without a lock; an element that moved to another bucket meanwhile shows by the end it leads to. */
static inline struct shim_elem *shim_find(struct shim_map *map, __u64 key)
{
	int bucket = shim_bucket(key), at;

	do {
		at = __atomic_load_n(&map->bucket[bucket], __ATOMIC_ACQUIRE);
		for (; at >= 0; at = __atomic_load_n(&map->elems[at].next, __ATOMIC_ACQUIRE))
			if (__atomic_load_n(&map->elems[at].key, __ATOMIC_ACQUIRE) == key)
				return &map->elems[at];
	} while (at != ~bucket);
	return NULL;
}

static inline void shim_step_in(void (**hook)(void))
{
	void (*call)(void) = *hook;

	if (!call)
		return;
	*hook = NULL;
	call();
}

static inline void *bpf_map_lookup_elem(const void *of, const __u64 *key)
{
	struct shim_elem *elem = shim_find(shim_map_of(of), *key);

	shim_step_in(&shim_after_lookup);
	return elem ? elem->value : NULL;
}

/* Only BPF_NOEXIST: the ledger never replaces an entry. */
static inline long bpf_map_update_elem(const void *of, const __u64 *key, const void *value,
				       __u64 flags)
{
	struct shim_map *map = shim_map_of(of);
	int *bucket = &map->bucket[shim_bucket(*key)], at;
	long err = -EEXIST;

	if (flags != BPF_NOEXIST)
		abort();
	pthread_mutex_lock(&map->lock);
	if (!shim_find(map, *key)) {
		at = map->free;
		err = at < 0 ? -E2BIG : 0;
	}
	if (!err) {
		map->free = map->elems[at].next;
		map->used++;
		for (size_t i = 0; i < map->words; i++)
			__atomic_store_n(&map->elems[at].value[i], ((const __u64 *)value)[i],
					 __ATOMIC_RELAXED);
		__atomic_store_n(&map->elems[at].key, *key, __ATOMIC_RELEASE);
		__atomic_store_n(&map->elems[at].next, *bucket, __ATOMIC_RELEASE);
		__atomic_store_n(bucket, at, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&map->lock);
	return err;
}

static inline long bpf_map_delete_elem(const void *of, const __u64 *key)
{
	struct shim_map *map = shim_map_of(of);
	int *link = &map->bucket[shim_bucket(*key)];
	long err = -ENOENT;

	pthread_mutex_lock(&map->lock);
	while (*link >= 0 && map->elems[*link].key != *key)
		link = &map->elems[*link].next;
	if (*link >= 0) {
		int at = *link;

		__atomic_store_n(link, map->elems[at].next, __ATOMIC_RELEASE);
		__atomic_store_n(&map->elems[at].next, map->free, __ATOMIC_RELEASE);
		map->free = at;
		map->used--;
		err = 0;
	}
	pthread_mutex_unlock(&map->lock);
	return err;
}

#define bpf_loop(cnt, fn, ctx, flags)                                  \
	({                                                             \
		for (__u32 i_ = 0; i_ < (cnt) && !(fn)(i_, ctx); i_++) \
			;                                              \
	})

static inline __u64 shim_cas(void *word, __u64 old, __u64 new)
{
	shim_step_in(&shim_before_cas);
	__atomic_compare_exchange_n((__u64 *)word, &old, new, false, __ATOMIC_SEQ_CST,
				    __ATOMIC_SEQ_CST);
	return old;
}

#define __sync_val_compare_and_swap(word, old, new) shim_cas(word, old, new)

#endif
