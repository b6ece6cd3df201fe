/*
 * A program that has nothing to do with tun. Its system calls after the marker
 * must be the same with and without the shim, so nothing here depends on
 * time, addresses or the environment.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static const char marker[] = "passthrough starts here\n";
static const char text[] = "twenty bytes of text";
/* A call that fails is traced with its address, which must not differ from run to run. */
static char *volatile nowhere = NULL;

/* The exit status tells which step failed. */
static void require(int condition, int step)
{
	if (!condition)
		_exit(step);
}

static void use_device_files(void)
{
	char bytes[16];
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int null = open("/dev/null", O_WRONLY);

	require(zero != -1 && null != -1, 10);
	require(read(zero, bytes, sizeof(bytes)) == sizeof(bytes) && bytes[0] == 0, 11);
	require(write(null, bytes, sizeof(bytes)) == sizeof(bytes), 12);
	require(close(zero) == 0 && close(null) == 0, 13);
	require(open("/nonexistent/file", O_RDONLY) == -1, 14);
}

static void use_pipe(void)
{
	char bytes[32];
	struct iovec pieces[3] = { { bytes, 3 }, { bytes + 3, 7 }, { bytes + 10, 20 } };
	int ends[2], waiting = -1;

	require(pipe(ends) == 0, 20);
	require(write(ends[1], text, 20) == 20, 21);
	require(ioctl(ends[0], FIONREAD, &waiting) == 0 && waiting == 20, 22);
	require(readv(ends[0], pieces, 3) == 20 && memcmp(bytes, text, 20) == 0, 23);
	require(writev(ends[1], pieces, 2) == 10, 24);
	require(read(ends[0], bytes, 4) == 4 && memcmp(bytes, text, 4) == 0, 25);
	require(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0, 26);
	require(read(ends[0], bytes, 32) == 6, 27);
	require(read(ends[0], nowhere, 32) == -1, 28);
	require(close(ends[1]) == 0 && read(ends[0], bytes, 1) == 0 && close(ends[0]) == 0, 29);
}

static void use_copies(void)
{
	char bytes[8];
	int file = memfd_create("passthrough", 0);
	int copy, high;

	require(file != -1 && write(file, text, 20) == 20, 30);
	copy = dup(file);
	require(copy != -1 && lseek(copy, 7, SEEK_SET) == 7, 31);
	require(read(file, bytes, 5) == 5 && memcmp(bytes, "bytes", 5) == 0, 32);
	high = fcntl(file, F_DUPFD, 100);
	require(high == 100 && dup2(high, copy) == copy && dup3(high, 101, O_CLOEXEC) == 101, 33);
	require(fcntl(101, F_GETFD) == FD_CLOEXEC && fcntl(copy, F_GETFD) == 0, 34);
	require(pread(101, bytes, 6, 0) == 6 && memcmp(bytes, "twenty", 6) == 0, 35);
	require(close_range(100, 101, 0) == 0 && close(copy) == 0 && close(file) == 0, 36);
	require(close(file) == -1 && read(file, nowhere, 1) == -1, 37);
}

int main(void)
{
	require(write(1, marker, sizeof(marker) - 1) == sizeof(marker) - 1, 1);
	use_device_files();
	use_pipe();
	use_copies();
	_exit(0);
}
