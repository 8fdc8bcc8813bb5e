/* winograd_2x2_transform.h - the transforms of Winograd's F(2x2, 2x2) on lanes of channels: what reference/winograd_2x2.c says,
 * number for number. Squares are handled columns first, then rows; `step` numbers lie between what belongs together. */
#ifndef SC_ENGINE_CPU_WINOGRAD_2X2_TRANSFORM_H
#define SC_ENGINE_CPU_WINOGRAD_2X2_TRANSFORM_H

#include "engine/cpu/lanes.h"

/* The four pixels of a map to its nine places. */
SC_INLINE void transform_pixels(const float *pixels, int64_t step, float *v, int64_t plane)
{
	const lanes a = lanes_load(pixels), b = lanes_load(pixels + step);
	const lanes c = lanes_load(pixels + 2 * step), d = lanes_load(pixels + 3 * step);
	const lanes ac = lanes_add(a, c), bd = lanes_add(b, d);
	lanes_store(v, a), lanes_store(v + plane, lanes_add(a, b)), lanes_store(v + 2 * plane, b);
	lanes_store(v + 3 * plane, ac), lanes_store(v + 4 * plane, lanes_add(ac, bd)), lanes_store(v + 5 * plane, bd);
	lanes_store(v + 6 * plane, c), lanes_store(v + 7 * plane, lanes_add(c, d)), lanes_store(v + 8 * plane, d);
}

/* Channels [begin, end) of some images' maps, to places `plane` numbers apart of images `stride` numbers apart. */
SC_INLINE void transform_maps(const float *maps, int64_t channels, int64_t images, int64_t begin, int64_t end, int64_t stride,
			   float *to, int64_t plane)
{
	for (int64_t n = 0; n < images; n++)
		for (int64_t c = begin; c < end; c += LANES)
			transform_pixels(maps + n * 4 * channels + c, channels, to + n * stride + c - begin, plane);
}

/* Three weights to three, three sums to three weights' gradients. */
SC_INLINE void transform_weights(lanes w0, lanes w1, lanes w2, lanes t[3])
{
	t[0] = lanes_subtract(w0, w1), t[1] = w1, t[2] = lanes_subtract(w2, w1);
}
SC_INLINE void transform_gradient(lanes e0, lanes e1, lanes e2, lanes t[3])
{
	t[0] = e0, t[1] = lanes_subtract(lanes_subtract(e1, e0), e2), t[2] = e2;
}

/* Nine numbers to nine by one of these two; also in place. */
SC_INLINE void transform_nine(void (*const one)(lanes, lanes, lanes, lanes[3]), const float *from, int64_t step, float *to,
			      int64_t to_step)
{
	lanes half[3][3], t[3];
#define LOAD(y, x)     lanes_load(from + ((y) * 3 + (x)) * step)
#define STORE(y, x)    lanes_store(to + ((y) * 3 + (x)) * to_step, t[x])
#define COLUMN(x)                                                                                                                  \
	one(LOAD(0, x), LOAD(1, x), LOAD(2, x), t);                                                                                \
	half[0][x] = t[0], half[1][x] = t[1], half[2][x] = t[2];
#define ROW(y)                                                                                                                     \
	one(half[y][0], half[y][1], half[y][2], t);                                                                                \
	STORE(y, 0), STORE(y, 1), STORE(y, 2);
	COLUMN(0) COLUMN(1) COLUMN(2)
	ROW(0) ROW(1) ROW(2)
#undef LOAD
#undef STORE
#undef COLUMN
#undef ROW
}

/* The products of nine places to the four pixels of a map. */
SC_INLINE void transform_products(const float *m, int64_t plane, lanes y[4])
{
#define UPPER(x) lanes_add(lanes_load(m + (3 + (x)) * plane), lanes_load(m + (6 + (x)) * plane))
#define LOWER(x) lanes_add(lanes_load(m + (x) * plane), lanes_load(m + (3 + (x)) * plane))
	const lanes u0 = UPPER(0), u1 = UPPER(1), u2 = UPPER(2), l0 = LOWER(0), l1 = LOWER(1), l2 = LOWER(2);
#undef UPPER
#undef LOWER
	y[0] = lanes_add(u1, u2), y[1] = lanes_add(u0, u1), y[2] = lanes_add(l1, l2), y[3] = lanes_add(l0, l1);
}

#endif
