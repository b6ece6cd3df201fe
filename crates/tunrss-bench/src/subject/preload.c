/* A program that uses descriptors as any other, for a parent that starts it with and without the shim.
 *
 * Requests on standard input, and what is printed for them:
 *
 *   where FUNCTION   the object that the function is found in
 *   check            "good", if each call has been made and does what it is to do
 *   time CALL N      nanoseconds of a CPU that so many calls take, behind some others
 *   thread           "good", if a thread has been started and has ended
 *   attach NAME N    "good", if this is a tap with a header of 20 bytes and attached with so many queues
 *   set N            (and so many bytes behind the line) "good", if TUNSETVNETREPORTINGRSS takes them
 *   records          a line for each packet that waits, its queue and its bytes in hexadecimal; an empty one
 *   read N           nanoseconds of a CPU that it takes to read the N packets that wait
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

enum { MOST_QUEUES = 8, PIECE = 64, BUFFER = 66000, WORD = 16, RUN_UP = 100 };

struct tun_vnet_rss {
	uint32_t hash_types;
	uint16_t indirection_table_mask;
	uint16_t unclassified_queue;
};
#define TUNSETVNETREPORTINGRSS _IOR('T', 230, struct tun_vnet_rss)

static int zero, null, ends[2], queues[MOST_QUEUES];
static unsigned queue_count;
static uint8_t buffer[BUFFER];

/* The parent sees that there is no answer. */
static void require(int condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "%s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static uint64_t cpu_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

static const char *where(const char *function)
{
	void *found = dlsym(RTLD_DEFAULT, function);
	Dl_info info;

	require(found && dladdr(found, &info), function);
	return info.dli_fname;
}

static void check(void)
{
	uint8_t sent[PIECE], received[PIECE] = { 7 };
	int copy, waiting = -1;

	memset(sent, 7, PIECE);
	require(read(zero, received, 1) == 1 && received[0] == 0, "read");
	require(write(null, sent, 1) == 1, "write");
	require(write(ends[1], sent, PIECE) == PIECE, "write to a pipe");
	require(ioctl(ends[0], FIONREAD, &waiting) == 0 && waiting == PIECE, "FIONREAD");
	require(read(ends[0], received, PIECE) == PIECE && !memcmp(sent, received, PIECE), "read of a pipe");
	copy = dup(zero);
	require(copy > zero && read(copy, received, 1) == 1 && received[0] == 0, "dup");
	require(close(copy) == 0 && read(copy, received, 1) == -1 && errno == EBADF, "close");
	require((fcntl(zero, F_GETFL) & O_ACCMODE) == O_RDONLY, "F_GETFL");
	require((fcntl(null, F_GETFL) & O_ACCMODE) == O_WRONLY, "F_GETFL");
}

#define REPEAT(call)                                      \
	do {                                              \
		for (uint64_t i = 0; i < times; i++)      \
			require(call, #call);             \
	} while (0)

static void repeat(const char *call, uint64_t times)
{
	uint8_t bytes[PIECE] = { 0 };
	int waiting;

	if (!strcmp(call, "read"))
		REPEAT(read(zero, bytes, 1) == 1);
	else if (!strcmp(call, "write"))
		REPEAT(write(null, bytes, 1) == 1);
	else if (!strcmp(call, "pipe"))
		REPEAT(write(ends[1], bytes, PIECE) == PIECE && read(ends[0], bytes, PIECE) == PIECE);
	else if (!strcmp(call, "dup"))
		REPEAT(close(dup(zero)) == 0);
	else if (!strcmp(call, "fcntl"))
		REPEAT(fcntl(zero, F_GETFL) != -1);
	else if (!strcmp(call, "ioctl"))
		REPEAT(ioctl(ends[0], FIONREAD, &waiting) == 0);
	else
		exit(2);
}

static uint64_t time_calls(const char *call, uint64_t times)
{
	uint64_t start;

	repeat(call, RUN_UP);
	start = cpu_time();
	repeat(call, times);
	return cpu_time() - start;
}

static void *do_nothing(void *argument)
{
	return argument;
}

static void have_thread(void)
{
	pthread_t thread;

	require(pthread_create(&thread, NULL, do_nothing, NULL) == 0, "pthread_create");
	require(pthread_join(thread, NULL) == 0, "pthread_join");
}

static void attach(const char *name, unsigned count)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	int header = 20;

	require(count <= MOST_QUEUES, "too many queues");
	strcpy(request.ifr_name, name);
	for (; queue_count < count; queue_count++) {
		int queue = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

		require(queue != -1, "/dev/net/tun");
		require(ioctl(queue, TUNSETIFF, &request) == 0, "TUNSETIFF");
		require(ioctl(queue, TUNSETVNETHDRSZ, &header) == 0, "TUNSETVNETHDRSZ");
		queues[queue_count] = queue;
	}
}

static void set(size_t len)
{
	require(getchar() == '\n' && len <= BUFFER && fread(buffer, 1, len, stdin) == len, "no setting");
	require(ioctl(queues[0], TUNSETVNETREPORTINGRSS, buffer) == 0, "TUNSETVNETREPORTINGRSS");
}

static void print_records(void)
{
	ssize_t len;

	for (unsigned queue = 0; queue < queue_count; queue++) {
		while ((len = read(queues[queue], buffer, BUFFER)) >= 0) {
			printf("%u ", queue);
			for (ssize_t i = 0; i < len; i++)
				printf("%02x", buffer[i]);
			putchar('\n');
		}
		require(errno == EAGAIN, "read of a queue");
	}
	putchar('\n');
}

static uint64_t time_reads(uint64_t count)
{
	uint64_t packets = 0, start = cpu_time(), took;

	for (unsigned queue = 0; queue < queue_count; queue++) {
		while (read(queues[queue], buffer, BUFFER) >= 0)
			packets++;
		require(errno == EAGAIN, "read of a queue");
	}
	took = cpu_time() - start;
	require(packets == count, "another number of packets");
	return took;
}

int main(void)
{
	char request[WORD], word[WORD];
	uint64_t number;

	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	require(zero != -1 && null != -1 && pipe2(ends, O_CLOEXEC) == 0, "nothing to use");
	while (scanf("%15s", request) == 1) {
		if (!strcmp(request, "where") && scanf("%15s", word) == 1) {
			puts(where(word));
		} else if (!strcmp(request, "check")) {
			check();
			puts("good");
		} else if (!strcmp(request, "time") && scanf("%15s %" SCNu64, word, &number) == 2) {
			printf("%" PRIu64 "\n", time_calls(word, number));
		} else if (!strcmp(request, "thread")) {
			have_thread();
			puts("good");
		} else if (!strcmp(request, "attach") && scanf("%15s %" SCNu64, word, &number) == 2) {
			attach(word, number);
			puts("good");
		} else if (!strcmp(request, "set") && scanf("%" SCNu64, &number) == 1) {
			set(number);
			puts("good");
		} else if (!strcmp(request, "records")) {
			print_records();
		} else if (!strcmp(request, "read") && scanf("%" SCNu64, &number) == 1) {
			printf("%" PRIu64 "\n", time_reads(number));
		} else {
			return 2;
		}
		fflush(stdout);
	}
	return 0;
}
