/* pool.c - max-pooling and average pooling, a row or an image at a time; vectors along channels. */
#include <string.h>

#include "engine/cpu/cpu.h"

#define PADDING 255 /* in `winner`: the padding won */

struct max_work {
	const struct sc_max_pool *m;
	const float *src, *diff_dst;
	float *dst, *diff_src;
	uint8_t *winner;
	const uint8_t *won;
};

/* `count` channels of one output pixel from c on. taps: its window's pixels by row and column, NULL for the padding; a later one
 * wins if it is greater, or not a number. */
SC_INLINE void pool_lanes(const struct sc_max_pool *m, const float *const *taps, int64_t c, const int count, float *dst,
			  uint8_t *winner, const bool marks)
{
	lanes best = lanes_zero(), holder = best;
	for (int64_t tap = 0; tap < m->kh * m->kw; tap++) {
		const float *at = taps[tap] ? taps[tap] + c : NULL;
		const lanes value = !at              ? lanes_broadcast(m->pad_value)
				    : count == LANES ? lanes_load(at)
						     : lanes_load_first(at, count);
		const lanes mark = lanes_broadcast(at ? (float)tap : PADDING);
		if (tap == 0)
			best = value, holder = mark;
		else
			lanes_contend(value, mark, &best, &holder);
	}
	if (count == LANES)
		lanes_store(dst + c, best);
	else
		lanes_store_first(dst + c, best, count);
	if (marks) {
		float held[LANES];
		lanes_store(held, holder);
		for (int i = 0; i < count; i++)
			winner[c + i] = (uint8_t)held[i];
	}
}

SC_INLINE void pool_pixel(const struct sc_max_pool *m, const float *const *taps, float *dst, uint8_t *winner, const bool marks)
{
	int64_t c = 0;
	for (; c + LANES <= m->channels; c += LANES)
		pool_lanes(m, taps, c, LANES, dst, winner, marks);
	if (c < m->channels)
		pool_lanes(m, taps, c, (int)(m->channels - c), dst, winner, marks);
}

void SC_CPU(max_pool_row)(const struct sc_max_pool *m, const float *const *rows, float *dst, uint8_t *winner)
{
	const float *taps[SC_MAX_KERNEL * SC_MAX_KERNEL];
	for (int64_t x = 0; x < m->ow; x++, dst += m->channels) {
		for (int64_t tap = 0; tap < m->kh * m->kw; tap++) {
			const int64_t column = x * m->stride_w - m->pad_left + tap % m->kw;
			const float *row = rows[tap / m->kw];
			taps[tap] = row && column >= 0 && column < m->iw ? row + column * m->channels : NULL;
		}
		if (winner)
			pool_pixel(m, taps, dst, winner + x * m->channels, true);
		else
			pool_pixel(m, taps, dst, NULL, false);
	}
}

static void max_rows(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct max_work *w = context;
	const struct sc_max_pool *m = w->m;
	for (int64_t row = begin; row < end; row++) {
		const float *rows[SC_MAX_KERNEL], *image = w->src + row / m->oh * m->ih * m->iw * m->channels;
		const int64_t top = row % m->oh * m->stride_h - m->pad_top, at = row * m->ow * m->channels;
		for (int64_t r = 0; r < m->kh; r++)
			rows[r] = top + r >= 0 && top + r < m->ih ? image + (top + r) * m->iw * m->channels : NULL;
		SC_CPU(max_pool_row)(m, rows, w->dst + at, w->winner + at);
	}
}

void SC_CPU(max_pool_forward)(const struct sc_max_pool *m, const float *src, float *dst, uint8_t *winner, struct sc_pool *pool)
{
	struct max_work w = {.m = m, .src = src, .dst = dst, .winner = winner};
	sc_pool_run(pool, max_rows, &w, m->mb * m->oh, 1);
}

/* The windows along an axis that hold place i of the source: [first, *end). */
static int64_t windows_over(int64_t i, int64_t pad, int64_t kernel, int64_t stride, int64_t out, int64_t *end)
{
	int64_t from_start = i + pad;
	*end = minimum(from_start / stride + 1, out);
	return from_start < kernel ? 0 : (from_start - kernel) / stride + 1;
}

/* dst += where the tap has won: src. Nothing is ever -0 here, so adding 0 changes no bit. */
static void add_won(float *restrict dst, const float *restrict src, const uint8_t *restrict won, int32_t tap, int64_t count)
{
	for (int64_t c = 0; c < count; c++)
		dst[c] += won[c] == tap ? src[c] : 0.0f;
}

/* Each pixel of the source gathers from the windows that hold it, in their order. */
static void gather_rows(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct max_work *w = context;
	const struct sc_max_pool *m = w->m;
	for (int64_t row = begin; row < end; row++) {
		int64_t n = row / m->ih, iy = row % m->ih, y_end, x_end;
		int64_t y_begin = windows_over(iy, m->pad_top, m->kh, m->stride_h, m->oh, &y_end);
		for (int64_t ix = 0; ix < m->iw; ix++) {
			float *dst = w->diff_src + (row * m->iw + ix) * m->channels;
			int64_t x_begin = windows_over(ix, m->pad_left, m->kw, m->stride_w, m->ow, &x_end);
			memset(dst, 0, (size_t)m->channels * sizeof(float));
			for (int64_t y = y_begin; y < y_end; y++)
				for (int64_t x = x_begin; x < x_end; x++) {
					int64_t at = ((n * m->oh + y) * m->ow + x) * m->channels;
					int64_t tap_y = iy + m->pad_top - y * m->stride_h, tap_x = ix + m->pad_left - x * m->stride_w;
					add_won(dst, w->diff_dst + at, w->won + at, (int32_t)(tap_y * m->kw + tap_x), m->channels);
				}
		}
	}
}

void SC_CPU(max_pool_backward)(const struct sc_max_pool *m, const float *diff_dst, const uint8_t *winner, float *diff_src,
			       struct sc_pool *pool)
{
	struct max_work w = {.m = m, .diff_dst = diff_dst, .diff_src = diff_src, .won = winner};
	sc_pool_run(pool, gather_rows, &w, m->mb * m->ih, 1);
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
