/* Queues that several processes and program images hold. */
#define _GNU_SOURCE
#include "cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "check.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

enum { QUEUES = 4 };

static void check_child_sets(const struct generation *generation, const struct device *device)
{
	struct config config = second_config();
	int child = fork_child();

	if (child == 0) {
		set_config(generation, device, &config);
		_exit(0);
	}
	expect_child(child);
	check_kinds(device, &config);
}

static void check_child_reads(const struct generation *generation, const struct device *device)
{
	struct config config = full_config();
	int child;

	set_config(generation, device, &config);
	child = fork_child();
	if (child == 0) {
		check_kinds(device, &config);
		_exit(0);
	}
	expect_child(child);
	check_kinds(device, &config);
}

static void signal_other(int fd)
{
	CHECK_NUMBER("write", CHECK_CALL(write(fd, "x", 1)), 1);
}

static void await_other(int fd)
{
	char byte;

	CHECK(readable(fd, DEADLINE_MS), "the other process says nothing");
	CHECK_NUMBER("read", CHECK_CALL(read(fd, &byte, 1)), 1);
}

/* The child was there before the setting that it reads under, and then makes one itself. */
static void live_with_parent(const struct generation *generation, const struct device *device, int from_parent,
			     int to_parent)
{
	struct config second = second_config(), full = full_config();

	await_other(from_parent);
	check_kinds(device, &second);
	set_config(generation, device, &full);
	signal_other(to_parent);
	await_other(from_parent);
	check_kinds(device, &config_off);
	_exit(0);
}

static void check_both_set(const struct generation *generation, const struct device *device)
{
	struct config second = second_config(), full = full_config();
	int to_child[2], to_parent[2];
	int child;

	CHECK_CALL(pipe(to_child));
	CHECK_CALL(pipe(to_parent));
	child = fork_child();
	if (child == 0)
		live_with_parent(generation, device, to_child[0], to_parent[1]);
	set_config(generation, device, &second);
	signal_other(to_child[1]);
	await_other(to_parent[0]);
	check_kinds(device, &full);
	set_config(generation, device, &config_off);
	signal_other(to_child[1]);
	expect_child(child);
	check_kinds(device, &config_off);
}

/* The header size is the device's, too. */
static void check_child_resizes(struct device *device, const struct config *config)
{
	int child = fork_child();

	if (child == 0) {
		set_header_size(device, 12);
		_exit(0);
	}
	expect_child(child);
	device->header = 12;
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(device), 12);
	check_kinds(device, config);
	child = fork_child();
	if (child == 0) {
		set_header_size(device, HASH_HEADER);
		_exit(0);
	}
	expect_child(child);
	device->header = HASH_HEADER;
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(device), HASH_HEADER);
	check_kinds(device, config);
}

/* A child that ends, or closes its copies, takes nothing away. */
static void check_child_closes(const struct device *device, const struct config *config)
{
	int child = fork_child();

	if (child == 0) {
		for (unsigned i = 0; i < device->queues; i++)
			CHECK_CALL(tun_close(device->queue[i]));
		_exit(0);
	}
	expect_child(child);
	check_kinds(device, config);
}

void case_fork(const struct generation *generation)
{
	struct config full = full_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	check_child_sets(generation, &device);
	check_child_reads(generation, &device);
	check_both_set(generation, &device);
	set_config(generation, &device, &full);
	check_child_resizes(&device, &full);
	check_child_closes(&device, &full);
}

#ifndef WITH_LIBTUNRSS

/* Until execve the child uses the parent's memory, but its descriptors are its own. */
static void close_in_vforked_child(const struct device *device)
{
	char *arguments[] = { "nothing", "--nothing", NULL };
	int child = vfork();

	if (child == 0) {
		for (unsigned i = 0; i < device->queues; i++)
			close(device->queue[i]);
		execve("/proc/self/exe", arguments, environ);
		_exit(127);
	}
	CHECK(child != -1, "vfork: %s", error_name(errno));
	expect_child(child);
}

void case_vfork(const struct generation *generation)
{
	struct config full = full_config(), second = second_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &full);
	close_in_vforked_child(&device);
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(&device), HASH_HEADER);
	check_kinds(&device, &full);
	set_config(generation, &device, &second);
	check_kinds(&device, &second);
	close_in_vforked_child(&device);
	check_kinds(&device, &second);
}

static void to_hex(char *text, const struct device *device)
{
	const uint8_t *byte = (const uint8_t *)device;

	for (size_t i = 0; i < sizeof(*device); i++)
		sprintf(text + 2 * i, "%02x", byte[i]);
}

static void from_hex(struct device *device, const char *text)
{
	uint8_t *byte = (uint8_t *)device;

	CHECK_NUMBER("hex digits", strlen(text), 2 * sizeof(*device));
	for (size_t i = 0; i < sizeof(*device); i++) {
		char digits[3] = { text[2 * i], text[2 * i + 1], 0 };

		byte[i] = strtoul(digits, NULL, 16);
	}
}

static void send_first_four(const struct device *device)
{
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		struct packet packet;

		build_for_queue(&packet, queue, queue);
		send_packet(device, &packet);
	}
}

static void read_first_four(const struct device *device, const struct config *config)
{
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		struct packet packet;
		struct record record;

		context("a packet that was sent before execve, queue %u", queue);
		build_for_queue(&packet, queue, queue);
		read_queue(device, queue, &record);
		check_record(device, config, &packet, &record);
	}
}

static void run_new_image(const struct device *device)
{
	char hex[2 * sizeof(*device) + 1];
	char *arguments[] = { "inherited", "--inherited", hex, NULL };
	int child;

	to_hex(hex, device);
	child = fork_child();
	if (child == 0) {
		execve("/proc/self/exe", arguments, environ);
		_exit(127);
	}
	expect_child(child);
}

/* The descriptors have no close-on-exec, so a new image has the queues and has to find out the rest. */
void case_exec(const struct generation *generation)
{
	struct config full = full_config(), second = second_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &full);
	send_first_four(&device);
	run_new_image(&device);
	/* The new image has made this setting. */
	check_kinds(&device, &second);
	set_config(generation, &device, &full);
	check_kinds(&device, &full);
}

int run_inherited(const struct generation *generation, const char *text)
{
	struct config full = full_config(), second = second_config();
	struct device device;
	uint8_t answer[8];

	limit_time(CASE_SECONDS);
	from_hex(&device, text);
	read_first_four(&device, &full);
	CHECK_NUMBER("TUNGETVNETHDRSZ", header_size(&device), HASH_HEADER);
	check_kinds(&device, &full);
	CHECK_CALL(tun_ioctl(device.queue[1], generation->get, answer));
	set_config(generation, &device, &second);
	check_kinds(&device, &second);
	return 0;
}

#else

int run_inherited(const struct generation *generation, const char *text)
{
	FAIL("%s: no new image is used with the library (%s)", generation->name, text);
}

#endif
