/*
 * The packets that are sent, and what their hash has to be.
 */
#ifndef PACKETS_H
#define PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_net.h>

enum {
	MAX_FRAME = 8192,
	ETHERNET = 14, /* bytes of an Ethernet header */
	KEY_SIZE = 40,
};

struct flow {
	int version; /* 4 or 6 */
	uint8_t source[16], destination[16];
	uint16_t source_port, destination_port;
};

enum content {
	CONTENT_TCP,
	CONTENT_UDP,
	CONTENT_OTHER, /* protocol 253, for experiments: no ports */
	CONTENT_FRAGMENT, /* the first one of a UDP datagram: ports are there, but are not used */
	CONTENT_NOT_IP,
	CONTENTS
};

struct packet {
	struct flow flow;
	enum content content;
	size_t size; /* of the whole frame */
	size_t headers; /* bytes before the payload, with the Ethernet header */
	uint8_t frame[MAX_FRAME];
};

/* One packet of each kind, all of the two flows. */
enum { KINDS = 9 };
struct kind {
	const char *name;
	const struct flow *flow;
	enum content content;
};
extern const struct kind kinds[KINDS];

extern const uint8_t microsoft_key[KEY_SIZE];
/* Another key, and not a shifted copy of the first. */
extern const uint8_t second_key[KEY_SIZE];

/* 172.17.0.0 port 9 to 172.17.0.1 port 9, and ffff:0::ac11:0 to ffff:0::ac11:1. */
extern const struct flow flow_v4, flow_v6;

/* Hashes known from elsewhere, all with the Microsoft key. */
enum { VECTORS = 10 };
struct vector {
	const char *name;
	struct flow flow;
	uint32_t hash_of_addresses, hash_with_ports;
};
extern const struct vector vectors[VECTORS];

/* `payload`: bytes after the transport header, at least 4. `mark` is their last four, big-endian. */
void build_packet(struct packet *packet, const struct flow *flow, enum content content, size_t payload, uint32_t mark);
void build_kind(struct packet *packet, const struct kind *kind, uint32_t mark);
uint32_t packet_mark(const uint8_t *end_of_frame);

/* A flow that differs from `flow` in addresses and ports by `number`. */
struct flow other_flow(const struct flow *flow, unsigned number);

/*
 * Leaves the transport checksum to the receiver and fills `header` so, with
 * offsets counted from the Ethernet header. `segment` is the payload of a GSO
 * segment, or 0.
 */
void leave_checksum(struct packet *packet, struct virtio_net_hdr *header, uint16_t segment);

struct hash {
	uint32_t value;
	uint16_t report; /* VIRTIO_NET_HASH_REPORT_* */
};

/* What virtio says that the packet's hash is. No hash: value 0, report 0. */
struct hash expected_hash(uint32_t types, const uint8_t *key, const struct packet *packet);

/* Bytes of key that the longest input of these types needs. */
size_t key_length(uint32_t types);

/* Ends the program if the tables above and expected_hash disagree. */
void check_vectors(void);

#endif
