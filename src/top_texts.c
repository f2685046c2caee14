// SPDX-License-Identifier: GPL-2.0-only
/* Texts that repeat, numbered and ranked. See top_texts.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "top_texts.h"

#define SLOTS_LEAST 1024

/* By eight bytes at a time: there may be a text for each of a million pages. */
static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0, word;
	size_t len = strlen(text);

	for (; len; text += sizeof(word)) {
		size_t bytes = len < sizeof(word) ? len : sizeof(word);

		word = 0;
		memcpy(&word, text, bytes);
		hash = (hash ^ word) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
		len -= bytes;
	}
	return hash;
}

static uint32_t *slot_of(const struct top_texts *texts, uint64_t hash, const char *text)
{
	size_t at = hash & (texts->slot_cnt - 1);

	for (; texts->slots[at]; at = (at + 1) & (texts->slot_cnt - 1)) {
		const struct top_text *found = &texts->list[texts->slots[at] - 1];

		if (found->text == text || (found->hash == hash && strcmp(found->text, text) == 0))
			break;
	}
	return &texts->slots[at];
}

static int grow(struct top_texts *texts)
{
	size_t slot_cnt = texts->slot_cnt ? texts->slot_cnt * 2 : SLOTS_LEAST;
	struct top_text *list = reallocarray(texts->list, slot_cnt / 2, sizeof(*list));
	uint32_t *slots = calloc(slot_cnt, sizeof(*slots));

	if (list)
		texts->list = list;
	if (!list || !slots) {
		free(slots);
		return -ENOMEM;
	}
	free(texts->slots);
	texts->slots = slots;
	texts->slot_cnt = slot_cnt;
	for (uint32_t i = 0; i < texts->cnt; i++)
		*slot_of(texts, list[i].hash, list[i].text) = i + 1;
	return 0;
}

static uint32_t find_or_add(struct top_texts *texts, const char *text)
{
	uint64_t hash = hash_text(text);
	uint32_t *slot;

	if (texts->cnt == texts->slot_cnt / 2 && grow(texts)) {
		texts->failed = true;
		return 0;
	}
	slot = slot_of(texts, hash, text);
	if (!*slot) {
		texts->list[texts->cnt] = (struct top_text){ text, hash, texts->cnt };
		*slot = ++texts->cnt;
	}
	return *slot - 1;
}

uint32_t top_texts__add(struct top_texts *texts, const char *text)
{
	if (!texts->cnt || strcmp(texts->list[texts->last].text, text))
		texts->last = find_or_add(texts, text);
	return texts->last;
}

static int compare_texts(const void *one, const void *other)
{
	const struct top_text *a = one, *b = other;

	return strcmp(a->text, b->text);
}

int top_texts__rank(struct top_texts *texts)
{
	texts->ranks = calloc(texts->cnt + 1, sizeof(*texts->ranks));
	if (!texts->ranks)
		return -ENOMEM;
	if (texts->cnt)
		qsort(texts->list, texts->cnt, sizeof(*texts->list), compare_texts);
	for (uint32_t i = 0; i < texts->cnt; i++)
		texts->ranks[texts->list[i].number] = i;
	return 0;
}

void top_texts__free(struct top_texts *texts)
{
	free(texts->list);
	free(texts->slots);
	free(texts->ranks);
}
