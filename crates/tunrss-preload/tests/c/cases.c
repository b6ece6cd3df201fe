#define _GNU_SOURCE
#include "cases.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "check.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

static const struct {
	const char *name;
	void (*run)(const struct generation *generation);
} cases[] = {
	{ "capability", case_capability },
	{ "types-tap", case_types_tap },
	{ "types-tun", case_types_tun },
	{ "vectors-tap", case_vectors_tap },
	{ "vectors-tun", case_vectors_tun },
	{ "late-queues", case_late_queues },
	{ "unclassified", case_unclassified },
	{ "masks", case_masks },
	{ "key-lengths", case_key_lengths },
	{ "report-only", case_report_only },
	{ "rss-only", case_rss_only },
	{ "off", case_off },
	{ "replaced", case_replaced },
	{ "recreated", case_recreated },
	{ "header-size", case_header_size },
	{ "offloads-tap", case_offloads_tap },
	{ "offloads-tun", case_offloads_tun },
	{ "packet-information-tap", case_packet_information_tap },
	{ "packet-information-tun", case_packet_information_tun },
	{ "readv", case_readv },
	{ "parts-anywhere", case_parts_anywhere },
	{ "short-reads", case_short_reads },
	{ "write", case_write },
	{ "errno-unattached", case_errno_unattached },
	{ "errno-pointers", case_errno_pointers },
	{ "errno-steering", case_errno_steering },
	{ "filter", case_filter },
	{ "program-and-rss", case_program_and_rss },
	{ "errno-memory", case_errno_memory },
	{ "descriptors", case_descriptors },
	{ "reused-numbers", case_reused_numbers },
	{ "numbers-closed-unseen", case_numbers_closed_unseen },
	{ "detached-queue", case_detached_queue },
	{ "fork", case_fork },
#ifndef WITH_LIBTUNRSS
	{ "vfork", case_vfork },
	{ "exec", case_exec },
	{ "errno-kept", case_errno_kept },
	{ "locked-memory", case_locked_memory },
#endif
	{ "macvtap", case_macvtap },
	{ "macvtap-changes", case_macvtap_changes },
	{ "macvtap-deleted", case_macvtap_deleted },
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static int list_cases(void)
{
	for (size_t i = 0; i < CASES; i++)
		puts(cases[i].name);
	return 0;
}

static int run_named(const char *name, const struct generation *generation)
{
	for (size_t i = 0; i < CASES; i++) {
		if (strcmp(cases[i].name, name) != 0)
			continue;
		limit_time(CASE_SECONDS);
		check_vectors();
		enter_namespace();
		cases[i].run(generation);
		return 0;
	}
	fprintf(stderr, "no case %s\n", name);
	return 2;
}

int run_case(int argc, char **argv, const struct generation *generation)
{
	/* The last two are for the program's own use, after fork and exec. */
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list_cases();
	if (argc == 2 && strcmp(argv[1], "--nothing") == 0)
		return 0;
	if (argc == 3 && strcmp(argv[1], "--inherited") == 0)
		return run_inherited(generation, argv[2]);
	if (argc == 2)
		return run_named(argv[1], generation);
	fprintf(stderr, "usage: %s --list | CASE\n", argv[0]);
	return 2;
}

struct config full_config(void)
{
	static uint16_t table[TABLE_SIZE];

	fill_table(table);
	return (struct config){
		.rss = true,
		.report = true,
		.types = SUPPORTED_HASH_TYPES,
		.mask = TABLE_SIZE - 1,
		.unclassified = 2,
		.table = table,
		.key = microsoft_key,
	};
}

struct config second_config(void)
{
	static uint16_t table[64];

	for (unsigned i = 0; i < 64; i++)
		table[i] = (i * 3 + i / 8 + 1) % 4;
	return (struct config){
		.rss = true,
		.report = true,
		.types = VIRTIO_NET_RSS_HASH_TYPE_IPv4 | VIRTIO_NET_RSS_HASH_TYPE_IPv6 | VIRTIO_NET_RSS_HASH_TYPE_UDPv6,
		.mask = 63,
		.unclassified = 1,
		.table = table,
		.key = second_key,
	};
}

struct config report_config(uint32_t types)
{
	return (struct config){ .report = true, .types = types };
}

static void put_le(uint8_t *at, uint32_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = value >> 8 * i;
}

static uint32_t get_le(const uint8_t *at, size_t size)
{
	uint32_t value = 0;

	for (size_t i = 0; i < size; i++)
		value |= (uint32_t)at[i] << 8 * i;
	return value;
}

/* The hash whose key we do not know is only checked to be there, or not. */
static void accept_hash(const uint8_t *found, uint8_t *expected, uint16_t report)
{
	uint32_t value = get_le(found + 12, 4);

	CHECK((report == 0) == (value == 0), "hash %#x with a report that has to be %u", value, report);
	put_le(expected + 12, value, 4);
}

/* Without a report only hash_report means something. */
static void accept_no_hash(const uint8_t *found, uint8_t *expected)
{
	memcpy(expected + 12, found + 12, 4);
	memcpy(expected + 18, found + 18, 2);
}

/* What num_buffers has to be beside a hash. The one who starts the program says so. */
static uint16_t expected_num_buffers(void)
{
	const char *text = getenv("EXPECTED_NUM_BUFFERS");

	return text ? strtoul(text, NULL, 10) : 0;
}

static void fill_hash(const struct config *config, const struct hash *hash, const uint8_t *found, uint8_t *expected)
{
	if (!config->report) {
		accept_no_hash(found, expected);
		return;
	}
	put_le(expected + 16, hash->report, 2);
	if (hash->report)
		put_le(expected + 10, expected_num_buffers(), 2);
	if (config->rss)
		put_le(expected + 12, hash->value, 4);
	else
		accept_hash(found, expected, hash->report);
}

/* hdr_len is a hint: some kernels give the length of the linear part. */
static void fill_offload(const struct device *device, const struct packet *packet, const struct virtio_net_hdr *offload,
			 const uint8_t *found, uint8_t *expected)
{
	size_t ethernet = device->link == TUN ? ETHERNET : 0;
	size_t hdr_len = get_le(found + 2, 2);

	expected[0] = offload->flags;
	expected[1] = offload->gso_type;
	put_le(expected + 4, offload->gso_size, 2);
	if (offload->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		put_le(expected + 6, offload->csum_start - ethernet, 2);
	put_le(expected + 8, offload->csum_offset, 2);
	if (!offload->gso_type)
		return;
	CHECK(hdr_len >= packet->headers - ethernet && hdr_len <= visible_size(device, packet),
	      "hdr_len: expected %zu to %zu, found %zu", packet->headers - ethernet, visible_size(device, packet),
	      hdr_len);
	put_le(expected + 2, hdr_len, 2);
}

static void check_information(const struct packet *packet, const struct record *record)
{
	uint8_t expected[PI_SIZE] = { 0, 0, packet->frame[12], packet->frame[13] };

	CHECK_BYTES("struct tun_pi", record->bytes, PI_SIZE, expected, PI_SIZE);
}

static void check_header(const struct device *device, const struct config *config, const struct packet *packet,
			 const struct virtio_net_hdr *offload, const struct hash *hash, const uint8_t *found)
{
	uint8_t expected[HASH_HEADER] = { 0 };
	size_t compared = device->header < HASH_HEADER ? device->header : HASH_HEADER;

	fill_offload(device, packet, offload, found, expected);
	if (device->header >= HASH_HEADER)
		fill_hash(config, hash, found, expected);
	CHECK_BYTES("virtio-net header", found, compared, expected, compared);
}

static struct hash hash_under(const struct config *config, const struct packet *packet)
{
	if (config->rss)
		return expected_hash(config->types, config->key, packet);
	/* Of this only the report will be used: which key the kernel would take is not said. */
	return expected_hash(config->types, microsoft_key, packet);
}

void check_unfinished_record(const struct device *device, const struct config *config, const struct packet *packet,
			     const struct virtio_net_hdr *offload, const struct record *record)
{
	struct hash hash = hash_under(config, packet);
	size_t front = front_size(device);

	CHECK(record->size >= front, "a record of %zu bytes is shorter than its header", record->size);
	if (device->information)
		check_information(packet, record);
	check_header(device, config, packet, offload, &hash, record->bytes + front - device->header);
	CHECK_BYTES("payload", record->bytes + front, record->size - front, visible_frame(device, packet),
		    visible_size(device, packet));
	if (config->rss && !config->behind_program)
		CHECK_NUMBER("queue", record->queue, queue_for(config, &hash, device->queues));
}

void check_record(const struct device *device, const struct config *config, const struct packet *packet,
		  const struct record *record)
{
	static const struct virtio_net_hdr finished;

	check_unfinished_record(device, config, packet, &finished, record);
}

void check_packet(const struct device *device, const struct config *config, const struct packet *packet)
{
	struct record record;

	expect_quiet(device);
	send_packet(device, packet);
	read_any(device, &record);
	check_record(device, config, packet, &record);
	expect_quiet(device);
}

static void check_kind(const struct device *device, const struct config *config, const struct kind *kind)
{
	static uint32_t mark;
	struct packet packet;

	context("types %#x, %s, %s, %u queues, header %d: %s", config->types, config->rss ? "RSS" : "no RSS",
		config->report ? "report" : "no report", device->queues, device->header, kind->name);
	build_kind(&packet, kind, mark++);
	check_packet(device, config, &packet);
}

void check_kinds(const struct device *device, const struct config *config)
{
	for (size_t i = 0; i < KINDS; i++)
		check_kind(device, config, &kinds[i]);
}

void check_next_kind(const struct device *device, const struct config *config)
{
	static unsigned next;

	check_kind(device, config, &kinds[next++ % KINDS]);
}

static void check_spreading(const struct device *device, const struct config *config)
{
	unsigned used = 0;

	for (unsigned i = 0; i < 64; i++) {
		struct flow flow = other_flow(&flow_v4, i);
		struct packet packet;
		struct record record;

		context("automatic steering of flow %u", i);
		build_packet(&packet, &flow, CONTENT_UDP, 32, i);
		send_packet(device, &packet);
		read_any(device, &record);
		check_record(device, config, &packet, &record);
		used |= 1u << record.queue;
	}
	/* By chance all 64 on one queue of four would be 1 in 4^63. */
	CHECK(used & (used - 1), "automatic steering used one queue only, as a set %#x", used);
}

static struct flow reversed(const struct flow *flow)
{
	struct flow other = *flow;

	memcpy(other.source, flow->destination, 16);
	memcpy(other.destination, flow->source, 16);
	other.source_port = flow->destination_port;
	other.destination_port = flow->source_port;
	return other;
}

size_t build_record(const struct device *device, const struct packet *packet, uint8_t *record)
{
	struct tun_pi information = { 0, 0 };
	size_t front = front_size(device);

	memset(record, 0, front);
	if (device->information) {
		memcpy(&information.proto, packet->frame + 12, 2);
		memcpy(record, &information, sizeof(information));
	}
	memcpy(record + front, visible_frame(device, packet), visible_size(device, packet));
	return record_size(device, packet);
}

/* A flow is expected on the queue to which its other direction was written. */
static void check_learning(const struct device *device, const struct config *config)
{
	for (unsigned queue = 0; queue < device->queues; queue++) {
		struct flow flow = other_flow(&flow_v4, 100), back = reversed(&flow);
		struct packet packet;
		struct record record;
		size_t size;

		context("automatic steering after a packet was written to queue %u", queue);
		build_packet(&packet, &back, CONTENT_UDP, 32, queue);
		size = build_record(device, &packet, record.bytes);
		CHECK_NUMBER("write", tun_write(device->queue[queue], record.bytes, size), size);
		build_packet(&packet, &flow, CONTENT_UDP, 32, queue);
		send_packet(device, &packet);
		read_any(device, &record);
		check_record(device, config, &packet, &record);
		CHECK_NUMBER("queue", record.queue, queue);
	}
}

void check_automatic(const struct device *device, const struct config *config)
{
	check_spreading(device, config);
	check_learning(device, config);
	expect_quiet(device);
}

void build_for_queue(struct packet *packet, unsigned queue, uint32_t mark)
{
	/* The order of fill_table's hashes. */
	static const struct {
		const struct flow *flow;
		enum content content;
	} by_queue[4] = {
		{ &flow_v4, CONTENT_OTHER },
		{ &flow_v4, CONTENT_TCP },
		{ &flow_v6, CONTENT_OTHER },
		{ &flow_v6, CONTENT_UDP },
	};

	build_packet(packet, by_queue[queue].flow, by_queue[queue].content, 32, mark);
}

uint8_t *before_hole(size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t room = (size + page - 1) / page * page;
	uint8_t *start = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(start != MAP_FAILED, "mmap: %s", error_name(errno));
	CHECK_CALL(mprotect(start + room, page, PROT_NONE));
	return start + room - size;
}

void *unmapped(void)
{
	return before_hole(0);
}

int fork_child(void)
{
	int child = CHECK_CALL(fork());

	if (child == 0)
		limit_time(CASE_SECONDS);
	return child;
}

void expect_child(int child)
{
	int status;

	CHECK_CALL(waitpid(child, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with wait status %#x", status);
}
