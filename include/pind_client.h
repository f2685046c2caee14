/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Asks a running gup-pind over its Unix socket, as far as that needs HTTP: one
 * GET a connection. The daemon is another process of another age, so nothing
 * that it says is relied on before it was checked. Not libcurl, which would bring
 * TLS and LDAP into a process that runs as root, for one request.
 */
#ifndef GUP_PIND_CLIENT_H
#define GUP_PIND_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "snapshot.h"

#define PIND_CLIENT_SNAPSHOT "/v1/snapshot"
#define PIND_CLIENT_TIMEOUT_MS 10000
#define PIND_CLIENT_BYTES_MAX (256UL << 20)

struct pind_client {
	const char *socket; /* path; NULL = the daemon's default */
	int timeout_ms;	    /* for a whole answer */
	size_t bytes_max;   /* of a whole answer */
};

/*
 * The body at path ("/v1/snapshot"), malloced, with a NUL behind its *bytes.
 * NULL with errno and the reason, one line that names the socket, in why:
 *	ENOENT		no daemon: no socket, or nobody listens
 *	EACCES		only root and the socket's group may connect
 *	EAGAIN		the daemon has no snapshot yet
 *	ETIMEDOUT	no whole answer in time
 *	EPROTO		cut off, too large, or not HTTP
 * and what connect() or reading gives besides.
 */
char *pind_client__get(const struct pind_client *client, const char *path, size_t *bytes, char *why,
		       size_t room);

/* The snapshot in such a body, or NULL with EPROTO and why. */
struct snapshot *pind_client__read(const struct pind_client *client, const char *body, size_t bytes,
				   char *why, size_t room);
/* The daemon's newest snapshot, as it judged it; NULL as both above. */
struct snapshot *pind_client__snapshot(const struct pind_client *client, char *why, size_t room);

/*
 * Does the daemon know more than a scan of one's own would tell? Not if it only
 * scans itself, for a user who may do so, too.
 */
bool pind_client__knows_more(const struct snapshot *snap);

#endif
