/* batch_norm.c - batch normalisation: chunks shared among the threads, channels in vectors. The sums are those of the reference,
 * chain by chain; plain loops along channels leave the vectors to the compiler (fmaf is one instruction, or libm's exact function).
 */
#include <math.h>

#include "engine/chunks.h"
#include "engine/cpu/cpu.h"

#define GROUP 64 /* channels whose sums are held at once; a multiple of every number of lanes */

/* Where a rectifier let pass. */
enum mask { MASK_NONE, MASK_DST, MASK_AGAIN };

struct work {
	const struct sc_batch_norm *b;
	struct sc_norm_chunks chunks;
	const float *src, *scale, *shift, *statistics;
	const float *residual;
	float *dst;
	float *first, *second; /* (chunks, channels): mean and squares; or sums and products */
	float *factors;        /* (3, channels): what the last pass needs for each channel */
	float *new_statistics;
	const struct sc_norm_backward *backward;
	enum mask mask;
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
		w->new_statistics[c] = w->first[c];
		w->new_statistics[channels + c] = variance;
		w->new_statistics[2 * channels + c] = 1 / sqrtf(variance + w->b->epsilon);
	}
}

/* The loops below are compiled for each kind of what follows: `added` and `relu` are constants in them. */
SC_INLINE float finish(float value, const float *residual, int64_t i, const bool added, const bool relu)
{
	if (added)
		value += residual[i];
	return relu && value < 0 ? 0 : value;
}

#define FOR_KIND(function, w, begin, end)                                                                                          \
	do {                                                                                                                       \
		if ((w)->residual && (w)->b->relu)                                                                                 \
			function(w, begin, end, true, true);                                                                       \
		else if ((w)->residual)                                                                                            \
			function(w, begin, end, true, false);                                                                      \
		else if ((w)->b->relu)                                                                                             \
			function(w, begin, end, false, true);                                                                      \
		else                                                                                                               \
			function(w, begin, end, false, false);                                                                     \
	} while (0)

SC_INLINE void normalise_pixels(const struct work *w, int64_t begin, int64_t end, const bool added, const bool relu)
{
	int64_t channels = w->b->channels;
	const float *restrict mean = w->statistics, *restrict inverse = w->statistics + 2 * channels;
	const float *restrict scale = w->scale, *restrict shift = w->shift;
	for (int64_t p = begin; p < end; p++) {
		const float *src = w->src + p * channels, *residual = added ? w->residual + p * channels : NULL;
		float *dst = w->dst + p * channels;
		INDEPENDENT
		for (int64_t c = 0; c < channels; c++) {
			float value = __builtin_fmaf((src[c] - mean[c]) * inverse[c], scale[c], shift[c]);
			dst[c] = finish(value, residual, c, added, relu);
		}
	}
}

static void normalise(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	FOR_KIND(normalise_pixels, (const struct work *)context, begin, end);
}

void SC_CPU(batch_norm_again)(const struct sc_batch_norm *b, const struct sc_norm_forward *t, struct sc_pool *pool)
{
	struct work w = {.b = b, .src = t->src, .scale = t->scale, .shift = t->shift, .residual = t->residual, .dst = t->dst};
	w.statistics = t->statistics;
	sc_pool_run(pool, normalise, &w, b->mb * b->height * b->width, pixel_grain(b));
}

void SC_CPU(batch_norm_forward)(const struct sc_batch_norm *b, const struct sc_norm_forward *t, void *workspace,
				struct sc_pool *pool)
{
	struct work w = work_of(b, workspace);
	w.src = t->src, w.new_statistics = t->statistics;
	sc_pool_run(pool, chunk_statistics, &w, w.chunks.count, maximum(1, 256 / b->channels));
	sc_pool_run(pool, finish_statistics, &w, parts_of(b->channels, 16), 1);
	SC_CPU(batch_norm_again)(b, t, pool);
}

/* ---- Inference --------------------------------------------------------------------------------------------------------------- */

SC_INLINE void apply_pixels(const struct work *w, int64_t begin, int64_t end, const bool added, const bool relu)
{
	int64_t channels = w->b->channels;
	const float *restrict factor = w->factors, *restrict offset = w->factors + channels;
	for (int64_t p = begin; p < end; p++) {
		const float *src = w->src + p * channels, *residual = added ? w->residual + p * channels : NULL;
		float *dst = w->dst + p * channels;
		INDEPENDENT
		for (int64_t c = 0; c < channels; c++)
			dst[c] = finish(__builtin_fmaf(src[c], factor[c], offset[c]), residual, c, added, relu);
	}
}

static void apply(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	FOR_KIND(apply_pixels, (const struct work *)context, begin, end);
}

void SC_CPU(batch_norm_infer)(const struct sc_batch_norm *b, const struct sc_norm_infer *t, void *workspace, struct sc_pool *pool)
{
	struct work w = work_of(b, workspace);
	w.src = t->src, w.residual = t->residual, w.dst = t->dst;
	for (int64_t c = 0; c < b->channels; c++) {
		float factor = t->scale[c] / sqrtf(t->variance[c] + b->epsilon);
		w.factors[c] = factor;
		w.factors[b->channels + c] = __builtin_fmaf(-t->mean[c], factor, t->shift[c]);
	}
	sc_pool_run(pool, apply, &w, w.chunks.pixels, pixel_grain(b));
}

/* ---- Backward ---------------------------------------------------------------------------------------------------------------- */

SC_INLINE float passed(float diff, float result, float again, const enum mask mask)
{
	if (mask == MASK_NONE)
		return diff;
	return (mask == MASK_DST ? result : again) > 0 ? diff : 0;
}

/* Sums of `count` channels from c0 on over the pixels [p0, p1) of a chunk. What passed the rectifier is kept where it is wanted: the
 * last pass need not find it out again, from one tensor more. */
SC_INLINE void group_sums(const struct work *w, int64_t p0, int64_t p1, int64_t c0, int64_t count, const enum mask mask,
			  const bool keeps, float *restrict sums, float *restrict products)
{
	const int64_t channels = w->b->channels;
	const float *restrict mean = w->statistics + c0, *restrict inverse = w->statistics + 2 * channels + c0;
	const float *restrict scale = w->scale + c0, *restrict shift = w->shift + c0;
	float sum[GROUP] = {0}, product[GROUP] = {0};
	for (int64_t p = p0; p < p1; p++) {
		const float *src = w->src + p * channels + c0, *diff = w->backward->diff_dst + p * channels + c0;
		const float *dst = mask == MASK_DST ? w->backward->dst + p * channels + c0 : diff;
		float *residual = keeps ? w->backward->diff_residual + p * channels + c0 : NULL; /* may be diff_dst */
		INDEPENDENT
		for (int64_t c = 0; c < count; c++) {
			float normalised = (src[c] - mean[c]) * inverse[c];
			float dy = passed(diff[c], dst[c], __builtin_fmaf(normalised, scale[c], shift[c]), mask);
			if (keeps)
				residual[c] = dy;
			sum[c] += dy;
			product[c] = __builtin_fmaf(dy, normalised, product[c]);
		}
	}
	for (int64_t c = 0; c < count; c++)
		sums[c] = sum[c], products[c] = product[c];
}

SC_INLINE void chunk_sums_masked(const struct work *w, int64_t begin, int64_t end, const enum mask mask, const bool keeps)
{
	int64_t channels = w->b->channels, p0, p1;
	for (int64_t i = begin; i < end; i++) {
		sc_norm_chunk(&w->chunks, i, &p0, &p1);
		for (int64_t c = 0; c < channels; c += GROUP) {
			float *sums = w->first + i * channels + c, *products = w->second + i * channels + c;
			if (channels - c >= GROUP)
				group_sums(w, p0, p1, c, GROUP, mask, keeps, sums, products);
			else
				group_sums(w, p0, p1, c, channels - c, mask, keeps, sums, products);
		}
	}
}

static void chunk_sums(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	const bool keeps = w->backward->diff_residual;
	if (w->mask == MASK_AGAIN && keeps)
		chunk_sums_masked(w, begin, end, MASK_AGAIN, true);
	else if (w->mask == MASK_AGAIN)
		chunk_sums_masked(w, begin, end, MASK_AGAIN, false);
	else if (w->mask == MASK_DST && keeps)
		chunk_sums_masked(w, begin, end, MASK_DST, true);
	else if (w->mask == MASK_DST)
		chunk_sums_masked(w, begin, end, MASK_DST, false);
	else if (keeps)
		chunk_sums_masked(w, begin, end, MASK_NONE, true);
	else
		chunk_sums_masked(w, begin, end, MASK_NONE, false);
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
		w->backward->diff_shift[c] = w->first[c];
		w->backward->diff_scale[c] = w->second[c];
		w->factors[c] = w->scale[c] * w->statistics[2 * channels + c];
		w->factors[channels + c] = w->first[c] / (float)w->chunks.pixels;
		w->factors[2 * channels + c] = w->second[c] / (float)w->chunks.pixels;
	}
}

SC_INLINE void differentiate_pixels(const struct work *w, int64_t begin, int64_t end, const enum mask mask)
{
	const struct sc_norm_backward *t = w->backward;
	int64_t channels = w->b->channels;
	const float *restrict mean = w->statistics, *restrict inverse = w->statistics + 2 * channels;
	const float *restrict scale = w->scale, *restrict shift = w->shift;
	const float *restrict factor = w->factors, *restrict shift_mean = factor + channels,
			      *restrict scale_mean = factor + 2 * channels;
	for (int64_t p = begin; p < end; p++) { /* diff_src may be diff_dst */
		const float *src = t->src + p * channels;
		const float *diff = (t->diff_residual ? t->diff_residual : t->diff_dst) + p * channels;
		const float *dst = mask == MASK_DST ? t->dst + p * channels : src;
		float *diff_src = t->diff_src + p * channels;
		INDEPENDENT
		for (int64_t c = 0; c < channels; c++) {
			float normalised = (src[c] - mean[c]) * inverse[c];
			float dy = passed(diff[c], dst[c], __builtin_fmaf(normalised, scale[c], shift[c]), mask);
			diff_src[c] = factor[c] * __builtin_fmaf(-normalised, scale_mean[c], dy - shift_mean[c]);
		}
	}
}

static void differentiate(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct work *w = context;
	if (w->mask == MASK_NONE || w->backward->diff_residual)
		differentiate_pixels(w, begin, end, MASK_NONE);
	else if (w->mask == MASK_DST)
		differentiate_pixels(w, begin, end, MASK_DST);
	else
		differentiate_pixels(w, begin, end, MASK_AGAIN);
}

void SC_CPU(batch_norm_backward)(const struct sc_batch_norm *b, const struct sc_norm_backward *t, void *workspace,
				 struct sc_pool *pool)
{
	struct work w = work_of(b, workspace);
	w.src = t->src, w.scale = t->scale, w.shift = t->shift, w.statistics = t->statistics, w.backward = t;
	w.mask = !b->relu ? MASK_NONE : t->dst ? MASK_DST : MASK_AGAIN;
	sc_pool_run(pool, chunk_sums, &w, w.chunks.count, maximum(1, 256 / b->channels));
	sc_pool_run(pool, finish_sums, &w, parts_of(b->channels, 16), 1);
	sc_pool_run(pool, differentiate, &w, w.chunks.pixels, pixel_grain(b));
}
