/* winograd_2x2.c - 3x3 convolutions of maps of 2x2 pixels, with one pixel of padding around them, by Winograd's F(2x2, 2x2), in
 * plain loops: forward, backward-data, weight gradient.
 *
 * Along an axis, two pixels x become two outputs y by three weights w: y0 = w1 x0 + w2 x1, y1 = w0 x0 + w1 x1. That is F(2, 2) with
 * the weights as its signal and the pixels as its filter: three products in place of four, and no factors but 1 and -1.
 * Source: S. Winograd: "Arithmetic complexity of computations", 1980.
 *   y0 = w1 (x0 + x1) + (w2 - w1) x1,  y1 = (w0 - w1) x0 + w1 (x0 + x1)
 * In two dimensions there are nine products, each one chain over the source channels. With T(.) the one-dimensional transforms
 * below, columns first, then rows:
 *   forward         dst = T_output(sum over ic of T_weights(weights) * T_source(src)), then as in convolution.c
 *   backward-data   the same with diff_dst as its source and the weights turned by half a turn, their channels exchanged
 *   weights         diff_weights = T_gradient(sum over images of T_source(src) * T_source(diff_dst) read backwards), the sum cut
 * into chunks (chunks.h), each one chain over its images; chunks are joined along the tree after T_gradient. */
#include <math.h>

#include "engine/chunks.h"
#include "engine/reference/reference.h"

/* ---- One-dimensional transforms: `step` floats between the numbers ---------------------------------------------------------- */

static void transform_source(const float *x, int step, float *t, int t_step)
{
	t[0] = x[0], t[t_step] = x[0] + x[step], t[2 * t_step] = x[step];
}

static void transform_weights(const float *w, int step, float *t, int t_step)
{
	t[0] = w[0] - w[step], t[t_step] = w[step], t[2 * t_step] = w[2 * step] - w[step];
}

static void transform_output(const float *m, int step, float *y, int y_step)
{
	y[0] = m[step] + m[2 * step], y[y_step] = m[0] + m[step];
}

static void transform_gradient(const float *e, int step, float *g, int g_step)
{
	g[0] = e[0], g[g_step] = (e[step] - e[0]) - e[2 * step], g[2 * g_step] = e[2 * step];
}

typedef void (*transform)(const float *from, int step, float *to, int to_step);

/* A square of `from` x `from` numbers becomes one of `to` x `to`: columns first, then rows. */
static void transform_square(transform one, int from, int to, const float *square, float *result)
{
	float half[9]; /* (to, from) */
	for (int x = 0; x < from; x++)
		one(square + x, from, half + x, from);
	for (int y = 0; y < to; y++)
		one(half + y * from, 1, result + y * to, 1);
}

/* The four pixels of an image's channel. */
static void take_pixels(const float *images, int64_t n, int64_t channels, int64_t channel, float pixels[4])
{
	for (int64_t i = 0; i < 4; i++)
		pixels[i] = images[(n * 4 + i) * channels + channel];
}

/* ---- Forward and backward-data ---------------------------------------------------------------------------------------------- */

/* u: (depth, width, 9), v: (depth, 9). finish: NULL, or what forward does with each sum. */
static void run_images(int64_t mb, int64_t depth, int64_t width, const float *src, const float *u,
		       const struct sc_convolution_forward *finish, float *dst, bool accumulate, float *v)
{
	for (int64_t n = 0; n < mb; n++) {
		for (int64_t i = 0; i < depth; i++) {
			float pixels[4];
			take_pixels(src, n, depth, i, pixels);
			transform_square(transform_source, 2, 3, pixels, v + i * 9);
		}
		for (int64_t o = 0; o < width; o++) {
			float products[9] = {0}, result[4];
			for (int64_t i = 0; i < depth; i++)
				for (int k = 0; k < 9; k++)
					products[k] = fmaf(v[i * 9 + k], u[(i * width + o) * 9 + k], products[k]);
			transform_square(transform_output, 3, 2, products, result);
			for (int64_t i = 0; i < 4; i++) {
				const int64_t element = (n * 4 + i) * width + o;
				float sum = result[i];
				if (finish)
					sum = sc_reference_convolution_finish(finish, element, o, sum);
				dst[element] = accumulate ? dst[element] + sum : sum;
			}
		}
	}
}

void sc_reference_winograd_2x2_forward(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace)
{
	float *u = workspace, *v = u + c->ic * c->oc * 9, taps[9];
	for (int64_t i = 0; i < c->ic; i++)
		for (int64_t o = 0; o < c->oc; o++) {
			for (int64_t k = 0; k < 9; k++)
				taps[k] = t->packed[(k * c->ic + i) * c->oc + o];
			transform_square(transform_weights, 3, 3, taps, u + (i * c->oc + o) * 9);
		}
	run_images(c->mb, c->ic, c->oc, t->src, u, t, t->dst, false, v);
}

void sc_reference_winograd_2x2_backward_data(const struct sc_convolution *c, const float *diff_dst, const float *weights,
					     float *diff_src, bool accumulate, void *workspace)
{
	float *u = workspace, *v = u + c->ic * c->oc * 9, taps[9];
	for (int64_t o = 0; o < c->oc; o++)
		for (int64_t i = 0; i < c->ic; i++) {
			for (int64_t k = 0; k < 9; k++)
				taps[k] = weights[((8 - k) * c->ic + i) * c->oc + o];
			transform_square(transform_weights, 3, 3, taps, u + (o * c->ic + i) * 9);
		}
	run_images(c->mb, c->oc, c->ic, diff_dst, u, NULL, diff_src, accumulate, v);
}

/* ---- Weight gradient -------------------------------------------------------------------------------------------------------- */

/* The sum of one chunk's images [begin, end) for a pair of channels, as nine taps. */
static void chunk_gradient(const struct sc_convolution *c, const float *src, const float *diff_dst, int64_t begin, int64_t end,
			   int64_t i, int64_t o, float taps[9])
{
	float sums[9] = {0}, pixels[4], v[9], p[9];
	for (int64_t n = begin; n < end; n++) {
		take_pixels(src, n, c->ic, i, pixels);
		transform_square(transform_source, 2, 3, pixels, v);
		take_pixels(diff_dst, n, c->oc, o, pixels);
		transform_square(transform_source, 2, 3, pixels, p);
		for (int k = 0; k < 9; k++)
			sums[k] = fmaf(v[k], p[8 - k], sums[k]);
	}
	transform_square(transform_gradient, 3, 3, sums, taps);
}

/* parts: (chunks, 3, 3, ic, oc) */
void sc_reference_winograd_2x2_weights(const struct sc_convolution *c, const float *src, const float *diff_dst, float *parts)
{
	const int64_t images = sc_gradient_chunk_images(c), chunks = sc_gradient_chunk_count(c), size = 9 * c->ic * c->oc;
	for (int64_t k = 0; k < chunks; k++)
		for (int64_t i = 0; i < c->ic; i++)
			for (int64_t o = 0; o < c->oc; o++) {
				const int64_t begin = k * images, end = begin + images < c->mb ? begin + images : c->mb;
				float taps[9];
				chunk_gradient(c, src, diff_dst, begin, end, i, o, taps);
				for (int64_t t = 0; t < 9; t++)
					parts[k * size + (t * c->ic + i) * c->oc + o] = taps[t];
			}
}
