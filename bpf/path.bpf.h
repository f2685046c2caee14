/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a folio's mapping to its file: inode, size, links, and the path below
 * the file system's root by its first dentry. Names and dentries that go away
 * meanwhile stay readable, because a raw tracepoint program runs under RCU.
 */
#ifndef GUP_PATH_BPF_H
#define GUP_PATH_BPF_H

#include "folio.bpf.h"

static __always_inline struct dentry *first_dentry(struct inode *inode)
{
	struct hlist_node *alias = BPF_CORE_READ(inode, i_dentry.first);

	if (!alias)
		return NULL;
	if (bpf_core_field_exists(struct dentry___flat, d_alias))
		return (void *)alias - bpf_core_field_offset(struct dentry___flat, d_alias);
	return (void *)alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
}

/* Components from the last one up. */
static __always_inline void read_path(struct gup_scan_file *file, struct dentry *dentry)
{
	__u32 len = 0;

	for (int i = 0; i < GUP_PATH_DEPTH && dentry; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		const unsigned char *name;
		long got;

		/* A file that no directory has (a memfd) is its own parent, and has a name. */
		if (parent == dentry && i) {
			file->whole = 1;
			break;
		}
		if (len >= GUP_PATH_BYTES)
			break;
		name = BPF_CORE_READ(dentry, d_name.name);
		got = bpf_probe_read_kernel_str(&file->path[len], 256, name);
		if (got <= 0 || got > 256)
			break;
		len += got;
		file->path_len = len;
		file->depth = i + 1;
		dentry = parent == dentry ? NULL : parent;
	}
}

static __always_inline void read_file_of(struct gup_scan_file *file, __u64 folio)
{
	__u64 mapping = file->mapping;
	struct inode *inode = BPF_CORE_READ((struct address_space *)mapping, host);

	file->known = 0;
	file->whole = 0;
	file->depth = 0;
	file->path_len = 0;
	if ((__u64)BPF_CORE_READ((struct page *)folio, mapping) != mapping || !inode)
		return;
	file->ino = BPF_CORE_READ(inode, i_ino);
	file->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	file->bytes = BPF_CORE_READ(inode, i_size);
	file->links = BPF_CORE_READ(inode, i_nlink);
	read_path(file, first_dentry(inode));
	file->known = (__u64)BPF_CORE_READ((struct page *)folio, mapping) == mapping;
}

#endif
