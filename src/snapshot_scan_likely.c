// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is likely to hold a group of pins that nobody recorded, and why: of the
 * processes that evidence points to, those with the strongest evidence. See
 * snapshot_scan.h.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "snapshot_scan.h"
#include "util.h"

#define LIKELY_MAX 64 /* of one group; the strongest are kept */
#define MAPPERS_MAX 8 /* more than that and mapping a page says nothing */

/* What speaks for a process, weakest first. */
enum strength {
	NOTHING,
	MAPS,	  /* it maps the memory */
	HAS_PIN,  /* by the kernel's account it has pages pinned, no open file tells of them */
	HAS_OPEN, /* a file that can hold pins is open, and says not how many */
	SAYS,	  /* a file is open that says it holds memory */
	AS_MUCH,  /* exactly as much as the group has */
	MATCHED,  /* the very pages */
};

struct suspect {
	uint32_t proc;
	int file; /* index in its files, -1 = none */
	enum strength strength;
	uint64_t bytes; /* what it says it holds and nothing else explains */
};

struct weigh {
	struct scan_view *view;
	size_t *first_file;    /* of each process: place of its files in left */
	uint64_t *left;	       /* of each file: bytes it says it holds, less those matched */
	uint64_t *pinned_left; /* of each process: VmPin less what was matched */
};

static void less(uint64_t *value, uint64_t bytes)
{
	*value -= bytes < *value ? bytes : *value;
}

/* What the matched folios explain is evidence for nothing else. */
static void take_off_matched(struct weigh *weigh)
{
	const struct scan_view *view = weigh->view;
	const struct evidence *evidence = view->evidence;

	for (size_t i = 0; i < evidence->match_cnt; i++) {
		const struct evidence_match *match = &evidence->matches[i];
		uint64_t bytes = hit_bytes(view, &view->scan->hits[match->hit]);

		less(&weigh->left[weigh->first_file[match->proc] + match->file], bytes);
		if (!i || match[-1].hit != match->hit || match[-1].proc != match->proc)
			less(&weigh->pinned_left[match->proc], bytes);
	}
}

static void weigh__open(struct weigh *weigh, struct scan_view *view)
{
	const struct evidence *evidence = view->evidence;
	size_t files = 0;

	weigh->view = view;
	weigh->first_file = calloc(evidence->proc_cnt + 1, sizeof(*weigh->first_file));
	weigh->pinned_left = calloc(evidence->proc_cnt + 1, sizeof(*weigh->pinned_left));
	if (!weigh->first_file || !weigh->pinned_left)
		err(4, "out of memory");
	for (size_t i = 0; i < evidence->proc_cnt; i++) {
		weigh->first_file[i] = files;
		weigh->pinned_left[i] = evidence->procs[i].vm_pin_bytes;
		files += evidence->procs[i].file_cnt;
	}
	weigh->left = calloc(files + 1, sizeof(*weigh->left));
	if (!weigh->left)
		err(4, "out of memory");
	for (size_t i = 0; i < evidence->proc_cnt; i++)
		for (size_t f = 0; f < evidence->procs[i].file_cnt; f++)
			weigh->left[weigh->first_file[i] + f] =
				evidence->procs[i].files[f].says_bytes;
	take_off_matched(weigh);
}

static void weigh__close(struct weigh *weigh)
{
	free(weigh->first_file);
	free(weigh->pinned_left);
	free(weigh->left);
}

static enum strength strength_of_file(const struct weigh *weigh, const struct group *group,
				      uint32_t proc, size_t at, uint64_t *bytes)
{
	const struct evidence_file *file = &weigh->view->evidence->procs[proc].files[at];

	*bytes = weigh->left[weigh->first_file[proc] + at];
	if (!file->says_bytes)
		return HAS_OPEN;
	if (!*bytes)
		return NOTHING; /* all of it is explained */
	return *bytes == group->q.bytes ? AS_MUCH : SAYS;
}

/* The best that speaks for a process that is not matched. */
static struct suspect weigh_process(const struct weigh *weigh, const struct group *group,
				    uint32_t proc, bool maps)
{
	const struct evidence_proc *found = &weigh->view->evidence->procs[proc];
	struct suspect best = { proc, -1, maps ? MAPS : NOTHING, 0 };
	uint64_t bytes, pinned = weigh->pinned_left[proc];

	if (pinned)
		best.strength = pinned == group->q.bytes ? AS_MUCH : HAS_PIN;
	for (size_t f = 0; f < found->file_cnt; f++) {
		enum strength strength = strength_of_file(weigh, group, proc, f, &bytes);
		bool silent = strength == HAS_OPEN && best.strength == AS_MUCH;

		/* a silent file of a process that pins as much is where that came through */
		if (strength > best.strength || (silent && best.file < 0) ||
		    (strength == best.strength && bytes > best.bytes))
			best = (struct suspect){ proc, f, silent ? AS_MUCH : strength, bytes };
	}
	return best;
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash && slash[1] ? slash + 1 : path ? path : "?";
}

/* "maps it; has uverbs0 open; VmPin 1.20 GiB, as much as this" */
static const char *why_of(const struct weigh *weigh, const struct group *group,
			  const struct suspect *suspect, bool maps)
{
	const struct evidence_proc *proc = &weigh->view->evidence->procs[suspect->proc];
	const struct evidence_file *file = suspect->file < 0 ? NULL : &proc->files[suspect->file];
	uint64_t pinned = weigh->pinned_left[suspect->proc];
	char what[256] = "", pin[96] = "";
	bool file_equal = file && suspect->bytes == group->q.bytes;

	if (suspect->strength == MATCHED)
		return snapshot__printf(weigh->view->snap, "has these very pages registered in %s",
					base_name(file->path));
	if (file)
		snprintf(what, sizeof(what), "has %.80s open%s%s%s%s", base_name(file->path),
			 file->says[0] ? " (" : "", file->says, file->says[0] ? ")" : "",
			 file_equal ? ", as much as this" : "");
	if (pinned && !file_equal)
		snprintf(pin, sizeof(pin), "VmPin %s%s", fmt_bytes(pinned).s,
			 pinned == group->q.bytes ? ", as much as this" : "");
	return snapshot__printf(weigh->view->snap, "%s%s%s%s%s", maps ? "maps it" : "",
				maps && *what ? ", " : "", what,
				(maps || *what) && *pin ? "; " : "", pin);
}

static int stronger(const void *left, const void *right)
{
	const struct suspect *l = left, *r = right;

	if (l->strength != r->strength)
		return l->strength < r->strength ? 1 : -1;
	if (l->bytes != r->bytes)
		return l->bytes < r->bytes ? 1 : -1;
	return l->proc < r->proc ? -1 : l->proc > r->proc;
}

/* Keeps those as strong as the first, most of LIKELY_MAX. */
static void name_likely(const struct weigh *weigh, struct group *group, struct suspect *suspects,
			size_t cnt, bool maps)
{
	struct scan_view *view = weigh->view;
	enum strength enough = maps ? HAS_PIN : group->residue ? HAS_PIN : SAYS;

	if (!cnt)
		return;
	qsort(suspects, cnt, sizeof(*suspects), stronger);
	if (suspects[0].strength == MAPS && cnt > MAPPERS_MAX)
		return;
	for (size_t i = 0; i < cnt && i < LIKELY_MAX; i++) {
		const struct evidence_proc *proc = &view->evidence->procs[suspects[i].proc];
		int file = suspects[i].file;
		struct holder *holder;

		if (suspects[i].strength == NOTHING || suspects[i].strength < suspects[0].strength)
			break;
		holder = snapshot__append(view->snap, &group->likely, &group->likely_cnt,
					  sizeof(*holder));
		holder->process = scan_view__process(view, suspects[i].proc);
		holder->fd = file < 0 ? -1 : proc->files[file].fd;
		holder->basis = BASIS_LIKELY;
		holder->why = why_of(weigh, group, &suspects[i], maps);
		if (i == 0 && file >= 0)
			group->through.kind = snapshot__str(view->snap, proc->files[file].kind);
	}
	if (suspects[0].strength >= enough)
		group->owner_basis = BASIS_LIKELY;
}

static void likely_matched(const struct weigh *weigh, struct group *group, size_t hit)
{
	const struct evidence_match *match;
	size_t cnt = scan_view__matches(weigh->view, hit, &match);
	cleanup_free struct suspect *suspects = calloc(cnt + 1, sizeof(*suspects));

	for (size_t i = 0; suspects && i < cnt; i++)
		suspects[i] = (struct suspect){ match[i].proc, match[i].file, MATCHED, 0 };
	name_likely(weigh, group, suspects, suspects ? cnt : 0, false);
}

static void likely_mapped(const struct weigh *weigh, struct group *group, size_t hit)
{
	const struct evidence *evidence = weigh->view->evidence;
	const struct evidence_set *set = &evidence->sets[evidence->mapped_by[hit]];
	cleanup_free struct suspect *suspects = calloc(set->cnt + 1, sizeof(*suspects));

	for (uint32_t i = 0; suspects && i < set->cnt; i++)
		suspects[i] = weigh_process(weigh, group, set->procs[i], true);
	name_likely(weigh, group, suspects, suspects ? set->cnt : 0, true);
}

static void likely_anybody(const struct weigh *weigh, struct group *group)
{
	const struct evidence *evidence = weigh->view->evidence;
	cleanup_free struct suspect *suspects = calloc(evidence->proc_cnt + 1, sizeof(*suspects));

	for (uint32_t i = 0; suspects && i < evidence->proc_cnt; i++)
		suspects[i] = weigh_process(weigh, group, i, false);
	name_likely(weigh, group, suspects, suspects ? evidence->proc_cnt : 0, false);
}

void scan_view__likely(struct scan_view *view)
{
	struct weigh weigh = {};
	cleanup_free bool *done = calloc(view->snap->group_cnt + 1, sizeof(*done));

	if (!done)
		err(4, "out of memory");
	weigh__open(&weigh, view);
	for (size_t i = 0; i < view->scan->hit_cnt; i++) {
		struct group *group =
			view->group_of[i] < 0 ? NULL : &view->snap->groups[view->group_of[i]];

		if (!group || done[view->group_of[i]])
			continue;
		done[view->group_of[i]] = true;
		switch (scan_view__story(view, i)) {
		case STORY_MATCHED:
			likely_matched(&weigh, group, i);
			break;
		case STORY_MAPPED:
			likely_mapped(&weigh, group, i);
			break;
		case STORY_RESIDUE:
		case STORY_FILE:
			likely_anybody(&weigh, group);
			break;
		default:
			break;
		}
	}
	weigh__close(&weigh);
}
