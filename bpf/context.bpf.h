/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a program runs: in a task or in an interrupt, inside which system call,
 * given which open file.
 */
#ifndef GUP_CONTEXT_BPF_H
#define GUP_CONTEXT_BPF_H

#define PF_IO_WORKER 0x10
#define PF_KTHREAD 0x200000
#define TS_COMPAT 2
#define THREAD_BYTES 16384 /* x86-64 */

/* Where on the kernel stack a tracing program's context lies. */
static __always_inline __u64 stack_address(void *ctx)
{
	__u64 here = 0;

	/* The verifier allows no arithmetic on ctx itself. */
	bpf_probe_read_kernel(&here, sizeof(here), &ctx);
	return here;
}

/*
 * In a soft or hard interrupt, where current has nothing to do with what
 * happens: those run on stacks of their own on x86-64, and the context of a
 * tracing program lies on the stack that it runs on. The preempt count would
 * say the same, but its symbol is not in every kernel's kallsyms.
 */
static __always_inline bool in_interrupt(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return stack_address(ctx) - (__u64)task->stack >= THREAD_BYTES;
}

static __always_inline struct pt_regs *user_regs(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs((void *)bpf_get_current_task_btf());
	return BPF_CORE_READ(task, stack) + THREAD_BYTES - bpf_core_type_size(struct pt_regs);
}

/* System calls whose first argument is a descriptor and inside which drivers and files pin. */
static __always_inline bool takes_fd(long nr, __u64 arg1, __u64 arg3)
{
	switch (nr) {
	case 0 ... 1:	  /* read, write */
	case 16 ... 20:	  /* ioctl, pread64, pwrite64, readv, writev */
	case 40:	  /* sendfile */
	case 44 ... 47:	  /* sendto, recvfrom, sendmsg, recvmsg */
	case 54:	  /* setsockopt */
	case 295 ... 296: /* preadv, pwritev */
	case 327 ... 328: /* preadv2, pwritev2 */
		return true;
	case 426: /* io_uring_enter; IORING_ENTER_REGISTERED_RING: no descriptor */
		return !(arg3 & 16);
	case 427: /* io_uring_register; IORING_REGISTER_USE_REGISTERED_RING likewise */
		return !(arg1 & 0x80000000);
	}
	return false;
}

struct syscall {
	__s32 nr; /* -1 = not in a system call of user space */
	__s32 fd; /* -1 = none */
};

/* The open file that the current system call was given, NULL where there is none. */
static __always_inline struct file *syscall_file(struct task_struct *task, struct syscall *call)
{
	struct file **fds, *file = NULL;
	struct pt_regs *regs;
	struct fdtable *fdt;
	__u32 fd;

	call->nr = -1;
	call->fd = -1;
	if ((BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER)) ||
	    (BPF_CORE_READ(task, thread_info.status) & TS_COMPAT))
		return NULL;
	regs = user_regs(task);
	call->nr = (__s32)BPF_CORE_READ(regs, orig_ax);
	if (!takes_fd(call->nr, BPF_CORE_READ(regs, si), BPF_CORE_READ(regs, r10)))
		return NULL;
	fd = (__u32)BPF_CORE_READ(regs, di);
	fdt = BPF_CORE_READ(task, files, fdt);
	if (fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	fds = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), fds + fd);
	if (file)
		call->fd = fd;
	return file;
}

/* The same with all that identifies it; out->file stays 0 where there is none. */
static __always_inline void through_file(struct task_struct *task, struct gup_file *out)
{
	struct syscall call;
	struct file *file = syscall_file(task, &call);
	struct inode *inode;

	out->syscall = call.nr;
	out->fd = call.fd;
	if (!file)
		return;
	inode = BPF_CORE_READ(file, f_inode);
	out->file = (__u64)file;
	out->priv = (__u64)BPF_CORE_READ(file, private_data);
	out->ino = BPF_CORE_READ(inode, i_ino);
	out->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	out->rdev = BPF_CORE_READ(inode, i_rdev);
	out->mode = BPF_CORE_READ(inode, i_mode);
	bpf_probe_read_kernel_str(out->name, sizeof(out->name),
				  BPF_CORE_READ(file, f_path.dentry, d_name.name));
}

#endif
