// SPDX-License-Identifier: GPL-2.0-only
/*
 * The words of the findings, as tables: by kind of file who drops the pins,
 * when, and how a program should; by rule the title and the next step.
 *
 * Must not decide whether something is a finding: audit.c does that.
 */
#include <assert.h>
#include <string.h>

#include "audit.h"
#include "audit_impl.h"
#include "fmt.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define NS_PER_MS 1000000ULL
#define NS_PER_GIB (25 * NS_PER_MS) /* unpinning and unmapping take their time, too */
#define GIB (1ULL << 30)

/*
 * Times of release: an owner counts as dead when its last thread exits, which
 * is before its files are closed, and many drivers unpin later still.
 * Kinds with an "elsewhere" are held by more than the file that they came
 * through, so that nobody having it open does not prove a leak.
 */
static const struct advice {
	const char *kind;
	uint64_t release_ns;
	const char *work;  /* who drops the pins of a dead owner */
	const char *frees; /* what the last close does */
	const char *fix;
	const char *elsewhere;
} advices[] = {
	{ "rdma", 500 * NS_PER_MS, "the last close of the uverbs file frees the MRs",
	  "the last close frees the MR",
	  "ibv_dereg_mr() before exit; close the uverbs fd after fork()", NULL },
	{ "io_uring", 1000 * NS_PER_MS, "io_uring's exit work, after the last close of the ring",
	  "the last close ends the ring and unpins its buffers",
	  "io_uring_unregister_buffers() before exit; close the ring fd after fork()", NULL },
	{ "xdp", 1000 * NS_PER_MS, "AF_XDP's work item, after the last close of the socket",
	  "the last close frees the umem",
	  "xsk_umem__delete() before exit; close the AF_XDP socket after fork()",
	  "another AF_XDP socket may share the umem" },
	{ "vfio", 1000 * NS_PER_MS, "the last close of the vfio container and its devices",
	  "the last close unmaps the device's memory",
	  "VFIO_IOMMU_UNMAP_DMA before exit; do not pass on the container fd",
	  "a device of the container may be open" },
	{ "iommu", 1000 * NS_PER_MS, "the last close of the iommufd",
	  "the last close unmaps the device's memory",
	  "IOMMU_IOAS_UNMAP before exit; do not pass on the iommufd",
	  "a device bound to the iommufd may be open" },
	{ "udmabuf", 500 * NS_PER_MS, "the last close of the dma-buf",
	  "the last close of the dma-buf made through it unpins",
	  "close the dma-buf fd, in every process that got it",
	  "the dma-buf made through it may be open or mapped" },
	{ "dma-buf", 500 * NS_PER_MS, "the last close of the dma-buf",
	  "the last close of the dma-buf unpins it",
	  "close the dma-buf fd, in every process that got it",
	  "a device may have the dma-buf attached" },
	{ "v4l2", 500 * NS_PER_MS, "the last close of the video device",
	  "the last close releases the buffers",
	  "VIDIOC_REQBUFS with count 0 before exit; close the video fd after fork()",
	  "a buffer exported as a dma-buf may be open" },
	{ "dri", 500 * NS_PER_MS, "the last close of the GPU's device file",
	  "the last close frees the objects made from user memory",
	  "free the objects made from user memory before exit",
	  "an object exported as a dma-buf may be open" },
};

static const struct advice generic = {
	.work = "the last close of its file, or the end of its I/O",
	.frees = "the last close should unpin it",
	.fix = "release the memory before exit; close the file after fork()",
};

static const struct advice *advice_for(const struct group *group)
{
	size_t i;

	for (i = 0; group->through.kind && i < ARRAY_SIZE(advices); i++)
		if (strcmp(group->through.kind, advices[i].kind) == 0)
			return &advices[i];
	return &generic;
}

uint64_t release_time_ns(const struct group *group)
{
	return advice_for(group)->release_ns + group->q.bytes / GIB * NS_PER_GIB;
}

const char *held_elsewhere(const struct group *group)
{
	return group->file_released ? NULL : advice_for(group)->elsewhere;
}

const char *release_work(const struct group *group)
{
	return advice_for(group)->work;
}

const struct holder *find_holder(const struct snapshot *snap, const struct group *group)
{
	const struct holder *holder, *likely = NULL;
	size_t i;

	for (i = 0; i < group->held_by_cnt; i++) {
		holder = &group->held_by[i];
		if (holder->process >= 0 && holder->process == group->owner)
			continue;
		if (holder->process >= 0 && snap->processes[holder->process].exited)
			continue;
		if (holder->basis != BASIS_LIKELY)
			return holder;
		if (!likely)
			likely = holder;
	}
	if (!likely && group->likely_cnt)
		return &group->likely[0];
	return likely;
}

/* "1.20 GiB" <middle> "python3 (pid 4186)" <end> */
static const struct {
	const char *middle, *end;
} titles[] = {
	[RULE_LEAKED] = { "is leaked by", ", which has exited; nobody holds it" },
	[RULE_ORPHANED] = { "stays pinned for", ", which has exited" },
	[RULE_HANDED_OVER] = { "pinned by", ", which has exited, is in another process's use" },
	[RULE_UNKNOWN_HOLDER] = { "stays pinned for", ", which has exited; holder unknown" },
	[RULE_LEFT_BEHIND] = { "is left pinned by", " after CMD has ended" },
	[RULE_SHORT_HELD] = { "is held long by", ", without FOLL_LONGTERM" },
	[RULE_LONGTERM_FORBIDDEN] = { "is pinned long-term by", " where it must not be" },
	[RULE_WRONG_RELEASE] = { "released wrongly for", "" },
	[RULE_DEGRADED] = { "pinned by", "" },
};
static_assert(ARRAY_SIZE(titles) == RULE_CNT, "each rule has a title");

const char *advise_title(struct snapshot *snap, enum rule rule, const struct group *group)
{
	const char *amount = snapshot__printf(snap, "%s", fmt_bytes(group->q.bytes).s);
	const struct process *owner;

	if (group->owner < 0 && group->residue)
		return snapshot__printf(snap, "%s stays pinned, mapped by nobody; owner unknown",
					amount);
	if (group->owner < 0)
		return snapshot__printf(snap, "%s %s an unknown owner%s", amount,
					titles[rule].middle, titles[rule].end);
	owner = &snap->processes[group->owner];
	return snapshot__printf(snap, "%s %s %s (pid %u)%s", amount, titles[rule].middle,
				owner->comm ? owner->comm : "?", owner->pid, titles[rule].end);
}

static const char *next_leaked(struct snapshot *snap, const struct group *group)
{
	if (!group->through.path)
		return "the driver that pinned must unpin: read the balance of its site";
	return snapshot__printf(snap,
				"the driver behind %s must unpin: read the balance of its site",
				group->through.path);
}

static const char *next_held(struct snapshot *snap, const struct group *group)
{
	const struct holder *holder = find_holder(snap, group);
	const char *frees = advice_for(group)->frees;
	unsigned int pid;

	if (!holder || holder->process < 0)
		return NULL;
	pid = snap->processes[holder->process].pid;
	if (holder->basis == BASIS_LIKELY && holder->fd >= 0)
		return snapshot__printf(snap, "look at fd %d in pid %u first: %s", holder->fd, pid,
					frees);
	if (holder->fd < 0)
		return snapshot__printf(snap, "end pid %u: %s", pid, frees);
	return snapshot__printf(snap, "close fd %d in pid %u, or end it: %s", holder->fd, pid,
				frees);
}

static const char *next_handed_over(struct snapshot *snap, const struct group *group)
{
	const struct holder *holder = find_holder(snap, group);

	if (!holder || holder->process < 0)
		return NULL;
	return snapshot__printf(snap, "nothing, if pid %u is meant to keep it",
				snap->processes[holder->process].pid);
}

static const char *next_unknown_holder(struct snapshot *snap, const struct group *group)
{
	(void)snap;
	if (group->owner < 0 && group->holders_complete)
		return "no process has a file open that could hold it: look for sockets in "
		       "flight, registered io_uring rings, and drivers";
	if (group->holders_complete && held_elsewhere(group))
		return "find who else keeps it: other processes of the same service, devices";
	if (group->holders_complete)
		return "see Checks: the books have gaps, so look again after they are closed";
	return "repeat as root, in the host's PID namespace: some open files could not be read";
}

static const char *next_left_behind(struct snapshot *snap, const struct group *group)
{
	const struct process *owner = group->owner < 0 ? NULL : &snap->processes[group->owner];

	if (!owner || owner->exited)
		return next_unknown_holder(snap, group);
	return snapshot__printf(snap, "end pid %u, which CMD left running: %s", owner->pid,
				advice_for(group)->frees);
}

static const char *next_short_held(struct snapshot *snap, const struct group *group)
{
	if (group->owner < 0)
		return NULL;
	return snapshot__printf(snap, "see what its I/O waits for: /proc/%u/stack",
				snap->processes[group->owner].pid);
}

static const char *next_forbidden(struct snapshot *snap, const struct group *group)
{
	(void)snap;
	(void)group;
	return "while it lasts this memory cannot be offlined, migrated or written back safely";
}

static const struct {
	const char *(*next)(struct snapshot *snap, const struct group *group);
	const char *fix; /* NULL = by the kind of file */
} steps[] = {
	[RULE_LEAKED] = { next_leaked, "unpin on every error path, and what a short return got" },
	[RULE_ORPHANED] = { next_held, NULL },
	[RULE_HANDED_OVER] = { next_handed_over, NULL },
	[RULE_UNKNOWN_HOLDER] = { next_unknown_holder, NULL },
	[RULE_LEFT_BEHIND] = { next_left_behind, NULL },
	[RULE_SHORT_HELD] = { next_short_held, "pins that stay need FOLL_LONGTERM" },
	[RULE_LONGTERM_FORBIDDEN] = { next_forbidden,
				      "register anonymous or memfd memory; the driver must pass "
				      "FOLL_LONGTERM so that gup migrates pages first" },
	[RULE_WRONG_RELEASE] = { next_leaked, NULL },
	[RULE_DEGRADED] = { next_unknown_holder, NULL },
};
static_assert(ARRAY_SIZE(steps) == RULE_CNT, "each rule has its next step");

const char *advise_next(struct snapshot *snap, enum rule rule, const struct group *group)
{
	return steps[rule].next(snap, group);
}

const char *advise_fix(enum rule rule, const struct group *group)
{
	return steps[rule].fix ? steps[rule].fix : advice_for(group)->fix;
}

static const char *const wrong_fixes[] = {
	[WRONG_UNPIN_NOT_PINNED] = "unpin each pin once, and only pins: what get_user_pages() "
				   "returned ends with put_page()",
	[WRONG_PUT_PAGE] = "a pin ends with unpin_user_page(), never with put_page()",
	[WRONG_FREED_PINNED] = "somebody dropped the reference that the pin stands on: look for "
			       "put_page() beside unpin_user_page()",
};
static_assert(ARRAY_SIZE(wrong_fixes) == WRONG_KIND_CNT, "each wrong release has a fix");

const char *advise_wrong_fix(enum wrong_kind kind)
{
	return kind < WRONG_KIND_CNT ? wrong_fixes[kind] : NULL;
}
