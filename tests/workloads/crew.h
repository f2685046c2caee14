/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Child processes that work in step with their parent: each has a socket to it. A child reports
 * with crew__report() and waits for its next order with crew__wait(); the parent hears each report
 * with crew__hear() and gives the order with crew__tell(). A child that dies without a report, and
 * a parent that dies at all, are noticed by the other side. In a header because the programs
 * share no second source file.
 */
#ifndef CREW_H
#define CREW_H

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pinlib.h"

struct member {
	pid_t pid;
	int sock;
	unsigned int nr; /* the how manieth, from 0 */
};

struct report {
	int status; /* 0 or an exit status; the child has printed why */
	unsigned long value;
};

static inline void crew__report(const struct member *me, int status, unsigned long value)
{
	struct report report = { status, value };

	if (write(me->sock, &report, sizeof(report)) != sizeof(report))
		_exit(EXIT_RUN);
}

static inline void crew__wait(const struct member *me)
{
	char c;

	while (read(me->sock, &c, 1) < 0 && errno == EINTR)
		;
}

/* The child runs work() and exits with what it returns. */
static inline int crew__start(struct member *m, unsigned int nr,
			      int (*work)(const struct member *me, void *arg), void *arg)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return fail("socketpair");
	m->nr = nr;
	m->pid = fork();
	if (m->pid < 0)
		return fail("fork");
	if (!m->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		m->sock = pair[1];
		_exit(work(m, arg));
	}
	close(pair[1]);
	m->sock = pair[0];
	return 0;
}

static inline int crew__hear(const struct member *m, unsigned long *value)
{
	struct report report;
	ssize_t got = read(m->sock, &report, sizeof(report));

	if (got != sizeof(report)) {
		errno = got < 0 ? errno : 0;
		return fail("child process %d died", m->pid);
	}
	if (value)
		*value = report.value;
	return report.status;
}

static inline void crew__tell(const struct member *m)
{
	/* A child that is gone is found out by the next crew__hear() or by crew__end(). */
	send(m->sock, "", 1, MSG_NOSIGNAL);
}

/*
 * Let the child end, from whatever it waits for, and return its exit status. The order is sent as
 * well as the socket closed: children started later have inherited this side of it.
 */
static inline int crew__end(struct member *m)
{
	int status;

	if (m->pid <= 0)
		return 0;
	crew__tell(m);
	close(m->sock);
	if (waitpid(m->pid, &status, 0) != m->pid)
		return fail("waitpid");
	errno = 0;
	if (WIFSIGNALED(status))
		return fail("child process %d ended by signal %d", m->pid, WTERMSIG(status));
	m->pid = 0;
	return WEXITSTATUS(status);
}

#endif
