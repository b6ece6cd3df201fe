#include "generations.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "tun_calls.h"
#include "tun_vnet_hash.h"

const struct config config_off = { .rss = false, .report = false, .types = 0 };

static size_t table_size(const struct config *config)
{
	return 2 * ((size_t)config->mask + 1);
}

static void encode_table_and_key(const struct config *config, uint8_t *at)
{
	memcpy(at, config->table, table_size(config));
	memcpy(at + table_size(config), config->key, KEY_SIZE);
}

static unsigned long request1(const struct config *config)
{
	(void)config;
	return TUNSETVNETHASH;
}

static void encode1(const struct config *config, uint8_t *argument)
{
	struct tun_vnet_hash first = { .types = config->types };
	struct tun_vnet_hash_rss second = {
		.indirection_table_mask = config->mask,
		.unclassified_queue = config->unclassified,
	};

	first.flags = (config->report ? TUN_VNET_HASH_REPORT : 0) | (config->rss ? TUN_VNET_HASH_RSS : 0);
	memcpy(argument, &first, sizeof(first));
	if (!config->rss)
		return;
	memcpy(argument + sizeof(first), &second, sizeof(second));
	encode_table_and_key(config, argument + sizeof(first) + sizeof(second));
}

static unsigned long request2(const struct config *config)
{
	if (!config->rss)
		return TUNSETVNETREPORTINGAUTOMQ;
	return config->report ? TUNSETVNETREPORTINGRSS : TUNSETVNETRSS;
}

static void encode2(const struct config *config, uint8_t *argument)
{
	struct tun_vnet_rss first = {
		.hash_types = config->types,
		.indirection_table_mask = config->mask,
		.unclassified_queue = config->unclassified,
	};

	if (!config->rss) {
		uint32_t types = config->report ? config->types : 0;

		memcpy(argument, &types, sizeof(types));
		return;
	}
	memcpy(argument, &first, sizeof(first));
	encode_table_and_key(config, argument + sizeof(first));
}

const struct generation generation1 = {
	.name = "gen1",
	.get = TUNGETVNETHASHCAP,
	/* Both flags, no padding, all types: a struct in host byte order, here little-endian. */
	.supported = { 3, 0, 0, 0, SUPPORTED_HASH_TYPES, 0, 0, 0 },
	.supported_size = sizeof(struct tun_vnet_hash),
	.request = request1,
	.encode = encode1,
	.report_size = sizeof(struct tun_vnet_hash),
	.parts = { sizeof(struct tun_vnet_hash), sizeof(struct tun_vnet_hash) + sizeof(struct tun_vnet_hash_rss) },
};

const struct generation generation2 = {
	.name = "gen2",
	.get = TUNGETVNETHASHTYPES,
	.supported = { SUPPORTED_HASH_TYPES, 0, 0, 0 },
	.supported_size = sizeof(uint32_t),
	.request = request2,
	.encode = encode2,
	.report_size = sizeof(uint32_t),
	.beside_programs = true,
	.parts = { sizeof(struct tun_vnet_rss), sizeof(struct tun_vnet_rss) },
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the answers above and the headers of packets");

size_t argument_size(const struct generation *generation, const struct config *config)
{
	if (!config->rss)
		return generation->report_size;
	return generation->parts[1] + table_size(config) + key_length(config->types);
}

int try_config(const struct generation *generation, int fd, const struct config *config)
{
	uint8_t *argument = calloc(1, MAX_ARGUMENT);
	int result, error;

	CHECK(argument != NULL, "no memory");
	generation->encode(config, argument);
	result = tun_ioctl(fd, generation->request(config), argument);
	error = errno;
	/* A copy that is used after the call would now be seen to be wrong. */
	memset(argument, 0xff, MAX_ARGUMENT);
	free(argument);
	errno = error;
	return result;
}

void set_config(const struct generation *generation, const struct device *device, const struct config *config)
{
	int result = try_config(generation, device->queue[0], config);

	CHECK(result == 0, "%s, types %#x, %s, %s: expected 0, found %d (%s)", generation->name, config->types,
	      config->rss ? "RSS" : "no RSS", config->report ? "report" : "no report", result,
	      result == -1 ? error_name(errno) : "no error");
}

unsigned queue_for(const struct config *config, const struct hash *hash, unsigned queues)
{
	CHECK(config->rss, "the kernel's own steering cannot be predicted");
	if (hash->report == 0)
		return config->unclassified % queues;
	return config->table[hash->value & config->mask] % queues;
}

void fill_table(uint16_t table[TABLE_SIZE])
{
	static const uint32_t hashes[4] = { 0x6e45d952, 0xfb63539a, 0xd6eb560f, 0xc2b9f251 };

	for (unsigned i = 0; i < TABLE_SIZE; i++)
		table[i] = (i * 5 + i / 16) % 4;
	for (unsigned i = 0; i < 4; i++)
		table[hashes[i] % TABLE_SIZE] = i;
}
