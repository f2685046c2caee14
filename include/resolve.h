/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names for what the kernel gives as numbers: kernel and user addresses,
 * cgroup ids, processes, open files, clocks, the host.
 *
 * Knows /proc, /sys and ELF (through elfutils), no BPF and no snapshots.
 * Everything here is for one thread; strings that are not copied into a
 * caller's buffer say how long they live. Next: include/unwind.h.
 *
 * Errors: 0 or -errno; constructors return NULL with errno set.
 */
#ifndef GUP_RESOLVE_H
#define GUP_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- kernel symbols: src/resolve_kernel.c ---- */

struct ksym {
	uint64_t addr;	    /* start; the offset of an address is address - addr */
	const char *name;   /* as in /proc/kallsyms, compiler suffixes included */
	const char *module; /* NULL = the kernel itself; "bpf": BPF program or trampoline */
};

struct ksyms;

/*
 * Reads /proc/kallsyms. NULL with errno: EPERM when all addresses are hidden
 * (kptr_restrict without CAP_SYSLOG), else as of open(2) or malloc(3).
 */
struct ksyms *ksyms__load(void);
void ksyms__free(struct ksyms *ksyms);
/*
 * Reads /proc/kallsyms again, for modules loaded and BPF programs attached
 * since: tens of milliseconds. All struct ksym pointers become invalid. On an
 * error the old symbols stay.
 */
int ksyms__refresh(struct ksyms *ksyms);
/* The same when modules have come or gone since, at little cost when not. */
int ksyms__follow(struct ksyms *ksyms);
/*
 * The function that addr lies in; NULL = in none that is known. kallsyms has
 * no sizes: the last function before a gap is taken to be at most 16 KiB long.
 * Valid until ksyms__refresh() or ksyms__free().
 */
const struct ksym *ksyms__find(const struct ksyms *ksyms, uint64_t addr);
/*
 * Address of the function with exactly this name, 0 = none; the first one if
 * several have it (*count tells; count may be NULL). Looks at every symbol.
 */
uint64_t ksyms__addr(const struct ksyms *ksyms, const char *name, size_t *count);
/* Start of the first text symbol above addr, 0 = none: addr's function ends there at the latest. */
uint64_t ksyms__next(const struct ksyms *ksyms, uint64_t addr);

/* Copies a function's name without what compilers append: .isra.0 .constprop.0 .part.0 .cold ... */
void symbol_display(const char *name, char *buf, size_t size);
/* Of two names of one address: do people know a better (fewer leading underscores, shorter)? */
bool symbol_is_nicer(const char *a, const char *b);

/* ---- user addresses: src/resolve_user.c ---- */

struct proc_maps;

/*
 * What /proc/PID/maps has mapped read-only from files, and all executable
 * mappings. Each file is opened (in whatever mount namespace, even if deleted)
 * and kept open, so that all functions on the result work when the process has
 * gone. Processes share open files; at most 512 are open, a mapping beyond that
 * has a file name but no functions. An open file keeps its file system busy:
 * free what is not needed any more. NULL with errno: ESRCH when the process is
 * gone or has no memory, EPERM or EACCES when it may not be read.
 */
struct proc_maps *proc_maps__read(pid_t pid);
void proc_maps__free(struct proc_maps *maps);
/* Is addr in an executable mapping that was there when the maps were read? */
bool proc_maps__covers(const struct proc_maps *maps, uint64_t addr);
/*
 * Names the code that a return address (or the ip of a system call, which is
 * one as well) belongs to: the instruction before addr. *function is NULL when
 * no symbol covers it. *file is the base name of the object, "[vdso]", or for
 * code in no file what the maps call it, or NULL. *offset is the address as
 * `addr2line -e FILE` takes it, or within the mapped file when that is unreadable.
 * False: addr is not in the maps, all three are NULL or 0. The strings are valid
 * until the next call of this, unwind__user() or proc_maps__free().
 */
bool user_frame__resolve(const struct proc_maps *maps, uint64_t addr, const char **function,
			 const char **file, uint64_t *offset);
/* Closes the files (at most 32 are kept for the next user) that no proc_maps uses any more. */
void user_objects__drop(void);

/* ---- everything else: src/resolve_names.c ---- */

/*
 * Path of a cgroup below the cgroup2 mount ("/" = the root itself), by the id
 * that BPF and the kernel use: the inode number of its directory. NULL = unknown:
 * no cgroup2 mount, or the group is gone and nobody asked while it was there.
 * Valid until the next call.
 */
const char *cgroup_path(uint64_t cgroup_id);

struct proc_facts {
	uint32_t pid, ppid;
	uint32_t uid; /* real */
	bool kernel_thread;
	char comm[16];		/* raw: may hold spaces, parentheses, control characters */
	uint64_t start_ticks;	/* since boot, in 1/sysconf(_SC_CLK_TCK) s: with pid the identity */
	uint64_t start_boot_ns; /* the same in ns of CLOCK_BOOTTIME, rounded down to a tick */
	uint64_t vm_pin_kb, vm_lck_kb; /* 0 for kernel threads and zombies */
};

/* -ESRCH: no such process. */
int proc_facts__read(uint32_t pid, struct proc_facts *facts);
/* The same of an open /proc/PID. */
int proc_facts__read_dir(int dir, uint32_t pid, struct proc_facts *facts);
/* Reads a short file below dir, or its start, into buf as a string: 0 or -errno. */
int read_text_at(int dir, const char *path, char *buf, size_t size);

/* Times of other clocks as CLOCK_REALTIME ns, by today's difference of the clocks; 0 stays 0. */
uint64_t boot_to_real_ns(uint64_t boottime_ns);
uint64_t mono_to_real_ns(uint64_t monotonic_ns);

/* An open file as the kernel knows it. */
struct file_facts {
	uint32_t mode;		 /* i_mode; type bits may be 0 (anonymous inodes) */
	uint64_t dev, ino, rdev; /* devices in the kernel's encoding: major << 20 | minor */
	char name[64];		 /* of the dentry: "uverbs0", "[io_uring]"; a socket's protocol */
};

/* stat(2)'s device number in the kernel's encoding. */
uint64_t kernel_dev(dev_t dev);
/*
 * In one word what sort of file this is: rdma vfio iommu v4l2 dri nvme kvm vhost
 * io_uring udmabuf dma-buf xdp socket pipe block char file, or anon for another
 * anonymous inode. Devices are looked up in /sys. Constant string, never NULL.
 */
const char *file_kind(const struct file_facts *facts);
/* "/dev/infiniband/uverbs0" for a device that /sys knows, else the dentry's name. -ENAMETOOLONG. */
int file_path(const struct file_facts *facts, char *buf, size_t size);
/* What fd in a living process refers to, by /proc: full path, "[io_uring]", "socket:[123]". */
int fd_path(pid_t pid, int fd, char *buf, size_t size);

struct host_facts {
	char host[65];
	char kernel[65]; /* release */
	char arch[65];
	char boot_id[37];
	uint64_t page_size;
	uint64_t ram_bytes; /* MemTotal */
};

int host_facts__read(struct host_facts *facts);

/* nr_foll_pin_acquired and nr_foll_pin_released. -ENOENT: the kernel does not count them. */
int vmstat__read(uint64_t *acquired, uint64_t *released);
/*
 * Makes every CPU add its part, so that the next vmstat__read() is exact.
 * Interrupts all CPUs. Kernels before 5.13 answer EINVAL when any counter is
 * negative, after having done the work: no error here.
 */
int vmstat__refresh(void);
/*
 * How far a counter may be behind without that: each CPU keeps up to 125 events
 * of each node to itself (the threshold of struct per_cpu_nodestat is an s8).
 */
uint64_t vmstat__slack(void);

#endif
