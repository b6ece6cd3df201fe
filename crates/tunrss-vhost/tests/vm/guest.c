// Runs in the guests of these tests: says what has arrived on which queue with which hash, and is the
// other end of their connections.
//
//	guest frames DEVICE COUNT
//		Print "ready"; wait until COUNT marked frames have arrived on the device; print a line
//		for each mark: its number, the queue, the hash as the driver has left it in the
//		sk_buff, and how often it came. A mark is the last 8 bytes of a frame: MARK and a
//		number below MARKS, both little-endian.
//	guest serve PORT
//		Listen, and return. Each connection starts with three little-endian numbers of 64
//		bits: how many bytes are to follow, how many are to be sent back, and one that does
//		not matter. Both are those of the pattern. At the end a number of 64 bits is sent: how
//		many of the bytes received were the right ones, before the first that was not.

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK 0x1a7e57ed
#define MARKS 8192

// A prime, so that no power of two and no length of a segment is a multiple of it.
#define PERIOD 1000003
#define CHUNK 65536

// How long frames may keep us waiting, in milliseconds.
#define PATIENCE 10000

static void check(int holds, const char *what)
{
	if (!holds) {
		perror(what);
		exit(1);
	}
}

// What is known of the frames with a mark.
struct seen {
	uint32_t count, hash, queue;
};

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int map_of_marks(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(struct seen),
		.max_entries = MARKS,
	};
	int map = bpf(BPF_MAP_CREATE, &attr);
	check(map >= 0, "map");
	return map;
}

#define INSN(...) ((struct bpf_insn){__VA_ARGS__})
#define MOV(dst, src) INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src)
#define SET(dst, value) INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, value)
#define ADD(dst, value) INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, value)
#define LOAD(dst, src, off) INSN(BPF_LDX | BPF_MEM | BPF_W, dst, src, off)
#define STORE(dst, src, off) INSN(BPF_STX | BPF_MEM | BPF_W, dst, src, off)
#define CALL(function) INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_##function)
// The distance to the end is filled in later.
#define END_IF(op, dst, value) INSN(BPF_JMP | op | BPF_K, dst, 0, 0, value)
#define FIELD(name) offsetof(struct __sk_buff, name)

// A filter that notes marked frames in `map` and lets a byte of them through, and nothing of others.
static int filter_into(int map)
{
	struct bpf_insn code[] = {
		MOV(6, 1),
		// What the guest sends is shown to packet sockets too; an ICMP error ends in the mark.
		LOAD(7, 6, FIELD(pkt_type)),
		END_IF(BPF_JEQ, 7, PACKET_OUTGOING),
		LOAD(7, 6, FIELD(len)),
		END_IF(BPF_JLT, 7, 8),
		ADD(7, -8),
		MOV(1, 6),
		MOV(2, 7),
		MOV(3, 10),
		ADD(3, -8),
		SET(4, 8),
		CALL(skb_load_bytes),
		END_IF(BPF_JNE, 0, 0),
		LOAD(1, 10, -8),
		END_IF(BPF_JNE, 1, MARK),
		INSN(BPF_LD | BPF_DW | BPF_IMM, 1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0),
		MOV(2, 10),
		ADD(2, -4),
		CALL(map_lookup_elem),
		END_IF(BPF_JEQ, 0, 0),
		LOAD(1, 0, offsetof(struct seen, count)),
		ADD(1, 1),
		STORE(0, 1, offsetof(struct seen, count)),
		LOAD(1, 6, FIELD(hash)),
		STORE(0, 1, offsetof(struct seen, hash)),
		LOAD(1, 6, FIELD(queue_mapping)),
		STORE(0, 1, offsetof(struct seen, queue)),
		SET(0, 1),
		INSN(BPF_JMP | BPF_EXIT),
		SET(0, 0),
		INSN(BPF_JMP | BPF_EXIT),
	};
	int len = sizeof(code) / sizeof(code[0]);
	for (int at = 0; at < len; at++) {
		int op = BPF_OP(code[at].code);
		if (BPF_CLASS(code[at].code) == BPF_JMP && op != BPF_CALL && op != BPF_EXIT)
			code[at].off = len - 2 - (at + 1);
	}
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)code,
		.insn_cnt = len,
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int filter = bpf(BPF_PROG_LOAD, &attr);
	if (filter < 0)
		fputs(log, stderr);
	check(filter >= 0, "filter");
	return filter;
}

static void frames(const char *device, long count)
{
	int map = map_of_marks(), filter = filter_into(map), room = 64 << 20;
	int s = socket(AF_PACKET, SOCK_RAW, 0);
	check(s >= 0, "packet socket");
	check(!setsockopt(s, SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter)), "attach");
	check(!setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), "buffer");
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(device),
	};
	check(!bind(s, (struct sockaddr *)&address, sizeof(address)), device);
	puts("ready");
	fflush(stdout);
	struct pollfd waiting = {.fd = s, .events = POLLIN};
	char byte;
	while (count > 0 && poll(&waiting, 1, PATIENCE) == 1) {
		long got = recv(s, &byte, 1, 0);
		check(got == 1 || errno == ENETDOWN, "recv");
		count -= got == 1;
	}
	for (uint32_t mark = 0; mark < MARKS; mark++) {
		struct seen seen;
		union bpf_attr attr = {
			.map_fd = map,
			.key = (uintptr_t)&mark,
			.value = (uintptr_t)&seen,
		};
		check(!bpf(BPF_MAP_LOOKUP_ELEM, &attr), "lookup");
		// The kernel keeps the number of the queue and one more, 0 for none.
		if (seen.count)
			printf("%u %d %08x %u\n", mark, (int)seen.queue - 1, seen.hash, seen.count);
	}
}

// A chunk of the pattern is in one piece from any of its first PERIOD bytes on.
static unsigned char pattern[PERIOD + CHUNK];

static void make_pattern(void)
{
	uint64_t state = 1;
	for (int at = 0; at < PERIOD; at++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		pattern[at] = state >> 56;
	}
	memcpy(pattern + PERIOD, pattern, CHUNK);
}

static int send_all(int s, const void *bytes, size_t len)
{
	for (const char *at = bytes; len > 0;) {
		ssize_t sent = send(s, at, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return 0;
		at += sent;
		len -= sent;
	}
	return 1;
}

static int recv_all(int s, void *bytes, size_t len)
{
	return recv(s, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

static void answer(int s)
{
	uint64_t head[3], right = 0;
	if (!recv_all(s, head, sizeof(head)))
		return;
	pid_t sender = fork();
	check(sender >= 0, "fork");
	if (sender == 0) {
		uint64_t sent = 0;
		while (sent < head[1]) {
			uint64_t len = head[1] - sent < CHUNK ? head[1] - sent : CHUNK;
			if (!send_all(s, pattern + sent % PERIOD, len))
				_exit(1);
			sent += len;
		}
		_exit(0);
	}
	static unsigned char bytes[CHUNK];
	int is_right = 1;
	for (uint64_t at = 0; at < head[0];) {
		size_t want = head[0] - at < CHUNK ? head[0] - at : CHUNK;
		ssize_t len = recv(s, bytes, want, 0);
		if (len <= 0)
			break;
		const unsigned char *expected = pattern + at % PERIOD;
		for (ssize_t i = 0; is_right && i < len; i++) {
			// In one go where it is as it has to be.
			if (i == 0 && !memcmp(bytes, expected, len)) {
				right += len;
				break;
			}
			is_right = bytes[i] == expected[i];
			right += is_right;
		}
		at += len;
	}
	waitpid(sender, NULL, 0);
	send_all(s, &right, sizeof(right));
}

static void serve(int port)
{
	int s = socket(AF_INET6, SOCK_STREAM, 0), family = AF_INET6, on = 1;
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	// IPv6 may not be there, IPv4 always is.
	if (s < 0) {
		family = AF_INET;
		s = socket(AF_INET, SOCK_STREAM, 0);
	}
	check(s >= 0, "socket");
	check(!setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "reuse");
	if (family == AF_INET6)
		check(!bind(s, (struct sockaddr *)&v6, sizeof(v6)), "bind");
	else
		check(!bind(s, (struct sockaddr *)&v4, sizeof(v4)), "bind");
	check(!listen(s, 256), "listen");
	pid_t server = fork();
	check(server >= 0, "fork");
	if (server > 0)
		return;
	signal(SIGCHLD, SIG_IGN);
	make_pattern();
	for (;;) {
		int connection = accept(s, NULL, NULL);
		if (connection < 0)
			continue;
		pid_t child = fork();
		if (child == 0) {
			signal(SIGCHLD, SIG_DFL);
			answer(connection);
			_exit(0);
		}
		close(connection);
	}
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "frames"))
		frames(argv[2], atol(argv[3]));
	else if (argc == 3 && !strcmp(argv[1], "serve"))
		serve(atoi(argv[2]));
	else
		return 2;
	return 0;
}
