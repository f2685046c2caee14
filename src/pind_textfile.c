// SPDX-License-Identifier: GPL-2.0-only
/* The metrics as a file, for node_exporter's textfile collector. See pind_impl.h. */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "form_prom.h"
#include "pind_impl.h"
#include "util.h"

#define PART ".gup_pin.prom." /* and the process id of the writer */

/* The parts of writers that were killed. */
static void remove_parts(const char *folder)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		const char *number = entry->d_name + strlen(PART);
		char *end;
		long pid;

		if (strncmp(entry->d_name, PART, strlen(PART)))
			continue;
		pid = strtol(number, &end, 10);
		if (end == number || *end || pid <= 0 || pid > INT_MAX)
			continue;
		if (pid == getpid() || (kill((pid_t)pid, 0) && errno == ESRCH))
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}

int pind_textfile__write(const char *folder, const struct snapshot *snap,
			 const struct prom_options *opts)
{
	char part[PATH_MAX + 32], path[PATH_MAX + 32];
	FILE *out;
	int err;

	remove_parts(folder);
	snprintf(part, sizeof(part), "%s/" PART "%d", folder, (int)getpid());
	snprintf(path, sizeof(path), "%s/gup_pin.prom", folder);
	out = fopen(part, "wex");
	if (!out) {
		warn("%s", part);
		return -errno;
	}
	err = form_prom(out, snap, opts);
	if (!err && fchmod(fileno(out), 0644))
		err = -errno;
	if (fclose(out) && !err)
		err = -errno;
	if (!err && rename(part, path))
		err = -errno;
	if (err) {
		warnx("can't write %s: %s", path, strerror(-err));
		unlink(part);
	}
	return err;
}
