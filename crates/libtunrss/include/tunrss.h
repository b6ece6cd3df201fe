/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Made by cbindgen from src/lib.rs: `cargo xtask bless` makes it anew. */

/*
 * libtunrss: hash and RSS ioctls for Linux TUN, TAP and macvtap devices; see libtunrss(3).
 */

#ifndef TUNRSS_H
#define TUNRSS_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/*
 In `flags` of tunrss_rss_config(): report the hash (VIRTIO_NET_F_HASH_REPORT was negotiated).
 */
#define TUNRSS_REPORT 1

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Open /dev/net/tun, non-blocking and close-on-exec, and attach it to the device `name`, which is made
 if there is none; a name like "tap%d" has a number filled in, and NULL is the kernel's choice.

 `flags` are IFF_TUN or IFF_TAP and what else TUNSETIFF takes. With IFF_VNET_HDR the header is set to 20
 bytes, little-endian: struct virtio_net_hdr_v1_hash.

 Returns the descriptor, to be closed by tunrss_close().
 */
int tunrss_open(const char *name,
                int flags);

/*
 Make an ioctl on a descriptor of a TUN, TAP or macvtap, however it was opened. Those of both generations
 of the kernel series (see libtunrss(3)) are done here, unless the kernel has them; all others are the
 kernel's. Made by this function, TUNSETIFF, TUNSETVNETHDRSZ and TUNSETSTEERINGEBPF are heeded.
 */
int tunrss_ioctl(int fd,
                 unsigned long request,
                 void *argument);

/*
 Have in force what a guest's VIRTIO_NET_CTRL_MQ_RSS_CONFIG asks for. `body` is a struct
 virtio_net_rss_config of `len` bytes, little-endian, as it came; bytes behind the key are ignored.
 `flags` are 0 or TUNRSS_REPORT.

 Returns 0.
 */
int tunrss_rss_config(int fd, const void *body, size_t len, int flags);

/*
 Have in force what a guest's VIRTIO_NET_CTRL_MQ_HASH_CONFIG asks for: the kernel's automatic steering, and
 the report of the hash. `body` is a struct virtio_net_hash_config of `len` bytes, as it came.

 Returns 0.
 */
int tunrss_hash_config(int fd,
                       const void *body,
                       size_t len);

/*
 Read one packet: struct virtio_net_hdr_v1_hash, in front of it packet information if the device has it,
 behind it the frame. With a header of another size, it is what read() gives.
 */
ssize_t tunrss_read(int fd,
                    void *buffer,
                    size_t count);

/*
 The same into several buffers.
 */
ssize_t tunrss_readv(int fd, const struct iovec *parts, int count);

/*
 Write one packet, with what is in front of it as for tunrss_read(). The hash fields are not used.
 */
ssize_t tunrss_write(int fd, const void *buffer, size_t count);

/*
 The same from several buffers.
 */
ssize_t tunrss_writev(int fd, const struct iovec *parts, int count);

/*
 A copy of the descriptor, close-on-exec.
 */
int tunrss_dup(int fd);

/*
 Close the descriptor. What was set stays with the device.
 */
int tunrss_close(int fd);

/*
 Why tunrss_open(), tunrss_ioctl(), tunrss_rss_config() or tunrss_hash_config(), whichever failed last in this
 thread, did so, with the causes, and what to do about it. Never NULL; valid until one fails again in
 this thread.
 */
const char *tunrss_error(void);

/*
 The version of the library, as in "0.1.0".
 */
const char *tunrss_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* TUNRSS_H */
