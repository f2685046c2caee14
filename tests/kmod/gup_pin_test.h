/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The ioctls of /dev/gup_pin_test, the test module that handles pins rightly and wrongly. One open
 * file holds the pages of one call; RELEASE, or the last close, lets go of what the call left
 * there.
 */
#ifndef GUP_PIN_TEST_H
#define GUP_PIN_TEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define GUP_PIN_TEST_WRITE 1	/* FOLL_WRITE */
#define GUP_PIN_TEST_LONGTERM 2 /* FOLL_LONGTERM */

#define GUP_PIN_TEST_MARK "written" /* what CLEAN and DIRTY write to the head of each page */

struct gup_pin_test_args {
	__u64 addr;
	__u64 npages;
	__u32 flags;
	__u32 delay_ms; /* of LATE */
};

/* Right: pin until RELEASE. */
#define GUP_PIN_TEST_PIN _IOW('p', 0x61, struct gup_pin_test_args)
/* Not a pin at all, but get_user_pages_fast, put by RELEASE. */
#define GUP_PIN_TEST_GET _IOW('p', 0x62, struct gup_pin_test_args)
/* Pin and lose the array: pinned until the machine goes down. */
#define GUP_PIN_TEST_FORGET _IOW('p', 0x63, struct gup_pin_test_args)
/* Pin; a work item releases delay_ms later, whatever becomes of the file and its process. */
#define GUP_PIN_TEST_LATE _IOW('p', 0x64, struct gup_pin_test_args)
/*
 * Pin three times, as three owners would; one of them releases twice, so that one pin is left for
 * two owners. RELEASE then releases for both of these: one release more than there were pins.
 * Only for pages that are not part of a large folio.
 */
#define GUP_PIN_TEST_TWICE _IOW('p', 0x65, struct gup_pin_test_args)
/*
 * Pin, and release by put_page. It leaves 1023 references on a small page for ever, and one pin on
 * a large folio, which is given a plain reference so that it is not freed while pinned.
 */
#define GUP_PIN_TEST_PUTPAGE _IOW('p', 0x66, struct gup_pin_test_args)
/*
 * No pins: npages pages of the kernel's own with as many references as network drivers give theirs,
 * 65,535 on every other one, 32,769 on folios of 8 pages between them. RELEASE frees them.
 */
#define GUP_PIN_TEST_BIASED _IOW('p', 0x68, struct gup_pin_test_args)
/*
 * No pins: takes npages page frames from number addr for itself, as CMA does, and frees them.
 * EBUSY where something that cannot be moved is among them.
 */
#define GUP_PIN_TEST_CONTIG _IOW('p', 0x6d, struct gup_pin_test_args)
/*
 * Pin, and when fewer pages were got than asked for, return the error and keep what was got: pinned
 * until the machine goes down. PIN is the right way to handle the same.
 */
#define GUP_PIN_TEST_SHORT _IOW('p', 0x69, struct gup_pin_test_args)
/* get_user_pages_fast, and release by unpin_user_pages. Not for pages of a large folio. */
#define GUP_PIN_TEST_UNPIN_GET _IOW('p', 0x6a, struct gup_pin_test_args)
/* Pin, and release all but the last page: that is pinned until the machine goes down. */
#define GUP_PIN_TEST_ONE_LESS _IOW('p', 0x6b, struct gup_pin_test_args)
/*
 * Pin npages of a large folio and release all, but the first one npages times: as if a folio that
 * is pinned once were released for each of its pages.
 */
#define GUP_PIN_TEST_HUGE_TWICE _IOW('p', 0x6c, struct gup_pin_test_args)
/* Pin until RELEASE, which writes to each page and releases them as if it had not. */
#define GUP_PIN_TEST_CLEAN _IOW('p', 0x6e, struct gup_pin_test_args)
/* The same rightly: released as dirty. */
#define GUP_PIN_TEST_DIRTY _IOW('p', 0x6f, struct gup_pin_test_args)
#define GUP_PIN_TEST_RELEASE _IO('p', 0x67)

#endif
