// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the HTTP half gives up before it reads its first byte from a client. It
 * is forked before the tracker is opened, so it never had a BPF descriptor.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "serve.h"
#include "util.h"

#define SERVE_USER "gup-pin"
#define NOBODY 65534
#define DESCRIPTORS 512

static int drop_user(void)
{
	const struct passwd *user = getpwnam(SERVE_USER);
	uid_t uid = user ? user->pw_uid : NOBODY;
	gid_t gid = user ? user->pw_gid : NOBODY;

	if (geteuid())
		return 0;
	/* a network of its own: none; refused in some containers, and only a second fence */
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC) && errno != EPERM && errno != EINVAL)
		return -errno;
	/* leaving uid 0 for another one drops all capabilities: capabilities(7) */
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	return setuid(0) ? 0 : -EPERM;
}

static void close_others(const struct serve_options *opts)
{
	long most = sysconf(_SC_OPEN_MAX);

	for (int fd = 0; fd < most && fd < 65536; fd++)
		if (fd != STDERR_FILENO && fd != opts->socket && fd != opts->feed &&
		    fd != opts->relay)
			close(fd);
	/* 0 and 1 stay taken, so that no later descriptor is mistaken for them */
	if (open("/dev/null", O_RDWR) != STDIN_FILENO || dup(STDIN_FILENO) != STDOUT_FILENO)
		warnx("can't open /dev/null");
}

int serve_confine(const struct serve_options *opts)
{
	const struct rlimit files = { DESCRIPTORS, DESCRIPTORS }, none = { 0, 0 };
	int err;

	close_others(opts);
	err = drop_user();
	if (err)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    setrlimit(RLIMIT_NOFILE, &files) || setrlimit(RLIMIT_CORE, &none))
		return -errno;
	return 0;
}
