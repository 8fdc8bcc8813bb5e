/* batch_norm.c - batch normalisation in plain loops (S. Ioffe, C. Szegedy: "Batch normalization", 2015).
 *
 * Statistics of a channel: in each chunk (chunks.h) the mean, then the sum of squared distances from it, each one chain over the
 * chunk's pixels; chunks are joined along the tree by Chan, Golub and LeVeque's formula ("Updating formulae and a pairwise
 * algorithm for computing sample variances", 1979). The variance that normalises is the biased one, as in every framework. */
#include <math.h>

#include "engine/chunks.h"
#include "engine/reference/reference.h"

/* Two numbers a channel for each chunk. */
int64_t sc_reference_batch_norm_workspace(const struct sc_batch_norm *b, int threads)
{
	(void)threads;
	struct sc_norm_chunks k = sc_norm_chunks(b);
	return 2 * k.count * b->channels * (int64_t)sizeof(float);
}

/* mean and squares: (chunks, channels) */
static void chunk_statistics(const struct sc_batch_norm *b, const struct sc_norm_chunks *k, const float *src, float *mean,
			     float *squares)
{
	for (int64_t i = 0; i < k->count; i++) {
		int64_t begin, end;
		sc_norm_chunk(k, i, &begin, &end);
		for (int64_t c = 0; c < b->channels; c++) {
			float sum = 0, square = 0;
			for (int64_t p = begin; p < end; p++)
				sum += src[p * b->channels + c];
			float m = sum / (float)(end - begin);
			for (int64_t p = begin; p < end; p++) {
				float distance = src[p * b->channels + c] - m;
				square = fmaf(distance, distance, square);
			}
			mean[i * b->channels + c] = m;
			squares[i * b->channels + c] = square;
		}
	}
}

/* How many pixels the chunks [first, first + chunks) hold. */
static float pixels_of(const struct sc_norm_chunks *k, int64_t first, int64_t chunks)
{
	int64_t begin, end, last_begin;
	int64_t last = first + chunks - 1 < k->count - 1 ? first + chunks - 1 : k->count - 1;
	sc_norm_chunk(k, first, &begin, &end);
	sc_norm_chunk(k, last, &last_begin, &end);
	return (float)(end - begin);
}

static void join_statistics(const struct sc_batch_norm *b, const struct sc_norm_chunks *k, float *mean, float *squares)
{
	SC_FOR_TREE(distance, i, k->count)
	{
		float na = pixels_of(k, i, distance), nb = pixels_of(k, i + distance, distance);
		float share = nb / (na + nb), weight = na * share;
		for (int64_t c = 0; c < b->channels; c++) {
			float *ma = &mean[i * b->channels + c], *sa = &squares[i * b->channels + c];
			float delta = mean[(i + distance) * b->channels + c] - *ma;
			*ma = fmaf(delta, share, *ma);
			*sa = fmaf(delta * delta, weight, *sa + squares[(i + distance) * b->channels + c]);
		}
	}
}

void sc_reference_batch_norm_forward(const struct sc_batch_norm *b, const float *src, const float *scale, const float *shift,
				     float *dst, float *statistics, void *workspace, struct sc_pool *pool)
{
	(void)pool;
	struct sc_norm_chunks k = sc_norm_chunks(b);
	float *mean = workspace, *squares = mean + k.count * b->channels;
	chunk_statistics(b, &k, src, mean, squares);
	join_statistics(b, &k, mean, squares);
	for (int64_t c = 0; c < b->channels; c++) {
		float variance = squares[c] / (float)k.pixels;
		float inverse = 1 / sqrtf(variance + b->epsilon);
		statistics[c] = mean[c];
		statistics[b->channels + c] = variance;
		statistics[2 * b->channels + c] = inverse;
		for (int64_t p = 0; p < k.pixels; p++) {
			float normalised = (src[p * b->channels + c] - mean[c]) * inverse;
			dst[p * b->channels + c] = fmaf(normalised, scale[c], shift[c]);
		}
	}
}

void sc_reference_batch_norm_infer(const struct sc_batch_norm *b, const float *src, const float *scale, const float *shift,
				   const float *mean, const float *variance, float *dst, void *workspace, struct sc_pool *pool)
{
	(void)workspace, (void)pool;
	for (int64_t c = 0; c < b->channels; c++) {
		float factor = scale[c] / sqrtf(variance[c] + b->epsilon);
		float offset = fmaf(-mean[c], factor, shift[c]);
		for (int64_t p = 0; p < b->mb * b->height * b->width; p++)
			dst[p * b->channels + c] = fmaf(src[p * b->channels + c], factor, offset);
	}
}

/* With m pixels and x^ the normalised source: diff_shift = sum dy, diff_scale = sum dy x^,
 * diff_src = scale / sqrt(variance + epsilon) * (dy - diff_shift / m - x^ diff_scale / m). */
void sc_reference_batch_norm_backward(const struct sc_batch_norm *b, const float *src, const float *diff_dst, const float *scale,
				      const float *statistics, float *diff_src, float *diff_scale, float *diff_shift,
				      void *workspace, struct sc_pool *pool)
{
	(void)pool;
	struct sc_norm_chunks k = sc_norm_chunks(b);
	const int64_t channels = b->channels;
	const float *mean = statistics, *inverse = statistics + 2 * channels;
	float *sums = workspace, *products = sums + k.count * channels; /* (chunks, channels) */
	for (int64_t i = 0; i < k.count; i++) {
		int64_t begin, end;
		sc_norm_chunk(&k, i, &begin, &end);
		for (int64_t c = 0; c < channels; c++) {
			float sum = 0, product = 0;
			for (int64_t p = begin; p < end; p++) {
				float dy = diff_dst[p * channels + c];
				sum += dy;
				product = fmaf(dy, (src[p * channels + c] - mean[c]) * inverse[c], product);
			}
			sums[i * channels + c] = sum;
			products[i * channels + c] = product;
		}
	}
	SC_FOR_TREE(distance, i, k.count)
	for (int64_t c = 0; c < channels; c++) {
		sums[i * channels + c] += sums[(i + distance) * channels + c];
		products[i * channels + c] += products[(i + distance) * channels + c];
	}
	for (int64_t c = 0; c < channels; c++) {
		diff_shift[c] = sums[c];
		diff_scale[c] = products[c];
		float factor = scale[c] * inverse[c];
		float shift_mean = sums[c] / (float)k.pixels, scale_mean = products[c] / (float)k.pixels;
		for (int64_t p = 0; p < k.pixels; p++) {
			float normalised = (src[p * channels + c] - mean[c]) * inverse[c];
			diff_src[p * channels + c] =
				factor * fmaf(-normalised, scale_mean, diff_dst[p * channels + c] - shift_mean);
		}
	}
}
