/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who has which open file now: walks every task's descriptor table and writes
 * out those entries whose struct file is one that pins came through. The same
 * struct file, not one of the same name.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "gup_abi.h"

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64); /* struct file */
	__type(value,
	       __u64); /* its private_data at the pin: a reused address is not the same file */
} wanted_files SEC(".maps");

SEC("iter/task_file")
int iter__task_file(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct task_struct *task = ctx->task;
	struct gup_holder found = {};
	__u64 addr = (__u64)file, *priv;

	if (!file || !task)
		return 0;
	priv = bpf_map_lookup_elem(&wanted_files, &addr);
	if (!priv || *priv != (__u64)BPF_CORE_READ(file, private_data))
		return 0;
	found.file = addr;
	found.tgid = task->tgid;
	found.fd = ctx->fd;
	bpf_seq_write(ctx->meta->seq, &found, sizeof(found));
	return 0;
}
