/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How snapshots go from the process that tracks to the one that serves: as a
 * sealed file in memory that holds their JSON, over a SOCK_SEQPACKET pair, so
 * that the two share nothing else.
 */
#ifndef GUP_FEED_H
#define GUP_FEED_H

#include "form_prom.h"
#include "snapshot.h"

/* 0; -EAGAIN: the other side is behind, this one is lost; -EPIPE: it has gone; else -errno. */
int feed__send(int feed, const struct snapshot *snap, const struct prom_self *self);
/* The file in *file, which the caller closes. 1; 0: the other side has gone; -EAGAIN or -errno. */
int feed__receive(int feed, int *file, struct prom_self *self);

/* A finished page for the process that serves over TCP, which gets nothing else. */
struct feed_page {
	uint32_t page;	   /* the sender's number for it */
	uint64_t taken_ns; /* of its snapshot */
	char degraded[256];
};

/* As the two above. */
int feed__send_page(int feed, const void *text, size_t bytes, const struct feed_page *page);
int feed__receive_page(int feed, int *file, struct feed_page *page);

#endif
