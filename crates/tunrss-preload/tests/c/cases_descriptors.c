/* Queues under other descriptor numbers, and numbers that are queues no more. */
#define _GNU_SOURCE
#include "cases.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "check.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

enum { QUEUES = 4, HIGH_NUMBER = 200 };

struct way_to_copy {
	const char *name;
	int (*copy)(int fd);
};

#ifndef WITH_LIBTUNRSS
static int copy_dup2(int fd)
{
	return dup2(fd, HIGH_NUMBER);
}

static int copy_dup3(int fd)
{
	return dup3(fd, HIGH_NUMBER + 1, O_CLOEXEC);
}

static int copy_fcntl(int fd)
{
	return fcntl(fd, F_DUPFD, HIGH_NUMBER + 2);
}

static int copy_fcntl_cloexec(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, HIGH_NUMBER + 3);
}
#endif

static const struct way_to_copy ways[] = {
	{ "dup", tun_dup },
#ifndef WITH_LIBTUNRSS
	{ "dup2", copy_dup2 },
	{ "dup3", copy_dup3 },
	{ "F_DUPFD", copy_fcntl },
	{ "F_DUPFD_CLOEXEC", copy_fcntl_cloexec },
#endif
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

/* Reads one packet of the queue by this descriptor. */
static void check_through(const struct device *device, const struct config *config, unsigned queue, int fd)
{
	struct packet packet;
	struct record record;

	build_for_queue(&packet, queue, queue);
	send_packet(device, &packet);
	record.queue = queue;
	read_descriptor(device, fd, &record);
	check_record(device, config, &packet, &record);
	expect_quiet(device);
}

/* The copy and the original read the same queue, and either may be closed first. */
static void check_copies(struct device *device, const struct config *config, const struct way_to_copy *way)
{
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		int copy, size = 0;

		context("copy of queue %u by %s", queue, way->name);
		copy = CHECK_CALL(way->copy(device->queue[queue]));
		check_through(device, config, queue, copy);
		check_through(device, config, queue, device->queue[queue]);
		CHECK_CALL(tun_ioctl(copy, TUNGETVNETHDRSZ, &size));
		CHECK_NUMBER("TUNGETVNETHDRSZ", size, device->header);
		CHECK_CALL(tun_close(device->queue[queue]));
		device->queue[queue] = copy;
		check_through(device, config, queue, copy);
		device->queue[queue] = CHECK_CALL(tun_dup(copy));
		CHECK_CALL(tun_close(copy));
		check_through(device, config, queue, device->queue[queue]);
	}
}

static void check_set_through_copy(const struct generation *generation, struct device *device,
				   const struct way_to_copy *way)
{
	struct config config = second_config(), full = full_config();
	int copy;

	context("setting through a copy by %s", way->name);
	copy = CHECK_CALL(way->copy(device->queue[2]));
	CHECK_CALL(try_config(generation, copy, &config));
	check_kinds(device, &config);
	CHECK_CALL(tun_close(copy));
	check_kinds(device, &config);
	CHECK_CALL(try_config(generation, device->queue[3], &full));
	check_kinds(device, &full);
}

void case_descriptors(const struct generation *generation)
{
	struct config config = full_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &config);
	for (size_t i = 0; i < WAYS; i++) {
		check_copies(&device, &config, &ways[i]);
		check_set_through_copy(generation, &device, &ways[i]);
	}
	set_header_size(&device, 12);
	check_kinds(&device, &config);
}

/* A record that a pipe carries must stay as it is, though its number was a queue's. */
static void check_plain(int reading, int writing)
{
	uint8_t written[80], found[100];

	for (size_t i = 0; i < sizeof(written); i++)
		written[i] = i * 3;
	CHECK_NUMBER("write", CHECK_CALL(tun_write(writing, written, sizeof(written))), sizeof(written));
	CHECK_BYTES("read", found, CHECK_CALL(tun_read(reading, found, sizeof(found))), written, sizeof(written));
	CHECK_NUMBER("write", CHECK_CALL(tun_write(writing, written, sizeof(written))), sizeof(written));
	CHECK_BYTES("readv", found,
		    CHECK_CALL(tun_readv(reading, (struct iovec[]){ { found, 30 }, { found + 30, 70 } }, 2)), written,
		    sizeof(written));
	/* Less than a header. */
	CHECK_NUMBER("write", CHECK_CALL(tun_write(writing, written, 5)), 5);
	CHECK_BYTES("read", found, CHECK_CALL(tun_read(reading, found, 12)), written, 5);
}

static void check_plain_ioctl(const struct generation *generation, int fd)
{
	struct config config = full_config();
	int size = 20;

	CHECK_ERROR(tun_ioctl(fd, TUNSETVNETHDRSZ, &size), ENOTTY);
	CHECK_ERROR(tun_ioctl(fd, TUNGETVNETHDRSZ, &size), ENOTTY);
	CHECK_ERROR(try_config(generation, fd, &config), ENOTTY);
}

/* `number` is free now. The two ends of a new pipe take it and the next free one. */
static void check_reuse(const struct generation *generation, const struct device *device, const struct config *config,
			int number)
{
	int ends[2];

	CHECK_CALL(pipe(ends));
	CHECK_NUMBER("reused descriptor", ends[0], number);
	check_plain(ends[0], ends[1]);
	check_plain_ioctl(generation, ends[0]);
	check_kinds(device, config);
	check_plain(ends[0], ends[1]);
	close(ends[0]);
	close(ends[1]);
}

static int copied(const struct device *device, unsigned queue)
{
	int copy = CHECK_CALL(tun_dup(device->queue[queue]));

	/* Other numbers that are free would be reused first. */
	CHECK(copy > device->queue[queue], "descriptor %d", copy);
	return copy;
}

static void check_close(const struct generation *generation, const struct device *device, const struct config *config)
{
	int copy = copied(device, 1);

	context("number of a closed copy");
	CHECK_CALL(tun_close(copy));
	check_reuse(generation, device, config, copy);
}

static void check_unattached(const struct generation *generation, const struct device *device,
			     const struct config *config)
{
	int copy = copied(device, 1);
	int fresh, size = 0;

	context("number of a closed copy, now an unattached descriptor");
	CHECK_CALL(tun_close(copy));
	fresh = open_unattached();
	CHECK_NUMBER("reused descriptor", fresh, copy);
	CHECK_ERROR(try_config(generation, fresh, config), EBADFD);
	CHECK_ERROR(tun_ioctl(fresh, TUNGETVNETHDRSZ, &size), EBADFD);
	CHECK_CALL(tun_close(fresh));
}

#ifndef WITH_LIBTUNRSS
static void check_close_range(const struct generation *generation, const struct device *device,
			      const struct config *config)
{
	int copy = copied(device, 1);

	context("number closed by close_range");
	CHECK_CALL(close_range(copy, copy, CLOSE_RANGE_CLOEXEC));
	check_through(device, config, 1, copy);
	CHECK_CALL(close_range(copy, copy, 0));
	check_reuse(generation, device, config, copy);
}

/* stdio closes by a call that a program's own functions do not see. */
static void check_fclose(const struct generation *generation, const struct device *device, const struct config *config)
{
	int copy = copied(device, 1);
	FILE *file = fdopen(copy, "r+");

	context("number closed by fclose");
	CHECK(file != NULL, "fdopen: %s", error_name(errno));
	CHECK_NUMBER("fclose", fclose(file), 0);
	check_reuse(generation, device, config, copy);
}

static void check_replaced_by(const struct device *device, const struct config *config, bool dup3_instead)
{
	int copy = copied(device, 1);
	int ends[2];

	context("number replaced by %s", dup3_instead ? "dup3" : "dup2");
	CHECK_CALL(pipe(ends));
	CHECK_CALL(dup3_instead ? dup3(ends[0], copy, 0) : dup2(ends[0], copy));
	check_plain(copy, ends[1]);
	check_kinds(device, config);
	/* And back, without a close between. */
	CHECK_CALL(dup2(device->queue[2], copy));
	check_through(device, config, 2, copy);
	CHECK_CALL(dup2(device->queue[3], copy));
	check_through(device, config, 3, copy);
	close(copy);
	close(ends[0]);
	close(ends[1]);
}
#endif

void case_reused_numbers(const struct generation *generation)
{
	struct config config = full_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &config);
	check_close(generation, &device, &config);
	check_unattached(generation, &device, &config);
#ifndef WITH_LIBTUNRSS
	check_close_range(generation, &device, &config);
	check_fclose(generation, &device, &config);
	check_replaced_by(&device, &config, false);
	check_replaced_by(&device, &config, true);
#endif
	check_kinds(&device, &config);
}

static void switch_queue(int fd, short flag)
{
	struct ifreq request = { .ifr_flags = flag };

	CHECK_CALL(tun_ioctl(fd, TUNSETQUEUE, &request));
}

/* The last queue takes the number of one that is detached; an attached one gets the highest. */
static void check_switching(const struct generation *generation, struct device *device, const struct config *config,
			    unsigned queue)
{
	unsigned last = device->queues - 1;
	int detached = device->queue[queue];
	struct config other = config->key == second_key ? full_config() : second_config();
	uint8_t bytes[100];

	switch_queue(detached, IFF_DETACH_QUEUE);
	device->queue[queue] = device->queue[last];
	device->queues = last;
	check_kinds(device, config);
	context("a detached queue");
	/* It still names its device, but has nothing to read. */
	CHECK_ERROR(tun_read(detached, bytes, sizeof(bytes)), EAGAIN);
	CHECK_NUMBER("ioctl", CHECK_CALL(try_config(generation, detached, &other)), 0);
	check_kinds(device, &other);
	CHECK_NUMBER("ioctl", CHECK_CALL(try_config(generation, detached, config)), 0);
	check_kinds(device, config);
	switch_queue(detached, IFF_ATTACH_QUEUE);
	device->queue[last] = detached;
	device->queues = last + 1;
	check_kinds(device, config);
}

void case_detached_queue(const struct generation *generation)
{
	struct config config = full_config();
	struct device device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &config);
	check_kinds(&device, &config);
	check_switching(generation, &device, &config, 3);
	check_switching(generation, &device, &config, 0);
	check_switching(generation, &device, &config, 1);
	config = second_config();
	set_config(generation, &device, &config);
	check_switching(generation, &device, &config, 2);
}
