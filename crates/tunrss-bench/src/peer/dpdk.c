/* DPDK's Toeplitz hashes, called for a parent that checks and times them.
 *
 * Standard input, first: length of an input in bytes (12 or 36) and number of inputs as native 32-bit
 * words, the 40 bytes of the key, the inputs in wire order. Then requests, a letter, a space and a
 * function's number each: `c` for the hashes of all inputs, one a line; `t`, a space and a number for
 * the nanoseconds that so many passes over all inputs take.
 */
#define ALLOW_EXPERIMENTAL_API
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_thash.h>

enum { KEY_LEN = 40, BATCH = 32, SOFTRSS = 0, SOFTRSS_BE = 1, GFNI = 2, GFNI_BULK = 3 };

static uint32_t len, count;
static uint8_t key[KEY_LEN] __attribute__((aligned(4)));
static uint32_t converted_key[KEY_LEN / 4];
static uint8_t *inputs;
/* The inputs as words in the CPU's byte order, which rte_softrss takes. */
static uint32_t *tuples;
static uint8_t **pointers;
static uint32_t *hashes;
static uint64_t matrices[KEY_LEN];

static int read_all(void *into, size_t size)
{
	return fread(into, 1, size, stdin) == size;
}

/* Hash all inputs. They and the key may be others each time, for all the compiler knows. */
static __attribute__((noinline)) uint32_t pass(int function)
{
	uint32_t words = len / 4, sum = 0;

	switch (function) {
	case SOFTRSS:
		for (uint32_t i = 0; i < count; i++)
			sum ^= hashes[i] = rte_softrss(tuples + i * words, words, key);
		break;
	case SOFTRSS_BE:
		for (uint32_t i = 0; i < count; i++)
			sum ^= hashes[i] =
				rte_softrss_be(tuples + i * words, words, (const uint8_t *)converted_key);
		break;
#ifdef RTE_THASH_GFNI_DEFINED
	case GFNI:
		for (uint32_t i = 0; i < count; i++)
			sum ^= hashes[i] = rte_thash_gfni(matrices, inputs + i * len, len);
		break;
	case GFNI_BULK:
		for (uint32_t i = 0; i < count; i += BATCH)
			rte_thash_gfni_bulk(matrices, len, pointers + i, hashes + i, BATCH);
		break;
#endif
	}
	__asm__ volatile("" : : "r"(hashes) : "memory");
	return sum;
}

int main(void)
{
	char request;
	int function;
	uint64_t passes;

	if (!read_all(&len, 4) || !read_all(&count, 4) || !read_all(key, KEY_LEN))
		return 2;
	if ((len != 12 && len != 36) || count % BATCH != 0 || count > 1 << 20)
		return 2;
	inputs = malloc((size_t)len * count);
	tuples = malloc((size_t)len * count);
	pointers = malloc(sizeof(*pointers) * count);
	hashes = calloc(count, sizeof(*hashes));
	if (!inputs || !tuples || !pointers || !hashes || !read_all(inputs, (size_t)len * count))
		return 2;
	rte_convert_rss_key((const uint32_t *)key, converted_key, KEY_LEN);
	rte_convert_rss_key((const uint32_t *)inputs, tuples, len * count);
	for (uint32_t i = 0; i < count; i++)
		pointers[i] = inputs + i * len;
	/* The header has the functions if the CPU has the instructions, for which this is compiled. The
	 * library would be asked by rte_thash_gfni_supported(), and tells how it was compiled itself. */
#ifdef RTE_THASH_GFNI_DEFINED
	rte_thash_complete_matrix(matrices, key, KEY_LEN);
	puts("gfni");
#else
	puts("no gfni");
#endif
	fflush(stdout);

	while (scanf(" %c %d", &request, &function) == 2) {
		if (request == 'c') {
			pass(function);
			for (uint32_t i = 0; i < count; i++)
				printf("%" PRIu32 "\n", hashes[i]);
		} else if (request == 't' && scanf("%" SCNu64, &passes) == 1) {
			struct timespec start, end;
			volatile uint32_t sink;

			clock_gettime(CLOCK_MONOTONIC, &start);
			for (uint64_t i = 0; i < passes; i++)
				sink = pass(function);
			clock_gettime(CLOCK_MONOTONIC, &end);
			(void)sink;
			printf("%lld\n", (end.tv_sec - start.tv_sec) * 1000000000LL + end.tv_nsec -
						 start.tv_nsec);
		} else {
			return 2;
		}
		fflush(stdout);
	}
	return 0;
}
