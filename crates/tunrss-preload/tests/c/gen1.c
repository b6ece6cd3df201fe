/* The cases with TUNGETVNETHASHCAP and TUNSETVNETHASH. */
#include "cases.h"

int main(int argc, char **argv)
{
	return run_case(argc, argv, &generation1);
}
