#define _GNU_SOURCE
#include "net.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>

#include "check.h"
#include "tun_calls.h"

enum { UNTOUCHED = 0xa5, NUM_BUFFERS = 10 };

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd != -1, "open %s: %s", path, error_name(errno));
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text), "write %s: %s", path, error_name(errno));
	close(fd);
}

void enter_namespace(void)
{
	CHECK_CALL(unshare(CLONE_NEWNET));
	/* Otherwise a device that comes up sends router solicitations and the like. */
	write_file("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	write_file("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
}

void run(const char *format, ...)
{
	char command[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	CHECK(system(command) == 0, "command failed: %s", command);
}

int open_unattached(void)
{
	return CHECK_CALL(open("/dev/net/tun", O_RDWR | O_NONBLOCK));
}

static void set_up(const char *name)
{
	struct ifreq request = { .ifr_flags = 0 };
	int control = CHECK_CALL(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	strcpy(request.ifr_name, name);
	CHECK_CALL(ioctl(control, SIOCGIFFLAGS, &request));
	request.ifr_flags |= IFF_UP;
	CHECK_CALL(ioctl(control, SIOCSIFFLAGS, &request));
	close(control);
}

static void attach_tun(const struct device *device, int fd)
{
	struct ifreq request = { .ifr_flags = IFF_VNET_HDR | IFF_MULTI_QUEUE };

	request.ifr_flags |= device->link == TAP ? IFF_TAP : IFF_TUN;
	if (!device->information)
		request.ifr_flags |= IFF_NO_PI;
	strcpy(request.ifr_name, device->name);
	CHECK_CALL(tun_ioctl(fd, TUNSETIFF, &request));
}

/* Below, a macvtap's character device in a file system of our own. */
static char own_directory[] = "/tmp/tunrss-XXXXXX";
static char macvtap_node[64];
static pid_t directory_owner;

static void remove_directory(void)
{
	/* A forked child that fails must leave the parent's mount alone. */
	if (getpid() != directory_owner)
		return;
	umount2(own_directory, MNT_DETACH);
	rmdir(own_directory);
}

static void mount_own_directory(void)
{
	CHECK_CALL(unshare(CLONE_NEWNS));
	CHECK_CALL(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	CHECK(mkdtemp(own_directory) != NULL, "mkdtemp: %s", error_name(errno));
	directory_owner = getpid();
	atexit(remove_directory);
	CHECK_CALL(mount("none", own_directory, "tmpfs", 0, NULL));
}

static dev_t macvtap_number(const char *name)
{
	char path[128];
	unsigned major_number, minor_number;
	FILE *file;

	/* Only a sysfs that is mounted in the new namespace shows its devices. */
	snprintf(path, sizeof(path), "%s/sys", own_directory);
	CHECK_CALL(mkdir(path, 0700));
	CHECK_CALL(mount("none", path, "sysfs", 0, NULL));
	snprintf(path, sizeof(path), "%s/sys/class/net/%s/tap%u/dev", own_directory, name, if_nametoindex(name));
	file = fopen(path, "r");
	CHECK(file != NULL, "open %s: %s", path, error_name(errno));
	CHECK(fscanf(file, "%u:%u", &major_number, &minor_number) == 2, "cannot parse %s", path);
	fclose(file);
	return makedev(major_number, minor_number);
}

static void make_macvtap_node(const char *name)
{
	mount_own_directory();
	snprintf(macvtap_node, sizeof(macvtap_node), "%s/queue", own_directory);
	CHECK_CALL(mknod(macvtap_node, S_IFCHR | 0600, macvtap_number(name)));
}

static int open_queue(const struct device *device)
{
	int fd;

	if (device->link == MACVTAP)
		return CHECK_CALL(open(macvtap_node, O_RDWR | O_NONBLOCK));
	fd = open_unattached();
	attach_tun(device, fd);
	return fd;
}

static void apply_header_size(int fd, int size)
{
	CHECK_CALL(tun_ioctl(fd, TUNSETVNETHDRSZ, &size));
}

unsigned attach_queue(struct device *device)
{
	CHECK(device->queues < MAX_QUEUES, "too many queues");
	device->queue[device->queues] = open_queue(device);
	/* A macvtap's queue has a header size of its own. */
	if (device->link == MACVTAP && device->header != DEFAULT_HEADER)
		apply_header_size(device->queue[device->queues], device->header);
	return device->queues++;
}

void close_last_queue(struct device *device)
{
	device->queues--;
	CHECK_CALL(tun_close(device->queue[device->queues]));
}

void set_header_size(struct device *device, int size)
{
	unsigned queues = device->link == MACVTAP ? device->queues : 1;

	for (unsigned i = 0; i < queues; i++)
		apply_header_size(device->queue[i], size);
	device->header = size;
}

int header_size(const struct device *device)
{
	int size = -1;

	CHECK_CALL(tun_ioctl(device->queue[0], TUNGETVNETHDRSZ, &size));
	return size;
}

static void attach_queues(struct device *device, unsigned queues)
{
	device->header = DEFAULT_HEADER;
	device->queues = 0;
	while (device->queues < queues)
		attach_queue(device);
}

static void open_own_sender(struct device *device, const char *interface)
{
	device->sender_index = if_nametoindex(interface);
	device->sender = open_sender();
}

static void create_tun(struct device *device, unsigned queues)
{
	strcpy(device->name, "test0");
	attach_queues(device, queues);
	set_header_size(device, HASH_HEADER);
	set_up(device->name);
	open_own_sender(device, device->name);
}

void create_device(struct device *device, enum link link, unsigned queues)
{
	*device = (struct device){ .link = link };
	create_tun(device, queues);
}

void create_device_with_information(struct device *device, enum link link, unsigned queues)
{
	*device = (struct device){ .link = link, .information = true };
	create_tun(device, queues);
}

void create_macvtap(struct device *device, unsigned queues)
{
	*device = (struct device){ .link = MACVTAP, .name = "mv0" };
	run("ip link add lower type veth peer name other");
	run("ip link add link lower name %s type macvtap mode passthru", device->name);
	/* The sending end last: it can send at once if its peer is up before it. */
	set_up("lower");
	set_up(device->name);
	set_up("other");
	make_macvtap_node(device->name);
	attach_queues(device, queues);
	set_header_size(device, HASH_HEADER);
	open_own_sender(device, "other");
}

void delete_device(const struct device *device)
{
	run("ip link del %s", device->name);
}

int open_sender(void)
{
	/* Protocol 0: the socket gets nothing, it only sends. */
	return CHECK_CALL(socket(AF_PACKET, SOCK_RAW, 0));
}

static struct sockaddr_ll link_address(const struct device *device, const struct packet *packet)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_ifindex = device->sender_index };

	/* A TUN has no Ethernet header, so only this tells the kernel the protocol. */
	memcpy(&address.sll_protocol, packet->frame + 12, 2);
	return address;
}

static void send_pieces(int sender, const struct device *device, const struct packet *packet, struct iovec *pieces,
			size_t count)
{
	struct sockaddr_ll address = link_address(device, packet);
	struct msghdr message = {
		.msg_name = &address, .msg_namelen = sizeof(address), .msg_iov = pieces, .msg_iovlen = count
	};
	ssize_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += pieces[i].iov_len;
	CHECK_NUMBER("bytes sent", CHECK_CALL(sendmsg(sender, &message, 0)), size);
}

void send_through(int sender, const struct device *device, const struct packet *packet)
{
	struct iovec piece = { (void *)visible_frame(device, packet), visible_size(device, packet) };

	send_pieces(sender, device, packet, &piece, 1);
}

void send_packet(const struct device *device, const struct packet *packet)
{
	send_through(device->sender, device, packet);
}

void send_unfinished(const struct device *device, const struct packet *packet, const struct virtio_net_hdr *header)
{
	struct virtio_net_hdr own = *header;
	struct iovec pieces[2] = {
		{ &own, sizeof(own) },
		{ (void *)visible_frame(device, packet), visible_size(device, packet) },
	};
	int on = 1, sender = open_sender();

	if (device->link == TUN) {
		own.csum_start -= ETHERNET;
		own.hdr_len -= own.gso_type ? ETHERNET : 0;
	}
	CHECK_CALL(setsockopt(sender, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)));
	send_pieces(sender, device, packet, pieces, 2);
	close(sender);
}

int open_receiver(const struct device *device)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = device->sender_index
	};
	int receiver = CHECK_CALL(socket(AF_PACKET, SOCK_RAW, 0));

	CHECK_CALL(bind(receiver, (struct sockaddr *)&address, sizeof(address)));
	return receiver;
}

size_t receive(int receiver, uint8_t *frame, size_t size)
{
	CHECK(readable(receiver, DEADLINE_MS), "no frame arrived on the packet socket");
	return CHECK_CALL(recv(receiver, frame, size, MSG_DONTWAIT));
}

bool readable(int fd, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return CHECK_CALL(poll(&poll_fd, 1, timeout_ms)) == 1;
}

/* The first queue with something to read, or -1. */
static int poll_queues(const struct device *device, int timeout_ms)
{
	struct pollfd fds[MAX_QUEUES];

	for (unsigned i = 0; i < device->queues; i++)
		fds[i] = (struct pollfd){ .fd = device->queue[i], .events = POLLIN };
	CHECK_CALL(poll(fds, device->queues, timeout_ms));
	for (unsigned i = 0; i < device->queues; i++) {
		CHECK(!(fds[i].revents & (POLLERR | POLLNVAL)), "poll says error on queue %u", i);
		if (fds[i].revents & POLLIN)
			return i;
	}
	return -1;
}

unsigned wait_for_queue(const struct device *device)
{
	int queue = poll_queues(device, DEADLINE_MS);

	CHECK(queue != -1, "no packet arrived on any of %u queues", device->queues);
	return queue;
}

void expect_quiet(const struct device *device)
{
	int queue = poll_queues(device, 0);

	CHECK(queue == -1, "a packet too many on queue %d", queue);
}

void clear_record(const struct device *device, struct record *record)
{
	memset(record->bytes, UNTOUCHED, sizeof(record->bytes));
	/* Kernels before 6.13 leave num_buffers as it was. */
	memset(record->bytes + (device->information ? PI_SIZE : 0) + NUM_BUFFERS, 0, 2);
}

void read_descriptor(const struct device *device, int fd, struct record *record)
{
	clear_record(device, record);
	CHECK(readable(fd, DEADLINE_MS), "no packet arrived on descriptor %d", fd);
	record->size = CHECK_CALL(tun_read(fd, record->bytes, sizeof(record->bytes)));
}

void read_queue(const struct device *device, unsigned queue, struct record *record)
{
	record->queue = queue;
	read_descriptor(device, device->queue[queue], record);
}

void read_any(const struct device *device, struct record *record)
{
	read_queue(device, wait_for_queue(device), record);
}

const uint8_t *visible_frame(const struct device *device, const struct packet *packet)
{
	return packet->frame + (device->link == TUN ? ETHERNET : 0);
}

size_t visible_size(const struct device *device, const struct packet *packet)
{
	return packet->size - (device->link == TUN ? ETHERNET : 0);
}

size_t front_size(const struct device *device)
{
	return device->header + (device->information ? PI_SIZE : 0);
}

size_t record_size(const struct device *device, const struct packet *packet)
{
	return front_size(device) + visible_size(device, packet);
}

int load_steering_program(int queue)
{
	struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = queue },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attributes = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uintptr_t)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.license = (uintptr_t) "GPL",
	};

	return CHECK_CALL(syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof(attributes)));
}

int set_steering_program(const struct device *device, int program)
{
	return tun_ioctl(device->queue[0], TUNSETSTEERINGEBPF, &program);
}

int set_filter_program(const struct device *device, int program)
{
	return tun_ioctl(device->queue[0], TUNSETFILTEREBPF, &program);
}
