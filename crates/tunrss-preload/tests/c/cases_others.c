/* What a program may expect of functions that have nothing to do with a device. */
#define _GNU_SOURCE
#include "cases.h"

#ifndef WITH_LIBTUNRSS

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "check.h"
#include "tun_calls.h"

enum { QUEUES = 4, UNUSUAL = 4095, USUAL_LIMIT = 8 << 20 };

static void expect_errno(const char *what)
{
	context("%s", what);
	CHECK_NUMBER("errno", errno, UNUSUAL);
}

static void check_streams(void)
{
	char *text = NULL, bytes[16];
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size), *buffer = fmemopen(bytes, sizeof(bytes), "w");

	CHECK(memory && buffer, "no memory");
	errno = UNUSUAL;
	CHECK_NUMBER("fclose", fclose(memory), 0);
	expect_errno("fclose of open_memstream");
	CHECK_NUMBER("fclose", fclose(buffer), 0);
	expect_errno("fclose of fmemopen");
	free(text);
}

/* A call that succeeds leaves errno as it was. */
void case_errno_kept(const struct generation *generation)
{
	static uint8_t large[70000];
	struct config configs[] = { config_off, full_config(), report_config(0x3f), full_config() };
	struct device device;

	configs[3].report = false;
	check_streams();
	create_device(&device, TAP, QUEUES);
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		struct packet packet;
		struct iovec pieces[2] = { { large, 20 }, { large + 20, 1500 } };
		int result, size = HASH_HEADER;

		context("setting %zu", i);
		errno = UNUSUAL;
		result = try_config(generation, device.queue[0], &configs[i]);
		CHECK_NUMBER("ioctl", result, 0);
		expect_errno("setting");
		CHECK_NUMBER("ioctl", tun_ioctl(device.queue[0], TUNSETVNETHDRSZ, &size), 0);
		expect_errno("TUNSETVNETHDRSZ");
		for (int way = 0; way < 3; way++) {
			unsigned queue;

			build_for_queue(&packet, 1, 1);
			send_packet(&device, &packet);
			queue = wait_for_queue(&device);
			memset(large, 0xa5, 100);
			errno = UNUSUAL;
			CHECK(way == 0   ? read(device.queue[queue], large, sizeof(large)) > 0 :
			      way == 1 ? read(device.queue[queue], large, 1500) > 0 :
					 readv(device.queue[queue], pieces, 2) > 0,
			      "read: %s", error_name(errno));
			expect_errno("read");
		}
	}
}

/* As much memory as the kernel lets anybody lock is enough for a program that has done nothing yet. */
static void lock_all(void)
{
	struct rlimit limit = { USUAL_LIMIT, USUAL_LIMIT };

	CHECK_CALL(setrlimit(RLIMIT_MEMLOCK, &limit));
	CHECK_CALL(setgroups(0, NULL));
	CHECK_CALL(setresgid(65534, 65534, 65534));
	CHECK_CALL(setresuid(65534, 65534, 65534));
	CHECK_CALL(mlockall(MCL_CURRENT));
}

static void check_limit(const struct rlimit *before)
{
	struct rlimit now;

	CHECK_CALL(getrlimit(RLIMIT_MEMLOCK, &now));
	CHECK_NUMBER("RLIMIT_MEMLOCK", now.rlim_cur, before->rlim_cur);
	CHECK_NUMBER("hard RLIMIT_MEMLOCK", now.rlim_max, before->rlim_max);
}

/* What is known of descriptors is small enough for the limit, and a setting leaves it alone. */
void case_locked_memory(const struct generation *generation)
{
	struct config full = full_config();
	struct device device;
	struct rlimit before;
	int child;

	child = fork_child();
	if (child == 0) {
		lock_all();
		_exit(0);
	}
	expect_child(child);
	CHECK_CALL(getrlimit(RLIMIT_MEMLOCK, &before));
	before.rlim_cur = before.rlim_cur < 1 << 20 ? before.rlim_cur : 1 << 20;
	CHECK_CALL(setrlimit(RLIMIT_MEMLOCK, &before));
	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &full);
	check_limit(&before);
	check_kinds(&device, &full);
}

#endif
