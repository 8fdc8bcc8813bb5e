/* winograd.h - where Winograd's F(4x4, 3x3) can stand for a direct convolution, on maps of 2x2 pixels F(2x2, 2x2), and where it does
 * by itself: functions of shapes alone, part of the bit contract. */
#ifndef SC_ENGINE_WINOGRAD_H
#define SC_ENGINE_WINOGRAD_H

#include "engine/kernels.h"

#define SC_WINOGRAD_CHANNELS 16 /* both channel counts are multiples of this: whole vectors for every instruction set */

static inline bool sc_winograd_possible(const struct sc_convolution *c)
{
	return c->groups == 1 && c->kh == 3 && c->kw == 3 && c->stride_h == 1 && c->stride_w == 1 && c->pad_top <= 2 &&
	       c->pad_left <= 2 && c->ic % SC_WINOGRAD_CHANNELS == 0 && c->oc % SC_WINOGRAD_CHANNELS == 0;
}

/* Whether it is F(2x2, 2x2), with weights and pixels in each other's parts (reference/winograd_2x2.c): nine products of an image, where
 * F(2x2, 3x3) takes 16, and as many transformed weights as plain ones. */
static inline bool sc_winograd_is_2x2(const struct sc_convolution *c)
{
	return c->ih == 2 && c->iw == 2 && c->oh == 2 && c->ow == 2 && c->pad_top == 1 && c->pad_left == 1;
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

/* Tiles lie at multiples of 4 from the output's corner. Along an axis on which 1 to 4 of a tile's outputs lie inside, it is one of
 * F(outputs, 3): of the six points it has the first 1 + outputs, and the last, infinity. */
static inline bool sc_winograd_has_point(int64_t outputs, int64_t point)
{
	return point <= outputs || point == 5;
}
static inline int64_t sc_winograd_outputs(int64_t tile, int64_t size)
{
	return size - 4 * tile < 4 ? size - 4 * tile : 4;
}
/* The outputs of a tile that lie inside, for the tile in a row and column of the tiles of a map. */
struct sc_winograd_inside {
	int64_t rows, columns;
};
static inline struct sc_winograd_inside sc_winograd_inside(int64_t row, int64_t column, int64_t height, int64_t width)
{
	return (struct sc_winograd_inside){sc_winograd_outputs(row, height), sc_winograd_outputs(column, width)};
}

static inline int64_t sc_winograd_tiles(const struct sc_convolution *c) /* of an image */
{
	return ((c->oh + 3) / 4) * ((c->ow + 3) / 4);
}
/* Products of an image, for a pair of channels: the tiles' points along one axis times those along the other. */
static inline int64_t sc_winograd_axis_points(int64_t size)
{
	return size + 2 * ((size + 3) / 4);
}
static inline int64_t sc_winograd_products(const struct sc_convolution *c)
{
	return sc_winograd_is_2x2(c) ? 9 : sc_winograd_axis_points(c->oh) * sc_winograd_axis_points(c->ow);
}
static inline int64_t sc_winograd_weight_count(const struct sc_convolution *c) /* transformed ones */
{
	return 36 * c->ic * c->oc;
}

/* The direct form costs a multiplication for each tap inside. A third is asked to be saved, for the transforms. */
static inline bool sc_winograd_pays(const struct sc_convolution *c)
{
	int64_t direct = sc_taps_inside(c->oh, c->ih, c->kh, c->stride_h, c->pad_top) *
			 sc_taps_inside(c->ow, c->iw, c->kw, c->stride_w, c->pad_left);
	return sc_winograd_possible(c) && 3 * sc_winograd_products(c) <= 2 * direct;
}

/* Few tiles take no longer where many weights are transformed while they are needed than where these are read four times as large,
 * and the fewest tiles take less; so memory is saved. `images`: so many share the weights. */
static inline bool sc_winograd_is_late(const struct sc_convolution *c, int64_t images)
{
	const int64_t tiles = images * sc_winograd_tiles(c), weights = sc_winograd_weight_count(c);
	return !sc_winograd_is_2x2(c) && ((tiles <= 4 && weights >= 524288) || (tiles <= 16 && weights >= 1048576));
}

#endif
