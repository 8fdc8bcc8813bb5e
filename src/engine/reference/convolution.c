/* convolution.c - convolution in plain loops: forward, by the source, by the weights.
 *
 * Each element is one chain of fused multiply-adds that starts at +0:
 *   forward           dst[n, y, x, o]       over tap row, tap column, input channel, ascending; then + bias, + residual, each
 *                     rounded once more; then the rectifier
 *   backward data     diff_src[n, y, x, i]  over output row, output column, output channel, ascending
 *   backward weights  diff_weights[r, s, i, o]  over image, output row, output column, ascending, cut into chunks (chunks.h)
 * Taps that fall into the padding are no part of a chain. Dense layers are the case 1x1 on a 1x1 image. */
#include <math.h>
#include <string.h>

#include "engine/chunks.h"
#include "engine/reference/reference.h"

/* Plain loops read the weights as they are. */
int64_t sc_reference_convolution_packed_bytes(const struct sc_convolution *c)
{
	return c->kh * c->kw * c->ic * c->oc * (int64_t)sizeof(float);
}

void sc_reference_convolution_pack(const struct sc_convolution *c, const float *weights, float *packed, struct sc_pool *pool)
{
	(void)pool;
	memcpy(packed, weights, (size_t)sc_reference_convolution_packed_bytes(c));
}

float sc_reference_convolution_finish(const struct sc_convolution_forward *t, int64_t i, int64_t o, float sum)
{
	if (t->bias)
		sum += t->bias[o];
	if (t->residual)
		sum += t->residual[i];
	return t->relu && sum < 0 ? 0 : sum;
}

int64_t sc_reference_convolution_forward_workspace(const struct sc_convolution *c, int threads)
{
	(void)threads;
	return c->winograd ? sc_reference_winograd_workspace(c) : 0;
}

void sc_reference_convolution_forward(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace,
				      struct sc_pool *pool)
{
	(void)pool;
	if (c->winograd) {
		sc_reference_winograd_forward(c, t, workspace);
		return;
	}
	for (int64_t n = 0; n < c->mb; n++)
		for (int64_t y = 0; y < c->oh; y++)
			for (int64_t x = 0; x < c->ow; x++)
				for (int64_t o = 0; o < c->oc; o++) {
					float sum = 0;
					for (int64_t r = 0; r < c->kh; r++)
						for (int64_t s = 0; s < c->kw; s++) {
							int64_t iy = y * c->stride_h - c->pad_top + r;
							int64_t ix = x * c->stride_w - c->pad_left + s;
							if (iy < 0 || iy >= c->ih || ix < 0 || ix >= c->iw)
								continue;
							for (int64_t i = 0; i < c->ic; i++)
								sum = fmaf(t->src[((n * c->ih + iy) * c->iw + ix) * c->ic + i],
									   t->packed[((r * c->kw + s) * c->ic + i) * c->oc + o],
									   sum);
						}
					int64_t element = ((n * c->oh + y) * c->ow + x) * c->oc + o;
					t->dst[element] = sc_reference_convolution_finish(t, element, o, sum);
				}
}

int64_t sc_reference_convolution_backward_data_workspace(const struct sc_convolution *c, int threads)
{
	(void)threads;
	return c->winograd ? sc_reference_winograd_workspace(c) : 0;
}

void sc_reference_convolution_backward_data(const struct sc_convolution *c, const float *diff_dst, const float *weights,
					    float *diff_src, bool accumulate, void *workspace, struct sc_pool *pool)
{
	(void)pool;
	if (c->winograd) {
		sc_reference_winograd_backward_data(c, diff_dst, weights, diff_src, accumulate, workspace);
		return;
	}
	for (int64_t n = 0; n < c->mb; n++)
		for (int64_t iy = 0; iy < c->ih; iy++)
			for (int64_t ix = 0; ix < c->iw; ix++)
				for (int64_t i = 0; i < c->ic; i++) {
					float sum = 0;
					for (int64_t r = c->kh - 1; r >= 0; r--) /* the output row rises as the tap row falls */
						for (int64_t s = c->kw - 1; s >= 0; s--) {
							int64_t y = iy + c->pad_top - r, x = ix + c->pad_left - s;
							if (y < 0 || x < 0 || y % c->stride_h || x % c->stride_w)
								continue;
							y /= c->stride_h, x /= c->stride_w;
							if (y >= c->oh || x >= c->ow)
								continue;
							for (int64_t o = 0; o < c->oc; o++)
								sum = fmaf(diff_dst[((n * c->oh + y) * c->ow + x) * c->oc + o],
									   weights[((r * c->kw + s) * c->ic + i) * c->oc + o], sum);
						}
					float *element = &diff_src[((n * c->ih + iy) * c->iw + ix) * c->ic + i];
					*element = accumulate ? *element + sum : sum;
				}
}

/* One part of the weights' gradient for each chunk, and one of the bias'. */
int64_t sc_reference_convolution_backward_weights_workspace(const struct sc_convolution *c, int threads)
{
	(void)threads;
	return sc_gradient_chunk_count(c) * (c->kh * c->kw * c->ic + 1) * c->oc * (int64_t)sizeof(float);
}

/* The sum over the images [begin, end) for one tap. */
static float tap_gradient(const struct sc_convolution *c, const float *src, const float *diff_dst, int64_t begin, int64_t end,
			  int64_t r, int64_t s, int64_t i, int64_t o)
{
	float sum = 0;
	for (int64_t n = begin; n < end; n++)
		for (int64_t y = 0; y < c->oh; y++)
			for (int64_t x = 0; x < c->ow; x++) {
				int64_t iy = y * c->stride_h - c->pad_top + r, ix = x * c->stride_w - c->pad_left + s;
				if (iy < 0 || iy >= c->ih || ix < 0 || ix >= c->iw)
					continue;
				sum = fmaf(src[((n * c->ih + iy) * c->iw + ix) * c->ic + i],
					   diff_dst[((n * c->oh + y) * c->ow + x) * c->oc + o], sum);
			}
	return sum;
}

/* parts: (chunks, kh, kw, ic, oc) */
static void direct_parts(const struct sc_convolution *c, const float *src, const float *diff_dst, float *parts)
{
	int64_t images = sc_gradient_chunk_images(c), chunks = sc_gradient_chunk_count(c);
	for (int64_t k = 0; k < chunks; k++) {
		int64_t begin = k * images, end = begin + images < c->mb ? begin + images : c->mb;
		for (int64_t r = 0; r < c->kh; r++)
			for (int64_t s = 0; s < c->kw; s++)
				for (int64_t i = 0; i < c->ic; i++)
					for (int64_t o = 0; o < c->oc; o++)
						*parts++ = tap_gradient(c, src, diff_dst, begin, end, r, s, i, o);
	}
}

static void join(float *parts, int64_t count, int64_t size, float *result)
{
	SC_FOR_TREE(distance, p, count)
	for (int64_t i = 0; i < size; i++)
		parts[p * size + i] += parts[(p + distance) * size + i];
	memcpy(result, parts, (size_t)size * sizeof(float));
}

void sc_reference_convolution_backward_weights(const struct sc_convolution *c, const float *src, const float *diff_dst,
					       float *diff_weights, float *diff_bias, void *workspace, struct sc_pool *pool)
{
	(void)pool;
	int64_t images = sc_gradient_chunk_images(c), chunks = sc_gradient_chunk_count(c);
	int64_t size = c->kh * c->kw * c->ic * c->oc;
	float *parts = workspace, *bias_parts = parts + chunks * size; /* (chunks, kh, kw, ic, oc), (chunks, oc) */
	if (c->winograd)
		sc_reference_winograd_weights(c, src, diff_dst, parts);
	else
		direct_parts(c, src, diff_dst, parts);
	for (int64_t k = 0; k < chunks && diff_bias; k++) {
		int64_t begin = k * images, end = begin + images < c->mb ? begin + images : c->mb;
		for (int64_t o = 0; o < c->oc; o++) {
			float sum = 0;
			for (int64_t p = begin * c->oh * c->ow; p < end * c->oh * c->ow; p++)
				sum += diff_dst[p * c->oc + o];
			bias_parts[k * c->oc + o] = sum;
		}
	}
	join(parts, chunks, size, diff_weights);
	if (diff_bias)
		join(bias_parts, chunks, c->oc, diff_bias);
}
