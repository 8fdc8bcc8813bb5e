/* winograd.h - where Winograd's F(4x4, 3x3) can stand for a direct convolution, and where it does by itself: functions of shapes
 * alone, part of the bit contract. */
#ifndef SC_ENGINE_WINOGRAD_H
#define SC_ENGINE_WINOGRAD_H

#include "engine/kernels.h"

#define SC_WINOGRAD_CHANNELS 16 /* both channel counts are multiples of this: whole vectors for every instruction set */

static inline bool sc_winograd_possible(const struct sc_convolution *c)
{
	return c->groups == 1 && c->kh == 3 && c->kw == 3 && c->stride_h == 1 && c->stride_w == 1 && c->pad_top <= 2 &&
	       c->pad_left <= 2 && c->ic % SC_WINOGRAD_CHANNELS == 0 && c->oc % SC_WINOGRAD_CHANNELS == 0;
}

/* Taps along an axis that meet the source, added up over the outputs. */
static inline int64_t sc_taps_inside(int64_t out, int64_t in, int64_t kernel, int64_t stride, int64_t pad)
{
	int64_t count = 0;
	for (int64_t y = 0; y < out; y++)
		for (int64_t r = 0; r < kernel; r++)
			count += y * stride + r >= pad && y * stride + r < pad + in;
	return count;
}

static inline int64_t sc_winograd_tiles(const struct sc_convolution *c) /* of an image */
{
	return ((c->oh + 3) / 4) * ((c->ow + 3) / 4);
}
static inline int64_t sc_winograd_weight_count(const struct sc_convolution *c) /* transformed ones */
{
	return 36 * c->ic * c->oc;
}

/* A tile costs 36 multiplications a pair of channels, whatever part of it lies outside; the direct form costs one for each tap
 * inside. A third is asked to be saved, for the transforms. */
static inline bool sc_winograd_pays(const struct sc_convolution *c)
{
	int64_t direct = sc_taps_inside(c->oh, c->ih, c->kh, c->stride_h, c->pad_top) *
			 sc_taps_inside(c->ow, c->iw, c->kw, c->stride_w, c->pad_left);
	return sc_winograd_possible(c) && 3 * 36 * sc_winograd_tiles(c) <= 2 * direct;
}

/* Few tiles take no longer where many weights are transformed while they are needed than where these are read four times as large,
 * and the fewest tiles take less; so memory is saved. `images`: so many share the weights. */
static inline bool sc_winograd_is_late(const struct sc_convolution *c, int64_t images)
{
	const int64_t tiles = images * sc_winograd_tiles(c), weights = sc_winograd_weight_count(c);
	return (tiles <= 4 && weights >= 524288) || (tiles <= 16 && weights >= 1048576);
}

#endif
