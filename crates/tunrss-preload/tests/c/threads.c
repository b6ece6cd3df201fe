/*
 * Many threads at once: four readers, two senders, and two that replace the
 * settings. Every packet has to arrive once, with queue, hash and report from
 * one and the same setting.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "generations.h"
#include "net.h"
#include "packets.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

enum {
	QUEUES = 4,
	SENDERS = 2,
	CHANGERS = 2,
	FLOWS = 16,
	CONFIGS = 6,
	IN_FLIGHT = 200, /* a queue holds 500, so none is dropped */
	FEWEST_PACKETS = 2000,
	SEQUENCES = 1 << 24,
	PACKETS_A_CHANGE = 5,
	DEFAULT_CHANGES = 200,
};

/* A packet's mark: the sender in bit 31, the flow in 30 to 24, the sequence number below. */
static uint32_t mark_of(unsigned sender, unsigned flow, uint32_t sequence)
{
	return (uint32_t)sender << 31 | flow << 24 | sequence;
}

/* Readers may be other processes, so all that they count is in shared memory. */
struct shared {
	sem_t window; /* how many more packets may be under way */
	atomic_ulong sent, received;
	atomic_int senders, changers; /* that still run */
};

static struct shared *shared;
static int all_received; /* an eventfd */
static int results[2]; /* a pipe */
static struct device device;
static const struct generation *generations[CHANGERS];
static unsigned changes_each;

/* What a reader found, or the end of a reader if `fits` is 0. */
struct result {
	uint32_t mark;
	uint32_t fits; /* set of the configurations that the packet fits */
};

static struct config configs[CONFIGS];
static struct flow flows[FLOWS];
static enum content contents[FLOWS];
/* What a packet of a flow has to look like under a configuration. */
static struct expected {
	unsigned queue;
	struct hash hash;
} expectations[FLOWS][CONFIGS];

static void fill_configs(void)
{
	static uint16_t spread[TABLE_SIZE], backwards[TABLE_SIZE], small[2] = { 1, 2 };

	fill_table(spread);
	for (unsigned i = 0; i < TABLE_SIZE; i++)
		backwards[i] = 3 - spread[i];
	configs[0] = (struct config){ true, true, SUPPORTED_HASH_TYPES, TABLE_SIZE - 1, 0, spread, microsoft_key, false };
	configs[1] = (struct config){ true, true, SUPPORTED_HASH_TYPES, TABLE_SIZE - 1, 1, backwards, second_key, false };
	configs[2] = (struct config){ true, true, 0x09, TABLE_SIZE - 1, 2, spread, microsoft_key, false };
	configs[3] = (struct config){ true, true, 0x24, 1, 3, small, second_key, false };
	configs[4] = (struct config){ true, false, SUPPORTED_HASH_TYPES, TABLE_SIZE - 1, 0, backwards, microsoft_key, false };
	configs[5] = (struct config){ true, false, 0x12, TABLE_SIZE - 1, 3, spread, second_key, false };
}

static void fill_flows(void)
{
	static const enum content order[4] = { CONTENT_UDP, CONTENT_TCP, CONTENT_UDP, CONTENT_OTHER };

	for (unsigned i = 0; i < FLOWS; i++) {
		flows[i] = other_flow(i % 2 ? &flow_v6 : &flow_v4, i);
		contents[i] = order[i / 2 % 4];
	}
}

static void fill_expectations(void)
{
	struct packet packet;

	for (unsigned i = 0; i < FLOWS; i++) {
		build_packet(&packet, &flows[i], contents[i], 32, 0);
		for (unsigned j = 0; j < CONFIGS; j++) {
			struct hash hash = expected_hash(configs[j].types, configs[j].key, &packet);

			expectations[i][j].queue = queue_for(&configs[j], &hash, QUEUES);
			if (configs[j].report)
				expectations[i][j].hash = hash;
		}
	}
}

static void signal_all_received(void)
{
	uint64_t one = 1;

	CHECK_CALL(write(all_received, &one, sizeof(one)));
}

/* Called after either side has changed, so one of the last two calls sees the end. */
static void check_end(void)
{
	if (atomic_load(&shared->senders) == 0 && atomic_load(&shared->received) == atomic_load(&shared->sent))
		signal_all_received();
}

static void wait_for_window(void)
{
	struct timespec deadline;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += DEADLINE_MS / 1000;
	while (sem_timedwait(&shared->window, &deadline) == -1)
		CHECK(errno == EINTR, "%d packets are under way and none arrives; %lu sent, %lu received", IN_FLIGHT,
		      atomic_load(&shared->sent), atomic_load(&shared->received));
}

static void *run_sender(void *argument)
{
	unsigned sender = (uintptr_t)argument;
	int socket = open_sender();
	uint32_t sequence = 0;
	struct packet packet;

	context("sender %u", sender);
	while ((sequence < FEWEST_PACKETS || atomic_load(&shared->changers) > 0) && sequence < SEQUENCES) {
		unsigned flow = sequence % FLOWS;

		wait_for_window();
		build_packet(&packet, &flows[flow], contents[flow], 32, mark_of(sender, flow, sequence));
		/* Before the packet can be read, so that no reader is ahead of the senders. */
		atomic_fetch_add(&shared->sent, 1);
		send_through(socket, &device, &packet);
		sequence++;
	}
	close(socket);
	atomic_fetch_sub(&shared->senders, 1);
	check_end();
	return NULL;
}

/* Otherwise fast changes would all be over before there is a packet. */
static void wait_for_packets(unsigned long packets)
{
	while (atomic_load(&shared->sent) < packets)
		sched_yield();
}

static void *run_changer(void *argument)
{
	unsigned changer = (uintptr_t)argument;

	context("changer %u", changer);
	for (unsigned i = 0; i < changes_each; i++) {
		const struct config *config = &configs[(i * CHANGERS + changer * 3 + 1) % CONFIGS];
		int result;

		wait_for_packets((unsigned long)i * CHANGERS * PACKETS_A_CHANGE);
		result = try_config(generations[changer], device.queue[(i + changer) % QUEUES], config);
		CHECK(result == 0, "change %u: expected 0, found %d (%s)", i, result, error_name(errno));
	}
	atomic_fetch_sub(&shared->changers, 1);
	return NULL;
}

static bool fits(const struct expected *expected, const struct record *record)
{
	uint8_t hash[8] = { 0 };

	memcpy(hash, &expected->hash.value, 4);
	memcpy(hash + 4, &expected->hash.report, 2);
	return expected->queue == record->queue && memcmp(record->bytes + 12, hash, sizeof(hash)) == 0;
}

static void check_frame(const struct record *record, uint32_t mark)
{
	static const uint8_t nothing[12];
	unsigned flow = mark >> 24 & 127;
	struct packet packet;

	CHECK(flow < FLOWS, "a packet of flow %u", flow);
	build_packet(&packet, &flows[flow], contents[flow], 32, mark);
	CHECK_BYTES("first part of the header", record->bytes, 12, nothing, 12);
	CHECK_BYTES("payload", record->bytes + HASH_HEADER, record->size - HASH_HEADER, packet.frame, packet.size);
}

_Noreturn static void fail_to_fit(const struct record *record, unsigned flow)
{
	char text[CONFIGS * 40];
	int used = 0;
	uint32_t value;

	for (unsigned i = 0; i < CONFIGS; i++) {
		const struct expected *expected = &expectations[flow][i];

		used += snprintf(text + used, sizeof(text) - used, "%s%u/%#x/%u", i ? ", " : "", expected->queue,
				 expected->hash.value, expected->hash.report);
	}
	memcpy(&value, record->bytes + 12, 4);
	FAIL("flow %u: queue/hash/report is %u/%#x/%u and has to be one of %s", flow, record->queue, value,
	     record->bytes[16] | record->bytes[17] << 8, text);
}

static struct result judge(const struct record *record)
{
	struct result result = { 0, 0 };
	unsigned flow;

	CHECK(record->size > HASH_HEADER + ETHERNET, "a record of %zu bytes", record->size);
	result.mark = packet_mark(record->bytes + record->size);
	check_frame(record, result.mark);
	flow = result.mark >> 24 & 127;
	for (unsigned i = 0; i < CONFIGS; i++)
		result.fits |= fits(&expectations[flow][i], record) ? 1u << i : 0;
	if (result.fits == 0)
		fail_to_fit(record, flow);
	return result;
}

static void tell(const struct result *result)
{
	CHECK_NUMBER("write to the pipe", CHECK_CALL(write(results[1], result, sizeof(*result))), sizeof(*result));
}

/* Reads what there is. */
static void drain(unsigned queue)
{
	struct record record = { .queue = queue };

	for (;;) {
		ssize_t size;
		struct result result;

		clear_record(&device, &record);
		size = tun_read(device.queue[queue], record.bytes, sizeof(record.bytes));
		if (size == -1 && errno == EAGAIN)
			return;
		CHECK(size != -1, "read from queue %u: %s", queue, error_name(errno));
		record.size = size;
		result = judge(&record);
		tell(&result);
		sem_post(&shared->window);
		atomic_fetch_add(&shared->received, 1);
		check_end();
	}
}

static void read_all(unsigned queue)
{
	struct pollfd fds[2] = {
		{ .fd = device.queue[queue], .events = POLLIN },
		{ .fd = all_received, .events = POLLIN },
	};
	static const struct result end = { 0, 0 };

	for (;;) {
		int ready = CHECK_CALL(poll(fds, 2, DEADLINE_MS));

		/* A queue that no setting names is idle, so only the whole counts. */
		CHECK(ready > 0 || atomic_load(&shared->changers) > 0, "%lu packets sent, only %lu received",
		      atomic_load(&shared->sent), atomic_load(&shared->received));
		if (fds[0].revents)
			drain(queue);
		else if (fds[1].revents)
			break;
	}
	tell(&end);
}

static void *run_reader(void *argument)
{
	unsigned queue = (uintptr_t)argument;

	context("reader of queue %u", queue);
	read_all(queue);
	return NULL;
}

static pthread_t start(void *(*run)(void *), unsigned number)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, run, (void *)(uintptr_t)number);

	CHECK(error == 0, "pthread_create: %s", error_name(error));
	return thread;
}

static void join(pthread_t thread)
{
	struct timespec deadline;
	int error;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += DEADLINE_MS / 1000;
	error = pthread_timedjoin_np(thread, NULL, &deadline);
	CHECK(error == 0, "pthread_timedjoin_np: %s", error_name(error));
}

static void take_result(struct result *result)
{
	/* While the changers are at work, a slow one may keep a small number of packets under way for long. */
	CHECK(readable(results[0], 4 * DEADLINE_MS), "the readers say nothing; %lu packets sent, %lu received",
	      atomic_load(&shared->sent), atomic_load(&shared->received));
	CHECK_NUMBER("read from the pipe", CHECK_CALL(read(results[0], result, sizeof(*result))), sizeof(*result));
}

/* Collects what the readers say until all have ended. Returns the set of configurations that were seen for sure. */
static uint32_t collect(unsigned long *packets)
{
	uint8_t *seen = calloc(SENDERS, SEQUENCES / 8);
	unsigned readers = QUEUES;
	uint32_t configurations = 0;

	CHECK(seen != NULL, "no memory");
	*packets = 0;
	while (readers > 0) {
		struct result result;
		uint32_t bit;

		take_result(&result);
		if (result.fits == 0) {
			readers--;
			continue;
		}
		bit = (result.mark >> 31) * (uint32_t)SEQUENCES + (result.mark & (SEQUENCES - 1));
		CHECK(!(seen[bit / 8] & 1 << bit % 8), "packet %#x arrived twice", result.mark);
		seen[bit / 8] |= 1 << bit % 8;
		++*packets;
		/* Only if there is no other it can come from. */
		if ((result.fits & (result.fits - 1)) == 0)
			configurations |= result.fits;
	}
	free(seen);
	return configurations;
}

static void make_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED, "mmap: %s", error_name(errno));
	CHECK_CALL(sem_init(&shared->window, 1, IN_FLIGHT));
	atomic_store(&shared->senders, SENDERS);
	atomic_store(&shared->changers, CHANGERS);
	all_received = CHECK_CALL(eventfd(0, EFD_NONBLOCK));
	CHECK_CALL(pipe(results));
}

static void run_child(unsigned queue)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	limit_time(60 + changes_each);
	context("child that reads queue %u", queue);
	read_all(queue);
	exit(0);
}

static void fork_readers(int *children)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		children[i] = CHECK_CALL(fork());
		if (children[i] == 0)
			run_child(i);
	}
}

static void wait_for_children(const int *children)
{
	for (unsigned i = 0; i < QUEUES; i++) {
		int status;

		CHECK_CALL(waitpid(children[i], &status, 0));
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "reader %u ended with wait status %#x", i, status);
	}
}

static void run_load(bool forked)
{
	pthread_t readers[QUEUES], senders[SENDERS], changers[CHANGERS];
	int children[QUEUES];
	unsigned long packets;
	uint32_t seen;

	create_device(&device, TAP, QUEUES);
	set_config(generations[0], &device, &configs[0]);
	make_shared();
	/* Before there are threads. */
	if (forked)
		fork_readers(children);
	for (unsigned i = 0; i < QUEUES && !forked; i++)
		readers[i] = start(run_reader, i);
	for (unsigned i = 0; i < SENDERS; i++)
		senders[i] = start(run_sender, i);
	for (unsigned i = 0; i < CHANGERS; i++)
		changers[i] = start(run_changer, i);
	seen = collect(&packets);
	for (unsigned i = 0; i < CHANGERS; i++)
		join(changers[i]);
	for (unsigned i = 0; i < SENDERS; i++)
		join(senders[i]);
	for (unsigned i = 0; i < QUEUES && !forked; i++)
		join(readers[i]);
	if (forked)
		wait_for_children(children);
	context("at the end");
	CHECK_NUMBER("packets", packets, atomic_load(&shared->sent));
	CHECK(changes_each == 0 || (seen & (seen - 1)), "only the configurations %#x of %u were seen", seen, CONFIGS);
	expect_quiet(&device);
	printf("%lu packets, %u changes, configurations seen %#x\n", packets, changes_each * CHANGERS, seen);
}

/* Below, a reader that blocks and is cancelled. */

static atomic_int reader_id;
static atomic_bool cleaned;

static void clean(void *argument)
{
	(void)argument;
	atomic_store(&cleaned, true);
}

static void *read_for_ever(void *argument)
{
	bool scattered = (uintptr_t)argument;
	uint8_t bytes[2048];
	struct iovec pieces[2] = { { bytes, 20 }, { bytes + 20, sizeof(bytes) - 20 } };

	pthread_cleanup_push(clean, NULL);
	atomic_store(&reader_id, gettid());
	if (scattered)
		tun_readv(device.queue[0], pieces, 2);
	else
		tun_read(device.queue[0], bytes, sizeof(bytes));
	pthread_cleanup_pop(0);
	return NULL;
}

static char thread_state(int id)
{
	char path[64], state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", id);
	file = fopen(path, "r");
	if (file == NULL)
		return '?';
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	fclose(file);
	return state;
}

/* There is nothing to wait for but the state itself. */
static void wait_until_asleep(void)
{
	time_t deadline = time(NULL) + DEADLINE_MS / 1000;

	while (atomic_load(&reader_id) == 0 || thread_state(atomic_load(&reader_id)) != 'S') {
		CHECK(time(NULL) <= deadline, "the reader does not block");
		sched_yield();
	}
}

static void check_cancel(bool scattered)
{
	pthread_t thread;
	struct timespec deadline;
	void *value = NULL;
	int error;

	context("cancelling a thread in %s", scattered ? "readv" : "read");
	atomic_store(&reader_id, 0);
	atomic_store(&cleaned, false);
	thread = start(read_for_ever, scattered);
	wait_until_asleep();
	CHECK(pthread_cancel(thread) == 0, "pthread_cancel failed");
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += DEADLINE_MS / 1000;
	error = pthread_timedjoin_np(thread, &value, &deadline);
	CHECK(error == 0, "the thread does not end: %s", error_name(error));
	CHECK(value == PTHREAD_CANCELED, "the thread was not cancelled");
	CHECK(atomic_load(&cleaned), "the thread's clean-up was not run");
}

/* A cancelled reader must leave no lock behind and take no packet. */
static void check_usable(const struct config *config)
{
	struct packet packet;
	struct record record;

	build_packet(&packet, &flow_v4, CONTENT_TCP, 32, 1);
	send_packet(&device, &packet);
	read_queue(&device, 0, &record);
	CHECK_NUMBER("size of the record", record.size, record_size(&device, &packet));
	CHECK_BYTES("payload", record.bytes + HASH_HEADER, record.size - HASH_HEADER, packet.frame, packet.size);
	CHECK_NUMBER("hash_report", record.bytes[16], VIRTIO_NET_HASH_REPORT_TCPv4);
	set_config(generations[0], &device, config);
}

static void run_cancel(void)
{
	create_device(&device, TAP, 1);
	set_config(generations[0], &device, &configs[0]);
	CHECK_CALL(fcntl(device.queue[0], F_SETFL, O_RDWR));
	for (int i = 0; i < 4; i++) {
		check_cancel(i % 2);
		check_usable(&configs[i % 2]);
	}
}

/* Below, children that are forked while other threads make settings, and make one themselves. */

static atomic_bool enough;

static void *set_for_ever(void *argument)
{
	unsigned changer = (uintptr_t)argument;

	for (unsigned i = changer; !atomic_load(&enough); i++) {
		context("changer %u", changer);
		set_config(generations[changer], &device, &configs[i % CONFIGS]);
	}
	return NULL;
}

static void fork_setter(unsigned number)
{
	int status, child = CHECK_CALL(fork());

	if (child == 0) {
		context("child %u", number);
		limit_time(40);
		set_config(generations[number % CHANGERS], &device, &configs[number % CONFIGS]);
		exit(0);
	}
	CHECK_CALL(waitpid(child, &status, 0));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %u ended with wait status %#x", number, status);
}

static void run_forking(void)
{
	pthread_t changers[CHANGERS];

	create_device(&device, TAP, QUEUES);
	set_config(generations[0], &device, &configs[0]);
	for (unsigned i = 0; i < CHANGERS; i++)
		changers[i] = start(set_for_ever, i);
	for (unsigned i = 0; i < changes_each * CHANGERS; i++)
		fork_setter(i);
	atomic_store(&enough, true);
	for (unsigned i = 0; i < CHANGERS; i++)
		join(changers[i]);
	set_config(generations[0], &device, &configs[0]);
}

static const struct {
	const char *name;
	const struct generation *changers[CHANGERS];
} choices[] = {
	{ "gen1", { &generation1, &generation1 } },
	{ "gen2", { &generation2, &generation2 } },
	{ "both", { &generation1, &generation2 } },
};

static const char *const modes[] = { "threads", "fork", "cancel", "forking" };
enum { MODES = sizeof(modes) / sizeof(modes[0]) };

static bool choose(const char *name)
{
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(choices[i].name, name) == 0) {
			memcpy(generations, choices[i].changers, sizeof(generations));
			return true;
		}
	}
	return false;
}

static int list(void)
{
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < MODES; j++)
			printf("%s %s\n", choices[i].name, modes[j]);
	return 0;
}

static int usage(const char *program)
{
	fprintf(stderr, "usage: %s --list | gen1|gen2|both threads|fork|cancel|forking [CHANGES]\n", program);
	return 2;
}

static int run_mode(const char *mode)
{
	/* What a setting takes is not known, so there is a lot of time. */
	limit_time(60 + changes_each);
	check_vectors();
	fill_configs();
	fill_flows();
	fill_expectations();
	enter_namespace();
	if (strcmp(mode, "cancel") == 0)
		run_cancel();
	else if (strcmp(mode, "forking") == 0)
		run_forking();
	else
		run_load(strcmp(mode, "fork") == 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return list();
	if (argc < 3 || argc > 4 || !choose(argv[1]))
		return usage(argv[0]);
	changes_each = (argc == 4 ? strtoul(argv[3], NULL, 10) : DEFAULT_CHANGES) / CHANGERS;
	for (size_t i = 0; i < MODES; i++)
		if (strcmp(argv[2], modes[i]) == 0)
			return run_mode(argv[2]);
	return usage(argv[0]);
}
