/* pool.c - max-pooling and average pooling in plain loops. */
#include <math.h>
#include <string.h>

#include "engine/reference/reference.h"

#define PADDING 255 /* in `winner`: the padding won, no pixel gets the gradient */

/* Taps are tried by row, then by column; a later one wins only if it is greater, or not a number. */
void sc_reference_max_pool_forward(const struct sc_max_pool *m, const float *src, float *dst, uint8_t *winner, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t n = 0; n < m->mb; n++)
		for (int64_t y = 0; y < m->oh; y++)
			for (int64_t x = 0; x < m->ow; x++)
				for (int64_t c = 0; c < m->channels; c++) {
					float best = 0;
					uint8_t who = PADDING;
					for (int64_t tap = 0; tap < m->kh * m->kw; tap++) {
						int64_t iy = y * m->stride_h - m->pad_top + tap / m->kw;
						int64_t ix = x * m->stride_w - m->pad_left + tap % m->kw;
						bool inside = iy >= 0 && iy < m->ih && ix >= 0 && ix < m->iw;
						float value = inside ? src[((n * m->ih + iy) * m->iw + ix) * m->channels + c]
								     : m->pad_value;
						if (tap == 0 || value > best || isnan(value)) {
							best = value;
							who = inside ? (uint8_t)tap : PADDING;
						}
					}
					dst[((n * m->oh + y) * m->ow + x) * m->channels + c] = best;
					winner[((n * m->oh + y) * m->ow + x) * m->channels + c] = who;
				}
}

/* Workspace: the convolution's result, winners. */
int64_t sc_reference_convolution_pool_workspace(const struct sc_convolution *c, const struct sc_max_pool *m, int threads)
{
	(void)threads;
	return c->mb * c->oh * c->ow * c->oc * (int64_t)sizeof(float) + m->mb * m->oh * m->ow * m->channels;
}

void sc_reference_convolution_pool_forward(const struct sc_convolution *c, const struct sc_max_pool *m,
					   const struct sc_convolution_forward *t, void *workspace, struct sc_pool *pool)
{
	struct sc_convolution_forward convolution = *t;
	convolution.dst = workspace;
	sc_reference_convolution_forward(c, &convolution, NULL, pool);
	sc_reference_max_pool_forward(m, workspace, t->dst, (uint8_t *)(convolution.dst + c->mb * c->oh * c->ow * c->oc), pool);
}

/* A pixel that won several windows adds their gradients, by output row, then by output column. */
void sc_reference_max_pool_backward(const struct sc_max_pool *m, const float *diff_dst, const uint8_t *winner, float *diff_src,
				    struct sc_pool *pool)
{
	(void)pool;
	memset(diff_src, 0, (size_t)(m->mb * m->ih * m->iw * m->channels) * sizeof(float));
	for (int64_t n = 0; n < m->mb; n++)
		for (int64_t y = 0; y < m->oh; y++)
			for (int64_t x = 0; x < m->ow; x++)
				for (int64_t c = 0; c < m->channels; c++) {
					int64_t at = ((n * m->oh + y) * m->ow + x) * m->channels + c;
					if (winner[at] == PADDING)
						continue;
					int64_t iy = y * m->stride_h - m->pad_top + winner[at] / m->kw;
					int64_t ix = x * m->stride_w - m->pad_left + winner[at] % m->kw;
					diff_src[((n * m->ih + iy) * m->iw + ix) * m->channels + c] += diff_dst[at];
				}
}

/* Pixels in row y and column x of the cells. */
static int64_t cell_pixels(const struct sc_average_pool *a, int64_t y, int64_t x)
{
	int64_t rows = a->ih - y * a->kh, columns = a->iw - x * a->kw;
	return (rows < a->kh ? rows : a->kh) * (columns < a->kw ? columns : a->kw);
}

/* The sum of a cell is one chain, by row, then by column. */
void sc_reference_average_pool_forward(const struct sc_average_pool *a, const float *src, float *dst, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t n = 0; n < a->mb; n++)
		for (int64_t y = 0; y < a->oh; y++)
			for (int64_t x = 0; x < a->ow; x++)
				for (int64_t c = 0; c < a->channels; c++) {
					float sum = 0;
					for (int64_t iy = y * a->kh; iy < (y + 1) * a->kh && iy < a->ih; iy++)
						for (int64_t ix = x * a->kw; ix < (x + 1) * a->kw && ix < a->iw; ix++)
							sum += src[((n * a->ih + iy) * a->iw + ix) * a->channels + c];
					dst[((n * a->oh + y) * a->ow + x) * a->channels + c] = sum / (float)cell_pixels(a, y, x);
				}
}

void sc_reference_average_pool_backward(const struct sc_average_pool *a, const float *diff_dst, float *diff_src,
					struct sc_pool *pool)
{
	(void)pool;
	for (int64_t n = 0; n < a->mb; n++)
		for (int64_t iy = 0; iy < a->ih; iy++)
			for (int64_t ix = 0; ix < a->iw; ix++)
				for (int64_t c = 0; c < a->channels; c++) {
					int64_t y = iy / a->kh, x = ix / a->kw;
					float diff = diff_dst[((n * a->oh + y) * a->ow + x) * a->channels + c];
					diff_src[((n * a->ih + iy) * a->iw + ix) * a->channels + c] =
						diff / (float)cell_pixels(a, y, x);
				}
}
