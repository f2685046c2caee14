// SPDX-License-Identifier: GPL-2.0-only
/* What the pinning programs' command lines and their hold have in common, see pinargs.h. */
#include "pinargs.h"

#include <stdlib.h>
#include <unistd.h>

unsigned long num_arg(const char *arg, struct argp_state *state)
{
	unsigned long num = 0;

	if (!parse_num(arg, &num) || !num)
		argp_error(state, "%s: not a number above 0", arg);
	return num;
}

unsigned long ms_arg(const char *arg, struct argp_state *state)
{
	char *end;
	double sec = strtod(arg, &end);

	if (end == arg || *end || !(sec >= 0 && sec <= 1e6))
		argp_error(state, "%s: not a number of seconds", arg);
	return sec * 1000;
}

const char *kind_arg(const char *arg, struct argp_state *state)
{
	if (!mem__kind_ok(arg))
		argp_error(state, "%s: no such kind of memory", arg);
	return arg;
}

int say_vmstat(const struct pin_stat *base, const char *when)
{
	struct pin_stat now;
	int status = pin_stat__read(&now);

	if (!status)
		say("vmstat %s +%llu -%llu", when, now.acquired - base->acquired,
		    now.released - base->released);
	return status;
}

int fork_holder(struct mem *mem, bool munmap_child, unsigned long hold_ms)
{
	pid_t pid = fork();

	if (pid < 0)
		return fail("fork");
	if (pid) {
		say("holder %d", pid);
		return 0;
	}
	leave_stdio();
	if (munmap_child)
		mem__unmap(mem);
	else
		mem__read(mem);
	sleep_ms(hold_ms);
	_exit(0);
}
