/* What a record looks like, and how it is read and written. */
#define _GNU_SOURCE
#include "cases.h"

#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "check.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

enum { QUEUES = 4, UNTOUCHED = 0xa5 };

static void resize(struct device *device, const struct config *config, int size)
{
	context("header size %d", size);
	set_header_size(device, size);
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(device), size);
	check_kinds(device, config);
}

static void check_header_sizes(const struct generation *generation, struct device *device, const struct config *config)
{
	int too_small = DEFAULT_HEADER - 1;

	set_header_size(device, 12);
	set_config(generation, device, config);
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(device), 12);
	check_kinds(device, config);
	resize(device, config, 20);
	resize(device, config, 12);
	resize(device, config, DEFAULT_HEADER);
	resize(device, config, 24);
	resize(device, config, 20);
	CHECK_ERROR(tun_ioctl(device->queue[0], TUNSETVNETHDRSZ, &too_small), EINVAL);
	CHECK_ERROR(tun_ioctl(device->queue[0], TUNSETVNETHDRSZ, NULL), EFAULT);
	CHECK_ERROR(tun_ioctl(device->queue[0], TUNGETVNETHDRSZ, unmapped()), EFAULT);
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(device), 20);
	check_kinds(device, config);
}

/* The size belongs to the device, so every queue can set it. */
static void check_size_through_other_queue(struct device *device, const struct config *config)
{
	int size = 12;

	CHECK_CALL(tun_ioctl(device->queue[3], TUNSETVNETHDRSZ, &size));
	device->header = 12;
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(device), 12);
	check_kinds(device, config);
	resize(device, config, 20);
}

void case_header_size(const struct generation *generation)
{
	struct config full = full_config(), report = report_config(SUPPORTED_HASH_TYPES), rss = full_config();
	struct device device;

	rss.report = false;
	create_device(&device, TAP, QUEUES);
	check_header_sizes(generation, &device, &full);
	check_size_through_other_queue(&device, &full);
	check_header_sizes(generation, &device, &report);
	check_header_sizes(generation, &device, &rss);
	check_header_sizes(generation, &device, &config_off);
	check_header_sizes(generation, &device, &full);
}

static void set_offloads(const struct device *device, unsigned long offloads)
{
	/* This one takes its argument by value. */
	CHECK_CALL(tun_ioctl(device->queue[0], TUNSETOFFLOAD, (void *)offloads));
}

static void check_unfinished(const struct device *device, const struct config *config, const struct flow *flow,
			     enum content content, size_t payload, uint16_t segment)
{
	struct virtio_net_hdr header;
	struct packet packet;
	struct record record;

	context("IPv%d, content %d, %zu bytes in segments of %u", flow->version, content, payload, segment);
	build_packet(&packet, flow, content, payload, 1);
	leave_checksum(&packet, &header, segment);
	send_unfinished(device, &packet, &header);
	read_any(device, &record);
	check_unfinished_record(device, config, &packet, &header, &record);
	expect_quiet(device);
}

static void check_offloads(const struct device *device, const struct config *config)
{
	check_unfinished(device, config, &flow_v4, CONTENT_TCP, 4000, 1000);
	check_unfinished(device, config, &flow_v6, CONTENT_TCP, 4000, 1000);
	check_unfinished(device, config, &flow_v4, CONTENT_TCP, 100, 0);
	check_unfinished(device, config, &flow_v4, CONTENT_UDP, 100, 0);
	check_unfinished(device, config, &flow_v6, CONTENT_UDP, 100, 0);
	check_kinds(device, config);
}

/* Without offloads the kernel finishes the packets, so they are like those that need nothing. */
static void check_finished(const struct device *device, const struct config *config, const struct flow *flow)
{
	struct virtio_net_hdr header;
	struct packet unfinished, finished;
	struct record record;

	context("IPv%d UDP without offloads", flow->version);
	build_packet(&finished, flow, CONTENT_UDP, 100, 1);
	unfinished = finished;
	leave_checksum(&unfinished, &header, 0);
	send_unfinished(device, &unfinished, &header);
	read_any(device, &record);
	check_record(device, config, &finished, &record);
}

/* The kernel cuts a GSO frame; every segment is a record with the flow's hash. */
static void check_segments(const struct device *device, const struct config *config)
{
	struct virtio_net_hdr header;
	struct packet packet;
	struct record record;
	struct hash hash;
	size_t size;

	context("segments of a GSO frame");
	build_packet(&packet, &flow_v4, CONTENT_TCP, 4000, 1);
	hash = expected_hash(config->types, config->key, &packet);
	size = record_size(device, &packet) - 3000;
	leave_checksum(&packet, &header, 1000);
	send_unfinished(device, &packet, &header);
	for (int i = 0; i < 4; i++) {
		uint8_t expected[HASH_HEADER] = { 0 };

		memcpy(expected + 12, &hash.value, 4);
		memcpy(expected + 16, &hash.report, 2);
		read_any(device, &record);
		CHECK_NUMBER("size of the record", record.size, size);
		CHECK_BYTES("virtio-net header", record.bytes, HASH_HEADER, expected, HASH_HEADER);
		CHECK_NUMBER("queue", record.queue, queue_for(config, &hash, device->queues));
		CHECK_BYTES("payload", record.bytes + record.size - 1000, 1000 - 4,
			    packet.frame + packet.headers + 1000 * i, 1000 - 4);
	}
	expect_quiet(device);
}

static void check_offloads_on(const struct generation *generation, enum link link)
{
	struct config config = full_config();
	struct device device;

	create_device(&device, link, QUEUES);
	set_config(generation, &device, &config);
	set_offloads(&device, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
	check_offloads(&device, &config);
	set_header_size(&device, 12);
	check_offloads(&device, &config);
	set_header_size(&device, HASH_HEADER);
	config = second_config();
	set_config(generation, &device, &config);
	check_offloads(&device, &config);
	config = report_config(SUPPORTED_HASH_TYPES);
	set_config(generation, &device, &config);
	check_offloads(&device, &config);
	set_config(generation, &device, &config_off);
	check_offloads(&device, &config_off);

	config = full_config();
	set_config(generation, &device, &config);
	set_offloads(&device, 0);
	check_finished(&device, &config, &flow_v4);
	check_finished(&device, &config, &flow_v6);
	check_segments(&device, &config);
}

void case_offloads_tap(const struct generation *generation)
{
	check_offloads_on(generation, TAP);
}

void case_offloads_tun(const struct generation *generation)
{
	check_offloads_on(generation, TUN);
}

/* A record that was cut says so in its struct tun_pi. */
static void check_cut_information(const struct device *device)
{
	struct packet packet;
	uint8_t *place;
	size_t size;
	struct tun_pi information;

	context("a cut record with struct tun_pi");
	build_for_queue(&packet, 1, 1);
	size = record_size(device, &packet) - 1;
	place = before_hole(size);
	send_packet(device, &packet);
	CHECK_NUMBER("queue", wait_for_queue(device), 1);
	CHECK_NUMBER("read", CHECK_CALL(tun_read(device->queue[1], place, size)), size);
	memcpy(&information, place, sizeof(information));
	CHECK_NUMBER("flags", information.flags, TUN_PKT_STRIP);
	CHECK_BYTES("payload", place + front_size(device), size - front_size(device), visible_frame(device, &packet),
		    visible_size(device, &packet) - 1);
}

static void check_information_on(const struct generation *generation, enum link link)
{
	struct config config = full_config(), second = second_config();
	struct device device;

	create_device_with_information(&device, link, QUEUES);
	set_config(generation, &device, &config);
	check_kinds(&device, &config);
	check_cut_information(&device);
	set_config(generation, &device, &second);
	check_kinds(&device, &second);
	set_header_size(&device, 12);
	check_kinds(&device, &second);
	set_header_size(&device, HASH_HEADER);
	set_offloads(&device, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6);
	check_offloads(&device, &second);
	set_config(generation, &device, &config_off);
	check_kinds(&device, &config_off);
}

void case_packet_information_tap(const struct generation *generation)
{
	check_information_on(generation, TAP);
}

void case_packet_information_tun(const struct generation *generation)
{
	check_information_on(generation, TUN);
}

enum { GAP = 3, MAX_PIECES = 512 };

/* Lays `count` pieces of these sizes into the area, with gaps between them. */
static void lay_pieces(struct iovec *pieces, const size_t *sizes, size_t count, uint8_t *area)
{
	for (size_t i = 0; i < count; i++) {
		pieces[i] = (struct iovec){ area, sizes[i] };
		area += sizes[i] + GAP;
	}
}

/* Moves the pieces together. The gaps must be as they were. */
static void join_pieces(const struct iovec *pieces, size_t count, uint8_t *bytes)
{
	static const uint8_t untouched[GAP] = { UNTOUCHED, UNTOUCHED, UNTOUCHED };

	for (size_t i = 0; i < count; i++) {
		uint8_t *piece = pieces[i].iov_base;

		memcpy(bytes, piece, pieces[i].iov_len);
		bytes += pieces[i].iov_len;
		CHECK_BYTES("bytes after a piece", piece + pieces[i].iov_len, GAP, untouched, GAP);
	}
}

/* Reads a record into pieces, the last of which has room for whatever is left. */
static void check_scattered(const struct device *device, const struct config *config, const size_t *sizes, size_t count)
{
	static uint8_t area[4096];
	struct iovec pieces[MAX_PIECES];
	struct packet packet;
	struct record record;

	build_for_queue(&packet, 3, 1);
	send_packet(device, &packet);
	record.queue = wait_for_queue(device);
	memset(area, UNTOUCHED, sizeof(area));
	lay_pieces(pieces, sizes, count, area);
	record.size = CHECK_CALL(tun_readv(device->queue[record.queue], pieces, count));
	join_pieces(pieces, count, record.bytes);
	/* As clear_record does; here the bytes are not known before the pieces are joined. */
	if (record.bytes[10] == UNTOUCHED && record.bytes[11] == UNTOUCHED)
		memset(record.bytes + 10, 0, 2);
	check_record(device, config, &packet, &record);
	expect_quiet(device);
}

static void check_single_bytes(const struct device *device, const struct config *config)
{
	size_t sizes[MAX_PIECES];
	struct packet packet;
	size_t count;

	build_for_queue(&packet, 3, 1);
	count = record_size(device, &packet);
	for (size_t i = 0; i < count; i++)
		sizes[i] = 1;
	context("pieces of one byte");
	check_scattered(device, config, sizes, count);
	/* One iovec more than is needed, but with no room. */
	sizes[count] = 0;
	check_scattered(device, config, sizes, count + 1);
}

void case_readv(const struct generation *generation)
{
	enum { PIECES = 6 };
	static const size_t sizes[][PIECES] = {
		{ 20, 1000 },	       { 12, 8, 1000 },	     { 7, 9, 1000 },	       { 19, 1, 14, 1000 },
		{ 3, 0, 14, 0, 1000 }, { 13, 1, 1, 1, 1000 }, { 18, 2, 20, 20, 1000 }, { 1000, 1000 },
		{ 10, 1000 },	       { 5, 5, 5, 5, 6, 1000 },
	};
	static const struct iovec too_many[IOV_MAX + 1];
	struct config config = full_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &config);
	check_single_bytes(&device, &config);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		context("scatter %zu, which starts with %zu, %zu", i, sizes[i][0], sizes[i][1]);
		check_scattered(&device, &config, sizes[i], PIECES);
	}
	context("more pieces than a call may have");
	CHECK_ERROR(tun_readv(device.queue[0], too_many, IOV_MAX + 1), EINVAL);
	CHECK_ERROR(tun_readv(device.queue[0], unmapped(), 2), EFAULT);
	check_kinds(&device, &config);
}

/* A packet waits on queue 1 after this. */
static void send_to_queue1(const struct device *device, struct packet *packet, uint32_t mark)
{
	build_for_queue(packet, 1, mark);
	send_packet(device, packet);
	CHECK_NUMBER("queue", wait_for_queue(device), 1);
}

/* Reads with room for `size` bytes and no more, which has to give that many, or the whole record. */
static void check_room(const struct device *device, const struct config *config, size_t size)
{
	uint8_t *place = before_hole(size);
	struct packet packet;
	struct record record;

	send_to_queue1(device, &packet, 1);
	context("room for %zu bytes of %zu", size, record_size(device, &packet));
	memset(place, 0, size);
	CHECK_NUMBER("read", CHECK_CALL(tun_read(device->queue[1], place, size)), size);
	/* What was cut off is put back, so that the rest can be compared as ever. */
	record.queue = 1;
	record.size = build_record(device, &packet, record.bytes);
	memcpy(record.bytes, place, size);
	check_record(device, config, &packet, &record);
	expect_quiet(device);
}

/* There is no room for the header. The kernel gives EINVAL and drops the packet. */
static void check_no_room(const struct device *device, size_t size)
{
	uint8_t *place = before_hole(size);
	struct packet packet;

	context("room for %zu bytes", size);
	send_to_queue1(device, &packet, 1);
	CHECK_ERROR(tun_read(device->queue[1], place, size), EINVAL);
	expect_quiet(device);
	send_to_queue1(device, &packet, 2);
	CHECK_ERROR(tun_readv(device->queue[1], (struct iovec[]){ { place, size - 1 }, { place, 1 } }, 2), EINVAL);
	expect_quiet(device);
}

/* The buffer ends within the header, though the program says that it is long. */
static void check_bad_buffer(const struct device *device, size_t size)
{
	struct packet packet;

	context("memory of %zu bytes, said to be 2000", size);
	send_to_queue1(device, &packet, 1);
	CHECK_ERROR(tun_read(device->queue[1], before_hole(size), 2000), EFAULT);
	expect_quiet(device);
}

/* It ends within the frame. The kernel does not notice and gives the record's size; EFAULT would be as good. */
static void check_bad_payload(const struct device *device)
{
	struct packet packet;
	ssize_t result;

	context("memory that ends within the frame");
	send_to_queue1(device, &packet, 1);
	result = tun_read(device->queue[1], before_hole(30), 2000);
	CHECK(result == (ssize_t)record_size(device, &packet) || (result == -1 && errno == EFAULT), "read: %zd, %s",
	      result, error_name(errno));
	expect_quiet(device);
}

/* The array of pieces is at an odd address, or at one that was good a moment ago. */
static void check_parts(const struct device *device, const struct config *config)
{
	size_t size = 4 * sizeof(struct iovec), page = sysconf(_SC_PAGESIZE);
	uint8_t bytes[2048];
	struct iovec pieces[2] = { { bytes, 20 }, { bytes + 20, sizeof(bytes) - 20 } };
	uint8_t *map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(map != MAP_FAILED, "mmap: %s", error_name(errno));
	for (size_t shift = 0; shift < 3; shift++) {
		struct packet packet;
		struct record record;

		context("an array of pieces %zu bytes behind a page's start", shift);
		memcpy(map + shift, pieces, sizeof(pieces));
		build_for_queue(&packet, 1, shift);
		send_packet(device, &packet);
		record.queue = wait_for_queue(device);
		clear_record(device, &record);
		memcpy(bytes, record.bytes, sizeof(bytes));
		record.size = CHECK_CALL(tun_readv(device->queue[record.queue], (struct iovec *)(map + shift), 2));
		memcpy(record.bytes, bytes, record.size);
		check_record(device, config, &packet, &record);
	}
	context("an array that is there no more");
	CHECK_CALL(munmap(map, page));
	CHECK_ERROR(tun_readv(device->queue[1], (struct iovec *)map, 2), EFAULT);
	CHECK_ERROR(tun_readv(device->queue[1], (struct iovec *)before_hole(size - 1), 4), EFAULT);
}

void case_parts_anywhere(const struct generation *generation)
{
	struct config report = full_config(), rss = full_config();
	struct device device;

	rss.report = false;
	create_device(&device, TAP, QUEUES);
	check_parts(&device, &config_off);
	set_config(generation, &device, &report);
	check_parts(&device, &report);
	set_config(generation, &device, &rss);
	check_parts(&device, &rss);
}

void case_short_reads(const struct generation *generation)
{
	struct config config = full_config();
	struct packet packet;
	struct device device;
	size_t size;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &config);
	build_for_queue(&packet, 1, 1);
	size = record_size(&device, &packet);
	check_room(&device, &config, size);
	check_room(&device, &config, size - 1);
	check_room(&device, &config, size / 2);
	check_room(&device, &config, 21);
	check_room(&device, &config, 20);
	check_no_room(&device, 19);
	check_no_room(&device, 13);
	check_no_room(&device, 12);
	check_no_room(&device, 1);
	check_bad_buffer(&device, 0);
	check_bad_buffer(&device, 5);
	check_bad_payload(&device);
	context("an empty queue");
	CHECK_ERROR(tun_read(device.queue[1], &packet, sizeof(packet)), EAGAIN);
	CHECK_ERROR(tun_readv(device.queue[1], (struct iovec[]){ { &packet, sizeof(packet) } }, 1), EAGAIN);
	check_kinds(&device, &config);
}

/* What is in the hash's place of a written record means nothing. */
static void put_garbage(const struct device *device, uint8_t *record)
{
	if (device->header >= HASH_HEADER)
		memset(record + 12, 0xee, device->header - 12);
}

static void expect_frame(const struct device *device, int receiver, const struct packet *packet)
{
	uint8_t frame[MAX_FRAME];
	size_t size = receive(receiver, frame, sizeof(frame));

	CHECK_BYTES("frame that was written", frame, size, visible_frame(device, packet),
		    visible_size(device, packet));
}

static void check_write(const struct device *device, int receiver, unsigned queue)
{
	struct packet packet;
	struct record record;
	size_t size;

	build_for_queue(&packet, queue, queue);
	size = build_record(device, &packet, record.bytes);
	put_garbage(device, record.bytes);
	CHECK_NUMBER("write", CHECK_CALL(tun_write(device->queue[queue], record.bytes, size)), size);
	expect_frame(device, receiver, &packet);
}

/* Written in these pieces, and the rest as the last one. */
static void check_writev(const struct device *device, int receiver, unsigned queue, size_t first, size_t second)
{
	struct packet packet;
	struct record record;
	struct iovec pieces[3];
	size_t size;

	build_for_queue(&packet, queue, queue + 100);
	size = build_record(device, &packet, record.bytes);
	put_garbage(device, record.bytes);
	pieces[0] = (struct iovec){ record.bytes, first };
	pieces[1] = (struct iovec){ record.bytes + first, second };
	pieces[2] = (struct iovec){ record.bytes + first + second, size - first - second };
	CHECK_NUMBER("writev", CHECK_CALL(tun_writev(device->queue[queue], pieces, 3)), size);
	expect_frame(device, receiver, &packet);
}

static void check_writes(const struct device *device, const struct config *config)
{
	int receiver = open_receiver(device);

	for (unsigned queue = 0; queue < device->queues; queue++) {
		context("header %d, queue %u", device->header, queue);
		check_write(device, receiver, queue);
		check_writev(device, receiver, queue, device->header, 14);
		check_writev(device, receiver, queue, 1, 0);
		check_writev(device, receiver, queue, 7, 9);
		check_writev(device, receiver, queue, 13, 30);
	}
	close(receiver);
	check_kinds(device, config);
}

/* The kernel wants the header, and then a frame. */
static void check_bad_writes(const struct device *device)
{
	uint8_t header[HASH_HEADER] = { 0 };

	context("bad writes");
	CHECK_ERROR(tun_write(device->queue[0], header, HASH_HEADER - 1), EINVAL);
	CHECK_ERROR(tun_write(device->queue[0], header, HASH_HEADER), EINVAL);
	CHECK_ERROR(tun_write(device->queue[0], unmapped(), 100), EFAULT);
	CHECK_ERROR(tun_writev(device->queue[0], unmapped(), 1), EFAULT);
}

static void check_writes_on(const struct generation *generation, enum link link)
{
	struct config config = full_config();
	struct device device;

	create_device(&device, link, QUEUES);
	check_writes(&device, &config_off);
	set_config(generation, &device, &config);
	check_writes(&device, &config);
	check_bad_writes(&device);
	set_header_size(&device, 12);
	check_writes(&device, &config);
	set_header_size(&device, 24);
	check_writes(&device, &config);
	set_header_size(&device, HASH_HEADER);
	config = report_config(SUPPORTED_HASH_TYPES);
	set_config(generation, &device, &config);
	check_writes(&device, &config);
	config = full_config();
	config.report = false;
	set_config(generation, &device, &config);
	check_writes(&device, &config);
	while (device.queues > 0)
		close_last_queue(&device);
}

void case_write(const struct generation *generation)
{
	check_writes_on(generation, TAP);
	check_writes_on(generation, TUN);
}
