/* checksum.h - XXH3-64 (xxhash) of a stream of bytes: finds damage, not malice. */
#ifndef SC_BASE_CHECKSUM_H
#define SC_BASE_CHECKSUM_H

#include <stdint.h>

#include "base/error.h"

struct sc_checksum {
	void *state;
};
enum sc_status sc_checksum_init(struct sc_checksum *checksum, struct sc_error *error);
void sc_checksum_release(struct sc_checksum *checksum);
void sc_checksum_begin(struct sc_checksum *checksum); /* forgets what it was given */
void sc_checksum_update(struct sc_checksum *checksum, const void *bytes, int64_t count);
uint64_t sc_checksum_value(const struct sc_checksum *checksum); /* of the bytes so far */
uint64_t sc_checksum_of(const void *bytes, int64_t count); /* of a whole block */

#endif
