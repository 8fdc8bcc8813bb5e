/* gradient.h - a weight gradient's units of work, and the two ways to do one: rows of a register tile are source channels
 * (gradient_channels.c), or, where there are few of these, as in the first layer, the taps of a kernel column (gradient_columns.c).
 *
 * Each chunk (chunks.h) has its own sums. A unit is a region of one chunk's sums, small enough for the L2 cache, and takes in all
 * of the chunk's pixels. A region lies in one group, or in several narrow ones side by side: then its source is spread (spread.h).
 */
#ifndef SC_ENGINE_CPU_GRADIENT_H
#define SC_ENGINE_CPU_GRADIENT_H

#include <stdbool.h>

#include "engine/cpu/cpu.h"
#include "engine/cpu/panels.h"
#include "engine/kernels.h"

#define MANY_UNITS 8 /* of work for each thread: then it does not matter how many there are */

struct gradient {
	struct sc_convolution c; /* without strides where they can be dissolved in `source` */
	struct raster source, diff_dst;
	float *sums;      /* (chunks, kh, kw, depth, oc) */
	float *bias_sums; /* (chunks, oc), or NULL */
	float *scratch;   /* (threads, scratch_numbers) */
	int64_t chunk_images, chunks;
	bool spread, by_columns;
	int64_t depth;                 /* source channels of a group */
	int64_t parts, width;          /* that share no source channels; output channels of one */
	int64_t rows;                  /* source channels of a tile */
	int64_t tiles, blocks;         /* of a part: of source channels, of output channels */
	int64_t tile_sets, block_sets; /* of a part: one of each makes a region */
	int64_t stretch_n, stretch_h;  /* images and output rows of a stretch */
};

/* Tiles [t0, t1) and blocks [b0, b1) of a part: its source channels [i0, i1), its output channels [o0, o1); images [n0, n1). */
struct region {
	int64_t t0, t1, b0, b1, n0, n1;
	int64_t i0, i1, o0, o1;
	int64_t first_ic, first_oc; /* channels with which the part begins */
	float *sums;                /* of the chunk, from the part's first output channel on */
};

/* Output positions [first, last) of an axis that tap `tap` takes from inside the source. */
static inline void valid_outputs(int64_t tap, int64_t stride, int64_t pad, int64_t size, int64_t outputs, int64_t *first,
				 int64_t *last)
{
	int64_t shift = tap - pad;
	*first = shift < 0 ? parts_of(-shift, stride) : 0;
	*last = shift >= size ? 0 : minimum(outputs, (size - 1 - shift) / stride + 1);
	*last = maximum(*last, *first);
}

/* Lays out output rows of some images, `channels` channels of the gradient from `from` on, in blocks `stride` numbers apart. */
static inline void lay_gradient(const struct gradient *g, const float *from, int64_t images, int64_t rows, int64_t channels,
				float *to, int64_t stride)
{
	SC_CPU(lay_panels)
	(&(struct panels){
		.from = {from, g->diff_dst.image, g->diff_dst.row, g->diff_dst.pixel},
		.images = images,
		.rows = rows,
		.columns = g->c.ow,
		.channels = channels,
		.step = BLOCK,
		.width = BLOCK,
		.to = to,
		.stride = stride,
	});
}

/* Each with the numbers of scratch that it needs. */
int64_t SC_CPU(gradient_channels_scratch)(const struct gradient *g);
void SC_CPU(gradient_channels)(const struct gradient *g, const struct region *region, float *scratch);
int64_t SC_CPU(gradient_columns_scratch)(const struct gradient *g);
void SC_CPU(gradient_columns)(const struct gradient *g, const struct region *region, float *scratch);

#endif
