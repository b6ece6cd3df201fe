/*
 * One kind of configuration for the cases, and the two generations of ioctls
 * that can apply it.
 */
#ifndef GENERATIONS_H
#define GENERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"
#include "packets.h"

enum { TABLE_SIZE = 128, MAX_TABLE = 65536, MAX_ARGUMENT = 16 + 2 * MAX_TABLE + KEY_SIZE };

struct config {
	bool rss; /* else the kernel's automatic steering */
	bool report;
	uint32_t types;
	uint16_t mask;
	uint16_t unclassified;
	const uint16_t *table; /* mask + 1 entries */
	const uint8_t *key; /* KEY_SIZE bytes */
	bool behind_program; /* a steering program of the test's own chooses the queue */
};

struct generation {
	const char *name;
	unsigned long get; /* the request that asks what is supported */
	uint8_t supported[8]; /* its whole answer */
	size_t supported_size;
	unsigned long (*request)(const struct config *config);
	/* Writes what the request reads, with a whole key. */
	void (*encode)(const struct config *config, uint8_t *argument);
	size_t report_size; /* bytes that the request without RSS reads */
	bool beside_programs; /* RSS and a steering program stand side by side; else each refuses the other */
	size_t parts[2]; /* ends of the structs before the table; the last is the table's offset */
};

extern const struct generation generation1, generation2;

/* Neither steering nor report. */
extern const struct config config_off;

/* Bytes that the request has to read: the key is no longer than the types need. */
size_t argument_size(const struct generation *generation, const struct config *config);

/* The ioctl with its return value and errno. */
int try_config(const struct generation *generation, int fd, const struct config *config);
/* The ioctl on the device's first queue, which must succeed. */
void set_config(const struct generation *generation, const struct device *device, const struct config *config);

/* The queue that the configuration names for a packet with this hash. It must have RSS. */
unsigned queue_for(const struct config *config, const struct hash *hash, unsigned queues);

/* A table in which the hashes of flow_v4 and flow_v6 have four different queues. */
void fill_table(uint16_t table[TABLE_SIZE]);

#endif
