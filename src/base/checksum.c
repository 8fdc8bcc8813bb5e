/* checksum.c - XXH3-64 of a stream of bytes. */
#include "base/checksum.h"

#include <xxhash.h>

enum sc_status sc_checksum_init(struct sc_checksum *checksum, struct sc_error *error)
{
	checksum->state = XXH3_createState();
	if (!checksum->state)
		return sc_fail_memory(error, (int64_t)sizeof(void *), "a checksum");
	sc_checksum_begin(checksum);
	return SC_OK;
}

void sc_checksum_release(struct sc_checksum *checksum)
{
	XXH3_freeState(checksum->state);
	checksum->state = NULL;
}

void sc_checksum_begin(struct sc_checksum *checksum)
{
	XXH3_64bits_reset(checksum->state);
}

void sc_checksum_update(struct sc_checksum *checksum, const void *bytes, int64_t count)
{
	if (count > 0)
		XXH3_64bits_update(checksum->state, bytes, (size_t)count);
}

uint64_t sc_checksum_value(const struct sc_checksum *checksum)
{
	return XXH3_64bits_digest(checksum->state);
}

uint64_t sc_checksum_of(const void *bytes, int64_t count)
{
	return XXH3_64bits(bytes, (size_t)count);
}
