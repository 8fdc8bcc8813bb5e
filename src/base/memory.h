/* memory.h - checked sizes, and the arena: one block of memory that a plan lays out once and touches once.
 *
 * Small objects use sc_allocate, an overflow-checked calloc. Big numeric buffers are arenas: page-aligned, huge pages asked
 * for (first touch of 4 KiB pages is the largest hidden cost on virtual machines), zeroed. */
#ifndef SC_BASE_MEMORY_H
#define SC_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SC_ALIGNMENT 64 /* bytes: one cache line, one AVX-512 vector */

/* *product = a * b, false on overflow or if either is negative. */
bool sc_multiply(int64_t a, int64_t b, int64_t *product);
/* Rounds up to a multiple of `unit` (> 0). */
static inline int64_t sc_round_up(int64_t value, int64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/* count * size bytes, zeroed; NULL when that overflows or there is no memory. Free with free(). */
void *sc_allocate(int64_t count, int64_t size);
char *sc_copy_string(const char *string); /* NULL when there is no memory */

struct sc_arena {
	void *base;    /* SC_ALIGNMENT-aligned (in fact page-aligned) */
	int64_t bytes;
};
/* bytes == 0 gives an empty arena. On failure *arena is empty. */
enum sc_status sc_arena_init(struct sc_arena *arena, int64_t bytes, const char *what, struct sc_error *error);
/* All 0 again, and from now on small pages: it takes memory only where it is written to. */
void sc_arena_clear(struct sc_arena *arena);
void sc_arena_release(struct sc_arena *arena);

#endif
