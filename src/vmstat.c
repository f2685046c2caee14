// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's own counters of pins, in /proc/vmstat. Interface: include/resolve.h. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "resolve.h"
#include "util.h"

#define NODESTAT_THRESHOLD 125

int vmstat__read(uint64_t *acquired, uint64_t *released)
{
	cleanup_file FILE *file = fopen("/proc/vmstat", "re");
	unsigned long long value;
	char line[128], name[96];
	unsigned int found = 0;

	if (!file)
		return -errno;
	while (found < 2 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%95s %llu", name, &value) != 2)
			continue;
		if (!strcmp(name, "nr_foll_pin_acquired")) {
			*acquired = value;
			found++;
		} else if (!strcmp(name, "nr_foll_pin_released")) {
			*released = value;
			found++;
		}
	}
	return found == 2 ? 0 : -ENOENT;
}

uint64_t vmstat__slack(void)
{
	glob_t nodes = {};
	uint64_t cnt =
		glob("/sys/devices/system/node/node[0-9]*", 0, NULL, &nodes) ? 1 : nodes.gl_pathc;

	globfree(&nodes);
	return NODESTAT_THRESHOLD * cnt * sysconf(_SC_NPROCESSORS_CONF);
}

int vmstat__refresh(void)
{
	cleanup_fd int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, "1", 1) < 0 && errno != EINVAL ? -errno : 0;
}
