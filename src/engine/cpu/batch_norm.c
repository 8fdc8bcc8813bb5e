/* batch_norm.c - batch normalisation: chunks shared among the threads, channels in vectors. The sums are those of the reference,
 * chain by chain; plain loops along channels leave the vectors to the compiler (fmaf is one instruction, or libm's exact function).
 */
#include <math.h>

#include "engine/chunks.h"
#include "engine/cpu/cpu.h"

#define GROUP 64 /* channels whose sums are held at once; a multiple of every number of lanes */

struct work {
	const struct sc_batch_norm *b;
	struct sc_norm_chunks chunks;
	const float *src, *diff_dst, *scale, *shift;
	float *dst, *statistics;
	float *first, *second; /* (chunks, channels): mean and squares; or sums and products */
	float *factors;        /* (3, channels): what the last pass needs for each channel */
	float *diff_scale, *diff_shift;
};

/* Workspace: two numbers a channel for each chunk, three more for each channel. */
int64_t SC_CPU(batch_norm_workspace)(const struct sc_batch_norm *b, int threads)
{
	(void)threads;
	return (2 * sc_norm_chunks(b).count + 3) * b->channels * (int64_t)sizeof(float);
}

static struct work work_of(const struct sc_batch_norm *b, void *workspace)
{
	struct work w = {.b = b, .chunks = sc_norm_chunks(b)};
	w.first = workspace;
	w.second = w.first + w.chunks.count * b->channels;
	w.factors = w.second + w.chunks.count * b->channels;
	return w;
}

/* Runs pixels [0, pixels) in pieces of about 16 Ki numbers. */
static int64_t pixel_grain(const struct sc_batch_norm *b)
{
	return maximum(1, 16384 / b->channels);
}

/* ---- Statistics -------------------------------------------------------------------------------------------------------------- */

/* src: (pixels, channels) from the chunk's first pixel and the group's first channel on. */
static void group_statistics(const float *restrict src, int64_t channels, int64_t pixels, int64_t count, float *restrict mean,
			     float *restrict squares)
{
	float sum[GROUP] = {0}, square[GROUP] = {0};
	for (int64_t p = 0; p < pixels; p++)
		for (int64_t c = 0; c < count; c++)
			sum[c] += src[p * channels + c];
	for (int64_t c = 0; c < count; c++)
		sum[c] /= (float)pixels;
	for (int64_t p = 0; p < pixels; p++)
		for (int64_t c = 0; c < count; c++) {
			float distance = src[p * channels + c] - sum[c];
			square[c] = __builtin_fmaf(distance, distance, square[c]);
		}
	for (int64_t c = 0; c < count; c++)
		mean[c] = sum[c], squares[c] = square[c];
}

static void chunk_statistics(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	int64_t channels = w->b->channels, p0, p1;
	for (int64_t i = begin; i < end; i++) {
		sc_norm_chunk(&w->chunks, i, &p0, &p1);
		int64_t c = 0;
		for (; c + GROUP <= channels; c += GROUP)
			group_statistics(w->src + p0 * channels + c, channels, p1 - p0, GROUP, w->first + i * channels + c,
					 w->second + i * channels + c);
		if (c < channels)
			group_statistics(w->src + p0 * channels + c, channels, p1 - p0, channels - c, w->first + i * channels + c,
					 w->second + i * channels + c);
	}
}

/* How many pixels the chunks [first, first + count) hold. */
static float pixels_of(const struct sc_norm_chunks *k, int64_t first, int64_t count)
{
	int64_t begin, end, ignored;
	sc_norm_chunk(k, first, &begin, &ignored);
	sc_norm_chunk(k, minimum(first + count, k->count) - 1, &ignored, &end);
	return (float)(end - begin);
}

static void join_statistics(const struct work *w, int64_t c0, int64_t c1)
{
	int64_t channels = w->b->channels;
	SC_FOR_TREE(distance, i, w->chunks.count)
	{
		float na = pixels_of(&w->chunks, i, distance), nb = pixels_of(&w->chunks, i + distance, distance);
		float share = nb / (na + nb), weight = na * share;
		float *restrict mean = w->first + i * channels, *restrict squares = w->second + i * channels;
		const float *restrict other_mean = mean + distance * channels, *restrict other_squares =
										       squares + distance * channels;
		for (int64_t c = c0; c < c1; c++) {
			float delta = other_mean[c] - mean[c];
			mean[c] = __builtin_fmaf(delta, share, mean[c]);
			squares[c] = __builtin_fmaf(delta * delta, weight, squares[c] + other_squares[c]);
		}
	}
}

static void finish_statistics(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	int64_t channels = w->b->channels, c1 = minimum(channels, end * 16);
	join_statistics(w, begin * 16, c1);
	for (int64_t c = begin * 16; c < c1; c++) {
		float variance = w->second[c] / (float)w->chunks.pixels;
		w->statistics[c] = w->first[c];
		w->statistics[channels + c] = variance;
		w->statistics[2 * channels + c] = 1 / sqrtf(variance + w->b->epsilon);
	}
}

static void normalise(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	int64_t channels = w->b->channels;
	const float *restrict mean = w->statistics, *restrict inverse = w->statistics + 2 * channels;
	const float *restrict scale = w->scale, *restrict shift = w->shift;
	for (int64_t p = begin; p < end; p++) {
		const float *src = w->src + p * channels; /* may be dst */
		float *dst = w->dst + p * channels;
		INDEPENDENT
		for (int64_t c = 0; c < channels; c++)
			dst[c] = __builtin_fmaf((src[c] - mean[c]) * inverse[c], scale[c], shift[c]);
	}
}

void SC_CPU(batch_norm_forward)(const struct sc_batch_norm *b, const float *src, const float *scale, const float *shift, float *dst,
				float *statistics, void *workspace, struct sc_pool *pool)
{
	struct work w = work_of(b, workspace);
	w.src = src, w.scale = scale, w.shift = shift, w.dst = dst, w.statistics = statistics;
	sc_pool_run(pool, chunk_statistics, &w, w.chunks.count, maximum(1, 256 / b->channels));
	sc_pool_run(pool, finish_statistics, &w, (b->channels + 15) / 16, 1);
	sc_pool_run(pool, normalise, &w, w.chunks.pixels, pixel_grain(b));
}

/* ---- Inference ------------------------------------------------------------------------------------------------------------------
 */

static void apply(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	int64_t channels = w->b->channels;
	const float *restrict factor = w->factors, *restrict offset = w->factors + channels;
	for (int64_t p = begin; p < end; p++) {
		const float *src = w->src + p * channels;
		float *dst = w->dst + p * channels;
		INDEPENDENT
		for (int64_t c = 0; c < channels; c++)
			dst[c] = __builtin_fmaf(src[c], factor[c], offset[c]);
	}
}

void SC_CPU(batch_norm_infer)(const struct sc_batch_norm *b, const float *src, const float *scale, const float *shift,
			      const float *mean, const float *variance, float *dst, void *workspace, struct sc_pool *pool)
{
	struct work w = work_of(b, workspace);
	w.src = src, w.dst = dst;
	for (int64_t c = 0; c < b->channels; c++) {
		float factor = scale[c] / sqrtf(variance[c] + b->epsilon);
		w.factors[c] = factor;
		w.factors[b->channels + c] = __builtin_fmaf(-mean[c], factor, shift[c]);
	}
	sc_pool_run(pool, apply, &w, w.chunks.pixels, pixel_grain(b));
}

/* ---- Backward
 * ---------------------------------------------------------------------------------------------------------------------- */

static void group_sums(const float *restrict src, const float *restrict diff, int64_t channels, int64_t pixels, int64_t count,
		       const float *restrict mean, const float *restrict inverse, float *restrict sums, float *restrict products)
{
	float sum[GROUP] = {0}, product[GROUP] = {0};
	for (int64_t p = 0; p < pixels; p++)
		for (int64_t c = 0; c < count; c++) {
			float dy = diff[p * channels + c];
			sum[c] += dy;
			product[c] = __builtin_fmaf(dy, (src[p * channels + c] - mean[c]) * inverse[c], product[c]);
		}
	for (int64_t c = 0; c < count; c++)
		sums[c] = sum[c], products[c] = product[c];
}

static void chunk_sums(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	int64_t channels = w->b->channels, p0, p1;
	const float *mean = w->statistics, *inverse = w->statistics + 2 * channels;
	for (int64_t i = begin; i < end; i++) {
		sc_norm_chunk(&w->chunks, i, &p0, &p1);
		for (int64_t c = 0; c < channels; c += GROUP) {
			int64_t at = p0 * channels + c, sums = i * channels + c, count = minimum(GROUP, channels - c);
			if (count == GROUP)
				group_sums(w->src + at, w->diff_dst + at, channels, p1 - p0, GROUP, mean + c, inverse + c,
					   w->first + sums, w->second + sums);
			else
				group_sums(w->src + at, w->diff_dst + at, channels, p1 - p0, count, mean + c, inverse + c,
					   w->first + sums, w->second + sums);
		}
	}
}

static void finish_sums(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	int64_t channels = w->b->channels, c1 = minimum(channels, end * 16);
	SC_FOR_TREE(distance, i, w->chunks.count)
	{
		float *restrict sums = w->first + i * channels, *restrict products = w->second + i * channels;
		const float *restrict other_sums = sums + distance * channels, *restrict other_products =
										       products + distance * channels;
		for (int64_t c = begin * 16; c < c1; c++)
			sums[c] += other_sums[c], products[c] += other_products[c];
	}
	for (int64_t c = begin * 16; c < c1; c++) {
		w->diff_shift[c] = w->first[c];
		w->diff_scale[c] = w->second[c];
		w->factors[c] = w->scale[c] * w->statistics[2 * channels + c];
		w->factors[channels + c] = w->first[c] / (float)w->chunks.pixels;
		w->factors[2 * channels + c] = w->second[c] / (float)w->chunks.pixels;
	}
}

static void differentiate(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	int64_t channels = w->b->channels;
	const float *restrict mean = w->statistics, *restrict inverse = w->statistics + 2 * channels;
	const float *restrict factor = w->factors, *restrict shift_mean = factor + channels,
			      *restrict scale_mean = factor + 2 * channels;
	for (int64_t p = begin; p < end; p++) {
		const float *src = w->src + p * channels, *diff_dst = w->diff_dst + p * channels; /* diff_src may be diff_dst */
		float *diff_src = w->dst + p * channels;
		INDEPENDENT
		for (int64_t c = 0; c < channels; c++) {
			float normalised = (src[c] - mean[c]) * inverse[c];
			diff_src[c] = factor[c] * __builtin_fmaf(-normalised, scale_mean[c], diff_dst[c] - shift_mean[c]);
		}
	}
}

void SC_CPU(batch_norm_backward)(const struct sc_batch_norm *b, const float *src, const float *diff_dst, const float *scale,
				 const float *statistics, float *diff_src, float *diff_scale, float *diff_shift, void *workspace,
				 struct sc_pool *pool)
{
	struct work w = work_of(b, workspace);
	w.src = src, w.diff_dst = diff_dst, w.scale = scale, w.dst = diff_src, w.diff_scale = diff_scale, w.diff_shift = diff_shift;
	w.statistics = (float *)(uintptr_t)statistics; /* only read here */
	sc_pool_run(pool, chunk_sums, &w, w.chunks.count, maximum(1, 256 / b->channels));
	sc_pool_run(pool, finish_sums, &w, (b->channels + 15) / 16, 1);
	sc_pool_run(pool, differentiate, &w, w.chunks.pixels, pixel_grain(b));
}
