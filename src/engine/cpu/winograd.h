/* winograd.h - 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3): what convolution.c and gradient.c hand on where c->winograd.
 *
 * A correlation goes tile by tile: 4x4 outputs from 6x6 sources. For each of the 36 places of a transformed tile, source channels
 * times weights is an ordinary product of matrices, which the register tiles of the direct kernels compute. Tiles at the lower and
 * right edge lack places where not all their outputs lie inside (engine/winograd.h), and are left out of these places' products. */
#ifndef SC_ENGINE_CPU_WINOGRAD_H
#define SC_ENGINE_CPU_WINOGRAD_H

#include "base/pool.h"
#include "engine/cpu/correlation.h"
#include "engine/kernels.h"

#define PLACE_GAP 16 /* numbers between what two places have: their beginnings would all want the same few cache sets */

/* Nine taps for each pair of source and output channel: strides are numbers from one tap, source channel, block of output channels
 * to the next. */
struct winograd_taps {
	const float *weights;
	int64_t tap, source, block;
};

/* `correlation` is a 3x3 one with steps 1, both its channel counts multiples of LANES; its weights are transformed ones,
 * (36, blocks, depth, BLOCK) with gaps between the places, or, where that is `late`, packed as for direct kernels, all taps.
 * Workspace: a pixel of zeros, scratch. Counts are of numbers. */
int64_t SC_CPU(winograd_weight_count)(const struct correlation *c);
void SC_CPU(winograd_pack)(const struct correlation *c, const struct winograd_taps *taps, float *transformed, struct sc_pool *pool);
int64_t SC_CPU(winograd_workspace)(const struct correlation *c, int threads);
void SC_CPU(winograd_correlate)(const struct correlation *c, float *workspace, struct sc_pool *pool);

/* Tiles [begin, end) of the batch, in the order of image, row, column. */
struct winograd_range {
	int64_t begin, end;
};
/* Images that lie one after the other: rows of a number of numbers, under tiles_h times tiles_w tiles. */
struct winograd_images {
	const float *first;
	int64_t height, row, tiles_h, tiles_w;
};
/* The rows under some tiles, to be asked for in `shares` shares, of `steps` steps each. */
struct fetch SC_CPU(winograd_fetch)(const struct winograd_images *images, struct winograd_range tiles, int64_t shares,
				    int64_t steps);

/* sums: one part (3, 3, ic, oc) for each chunk (chunks.h). Workspace: numbers. */
int64_t SC_CPU(winograd_weights_workspace)(const struct sc_convolution *c, int threads);
void SC_CPU(winograd_weights)(const struct sc_convolution *c, const float *src, const float *diff_dst, float *sums,
			      float *workspace, struct sc_pool *pool);

#endif
