/* spread.h - narrow groups side by side: source numbers laid out so that a block of channels from several groups is one vector
 * loop.
 *
 * Lane l of a block is channel first + l of the result, and belongs to group (first + l) / width. It sums over the `depth` source
 * channels of that group only; so source number k of a pixel is another one for each group. Spread, a pixel is (depth, BLOCK): row
 * k holds, in each lane, number k of that lane's group. Each chain stays what it is, and whole vectors work on it. */
#ifndef SC_ENGINE_CPU_SPREAD_H
#define SC_ENGINE_CPU_SPREAD_H

#include <stdbool.h>

#include "engine/cpu/lanes.h"

struct spreading {
	int64_t src_pixel;    /* numbers from a source pixel to the next */
	int64_t depth, width; /* channels of a group: of the source, of the result */
	int64_t first, count; /* channels of the result in the block: 1 to BLOCK */
};

/* src (pixels, src_pixel) -> spread (pixels, depth, BLOCK) */
void SC_CPU(spread)(const struct spreading *s, int64_t pixels, const float *src, float *spread);

#define SPREAD_DEPTH   64    /* spread numbers are BLOCK times as many: deeper groups go one by one */
#define SPREAD_NUMBERS 49152 /* that are made at once: they stay in an L2 cache of 1 MiB beside the results */

/* Whether groups are spread; else they are done one by one, as convolutions of their own. */
static inline bool side_by_side(int64_t groups, int64_t depth, int64_t width)
{
	return groups > 1 && width < BLOCK && depth <= SPREAD_DEPTH;
}

/* How many of `rows` output rows to do at once: their source rows are `step` apart and reach `taps` far, of `row` numbers each. */
static inline int64_t spread_band(int64_t rows, int64_t step, int64_t taps, int64_t row)
{
	int64_t together = (SPREAD_NUMBERS / row - taps) / step + 1;
	return together < 1 ? 1 : together < rows ? together : rows;
}

#endif
