/* batch_norm.c - batch normalisation in plain loops (S. Ioffe, C. Szegedy: "Batch normalization", 2015).
 *
 * Statistics of a channel: in each chunk (chunks.h) the mean, then the sum of squared distances from it, each one chain over the
 * chunk's pixels; chunks are joined along the tree by Chan, Golub and LeVeque's formula ("Updating formulae and a pairwise
 * algorithm for computing sample variances", 1979). The variance that normalises is the biased one, as in every framework.
 *
 * An addition and a rectifier that follow are done in the same pass; they give the bits that they give as ops of their own. */
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

/* What follows the normalisation of number i. */
static float finish(const struct sc_batch_norm *b, const float *residual, int64_t i, float value)
{
	if (residual)
		value += residual[i];
	return b->relu && value < 0 ? 0 : value;
}

void sc_reference_batch_norm_again(const struct sc_batch_norm *b, const struct sc_norm_forward *t, struct sc_pool *pool)
{
	(void)pool;
	const float *mean = t->statistics, *inverse = t->statistics + 2 * b->channels;
	for (int64_t p = 0; p < b->mb * b->height * b->width; p++)
		for (int64_t c = 0; c < b->channels; c++) {
			int64_t i = p * b->channels + c;
			float normalised = (t->src[i] - mean[c]) * inverse[c];
			t->dst[i] = finish(b, t->residual, i, fmaf(normalised, t->scale[c], t->shift[c]));
		}
}

void sc_reference_batch_norm_forward(const struct sc_batch_norm *b, const struct sc_norm_forward *t, void *workspace,
				     struct sc_pool *pool)
{
	struct sc_norm_chunks k = sc_norm_chunks(b);
	float *mean = workspace, *squares = mean + k.count * b->channels;
	chunk_statistics(b, &k, t->src, mean, squares);
	join_statistics(b, &k, mean, squares);
	for (int64_t c = 0; c < b->channels; c++) {
		float variance = squares[c] / (float)k.pixels;
		t->statistics[c] = mean[c];
		t->statistics[b->channels + c] = variance;
		t->statistics[2 * b->channels + c] = 1 / sqrtf(variance + b->epsilon);
	}
	sc_reference_batch_norm_again(b, t, pool);
}

void sc_reference_batch_norm_infer(const struct sc_batch_norm *b, const struct sc_norm_infer *t, void *workspace,
				   struct sc_pool *pool)
{
	(void)workspace, (void)pool;
	for (int64_t c = 0; c < b->channels; c++) {
		float factor = t->scale[c] / sqrtf(t->variance[c] + b->epsilon);
		float offset = fmaf(-t->mean[c], factor, t->shift[c]);
		for (int64_t p = 0; p < b->mb * b->height * b->width; p++) {
			int64_t i = p * b->channels + c;
			t->dst[i] = finish(b, t->residual, i, fmaf(t->src[i], factor, offset));
		}
	}
}

/* The gradient of number i of channel c, where the rectifier let it pass. */
static float passed(const struct sc_batch_norm *b, const struct sc_norm_backward *t, int64_t i, int64_t c)
{
	if (!b->relu)
		return t->diff_dst[i];
	float normalised = (t->src[i] - t->statistics[c]) * t->statistics[2 * b->channels + c];
	float result = t->dst ? t->dst[i] : fmaf(normalised, t->scale[c], t->shift[c]);
	return result > 0 ? t->diff_dst[i] : 0;
}

/* sums, products: (chunks, channels) */
static void chunk_sums(const struct sc_batch_norm *b, const struct sc_norm_chunks *k, const struct sc_norm_backward *t, float *sums,
		       float *products)
{
	const int64_t channels = b->channels;
	const float *mean = t->statistics, *inverse = t->statistics + 2 * channels;
	for (int64_t i = 0; i < k->count; i++) {
		int64_t begin, end;
		sc_norm_chunk(k, i, &begin, &end);
		for (int64_t c = 0; c < channels; c++) {
			float sum = 0, product = 0;
			for (int64_t p = begin; p < end; p++) {
				float dy = passed(b, t, p * channels + c, c);
				sum += dy;
				product = fmaf(dy, (t->src[p * channels + c] - mean[c]) * inverse[c], product);
			}
			sums[i * channels + c] = sum;
			products[i * channels + c] = product;
		}
	}
	SC_FOR_TREE(distance, i, k->count)
	for (int64_t c = 0; c < channels; c++) {
		sums[i * channels + c] += sums[(i + distance) * channels + c];
		products[i * channels + c] += products[(i + distance) * channels + c];
	}
}

/* With m pixels and x^ the normalised source: diff_shift = sum dy, diff_scale = sum dy x^,
 * diff_src = scale / sqrt(variance + epsilon) * (dy - diff_shift / m - x^ diff_scale / m). */
void sc_reference_batch_norm_backward(const struct sc_batch_norm *b, const struct sc_norm_backward *t, void *workspace,
				      struct sc_pool *pool)
{
	(void)pool;
	struct sc_norm_chunks k = sc_norm_chunks(b);
	const int64_t channels = b->channels;
	const float *mean = t->statistics, *inverse = t->statistics + 2 * channels;
	float *sums = workspace, *products = sums + k.count * channels;
	chunk_sums(b, &k, t, sums, products);
	for (int64_t c = 0; c < channels; c++) {
		t->diff_shift[c] = sums[c];
		t->diff_scale[c] = products[c];
		float factor = t->scale[c] * inverse[c];
		float shift_mean = sums[c] / (float)k.pixels, scale_mean = products[c] / (float)k.pixels;
		for (int64_t i = c; i < k.pixels * channels; i += channels) {
			float normalised = (t->src[i] - mean[c]) * inverse[c], dy = passed(b, t, i, c);
			if (t->diff_residual)
				t->diff_residual[i] = dy;
			t->diff_src[i] = factor * fmaf(-normalised, scale_mean, dy - shift_mean);
		}
	}
}
