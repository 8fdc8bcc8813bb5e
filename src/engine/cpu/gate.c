/* gate.c - sigmoid, and channels scaled by numbers of their own image: squeeze-and-excitation's gate; vectors along channels. */
#include "base/exact.h"
#include "engine/cpu/cpu.h"

/* ---- Sigmoid: a number for each image and channel, so few that the exact function of double is good enough ------------------- */

struct sigmoid_work {
	const float *a, *b;
	float *result;
};

static void sigmoid_numbers(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct sigmoid_work *w = context;
	for (int64_t i = begin; i < end; i++)
		w->result[i] = (float)sc_sigmoid((double)w->a[i]);
}

void SC_CPU(sigmoid_forward)(int64_t count, const float *src, float *dst, struct sc_pool *pool)
{
	struct sigmoid_work w = {.a = src, .result = dst};
	sc_pool_run(pool, sigmoid_numbers, &w, count, 256);
}

static void sigmoid_differences(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct sigmoid_work *w = context;
	const float *dst = w->a, *diff_dst = w->b;
	float *diff_src = w->result;
	INDEPENDENT
	for (int64_t i = begin; i < end; i++)
		diff_src[i] = diff_dst[i] * (dst[i] * (1 - dst[i]));
}

void SC_CPU(sigmoid_backward)(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool)
{
	struct sigmoid_work w = {.a = dst, .b = diff_dst, .result = diff_src};
	sc_pool_run(pool, sigmoid_differences, &w, count, 4096);
}

/* ---- Channel scale ----------------------------------------------------------------------------------------------------------- */

#define GROUP 64 /* channels of an image that are worked on together in backward: their sums stay in registers or L1 */

struct scale_work {
	const struct sc_scale *s;
	const float *src, *factor;
	float *dst;
	const struct sc_scale_backward *t;
};

/* Pixels of the whole batch. */
static void scale_pixels(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct scale_work *w = context;
	const int64_t channels = w->s->channels;
	for (int64_t p = begin; p < end; p++) {
		const float *src = w->src + p * channels, *factor = w->factor + p / w->s->pixels * channels;
		float *dst = w->dst + p * channels;
		INDEPENDENT
		for (int64_t c = 0; c < channels; c++)
			dst[c] = src[c] * factor[c];
	}
}

void SC_CPU(scale_forward)(const struct sc_scale *s, const float *src, const float *factor, float *dst, struct sc_pool *pool)
{
	struct scale_work w = {.s = s, .src = src, .factor = factor, .dst = dst};
	sc_pool_run(pool, scale_pixels, &w, s->mb * s->pixels, 64);
}

/* `count` channels of one image, from its number `first` on; `at` is that of their factors. */
static void scale_group(const struct sc_scale *s, const struct sc_scale_backward *t, int64_t first, int64_t at, int64_t count)
{
	float sum[GROUP] = {0};
	const float *factor = t->factor + at;
	for (int64_t p = 0; p < s->pixels; p++) {
		const float *src = t->src + first + p * s->channels, *diff_dst = t->diff_dst + first + p * s->channels;
		float *diff_src = t->diff_src + first + p * s->channels;
		INDEPENDENT
		for (int64_t c = 0; c < count; c++) {
			float diff = diff_dst[c];
			sum[c] = __builtin_fmaf(diff, src[c], sum[c]);
			diff_src[c] = diff * factor[c];
		}
	}
	for (int64_t c = 0; c < count; c++)
		t->diff_factor[at + c] = sum[c];
}

static void scale_groups(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct scale_work *w = context;
	const struct sc_scale *s = w->s;
	const int64_t groups = parts_of(s->channels, GROUP);
	for (int64_t i = begin; i < end; i++) {
		int64_t n = i / groups, c = i % groups * GROUP;
		scale_group(s, w->t, n * s->pixels * s->channels + c, n * s->channels + c, minimum(GROUP, s->channels - c));
	}
}

void SC_CPU(scale_backward)(const struct sc_scale *s, const struct sc_scale_backward *t, struct sc_pool *pool)
{
	struct scale_work w = {.s = s, .t = t};
	sc_pool_run(pool, scale_groups, &w, s->mb * parts_of(s->channels, GROUP), 1);
}
