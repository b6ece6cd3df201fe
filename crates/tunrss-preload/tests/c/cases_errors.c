/* What the ioctls answer, and what they leave as it was when they refuse. */
#define _GNU_SOURCE
#include "cases.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "check.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

enum { QUEUES = 4, UNTOUCHED = 0xa5 };

/* An address of the kernel's half. */
static void *kernel_address(void)
{
	return (void *)(UINTPTR_MAX - 0xffff);
}

static uint8_t *read_only_page(void)
{
	uint8_t *page = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED, "mmap: %s", error_name(errno));
	return page;
}

/* The answer and nothing else is written. */
static void check_answer(const struct generation *generation, int fd)
{
	size_t size = generation->supported_size;
	uint8_t bytes[24], expected[24];

	memset(bytes, UNTOUCHED, sizeof(bytes));
	memset(expected, UNTOUCHED, sizeof(expected));
	memcpy(expected + 8, generation->supported, size);
	CHECK_NUMBER("ioctl", CHECK_CALL(tun_ioctl(fd, generation->get, bytes + 8)), 0);
	CHECK_BYTES("what is supported", bytes, sizeof(bytes), expected, sizeof(expected));
}

static void check_answer_at_hole(const struct generation *generation, int fd)
{
	size_t size = generation->supported_size;
	uint8_t *place = before_hole(size);

	CHECK_NUMBER("ioctl", CHECK_CALL(tun_ioctl(fd, generation->get, place)), 0);
	CHECK_BYTES("what is supported", place, size, generation->supported, size);
}

static void check_get(const struct generation *generation, int fd, const char *which)
{
	context("asking %s what is supported", which);
	check_answer(generation, fd);
	check_answer_at_hole(generation, fd);
	CHECK_ERROR(tun_ioctl(fd, generation->get, NULL), EFAULT);
	CHECK_ERROR(tun_ioctl(fd, generation->get, unmapped()), EFAULT);
	CHECK_ERROR(tun_ioctl(fd, generation->get, kernel_address()), EFAULT);
	CHECK_ERROR(tun_ioctl(fd, generation->get, read_only_page()), EFAULT);
	for (size_t room = 1; room < generation->supported_size; room++)
		CHECK_ERROR(tun_ioctl(fd, generation->get, before_hole(room)), EFAULT);
}

void case_capability(const struct generation *generation)
{
	struct config config = full_config();
	struct device device;
	int unattached = open_unattached();

	check_get(generation, unattached, "an unattached descriptor");
	create_device(&device, TAP, QUEUES);
	check_get(generation, device.queue[0], "a device");
	check_get(generation, device.queue[3], "a device's last queue");
	set_config(generation, &device, &config);
	check_get(generation, device.queue[0], "a configured device");
	check_kinds(&device, &config);
	delete_device(&device);
	check_get(generation, device.queue[0], "a deleted device");
	check_get(generation, unattached, "an unattached descriptor");
}

static int set_at(const struct generation *generation, int fd, const struct config *config, void *argument)
{
	return tun_ioctl(fd, generation->request(config), argument);
}

/* All the ways to set something are refused with this error, wherever the pointer goes. */
static void check_refused(const struct generation *generation, int fd, int error)
{
	struct config full = full_config(), rss = full_config(), report = report_config(SUPPORTED_HASH_TYPES);
	const struct config *configs[] = { &full, &rss, &report, &config_off };

	rss.report = false;
	for (size_t i = 0; i < 4; i++) {
		CHECK_ERROR(try_config(generation, fd, configs[i]), error);
		CHECK_ERROR(set_at(generation, fd, configs[i], NULL), error);
		CHECK_ERROR(set_at(generation, fd, configs[i], unmapped()), error);
		CHECK_ERROR(set_at(generation, fd, configs[i], before_hole(3)), error);
		CHECK_ERROR(set_at(generation, fd, configs[i], before_hole(generation->parts[0])), error);
	}
}

static void check_other_files(const struct generation *generation)
{
	uint8_t answer[8];
	int ends[2], closed;

	CHECK_CALL(pipe(ends));
	context("a pipe");
	check_refused(generation, ends[0], ENOTTY);
	CHECK_ERROR(tun_ioctl(ends[0], generation->get, answer), ENOTTY);
	closed = ends[1];
	close(ends[1]);
	context("a closed descriptor");
	check_refused(generation, closed, EBADF);
	CHECK_ERROR(tun_ioctl(closed, generation->get, answer), EBADF);
	context("descriptor -1");
	check_refused(generation, -1, EBADF);
	close(ends[0]);
}

static void check_deleted(const struct generation *generation, const struct device *device)
{
	struct record record = { 0 };

	context("a deleted device");
	check_refused(generation, device->queue[0], EBADFD);
	check_refused(generation, device->queue[3], EBADFD);
	CHECK_ERROR(tun_read(device->queue[0], record.bytes, sizeof(record.bytes)), EBADFD);
	CHECK_ERROR(tun_readv(device->queue[1], (struct iovec[]){ { record.bytes, 100 } }, 1), EBADFD);
	CHECK_ERROR(tun_write(device->queue[0], record.bytes, 100), EBADFD);
}

void case_errno_unattached(const struct generation *generation)
{
	struct config config = full_config();
	struct device device;
	int unattached = open_unattached();

	context("an unattached descriptor");
	check_refused(generation, unattached, EBADFD);
	check_other_files(generation);
	create_device(&device, TAP, QUEUES);
	context("an unattached descriptor beside a device");
	check_refused(generation, unattached, EBADFD);
	set_config(generation, &device, &config);
	check_kinds(&device, &config);
	delete_device(&device);
	check_deleted(generation, &device);
}

static void check_pointer(const struct generation *generation, const struct device *device, const struct config *config,
			  const struct config *old, void *argument)
{
	CHECK_ERROR(set_at(generation, device->queue[0], config, argument), EFAULT);
	check_next_kind(device, old);
}

/* The argument is readable up to `size` bytes. */
static void check_cut(const struct generation *generation, const struct device *device, const struct config *config,
		      const struct config *old, size_t size)
{
	static uint8_t argument[MAX_ARGUMENT];
	uint8_t *place = before_hole(size);

	generation->encode(config, argument);
	memcpy(place, argument, size);
	context("argument of %zu bytes, cut after %zu", argument_size(generation, config), size);
	check_pointer(generation, device, config, old, place);
}

static void check_pointers(const struct generation *generation, const struct device *device,
			   const struct config *config, const struct config *old)
{
	context("a bad pointer");
	check_pointer(generation, device, config, old, NULL);
	check_pointer(generation, device, config, old, (void *)8);
	check_pointer(generation, device, config, old, unmapped());
	check_pointer(generation, device, config, old, kernel_address());
}

static void check_cut_compound(const struct generation *generation, const struct device *device,
			       const struct config *config, const struct config *old)
{
	size_t table = generation->parts[1];
	size_t key = table + 2 * ((size_t)config->mask + 1);
	size_t whole = argument_size(generation, config);
	const size_t cuts[] = {
		/* in and after the structs */
		0, 1, generation->parts[0] - 1, generation->parts[0], table - 1, table,
		/* in the table, also within an entry */
		table + 1, table + 2, (table + key) / 2, key - 1, key,
		/* in the key */
		key + 1, key + 12, whole - 1,
	};

	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		check_cut(generation, device, config, old, cuts[i]);
}

static void check_cut_report(const struct generation *generation, const struct device *device,
			     const struct config *config, const struct config *old)
{
	for (size_t size = 0; size < generation->report_size; size++)
		check_cut(generation, device, config, old, size);
}

static void check_bad_arguments(const struct generation *generation, const struct device *device,
				const struct config *old)
{
	struct config next = old->key == second_key ? full_config() : second_config();
	struct config report = report_config(SUPPORTED_HASH_TYPES);
	static uint16_t large[MAX_TABLE];

	set_config(generation, device, old);
	check_kinds(device, old);
	check_pointers(generation, device, &next, old);
	check_cut_compound(generation, device, &next, old);
	next.report = false;
	check_cut_compound(generation, device, &next, old);
	next.mask = 0xffff;
	next.table = large;
	check_cut_compound(generation, device, &next, old);
	check_pointers(generation, device, &report, old);
	check_cut_report(generation, device, &report, old);
	check_pointers(generation, device, &config_off, old);
	check_cut_report(generation, device, &config_off, old);
	check_kinds(device, old);
}

void case_errno_pointers(const struct generation *generation)
{
	struct config full = full_config(), second = second_config(), report = report_config(0x12);
	struct device device;

	create_device(&device, TAP, QUEUES);
	check_bad_arguments(generation, &device, &full);
	check_bad_arguments(generation, &device, &second);
	check_bad_arguments(generation, &device, &report);
	check_bad_arguments(generation, &device, &config_off);
}

static void expect_queue(const struct device *device, const struct config *config, unsigned queue)
{
	struct config behind = *config;

	behind.behind_program = true;
	for (size_t i = 0; i < KINDS; i++) {
		struct packet packet;
		struct record record;

		context("a program that names queue %u, %s: %s", queue, config->report ? "report" : "no report",
			kinds[i].name);
		build_kind(&packet, &kinds[i], i);
		send_packet(device, &packet);
		read_any(device, &record);
		check_record(device, &behind, &packet, &record);
		CHECK_NUMBER("queue", record.queue, queue);
		expect_quiet(device);
	}
}

/* The program is closed at once, as many loaders do: the device holds it. */
static int use_program(const struct device *device, int queue)
{
	int program = load_steering_program(queue);
	int result = set_steering_program(device, program);
	int error = errno;

	close(program);
	errno = error;
	return result;
}

static void check_rss_busy(const struct generation *generation, const struct device *device)
{
	struct config config = full_config();
	uint8_t *first = before_hole(generation->parts[0]);
	uint8_t argument[1024];

	generation->encode(&config, argument);
	memcpy(first, argument, generation->parts[0]);
	context("RSS beside a foreign program");
	CHECK_ERROR(try_config(generation, device->queue[0], &config), EBUSY);
	CHECK_ERROR(set_at(generation, device->queue[0], &config, first), EBUSY);
	CHECK_ERROR(set_at(generation, device->queue[0], &config, NULL), EFAULT);
	CHECK_ERROR(set_at(generation, device->queue[0], &config, before_hole(generation->parts[0] - 1)), EFAULT);
	config.report = false;
	CHECK_ERROR(try_config(generation, device->queue[3], &config), EBUSY);
}

static void check_foreign_program(const struct generation *generation, const struct device *device)
{
	struct config report = report_config(SUPPORTED_HASH_TYPES);

	CHECK_CALL(use_program(device, 2));
	expect_queue(device, &config_off, 2);
	check_rss_busy(generation, device);
	expect_queue(device, &config_off, 2);
	set_config(generation, device, &report);
	expect_queue(device, &report, 2);
	check_rss_busy(generation, device);
	expect_queue(device, &report, 2);
	context("another program, beside a report");
	CHECK_CALL(use_program(device, 1));
	expect_queue(device, &report, 1);
	set_config(generation, device, &config_off);
	expect_queue(device, &config_off, 1);
	check_rss_busy(generation, device);
	context("removing the program");
	CHECK_CALL(set_steering_program(device, -1));
	check_automatic(device, &config_off);
}

static void check_program_beside_rss(const struct generation *generation, const struct device *device,
				     const struct config *config)
{
	int bad;

	set_config(generation, device, config);
	check_kinds(device, config);
	context("a program beside RSS");
	CHECK_ERROR(use_program(device, 2), EBUSY);
	check_kinds(device, config);
	context("removing a program beside RSS");
	CHECK_NUMBER("TUNSETSTEERINGEBPF", CHECK_CALL(set_steering_program(device, -1)), 0);
	check_kinds(device, config);
	bad = tun_ioctl(device->queue[0], TUNSETSTEERINGEBPF, unmapped());
	/* Which of the two comes first is not said. */
	CHECK(bad == -1 && (errno == EFAULT || errno == EBUSY), "a bad pointer beside RSS: %d, %s", bad,
	      error_name(errno));
	check_kinds(device, config);
}

static void check_program_after(const struct generation *generation, const struct device *device)
{
	struct config report = report_config(SUPPORTED_HASH_TYPES);

	set_config(generation, device, &config_off);
	context("a program after RSS");
	CHECK_CALL(use_program(device, 2));
	expect_queue(device, &config_off, 2);
	context("a program instead of another");
	CHECK_CALL(use_program(device, 1));
	expect_queue(device, &config_off, 1);
	CHECK_CALL(set_steering_program(device, -1));
	set_config(generation, device, &report);
	context("a program after a report");
	CHECK_CALL(use_program(device, 3));
	expect_queue(device, &report, 3);
	CHECK_CALL(set_steering_program(device, -1));
	check_automatic(device, &report);
}

static void check_bad_programs(const struct device *device)
{
	int ends[2];

	CHECK_CALL(pipe(ends));
	CHECK_CALL(use_program(device, 1));
	context("a bad program");
	CHECK_ERROR(tun_ioctl(device->queue[0], TUNSETSTEERINGEBPF, NULL), EFAULT);
	CHECK_ERROR(tun_ioctl(device->queue[0], TUNSETSTEERINGEBPF, unmapped()), EFAULT);
	CHECK_ERROR(tun_ioctl(device->queue[0], TUNSETSTEERINGEBPF, before_hole(3)), EFAULT);
	CHECK_ERROR(set_steering_program(device, 9999), EBADF);
	CHECK_ERROR(set_steering_program(device, -2), EBADF);
	CHECK_ERROR(set_steering_program(device, ends[0]), EINVAL);
	close(ends[0]);
	close(ends[1]);
	expect_queue(device, &config_off, 1);
	CHECK_CALL(set_steering_program(device, -1));
}

void case_errno_steering(const struct generation *generation)
{
	struct config full = full_config(), rss = second_config();
	struct device device;

	rss.report = false;
	create_device(&device, TAP, QUEUES);
	check_bad_programs(&device);
	if (generation->beside_programs)
		return;
	check_foreign_program(generation, &device);
	check_program_beside_rss(generation, &device, &full);
	check_program_after(generation, &device);
	check_program_beside_rss(generation, &device, &rss);
	set_config(generation, &device, &config_off);
	check_bad_programs(&device);
	check_foreign_program(generation, &device);
}

/* The program goes first, and RSS is what is left when it is taken off. */
static void check_program_over(const struct generation *generation, const struct device *device,
			       const struct config *config, const struct config *other)
{
	int ends[2];

	set_config(generation, device, config);
	check_kinds(device, config);
	CHECK_CALL(use_program(device, 2));
	expect_queue(device, config, 2);
	CHECK_CALL(use_program(device, 1));
	expect_queue(device, config, 1);
	context("RSS under a program");
	set_config(generation, device, other);
	expect_queue(device, other, 1);
	CHECK_CALL(pipe(ends));
	CHECK_ERROR(set_steering_program(device, ends[0]), EINVAL);
	expect_queue(device, other, 1);
	CHECK_CALL(set_steering_program(device, -1));
	check_kinds(device, other);
	context("a bad program over RSS");
	CHECK_ERROR(set_steering_program(device, ends[0]), EINVAL);
	CHECK_ERROR(set_steering_program(device, 9999), EBADF);
	CHECK_NUMBER("TUNSETSTEERINGEBPF", CHECK_CALL(set_steering_program(device, -1)), 0);
	check_kinds(device, other);
	close(ends[0]);
	close(ends[1]);
}

/* RSS that is switched off under a program does not come back. */
static void check_off_under_program(const struct generation *generation, const struct device *device,
				    const struct config *config)
{
	struct config report = report_config(SUPPORTED_HASH_TYPES);
	const struct config *others[] = { &config_off, &report };

	for (size_t i = 0; i < 2; i++) {
		set_config(generation, device, config);
		CHECK_CALL(use_program(device, 3));
		set_config(generation, device, others[i]);
		expect_queue(device, others[i], 3);
		CHECK_CALL(set_steering_program(device, -1));
		check_automatic(device, others[i]);
	}
}

static void check_program_first(const struct generation *generation, const struct device *device,
				const struct config *config)
{
	set_config(generation, device, &config_off);
	CHECK_CALL(use_program(device, 0));
	set_config(generation, device, config);
	expect_queue(device, config, 0);
	CHECK_CALL(set_steering_program(device, -1));
	check_kinds(device, config);
}

static void check_side_by_side(const struct generation *generation)
{
	static const uint16_t zero[1] = { 0 };
	struct config full = full_config(), rss = second_config(), one_queue = full_config();
	struct config old = full_config();
	struct device device;

	rss.report = false;
	/* Where nothing but the queue that RSS names tells it from the kernel's own steering. */
	one_queue.table = zero;
	one_queue.mask = 0;
	one_queue.unclassified = 0;
	create_device(&device, TAP, QUEUES);
	check_program_over(generation, &device, &full, &rss);
	check_program_over(generation, &device, &rss, &full);
	check_program_over(generation, &device, &full, &one_queue);
	check_off_under_program(generation, &device, &full);
	check_off_under_program(generation, &device, &rss);
	check_program_first(generation, &device, &full);
	check_program_first(generation, &device, &rss);
	check_program_first(generation, &device, &one_queue);
	context("the header grows under a program");
	set_header_size(&device, 12);
	set_config(generation, &device, &full);
	CHECK_CALL(use_program(&device, 2));
	set_header_size(&device, HASH_HEADER);
	expect_queue(&device, &full, 2);
	CHECK_CALL(set_steering_program(&device, -1));
	check_kinds(&device, &full);
	context("RSS of generation 1 beside a program");
	CHECK_CALL(use_program(&device, 2));
	CHECK_ERROR(try_config(&generation1, device.queue[0], &old), EBUSY);
	expect_queue(&device, &full, 2);
	CHECK_CALL(set_steering_program(&device, -1));
	set_config(&generation1, &device, &old);
	CHECK_ERROR(use_program(&device, 2), EBUSY);
	check_kinds(&device, &old);
	set_config(generation, &device, &full);
	CHECK_CALL(use_program(&device, 2));
	expect_queue(&device, &full, 2);
}

void case_program_and_rss(const struct generation *generation)
{
	struct config full = full_config();
	struct device device;

	if (generation->beside_programs) {
		check_side_by_side(generation);
		return;
	}
	create_device(&device, TAP, QUEUES);
	CHECK_CALL(use_program(&device, 2));
	check_rss_busy(generation, &device);
	CHECK_CALL(set_steering_program(&device, -1));
	check_program_beside_rss(generation, &device, &full);
}

/* A filter program is the program's own affair: no setting removes or replaces it. */
void case_filter(const struct generation *generation)
{
	struct config full = full_config(), report = report_config(0x3f);
	const struct config *configs[] = { &full, &report, &config_off };
	struct device device;
	struct packet packet;
	int program;

	create_device(&device, TAP, QUEUES);
	program = load_steering_program(0);
	CHECK_CALL(set_filter_program(&device, program));
	close(program);
	build_for_queue(&packet, 1, 0);
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
		context("a filter that drops all, setting %zu", i);
		set_config(generation, &device, configs[i]);
		send_packet(&device, &packet);
		expect_quiet(&device);
	}
	CHECK_CALL(set_filter_program(&device, -1));
	set_config(generation, &device, &full);
	check_kinds(&device, &full);
}

static size_t mapped_bytes(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	CHECK(file && fscanf(file, "%lu", &pages) == 1, "statm: %s", error_name(errno));
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Without memory a setting is refused, the old one stays, and the program goes on. */
void case_errno_memory(const struct generation *generation)
{
	struct config full = full_config(), second = second_config();
	struct rlimit before, tight;
	struct device device;

	create_device(&device, TAP, QUEUES);
	set_config(generation, &device, &full);
	CHECK_CALL(getrlimit(RLIMIT_AS, &before));
	tight = before;
	tight.rlim_cur = mapped_bytes() + (1 << 16);
	CHECK_CALL(setrlimit(RLIMIT_AS, &tight));
	CHECK_ERROR(try_config(generation, device.queue[0], &second), ENOMEM);
	check_kinds(&device, &full);
	CHECK_CALL(setrlimit(RLIMIT_AS, &before));
	set_config(generation, &device, &second);
	check_kinds(&device, &second);
}
