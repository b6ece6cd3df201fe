/*
 * The hash ioctls that were proposed for tun and macvtap descriptors, as a
 * program finds them in the posted <linux/if_tun.h>. No kernel has them.
 * Both generations are here: they differ in number or size everywhere.
 */
#ifndef TUN_VNET_HASH_H
#define TUN_VNET_HASH_H

#include <stddef.h>

#include <linux/if_tun.h>
#include <linux/ioctl.h>
#include <linux/types.h>
#include <linux/virtio_net.h>

/* Types that the series supports: IPv4, TCPv4, UDPv4, IPv6, TCPv6, UDPv6. */
#define SUPPORTED_HASH_TYPES 0x3f

/* Generation 1, October 2024. */

#define TUN_VNET_HASH_REPORT 0x0001
#define TUN_VNET_HASH_RSS 0x0002

struct tun_vnet_hash {
	__u16 flags;
	__u8 pad[2];
	__u32 types;
};

/* Follows tun_vnet_hash if flag RSS is set. The table and the key follow it. */
struct tun_vnet_hash_rss {
	__u16 indirection_table_mask;
	__u16 unclassified_queue;
};

#define TUNGETVNETHASHCAP _IOR('T', 228, struct tun_vnet_hash)
#define TUNSETVNETHASH _IOW('T', 229, struct tun_vnet_hash)

/* Generation 2, May 2025. */

/* The table and the key follow it. */
struct tun_vnet_rss {
	__u32 hash_types;
	__u16 indirection_table_mask;
	__u16 unclassified_queue;
};

/* The series has _IOR for those that only read their argument, too. */
#define TUNGETVNETHASHTYPES _IOR('T', 228, __u32)
#define TUNSETVNETREPORTINGAUTOMQ _IOR('T', 229, __u32)
#define TUNSETVNETREPORTINGRSS _IOR('T', 230, struct tun_vnet_rss)
#define TUNSETVNETRSS _IOR('T', 231, struct tun_vnet_rss)

_Static_assert(sizeof(struct tun_vnet_hash) == 8, "size");
_Static_assert(offsetof(struct tun_vnet_hash, flags) == 0, "offset");
_Static_assert(offsetof(struct tun_vnet_hash, pad) == 2, "offset");
_Static_assert(offsetof(struct tun_vnet_hash, types) == 4, "offset");

_Static_assert(sizeof(struct tun_vnet_hash_rss) == 4, "size");
_Static_assert(offsetof(struct tun_vnet_hash_rss, indirection_table_mask) == 0, "offset");
_Static_assert(offsetof(struct tun_vnet_hash_rss, unclassified_queue) == 2, "offset");

_Static_assert(sizeof(struct tun_vnet_rss) == 8, "size");
_Static_assert(offsetof(struct tun_vnet_rss, hash_types) == 0, "offset");
_Static_assert(offsetof(struct tun_vnet_rss, indirection_table_mask) == 4, "offset");
_Static_assert(offsetof(struct tun_vnet_rss, unclassified_queue) == 6, "offset");

/* The numbers below are those of x86, arm64 and most others. */
_Static_assert(TUNGETVNETHASHCAP == 0x800854e4, "number");
_Static_assert(TUNSETVNETHASH == 0x400854e5, "number");
_Static_assert(TUNGETVNETHASHTYPES == 0x800454e4, "number");
_Static_assert(TUNSETVNETREPORTINGAUTOMQ == 0x800454e5, "number");
_Static_assert(TUNSETVNETREPORTINGRSS == 0x800854e6, "number");
_Static_assert(TUNSETVNETRSS == 0x800854e7, "number");

#endif
