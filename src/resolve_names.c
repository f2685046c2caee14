// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names for everything but addresses: cgroups, processes, clocks, open files,
 * the host. Plain readers of /proc and /sys.
 * Interface: include/resolve.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "resolve.h"
#include "util.h"

#define NS_PER_S 1000000000ULL

int read_text_at(int dir, const char *path, char *buf, size_t size)
{
	cleanup_fd int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	size_t have = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while (have < size - 1 && (got = read(fd, buf + have, size - 1 - have)) != 0) {
		if (got > 0)
			have += got;
		else if (errno != EINTR)
			return -errno;
	}
	buf[have] = '\0';
	return 0;
}

/* readlink(2) with a NUL and an error when it does not fit. */
static int read_link(const char *path, char *buf, size_t size)
{
	ssize_t len = readlink(path, buf, size);

	if (len < 0)
		return -errno;
	if ((size_t)len >= size)
		return -ENAMETOOLONG;
	buf[len] = '\0';
	return 0;
}

/* ---- cgroups ---- */

#define MAX_CGROUPS 1024 /* remembered, also when they are gone */
#define MAX_CGROUP_DEPTH 32

static struct {
	struct {
		uint64_t id;
		char *path;
	} known[MAX_CGROUPS];
	size_t cnt, next; /* next: the one to forget when full */
} cgroups;

static bool find_cgroup_mount(char *buf, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	char strings[2 * PATH_MAX];
	struct mntent entry;
	bool found = false;

	if (!mounts)
		return false;
	while (!found && getmntent_r(mounts, &entry, strings, sizeof(strings)))
		found = !strcmp(entry.mnt_type, "cgroup2") &&
			snprintf(buf, size, "%s", entry.mnt_dir) < (int)size;
	endmntent(mounts);
	return found;
}

/* By file handle, which for kernfs is the id itself: one call, whatever the number of groups. */
static bool cgroup_by_handle(int mount, uint64_t id, char *buf, size_t size)
{
	enum { FILEID_KERNFS = 0xfe }; /* include/linux/exportfs.h */
	char space[sizeof(struct file_handle) + sizeof(id)]
		__attribute__((aligned(__alignof__(struct file_handle))));
	struct file_handle *handle = (struct file_handle *)space;
	cleanup_fd int fd = -1;
	char self[64];

	handle->handle_bytes = sizeof(id);
	handle->handle_type = FILEID_KERNFS;
	memcpy(handle->f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount, handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return !read_link(self, buf, size);
}

/* Without CAP_DAC_READ_SEARCH: look at all groups. path is extended to the one found. */
static bool cgroup_by_walk(char *path, size_t size, uint64_t id, int depth)
{
	size_t len = strlen(path);
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = depth < MAX_CGROUP_DEPTH ? opendir(path) : NULL;
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(path + len, size - len, "/%s", entry->d_name) < (int)(size - len))
			found = entry->d_ino == id || cgroup_by_walk(path, size, id, depth + 1);
		if (!found)
			path[len] = '\0';
	}
	closedir(dir);
	return found;
}

static char *find_cgroup(uint64_t id)
{
	char mount[PATH_MAX], path[PATH_MAX];
	cleanup_fd int fd = -1;
	bool found = false;
	struct stat st;
	size_t len;

	if (!find_cgroup_mount(mount, sizeof(mount)) || stat(mount, &st))
		return NULL;
	if (st.st_ino == id)
		return strdup("/");
	len = strlen(mount);
	fd = open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		found = cgroup_by_handle(fd, id, path, sizeof(path));
	if (!found) {
		memcpy(path, mount, len + 1);
		found = cgroup_by_walk(path, sizeof(path), id, 0);
	}
	/* Deleted groups can still be opened by handle: their path ends " (deleted)". */
	if (!found || strncmp(path, mount, len) || path[len] != '/' || access(path, F_OK))
		return NULL;
	return strdup(path + len);
}

const char *cgroup_path(uint64_t cgroup_id)
{
	char *path;
	size_t i;

	for (i = 0; i < cgroups.cnt; i++)
		if (cgroups.known[i].id == cgroup_id)
			return cgroups.known[i].path;
	path = find_cgroup(cgroup_id);
	if (!path)
		return NULL;
	if (cgroups.cnt < MAX_CGROUPS) {
		i = cgroups.cnt++;
	} else {
		i = cgroups.next++ % MAX_CGROUPS;
		free(cgroups.known[i].path);
	}
	cgroups.known[i].id = cgroup_id;
	cgroups.known[i].path = path;
	return path;
}

/* ---- processes ---- */

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

static int parse_stat(const char *text, struct proc_facts *facts)
{
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	unsigned long long start;
	unsigned int ppid, flags;

	if (!open || !close || close < open ||
	    sscanf(close + 1,
		   " %*c %u %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
		   "%*d %*d %llu",
		   &ppid, &flags, &start) != 3)
		return -EINVAL;
	/* Anything may stand between the first "(" and the last ")". */
	snprintf(facts->comm, sizeof(facts->comm), "%.*s", (int)(close - open - 1), open + 1);
	facts->ppid = ppid;
	facts->kernel_thread = flags & PF_KTHREAD;
	facts->start_ticks = start;
	return 0;
}

/* A field of status by its name with the colon; the first number after it. */
static uint64_t status_field(const char *text, const char *name)
{
	const char *at = text;

	while ((at = strstr(at, name)) && at != text && at[-1] != '\n')
		at++;
	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* Both files through one directory: never of two processes with one number. */
int proc_facts__read_dir(int dir, uint32_t pid, struct proc_facts *facts)
{
	uint64_t hz = sysconf(_SC_CLK_TCK);
	char text[16384]; /* "Groups:", before what we want, can be long */
	int err;

	memset(facts, 0, sizeof(*facts));
	facts->pid = pid;
	err = read_text_at(dir, "stat", text, sizeof(text));
	if (!err)
		err = parse_stat(text, facts);
	if (!err)
		err = read_text_at(dir, "status", text, sizeof(text));
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	facts->start_boot_ns =
		facts->start_ticks / hz * NS_PER_S + facts->start_ticks % hz * NS_PER_S / hz;
	facts->uid = status_field(text, "Uid:");
	facts->vm_pin_kb = status_field(text, "VmPin:");
	facts->vm_lck_kb = status_field(text, "VmLck:");
	return 0;
}

int proc_facts__read(uint32_t pid, struct proc_facts *facts)
{
	cleanup_fd int dir = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return proc_facts__read_dir(dir, pid, facts);
}

/* ---- clocks ---- */

#define READINGS 4

/* The clocks cannot be read at once: what comes between two readings is an error, so the quickest counts. */
static uint64_t to_real_ns(clockid_t clock, uint64_t ns)
{
	uint64_t least = UINT64_MAX, ahead = 0;

	if (!ns)
		return 0;
	for (int i = 0; i < READINGS; i++) {
		uint64_t before = clock_ns(clock), real = clock_ns(CLOCK_REALTIME);
		uint64_t took = clock_ns(clock) - before;

		if (took < least) {
			least = took;
			ahead = real - before - took / 2;
		}
	}
	return ns + ahead;
}

uint64_t boot_to_real_ns(uint64_t boottime_ns)
{
	return to_real_ns(CLOCK_BOOTTIME, boottime_ns);
}

uint64_t mono_to_real_ns(uint64_t monotonic_ns)
{
	return to_real_ns(CLOCK_MONOTONIC, monotonic_ns);
}

/* ---- open files ---- */

uint64_t kernel_dev(dev_t dev)
{
	return (uint64_t)major(dev) << 20 | minor(dev);
}

/* Character devices by subsystem and, where that says little, by the start of the device's name. */
static const struct {
	const char *subsystem, *devname, *kind;
} device_kinds[] = {
	{ "infiniband_verbs", NULL, "rdma" },
	{ "infiniband_mad", NULL, "rdma" },
	{ "infiniband_cm", NULL, "rdma" },
	{ "misc", "infiniband/", "rdma" },
	{ "vfio", NULL, "vfio" },
	{ "vfio-dev", NULL, "vfio" },
	{ "misc", "vfio/", "vfio" },
	{ "misc", "iommu", "iommu" },
	{ "video4linux", NULL, "v4l2" },
	{ "drm", NULL, "dri" },
	{ "accel", NULL, "dri" },
	{ "nvme", NULL, "nvme" },
	{ "nvme-generic", NULL, "nvme" },
	{ "nvme-subsystem", NULL, "nvme" },
	{ "misc", "kvm", "kvm" },
	{ "misc", "vhost-", "vhost" },
	{ "vhost-vdpa", NULL, "vhost" },
	{ "misc", "udmabuf", "udmabuf" },
	{ "dma_heap", NULL, "dma-buf" },
};

/* Files without a device by the start of their dentry's name; sockets have their protocol's. */
static const struct {
	mode_t type; /* S_IFSOCK, or 0: anonymous inode */
	const char *name, *kind;
} name_kinds[] = {
	{ S_IFSOCK, "XDP", "xdp" },	 { S_IFSOCK, "", "socket" },
	{ 0, "[io_uring]", "io_uring" }, { 0, "[vfio-", "vfio" },
	{ 0, "[iommufd", "iommu" },	 { 0, "kvm-", "kvm" },
	{ 0, "[kvm-", "kvm" },		 { 0, "[infinibandevent]", "rdma" },
	{ 0, "dmabuf", "dma-buf" },	 { 0, "", "anon" },
};

static int sys_dev(const struct file_facts *facts, const char *file, char *buf, size_t size)
{
	return snprintf(buf, size, "/sys/dev/%s/%u:%u%s", S_ISBLK(facts->mode) ? "block" : "char",
			(unsigned int)(facts->rdev >> 20), (unsigned int)(facts->rdev & 0xfffff),
			file);
}

/* What the kernel proposes as the name below /dev, "infiniband/uverbs0". */
static bool read_devname(const struct file_facts *facts, char *buf, size_t size)
{
	char path[96], text[2048], *name;

	sys_dev(facts, "/uevent", path, sizeof(path));
	if (read_text_at(AT_FDCWD, path, text, sizeof(text)))
		return false;
	name = strstr(text, "DEVNAME=");
	if (!name || (name != text && name[-1] != '\n'))
		return false;
	name += strlen("DEVNAME=");
	name[strcspn(name, "\n")] = '\0';
	return snprintf(buf, size, "%s", name) < (int)size;
}

static const char *device_kind(const struct file_facts *facts)
{
	char path[96], link[PATH_MAX], devname[256] = "";
	const char *subsystem;
	size_t i;

	sys_dev(facts, "/subsystem", path, sizeof(path));
	if (read_link(path, link, sizeof(link)) || !strrchr(link, '/'))
		return "char";
	subsystem = strrchr(link, '/') + 1;
	read_devname(facts, devname, sizeof(devname));
	for (i = 0; i < ARRAY_SIZE(device_kinds); i++) {
		const char *start = device_kinds[i].devname;

		if (!strcmp(subsystem, device_kinds[i].subsystem) &&
		    (!start || !strncmp(devname, start, strlen(start))))
			return device_kinds[i].kind;
	}
	return "char";
}

/* The file system of the kernel's anonymous inodes, in the kernel's encoding; 0 = unknown. */
static uint64_t anon_dev(void)
{
	cleanup_fd int fd = eventfd(0, EFD_CLOEXEC);
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) ? kernel_dev(st.st_dev) : 0;
}

/*
 * i_mode of anonymous inodes has no type. Linux kernel commit cfd86ef7e8e7
 * ("anon_inode: use a proper mode internally") made it say regular file; that
 * was taken back soon, but stable kernels have it. dma-bufs live in a file
 * system of their own.
 */
static bool is_anon(const struct file_facts *facts)
{
	mode_t type = facts->mode & S_IFMT;

	if (type != S_IFREG)
		return !type;
	if (facts->dev >> 20) /* on a disk */
		return false;
	return !strcmp(facts->name, "dmabuf") || facts->dev == anon_dev();
}

const char *file_kind(const struct file_facts *facts)
{
	mode_t type = is_anon(facts) ? 0 : facts->mode & S_IFMT;
	size_t i;

	if (type == S_IFBLK)
		return "block";
	if (type == S_IFCHR)
		return device_kind(facts);
	if (type == S_IFIFO)
		return "pipe";
	for (i = 0; i < ARRAY_SIZE(name_kinds); i++) {
		const char *start = name_kinds[i].name;

		if (name_kinds[i].type == type && !strncmp(facts->name, start, strlen(start)))
			return name_kinds[i].kind;
	}
	return "file";
}

int file_path(const struct file_facts *facts, char *buf, size_t size)
{
	char name[256];

	if ((S_ISCHR(facts->mode) || S_ISBLK(facts->mode)) &&
	    read_devname(facts, name, sizeof(name)))
		return snprintf(buf, size, "/dev/%s", name) < (int)size ? 0 : -ENAMETOOLONG;
	return snprintf(buf, size, "%.*s", (int)sizeof(facts->name), facts->name) < (int)size
		       ? 0
		       : -ENAMETOOLONG;
}

int fd_path(pid_t pid, int fd, char *buf, size_t size)
{
	static const char anon[] = "anon_inode:";
	char path[64], link[PATH_MAX];
	const char *name = link;
	int err;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	err = read_link(path, link, sizeof(link));
	if (!err && !strncmp(link, anon, strlen(anon)))
		name += strlen(anon);
	return err ? err : snprintf(buf, size, "%s", name) < (int)size ? 0 : -ENAMETOOLONG;
}

/* ---- the host ---- */

int host_facts__read(struct host_facts *facts)
{
	struct utsname uts;
	char text[512];
	int err;

	memset(facts, 0, sizeof(*facts));
	if (uname(&uts))
		return -errno;
	snprintf(facts->host, sizeof(facts->host), "%s", uts.nodename);
	snprintf(facts->kernel, sizeof(facts->kernel), "%s", uts.release);
	snprintf(facts->arch, sizeof(facts->arch), "%s", uts.machine);
	facts->page_size = sysconf(_SC_PAGESIZE);
	err = read_text_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text));
	if (err)
		return err;
	text[strcspn(text, "\n")] = '\0';
	snprintf(facts->boot_id, sizeof(facts->boot_id), "%.36s", text);
	err = read_text_at(AT_FDCWD, "/proc/meminfo", text, sizeof(text));
	if (err)
		return err;
	facts->ram_bytes = status_field(text, "MemTotal:") * 1024;
	return 0;
}
