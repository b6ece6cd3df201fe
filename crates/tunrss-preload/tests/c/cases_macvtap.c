/* The same on macvtap's character devices. */
#include "cases.h"

#include <unistd.h>

#include "check.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

enum { QUEUES = 4 };

static void check_vectors_on(const struct device *device, const struct config *config)
{
	for (size_t i = 0; i < VECTORS; i++) {
		struct packet packet;

		context("macvtap, vector %s", vectors[i].name);
		build_packet(&packet, &vectors[i].flow, CONTENT_TCP, 32, i);
		check_packet(device, config, &packet);
		build_packet(&packet, &vectors[i].flow, CONTENT_OTHER, 32, i);
		check_packet(device, config, &packet);
	}
}

void case_macvtap(const struct generation *generation)
{
	struct config config = full_config();
	struct device device;

	create_macvtap(&device, QUEUES);
	set_config(generation, &device, &config);
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(&device), HASH_HEADER);
	check_kinds(&device, &config);
	check_vectors_on(&device, &config);
}

static void check_late_queues(struct device *device, const struct config *config)
{
	while (device->queues < QUEUES) {
		attach_queue(device);
		check_kinds(device, config);
	}
}

/* The header size belongs to the queue. Queue 1 gets another one than the rest. */
static void check_two_header_sizes(const struct device *device, const struct config *config)
{
	struct device other = *device;
	struct packet packet;
	struct record record;
	int size = 12;

	CHECK_CALL(tun_ioctl(device->queue[1], TUNSETVNETHDRSZ, &size));
	other.header = 12;
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		const struct device *view = queue == 1 ? &other : device;

		context("macvtap with two header sizes, queue %u", queue);
		CHECK_CALL(tun_ioctl(device->queue[queue], TUNGETVNETHDRSZ, &size));
		CHECK_NUMBER("TUNGETVNETHDRSZ", size, view->header);
		build_for_queue(&packet, queue, queue);
		send_packet(device, &packet);
		read_any(device, &record);
		check_record(view, config, &packet, &record);
	}
	size = HASH_HEADER;
	CHECK_CALL(tun_ioctl(device->queue[1], TUNSETVNETHDRSZ, &size));
	check_kinds(device, config);
}

void case_macvtap_changes(const struct generation *generation)
{
	struct config full = full_config(), second = second_config(), rss = full_config();
	struct config report = report_config(SUPPORTED_HASH_TYPES);
	struct device device;

	rss.report = false;
	create_macvtap(&device, 1);
	check_kinds(&device, &config_off);
	set_config(generation, &device, &full);
	check_kinds(&device, &full);
	check_late_queues(&device, &full);
	set_config(generation, &device, &second);
	check_kinds(&device, &second);
	set_config(generation, &device, &rss);
	check_kinds(&device, &rss);
	set_config(generation, &device, &report);
	check_kinds(&device, &report);
	set_config(generation, &device, &config_off);
	check_kinds(&device, &config_off);
	set_config(generation, &device, &full);
	check_kinds(&device, &full);
	check_two_header_sizes(&device, &full);
	set_header_size(&device, 12);
	check_kinds(&device, &full);
	set_header_size(&device, HASH_HEADER);
	close_last_queue(&device);
	check_kinds(&device, &full);
}

void case_macvtap_deleted(const struct generation *generation)
{
	struct config config = full_config();
	struct device device;
	uint8_t answer[8];

	create_macvtap(&device, QUEUES);
	set_config(generation, &device, &config);
	check_kinds(&device, &config);
	delete_device(&device);
	context("a deleted macvtap");
	CHECK_ERROR(try_config(generation, device.queue[0], &config), EBADFD);
	CHECK_ERROR(try_config(generation, device.queue[3], &config_off), EBADFD);
	CHECK_ERROR(tun_ioctl(device.queue[0], generation->request(&config), NULL), EBADFD);
	CHECK_CALL(tun_ioctl(device.queue[0], generation->get, answer));
	CHECK_BYTES("what is supported", answer, generation->supported_size, generation->supported,
		    generation->supported_size);
}
