/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Figures and names for people: bytes, counts, ages, times, safe strings.
 *
 * Figures come back by value, so that several fit in one printf():
 * printf("%s of %s", fmt_bytes(a).s, fmt_bytes(b).s). Knows no snapshot.
 */
#ifndef GUP_FMT_H
#define GUP_FMT_H

#include <stddef.h>
#include <stdint.h>

struct fmt {
	char s[40];
};

struct fmt fmt_bytes(uint64_t bytes);	 /* three digits: "1.20 GiB", "12.0 KiB", "0 B" */
struct fmt fmt_size(uint64_t bytes);	 /* whole if it is: "2 MiB", "4 KiB" */
struct fmt fmt_count(uint64_t cnt);	 /* "314,597" */
struct fmt fmt_age(uint64_t ns);	 /* two units: "9d4h", "2h31m", "1m05s", "2.5 s", "4 ms" */
struct fmt fmt_local(uint64_t epoch_ns); /* "2026-11-22 10:12:41", "?" for 0 */
/* Time only if both fall on one local day: "10:31:02". */
struct fmt fmt_local_near(uint64_t epoch_ns, uint64_t near_ns);
struct fmt fmt_utc(uint64_t epoch_ns); /* "2026-11-22T10:12:41.020Z" */

/* "1 page", "2 pages": the word alone, plural by appending an s. */
struct fmt fmt_plural(uint64_t cnt, const char *noun);

/*
 * Decodes one UTF-8 sequence: its length and *code, 0 if the bytes are invalid
 * (overlong, surrogate, truncated), never reading past the terminating NUL.
 */
size_t utf8_decode(const char *str, uint32_t *code);

/*
 * Malloced copy that is harmless on a terminal: control characters, invalid
 * bytes and characters that reorder or hide text become "\x1b", "\u202e".
 * NULL if out of memory.
 */
char *fmt_safe(const char *str);
/* Malloced copy that is valid UTF-8: each invalid byte becomes U+FFFD. NULL if out of memory. */
char *fmt_utf8(const char *str);
/* Columns that the character takes on a terminal, never fewer than it really does. */
unsigned int fmt_columns(uint32_t code);

#endif
