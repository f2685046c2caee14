/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the machine code of a kernel function on request (BPF_PROG_TEST_RUN),
 * before anything is attached. Uses nothing of the kernel's types, so that it
 * loads without reading the kernel's BTF.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "gup_abi.h"

char LICENSE[] SEC("license") = "GPL";

__u64 text_addr;
__u32 text_len;
__u8 text[GUP_TEXT_BYTES];
__s32 text_err;

SEC("raw_tp")
int read_text(void *ctx)
{
	__u32 len = text_len;

	if (len > GUP_TEXT_BYTES)
		len = GUP_TEXT_BYTES;
	text_err = bpf_probe_read_kernel(text, len, (void *)text_addr);
	return 0;
}
