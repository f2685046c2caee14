// SPDX-License-Identifier: GPL-2.0-only
/*
 * See background.h. A thread of its own, as a process without CAP_SYS_NICE that
 * has lowered its priority cannot raise it again.
 */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>

#include "resolve.h"

#define LOW 10 /* a tenth of a busy CPU: lower ones may not get anywhere for minutes */

struct job {
	int (*fn)(void *ctx);
	void *ctx;
	int ret;
};

/* As /sys has them: "1,3-5". */
static void clear_listed(const char *list, cpu_set_t *cpus)
{
	unsigned int first, last;
	int len;

	while (sscanf(list, "%u%n", &first, &len) == 1) {
		last = first;
		list += len;
		if (sscanf(list, "-%u%n", &last, &len) == 1)
			list += len;
		for (; first <= last && first < CPU_SETSIZE; first++)
			CPU_CLR(first, cpus);
		if (*list != ',')
			return;
		list++;
	}
}

/* If it may run on others at all. */
static void leave_isolated(void)
{
	cpu_set_t cpus;
	char list[4096];

	if (sched_getaffinity(0, sizeof(cpus), &cpus) ||
	    read_text_at(AT_FDCWD, "/sys/devices/system/cpu/isolated", list, sizeof(list)))
		return;
	clear_listed(list, &cpus);
	if (CPU_COUNT(&cpus))
		sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void *run(void *arg)
{
	struct job *job = arg;

	/* Of this thread only: Linux keeps both for each. */
	setpriority(PRIO_PROCESS, 0, LOW);
	leave_isolated();
	job->ret = job->fn(job->ctx);
	return NULL;
}

int background_run(int (*fn)(void *ctx), void *ctx)
{
	struct job job = { .fn = fn, .ctx = ctx };
	pthread_t thread;
	int err = pthread_create(&thread, NULL, run, &job);

	if (err)
		return -err;
	pthread_join(thread, NULL);
	return job.ret;
}
