/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The command under test: forked but not yet executed, so that the tracker
 * knows its process id before it does anything; signals are passed on to it.
 */
#ifndef GUP_COMMAND_H
#define GUP_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct command {
	pid_t pid;
	int go;	    /* writing end: closing it lets the command run */
	int failed; /* reading end: errno of a failed exec comes out here */
	bool ended;
	int status; /* as of wait(2) */
};

/* Forks. 0 or -errno. Its exec waits for command__start(). */
int command__prepare(struct command *cmd, char *const argv[]);
/* Lets it run. 0, or -errno of exec (the process is reaped then). */
int command__start(struct command *cmd);
/* Has it ended? Reaps it. */
bool command__ended(struct command *cmd);
/* Passes a signal on. */
void command__signal(const struct command *cmd, int signal);
/* Ends a command that was never started. */
void command__cancel(struct command *cmd);

#endif
