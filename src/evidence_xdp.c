// SPDX-License-Identifier: GPL-2.0-only
/*
 * The umem of AF_XDP sockets, by sock_diag. The kernel tells of one network
 * name space at a time, so a thread of ours enters that of the socket's
 * process; the rest of the program stays where it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/xdp_diag.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence_impl.h"
#include "util.h"

void xdp_umems__free(struct xdp_umems *umems)
{
	free(umems->umems);
	free(umems->netns);
	*umems = (struct xdp_umems){};
}

/* The netlink socket belongs to the name space that its thread was in. */
struct netns_socket {
	int netns, fd;
};

static void *open_in_netns(void *arg)
{
	struct netns_socket *at = arg;

	at->fd = setns(at->netns, CLONE_NEWNET)
			 ? -1
			 : socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	return NULL;
}

static int open_diag(int netns)
{
	struct netns_socket at = { .netns = netns, .fd = -1 };
	pthread_t thread;

	if (pthread_create(&thread, NULL, open_in_netns, &at))
		return -1;
	pthread_join(thread, NULL);
	return at.fd;
}

static int send_request(int fd)
{
	struct {
		struct nlmsghdr head;
		struct xdp_diag_req req;
	} msg = {
		.head = { .nlmsg_len = sizeof(msg),
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.req = { .sdiag_family = AF_XDP, .xdiag_show = XDP_SHOW_UMEM },
	};

	return send(fd, &msg, sizeof(msg), 0) == sizeof(msg) ? 0 : -errno;
}

static int take_socket(struct xdp_umems *umems, const struct nlmsghdr *head)
{
	const struct xdp_diag_msg *msg = NLMSG_DATA(head);
	int left = (int)head->nlmsg_len - (int)NLMSG_LENGTH(sizeof(*msg));
	const struct rtattr *attr = (const struct rtattr *)(msg + 1);
	struct xdp_diag_umem umem;

	for (; RTA_OK(attr, left); attr = RTA_NEXT(attr, left)) {
		if (attr->rta_type != XDP_DIAG_UMEM || RTA_PAYLOAD(attr) < sizeof(umem))
			continue;
		memcpy(&umem, RTA_DATA(attr), sizeof(umem));
		if (grow(&umems->umems, umems->cnt, &umems->room, sizeof(*umems->umems)))
			return -ENOMEM;
		umems->umems[umems->cnt++] = (struct xdp_umem){
			.ino = msg->xdiag_ino,
			.bytes = umem.size,
			.id = umem.id,
			.chunk_bytes = umem.chunk_size,
		};
	}
	return 0;
}

/* All sockets of the name space that fd is in. An error (no xsk_diag) ends it: nothing is known. */
static void read_sockets(struct xdp_umems *umems, int fd)
{
	char buf[32768] __attribute__((aligned(8)));
	ssize_t got;

	if (send_request(fd))
		return;
	while ((got = recv(fd, buf, sizeof(buf), 0)) > 0) {
		const struct nlmsghdr *head = (const struct nlmsghdr *)buf;
		size_t left = got;

		for (; NLMSG_OK(head, left); head = NLMSG_NEXT(head, left))
			if (head->nlmsg_type != SOCK_DIAG_BY_FAMILY || take_socket(umems, head))
				return;
	}
}

static bool is_asked(const struct xdp_umems *umems, uint64_t netns)
{
	for (size_t i = 0; i < umems->netns_cnt; i++)
		if (umems->netns[i] == netns)
			return true;
	return false;
}

static void ask(struct xdp_umems *umems, int proc_dir)
{
	cleanup_fd int netns = openat(proc_dir, "ns/net", O_RDONLY | O_CLOEXEC);
	cleanup_fd int fd = -1;
	struct stat st;

	if (netns < 0 || fstat(netns, &st) || is_asked(umems, st.st_ino) ||
	    grow(&umems->netns, umems->netns_cnt, &umems->netns_room, sizeof(*umems->netns)))
		return;
	umems->netns[umems->netns_cnt++] = st.st_ino;
	fd = open_diag(netns);
	if (fd >= 0)
		read_sockets(umems, fd);
}

const struct xdp_umem *xdp_umems__find(struct xdp_umems *umems, int proc_dir, uint64_t ino)
{
	ask(umems, proc_dir);
	for (size_t i = 0; i < umems->cnt; i++)
		if (umems->umems[i].ino == ino)
			return &umems->umems[i];
	return NULL;
}
