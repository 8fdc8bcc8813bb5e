/* hash.h - SHA-256 (through nettle), incremental. */
#ifndef SC_BASE_HASH_H
#define SC_BASE_HASH_H

#include <nettle/sha2.h>
#include <stdint.h>

#include "shortcut.h"

struct sc_hash {
	struct sha256_ctx context;
};
void sc_hash_init(struct sc_hash *hash);
void sc_hash_update(struct sc_hash *hash, const void *bytes, int64_t count);
void sc_hash_finish(struct sc_hash *hash, char hex[SC_HASH_SIZE]);

#endif
