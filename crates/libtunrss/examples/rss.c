/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * What a VMM does with libtunrss: open the queues of a TAP, have packets spread over them as a guest asks for,
 * and read each with its hash. As root:
 *
 *   cc -o rss rss.c $(pkg-config --cflags --libs tunrss)
 *   ./rss tap0 4 &
 *   ip link set tap0 up
 *
 * It ends after 10 packets, or when none has come for 10 seconds; a third and a fourth argument say otherwise.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include <tunrss.h>

enum { MOST_QUEUES = 256, TABLE_LEN = 128, KEY_LEN = 40 };

/* Places in struct virtio_net_hdr_v1_hash, whose fields have other names in newer headers of Linux. */
enum { HASH_AT = 12, REPORT_AT = 16, HEADER_LEN = 20 };

/* That of the published test vectors. A guest chooses its own. */
static const uint8_t key[KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
	0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
	0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* A struct virtio_net_rss_config, packed and little-endian: what a guest sends as VIRTIO_NET_CTRL_MQ_RSS_CONFIG. */
struct rss_config {
	uint32_t hash_types;
	uint16_t indirection_table_mask;
	uint16_t unclassified_queue;
	uint16_t indirection_table[TABLE_LEN];
	uint16_t max_tx_vq;
	uint8_t hash_key_length;
	uint8_t hash_key_data[KEY_LEN];
} __attribute__((packed));

static struct rss_config rss_config(unsigned queues)
{
	struct rss_config config = {
		.hash_types = htole32(0x3f), /* IPv4, TCPv4, UDPv4, IPv6, TCPv6, UDPv6 */
		.indirection_table_mask = htole16(TABLE_LEN - 1),
		.unclassified_queue = htole16(0),
		.max_tx_vq = htole16(queues),
		.hash_key_length = KEY_LEN,
	};
	for (unsigned entry = 0; entry < TABLE_LEN; entry++)
		config.indirection_table[entry] = htole16(entry % queues);
	memcpy(config.hash_key_data, key, KEY_LEN);
	return config;
}

/*
 * Print a packet of a queue if there is one. Returns how many there were, or -1.
 *
 * A VMM reads into the guest's buffers instead, and has num_buffers, which is 0, say how many it took.
 */
static int print_packet(unsigned queue, int fd)
{
	static uint8_t packet[HEADER_LEN + 65550];
	ssize_t len = tunrss_read(fd, packet, sizeof(packet));
	if (len < 0)
		return errno == EAGAIN ? 0 : -1;
	uint32_t hash;
	uint16_t report;
	memcpy(&hash, packet + HASH_AT, sizeof(hash));
	memcpy(&report, packet + REPORT_AT, sizeof(report));
	printf("queue %u hash 0x%08x report %u length %zd\n", queue, le32toh(hash), le16toh(report), len - HEADER_LEN);
	return 1;
}

/* The functions that open and set say why in words, all others by errno alone. */
static int refused(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, tunrss_error());
	return EXIT_FAILURE;
}

static int failed(const char *what)
{
	perror(what);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static struct pollfd polled[MOST_QUEUES];
	int queues = argc > 2 ? atoi(argv[2]) : 0;
	int packets = argc > 3 ? atoi(argv[3]) : 10;
	int seconds = argc > 4 ? atoi(argv[4]) : 10;
	if (argc > 5 || queues < 1 || queues > MOST_QUEUES || packets < 1 || seconds < 1 || seconds > 3600) {
		fprintf(stderr, "usage: %s DEVICE QUEUES [PACKETS [SECONDS]]\n", argv[0]);
		return 2;
	}
	for (int queue = 0; queue < queues; queue++) {
		polled[queue].events = POLLIN;
		polled[queue].fd = tunrss_open(argv[1], IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE);
		if (polled[queue].fd < 0)
			return refused("tunrss_open");
	}
	/* The setting is the device's, so any of its queues will do. */
	struct rss_config config = rss_config(queues);
	if (tunrss_rss_config(polled[0].fd, &config, sizeof(config), TUNRSS_REPORT) < 0)
		return refused("tunrss_rss_config");
	printf("%s is steered to %d queues\n", argv[1], queues);
	fflush(stdout);
	while (packets > 0) {
		int ready = poll(polled, queues, seconds * 1000);
		if (ready < 0)
			return failed("poll");
		if (ready == 0) {
			fprintf(stderr, "no packet for %d s\n", seconds);
			return EXIT_FAILURE;
		}
		for (int queue = 0; queue < queues && packets > 0; queue++) {
			int printed = polled[queue].revents ? print_packet(queue, polled[queue].fd) : 0;
			if (printed < 0)
				return failed("tunrss_read");
			packets -= printed;
		}
	}
	for (int queue = 0; queue < queues; queue++)
		tunrss_close(polled[queue].fd);
	return EXIT_SUCCESS;
}
