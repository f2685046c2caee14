// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes, cgroups, clocks, open files and the host by name, checked against
 * this process and its children. Parts that need root or a device that is not
 * there skip themselves.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "resolve.h"

/* ---- processes, cgroups, clocks ---- */

static void test_proc_facts(void **state)
{
	static const char comm[] = "a) S (b\\\n%";
	struct proc_facts facts;
	char old[16];
	uint64_t now;

	(void)state;
	prctl(PR_GET_NAME, old);
	prctl(PR_SET_NAME, comm);
	assert_int_equal(proc_facts__read(getpid(), &facts), 0);
	prctl(PR_SET_NAME, old);
	assert_int_equal(facts.pid, getpid());
	assert_int_equal(facts.ppid, getppid());
	assert_int_equal(facts.uid, getuid());
	assert_string_equal(facts.comm, comm);
	assert_int_equal(facts.vm_pin_kb, 0);
	now = time(NULL);
	assert_in_range(boot_to_real_ns(facts.start_boot_ns) / 1000000000, now - 3600, now + 1);
	assert_int_equal(proc_facts__read(0x7ffffff0, &facts), -ESRCH);
}

static void test_locked_and_zombie(void **state)
{
	struct proc_facts facts;
	siginfo_t info;
	void *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	(void)state;
	if (!syscall(SYS_mlock, page, 8192)) { /* sanitizers make mlock() do nothing */
		assert_int_equal(proc_facts__read(getpid(), &facts), 0);
		assert_int_equal(facts.vm_lck_kb, 8);
	}
	munmap(page, 8192);
	pid = fork();
	if (!pid)
		_exit(0);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_facts__read(pid, &facts), 0);
	assert_int_equal(facts.ppid, getpid());
	errno = 0;
	assert_null(proc_maps__read(pid));
	assert_int_equal(errno, ESRCH);
	waitpid(pid, NULL, 0);
	assert_int_equal(proc_facts__read(pid, &facts), -ESRCH);
}

static void test_cgroup(void **state)
{
	char mount[4096] = "", type[64], line[8192], dir[4200], inner[4300];
	FILE *mounts = fopen("/proc/self/mounts", "re");
	struct stat st;

	(void)state;
	while (fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %4095s %63s", mount, type) == 2 && !strcmp(type, "cgroup2"))
			break;
		else
			*mount = '\0';
	fclose(mounts);
	assert_null(cgroup_path(0xdeadbeefdeadULL));
	snprintf(dir, sizeof(dir), "%s/gup test", mount);
	if (!*mount || (mkdir(dir, 0755) && errno != EEXIST))
		skip();
	assert_int_equal(stat(mount, &st), 0);
	assert_string_equal(cgroup_path(st.st_ino), "/");
	snprintf(inner, sizeof(inner), "%s/inner", dir);
	assert_true(!mkdir(inner, 0755) || errno == EEXIST);
	assert_int_equal(stat(inner, &st), 0);
	assert_string_equal(cgroup_path(st.st_ino), "/gup test/inner");
	assert_int_equal(rmdir(inner), 0);
	assert_string_equal(cgroup_path(st.st_ino), "/gup test/inner"); /* remembered */
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_null(cgroup_path(st.st_ino)); /* nobody asked in time */
}

static void test_clocks(void **state)
{
	struct timespec mono, boot, real;
	uint64_t ns;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &real);
	ns = real.tv_sec * 1000000000ULL + real.tv_nsec;
	assert_in_range(mono_to_real_ns(mono.tv_sec * 1000000000ULL + mono.tv_nsec), ns - 100000000,
			ns + 100000000);
	assert_in_range(boot_to_real_ns(boot.tv_sec * 1000000000ULL + boot.tv_nsec), ns - 100000000,
			ns + 100000000);
	assert_int_equal(mono_to_real_ns(0), 0);
	assert_int_equal(boot_to_real_ns(0), 0);
}

/* ---- open files ---- */

static void facts_of_path(const char *path, struct file_facts *facts)
{
	struct stat st;

	*facts = (struct file_facts){};
	if (stat(path, &st))
		return;
	facts->mode = st.st_mode;
	facts->dev = kernel_dev(st.st_dev);
	facts->ino = st.st_ino;
	facts->rdev = kernel_dev(st.st_rdev);
	snprintf(facts->name, sizeof(facts->name), "%.63s", strrchr(path, '/') + 1);
}

static void test_devices(void **state)
{
	static const char *const devices[][2] = {
		{ "/dev/null", "char" },
		{ "/dev/kvm", "kvm" },
		{ "/dev/vfio/vfio", "vfio" },
		{ "/dev/iommu", "iommu" },
		{ "/dev/udmabuf", "udmabuf" },
		{ "/dev/vhost-net", "vhost" },
		{ "/dev/dri/card0", "dri" },
		{ "/dev/video0", "v4l2" },
		{ "/dev/infiniband/uverbs0", "rdma" },
		{ "/dev/nvme0", "nvme" },
		{ "/dev/infiniband/rdma_cm", "rdma" },
	};
	struct file_facts facts;
	char path[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		facts_of_path(devices[i][0], &facts);
		if (!facts.rdev)
			continue;
		assert_string_equal(file_kind(&facts), devices[i][1]);
		/* The name in /dev may have been changed: it must not matter. */
		strcpy(facts.name, "renamed");
		assert_string_equal(file_kind(&facts), devices[i][1]);
		assert_int_equal(file_path(&facts, path, sizeof(path)), 0);
		assert_string_equal(path, devices[i][0]);
	}
	assert_int_equal(kernel_dev(0x0103), 1 << 20 | 3);
	facts = (struct file_facts){ .mode = S_IFCHR, .rdev = 4000ULL << 20, .name = "gone" };
	assert_string_equal(file_kind(&facts), "char");
	assert_int_equal(file_path(&facts, path, sizeof(path)), 0);
	assert_string_equal(path, "gone");
	assert_int_equal(file_path(&facts, path, 3), -ENAMETOOLONG);
	facts.mode = S_IFBLK;
	assert_string_equal(file_kind(&facts), "block");
}

static void test_other_files(void **state)
{
	static const struct {
		uint32_t mode;
		uint64_t dev;
		const char *name, *kind;
	} files[] = {
		{ 0600, 15, "[io_uring]", "io_uring" },
		{ 0600, 15, "[eventfd]", "anon" },
		{ 0600, 15, "[vfio-device]", "vfio" },
		{ 0600, 15, "kvm-vm", "kvm" },
		{ 0600, 15, "dmabuf", "dma-buf" },
		{ S_IFREG | 0600, 15, "dmabuf", "dma-buf" },
		{ S_IFREG | 0600, 8 << 20, "dmabuf", "file" },
		{ S_IFREG | 0600, 8 << 20, "[io_uring]", "file" },
		{ S_IFREG | 0600, 8 << 20 | 1, "data.db", "file" },
		{ S_IFSOCK | 0777, 8, "XDP", "xdp" },
		{ S_IFSOCK | 0777, 8, "TCP", "socket" },
		{ S_IFSOCK | 0777, 8, "", "socket" },
		{ S_IFIFO | 0600, 9, "", "pipe" },
		{ S_IFDIR | 0755, 8 << 20, "dir", "file" },
	};
	struct file_facts facts;
	char path[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		facts = (struct file_facts){ .mode = files[i].mode, .dev = files[i].dev };
		strcpy(facts.name, files[i].name);
		assert_string_equal(file_kind(&facts), files[i].kind);
		assert_int_equal(file_path(&facts, path, sizeof(path)), 0);
		assert_string_equal(path, files[i].name);
	}
	memset(facts.name, 'x', sizeof(facts.name)); /* no NUL */
	assert_int_equal(file_path(&facts, path, sizeof(path)), -ENAMETOOLONG);
	file_kind(&facts);
}

static void test_fd_path(void **state)
{
	int event = eventfd(0, EFD_CLOEXEC), file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char path[64], small[4];

	(void)state;
	assert_int_equal(fd_path(getpid(), event, path, sizeof(path)), 0);
	assert_string_equal(path, "[eventfd]");
	assert_int_equal(fd_path(getpid(), file, path, sizeof(path)), 0);
	assert_string_equal(path, "/dev/null");
	assert_int_equal(fd_path(getpid(), file, small, sizeof(small)), -ENAMETOOLONG);
	close(event);
	close(file);
	assert_int_equal(fd_path(getpid(), file, path, sizeof(path)), -ENOENT);
}

/* ---- the host ---- */

static void test_host(void **state)
{
	struct host_facts facts;

	(void)state;
	assert_int_equal(host_facts__read(&facts), 0);
	assert_int_not_equal(facts.host[0], 0);
	assert_non_null(strchr(facts.kernel, '.'));
	assert_int_equal(strlen(facts.boot_id), 36);
	assert_int_equal(facts.page_size, sysconf(_SC_PAGESIZE));
	assert_true(facts.ram_bytes > 16 << 20);
}

static void test_vmstat(void **state)
{
	uint64_t acquired = 1, released = 1;
	int err = vmstat__read(&acquired, &released);

	(void)state;
	if (err == -ENOENT)
		skip();
	assert_int_equal(err, 0);
	if (!geteuid())
		assert_int_equal(vmstat__refresh(), 0);
	else
		vmstat__refresh();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc_facts), cmocka_unit_test(test_locked_and_zombie),
		cmocka_unit_test(test_cgroup),	   cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_devices),	   cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_fd_path),	   cmocka_unit_test(test_host),
		cmocka_unit_test(test_vmstat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
