// SPDX-License-Identifier: GPL-2.0
/*
 * vhost: receive packets of a tap by vhost-net, which logs the pages that it writes to.
 *
 * Drives log_write of vhost, which pins a page of the log by pin_user_pages_fast for each bit that
 * it sets. How often that is depends on the packets, the kernel's own among them: at least once for
 * each packet. Needs /dev/vhost-net and /dev/net/tun.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pinlib.h"

#define SLOTS 64	       /* of the ring: buffers for as many packets */
#define PACKETS 23	       /* that are sent */
#define MEM_PAGES (SLOTS + 16) /* the ring first, one page for each buffer behind it */
#define RING_PAGES 8
#define WAIT_MS 5000

struct guest {
	char *mem;
	uint64_t *log; /* a bit for each page */
	struct vring ring;
	int tap, vhost, kick, call;
	char name[IFNAMSIZ];
};

static int open_tap(struct guest *guest)
{
	int hdr_len = sizeof(struct virtio_net_hdr_mrg_rxbuf), sock, err = 0;
	struct ifreq req = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	guest->tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (guest->tap < 0)
		return skip("/dev/net/tun");
	if (ioctl(guest->tap, TUNSETIFF, &req) || ioctl(guest->tap, TUNSETVNETHDRSZ, &hdr_len))
		return fail("making a tap");
	memcpy(guest->name, req.ifr_name, sizeof(guest->name));
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	req.ifr_flags = IFF_UP;
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &req))
		err = fail("setting %s up", req.ifr_name);
	close(sock);
	return err;
}

static int set_memory(struct guest *guest)
{
	uint64_t features = 1ULL << VHOST_F_LOG_ALL | 1ULL << VIRTIO_NET_F_MRG_RXBUF |
			    1ULL << VIRTIO_F_VERSION_1;
	uint64_t log = (uintptr_t)guest->log;
	struct vhost_memory *table = calloc(1, sizeof(*table) + sizeof(table->regions[0]));
	int status = 0;

	if (!table)
		return fail("memory");
	table->nregions = 1;
	table->regions[0].memory_size = MEM_PAGES * page_size();
	table->regions[0].userspace_addr = (uintptr_t)guest->mem;
	guest->vhost = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	if (guest->vhost < 0)
		status = skip("/dev/vhost-net");
	else if (ioctl(guest->vhost, VHOST_SET_OWNER) ||
		 ioctl(guest->vhost, VHOST_SET_FEATURES, &features) ||
		 ioctl(guest->vhost, VHOST_SET_MEM_TABLE, table) ||
		 ioctl(guest->vhost, VHOST_SET_LOG_BASE, &log))
		status = fail("vhost's memory");
	free(table);
	return status;
}

/* The receive queue is number 0. Guest addresses begin at mem. */
static int set_ring(struct guest *guest)
{
	struct vhost_vring_state num = { .num = SLOTS }, base = {};
	struct vhost_vring_addr addr = {
		.flags = 1 << VHOST_VRING_F_LOG,
		.desc_user_addr = (uintptr_t)guest->ring.desc,
		.avail_user_addr = (uintptr_t)guest->ring.avail,
		.used_user_addr = (uintptr_t)guest->ring.used,
		.log_guest_addr = (uintptr_t)guest->ring.used - (uintptr_t)guest->mem,
	};
	struct vhost_vring_file kick = { .fd = guest->kick }, call = { .fd = guest->call };
	struct vhost_vring_file backend = { .fd = guest->tap };

	if (ioctl(guest->vhost, VHOST_SET_VRING_NUM, &num) ||
	    ioctl(guest->vhost, VHOST_SET_VRING_BASE, &base) ||
	    ioctl(guest->vhost, VHOST_SET_VRING_ADDR, &addr) ||
	    ioctl(guest->vhost, VHOST_SET_VRING_KICK, &kick) ||
	    ioctl(guest->vhost, VHOST_SET_VRING_CALL, &call) ||
	    ioctl(guest->vhost, VHOST_NET_SET_BACKEND, &backend))
		return fail("vhost's ring");
	return 0;
}

static int set_up(struct guest *guest)
{
	guest->mem = mmap(NULL, MEM_PAGES * page_size(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	guest->log =
		mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	guest->kick = eventfd(0, EFD_CLOEXEC);
	guest->call = eventfd(0, EFD_CLOEXEC);
	if (guest->mem == MAP_FAILED || guest->log == MAP_FAILED || guest->kick < 0 ||
	    guest->call < 0)
		return fail("memory");
	vring_init(&guest->ring, SLOTS, guest->mem, page_size());
	for (unsigned int i = 0; i < SLOTS; i++) {
		guest->ring.desc[i] = (struct vring_desc){ .addr = (RING_PAGES + i) * page_size(),
							   .len = page_size(),
							   .flags = VRING_DESC_F_WRITE };
		guest->ring.avail->ring[i] = i;
	}
	guest->ring.avail->idx = SLOTS;
	return 0;
}

/* Raw packets, each to all on the tap. */
static int send_packets(const struct guest *guest)
{
	unsigned char frame[64] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5
	};
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), status = 0;
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = if_nametoindex(guest->name) };

	if (sock < 0 || bind(sock, (struct sockaddr *)&to, sizeof(to)))
		status = fail("a packet socket");
	for (unsigned int i = 0; i < PACKETS && !status; i++) {
		if (write(sock, frame, sizeof(frame)) != sizeof(frame))
			status = fail("sending on %s", guest->name);
	}
	close(sock);
	return status;
}

static int receive(const struct guest *guest)
{
	volatile uint16_t *used = &guest->ring.used->idx;

	for (unsigned int waited = 0; *used < PACKETS; waited += 10) {
		if (waited > WAIT_MS)
			return fail("%u of %u packets came", *used, PACKETS);
		sleep_ms(10);
	}
	errno = 0;
	return guest->log[0] >> RING_PAGES & 1 ? 0
					       : fail("the first packet's page is not in the log");
}

int main(void)
{
	struct guest guest = { .tap = -1 };
	struct vhost_vring_file none = { .fd = -1 };
	uint64_t one = 1;
	int status = open_tap(&guest);

	if (!status)
		status = set_up(&guest);
	if (!status)
		status = set_memory(&guest);
	if (!status)
		status = set_ring(&guest);
	if (!status && write(guest.kick, &one, sizeof(one)) != sizeof(one))
		status = fail("kick");
	if (!status)
		status = send_packets(&guest);
	if (!status)
		status = receive(&guest);
	if (status)
		return status;
	if (ioctl(guest.vhost, VHOST_NET_SET_BACKEND, &none))
		return fail("ending the ring");
	say("received %u", guest.ring.used->idx);
	return 0;
}
