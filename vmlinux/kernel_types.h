/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel types that we read, by hand: only the fields that we read, found
 * by name in the running kernel's BTF (CO-RE). A type whose shape changed has
 * one flavour (___name) per shape, named after what differs; bpf/folio.bpf.h
 * and bpf/owner.bpf.h choose with bpf_core_field_exists().
 */
#ifndef GUP_KERNEL_TYPES_H
#define GUP_KERNEL_TYPES_H

#include <linux/types.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct list_head {
	struct list_head *next, *prev;
};

struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

struct qstr {
	const unsigned char *name;
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned short i_mode;
	unsigned int i_flags;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	__u32 i_rdev;
	long long i_size;
	struct hlist_head i_dentry;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
	union {
		struct hlist_node d_alias;
	} d_u;
};

/* d_alias lies in the dentry itself, not in a union called d_u. */
struct dentry___flat {
	struct hlist_node d_alias;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct address_space {
	struct inode *host;
};

struct pipe_buffer {
	struct page *page;
};

struct pipe_inode_info {
	struct pipe_buffer *bufs;
};

/* struct page: flags are a plain word up to v6.17. */
struct page {
	unsigned long flags;
	unsigned long compound_head;
	struct address_space *mapping;
	unsigned long index;
	unsigned long private;
	atomic_t _mapcount;
	unsigned int page_type;
	atomic_t _refcount;
};

typedef struct {
	unsigned long f;
} memdesc_flags_t;

/* The flags word is wrapped in memdesc_flags_t where this matches. */
struct page___memdesc {
	memdesc_flags_t flags;
};

/* compound_head is gone, compound_info holds a mask or a pointer: see folio_of(). */
struct page___info {
	unsigned long compound_info;
};

/* index is a folio's only. */
struct page___folio_index {
	unsigned long __folio_index;
};

/* No struct folio yet: the first and second tail page have what is said of all. */
struct page___tails {
	unsigned char compound_dtor;
	unsigned char compound_order;
	atomic_t compound_mapcount;
	atomic_t hpage_pinned_refcount;
};

struct folio {
	struct list_head lru;
	struct address_space *mapping;
	unsigned long index;
	atomic_t _mapcount;
	atomic_t _refcount;
	unsigned long _flags_1;
	atomic_t _pincount;
	atomic_t _entire_mapcount;
	atomic_t _large_mapcount;
};

/* The order has a byte of its own before it moved into _flags_1; so had the destructor's id. */
struct folio___order_byte {
	unsigned char _folio_order;
	unsigned char _folio_dtor;
	atomic_t _total_mapcount;
};

struct task_struct;

struct mm_struct {
	struct task_struct *owner;
};

struct signal_struct {
	atomic_t live;
	int group_exit_code;
};

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	long counter;
} atomic_long_t;

struct user_struct {
	kuid_t uid;
	atomic_long_t locked_vm;
};

struct cred {
	kuid_t uid;
	struct user_struct *user;
};

struct kernfs_node {
	__u64 id;
};

struct thread_info {
	__u32 status;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	int exit_code;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct files_struct *files;
	const struct cred *cred;
	char comm[16];
	void *stack;
};

/* x86-64: what entry code saves of user space. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#endif
