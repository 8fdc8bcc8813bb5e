/* correlation.h - what a forward convolution and each part of a backward-data convolution have in common.
 *
 * An output pixel (y, x) of a lattice is the sum over taps (r, s) and source channels of
 *     source[y * step_h + r - pad_h, x * step_w + s - pad_w] * weights[r, s],
 * taps outside the source left out, the chain in the order of r, s, channel. Forward is one correlation over the whole output;
 * backward-data with stride s is s * s of them, one for each class of source pixels that the same taps reach. Channels in groups
 * are one correlation a group, or, where groups are narrow, one for all of them side by side (spread.h). */
#ifndef SC_ENGINE_CPU_CORRELATION_H
#define SC_ENGINE_CPU_CORRELATION_H

#include <stdbool.h>

#include "base/pool.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/lanes.h"
#include "engine/cpu/tile.h"

struct correlation {
	const float *src;      /* (mb, src_h, src_w) pixels of `depth` channels that count, src_pixel numbers apart */
	const float *weights;  /* (blocks, taps_h, taps_w, depth, BLOCK), packed */
	const float *bias;     /* (blocks * BLOCK), zero-filled past `width`, or NULL */
	float *dst;            /* first pixel of the lattice */
	const float *residual; /* laid out like dst, added after the bias; or NULL */
	int64_t mb, src_h, src_w, src_pixel, depth;
	int64_t groups;              /* side by side: each has its own `depth` channels of the source, and its share of `width` */
	bool late;                   /* by Winograd's method, with weights packed as they are (winograd.h) */
	bool spread;                 /* the source is (mb, src_h, src_w, depth, BLOCK) */
	int64_t out_h, out_w, width; /* the lattice, and channels of a pixel of dst */
	int64_t dst_image, dst_row, dst_pixel;                /* numbers from one image, row, pixel of the lattice to the next */
	int64_t taps_h, taps_w, step_h, step_w, pad_h, pad_w; /* the padding may be negative: the window then begins further on */
	bool accumulate, relu;
	float *scratch; /* (threads, sc_cpu_correlation_scratch) numbers */
};

static inline int64_t blocks_of(int64_t channels)
{
	return parts_of(channels, BLOCK);
}

/* Numbers of a chain: the weights of an output channel. */
static inline int64_t chain_length(const struct correlation *c)
{
	return c->taps_h * c->taps_w * c->depth;
}

/* One tap, without padding: an output pixel sees one source pixel. */
static inline bool pointwise(const struct correlation *c)
{
	return c->taps_h == 1 && c->taps_w == 1 && c->pad_h == 0 && c->pad_w == 0 && (c->out_w - 1) * c->step_w < c->src_w;
}

/* The taps [first, last) of an axis that a window beginning at `start` has inside [0, size). */
static inline void valid_taps(int64_t start, int64_t taps, int64_t size, int64_t *first, int64_t *last)
{
	*first = minimum(maximum(-start, 0), taps);
	*last = maximum(minimum(size - start, taps), *first);
}

/* Tiles of nearly equal width, none wider than TILE_PIXELS: tile i of `tiles` over `pixels` begins here. */
static inline int64_t tile_begin(int64_t pixels, int64_t tiles, int64_t i)
{
	return i * (pixels / tiles) + minimum(i, pixels % tiles);
}

/* Some blocks of output channels. */
struct blocks {
	int64_t first, count;
};

/* How many to hand to the tiles over `pixels`: so many as the narrowest of these does at once. */
static inline int64_t blocks_at_once(int64_t pixels)
{
	return tile_blocks(pixels / parts_of(pixels, TILE_PIXELS));
}

/* Numbers of scratch that each thread needs. */
int64_t SC_CPU(correlation_scratch)(const struct correlation *c);
void SC_CPU(correlate)(const struct correlation *c, struct sc_pool *pool);

/* The same with max-pooling after it (one correlation, not in groups): the results of `c` exist only in its scratch, a few rows at
 * a time; dst: what is pooled. */
int64_t SC_CPU(pooled_scratch)(const struct sc_max_pool *m);
void SC_CPU(correlate_pooled)(const struct correlation *c, const struct sc_max_pool *m, float *dst, struct sc_pool *pool);

/* The same for each way: along rows, which needs no scratch, across the batch, for groups side by side. */
void SC_CPU(correlate_rows)(const struct correlation *c, struct sc_pool *pool);
int64_t SC_CPU(batch_scratch)(const struct correlation *c);
void SC_CPU(correlate_batch)(const struct correlation *c, struct sc_pool *pool);
int64_t SC_CPU(groups_scratch)(const struct correlation *c);
void SC_CPU(correlate_groups)(const struct correlation *c, struct sc_pool *pool);

/* The tiles [first, last) of row y of image n. */
void SC_CPU(correlate_row)(const struct correlation *c, struct blocks blocks, int64_t n, int64_t y, int64_t first, int64_t last);
/* Sources of pixels a multiple of CLASHING numbers apart want the same few sets of a cache: a tile takes no more than one set holds. */
#define CLASHING   512
#define SET_PIXELS 7
static inline int64_t row_tiles(const struct correlation *c)
{
	const bool clash = pointwise(c) && c->step_w * c->src_pixel % CLASHING == 0;
	return parts_of(c->out_w, clash ? minimum(TILE_PIXELS, SET_PIXELS) : TILE_PIXELS);
}

/* Packs weights for a correlation: tap (r, s) of the pack is tap (first_h + r * step_h, first_w + s * step_w) of the kernel, steps
 * may be negative. Not transposed: source channels are the kernel's input channels; transposed: its output channels. */
struct packing {
	const float *weights;            /* (kh, kw, ic, row), of which `groups` times oc columns are wanted */
	float *packed;                   /* (blocks, taps_h, taps_w, depth, BLOCK) */
	int64_t kw, row, groups, ic, oc; /* channels of one group */
	int64_t taps_h, taps_w, first_h, first_w, step_h, step_w;
	int64_t used_top, used_left, used_bottom,
		used_right; /* taps [top, bottom) x [left, right) ever meet the source; others stay unpacked */
	bool transposed;
};
int64_t SC_CPU(packed_count)(const struct packing *p); /* numbers in `packed` */
void SC_CPU(pack)(const struct packing *p, struct sc_pool *pool);

#endif
