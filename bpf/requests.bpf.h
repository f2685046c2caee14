/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Programs that user space runs itself (BPF_PROG_TEST_RUN): the struct pages of
 * given folios, the reaper of the ledger, the queue of free owner ids. Requests
 * and answers lie in globals. They hook nothing.
 */
#ifndef GUP_REQUESTS_BPF_H
#define GUP_REQUESTS_BPF_H

struct gup_truth requests[GUP_BATCH];
__u32 request_cnt;
__u32 request_done;

static long reap_one(__u32 i, __u32 *done)
{
	if (i < GUP_BATCH)
		*done += ledger_reap(requests[i].folio);
	return 0;
}

struct gup_import imports[GUP_BATCH];

static long import_one(__u32 i, void *ctx __attribute__((unused)))
{
	struct gup_entry *entry;
	__u64 folio;

	if (i >= GUP_BATCH)
		return 0;
	folio = imports[i].folio;
	if (ledger_pin(folio, imports[i].pins, imports[i].owner, imports[i].since))
		return 0;
	entry = bpf_map_lookup_elem(&ledger, &folio);
	if (entry)
		entry_note(entry, GUP_ENTRY_INFERRED);
	return 0;
}

/* Books what others have left. */
SEC("?raw_tp")
int import_holds(void *ctx)
{
	bpf_loop(request_cnt, import_one, NULL, 0);
	return 0;
}

/* Deletes ledger entries that stand at zero. */
SEC("?raw_tp")
int reap(void *ctx)
{
	__u32 done = 0;

	bpf_loop(request_cnt, reap_one, &done, 0);
	request_done = done;
	return 0;
}

/* Gives owner ids from request_done on, request_cnt of them at most, to the queue of free ones. */
SEC("?raw_tp")
int fill_free_owners(void *ctx)
{
	for (__u32 i = 0; i < GUP_FILL_BATCH; i++) {
		__u32 id = request_done + i;

		if (i < request_cnt)
			bpf_map_push_elem(&free_owners, &id, 0);
	}
	return 0;
}

static long read_one(__u32 i, void *ctx __attribute__((unused)))
{
	if (i < GUP_BATCH)
		read_truth_of(&requests[i]);
	return 0;
}

/* Reads the struct pages of the folios asked for. */
SEC("?raw_tp")
int read_truth(void *ctx)
{
	bpf_loop(request_cnt, read_one, NULL, 0);
	return 0;
}

#endif
