/* winograd.c - 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3), in plain loops: forward, backward-data, weight gradient.
 *
 * Source: A. Lavin, S. Gray: "Fast algorithms for convolutional neural networks", 2015; points 0, 1, -1, 2, -2 and infinity. A tile
 * of 4x4 outputs is the inverse transform of 36 products, each one chain over the source channels; tiles lie at multiples of 4 from
 * the output's corner. A tile at the lower or right edge may have fewer outputs inside: along that axis it is F(3, 3), F(2, 3) or
 * F(1, 3), and leaves out -2, then 2, then -1 (winograd.h); its source transform takes in the factors by which the transformed
 * weights, which are the same for all tiles, differ from its own. Numbers outside the source are 0. With T(.) the one-dimensional
 * transforms below, columns first, then rows:
 *   forward         dst = T_output(sum over ic of T_weights(weights) * T_source(src)), then as in convolution.c
 *   backward-data   the same with diff_dst as its source and the weights turned by half a turn, their channels exchanged
 *   weights         diff_weights = T_gradient(sum over tiles of T_source(src) * T_result(diff_dst)), the sum cut into chunks
 * (chunks.h), each one chain over those of its tiles that have the point; chunks are joined along the tree after T_gradient. */
#include <math.h>
#include <string.h>

#include "engine/chunks.h"
#include "engine/reference/reference.h"
#include "engine/winograd.h"

/* ---- One-dimensional transforms: `step` floats between the numbers; what a tile has no point for is 0 ----------------------- */

static void transform_source(const float *d, int64_t step, int64_t outputs, float *t, int64_t t_step)
{
	float d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
	float a = fmaf(-4, d2, d4), b = fmaf(-4, d1, d3), c = d4 - d2, e = d3 - d1;
	const float of_four[6] = {fmaf(4, d0, fmaf(-5, d2, d4)), a + b, a - b, fmaf(2, e, c), fmaf(-2, e, c),
				  fmaf(4, d1, fmaf(-5, d3, d5))};
	const float of_three[6] = {
		fmaf(4, d0 - d2, e + e), 3 * fmaf(-2, d1, d3 - d2), fmaf(2, d1, fmaf(-3, d2, d3)), 4 * e, 0, fmaf(-2, e, c)};
	const float of_two[6] = {4 * (d0 - d2), -3 * (d1 + d2), 3 * (d1 - d2), 0, 0, e};
	const float of_one[6] = {4 * (d0 - d1), -6 * d1, 0, 0, 0, d2 - d1};
	const float *const all[4] = {of_one, of_two, of_three, of_four};
	for (int i = 0; i < 6; i++)
		t[i * t_step] = all[outputs - 1][i];
}

static void transform_weights(const float *g, int64_t step, int64_t outputs, float *t, int64_t t_step)
{
	(void)outputs;
	const float sixth = 1.0f / 6, twelfth = 1.0f / 12, part = 1.0f / 24;
	float g0 = g[0], g1 = g[step], g2 = g[2 * step];
	float a = (g0 + g2) * -sixth, b = fmaf(sixth, g2, part * g0);
	t[0] = 0.25f * g0;
	t[t_step] = fmaf(-sixth, g1, a);
	t[2 * t_step] = fmaf(sixth, g1, a);
	t[3 * t_step] = fmaf(twelfth, g1, b);
	t[4 * t_step] = fmaf(-twelfth, g1, b);
	t[5 * t_step] = g2;
}

static void transform_output(const float *m, int64_t step, int64_t outputs, float *y, int64_t y_step)
{
	float m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step], m5 = m[5 * step];
	float s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
	const float four[4] = {(m0 + s1) + s2, fmaf(2, d2, d1), fmaf(4, s2, s1), fmaf(8, d2, d1) + m5};
	const float three[4] = {(m0 + s1) + m3, fmaf(2, m3, d1), fmaf(4, m3, s1) + m5};
	const float two[4] = {m0 + s1, d1 + m5};
	const float one[4] = {(m0 + m1) + m5};
	const float *const all[4] = {one, two, three, four};
	for (int i = 0; i < 4; i++)
		y[i * y_step] = all[outputs - 1][i];
}

static void transform_result(const float *y, int64_t step, int64_t outputs, float *t, int64_t t_step)
{
	float y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
	float even = y0 + y2, odd = y1 + y3, a = fmaf(4, y2, y0), b = fmaf(4, y3, y1);
	const float of_four[6] = {y0, even + odd, even - odd, fmaf(2, b, a), fmaf(-2, b, a), y3};
	const float of_three[6] = {y0, even + y1, even - y1, fmaf(2, y1, a), 0, y2};
	const float of_two[6] = {y0, y0 + y1, y0 - y1, 0, 0, y1};
	const float of_one[6] = {y0, y0, 0, 0, 0, y0};
	const float *const all[4] = {of_one, of_two, of_three, of_four};
	for (int i = 0; i < 6; i++)
		t[i * t_step] = all[outputs - 1][i];
}

static void transform_gradient(const float *e, int64_t step, int64_t outputs, float *g, int64_t g_step)
{
	(void)outputs;
	const float sixth = 1.0f / 6, twelfth = 1.0f / 12, part = 1.0f / 24;
	float s1 = e[step] + e[2 * step], d1 = e[2 * step] - e[step];
	float s2 = e[3 * step] + e[4 * step], d2 = e[3 * step] - e[4 * step];
	g[0] = fmaf(part, s2, fmaf(-sixth, s1, 0.25f * e[0]));
	g[g_step] = fmaf(twelfth, d2, sixth * d1);
	g[2 * g_step] = fmaf(sixth, s2, fmaf(-sixth, s1, e[5 * step]));
}

typedef void (*transform)(const float *from, int64_t step, int64_t outputs, float *to, int64_t to_step);

static bool has_place(struct sc_winograd_inside inside, int place)
{
	return sc_winograd_has_point(inside.rows, place / 6) && sc_winograd_has_point(inside.columns, place % 6);
}

/* A square of `from` x `from` numbers becomes one of `to` x `to`: columns first, then rows. */
static void transform_square(transform one, int from, int to, struct sc_winograd_inside inside, const float *square,
			     float *result)
{
	float half[36]; /* (to, from) */
	for (int x = 0; x < from; x++)
		one(square + x, from, inside.rows, half + x, from);
	for (int y = 0; y < to; y++)
		one(half + y * from, 1, inside.columns, result + y * to, 1);
}

static void transform_taps(const float taps[9], float u[36])
{
	transform_square(transform_weights, 3, 6, (struct sc_winograd_inside){4, 4}, taps, u);
}

/* ---- Forward and backward-data ---------------------------------------------------------------------------------------------- */

struct problem {
	int64_t mb, src_h, src_w, depth; /* source and its channels */
	int64_t out_h, out_w, width;     /* output and its channels */
	int64_t pad_h, pad_w;
};

/* A square of the image n with the corner (top, left), `size` pixels wide, channel c; numbers outside are 0. */
static void cut_square(const float *image, int64_t n, int64_t height, int64_t width, int64_t channels, int64_t top, int64_t left,
		       int64_t c, int size, float *square)
{
	for (int64_t y = 0; y < size; y++)
		for (int64_t x = 0; x < size; x++) {
			bool inside = top + y >= 0 && top + y < height && left + x >= 0 && left + x < width;
			square[y * size + x] = inside ? image[((n * height + top + y) * width + left + x) * channels + c] : 0;
		}
}

/* u: (depth, width, 36), v: (depth, 36). finish: NULL, or what forward does with each sum. */
static void run_tile(const struct problem *p, const float *src, const float *u, const struct sc_convolution_forward *finish,
		     float *dst, bool accumulate, float *v, int64_t n, int64_t top, int64_t left)
{
	const struct sc_winograd_inside inside = sc_winograd_inside(top / 4, left / 4, p->out_h, p->out_w);
	float square[36];
	for (int64_t i = 0; i < p->depth; i++) {
		cut_square(src, n, p->src_h, p->src_w, p->depth, top - p->pad_h, left - p->pad_w, i, 6, square);
		transform_square(transform_source, 6, 6, inside, square, v + i * 36);
	}
	for (int64_t o = 0; o < p->width; o++) {
		float products[36] = {0}, result[16];
		for (int64_t i = 0; i < p->depth; i++)
			for (int k = 0; k < 36; k++)
				if (has_place(inside, k))
					products[k] = fmaf(v[i * 36 + k], u[(i * p->width + o) * 36 + k], products[k]);
		transform_square(transform_output, 6, 4, inside, products, result);
		for (int64_t y = 0; y < inside.rows; y++)
			for (int64_t x = 0; x < inside.columns; x++) {
				int64_t element = ((n * p->out_h + top + y) * p->out_w + left + x) * p->width + o;
				float sum = result[y * 4 + x];
				if (finish)
					sum = sc_reference_convolution_finish(finish, element, o, sum);
				dst[element] = accumulate ? dst[element] + sum : sum;
			}
	}
}

static void run_tiles(const struct problem *p, const float *src, const float *u, const struct sc_convolution_forward *finish,
		      float *dst, bool accumulate, float *v)
{
	for (int64_t n = 0; n < p->mb; n++)
		for (int64_t top = 0; top < p->out_h; top += 4)
			for (int64_t left = 0; left < p->out_w; left += 4)
				run_tile(p, src, u, finish, dst, accumulate, v, n, top, left);
}

int64_t sc_reference_winograd_workspace(const struct sc_convolution *c)
{
	return (c->ic * c->oc + c->ic + c->oc) * 36 * (int64_t)sizeof(float);
}

void sc_reference_winograd_forward(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace)
{
	if (sc_winograd_is_2x2(c)) {
		sc_reference_winograd_2x2_forward(c, t, workspace);
		return;
	}
	const struct problem p = {c->mb, c->ih, c->iw, c->ic, c->oh, c->ow, c->oc, c->pad_top, c->pad_left};
	float *u = workspace, *v = u + c->ic * c->oc * 36, taps[9];
	for (int64_t i = 0; i < c->ic; i++)
		for (int64_t o = 0; o < c->oc; o++) {
			for (int64_t k = 0; k < 9; k++)
				taps[k] = t->packed[(k * c->ic + i) * c->oc + o];
			transform_taps(taps, u + (i * c->oc + o) * 36);
		}
	run_tiles(&p, t->src, u, t, t->dst, false, v);
}

void sc_reference_winograd_backward_data(const struct sc_convolution *c, const float *diff_dst, const float *weights,
					 float *diff_src, bool accumulate, void *workspace)
{
	if (sc_winograd_is_2x2(c)) {
		sc_reference_winograd_2x2_backward_data(c, diff_dst, weights, diff_src, accumulate, workspace);
		return;
	}
	const struct problem p = {c->mb, c->oh, c->ow, c->oc, c->ih, c->iw, c->ic, 2 - c->pad_top, 2 - c->pad_left};
	float *u = workspace, *v = u + c->ic * c->oc * 36, taps[9];
	for (int64_t o = 0; o < c->oc; o++)
		for (int64_t i = 0; i < c->ic; i++) {
			for (int64_t t = 0; t < 9; t++)
				taps[t] = weights[((8 - t) * c->ic + i) * c->oc + o];
			transform_taps(taps, u + (o * c->ic + i) * 36);
		}
	run_tiles(&p, diff_dst, u, NULL, diff_src, accumulate, v);
}

/* ---- Weight gradient -------------------------------------------------------------------------------------------------------- */

/* The sum of one chunk's images [begin, end) for a pair of channels, as nine taps. */
static void chunk_gradient(const struct sc_convolution *c, const float *src, const float *diff_dst, int64_t begin, int64_t end,
			   int64_t i, int64_t o, float taps[9])
{
	float sums[36] = {0}, square[36], v[36], p[36];
	for (int64_t n = begin; n < end; n++)
		for (int64_t top = 0; top < c->oh; top += 4)
			for (int64_t left = 0; left < c->ow; left += 4) {
				const struct sc_winograd_inside inside = sc_winograd_inside(top / 4, left / 4, c->oh, c->ow);
				cut_square(src, n, c->ih, c->iw, c->ic, top - c->pad_top, left - c->pad_left, i, 6, square);
				transform_square(transform_source, 6, 6, inside, square, v);
				cut_square(diff_dst, n, c->oh, c->ow, c->oc, top, left, o, 4, square);
				transform_square(transform_result, 4, 6, inside, square, p);
				for (int k = 0; k < 36; k++)
					if (has_place(inside, k))
						sums[k] = fmaf(v[k], p[k], sums[k]);
			}
	transform_square(transform_gradient, 6, 3, (struct sc_winograd_inside){4, 4}, sums, taps);
}

/* parts: (chunks, 3, 3, ic, oc) */
void sc_reference_winograd_weights(const struct sc_convolution *c, const float *src, const float *diff_dst, float *parts)
{
	if (sc_winograd_is_2x2(c)) {
		sc_reference_winograd_2x2_weights(c, src, diff_dst, parts);
		return;
	}
	int64_t images = sc_gradient_chunk_images(c), chunks = sc_gradient_chunk_count(c), size = 9 * c->ic * c->oc;
	for (int64_t k = 0; k < chunks; k++)
		for (int64_t i = 0; i < c->ic; i++)
			for (int64_t o = 0; o < c->oc; o++) {
				float taps[9];
				int64_t begin = k * images, end = begin + images < c->mb ? begin + images : c->mb;
				chunk_gradient(c, src, diff_dst, begin, end, i, o, taps);
				for (int64_t t = 0; t < 9; t++)
					parts[k * size + (t * c->ic + i) * c->oc + o] = taps[t];
			}
}
