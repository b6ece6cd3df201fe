/* Queues under other descriptor numbers, and numbers that are queues no more. */
#define _GNU_SOURCE
#include "cases.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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

/* What stands in the place of a queue under its number, without a call of the C library's that says so. */
struct way_to_replace {
	const char *name;
	void (*replace)(int number, int reading);
};

static void replace_by_close(int number, int reading)
{
	CHECK_CALL(syscall(SYS_close, number));
	CHECK_NUMBER("reused descriptor", CHECK_CALL(syscall(SYS_dup, reading)), number);
}

static void replace_by_close_range(int number, int reading)
{
	CHECK_CALL(syscall(SYS_close_range, number, number, 0));
	CHECK_NUMBER("reused descriptor", CHECK_CALL(syscall(SYS_dup, reading)), number);
}

static void replace_by_dup3(int number, int reading)
{
	CHECK_CALL(syscall(SYS_dup3, reading, number, 0));
}

static void replace_by_fcntl(int number, int reading)
{
	CHECK_CALL(syscall(SYS_close, number));
	CHECK_NUMBER("reused descriptor", CHECK_CALL(syscall(SYS_fcntl, reading, F_DUPFD, number)), number);
}

static const struct way_to_replace replacements[] = {
	{ "close", replace_by_close },
	{ "close_range", replace_by_close_range },
	{ "dup3", replace_by_dup3 },
	{ "fcntl", replace_by_fcntl },
};

enum { REPLACEMENTS = sizeof(replacements) / sizeof(replacements[0]), LARGE = 70000, SENT = 300 };

/* Bytes that run on from read to read, so none can be missing or come twice. */
static void check_stream(int number, int writing, size_t room, bool scattered)
{
	static uint8_t found[LARGE];
	uint8_t written[SENT], all[SENT];
	size_t got = 0;

	for (size_t i = 0; i < SENT; i++)
		written[i] = i + 1;
	CHECK_NUMBER("write", CHECK_CALL(write(writing, written, SENT)), SENT);
	while (got < SENT) {
		struct iovec pieces[2] = { { found, 7 }, { found + 7, room - 7 } };
		ssize_t now = scattered ? tun_readv(number, pieces, 2) : tun_read(number, found, room);

		CHECK(now > 0 && got + now <= SENT && (size_t)now <= room, "a read of %zu bytes gives %zd", room, now);
		memcpy(all + got, found, now);
		got += now;
	}
	CHECK_BYTES("a stream under a queue's number", all, got, written, SENT);
}

static void check_streams(const struct device *device, const struct config *config, const struct way_to_replace *way)
{
	static const size_t rooms[] = { 64, 20, 28, 2048, LARGE };

	for (size_t i = 0; i < 2 * sizeof(rooms) / sizeof(rooms[0]); i++) {
		int number = copied(device, 1), ends[2];
		bool is_pipe = i % 3 == 0;

		context("%s, room for %zu bytes, %s", way->name, rooms[i / 2], config->report ? "report" : "no report");
		CHECK_CALL(is_pipe ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
		check_through(device, config, 1, number);
		way->replace(number, ends[0]);
		check_stream(number, ends[1], rooms[i / 2], i % 2);
		check_stream(number, ends[1], rooms[i / 2], i % 2);
		close(number);
		close(ends[0]);
		close(ends[1]);
	}
}

/* A device without virtio-net headers, opened past the shim, and with the number of a queue of another one. */
static void check_other_device(const struct device *device, int number, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct device other = { .link = TAP };
	int fd = CHECK_CALL((int)syscall(SYS_openat, AT_FDCWD, "/dev/net/tun", O_RDWR | O_NONBLOCK));

	CHECK_NUMBER("reused descriptor", fd, number);
	strcpy(request.ifr_name, name);
	CHECK_CALL(syscall(SYS_ioctl, fd, TUNSETIFF, &request));
	run("ip link set %s up", name);
	other.sender = device->sender;
	other.sender_index = if_nametoindex(name);
	other.queues = 1;
	other.queue[0] = fd;
	strcpy(other.name, name);
	for (size_t i = 0; i < KINDS; i++) {
		struct packet packet;
		struct record record;

		context("%s, opened unseen: %s", name, kinds[i].name);
		build_kind(&packet, &kinds[i], i);
		send_packet(&other, &packet);
		read_queue(&other, 0, &record);
		CHECK_BYTES("record", record.bytes, record.size, packet.frame, packet.size);
	}
	CHECK_CALL(syscall(SYS_close, fd));
}

static void check_other_devices(const struct generation *generation, const struct config *config)
{
	struct device device;
	int number;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, config);
	number = copied(&device, 1);
	check_through(&device, config, 1, number);
	CHECK_CALL(syscall(SYS_close, number));
	check_other_device(&device, number, "other0");
	check_kinds(&device, config);
	/* A device of the same name as one that is gone. */
	number = device.queue[0];
	for (unsigned i = 0; i < QUEUES; i++)
		CHECK_CALL(syscall(SYS_close, device.queue[i]));
	check_other_device(&device, number, device.name);
	close(device.sender);
}

void case_numbers_closed_unseen(const struct generation *generation)
{
	struct config report = full_config(), rss = full_config();
	const struct config *configs[] = { &report, &rss, &config_off };
	struct device device;

	rss.report = false;
	create_device(&device, TAP, QUEUES);
	for (size_t i = 0; i < 2; i++) {
		set_config(generation, &device, configs[i]);
		for (size_t j = 0; j < REPLACEMENTS; j++)
			check_streams(&device, configs[i], &replacements[j]);
		check_kinds(&device, configs[i]);
	}
	while (device.queues > 0)
		close_last_queue(&device);
	close(device.sender);
	for (size_t i = 0; i < 3; i++)
		check_other_devices(generation, configs[i]);
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
