/*
 * A kernel that has the ioctls itself, played by a parent process that answers
 * them through seccomp: it supports fewer types than the shim, so that one can
 * tell whose answer a program got. The child is the program; eBPF is refused
 * to it, so that only the kernel's ioctls can succeed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "generations.h"
#include "net.h"
#include "packets.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

enum { QUEUES = 2, TYPES = 0x1f, DONE = 9 };

/* What the parent has seen; the child's exit status. */
static unsigned queries, settings;

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

/* The requests of both generations go to the parent. Returns the descriptor by which it is told. */
static int play_kernel(void)
{
	struct sock_filter code[] = {
		LOAD(nr),
		IF(__NR_bpf, 9, 0),
		IF(__NR_ioctl, 0, 7),
		LOAD(args[1]),
		IF(TUNGETVNETHASHCAP, 4, 0),
		IF(TUNSETVNETHASH, 3, 0),
		IF(TUNGETVNETHASHTYPES, 2, 0),
		IF(TUNSETVNETREPORTINGRSS, 1, 0),
		IF(TUNSETVNETREPORTINGAUTOMQ, 0, 1),
		RETURN(SECCOMP_RET_USER_NOTIF),
		RETURN(SECCOMP_RET_ALLOW),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	CHECK_CALL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	return CHECK_CALL((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter));
}

static void answer(int listener, pid_t child)
{
	struct seccomp_notif call = { 0 };
	struct seccomp_notif_resp response = { 0 };
	struct tun_vnet_hash capability = { .flags = TUN_VNET_HASH_REPORT, .types = TYPES };
	uint32_t types = TYPES;
	struct iovec from = { &capability, sizeof(capability) }, to;

	CHECK_CALL(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call));
	response.id = call.id;
	to = (struct iovec){ (void *)(uintptr_t)call.data.args[2], sizeof(capability) };
	if ((uint32_t)call.data.args[1] == TUNGETVNETHASHTYPES)
		from = to = (struct iovec){ &types, sizeof(types) }, to.iov_base = (void *)(uintptr_t)call.data.args[2];
	if ((uint32_t)call.data.args[1] == TUNGETVNETHASHCAP || (uint32_t)call.data.args[1] == TUNGETVNETHASHTYPES) {
		queries++;
		CHECK_CALL((int)process_vm_writev(child, &from, 1, &to, 1, 0));
	} else {
		settings++;
	}
	CHECK_CALL(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response));
}

/* The program. Its records are as the kernel made them. */
static void use_kernel(void)
{
	static uint8_t argument[MAX_ARGUMENT];
	struct config config = config_off;
	struct tun_vnet_hash capability;
	struct record record;
	struct device device;
	struct packet packet;
	uint32_t types;

	create_device(&device, TAP, QUEUES);
	CHECK_CALL(tun_ioctl(device.queue[0], TUNGETVNETHASHCAP, &capability));
	CHECK_NUMBER("flags", capability.flags, TUN_VNET_HASH_REPORT);
	CHECK_NUMBER("types", capability.types, TYPES);
	CHECK_CALL(tun_ioctl(device.queue[0], TUNGETVNETHASHTYPES, &types));
	CHECK_NUMBER("types", types, TYPES);
	config.report = true;
	config.types = TYPES;
	generation1.encode(&config, argument);
	CHECK_CALL(tun_ioctl(device.queue[0], TUNSETVNETHASH, argument));
	generation2.encode(&config, argument);
	CHECK_CALL(tun_ioctl(device.queue[0], TUNSETVNETREPORTINGAUTOMQ, argument));
	build_kind(&packet, &kinds[0], 1);
	send_packet(&device, &packet);
	read_any(&device, &record);
	CHECK_NUMBER("length", record.size, record_size(&device, &packet));
	CHECK_BYTES("frame", record.bytes + HASH_HEADER, record.size - HASH_HEADER, visible_frame(&device, &packet),
		    visible_size(&device, &packet));
}

static int run_child(int socket)
{
	int listener = play_kernel();

	CHECK_CALL((int)write(socket, &listener, sizeof(listener)));
	use_kernel();
	return DONE;
}

int main(void)
{
	int sockets[2], number, status = 0;
	pid_t child;
	int listener, process;

	limit_time(60);
	enter_namespace();
	CHECK_CALL(pipe(sockets));
	child = CHECK_CALL(fork());
	if (child == 0)
		_exit(run_child(sockets[1]));
	CHECK_NUMBER("read", read(sockets[0], &number, sizeof(number)), sizeof(number));
	process = CHECK_CALL((int)syscall(SYS_pidfd_open, child, 0));
	listener = CHECK_CALL((int)syscall(SYS_pidfd_getfd, process, number, 0));
	for (;;) {
		/* Before Linux 6.11 the listener does not hang up as long as the process has not been waited for. */
		struct pollfd news[] = { { .fd = listener, .events = POLLIN }, { .fd = process, .events = POLLIN } };

		CHECK(CHECK_CALL(poll(news, 2, 20000)) > 0, "the program asks or ends");
		if (news[0].revents & POLLIN)
			answer(listener, child);
		else
			break;
	}
	CHECK_CALL(waitpid(child, &status, 0));
	CHECK_NUMBER("exit status", WIFEXITED(status) ? WEXITSTATUS(status) : -1, DONE);
	CHECK_NUMBER("queries that the kernel got", queries, 2);
	CHECK_NUMBER("settings that the kernel got", settings, 2);
	return 0;
}
