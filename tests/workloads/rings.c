// SPDX-License-Identifier: GPL-2.0
/*
 * rings: a server that opens a ring for each request. It pins one page by each ring,
 * lets go of it, and keeps the ring open; the last `held` rings go on holding theirs.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "pinlib.h"

static int use_ring(const struct mem *mem, bool held)
{
	int status, ring = uring__pin(mem, &status);

	if (ring < 0)
		return status;
	errno = held ? 0 : -uring__unregister(ring);
	return errno ? fail("io_uring: unregistering") : 0;
}

int main(int argc, char **argv)
{
	struct rlimit files = { 1 << 20, 1 << 20 };
	unsigned long rings, held;
	struct mem mem;
	int status;

	if (argc != 3 || !parse_num(argv[1], &rings) || !parse_num(argv[2], &held) ||
	    held > rings) {
		fprintf(stderr, "Usage: rings RINGS HELD\n");
		return EXIT_USAGE;
	}
	raise_memlock();
	if (setrlimit(RLIMIT_NOFILE, &files))
		return fail("setrlimit");
	status = mem__map(&mem, "anon", 1);
	for (unsigned long i = 0; i < rings && !status; i++)
		status = use_ring(&mem, i >= rings - held);
	if (status)
		return status;
	say("pinned %lu", held);
	wait_line();
	return 0;
}
