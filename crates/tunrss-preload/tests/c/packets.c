#include "packets.h"

#include <arpa/inet.h>
#include <string.h>

#include <linux/if_ether.h>

#include "check.h"

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_FRAGMENT = 44, PROTOCOL_OTHER = 253 };
enum { ETHERTYPE_EXPERIMENT = 0x88b5 };

const uint8_t microsoft_key[KEY_SIZE] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
	0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
	0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

const uint8_t second_key[KEY_SIZE] = {
	0x13, 0x9e, 0xc4, 0x07, 0xf1, 0x2b, 0x88, 0x5d, 0xe0, 0x36, 0x7c, 0xa9, 0x42, 0x1f, 0xd5, 0x6b,
	0x90, 0x0d, 0xb7, 0x58, 0x2e, 0xc3, 0x71, 0xfa, 0x84, 0x19, 0x65, 0xde, 0x3b, 0xa0, 0x4f, 0xe7,
	0x0c, 0xd2, 0x96, 0x53, 0xbf, 0x28, 0x7a, 0xc1,
};

#define V4(a, b, c, d) { a, b, c, d }
#define BYTES(group) (group) >> 8, (group) & 255
/* An IPv6 address by its eight groups. */
#define V6(a, b, c, d, e, f, g, h) \
	{ BYTES(a), BYTES(b), BYTES(c), BYTES(d), BYTES(e), BYTES(f), BYTES(g), BYTES(h) }

#define FLOW_V4 { 4, V4(172, 17, 0, 0), V4(172, 17, 0, 1), 9, 9 }
#define FLOW_V6 { 6, V6(0xffff, 0, 0, 0, 0, 0, 0xac11, 0), V6(0xffff, 0, 0, 0, 0, 0, 0xac11, 1), 9, 9 }

const struct flow flow_v4 = FLOW_V4;
const struct flow flow_v6 = FLOW_V6;

/* The first two are the posted series' own, the others are from Microsoft's RSS verification suite. */
const struct vector vectors[VECTORS] = {
	{ "posted IPv4", FLOW_V4, 0x6e45d952, 0xfb63539a },
	{ "posted IPv6", FLOW_V6, 0xd6eb560f, 0xc2b9f251 },
	{ "suite IPv4 1", { 4, V4(66, 9, 149, 187), V4(161, 142, 100, 80), 2794, 1766 }, 0x323e8fc2, 0x51ccc178 },
	{ "suite IPv4 2", { 4, V4(199, 92, 111, 2), V4(65, 69, 140, 83), 14230, 4739 }, 0xd718262a, 0xc626b0ea },
	{ "suite IPv4 3", { 4, V4(24, 19, 198, 95), V4(12, 22, 207, 184), 12898, 38024 }, 0xd2d0a5de, 0x5c2b394a },
	{ "suite IPv4 4", { 4, V4(38, 27, 205, 30), V4(209, 142, 163, 6), 48228, 2217 }, 0x82989176, 0xafc7327f },
	{ "suite IPv4 5", { 4, V4(153, 39, 163, 191), V4(202, 188, 127, 2), 44251, 1303 }, 0x5d1809c5, 0x10e828a2 },
	{ "suite IPv6 1",
	  { 6, V6(0x3ffe, 0x2501, 0x200, 0x1fff, 0, 0, 0, 7), V6(0x3ffe, 0x2501, 0x200, 3, 0, 0, 0, 1), 2794, 1766 },
	  0x2cc18cd5, 0x40207d3d },
	{ "suite IPv6 2",
	  { 6, V6(0x3ffe, 0x501, 8, 0, 0x260, 0x97ff, 0xfe40, 0xefab), V6(0xff02, 0, 0, 0, 0, 0, 0, 1), 14230, 4739 },
	  0x0f0c461c, 0xdde51bbf },
	{ "suite IPv6 3",
	  { 6, V6(0x3ffe, 0x1900, 0x4545, 3, 0x200, 0xf8ff, 0xfe21, 0x67cf),
	    V6(0xfe80, 0, 0, 0, 0x200, 0xf8ff, 0xfe21, 0x67cf), 44251, 38024 },
	  0x4b61e985, 0x02d1feef },
};

const struct kind kinds[KINDS] = {
	{ "TCP over IPv4", &flow_v4, CONTENT_TCP },
	{ "UDP over IPv4", &flow_v4, CONTENT_UDP },
	{ "protocol 253 over IPv4", &flow_v4, CONTENT_OTHER },
	{ "UDP fragment over IPv4", &flow_v4, CONTENT_FRAGMENT },
	{ "TCP over IPv6", &flow_v6, CONTENT_TCP },
	{ "UDP over IPv6", &flow_v6, CONTENT_UDP },
	{ "protocol 253 over IPv6", &flow_v6, CONTENT_OTHER },
	{ "UDP fragment over IPv6", &flow_v6, CONTENT_FRAGMENT },
	{ "not IP", &flow_v4, CONTENT_NOT_IP },
};

static uint8_t *put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value & 255;
	return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
	return put16(put16(at, value >> 16), value & 0xffff);
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t size)
{
	memcpy(at, bytes, size);
	return at + size;
}

static uint32_t sum_of(const uint8_t *bytes, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static size_t address_size(const struct flow *flow)
{
	return flow->version == 4 ? 4 : 16;
}

static size_t transport_size(enum content content)
{
	switch (content) {
	case CONTENT_TCP:
		return 20;
	case CONTENT_UDP:
	case CONTENT_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static uint8_t protocol_of(enum content content)
{
	switch (content) {
	case CONTENT_TCP:
		return PROTOCOL_TCP;
	case CONTENT_UDP:
	case CONTENT_FRAGMENT:
		return PROTOCOL_UDP;
	default:
		return PROTOCOL_OTHER;
	}
}

static uint8_t *put_ethernet(uint8_t *at, uint16_t type)
{
	/* Locally administered unicast addresses. */
	static const uint8_t destination[6] = { 0x02, 0, 0, 0, 0, 0x02 };
	static const uint8_t source[6] = { 0x02, 0, 0, 0, 0, 0x01 };

	at = put_bytes(at, destination, 6);
	at = put_bytes(at, source, 6);
	return put16(at, type);
}

/* `content_size`: all that follows the IP header. */
static uint8_t *put_ipv4(uint8_t *at, const struct flow *flow, enum content content, size_t content_size)
{
	uint8_t *start = at;

	at = put16(at, 0x4500);
	at = put16(at, 20 + content_size);
	at = put16(at, 0x1234);
	at = put16(at, content == CONTENT_FRAGMENT ? 0x2000 : 0x4000);
	*at++ = 64;
	*at++ = protocol_of(content);
	at = put16(at, 0);
	at = put_bytes(at, flow->source, 4);
	at = put_bytes(at, flow->destination, 4);
	put16(start + 10, ~fold(sum_of(start, 20)));
	return at;
}

static uint8_t *put_ipv6(uint8_t *at, const struct flow *flow, enum content content, size_t content_size)
{
	bool fragment = content == CONTENT_FRAGMENT;

	at = put32(at, 0x60000000);
	at = put16(at, content_size + (fragment ? 8 : 0));
	*at++ = fragment ? PROTOCOL_FRAGMENT : protocol_of(content);
	*at++ = 64;
	at = put_bytes(at, flow->source, 16);
	at = put_bytes(at, flow->destination, 16);
	if (fragment) {
		at = put16(at, protocol_of(content) << 8);
		at = put16(at, 1);
		at = put32(at, 0x12345678);
	}
	return at;
}

static uint8_t *put_tcp(uint8_t *at, const struct flow *flow)
{
	at = put16(at, flow->source_port);
	at = put16(at, flow->destination_port);
	at = put32(at, 1000);
	at = put32(at, 2000);
	at = put16(at, 0x5010);
	at = put16(at, 8192);
	return put32(at, 0);
}

static uint8_t *put_udp(uint8_t *at, const struct flow *flow, size_t size)
{
	at = put16(at, flow->source_port);
	at = put16(at, flow->destination_port);
	at = put16(at, size);
	return put16(at, 0);
}

static uint8_t *put_transport(uint8_t *at, const struct flow *flow, enum content content, size_t content_size)
{
	switch (content) {
	case CONTENT_TCP:
		return put_tcp(at, flow);
	case CONTENT_UDP:
		return put_udp(at, flow, content_size);
	case CONTENT_FRAGMENT:
		/* The rest of the datagram would be in fragments that are never sent. */
		return put_udp(at, flow, content_size + 64);
	default:
		return at;
	}
}

static uint8_t *put_payload(uint8_t *at, size_t size, uint32_t mark)
{
	/* The first byte is not 4 or 6 in its upper half, so that a non-IP packet does not look like IP on a TUN. */
	for (size_t i = 0; i < size - 4; i++)
		*at++ = i * 7 + mark % 16;
	return put32(at, mark);
}

static uint32_t pseudo_header_sum(const struct packet *packet)
{
	const struct flow *flow = &packet->flow;
	size_t transport = packet->headers - transport_size(packet->content);

	return sum_of(flow->source, address_size(flow)) + sum_of(flow->destination, address_size(flow)) +
	       protocol_of(packet->content) + (packet->size - transport);
}

static size_t checksum_offset(enum content content)
{
	return content == CONTENT_TCP ? 16 : 6;
}

static void put_checksum(struct packet *packet)
{
	size_t transport = packet->headers - transport_size(packet->content);
	uint32_t sum = pseudo_header_sum(packet) + sum_of(packet->frame + transport, packet->size - transport);
	uint16_t checksum = ~fold(sum);

	if (packet->content == CONTENT_UDP && checksum == 0)
		checksum = 0xffff;
	put16(packet->frame + transport + checksum_offset(packet->content), checksum);
}

static uint8_t *put_network(uint8_t *at, const struct flow *flow, enum content content, size_t content_size)
{
	if (content == CONTENT_NOT_IP)
		return put_ethernet(at, ETHERTYPE_EXPERIMENT);
	if (flow->version == 4)
		return put_ipv4(put_ethernet(at, ETH_P_IP), flow, content, content_size);
	return put_ipv6(put_ethernet(at, ETH_P_IPV6), flow, content, content_size);
}

void build_packet(struct packet *packet, const struct flow *flow, enum content content, size_t payload, uint32_t mark)
{
	size_t content_size = transport_size(content) + payload;
	uint8_t *at;

	CHECK(payload >= 4 && payload + 100 <= MAX_FRAME, "no room for %zu bytes of payload", payload);
	packet->flow = *flow;
	packet->content = content;
	at = put_network(packet->frame, flow, content, content_size);
	at = put_transport(at, flow, content, content_size);
	packet->headers = at - packet->frame;
	packet->size = put_payload(at, payload, mark) - packet->frame;
	if (content == CONTENT_TCP || content == CONTENT_UDP)
		put_checksum(packet);
}

void build_kind(struct packet *packet, const struct kind *kind, uint32_t mark)
{
	/* With the UDP header a multiple of 8, as a fragment has to be. */
	build_packet(packet, kind->flow, kind->content, 32, mark);
}

uint32_t packet_mark(const uint8_t *end_of_frame)
{
	uint32_t mark;

	memcpy(&mark, end_of_frame - 4, 4);
	return ntohl(mark);
}

struct flow other_flow(const struct flow *flow, unsigned number)
{
	struct flow other = *flow;

	other.source[address_size(flow) - 2] += number;
	other.source_port = 1024 + 17 * number;
	other.destination_port = 2000 + number;
	return other;
}

void leave_checksum(struct packet *packet, struct virtio_net_hdr *header, uint16_t segment)
{
	size_t transport = packet->headers - transport_size(packet->content);
	size_t offset = checksum_offset(packet->content);

	/* The receiver adds the rest to the pseudo-header's sum, so that is not complemented. */
	put16(packet->frame + transport + offset, fold(pseudo_header_sum(packet)));
	memset(header, 0, sizeof(*header));
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->csum_start = transport;
	header->csum_offset = offset;
	if (segment) {
		header->gso_type = packet->flow.version == 4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
		header->gso_size = segment;
		header->hdr_len = packet->headers;
	}
}

static bool bit(const uint8_t *bytes, size_t index)
{
	return bytes[index / 8] >> (7 - index % 8) & 1;
}

static uint32_t toeplitz(const uint8_t *key, const uint8_t *input, size_t size)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < size * 8; i++)
		for (size_t j = 0; bit(input, i) && j < 32; j++)
			hash ^= (uint32_t)bit(key, i + j) << (31 - j);
	return hash;
}

static uint32_t hash_of_flow(const uint8_t *key, const struct flow *flow, bool ports)
{
	uint8_t input[36];
	uint8_t *at = input;

	at = put_bytes(at, flow->source, address_size(flow));
	at = put_bytes(at, flow->destination, address_size(flow));
	if (ports) {
		at = put16(at, flow->source_port);
		at = put16(at, flow->destination_port);
	}
	return toeplitz(key, input, at - input);
}

/* The report values are in the order of the type bits, so both come from this. */
static int transport_bit(const struct packet *packet)
{
	int base = packet->flow.version == 4 ? 0 : 3;

	switch (packet->content) {
	case CONTENT_TCP:
		return base + 1;
	case CONTENT_UDP:
		return base + 2;
	default:
		return -1;
	}
}

struct hash expected_hash(uint32_t types, const uint8_t *key, const struct packet *packet)
{
	int with_ports = transport_bit(packet);
	int addresses = packet->flow.version == 4 ? 0 : 3;

	if (packet->content == CONTENT_NOT_IP)
		return (struct hash){ 0, 0 };
	if (with_ports >= 0 && types >> with_ports & 1)
		return (struct hash){ hash_of_flow(key, &packet->flow, true), with_ports + 1 };
	if (types >> addresses & 1)
		return (struct hash){ hash_of_flow(key, &packet->flow, false), addresses + 1 };
	return (struct hash){ 0, 0 };
}

size_t key_length(uint32_t types)
{
	if (types & (VIRTIO_NET_RSS_HASH_TYPE_TCPv6 | VIRTIO_NET_RSS_HASH_TYPE_UDPv6))
		return 40;
	if (types & VIRTIO_NET_RSS_HASH_TYPE_IPv6)
		return 36;
	if (types & (VIRTIO_NET_RSS_HASH_TYPE_TCPv4 | VIRTIO_NET_RSS_HASH_TYPE_UDPv4))
		return 16;
	return types & VIRTIO_NET_RSS_HASH_TYPE_IPv4 ? 12 : 0;
}

void check_vectors(void)
{
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *vector = &vectors[i];

		context("the test's own Toeplitz, %s", vector->name);
		CHECK_NUMBER("hash of addresses", hash_of_flow(microsoft_key, &vector->flow, false),
			     vector->hash_of_addresses);
		CHECK_NUMBER("hash with ports", hash_of_flow(microsoft_key, &vector->flow, true),
			     vector->hash_with_ports);
	}
	context("%s", "");
}
