/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads of kernel memory on request (BPF_PROG_TEST_RUN), without any hook:
 * the struct pages of given folios, and the code of a kernel function. Works
 * on kernels that refuse tracing, too.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel_types.h"
#include "gup_abi.h"
#include "folio.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct gup_truth requests[GUP_BATCH];
__u32 request_cnt;

__u64 text_addr;
__u32 text_len;
__u8 text[GUP_TEXT_BYTES];
__s32 text_err;

static long read_one(__u32 i, void *ctx)
{
	if (i < GUP_BATCH)
		read_truth_of(&requests[i]);
	return 0;
}

SEC("?raw_tp")
int read_truth(void *ctx)
{
	bpf_loop(request_cnt, read_one, NULL, 0);
	return 0;
}

SEC("?raw_tp")
int read_text(void *ctx)
{
	__u32 len = text_len;

	if (len > GUP_TEXT_BYTES)
		len = GUP_TEXT_BYTES;
	text_err = bpf_probe_read_kernel(text, len, (void *)text_addr);
	return 0;
}
