/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells the service manager how the daemon does, as sd_notify(3). Nothing is done if none asks. */
#ifndef GUP_NOTIFY_H
#define GUP_NOTIFY_H

#include <stdint.h>

/* Sends a state, "READY=1". 0, also if nobody listens, or -errno. */
int notify(const char *state);
/* How often notify("WATCHDOG=1") is due, in nanoseconds; 0 = never. */
uint64_t notify_watchdog_ns(void);

#endif
