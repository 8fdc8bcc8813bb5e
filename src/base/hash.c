/* hash.c - SHA-256 of a stream of bytes, as hexadecimal digits. */
#include "base/hash.h"

#include <nettle/version.h>

void sc_hash_init(struct sc_hash *hash)
{
	sha256_init(&hash->context);
}

void sc_hash_update(struct sc_hash *hash, const void *bytes, int64_t count)
{
	if (count > 0)
		sha256_update(&hash->context, (size_t)count, bytes);
}

void sc_hash_finish(struct sc_hash *hash, char hex[SC_HASH_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t digest[SHA256_DIGEST_SIZE];
#if NETTLE_VERSION_MAJOR >= 4
	sha256_digest(&hash->context, digest);
#else
	sha256_digest(&hash->context, sizeof digest, digest);
#endif
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++) {
		hex[2 * i] = digits[digest[i] >> 4];
		hex[2 * i + 1] = digits[digest[i] & 15];
	}
	hex[SC_HASH_SIZE - 1] = '\0';
}
