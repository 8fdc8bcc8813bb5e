/* pool.c - max-pooling and average pooling, a row or an image at a time; vectors along channels. */
#include <string.h>

#include "engine/cpu/cpu.h"

#define GROUP   64  /* channels that are worked on together */
#define PADDING 255 /* in `winner`: the padding won */

struct max_work {
	const struct sc_max_pool *m;
	const float *src, *diff_dst;
	float *dst, *diff_src;
	uint8_t *winner;
	const uint8_t *won;
};

/* Channels [0, count) of one output pixel, taps by row and column; a later tap wins if it is greater, or not a number. */
static void pool_pixel(const struct sc_max_pool *m, const float *image, int64_t top, int64_t left, int64_t count,
		       float *restrict dst, uint8_t *restrict winner)
{
	float best[GROUP];
	int32_t who[GROUP];
	for (int64_t tap = 0; tap < m->kh * m->kw; tap++) {
		int64_t iy = top + tap / m->kw, ix = left + tap % m->kw;
		bool inside = iy >= 0 && iy < m->ih && ix >= 0 && ix < m->iw;
		const float *src = inside ? image + (iy * m->iw + ix) * m->channels : NULL;
		int32_t mark = inside ? (int32_t)tap : PADDING;
		for (int64_t c = 0; c < count; c++) {
			float value = src ? src[c] : m->pad_value;
			bool wins = tap == 0 || value > best[c] || value != value;
			best[c] = wins ? value : best[c];
			who[c] = wins ? mark : who[c];
		}
	}
	for (int64_t c = 0; c < count; c++)
		dst[c] = best[c], winner[c] = (uint8_t)who[c];
}

static void max_rows(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct max_work *w = context;
	const struct sc_max_pool *m = w->m;
	for (int64_t row = begin; row < end; row++) {
		int64_t n = row / m->oh, y = row % m->oh;
		for (int64_t x = 0; x < m->ow; x++)
			for (int64_t c = 0; c < m->channels; c += GROUP) {
				int64_t at = (row * m->ow + x) * m->channels + c;
				pool_pixel(m, w->src + n * m->ih * m->iw * m->channels + c, y * m->stride_h - m->pad_top,
					   x * m->stride_w - m->pad_left, minimum(GROUP, m->channels - c), w->dst + at,
					   w->winner + at);
			}
	}
}

void SC_CPU(max_pool_forward)(const struct sc_max_pool *m, const float *src, float *dst, uint8_t *winner, struct sc_pool *pool)
{
	struct max_work w = {.m = m, .src = src, .dst = dst, .winner = winner};
	sc_pool_run(pool, max_rows, &w, m->mb * m->oh, 1);
}

/* Windows of one image overlap, so an image is one unit of work. */
static void max_images(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct max_work *w = context;
	const struct sc_max_pool *m = w->m;
	int64_t size = m->ih * m->iw * m->channels;
	memset(w->diff_src + begin * size, 0, (size_t)((end - begin) * size) * sizeof(float));
	for (int64_t n = begin; n < end; n++)
		for (int64_t y = 0; y < m->oh; y++)
			for (int64_t x = 0; x < m->ow; x++) {
				int64_t at = ((n * m->oh + y) * m->ow + x) * m->channels;
				int64_t top = y * m->stride_h - m->pad_top, left = x * m->stride_w - m->pad_left;
				for (int64_t c = 0; c < m->channels; c++) {
					uint8_t tap = w->won[at + c];
					if (tap == PADDING)
						continue;
					int64_t iy = top + tap / m->kw, ix = left + tap % m->kw;
					w->diff_src[((n * m->ih + iy) * m->iw + ix) * m->channels + c] += w->diff_dst[at + c];
				}
			}
}

void SC_CPU(max_pool_backward)(const struct sc_max_pool *m, const float *diff_dst, const uint8_t *winner, float *diff_src,
			       struct sc_pool *pool)
{
	struct max_work w = {.m = m, .diff_dst = diff_dst, .diff_src = diff_src, .won = winner};
	sc_pool_run(pool, max_images, &w, m->mb, 1);
}

struct average_work {
	const struct sc_average_pool *a;
	const float *from;
	float *to;
};

static int64_t average_rows(const struct sc_average_pool *a, int64_t y)
{
	return minimum(a->kh, a->ih - y * a->kh);
}
static int64_t average_columns(const struct sc_average_pool *a, int64_t x)
{
	return minimum(a->kw, a->iw - x * a->kw);
}

/* cell: its first pixel. */
static void average_cell(const struct sc_average_pool *a, const float *restrict cell, int64_t rows, int64_t columns,
			 float *restrict dst)
{
	memset(dst, 0, (size_t)a->channels * sizeof(float));
	for (int64_t r = 0; r < rows; r++)
		for (int64_t s = 0; s < columns; s++)
			for (int64_t c = 0; c < a->channels; c++)
				dst[c] += cell[(r * a->iw + s) * a->channels + c];
	for (int64_t c = 0; c < a->channels; c++)
		dst[c] /= (float)(rows * columns);
}

/* Output rows of the whole batch. */
static void average_forward(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct average_work *w = context;
	const struct sc_average_pool *a = w->a;
	for (int64_t row = begin; row < end; row++) {
		int64_t n = row / a->oh, y = row % a->oh;
		const float *cells = w->from + (n * a->ih + y * a->kh) * a->iw * a->channels;
		for (int64_t x = 0; x < a->ow; x++)
			average_cell(a, cells + x * a->kw * a->channels, average_rows(a, y), average_columns(a, x),
				     w->to + (row * a->ow + x) * a->channels);
	}
}

void SC_CPU(average_pool_forward)(const struct sc_average_pool *a, const float *src, float *dst, struct sc_pool *pool)
{
	struct average_work w = {a, src, dst};
	sc_pool_run(pool, average_forward, &w, a->mb * a->oh, 1);
}

/* Source rows of the whole batch. */
static void average_backward(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct average_work *w = context;
	const struct sc_average_pool *a = w->a;
	for (int64_t row = begin; row < end; row++)
		for (int64_t ix = 0; ix < a->iw; ix++) {
			int64_t y = row % a->ih / a->kh, x = ix / a->kw;
			const float *restrict diff_dst = w->from + ((row / a->ih * a->oh + y) * a->ow + x) * a->channels;
			float *restrict diff_src = w->to + (row * a->iw + ix) * a->channels;
			float pixels = (float)(average_rows(a, y) * average_columns(a, x));
			for (int64_t c = 0; c < a->channels; c++)
				diff_src[c] = diff_dst[c] / pixels;
		}
}

void SC_CPU(average_pool_backward)(const struct sc_average_pool *a, const float *diff_dst, float *diff_src, struct sc_pool *pool)
{
	struct average_work w = {a, diff_dst, diff_src};
	sc_pool_run(pool, average_backward, &w, a->mb * a->ih, 1);
}
