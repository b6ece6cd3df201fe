/* The cases with TUNGETVNETHASHTYPES, TUNSETVNETREPORTINGAUTOMQ, TUNSETVNETREPORTINGRSS and TUNSETVNETRSS. */
#include "cases.h"

int main(int argc, char **argv)
{
	return run_case(argc, argv, &generation2);
}
