// SPDX-License-Identifier: GPL-2.0-only
/* What the process that tracks keeps of root's privilege. See pind_impl.h. */
#include <err.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pind_impl.h"
#include "util.h"

/* The table of gup-pind(8) says what each is for, and what a report lacks without it. */
static const int kept[] = {
	CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN, CAP_SYSLOG, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
};

static bool is_kept(int cap)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (kept[i] == cap)
			return true;
	return false;
}

/* Of what the process has: it may have been given less. */
static int keep_some(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2], some[2] = {};

	if (syscall(SYS_capget, &header, data))
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		some[kept[i] / 32].permitted |= 1U << kept[i] % 32;
	for (int i = 0; i < 2; i++) {
		some[i].permitted &= data[i].permitted;
		some[i].effective = some[i].permitted;
	}
	return syscall(SYS_capset, &header, some) ? -errno : 0;
}

int pind_privilege__drop(void)
{
	/* Each past the last that the kernel knows is EINVAL; without CAP_SETPCAP none can go. */
	for (int cap = 0; cap < 64; cap++)
		if (!is_kept(cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EINVAL &&
		    errno != EPERM)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return keep_some();
}
