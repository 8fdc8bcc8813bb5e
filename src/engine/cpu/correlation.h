/* correlation.h - what a forward convolution and each part of a backward-data convolution have in common.
 *
 * An output pixel (y, x) of a lattice is the sum over taps (r, s) and source channels of
 *     source[y * step_h + r - pad_h, x * step_w + s - pad_w] * weights[r, s],
 * taps outside the source left out, the chain in the order of r, s, channel. Forward is one correlation over the whole output;
 * backward-data with stride s is s * s of them, one for each class of source pixels that the same taps reach. */
#ifndef SC_ENGINE_CPU_CORRELATION_H
#define SC_ENGINE_CPU_CORRELATION_H

#include "base/pool.h"
#include "engine/cpu/lanes.h"

#include <stdbool.h>

struct correlation {
	const float *src;      /* (mb, src_h, src_w, depth) */
	const float *weights;  /* (blocks, taps_h, taps_w, depth, BLOCK), packed */
	const float *bias;     /* (blocks * BLOCK), zero-filled past `width`, or NULL */
	float *dst;            /* first pixel of the lattice */
	const float *residual; /* laid out like dst, added after the bias; or NULL */
	int64_t mb, src_h, src_w, depth;
	int64_t out_h, out_w, width;                          /* the lattice, and channels of a pixel of dst */
	int64_t dst_image, dst_row, dst_pixel;                /* numbers from one image, row, pixel of the lattice to the next */
	int64_t taps_h, taps_w, step_h, step_w, pad_h, pad_w; /* the padding may be negative: the window then begins further on */
	bool accumulate, relu;
	float *scratch; /* (threads, sc_cpu_correlation_scratch) numbers */
};

static inline int64_t blocks_of(int64_t channels)
{
	return (channels + BLOCK - 1) / BLOCK;
}

/* Numbers of scratch that each thread needs. */
int64_t SC_CPU(correlation_scratch)(const struct correlation *c);
void SC_CPU(correlate)(const struct correlation *c, struct sc_pool *pool);

/* Packs weights for a correlation: tap (r, s) of the pack is tap (first_h + r * step_h, first_w + s * step_w) of the kernel, steps
 * may be negative. Not transposed: source channels are the kernel's input channels; transposed: its output channels. */
struct packing {
	const float *weights; /* (kh, kw, ic, oc) */
	float *packed;        /* (blocks, taps_h, taps_w, depth, BLOCK) */
	int64_t kw, ic, oc;
	int64_t taps_h, taps_w, first_h, first_w, step_h, step_w;
	int64_t used_top, used_left, used_bottom,
		used_right; /* taps [top, bottom) x [left, right) ever meet the source; others stay unpacked */
	bool transposed;
};
int64_t SC_CPU(packed_count)(const struct packing *p); /* numbers in `packed` */
void SC_CPU(pack)(const struct packing *p, struct sc_pool *pool);

#endif
