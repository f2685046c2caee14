// SPDX-License-Identifier: GPL-2.0-only
/* Runs the command under test. Knows nothing of pins. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_child(int go, int failed, char *const argv[])
{
	sigset_t none;
	char byte;
	int err;

	/* End of file: go. Nobody writes. */
	if (read(go, &byte, 1) != 0)
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	err = errno;
	if (write(failed, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

int command__prepare(struct command *cmd, char *const argv[])
{
	int go[2], failed[2], err;

	memset(cmd, 0, sizeof(*cmd));
	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(failed, O_CLOEXEC)) {
		err = -errno;
		close(go[0]);
		close(go[1]);
		return err;
	}
	cmd->pid = fork();
	if (!cmd->pid) {
		close(go[1]);
		close(failed[0]);
		run_child(go[0], failed[1], argv);
	}
	err = cmd->pid < 0 ? -errno : 0;
	close(go[0]);
	close(failed[1]);
	cmd->go = go[1];
	cmd->failed = failed[0];
	return err;
}

int command__start(struct command *cmd)
{
	int err = 0;
	ssize_t got;

	close(cmd->go);
	do
		got = read(cmd->failed, &err, sizeof(err));
	while (got < 0 && errno == EINTR);
	close(cmd->failed);
	if (got != sizeof(err))
		return 0;
	waitpid(cmd->pid, &cmd->status, 0);
	cmd->ended = true;
	return -err;
}

bool command__ended(struct command *cmd)
{
	if (!cmd->ended && waitpid(cmd->pid, &cmd->status, WNOHANG) == cmd->pid)
		cmd->ended = true;
	return cmd->ended;
}

void command__signal(const struct command *cmd, int signal)
{
	if (!cmd->ended)
		kill(cmd->pid, signal);
}

void command__cancel(struct command *cmd)
{
	kill(cmd->pid, SIGKILL); /* it waits for its start and has done nothing */
	close(cmd->go);
	close(cmd->failed);
	waitpid(cmd->pid, &cmd->status, 0);
	cmd->ended = true;
}
