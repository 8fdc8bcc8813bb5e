/* test_ops.c - every fast kernel equals the reference, bit for bit, on the problem lines of tests/ops/.
 *
 * Usage: test_ops FILE... ; each result lies in memory of its exact size, so that a sanitizer sees a step outside. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine/convolve.h"
#include "engine/reference/reference.h"
#include "engine/winograd.h"

static const char *file_name;
static int line_number;
static long comparisons, failures;
static const int thread_counts[] = {1, 2, 3};
#define POOLS 3
static struct sc_pool *pools[POOLS];

/* ---- Numbers ------------------------------------------------------------------------------------------------------------ */

static void *memory(int64_t bytes)
{
	void *p = malloc(bytes > 0 ? (size_t)bytes : 1);
	if (!p) {
		fprintf(stderr, "no memory for %lld bytes\n", (long long)bytes);
		exit(1);
	}
	return p;
}

/* Numbers in [-1, 1) with some exact zeros and, rarely, denormals: what rounding and signs of zero depend on. */
static float *numbers(int64_t count, uint64_t stream)
{
	float *p = memory(count * (int64_t)sizeof(float));
	struct sc_random random = sc_random_stream(7, SC_PURPOSE_INITIALISE, 0, stream);
	for (int64_t i = 0; i < count; i++) {
		uint32_t kind = sc_random_u32(&random) % 64;
		p[i] = 2 * sc_random_uniform(&random) - 1;
		if (kind < 4)
			p[i] = kind % 2 ? 0.0f : -0.0f;
		else if (kind == 4)
			p[i] *= 1e-39f;
	}
	return p;
}

/* Fills with a pattern that is no result, so that a number that was never written shows. */
static void *fresh(int64_t bytes)
{
	void *p = memory(bytes);
	memset(p, 0xA5, (size_t)bytes);
	return p;
}

static void compare(const char *what, const char *kernels, int threads, const void *expected, const void *found, int64_t bytes)
{
	comparisons++;
	if (memcmp(expected, found, (size_t)bytes) == 0)
		return;
	const float *e = expected, *f = found;
	int64_t i = 0;
	while (i < bytes / 4 - 1 && memcmp(&e[i], &f[i], 4) == 0)
		i++;
	if (failures++ < 20)
		printf("%s:%d: %s, %s, %d threads: number %lld is %.9g, the reference has %.9g\n", file_name, line_number, what,
		       kernels, threads, (long long)i, (double)f[i], (double)e[i]);
}

/* For each instruction set and each number of threads. */
#define FOR_KERNELS(k, p)                                                                                                          \
	for (int t_ = 0; t_ < POOLS; t_++)                                                                                         \
		for (struct sc_pool *p = pools[t_]; p; p = NULL)                                                                   \
			for (int k_ = 0; sc_kernels_available(k_); k_++)                                                           \
				for (const struct sc_kernels *k = sc_kernels_available(k_); k && k != &sc_kernels_reference;       \
				     k = NULL)

/* ---- Convolution -------------------------------------------------------------------------------------------------------- */

enum { SRC, WEIGHTS, BIAS, DIFF_DST, INPUTS };
enum { DST, DST_RELU, DST_ADDED, DST_ADDED_RELU, DIFF_SRC, DIFF_SRC_SUM, DIFF_WEIGHTS, DIFF_BIAS, RESULTS };
static const char *const result_names[] = {"forward",       "forward, relu",       "forward added",    "forward added, relu",
					   "backward-data", "backward-data added", "backward-weights", "bias gradient"};

struct sizes {
	int64_t inputs[INPUTS], results[RESULTS]; /* numbers */
};

/* Of a problem with more products than this, each pass is tried once, with all that goes with it; small problems show that the
 * variants of a pass differ in nothing but that. And SSE2, which has no fused multiply-add and computes one by way of double at a
 * tenth of the speed, is tried with one number of threads alone. */
#define LARGE 10000000

static bool is_large(const struct sc_convolution *c)
{
	return c->mb * c->oh * c->ow * sc_weight_count(c) > LARGE;
}

static bool is_tried(const struct sc_convolution *c, int result)
{
	return !is_large(c) || (result != DST && result != DST_RELU && result != DST_ADDED && result != DIFF_SRC);
}

static void run_convolution(const struct sc_kernels *k, const struct sc_convolution *c, bool bias, float *const *in, float **out,
			    const struct sizes *sizes, struct sc_pool *pool)
{
	int threads = sc_pool_threads(pool);
	for (int i = 0; i < RESULTS; i++)
		out[i] = is_tried(c, i) ? fresh(sizes->results[i] * 4) : NULL;
	for (int64_t tap = 0, each = sc_weight_count(c) / (c->kh * c->kw); tap < c->kh * c->kw; tap++)
		if (!sc_tap_meets_data(c, tap / c->kw, tap % c->kw))
			memset(out[DIFF_WEIGHTS] + tap * each, 0, (size_t)each * sizeof(float));
	for (int64_t i = 0; i < sizes->results[DIFF_SRC_SUM]; i++)
		out[DIFF_SRC_SUM][i] = in[SRC][i];
	struct sc_convolution_forward t = {.src = in[SRC], .bias = bias ? in[BIAS] : NULL};
	for (int i = DST; i <= DST_ADDED_RELU; i++) {
		if (out[i] == NULL)
			continue;
		t.dst = out[i], t.relu = i == DST_RELU || i == DST_ADDED_RELU;
		t.residual = i < DST_ADDED ? NULL : i == DST_ADDED ? in[DIFF_DST] : out[i];
		for (int64_t n = 0; n < sizes->results[i] && t.residual == out[i]; n++) /* over the residual */
			out[i][n] = in[DIFF_DST][n];
		convolve(k, c, in[WEIGHTS], t, pool);
	}
	void *w = fresh(k->convolution_backward_data_workspace(c, threads));
	if (out[DIFF_SRC] != NULL)
		k->convolution_backward_data(c, in[DIFF_DST], in[WEIGHTS], out[DIFF_SRC], false, w, pool);
	k->convolution_backward_data(c, in[DIFF_DST], in[WEIGHTS], out[DIFF_SRC_SUM], true, w, pool);
	free(w);
	w = fresh(k->convolution_backward_weights_workspace(c, threads));
	k->convolution_backward_weights(c, in[SRC], in[DIFF_DST], out[DIFF_WEIGHTS], bias ? out[DIFF_BIAS] : NULL, w, pool);
	free(w);
}

static void test_convolution(const struct sc_convolution *c, bool bias)
{
	int64_t src = c->mb * c->ih * c->iw * c->ic, dst = c->mb * c->oh * c->ow * c->oc, weights = sc_weight_count(c);
	const struct sizes sizes = {{src, weights, c->oc, dst}, {dst, dst, dst, dst, src, src, weights, c->oc}};
	float *in[INPUTS], *expected[RESULTS], *found[RESULTS];
	for (int i = 0; i < INPUTS; i++)
		in[i] = numbers(sizes.inputs[i], (uint64_t)i);
	run_convolution(&sc_kernels_reference, c, bias, in, expected, &sizes, pools[0]);
	FOR_KERNELS(k, pool)
	{
		if (is_large(c) && strcmp(k->name, "sse2") == 0 && pool != pools[POOLS - 1])
			continue;
		run_convolution(k, c, bias, in, found, &sizes, pool);
		for (int i = 0; i < RESULTS; i++) {
			if (expected[i] != NULL)
				compare(result_names[i], k->name, sc_pool_threads(pool), expected[i], found[i],
					sizes.results[i] * 4);
			free(found[i]);
		}
	}
	for (int i = 0; i < RESULTS; i++)
		free(expected[i]);
	for (int i = 0; i < INPUTS; i++)
		free(in[i]);
}

/* ---- A convolution that max-pooling follows ---------------------------------------------------------------------------------- */

static float *pooled(const struct sc_kernels *k, const struct sc_convolution *c, const struct sc_max_pool *m, const float *src,
		     const float *weights, const float *bias, struct sc_pool *pool)
{
	float *dst = fresh(m->mb * m->oh * m->ow * m->channels * 4);
	void *packed = fresh(k->convolution_packed_bytes(c));
	void *workspace = fresh(k->convolution_pool_workspace(c, m, sc_pool_threads(pool)));
	const struct sc_convolution_forward t = {.src = src, .packed = packed, .bias = bias, .dst = dst, .relu = !bias};
	k->convolution_pack(c, weights, packed, pool);
	k->convolution_pool_forward(c, m, &t, workspace, pool);
	free(packed), free(workspace);
	return dst;
}

/* Windows that reach outside, that overlap, that leave rows out, and whose padding wins. */
static void test_pooled_convolution(const struct sc_convolution *c, bool bias)
{
	static const struct {
		int64_t kernel, stride, pad;
		float pad_value;
	} windows[] = {{3, 2, 1, -INFINITY}, {3, 1, 1, 0}, {1, 2, 0, -INFINITY}, {2, 3, 1, -INFINITY}};
	float *src = numbers(c->mb * c->ih * c->iw * c->ic, SRC), *weights = numbers(sc_weight_count(c), WEIGHTS);
	float *shift = bias ? numbers(c->oc, BIAS) : NULL;
	for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
		const int64_t kernel = windows[i].kernel, stride = windows[i].stride, pad = windows[i].pad;
		const struct sc_max_pool m = {.mb = c->mb,
					      .ih = c->oh,
					      .iw = c->ow,
					      .oh = (c->oh + 2 * pad - kernel) / stride + 1,
					      .ow = (c->ow + 2 * pad - kernel) / stride + 1,
					      .channels = c->oc,
					      .kh = kernel,
					      .kw = kernel,
					      .stride_h = stride,
					      .stride_w = stride,
					      .pad_top = pad,
					      .pad_left = pad,
					      .pad_value = windows[i].pad_value};
		float *expected = pooled(&sc_kernels_reference, c, &m, src, weights, shift, pools[0]);
		FOR_KERNELS(k, pool)
		{
			float *found = pooled(k, c, &m, src, weights, shift, pool);
			compare("forward, pooled", k->name, sc_pool_threads(pool), expected, found,
				m.mb * m.oh * m.ow * m.channels * 4);
			free(found);
		}
		free(expected);
	}
	free(src), free(weights), free(shift);
}

/* ---- The other ops ----------------------------------------------------------------------------------------------------------- */

enum { NORM_SRC, NORM_DIFF, NORM_RESIDUAL, NORM_SCALE, NORM_SHIFT, NORM_MEAN, NORM_VARIANCE, NORM_INPUTS };
enum { NORM_DST, NORM_STATISTICS, NORM_AGAIN, NORM_INFER, NORM_DIFF_SRC, NORM_PASSED, NORM_GRADIENTS, NORM_RESULTS };
static const char *const norm_names[] = {"norm forward",  "norm statistics",         "norm again",    "norm inference",
					 "norm backward", "norm backward, residual", "norm gradients"};

static void fresh_norm(float **out, const int64_t *bytes)
{
	for (int i = 0; i < NORM_RESULTS; i++)
		out[i] = fresh(bytes[i]);
}

/* In one step, with what follows. in_place: inference over its source, the gradient over the gradient. */
static void run_norm(const struct sc_kernels *k, const struct sc_batch_norm *b, bool added, bool in_place, float *const *in,
		     const int64_t *bytes, float **out, struct sc_pool *pool)
{
	void *w = fresh(k->batch_norm_workspace(b, sc_pool_threads(pool)));
	const float *residual = added ? in[NORM_RESIDUAL] : NULL;
	fresh_norm(out, bytes);
	struct sc_norm_forward forward = {in[NORM_SRC], in[NORM_SCALE], in[NORM_SHIFT],
					  residual,     out[NORM_DST],  out[NORM_STATISTICS]};
	k->batch_norm_forward(b, &forward, w, pool);
	forward.dst = out[NORM_AGAIN];
	k->batch_norm_again(b, &forward, pool);
	struct sc_norm_infer infer = {in[NORM_SRC],      in[NORM_SCALE], in[NORM_SHIFT], in[NORM_MEAN],
				      in[NORM_VARIANCE], residual,       out[NORM_INFER]};
	struct sc_norm_backward backward = {
		.src = in[NORM_SRC],
		.diff_dst = in[NORM_DIFF],
		.scale = in[NORM_SCALE],
		.shift = in[NORM_SHIFT],
		.statistics = out[NORM_STATISTICS],
		.dst = b->relu && added ? out[NORM_DST] : NULL,
		.diff_src = out[NORM_DIFF_SRC],
		.diff_residual = out[NORM_PASSED],
		.diff_scale = out[NORM_GRADIENTS],
		.diff_shift = out[NORM_GRADIENTS] + b->channels,
	};
	if (in_place) {
		float *passed = added ? out[NORM_PASSED] : out[NORM_DIFF_SRC];
		memcpy(out[NORM_INFER], in[NORM_SRC], (size_t)bytes[NORM_INFER]);
		memcpy(passed, in[NORM_DIFF], (size_t)bytes[NORM_PASSED]);
		infer.src = out[NORM_INFER];
		backward.diff_dst = passed;
		if (!added) /* the gradient itself is written over, so there is no place for what passed */
			backward.diff_residual = NULL;
	}
	k->batch_norm_infer(b, &infer, w, pool);
	k->batch_norm_backward(b, &backward, w, pool);
	free(w);
}

/* The same by single ops of the reference. */
static void run_norm_apart(const struct sc_batch_norm *b, bool added, float *const *in, const int64_t *bytes, float **out)
{
	const struct sc_kernels *k = &sc_kernels_reference;
	const struct sc_batch_norm alone = {
		.mb = b->mb, .height = b->height, .width = b->width, .channels = b->channels, .epsilon = b->epsilon};
	int64_t count = bytes[NORM_DST] / 4;
	void *w = fresh(k->batch_norm_workspace(b, 1));
	fresh_norm(out, bytes);
	const struct sc_norm_forward forward = {in[NORM_SRC], in[NORM_SCALE], in[NORM_SHIFT],
						NULL,         out[NORM_DST],  out[NORM_STATISTICS]};
	const struct sc_norm_infer infer = {in[NORM_SRC],      in[NORM_SCALE], in[NORM_SHIFT], in[NORM_MEAN],
					    in[NORM_VARIANCE], NULL,           out[NORM_INFER]};
	k->batch_norm_forward(&alone, &forward, w, NULL);
	k->batch_norm_infer(&alone, &infer, w, NULL);
	for (int i = 0; i < 2; i++) {
		float *value = out[i ? NORM_INFER : NORM_DST];
		if (added)
			k->add(count, value, in[NORM_RESIDUAL], value, NULL);
		if (b->relu)
			k->relu_forward(count, value, value, NULL);
	}
	memcpy(out[NORM_AGAIN], out[NORM_DST], (size_t)bytes[NORM_DST]);
	memcpy(out[NORM_PASSED], in[NORM_DIFF], (size_t)bytes[NORM_PASSED]);
	if (b->relu)
		k->relu_backward(count, out[NORM_DST], in[NORM_DIFF], out[NORM_PASSED], NULL);
	const struct sc_norm_backward backward = {
		.src = in[NORM_SRC],
		.diff_dst = out[NORM_PASSED],
		.scale = in[NORM_SCALE],
		.shift = in[NORM_SHIFT],
		.statistics = out[NORM_STATISTICS],
		.diff_src = out[NORM_DIFF_SRC],
		.diff_scale = out[NORM_GRADIENTS],
		.diff_shift = out[NORM_GRADIENTS] + b->channels,
	};
	k->batch_norm_backward(&alone, &backward, w, NULL);
	free(w);
}

static void compare_norm(const struct sc_kernels *k, const struct sc_batch_norm *b, bool added, float *const *in,
			 const int64_t *bytes, float *const *expected, struct sc_pool *pool)
{
	float *found[NORM_RESULTS];
	for (int in_place = 0; in_place < 2; in_place++) {
		run_norm(k, b, added, in_place, in, bytes, found, pool);
		for (int i = 0; i < NORM_RESULTS; i++) {
			int64_t compared = i == NORM_STATISTICS ? bytes[i] / 4 * 3 : bytes[i]; /* the fourth part is spare */
			if (!(in_place && !added && i == NORM_PASSED))
				compare(norm_names[i], k->name, sc_pool_threads(pool), expected[i], found[i], compared);
			free(found[i]);
		}
	}
}

static void test_norm(const struct sc_batch_norm *problem)
{
	struct sc_batch_norm b = *problem;
	int64_t count = b.mb * b.height * b.width * b.channels, c = b.channels;
	const int64_t bytes[] = {count * 4, 4 * c * 4, count * 4, count * 4, count * 4, count * 4, 2 * c * 4};
	float *in[NORM_INPUTS], *expected[NORM_RESULTS];
	for (int i = 0; i < NORM_INPUTS; i++)
		in[i] = numbers(i < NORM_SCALE ? count : c, (uint64_t)i);
	for (int64_t i = 0; i < c; i++)
		in[NORM_VARIANCE][i] *= in[NORM_VARIANCE][i];
	for (int kind = 0; kind < 4; kind++) {
		bool added = kind & 1;
		b.relu = kind & 2;
		run_norm_apart(&b, added, in, bytes, expected);
		compare_norm(&sc_kernels_reference, &b, added, in, bytes, expected, pools[0]);
		FOR_KERNELS(k, pool)
		compare_norm(k, &b, added, in, bytes, expected, pool);
		for (int i = 0; i < NORM_RESULTS; i++)
			free(expected[i]);
	}
	for (int i = 0; i < NORM_INPUTS; i++)
		free(in[i]);
}

static void test_max_pool(const struct sc_max_pool *m)
{
	int64_t src = m->mb * m->ih * m->iw * m->channels, dst = m->mb * m->oh * m->ow * m->channels;
	float *in = numbers(src, 0), *diff = numbers(dst, 1);
	float *expected = fresh(dst * 4), *expected_diff = fresh(src * 4);
	uint8_t *winner = fresh(dst);
	for (int64_t i = 0; i < src; i++) /* equal ones, of which the first wins; and some that are no numbers, of which the last */
		in[i] = i % 53 == 0 ? NAN : i % 3 == 0 ? 1.0f : in[i];
	sc_kernels_reference.max_pool_forward(m, in, expected, winner, pools[0]);
	sc_kernels_reference.max_pool_backward(m, diff, winner, expected_diff, pools[0]);
	FOR_KERNELS(k, pool)
	{
		float *found = fresh(dst * 4), *found_diff = fresh(src * 4);
		uint8_t *found_winner = fresh(dst);
		k->max_pool_forward(m, in, found, found_winner, pool);
		k->max_pool_backward(m, diff, found_winner, found_diff, pool);
		compare("max-pool forward", k->name, sc_pool_threads(pool), expected, found, dst * 4);
		compare("max-pool winners", k->name, sc_pool_threads(pool), winner, found_winner, dst);
		compare("max-pool backward", k->name, sc_pool_threads(pool), expected_diff, found_diff, src * 4);
		free(found), free(found_diff), free(found_winner);
	}
	free(in), free(diff), free(expected), free(expected_diff), free(winner);
}

static void test_subsample(const struct sc_subsample *s)
{
	int64_t src = s->mb * s->ih * s->iw * s->ic, dst = s->mb * s->oh * s->ow * s->oc;
	float *in = numbers(src, 0), *diff = numbers(dst, 1), *expected = fresh(dst * 4), *expected_diff = fresh(src * 4);
	sc_kernels_reference.subsample_forward(s, in, expected, pools[0]);
	sc_kernels_reference.subsample_backward(s, diff, expected_diff, pools[0]);
	FOR_KERNELS(k, pool)
	{
		float *found = fresh(dst * 4), *found_diff = fresh(src * 4);
		k->subsample_forward(s, in, found, pool);
		k->subsample_backward(s, diff, found_diff, pool);
		compare("subsample forward", k->name, sc_pool_threads(pool), expected, found, dst * 4);
		compare("subsample backward", k->name, sc_pool_threads(pool), expected_diff, found_diff, src * 4);
		free(found), free(found_diff);
	}
	free(in), free(diff), free(expected), free(expected_diff);
}

static void test_average(const struct sc_average_pool *a)
{
	int64_t src = a->mb * a->ih * a->iw * a->channels, dst = a->mb * a->oh * a->ow * a->channels;
	float *in = numbers(src, 0), *diff = numbers(dst, 1), *expected = fresh(dst * 4), *expected_diff = fresh(src * 4);
	sc_kernels_reference.average_pool_forward(a, in, expected, pools[0]);
	sc_kernels_reference.average_pool_backward(a, diff, expected_diff, pools[0]);
	FOR_KERNELS(k, pool)
	{
		float *found = fresh(dst * 4), *found_diff = fresh(src * 4);
		k->average_pool_forward(a, in, found, pool);
		k->average_pool_backward(a, diff, found_diff, pool);
		compare("average forward", k->name, sc_pool_threads(pool), expected, found, dst * 4);
		compare("average backward", k->name, sc_pool_threads(pool), expected_diff, found_diff, src * 4);
		free(found), free(found_diff);
	}
	free(in), free(diff), free(expected), free(expected_diff);
}

static void run_scale(const struct sc_kernels *k, const struct sc_scale *s, bool in_place, float *const *in, float **out,
		      struct sc_pool *pool)
{
	int64_t bytes = s->mb * s->pixels * s->channels * 4;
	out[0] = fresh(bytes), out[1] = fresh(bytes), out[2] = fresh(s->mb * s->channels * 4);
	if (in_place) {
		memcpy(out[0], in[0], (size_t)bytes);
		memcpy(out[1], in[2], (size_t)bytes);
	}
	const struct sc_scale_backward t = {in[0], in[1], in_place ? out[1] : in[2], out[1], out[2]};
	k->scale_forward(s, in_place ? out[0] : in[0], in[1], out[0], pool);
	k->scale_backward(s, &t, pool);
}

static void test_scale(const struct sc_scale *s)
{
	static const char *const names[3] = {"scale forward", "scale backward", "scale backward, factor"};
	int64_t count = s->mb * s->pixels * s->channels, factors = s->mb * s->channels;
	const int64_t bytes[3] = {count * 4, count * 4, factors * 4};
	float *in[3] = {numbers(count, 0), numbers(factors, 1), numbers(count, 2)}, *expected[3], *found[3];
	run_scale(&sc_kernels_reference, s, false, in, expected, pools[0]);
	for (int in_place = 0; in_place < 2; in_place++)
		FOR_KERNELS(k, pool)
		{
			run_scale(k, s, in_place, in, found, pool);
			for (int i = 0; i < 3; i++) {
				compare(names[i], k->name, sc_pool_threads(pool), expected[i], found[i], bytes[i]);
				free(found[i]);
			}
		}
	for (int i = 0; i < 3; i++)
		free(in[i]), free(expected[i]);
}

static void run_sgd(const struct sc_kernels *k, int form, int64_t count, float *const *in, float **out, struct sc_pool *pool)
{
	const struct sc_sgd s = {
		.learning_rate = 0.05f,
		.momentum = form & 1 ? 0.9f : 0,
		.nesterov = (form & 2) != 0,
		.keras_form = (form & 4) != 0,
		.weight_decay = form & 8 ? 5e-4f : 0,
		.decoupled_decay = (form & 16) != 0,
	};
	for (int i = 0; i < 2; i++) {
		out[i] = memory(count * 4);
		memcpy(out[i], in[i], (size_t)count * 4);
	}
	float *velocity = form & 1 ? out[1] : NULL;
	k->sgd(&s, count, out[0], in[2], velocity, pool);
	k->sgd_idle(&s, (const float[]){0.04f, 0.03f, 0.02f}, 3, count, out[0], velocity, pool);
}

static void test_elements(int64_t count)
{
	float *in[3], *expected[5], *found[5], *sgd[2];
	static const char *const names[5] = {"relu forward", "relu backward", "add", "sigmoid forward", "sigmoid backward"};
	for (int i = 0; i < 3; i++)
		in[i] = numbers(count, (uint64_t)i);
	for (int i = 0; i < 5; i++)
		expected[i] = fresh(count * 4);
	sc_kernels_reference.relu_forward(count, in[0], expected[0], pools[0]);
	sc_kernels_reference.relu_backward(count, expected[0], in[1], expected[1], pools[0]);
	sc_kernels_reference.add(count, in[0], in[1], expected[2], pools[0]);
	sc_kernels_reference.sigmoid_forward(count, in[0], expected[3], pools[0]);
	sc_kernels_reference.sigmoid_backward(count, expected[3], in[1], expected[4], pools[0]);
	FOR_KERNELS(k, pool)
	{
		for (int i = 0; i < 5; i++) {
			found[i] = memory(count * 4); /* each in place: its first operand lies where the result goes */
			memcpy(found[i], in[i == 1 || i == 4], (size_t)count * 4);
		}
		k->relu_forward(count, found[0], found[0], pool);
		k->relu_backward(count, found[0], found[1], found[1], pool);
		k->add(count, found[2], in[1], found[2], pool);
		k->sigmoid_forward(count, found[3], found[3], pool);
		k->sigmoid_backward(count, found[3], found[4], found[4], pool);
		for (int i = 0; i < 5; i++) {
			compare(names[i], k->name, sc_pool_threads(pool), expected[i], found[i], count * 4);
			free(found[i]);
		}
		float expected_magnitude = sc_kernels_reference.largest_magnitude(count, in[2], pools[0]);
		float magnitude = k->largest_magnitude(count, in[2], pool);
		compare("largest magnitude", k->name, sc_pool_threads(pool), &expected_magnitude, &magnitude, 4);
		for (int form = 0; form < 32; form++) {
			run_sgd(&sc_kernels_reference, form, count, in, sgd, pools[0]);
			run_sgd(k, form, count, in, found, pool);
			compare("sgd values", k->name, sc_pool_threads(pool), sgd[0], found[0], count * 4);
			compare("sgd velocity", k->name, sc_pool_threads(pool), sgd[1], found[1], count * 4);
			free(sgd[0]), free(sgd[1]), free(found[0]), free(found[1]);
		}
	}
	for (int i = 0; i < 3; i++)
		free(in[i]);
	for (int i = 0; i < 5; i++)
		free(expected[i]);
}

/* ---- Problem lines --------------------------------------------------------------------------------------------------------------
 */

struct problem {
	int64_t mb, ih, iw, ic, oc, kh, kw, sh, sw, top, left, bottom, right, groups;
	bool same, bias, zero, winograd;
};

static bool read_word(struct problem *p, const char *word)
{
	long long a, b, c, d;
	if (sscanf(word, "mb%lld", &a) == 1)
		p->mb = a;
	else if (sscanf(word, "in%lldx%lldx%lld", &a, &b, &c) == 3)
		p->ih = a, p->iw = b, p->ic = c;
	else if (sscanf(word, "oc%lld", &a) == 1)
		p->oc = a;
	else if (sscanf(word, "g%lld", &a) == 1)
		p->groups = a;
	else if (sscanf(word, "k%lldx%lld", &a, &b) == 2)
		p->kh = a, p->kw = b;
	else if (sscanf(word, "s%lldx%lld", &a, &b) == 2)
		p->sh = a, p->sw = b;
	else if (sscanf(word, "p%lld,%lld,%lld,%lld", &a, &b, &c, &d) == 4)
		p->top = a, p->left = b, p->bottom = c, p->right = d;
	else if (sscanf(word, "p%lld", &a) == 1)
		p->top = p->left = p->bottom = p->right = a;
	else if (strcmp(word, "same") == 0)
		p->same = true;
	else if (strcmp(word, "bias") == 0)
		p->bias = true;
	else if (strcmp(word, "winograd") == 0)
		p->winograd = true;
	else if (strcmp(word, "zero") == 0)
		p->zero = true;
	else
		return false;
	return true;
}

/* Keras' `same`: ceil(size / stride) outputs, the odd pixel of padding at the end. */
static void axis(bool same, int64_t size, int64_t kernel, int64_t stride, int64_t *begin, int64_t end, int64_t *out)
{
	if (!same) {
		*out = (size + *begin + end - kernel) / stride + 1;
		return;
	}
	*out = (size + stride - 1) / stride;
	int64_t total = (*out - 1) * stride + kernel - size;
	*begin = total > 0 ? total / 2 : 0;
}

static bool run_line(const char *op, struct problem *p)
{
	int64_t oh = 0, ow = 0;
	if (strcmp(op, "norm") == 0) {
		test_norm(
			&(struct sc_batch_norm){.mb = p->mb, .height = p->ih, .width = p->iw, .channels = p->ic, .epsilon = 1e-5f});
		return true;
	}
	if (strcmp(op, "scale") == 0) {
		test_scale(&(struct sc_scale){p->mb, p->ih * p->iw, p->ic});
		return true;
	}
	if (strcmp(op, "average") == 0) {
		int64_t kh = p->kh ? p->kh : p->ih, kw = p->kw ? p->kw : p->iw; /* no kernel: the whole map */
		oh = (p->ih + kh - 1) / kh, ow = (p->iw + kw - 1) / kw;
		test_average(&(struct sc_average_pool){p->mb, p->ih, p->iw, oh, ow, p->ic, kh, kw});
		return true;
	}
	if (p->sh < 1 || p->sw < 1)
		return false;
	axis(p->same, p->ih, p->kh, p->sh, &p->top, p->bottom, &oh);
	axis(p->same, p->iw, p->kw, p->sw, &p->left, p->right, &ow);
	if (strcmp(op, "conv") == 0) {
		const struct sc_convolution c = {p->mb, p->ih, p->iw, p->ic,  oh,      ow,        p->oc,      p->kh,
						 p->kw, p->sh, p->sw, p->top, p->left, p->groups, p->winograd, false};
		if (p->groups < 1 || p->ic % p->groups || p->oc % p->groups || (p->winograd && !sc_winograd_possible(&c)))
			return false;
		test_convolution(&c, p->bias);
		if (c.winograd) {
			struct sc_convolution late = c;
			late.late = true;
			test_convolution(&late, p->bias);
		}
		if (c.groups == 1 && !c.winograd && !is_large(&c))
			test_pooled_convolution(&c, p->bias);
		return true;
	}
	if (strcmp(op, "subsample") == 0 && p->sh == p->sw && p->oc >= p->ic + p->left) {
		test_subsample(&(struct sc_subsample){p->mb, p->ih, p->iw, p->ic, (p->ih - 1) / p->sh + 1, (p->iw - 1) / p->sw + 1,
						      p->oc, p->sh, p->left});
		return true;
	}
	if (strcmp(op, "maxpool") == 0) {
		const struct sc_max_pool m = {p->mb,
					      p->ih,
					      p->iw,
					      oh,
					      ow,
					      p->ic,
					      p->kh,
					      p->kw,
					      p->sh,
					      p->sw,
					      p->top,
					      p->left,
					      p->zero ? 0.0f : -__builtin_inff()};
		test_max_pool(&m);
		return true;
	}
	return false;
}

static bool read_line(char *line)
{
	line[strcspn(line, "#\n")] = 0;
	char *rest = NULL, *op = strtok_r(line, " \t", &rest);
	struct problem p = {.mb = 1, .groups = 1};
	if (!op)
		return true;
	if (strcmp(op, "elements") == 0) {
		char *count = strtok_r(NULL, " \t", &rest);
		if (!count)
			return false;
		test_elements(atoll(count));
		return true;
	}
	for (char *word = strtok_r(NULL, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest))
		if (!read_word(&p, word))
			return false;
	return run_line(op, &p);
}

static bool read_file(const char *path)
{
	char line[512];
	FILE *f = fopen(path, "r");
	if (!f) {
		fprintf(stderr, "%s: cannot be opened\n", path);
		return false;
	}
	file_name = path;
	bool good = true;
	for (line_number = 1; good && fgets(line, sizeof(line), f); line_number++) {
		good = read_line(line);
		if (!good)
			fprintf(stderr, "%s:%d: this line is not a problem\n", path, line_number);
	}
	fclose(f);
	return good;
}

int main(int argc, char **argv)
{
	bool good = argc > 1;
	if (!good)
		fprintf(stderr, "usage: test_ops FILE...\n");
	for (int i = 0; i < POOLS; i++)
		if (sc_pool_create(&pools[i], thread_counts[i], NULL))
			return 1;
	for (int i = 1; good && i < argc; i++)
		good = read_file(argv[i]);
	for (int i = 0; i < POOLS; i++)
		sc_pool_destroy(pools[i]);
	printf("%ld comparisons, %ld failures\n", comparisons, failures);
	return !good || failures > 0 || comparisons == 0;
}
