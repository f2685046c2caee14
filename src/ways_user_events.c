// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user event (CONFIG_USER_EVENTS): the kernel tells a program by a bit in the
 * program's memory whether the event is on. It pins the page as it writes the bit, which
 * it does first when the event is registered. The interface is that of
 * linux/user_events.h, which old header packages have not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

#include "ways.h"

struct user_reg {
	uint32_t size;
	uint8_t enable_bit;
	uint8_t enable_size;
	uint16_t flags;
	uint64_t enable_addr;
	uint64_t name_args;
	uint32_t write_index;
} __attribute__((packed));

struct user_unreg {
	uint32_t size;
	uint8_t disable_bit;
	uint8_t reserved;
	uint16_t reserved2;
	uint64_t disable_addr;
} __attribute__((packed));

/* The sizes are those of pointers. */
#define DIAG_IOCSREG _IOWR('*', 0, struct user_reg *)
#define DIAG_IOCSUNREG _IOW('*', 2, struct user_unreg *)
#define BIT 31

static int open_user_events(struct hold *hold, const char *arg)
{
	(void)arg;
	hold->holder = open("/sys/kernel/tracing/user_events_data", O_RDWR | O_CLOEXEC);
	if (hold->holder >= 0)
		return 0;
	return hold__cannot(hold, errno == ENOENT ? "no user_events_data in tracefs "
						    "(CONFIG_USER_EVENTS)"
						  : "user_events_data in tracefs cannot be opened");
}

static int register_event(struct hold *hold)
{
	struct user_reg reg = {
		.size = sizeof(reg),
		.enable_bit = BIT,
		.enable_size = 4,
		.enable_addr = (uintptr_t)hold->addr,
		.name_args = (uintptr_t) "gup_validate",
	};

	return ioctl(hold->holder, DIAG_IOCSREG, &reg) ? -errno : 0;
}

/* The event goes with its last file, the bit does not. */
static int unregister_event(struct hold *hold)
{
	struct user_unreg unreg = {
		.size = sizeof(unreg),
		.disable_bit = BIT,
		.disable_addr = (uintptr_t)hold->addr,
	};

	return ioctl(hold->holder, DIAG_IOCSUNREG, &unreg) ? -errno : 0;
}

const struct way way_user_event = { "DIAG_IOCSREG",   true,	      MEMORY_ANON,     1,
				    open_user_events, register_event, unregister_event };
