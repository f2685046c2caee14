/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The account of locked memory that the kernel keeps per user and shows in no
 * file: walks all processes and writes out that of each one's user.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "gup_abi.h"

char LICENSE[] SEC("license") = "GPL";

SEC("iter/task")
int iter__task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct gup_user found = {};
	struct user_struct *user;

	if (!task || task->pid != task->tgid)
		return 0;
	user = BPF_CORE_READ(task, cred, user);
	if (!user)
		return 0;
	found.uid = BPF_CORE_READ(user, uid.val);
	found.tgid = task->tgid;
	found.locked_pages = BPF_CORE_READ(user, locked_vm.counter);
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}
