/*
 * Network namespaces, devices and the packets that go through them. Every
 * wait ends after DEADLINE_MS, and every failure ends the program.
 */
#ifndef NET_H
#define NET_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packets.h"

enum {
	MAX_QUEUES = 8,
	DEADLINE_MS = 5000,
	PI_SIZE = 4, /* struct tun_pi */
	DEFAULT_HEADER = 10, /* of a device whose header size was never set */
	HASH_HEADER = 20, /* struct virtio_net_hdr_v1_hash */
};

enum link { TAP, TUN, MACVTAP };

/* Plain data, so that it can be handed to a new program image. */
struct device {
	enum link link;
	char name[IFNAMSIZ];
	int header; /* bytes of virtio-net header in front of each packet */
	bool information; /* a struct tun_pi comes before the header */
	unsigned queues;
	int queue[MAX_QUEUES];
	int sender; /* packet socket that sends into the device */
	int sender_index; /* interface that the socket sends through */
};

/* What a read gave. Untouched bytes are 0xa5. */
struct record {
	unsigned queue;
	size_t size;
	uint8_t bytes[MAX_FRAME + 64];
};

/* A new network namespace for this program, without traffic of the kernel's own. */
void enter_namespace(void);

/* Runs a command of the shell. It must succeed. */
__attribute__((format(printf, 1, 2))) void run(const char *format, ...);

/* A TAP or TUN with header size 20 that is up. */
void create_device(struct device *device, enum link link, unsigned queues);
/* The same with a struct tun_pi. */
void create_device_with_information(struct device *device, enum link link, unsigned queues);
/* A macvtap on one end of a veth pair; packets are sent into the other end. */
void create_macvtap(struct device *device, unsigned queues);

/* Opens one more queue and returns its number. The header size is that of the others. */
unsigned attach_queue(struct device *device);
/* Closes the queue with the highest number. */
void close_last_queue(struct device *device);
/* Opens the device's file only. */
int open_unattached(void);

void set_header_size(struct device *device, int size);
int header_size(const struct device *device);
void delete_device(const struct device *device);

/* Sends the packet; a TUN gets it without the Ethernet header. */
void send_packet(const struct device *device, const struct packet *packet);
/* The same with PACKET_VNET_HDR. `header` counts from the Ethernet header. */
void send_unfinished(const struct device *device, const struct packet *packet, const struct virtio_net_hdr *header);
/* A packet socket for send_through. */
int open_sender(void);
void send_through(int sender, const struct device *device, const struct packet *packet);

/* A packet socket that gets what programs write to the device. */
int open_receiver(const struct device *device);
/* The frame that arrived, as long as it is (not more than `size`). */
size_t receive(int receiver, uint8_t *frame, size_t size);

/* False if there is nothing to read after `timeout_ms`. */
bool readable(int fd, int timeout_ms);
/* The number of a queue that has something to read. */
unsigned wait_for_queue(const struct device *device);
/* Nothing may be left on any queue. */
void expect_quiet(const struct device *device);

/* Reads one record from this queue. */
void read_queue(const struct device *device, unsigned queue, struct record *record);
/* Reads one record from a descriptor of the device, whichever queue it is. */
void read_descriptor(const struct device *device, int fd, struct record *record);
/* Reads one record from the queue that has one. */
void read_any(const struct device *device, struct record *record);

/* Bytes of the packet as this device shows it: a TUN has no Ethernet header. */
const uint8_t *visible_frame(const struct device *device, const struct packet *packet);
size_t visible_size(const struct device *device, const struct packet *packet);
/* Bytes that the device puts in front of a packet. */
size_t front_size(const struct device *device);
size_t record_size(const struct device *device, const struct packet *packet);
/* Fills the record with 0xa5 before a read, apart from num_buffers. */
void clear_record(const struct device *device, struct record *record);

/* A steering program that names one queue for all packets. */
int load_steering_program(int queue);
/* TUNSETSTEERINGEBPF. `program` may be -1. */
int set_steering_program(const struct device *device, int program);
/* TUNSETFILTEREBPF: the program drops packets for which it returns 0. `program` may be -1. */
int set_filter_program(const struct device *device, int program);

#endif
