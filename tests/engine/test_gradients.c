/* test_gradients.c - the reference ops against float64: forward by plain formulas, backward by central differences.
 *
 * The loss is sum r_i y_i with fixed random r, so diff_dst = r. Derivatives are (L(x + h) - L(x - h)) / 2h in float64 with h =
 * 1e-4, whose own error is below 1e-7 here (the loss is linear in most inputs; BatchNorm's third derivatives are of order 1). What
 * is left is the rounding of float32: a chain of n fused multiply-adds of numbers below 1 is off by at most n 2^-24 times the sum
 * of the absolute products. BOUND is 2e-5 of the largest gradient: 330 roundings, more than the longest chain here (117) can do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine/convolve.h"
#include "engine/reference/reference.h"

#define STEP  1e-4
#define BOUND 2e-5
#define MOST  4 /* inputs */

/* An op as a function of float64 arrays. */
struct op {
	const void *problem;
	void (*forward)(const void *problem, double *const in[MOST], double *out);
	int64_t in_count[MOST], out_count;
};

static float *random_numbers(int64_t count, uint64_t stream)
{
	float *x = malloc((size_t)count * sizeof(float));
	struct sc_random random = sc_random_stream(11, SC_PURPOSE_INITIALISE, 0, stream);
	assert_non_null(x);
	for (int64_t i = 0; i < count; i++) {
		x[i] = 2 * sc_random_uniform(&random) - 1;
		if (fabsf(x[i]) < 0.01f) /* off the kink of the rectifier */
			x[i] = 0.5f;
	}
	return x;
}

static double loss(const struct op *op, double *const in[MOST], const float *r)
{
	double *out = malloc((size_t)op->out_count * sizeof(double)), sum = 0;
	assert_non_null(out);
	op->forward(op->problem, in, out);
	for (int64_t i = 0; i < op->out_count; i++)
		sum += (double)r[i] * out[i];
	free(out);
	return sum;
}

static void check_close(const char *what, const double *expected, const float *found, int64_t count)
{
	double largest = 1e-3;
	for (int64_t i = 0; i < count; i++)
		largest = fmax(largest, fabs(expected[i]));
	for (int64_t i = 0; i < count; i++)
		if (!(fabs(expected[i] - (double)found[i]) <= BOUND * largest))
			fail_msg("%s: number %lld is %.9g, float64 gives %.9g (largest %.3g)", what, (long long)i, (double)found[i],
				 expected[i], largest);
}

static void check_forward(const struct op *op, float *const in[MOST], const float *found)
{
	double *wide[MOST] = {0}, *expected = malloc((size_t)op->out_count * sizeof(double));
	for (int k = 0; k < MOST && op->in_count[k]; k++) {
		wide[k] = malloc((size_t)op->in_count[k] * sizeof(double));
		for (int64_t i = 0; i < op->in_count[k]; i++)
			wide[k][i] = (double)in[k][i];
	}
	op->forward(op->problem, wide, expected);
	check_close("forward", expected, found, op->out_count);
	for (int k = 0; k < MOST; k++)
		free(wide[k]);
	free(expected);
}

/* found[k]: the reference's gradient by input k. */
static void check_backward(const struct op *op, float *const in[MOST], const float *r, float *const found[MOST])
{
	double *wide[MOST] = {0};
	for (int k = 0; k < MOST && op->in_count[k]; k++) {
		wide[k] = malloc((size_t)op->in_count[k] * sizeof(double));
		for (int64_t i = 0; i < op->in_count[k]; i++)
			wide[k][i] = (double)in[k][i];
	}
	for (int k = 0; k < MOST && op->in_count[k]; k++) {
		double *expected = malloc((size_t)op->in_count[k] * sizeof(double));
		for (int64_t i = 0; i < op->in_count[k]; i++) {
			double x = wide[k][i];
			wide[k][i] = x + STEP;
			double above = loss(op, wide, r);
			wide[k][i] = x - STEP;
			double below = loss(op, wide, r);
			wide[k][i] = x;
			expected[i] = (above - below) / (2 * STEP);
		}
		if (found[k])
			check_close(k == 0 ? "gradient of the source" : "gradient of a parameter", expected, found[k],
				    op->in_count[k]);
		free(expected);
	}
	for (int k = 0; k < MOST; k++)
		free(wide[k]);
}

/* ---- Convolution -------------------------------------------------------------------------------------------------------- */

static void convolution64(const void *problem, double *const in[MOST], double *out)
{
	const struct sc_convolution *c = problem;
	const int64_t ic = sc_group_ic(c), oc = sc_group_oc(c);
	for (int64_t n = 0; n < c->mb; n++)
		for (int64_t y = 0; y < c->oh; y++)
			for (int64_t x = 0; x < c->ow; x++)
				for (int64_t o = 0; o < c->oc; o++) {
					double sum = in[2][o];
					for (int64_t r = 0; r < c->kh; r++)
						for (int64_t s = 0; s < c->kw; s++) {
							int64_t iy = y * c->stride_h - c->pad_top + r,
								ix = x * c->stride_w - c->pad_left + s;
							if (iy < 0 || iy >= c->ih || ix < 0 || ix >= c->iw)
								continue;
							for (int64_t i = 0; i < ic; i++)
								sum += in[0][((n * c->ih + iy) * c->iw + ix) * c->ic + o / oc * ic +
									     i] *
								       in[1][((r * c->kw + s) * ic + i) * c->oc + o];
						}
					out[((n * c->oh + y) * c->ow + x) * c->oc + o] = sum;
				}
}

static void check_convolution(const struct sc_convolution *c)
{
	const struct sc_kernels *k = &sc_kernels_reference;
	struct op op = {
		c, convolution64, {c->mb * c->ih * c->iw * c->ic, sc_weight_count(c), c->oc}, c->mb * c->oh * c->ow * c->oc};
	float *in[MOST] = {0}, *diff[MOST] = {0}, *out = malloc((size_t)op.out_count * 4), *r = random_numbers(op.out_count, 9);
	for (int i = 0; i < 3; i++) {
		in[i] = random_numbers(op.in_count[i], (uint64_t)i);
		diff[i] = malloc((size_t)op.in_count[i] * 4);
	}
	void *workspace =
		malloc((size_t)(k->convolution_backward_weights_workspace(c, 1) + k->convolution_backward_data_workspace(c, 1)));
	convolve(k, c, in[1], (struct sc_convolution_forward){.src = in[0], .bias = in[2], .dst = out}, NULL);
	check_forward(&op, in, out);
	k->convolution_backward_data(c, r, in[1], diff[0], false, workspace, NULL);
	k->convolution_backward_weights(c, in[0], r, diff[1], diff[2], workspace, NULL);
	check_backward(&op, in, r, diff);
	for (int i = 0; i < 3; i++)
		free(in[i]), free(diff[i]);
	free(workspace), free(out), free(r);
}

static void convolutions_agree(void **state)
{
	(void)state;
	static const struct sc_convolution problems[] = {
		/* mb ih iw ic oh ow oc kh kw sh sw top left groups winograd late */
		{2, 5, 6, 3, 5, 6, 4, 3, 3, 1, 1, 1, 1, 1, false, false}, /* the plain 3x3 */
		{2, 7, 7, 2, 4, 4, 3, 3, 3, 2, 2, 1, 1, 1, false, false}, /* stride 2 */
		{1, 8, 8, 2, 4, 4, 3, 3, 3, 2, 2, 0, 0, 1, false,
		 false}, /* stride 2, Keras' `same` on an even map: padding at the end only */
		{1, 9, 9, 1, 5, 5, 2, 7, 7, 2, 2, 3, 3, 1, false, false},   /* the first layer */
		{1, 10, 10, 1, 5, 5, 2, 7, 7, 2, 2, 2, 2, 1, false, false}, /* the first layer in Keras */
		{2, 5, 5, 4, 3, 3, 3, 1, 1, 2, 2, 0, 0, 1, false, false},   /* the projection: most source pixels get no gradient */
		{3, 1, 1, 5, 1, 1, 4, 3, 3, 1, 1, 1, 1, 1, false, false},   /* a single pixel: one tap of nine */
		{1, 7, 8, 2, 3, 3, 2, 2, 3, 3, 3, 1, 1, 1, false, false},   /* stride 3 */
		{3, 1, 1, 6, 1, 1, 5, 1, 1, 1, 1, 0, 0, 1, false, false},   /* the dense layer */
		{2, 5, 6, 3, 5, 6, 4, 3, 3, 1, 1, 1, 1, 1, true, false},    /* Winograd's method: four tiles, none of them whole */
		{3, 9, 8, 2, 7, 7, 3, 3, 3, 1, 1, 0, 1, 1, true, false},    /* other padding, before and behind */
		{2, 5, 6, 8, 5, 6, 8, 3, 3, 1, 1, 1, 1, 4, false, false},   /* four groups of two channels */
		{1, 7, 6, 6, 4, 3, 9, 3, 3, 2, 2, 1, 1, 3, false, false},   /* groups from two channels to three, stride 2 */
		{2, 4, 4, 5, 4, 4, 5, 3, 3, 1, 1, 1, 1, 5, false, false},   /* a group a channel */
	};
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++)
		check_convolution(&problems[i]);
}

/* ---- BatchNorm --------------------------------------------------------------------------------------------------------------- */

static void batch_norm64(const void *problem, double *const in[MOST], double *out)
{
	const struct sc_batch_norm *b = problem;
	int64_t pixels = b->mb * b->height * b->width;
	for (int64_t c = 0; c < b->channels; c++) {
		double mean = 0, variance = 0;
		for (int64_t p = 0; p < pixels; p++)
			mean += in[0][p * b->channels + c] / (double)pixels;
		for (int64_t p = 0; p < pixels; p++) {
			double d = in[0][p * b->channels + c] - mean;
			variance += d * d / (double)pixels;
		}
		for (int64_t p = 0; p < pixels; p++)
			out[p * b->channels + c] =
				(in[0][p * b->channels + c] - mean) / sqrt(variance + (double)b->epsilon) * in[1][c] + in[2][c];
	}
}

static void check_batch_norm(const struct sc_batch_norm *b)
{
	const struct sc_kernels *k = &sc_kernels_reference;
	int64_t count = b->mb * b->height * b->width * b->channels;
	struct op op = {b, batch_norm64, {count, b->channels, b->channels}, count};
	float *in[MOST] = {random_numbers(count, 0), random_numbers(b->channels, 1), random_numbers(b->channels, 2)};
	float *diff[MOST] = {malloc((size_t)count * 4), malloc((size_t)b->channels * 4), malloc((size_t)b->channels * 4)};
	float *out = malloc((size_t)count * 4), *r = random_numbers(count, 9), *statistics = malloc((size_t)b->channels * 16);
	void *workspace = malloc((size_t)k->batch_norm_workspace(b, 1));
	const struct sc_norm_forward forward = {in[0], in[1], in[2], NULL, out, statistics};
	const struct sc_norm_backward backward = {.src = in[0],
						  .diff_dst = r,
						  .scale = in[1],
						  .shift = in[2],
						  .statistics = statistics,
						  .diff_src = diff[0],
						  .diff_scale = diff[1],
						  .diff_shift = diff[2]};
	k->batch_norm_forward(b, &forward, workspace, NULL);
	check_forward(&op, in, out);
	k->batch_norm_backward(b, &backward, workspace, NULL);
	check_backward(&op, in, r, diff);
	for (int i = 0; i < 3; i++)
		free(in[i]), free(diff[i]);
	free(out), free(r), free(statistics), free(workspace);
}

static void batch_norms_agree(void **state)
{
	(void)state;
	check_batch_norm(&(struct sc_batch_norm){.mb = 3, .height = 2, .width = 2, .channels = 3, .epsilon = 1e-5f});
	check_batch_norm(
		&(struct sc_batch_norm){.mb = 1, .height = 9, .width = 13, .channels = 2, .epsilon = 1e-3f}); /* two chunks */
	check_batch_norm(
		&(struct sc_batch_norm){.mb = 5, .height = 5, .width = 5, .channels = 2, .epsilon = 1e-3f}); /* chunks of images */
}

/* ---- Pools and the rectifier ----------------------------------------------------------------------------------------------------
 */

static void max_pool64(const void *problem, double *const in[MOST], double *out)
{
	const struct sc_max_pool *m = problem;
	for (int64_t n = 0; n < m->mb; n++)
		for (int64_t y = 0; y < m->oh; y++)
			for (int64_t x = 0; x < m->ow; x++)
				for (int64_t c = 0; c < m->channels; c++) {
					double best = -INFINITY;
					for (int64_t r = 0; r < m->kh; r++)
						for (int64_t s = 0; s < m->kw; s++) {
							int64_t iy = y * m->stride_h - m->pad_top + r,
								ix = x * m->stride_w - m->pad_left + s;
							bool inside = iy >= 0 && iy < m->ih && ix >= 0 && ix < m->iw;
							best = fmax(
								best,
								inside ? in[0][((n * m->ih + iy) * m->iw + ix) * m->channels + c]
								       : (double)m->pad_value);
						}
					out[((n * m->oh + y) * m->ow + x) * m->channels + c] = best;
				}
}

static void max_pools_agree(void **state)
{
	(void)state;
	static const struct sc_max_pool problems[] = {
		{2, 6, 7, 3, 4, 3, 3, 3, 2, 2, 1, 1, -INFINITY},
		{1, 6, 6, 3, 3, 2, 3, 3, 2, 2, 0, 0, -INFINITY},
		{1, 5, 5, 5, 5, 2, 3, 3, 1, 1, 1, 1, 0},
	};
	for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
		const struct sc_max_pool *m = &problems[i];
		struct op op = {m, max_pool64, {m->mb * m->ih * m->iw * m->channels}, m->mb * m->oh * m->ow * m->channels};
		float *in[MOST] = {random_numbers(op.in_count[0], 0)}, *diff[MOST] = {malloc((size_t)op.in_count[0] * 4)};
		float *out = malloc((size_t)op.out_count * 4), *r = random_numbers(op.out_count, 9);
		uint8_t *winner = malloc((size_t)op.out_count);
		sc_kernels_reference.max_pool_forward(m, in[0], out, winner, NULL);
		sc_kernels_reference.max_pool_backward(m, r, winner, diff[0], NULL);
		check_forward(&op, in, out);
		check_backward(&op, in, r, diff);
		free(in[0]), free(diff[0]), free(out), free(r), free(winner);
	}
}

static void subsample64(const void *problem, double *const in[MOST], double *out)
{
	const struct sc_subsample *s = problem;
	for (int64_t at = 0; at < s->mb * s->oh * s->ow * s->oc; at++) {
		int64_t c = at % s->oc - s->zeros_before, x = at / s->oc % s->ow, y = at / s->oc / s->ow % s->oh;
		int64_t n = at / s->oc / s->ow / s->oh;
		bool inside = c >= 0 && c < s->ic;
		out[at] = inside ? in[0][((n * s->ih + y * s->stride) * s->iw + x * s->stride) * s->ic + c] : 0;
	}
}

static void subsample_agrees(void **state)
{
	(void)state;
	const struct sc_subsample s = {
		.mb = 2, .ih = 5, .iw = 4, .ic = 3, .oh = 3, .ow = 2, .oc = 6, .stride = 2, .zeros_before = 1};
	struct op op = {&s, subsample64, {120}, 72};
	float *in[MOST] = {random_numbers(120, 0)}, *diff[MOST] = {malloc(480)}, *r = random_numbers(72, 9), out[72];
	sc_kernels_reference.subsample_forward(&s, in[0], out, NULL);
	sc_kernels_reference.subsample_backward(&s, r, diff[0], NULL);
	check_forward(&op, in, out);
	check_backward(&op, in, r, diff);
	free(in[0]), free(diff[0]), free(r);
}

static void average_pool64(const void *problem, double *const in[MOST], double *out)
{
	const struct sc_average_pool *a = problem;
	for (int64_t at = 0; at < a->mb * a->oh * a->ow * a->channels; at++) {
		int64_t c = at % a->channels, x = at / a->channels % a->ow, y = at / a->channels / a->ow % a->oh;
		int64_t n = at / a->channels / a->ow / a->oh, pixels = 0;
		out[at] = 0;
		for (int64_t iy = 0; iy < a->ih; iy++)
			for (int64_t ix = 0; ix < a->iw; ix++)
				if (iy / a->kh == y && ix / a->kw == x) {
					out[at] += in[0][((n * a->ih + iy) * a->iw + ix) * a->channels + c];
					pixels++;
				}
		out[at] /= (double)pixels;
	}
}

static void average_pools_agree(void **state)
{
	(void)state;
	static const struct sc_average_pool problems[] = {
		{2, 4, 3, 1, 1, 5, 4, 3}, /* the whole map */
		{2, 6, 4, 3, 2, 3, 2, 2},
		{1, 5, 7, 3, 4, 2, 2, 2}, /* odd: cells of two pixels and of one at the edges */
	};
	for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
		const struct sc_average_pool *a = &problems[i];
		struct op op = {a, average_pool64, {a->mb * a->ih * a->iw * a->channels}, a->mb * a->oh * a->ow * a->channels};
		float *in[MOST] = {random_numbers(op.in_count[0], 0)}, *diff[MOST] = {malloc((size_t)op.in_count[0] * 4)};
		float *out = malloc((size_t)op.out_count * 4), *r = random_numbers(op.out_count, 9);
		sc_kernels_reference.average_pool_forward(a, in[0], out, NULL);
		sc_kernels_reference.average_pool_backward(a, r, diff[0], NULL);
		check_forward(&op, in, out);
		check_backward(&op, in, r, diff);
		free(in[0]), free(diff[0]), free(out), free(r);
	}
}

/* ---- Squeeze-and-excitation's gate ---------------------------------------------------------------------------------------- */

static void sigmoid64(const void *problem, double *const in[MOST], double *out)
{
	for (int64_t i = 0; i < *(const int64_t *)problem; i++)
		out[i] = 1 / (1 + exp(-in[0][i]));
}

static void sigmoid_agrees(void **state)
{
	(void)state;
	const int64_t count = 100;
	struct op op = {&count, sigmoid64, {count}, count};
	float *in[MOST] = {random_numbers(count, 0)}, *diff[MOST] = {malloc(400)}, *r = random_numbers(count, 9), out[100];
	for (int i = 0; i < 100; i++)
		in[0][i] *= 8; /* from one flat end to the other */
	sc_kernels_reference.sigmoid_forward(count, in[0], out, NULL);
	sc_kernels_reference.sigmoid_backward(count, out, r, diff[0], NULL);
	check_forward(&op, in, out);
	check_backward(&op, in, r, diff);
	free(in[0]), free(diff[0]), free(r);
}

static void scale64(const void *problem, double *const in[MOST], double *out)
{
	const struct sc_scale *s = problem;
	for (int64_t at = 0; at < s->mb * s->pixels * s->channels; at++)
		out[at] = in[0][at] * in[1][at / s->channels / s->pixels * s->channels + at % s->channels];
}

static void scale_agrees(void **state)
{
	(void)state;
	const struct sc_scale s = {.mb = 2, .pixels = 12, .channels = 5};
	struct op op = {&s, scale64, {120, 10}, 120};
	float *in[MOST] = {random_numbers(120, 0), random_numbers(10, 1)}, *diff[MOST] = {malloc(480), malloc(40)};
	float *r = random_numbers(120, 9), out[120];
	const struct sc_scale_backward t = {in[0], in[1], r, diff[0], diff[1]};
	sc_kernels_reference.scale_forward(&s, in[0], in[1], out, NULL);
	sc_kernels_reference.scale_backward(&s, &t, NULL);
	check_forward(&op, in, out);
	check_backward(&op, in, r, diff);
	free(in[0]), free(in[1]), free(diff[0]), free(diff[1]), free(r);
}

static void relu64(const void *problem, double *const in[MOST], double *out)
{
	for (int64_t i = 0; i < *(const int64_t *)problem; i++)
		out[i] = in[0][i] > 0 ? in[0][i] : 0;
}

static void relu_agrees(void **state)
{
	(void)state;
	const int64_t count = 100;
	struct op op = {&count, relu64, {count}, count};
	float *in[MOST] = {random_numbers(count, 0)}, *diff[MOST] = {malloc(400)}, *r = random_numbers(count, 9), out[100];
	sc_kernels_reference.relu_forward(count, in[0], out, NULL);
	sc_kernels_reference.relu_backward(count, out, r, diff[0], NULL);
	check_forward(&op, in, out);
	check_backward(&op, in, r, diff);
	free(in[0]), free(diff[0]), free(r);
}

/* ---- Loss
 * ------------------------------------------------------------------------------------------------------------------------ */

#define LOSS_MB      3
#define LOSS_CLASSES 7
static const int32_t labels[LOSS_MB] = {0, 6, 3};

static void cross_entropy64(const void *problem, double *const in[MOST], double *out)
{
	(void)problem;
	out[0] = 0;
	for (int n = 0; n < LOSS_MB; n++) {
		double sum = 0;
		for (int c = 0; c < LOSS_CLASSES; c++)
			sum += exp(in[0][n * LOSS_CLASSES + c]);
		out[0] -= log(exp(in[0][n * LOSS_CLASSES + labels[n]]) / sum) / LOSS_MB;
	}
}

static void loss_agrees(void **state)
{
	(void)state;
	struct op op = {NULL, cross_entropy64, {LOSS_MB * LOSS_CLASSES}, 1};
	float *in[MOST] = {random_numbers(LOSS_MB * LOSS_CLASSES, 0)}, *diff[MOST] = {malloc(LOSS_MB * LOSS_CLASSES * 4)};
	float probabilities[LOSS_MB * LOSS_CLASSES];
	const float one = 1;
	struct sc_score score = sc_softmax_cross_entropy(LOSS_MB, LOSS_CLASSES, in[0], labels, probabilities, diff[0]);
	float found = (float)score.loss;
	check_forward(&op, in, &found);
	check_backward(&op, in, &one, diff);
	for (int n = 0; n < LOSS_MB; n++) {
		double sum = 0;
		for (int c = 0; c < LOSS_CLASSES; c++)
			sum += (double)probabilities[n * LOSS_CLASSES + c];
		assert_true(fabs(sum - 1) < 1e-6); /* seven roundings of 2^-25 */
	}
	free(in[0]), free(diff[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(convolutions_agree), cmocka_unit_test(batch_norms_agree),   cmocka_unit_test(max_pools_agree),
		cmocka_unit_test(subsample_agrees),   cmocka_unit_test(average_pools_agree), cmocka_unit_test(relu_agrees),
		cmocka_unit_test(loss_agrees),        cmocka_unit_test(sigmoid_agrees),      cmocka_unit_test(scale_agrees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
