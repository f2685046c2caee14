// SPDX-License-Identifier: GPL-2.0-only
/* Where and when a snapshot was taken. See snapshot_host.h. */
#include "snapshot_host.h"

#include "resolve.h"
#include "util.h"

void snapshot__fill_host(struct snapshot *snap)
{
	struct host_facts host;

	if (host_facts__read(&host))
		return;
	snap->host = snapshot__str(snap, host.host);
	snap->kernel = snapshot__str(snap, host.kernel);
	snap->arch = snapshot__str(snap, host.arch);
	snap->boot_id = snapshot__str(snap, host.boot_id);
	snap->page_size = host.page_size;
	snap->ram_bytes = host.ram_bytes;
}

void snapshot__stamp(struct snapshot *snap)
{
	snap->taken_ns = clock_ns(CLOCK_REALTIME);
}
