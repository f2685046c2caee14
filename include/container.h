/* SPDX-License-Identifier: GPL-2.0-only */
/* Which container a control group belongs to, from its path alone. */
#ifndef GUP_CONTAINER_H
#define GUP_CONTAINER_H

#include <stddef.h>

/*
 * The container's id (64 hex digits: Docker, containerd, CRI-O, Podman) or name
 * (LXC, systemd-nspawn) into buf, which is returned; NULL = none known, or path
 * is NULL.
 */
const char *container_id(const char *path, char *buf, size_t bytes);

/*
 * The uid of the Kubernetes pod, as the API server writes it (with "-", also
 * where systemd's names have "_"), into buf, which is returned; NULL = none.
 */
const char *container_pod_uid(const char *path, char *buf, size_t bytes);

#endif
