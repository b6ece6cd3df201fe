/*
 * What somebody does who means no good, or knows nothing of tunrss.
 *
 *   hostile forge UID PROGRAM_TYPE PROGRAM_NAME MAP_TYPE MAP_NAME KEY_SIZE VALUE_SIZE ENTRIES IFINDEX OWNER
 *     as user UID with CAP_BPF alone, load a program with a map that says that it steers a device of this
 *     network namespace, all packets to queue 3. Print "loaded". At the end of standard input print whether
 *     the map still says so, "as it was" or "written".
 *   hostile take DEVICE steering|filter
 *     hold a queue of a multi-queue TAP, and take one of its programs away.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/capability.h and asm-generic/socket.h of headers that are older. */
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef TUNSETSTEERINGEBPF
#define TUNSETSTEERINGEBPF _IOR('T', 224, int)
#endif
#ifndef TUNSETFILTEREBPF
#define TUNSETFILTEREBPF _IOR('T', 225, int)
#endif

enum { STATE_LEN = 72 + 8 + 2 * 4 + 3 + 40 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static void keep_cap_bpf_alone(uid_t uid)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (prctl(PR_SET_KEEPCAPS, 1) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		die("become another user");
	data[CAP_BPF / 32].effective = data[CAP_BPF / 32].permitted = 1u << CAP_BPF % 32;
	if (syscall(SYS_capset, &header, data))
		die("capset");
}

/* tunrss_bpf::state */
static void write_state(unsigned char *state, uint32_t index, const char *owner)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		die("SO_NETNS_COOKIE");
	memset(state, 0, STATE_LEN);
	memcpy(state, "TRSS\2", 5);
	memcpy(state + 8, &cookie, sizeof(cookie));
	memcpy(state + 16, &index, sizeof(index));
	memcpy(state + 40, owner, strnlen(owner, 32));
	state[72] = 0x3f;
	state[76] = 3;
	for (int entry = 0; entry < 4; entry++)
		state[80 + 2 * entry] = 3;
	state[90] = 40;
	memset(state + 91, 0x5a, 40);
}

static int forge(char **argument)
{
	const uid_t uid = atoi(argument[0]);
	const unsigned program_type = atoi(argument[1]), map_type = atoi(argument[3]);
	const unsigned key_size = atoi(argument[5]), entries = atoi(argument[7]);
	const size_t value_size = strtoul(argument[6], NULL, 0);
	const long cpus = sysconf(_SC_NPROCESSORS_CONF);
	/* As much as the kernel reads and writes where each CPU has a value. */
	const size_t room = ((value_size + 7) & ~(size_t)7) * (cpus > 0 ? cpus : 1);
	unsigned char state[STATE_LEN], key[64] = { 0 }, *value = malloc(room);
	union bpf_attr attr;
	int map, program;

	if (!value || key_size > sizeof(key))
		die("sizes");
	/* A classifier takes more than CAP_BPF. */
	if (program_type == BPF_PROG_TYPE_SOCKET_FILTER)
		keep_cap_bpf_alone(uid);
	memset(value, 0x41, room);
	write_state(state, atoi(argument[8]), argument[9]);
	if (value_size >= STATE_LEN)
		memcpy(value, state, STATE_LEN);

	memset(&attr, 0, sizeof(attr));
	attr.map_type = map_type;
	attr.key_size = key_size;
	attr.value_size = value_size;
	attr.max_entries = entries;
	strncpy(attr.map_name, argument[4], sizeof(attr.map_name) - 1);
	map = bpf(BPF_MAP_CREATE, &attr);
	if (map < 0)
		die("BPF_MAP_CREATE");
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	if (bpf(BPF_MAP_UPDATE_ELEM, &attr))
		die("BPF_MAP_UPDATE_ELEM");

	const struct bpf_insn code[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
		{ 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = program_type;
	attr.insn_cnt = sizeof(code) / sizeof(*code);
	attr.insns = (uintptr_t)code;
	attr.license = (uintptr_t) "GPL";
	strncpy(attr.prog_name, argument[2], sizeof(attr.prog_name) - 1);
	program = bpf(BPF_PROG_LOAD, &attr);
	if (program < 0)
		die("BPF_PROG_LOAD");

	puts("loaded");
	fflush(stdout);
	while (read(0, state, 1) > 0)
		;
	write_state(state, atoi(argument[8]), argument[9]);
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr))
		die("BPF_MAP_LOOKUP_ELEM");
	puts(value_size < STATE_LEN || !memcmp(value, state, STATE_LEN) ? "as it was" : "written");
	return 0;
}

static int take(char **argument)
{
	const int is_filter = !strcmp(argument[1], "filter");
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), none = -1;

	strncpy(request.ifr_name, argument[0], IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		die("hold a queue");
	if (ioctl(fd, is_filter ? TUNSETFILTEREBPF : TUNSETSTEERINGEBPF, &none))
		die("take a program away");
	return 0;
}

int main(int count, char **arguments)
{
	if (count == 12 && !strcmp(arguments[1], "forge"))
		return forge(arguments + 2);
	if (count == 4 && !strcmp(arguments[1], "take"))
		return take(arguments + 2);
	fprintf(stderr, "usage: see the source\n");
	return 2;
}
