/*
 * Every call on a tun or macvtap descriptor goes through these. They are the
 * plain system calls, or, with WITH_LIBTUNRSS, the calls of our C library.
 */
#ifndef TUN_CALLS_H
#define TUN_CALLS_H

#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef WITH_LIBTUNRSS

#include "tunrss.h"

static inline int tun_ioctl(int fd, unsigned long request, void *argument)
{
	return tunrss_ioctl(fd, request, argument);
}

static inline ssize_t tun_read(int fd, void *buffer, size_t size)
{
	return tunrss_read(fd, buffer, size);
}

static inline ssize_t tun_readv(int fd, const struct iovec *pieces, int count)
{
	return tunrss_readv(fd, pieces, count);
}

static inline ssize_t tun_write(int fd, const void *buffer, size_t size)
{
	return tunrss_write(fd, buffer, size);
}

static inline ssize_t tun_writev(int fd, const struct iovec *pieces, int count)
{
	return tunrss_writev(fd, pieces, count);
}

static inline int tun_dup(int fd)
{
	return tunrss_dup(fd);
}

static inline int tun_close(int fd)
{
	return tunrss_close(fd);
}

#else

static inline int tun_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

static inline ssize_t tun_read(int fd, void *buffer, size_t size)
{
	return read(fd, buffer, size);
}

static inline ssize_t tun_readv(int fd, const struct iovec *pieces, int count)
{
	return readv(fd, pieces, count);
}

static inline ssize_t tun_write(int fd, const void *buffer, size_t size)
{
	return write(fd, buffer, size);
}

static inline ssize_t tun_writev(int fd, const struct iovec *pieces, int count)
{
	return writev(fd, pieces, count);
}

static inline int tun_dup(int fd)
{
	return dup(fd);
}

static inline int tun_close(int fd)
{
	return close(fd);
}

#endif

#endif
