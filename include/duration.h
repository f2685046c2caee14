/* SPDX-License-Identifier: GPL-2.0-only */
/* "500ms", "10s", "5m", "2h", "1d" as nanoseconds; a bare number is seconds. 0 or -EINVAL. */
#ifndef GUP_DURATION_H
#define GUP_DURATION_H

#include <stdint.h>

int parse_duration(const char *text, uint64_t *ns);

#endif
