/* bytes.h - little-endian numbers at any place of a buffer. */
#ifndef SC_IO_BYTES_H
#define SC_IO_BYTES_H

#include <stdint.h>

static inline uint64_t sc_load_le(const uint8_t *at, int bytes)
{
	uint64_t value = 0;
	for (int i = bytes - 1; i >= 0; i--)
		value = value << 8 | at[i];
	return value;
}

static inline void sc_store_le(uint8_t *at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++, value >>= 8)
		at[i] = (uint8_t)value;
}

#endif
