// SPDX-License-Identifier: GPL-2.0-only
/* What the attached programs cost, and how they cost less. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

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
