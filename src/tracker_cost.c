// SPDX-License-Identifier: GPL-2.0-only
/* What the attached programs cost, how they cost less, and how often they ran or were missed. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "tracker_impl.h"
#include "util.h"

void tracker__set_stacks(struct tracker *tracker, bool stacks)
{
	tracker->skel->bss->no_stacks = !stacks;
}

int tracker__measure(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	return fd < 0 ? -errno : fd;
}

/* By its link: the program may be one that a process before has loaded. */
static uint64_t run_ns_of(const struct bpf_link *link)
{
	struct bpf_link_info link_info = {};
	struct bpf_prog_info info = {};
	uint32_t link_len = sizeof(link_info), len = sizeof(info);
	cleanup_fd int fd = -1;

	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &link_info, &link_len))
		return 0;
	fd = bpf_prog_get_fd_by_id(link_info.prog_id);
	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.run_time_ns;
}

uint64_t tracker__run_ns(const struct tracker *tracker)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < tracker->link_cnt; i++)
		sum += run_ns_of(tracker->links[i]);
	return sum;
}

/* Of a program that another process has loaded: the one behind its link. */
static int adopted_prog_info(const struct tracker *tracker, const char *name,
			     struct bpf_prog_info *info)
{
	struct bpf_link_info link = {};
	uint32_t link_len = sizeof(link), len = sizeof(*info);
	cleanup_fd int fd = -1;
	size_t i = 0;

	while (i < tracker->link_cnt && strcmp(tracker->link_names[i], name))
		i++;
	if (i == tracker->link_cnt)
		return -ENOENT;
	if (bpf_obj_get_info_by_fd(bpf_link__fd(tracker->links[i]), &link, &link_len))
		return -errno;
	fd = bpf_prog_get_fd_by_id(link.prog_id);
	return fd < 0 ? -errno : bpf_obj_get_info_by_fd(fd, info, &len);
}

static int prog_info(const struct tracker *tracker, const char *name, struct bpf_prog_info *info)
{
	uint32_t len = sizeof(*info);
	struct bpf_program *prog = bpf_object__find_program_by_name(tracker->skel->obj, name);

	memset(info, 0, sizeof(*info));
	if (tracker->adopted)
		return adopted_prog_info(tracker, name, info);
	if (!prog || bpf_program__fd(prog) < 0)
		return -ENOENT;
	return bpf_obj_get_info_by_fd(bpf_program__fd(prog), info, &len);
}

/* The program of a hook that books: the last, at the exit of functions with two, or a first copy. */
static const char *booking_program(const struct hook *hook)
{
	return hook->progs[1] ? hook->progs[1] : hook->progs[0];
}

void tracker__misses(const struct tracker *tracker, uint64_t *acquires, uint64_t *releases)
{
	struct bpf_prog_info info;

	*acquires = *releases = 0;
	/* A record is written by either copy of a program; what both miss, the scan finds nameless. */
	if (tracker->opts.plan == PLAN_CALL)
		return;
	for (size_t i = 0; i < tracker->choice.cnt; i++) {
		const struct hook *hook = tracker->choice.hooks[i];
		bool books = hook->role <= ROLE_RELEASE || tracker__is_inlined(tracker, hook->func);
		bool is_release = hook->role == ROLE_RELEASE || hook->role == ROLE_SITE;

		if (books && !prog_info(tracker, booking_program(hook), &info))
			*(is_release ? releases : acquires) += info.recursion_misses;
	}
}

uint64_t tracker__runs(const struct tracker *tracker, const struct hook *hook)
{
	struct bpf_prog_info info;

	return prog_info(tracker, hook->progs[0], &info) ? 0 : info.run_cnt;
}
