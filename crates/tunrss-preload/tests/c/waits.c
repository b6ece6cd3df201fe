/* Sets a device that is there, and says with which error. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include "check.h"
#include "generations.h"
#include "tun_calls.h"

int main(int argc, char **argv)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	struct config config = { .report = true, .types = 0x3f };
	int fd;

	CHECK(argc == 2 && strlen(argv[1]) < IFNAMSIZ, "usage: %s DEVICE", argv[0]);
	limit_time(60);
	strcpy(request.ifr_name, argv[1]);
	fd = CHECK_CALL(open("/dev/net/tun", O_RDWR | O_NONBLOCK));
	puts("about to set");
	fflush(stdout);
	CHECK_CALL(tun_ioctl(fd, TUNSETIFF, &request));
	return try_config(&generation1, fd, &config) == 0 ? 0 : errno;
}
