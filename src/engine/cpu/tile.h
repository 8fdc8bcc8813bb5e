/* tile.h - the register tile of convolutions: TILE_PIXELS output pixels x BLOCK output channels, all accumulators in registers.
 * Where there are few pixels, several blocks are done at once: so there are always sums enough to keep the multipliers busy.
 *
 * A tile walks a list of segments. A segment is a stretch of the chain that some neighbouring pixels of the tile share: `length`
 * source numbers, one after the other in memory, for each of the pixels [first, last), times a block of weights (length, BLOCK).
 * Pixels outside the range do not take part: a tap in the padding is no part of their chain.
 *
 * A source number is broadcast to the whole block. Where the channels of a block belong to several groups, it has been spread
 * before (spread.h): each source number is then a block of numbers, one for each lane. */
#ifndef SC_ENGINE_CPU_TILE_H
#define SC_ENGINE_CPU_TILE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/cpu/lanes.h"

struct segment {
	const float *src;     /* (length), spread (length, BLOCK), of pixel `first`; the next pixel's lies pixel_stride further */
	const float *weights; /* (length, BLOCK), of the first block */
	int64_t length;
	int first, last;
};

struct tile {
	const struct segment *segments;
	int64_t segment_count;
	int64_t pixel_stride;  /* numbers between the sources of neighbouring pixels */
	int64_t blocks;        /* of output channels, one after the other: 1 or more, 1 where the sources are spread */
	int64_t block_weights; /* numbers between the weights of neighbouring blocks */
	float *dst;            /* of pixel 0, first channel of the first block */
	int64_t dst_stride;    /* numbers between the results of neighbouring pixels */
	const float *bias;     /* (blocks, BLOCK), or NULL */
	const float *residual; /* laid out like dst, added after the bias; NULL: nothing; not together with accumulate */
	int64_t channels;      /* of all blocks that exist: the last one may lack some */
	const float *next;     /* asked for on the way, next_step numbers a step of each block's chain, for a tile to come; or NULL */
	int64_t next_step;
	bool goes_on;          /* the chains go on from what is in dst: whole blocks */
	bool accumulate;       /* add to dst instead of overwriting it */
	bool relu;
	bool spread; /* the sources are */
};

/* What is read next: tiles ask for that while they compute, in equal shares. */
struct fetch {
	const float *at;     /* NULL: for nothing */
	int64_t step, share; /* numbers for each step of a tile's chain, for each block of a tile */
};

static inline void advance(struct fetch *fetch, int64_t blocks)
{
	if (fetch->at)
		fetch->at += blocks * fetch->share;
}

/* Blocks that are done at once. */
static inline int tile_blocks(int64_t pixels)
{
	if (pixels == 1)
		return TILE_PIXELS < 4 ? TILE_PIXELS : 4;
	return 2 * pixels <= TILE_PIXELS ? 2 : 1;
}

/* pixels: 1 to TILE_PIXELS. */
void SC_CPU(tile_run)(int pixels, const struct tile *tile);

#endif
