/* Which queue a packet is on, and with which hash. */
#include "cases.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

enum { QUEUES = 4 };

static const uint32_t type_sets[] = { 0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x3f, 0 };
enum { TYPE_SETS = sizeof(type_sets) / sizeof(type_sets[0]) };

/* With two unclassified queues, none of them is always the one that a hash would lead to, too. */
static const uint16_t unclassified_queues[] = { 2, 5 };

static void check_types(const struct generation *generation, const struct device *device, bool report)
{
	struct config config = full_config();

	config.report = report;
	for (size_t i = 0; i < TYPE_SETS; i++) {
		for (size_t j = 0; j < 2; j++) {
			config.types = type_sets[i];
			config.unclassified = unclassified_queues[j];
			set_config(generation, device, &config);
			check_kinds(device, &config);
		}
	}
}

static void check_types_on(const struct generation *generation, enum link link)
{
	struct device device;

	create_device(&device, link, QUEUES);
	check_types(generation, &device, true);
}

void case_types_tap(const struct generation *generation)
{
	check_types_on(generation, TAP);
}

void case_types_tun(const struct generation *generation)
{
	check_types_on(generation, TUN);
}

void case_rss_only(const struct generation *generation)
{
	struct device device;

	create_device(&device, TAP, QUEUES);
	check_types(generation, &device, false);
}

static void check_vector(const struct device *device, const struct config *config, const struct vector *vector,
			 enum content content, uint32_t hash)
{
	struct packet packet;
	struct hash expected;

	build_packet(&packet, &vector->flow, content, 32, 1);
	expected = expected_hash(config->types, config->key, &packet);
	CHECK_NUMBER("the test's own hash", expected.value, hash);
	check_packet(device, config, &packet);
}

static void check_vectors_on(const struct generation *generation, enum link link)
{
	struct config config = full_config();
	struct device device;

	create_device(&device, link, QUEUES);
	set_config(generation, &device, &config);
	for (size_t i = 0; i < VECTORS; i++) {
		const struct vector *vector = &vectors[i];

		context("vector %s", vector->name);
		check_vector(&device, &config, vector, CONTENT_TCP, vector->hash_with_ports);
		check_vector(&device, &config, vector, CONTENT_UDP, vector->hash_with_ports);
		check_vector(&device, &config, vector, CONTENT_OTHER, vector->hash_of_addresses);
	}
}

void case_vectors_tap(const struct generation *generation)
{
	check_vectors_on(generation, TAP);
}

void case_vectors_tun(const struct generation *generation)
{
	check_vectors_on(generation, TUN);
}

void case_late_queues(const struct generation *generation)
{
	struct config config = full_config();
	struct device device;

	create_device(&device, TAP, 1);
	set_config(generation, &device, &config);
	check_kinds(&device, &config);
	while (device.queues < QUEUES) {
		attach_queue(&device);
		check_kinds(&device, &config);
	}
	while (device.queues > 1) {
		close_last_queue(&device);
		check_kinds(&device, &config);
	}
	attach_queue(&device);
	check_kinds(&device, &config);
}

static void check_large_numbers(const struct generation *generation, const struct device *device)
{
	static const uint16_t queues[] = { 0, 1, 2, 3, 4, 9, 0x7fff, 0x8000, 0xffff };
	struct config config = full_config();
	uint16_t table[2];

	config.table = table;
	config.mask = 1;
	for (size_t i = 0; i < sizeof(queues) / sizeof(queues[0]); i++) {
		config.unclassified = queues[i];
		table[0] = queues[i] ^ 1;
		table[1] = queues[i] ^ 2;
		set_config(generation, device, &config);
		check_kinds(device, &config);
	}
}

void case_unclassified(const struct generation *generation)
{
	struct device device;

	create_device(&device, TAP, QUEUES);
	check_large_numbers(generation, &device);
	/* Now the modulus is not a power of two. */
	close_last_queue(&device);
	check_large_numbers(generation, &device);
}

static void check_flows(const struct device *device, const struct config *config)
{
	for (unsigned i = 0; i < 32; i++) {
		struct flow flow = other_flow(i % 2 ? &flow_v6 : &flow_v4, i);
		struct packet packet;

		context("mask %#x, flow %u", config->mask, i);
		build_packet(&packet, &flow, i % 3 ? CONTENT_UDP : CONTENT_OTHER, 32, i);
		check_packet(device, config, &packet);
	}
}

void case_masks(const struct generation *generation)
{
	/* The last two are not one less than a power of two. */
	static const uint16_t masks[] = { 0, 1, 127, 0xffff, 5, 0x1234 };
	uint16_t *table = calloc(MAX_TABLE, sizeof(*table));
	struct config config = full_config();
	struct device device;

	CHECK(table != NULL, "no memory");
	for (uint32_t i = 0; i < MAX_TABLE; i++)
		table[i] = (i * 2654435761u) >> 29;
	config.table = table;
	create_device(&device, TAP, QUEUES);
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		config.mask = masks[i];
		set_config(generation, &device, &config);
		check_kinds(&device, &config);
		check_flows(&device, &config);
	}
	free(table);
}

static int try_at_hole(const struct generation *generation, const struct device *device, const struct config *config,
		       size_t size)
{
	static uint8_t argument[MAX_ARGUMENT];
	uint8_t *place = before_hole(size);

	generation->encode(config, argument);
	memcpy(place, argument, size);
	return tun_ioctl(device->queue[0], generation->request(config), place);
}

void case_key_lengths(const struct generation *generation)
{
	static const struct {
		uint32_t types;
		size_t length;
	} keys[] = { { 0x01, 12 }, { 0x02, 16 }, { 0x04, 16 }, { 0x03, 16 }, { 0x08, 36 },
		     { 0x09, 36 }, { 0x0b, 36 }, { 0x10, 40 }, { 0x20, 40 }, { 0x3f, 40 } };
	struct config config = full_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &config);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct config next = i % 2 ? full_config() : second_config();
		size_t size;

		next.types = keys[i].types;
		size = argument_size(generation, &next);
		context("types %#x", next.types);
		CHECK_NUMBER("key length", key_length(next.types), keys[i].length);
		CHECK_ERROR(try_at_hole(generation, &device, &next, size - 1), EFAULT);
		check_kinds(&device, &config);
		context("types %#x", next.types);
		CHECK_NUMBER("ioctl", CHECK_CALL(try_at_hole(generation, &device, &next, size)), 0);
		check_kinds(&device, &next);
		config = next;
	}
}

/* The hash value that the device reports for a packet. */
static uint32_t reported_value(const struct device *device, const struct config *config, const struct packet *packet)
{
	struct record record;
	uint32_t value;

	send_packet(device, packet);
	read_any(device, &record);
	check_record(device, config, packet, &record);
	memcpy(&value, record.bytes + 12, 4);
	return value;
}

static void check_values(const struct device *device, const struct config *config, const struct kind *kind)
{
	struct flow flow = other_flow(kind->flow, 7);
	struct packet packet, again, other;
	uint32_t value;

	context("no RSS, types %#x, %s", config->types, kind->name);
	build_kind(&packet, kind, 1);
	build_kind(&again, kind, 2);
	build_packet(&other, &flow, kind->content, 32, 3);
	value = reported_value(device, config, &packet);
	CHECK_NUMBER("the same flow's hash", reported_value(device, config, &again), value);
	if (value == 0)
		CHECK_NUMBER("another flow's hash", reported_value(device, config, &other), 0);
	else
		CHECK(reported_value(device, config, &other) != value, "two flows have hash %#x", value);
}

void case_report_only(const struct generation *generation)
{
	static const uint32_t sets[] = { 0x3f, 0x12, 0x09, 0x24 };
	struct config rss = full_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct config config = report_config(sets[i]);

		set_config(generation, &device, &config);
		for (size_t j = 0; j < KINDS; j++)
			check_values(&device, &config, &kinds[j]);
		check_automatic(&device, &config);
		/* Nothing of this may be left under the next set. */
		set_config(generation, &device, &rss);
		check_kinds(&device, &rss);
	}
}

static void check_off_after(const struct generation *generation, const struct device *device,
			    const struct config *config)
{
	set_config(generation, device, config);
	check_kinds(device, config);
	set_config(generation, device, &config_off);
	CHECK_NUMBER("header size", header_size(device), HASH_HEADER);
	check_kinds(device, &config_off);
	check_automatic(device, &config_off);
}

void case_off(const struct generation *generation)
{
	struct config full = full_config(), rss = full_config(), report = report_config(SUPPORTED_HASH_TYPES);
	struct device device;

	rss.report = false;
	create_device(&device, TAP, QUEUES);
	/* Off is allowed where nothing is on. */
	set_config(generation, &device, &config_off);
	check_kinds(&device, &config_off);
	check_off_after(generation, &device, &full);
	check_off_after(generation, &device, &report);
	check_off_after(generation, &device, &rss);
	check_off_after(generation, &device, &full);
}

/* What was sent under one configuration, in this order. */
struct batch {
	struct config config;
	struct packet packets[KINDS];
};

static void send_batch(const struct generation *generation, const struct device *device, struct batch *batch,
		       uint32_t mark)
{
	set_config(generation, device, &batch->config);
	for (size_t i = 0; i < KINDS; i++) {
		build_kind(&batch->packets[i], &kinds[i], mark);
		send_packet(device, &batch->packets[i]);
	}
}

static bool goes_to(const struct device *device, const struct batch *batch, size_t packet, unsigned queue)
{
	struct hash hash = expected_hash(batch->config.types, batch->config.key, &batch->packets[packet]);

	return queue_for(&batch->config, &hash, device->queues) == queue;
}

/* A queue gives its packets in the order in which they were sent. */
static void read_batch(const struct device *device, const struct batch *batch, unsigned queue)
{
	struct record record;

	for (size_t i = 0; i < KINDS; i++) {
		if (!goes_to(device, batch, i, queue))
			continue;
		context("batch with types %#x, queue %u, %s", batch->config.types, queue, kinds[i].name);
		read_queue(device, queue, &record);
		check_record(device, &batch->config, &batch->packets[i], &record);
	}
}

void case_replaced(const struct generation *generation)
{
	enum { BATCHES = 4 };
	static struct batch batches[BATCHES];
	struct device device;

	batches[0].config = full_config();
	batches[1].config = second_config();
	batches[2].config = full_config();
	batches[2].config.report = false;
	batches[3].config = full_config();
	batches[3].config.key = second_key;
	create_device(&device, TAP, QUEUES);
	for (size_t i = 0; i < BATCHES; i++)
		send_batch(generation, &device, &batches[i], i);
	for (unsigned queue = 0; queue < QUEUES; queue++)
		for (size_t i = 0; i < BATCHES; i++)
			read_batch(&device, &batches[i], queue);
	expect_quiet(&device);
}

static void close_device(struct device *device)
{
	while (device->queues > 0)
		close_last_queue(device);
	close(device->sender);
}

/* A device of the same name as one that is gone starts without its configuration. */
void case_recreated(const struct generation *generation)
{
	struct config config = full_config(), second = second_config();
	struct device old, device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &config);
	check_kinds(&device, &config);
	close_device(&device);

	create_device(&device, TAP, QUEUES);
	check_kinds(&device, &config_off);
	check_automatic(&device, &config_off);
	set_config(generation, &device, &second);
	check_kinds(&device, &second);

	/* Now with descriptors of the old one still open. */
	old = device;
	delete_device(&old);
	create_device(&device, TAP, QUEUES);
	check_kinds(&device, &config_off);
	set_config(generation, &device, &config);
	check_kinds(&device, &config);
	context("a descriptor of the old device");
	CHECK_ERROR(try_config(generation, old.queue[0], &second), EBADFD);
	close_device(&old);
	check_kinds(&device, &config);
}
