/*
 * A privileged program and its child, which has given up every privilege and writes all over the memory that
 * they share. The parent goes on making settings and reading packets: nothing of its own memory may change but
 * the buffers that it reads into, it must not crash, and each call has to end.
 */
#define _GNU_SOURCE
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include "check.h"
#include "generations.h"
#include "net.h"
#include "packets.h"
#include "tun_calls.h"

enum { QUEUES = 2, ROUNDS = 12, LONGEST_SECONDS = 20, TABLE = 4, ROOM = 2048 };

/* Where a pointer of the child's leads: private memory of the parent's. */
static unsigned char target[4096] __attribute__((aligned(4096)));

struct mapping {
	uint64_t *start;
	size_t words;
};

/* Memory that is shared with children and has no file. */
static struct mapping find_shared(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	struct mapping found = { NULL, 0 };
	char line[512];

	CHECK(maps != NULL, "maps: %s", error_name(errno));
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;

		if (strstr(line, " rw-s ") && strstr(line, "/dev/zero") && sscanf(line, "%lx-%lx", &start, &end) == 2)
			found = (struct mapping){ (uint64_t *)start, (end - start) / sizeof(uint64_t) };
	}
	fclose(maps);
	CHECK(found.start != NULL, "nothing is shared");
	return found;
}

static uint64_t random_word(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* What one word becomes. `parent` is what a lock that the parent holds would say. */
static uint64_t word_for(const char *mode, uint64_t before, pid_t parent)
{
	if (strcmp(mode, "pointers") == 0)
		return (uintptr_t)target + (random_word() & 0xff8);
	if (strcmp(mode, "wild") == 0)
		return 0x4141414141410000u;
	if (strcmp(mode, "ones") == 0)
		return UINT64_MAX;
	if (strcmp(mode, "held") == 0)
		return (uint64_t)parent << 32 | (uint32_t)parent;
	if (strcmp(mode, "flips") == 0)
		return before ^ 1ull << (random_word() & 63);
	return random_word();
}

static _Noreturn void attack(const char *mode, pid_t parent)
{
	struct mapping shared = find_shared();

	CHECK_CALL(setgroups(0, NULL));
	CHECK_CALL(setresgid(65534, 65534, 65534));
	CHECK_CALL(setresuid(65534, 65534, 65534));
	/* Another user's process does not keep what it has asked for before. */
	CHECK_CALL(prctl(PR_SET_PDEATHSIG, SIGKILL));
	CHECK(getppid() == parent, "the parent has ended");
	/* In any case. */
	limit_time(150);
	for (;;) {
		volatile uint64_t *words = shared.start;

		/* The first page, where a lock would be, again and again. */
		for (int i = 0; i < 20; i++)
			for (size_t at = 0; at < 512; at++)
				words[at] = word_for(mode, words[at], parent);
		for (size_t at = 0; at < shared.words; at++)
			words[at] = word_for(mode, words[at], parent);
	}
}

/* Refused or not, it ends. */
static void set_within_limit(const struct generation *generation, const struct device *device,
			     const struct config *config, unsigned *refused)
{
	time_t start = time(NULL);

	if (try_config(generation, device->queue[0], config) != 0)
		++*refused;
	CHECK(time(NULL) - start <= LONGEST_SECONDS, "the ioctl took %ld seconds", (long)(time(NULL) - start));
}

/* Whatever is read, it is in the buffer. */
static void read_all(const struct device *device, unsigned char *place)
{
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		ssize_t got;

		do {
			struct iovec pieces[2] = { { place + 8, 30 }, { place + 38, ROOM - 30 } };

			got = tun_readv(device->queue[queue], pieces, 2);
			CHECK(got <= ROOM, "%zd bytes", got);
			for (int i = 0; i < 8; i++)
				CHECK(place[i] == 0x77 && place[8 + ROOM + i] == 0x77, "bytes beside the buffer");
		} while (got > 0);
	}
}

static unsigned run_parent(const struct generation *generation, struct device *device)
{
	static const uint16_t table[TABLE] = { 0, 1, 1, 0 };
	static unsigned char place[ROOM + 16];
	struct config config = {
		.rss = true, .report = true, .types = 0x3f, .mask = TABLE - 1, .table = table, .key = microsoft_key,
	};
	unsigned refused = 0;

	memset(place, 0x77, sizeof(place));
	for (unsigned round = 0; round < ROUNDS; round++) {
		int size = round % 2 ? HASH_HEADER : 12;

		context("round %u", round);
		config.rss = round % 3 != 2;
		set_within_limit(generation, device, &config, &refused);
		tun_ioctl(device->queue[1], TUNSETVNETHDRSZ, &size);
		for (size_t i = 0; i < KINDS; i++) {
			struct packet packet;

			build_kind(&packet, &kinds[i], round);
			send_packet(device, &packet);
		}
		read_all(device, place);
		for (size_t i = 0; i < sizeof(target); i++)
			CHECK(target[i] == 0, "private memory was written to, at byte %zu", i);
	}
	return refused;
}

int main(int argc, char **argv)
{
	const struct generation *generation = argc == 3 && strcmp(argv[1], "gen2") == 0 ? &generation2 : &generation1;
	pid_t parent = getpid(), child;
	struct device device;
	unsigned refused;
	int status;

	CHECK(argc == 3, "usage: %s gen1|gen2 pointers|wild|ones|held|flips|random", argv[0]);
	limit_time(120);
	enter_namespace();
	create_device(&device, TAP, QUEUES);
	child = CHECK_CALL(fork());
	if (child == 0)
		attack(argv[2], parent);
	refused = run_parent(generation, &device);
	CHECK_NUMBER("the child goes on", waitpid(child, &status, WNOHANG), 0);
	CHECK_CALL(kill(child, SIGKILL));
	CHECK_CALL(waitpid(child, &status, 0));
	printf("%s: %u of %u settings refused\n", argv[2], refused, ROUNDS);
	return 0;
}
