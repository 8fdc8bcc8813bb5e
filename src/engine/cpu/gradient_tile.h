/* gradient_tile.h - the register tile of weight gradients: up to TILE_PIXELS rows (source channels, or tap rows) x BLOCK output
 * channels; it walks over pixels and goes on with the chains that it finds in memory. Sources may be spread (spread.h). */
#ifndef SC_ENGINE_CPU_GRADIENT_TILE_H
#define SC_ENGINE_CPU_GRADIENT_TILE_H

#include <stdbool.h>

#include "engine/cpu/lanes.h"

/* One loop of the walk: how often, and how many numbers each of the tile's places moves each time. */
struct walk {
	int64_t count, src, diff_dst, next_src, next_diff_dst;
};

/* Two loops that move evenly, one inside the other, are one loop: longer runs for the register tile, the same order. */
static inline void merge_loops(struct walk *outer, struct walk *inner)
{
	if (outer->count == 1)
		return;
	const int64_t n = inner->count;
	bool even = n == 1 || (outer->src == n * inner->src && outer->diff_dst == n * inner->diff_dst &&
			       outer->next_src == n * inner->next_src && outer->next_diff_dst == n * inner->next_diff_dst);
	if (!even)
		return;
	if (n == 1)
		*inner = *outer;
	else
		inner->count *= outer->count;
	outer->count = 1;
}

static inline void merge_walk(struct walk *images, struct walk *rows, struct walk *columns)
{
	merge_loops(rows, columns);
	merge_loops(images, rows);
	merge_loops(rows, columns);
}

struct gradient_tile {
	const float *src;      /* first row's number at the first pixel; row r lies r * row_stride further */
	const float *diff_dst; /* first pixel, first channel of the block */
	const float *next_src, *next_diff_dst; /* asked for on the way, a cache line a pixel, or what else a tile to come reads; or NULL */
	int64_t row_stride;
	struct walk images, rows, columns; /* outer to inner */
	float *sums;                       /* (rows, sums_stride): the chains so far, and their continuation afterwards */
	int64_t sums_stride;
	int64_t channels;   /* of the block that exist: 1 to BLOCK; or 2 * BLOCK: two whole blocks, of at most TILE_PIXELS / 2 rows */
	int64_t block_diff; /* numbers between the gradients of these two */
	bool spread;      /* a row's number is a block of numbers, one for each lane */
};

/* rows: 1 to TILE_PIXELS. */
void SC_CPU(gradient_tile_run)(int rows, const struct gradient_tile *tile);

#endif
