/* The reference ops against what PyTorch and Keras compute: forward, backward, running statistics, five steps of SGD.
 *
 * Each recording (pytorch_ops.safetensors, keras_ops.safetensors) holds cases named "<op>/<case>"; "<op>/<case>/problem" says the
 * shapes. Both sides compute in float32, in different orders, so they agree to rounding only. A sum of n products, each rounded, is
 * off by about sqrt(n) unit roundoffs of the size of its terms (errors of random sign: N. Higham, "Accuracy and stability of
 * numerical algorithms", 2.8). So every distance (relative, L2) is told in units of sqrt(n) * 2^-24, and each op has a bound in
 * those units: a little over what was measured, far below what any other meaning of the op would give. */
#include "recorded.h"

#include <stdbool.h>

#include "base/pool.h"
#include "engine/convolve.h"
#include "engine/reference/reference.h"

static struct sc_pool *pool;
static double bound, worst; /* of the running test, in those units */

static void check(const char *group, const char *name, const float *ours, const float *recorded, int64_t count, int64_t terms)
{
	double units = relative_distance(ours, recorded, count) / (sqrt((double)terms) * UNIT_ROUNDOFF);
	worst = fmax(worst, units);
	if (!(units <= bound))
		fail_msg("%s/%s: off by %.3g * sqrt(%" PRId64 ") * 2^-24; the bound is %g", group, name, units, terms, bound);
}

static float *numbers(int64_t count)
{
	float *values = calloc((size_t)count + 1, sizeof(float));
	assert_non_null(values);
	return values;
}

/* ---- One function an op: it runs the case `group` and compares ------------------------------------------------------- */

static void convolution_case(struct sc_safetensors *file, const char *group, const struct sc_convolution *c)
{
	const struct sc_kernels *k = &sc_kernels_reference;
	int threads = sc_pool_threads(pool);
	int64_t src_count = c->mb * c->ih * c->iw * c->ic, dst_count = c->mb * c->oh * c->ow * c->oc;
	int64_t kernel = c->kh * c->kw * c->ic * c->oc;
	float *src = recorded_floats(file, group, "src"), *weights = recorded_floats(file, group, "weights");
	float *bias = recorded_floats(file, group, "bias"), *diff_dst = recorded_floats(file, group, "diff_dst");
	float *dst = recorded_floats(file, group, "dst"), *diff_src = recorded_floats(file, group, "diff_src");
	float *diff_weights = recorded_floats(file, group, "diff_weights"), *diff_bias = recorded_floats(file, group, "diff_bias");
	int64_t bytes = k->convolution_backward_data_workspace(c, threads) + k->convolution_backward_weights_workspace(c, threads);
	float *workspace = numbers(bytes / (int64_t)sizeof(float));
	float *result = numbers(src_count + dst_count + kernel), *bias_result = numbers(c->oc);

	convolve(k, c, weights, (struct sc_convolution_forward){.src = src, .bias = bias, .dst = result}, pool);
	check(group, "dst", result, dst, dst_count, c->kh * c->kw * c->ic);
	k->convolution_backward_data(c, diff_dst, weights, result, false, workspace, pool);
	check(group, "diff_src", result, diff_src, src_count, c->kh * c->kw * c->oc);
	k->convolution_backward_weights(c, src, diff_dst, result, bias ? bias_result : NULL, workspace, pool);
	check(group, "diff_weights", result, diff_weights, kernel, c->mb * c->oh * c->ow);
	if (bias)
		check(group, "diff_bias", bias_result, diff_bias, c->oc, c->mb * c->oh * c->ow);
	free(src), free(weights), free(bias), free(diff_dst), free(dst), free(diff_src), free(diff_weights), free(diff_bias);
	free(workspace), free(result), free(bias_result);
}

static void run_convolution(struct sc_safetensors *file, const char *group, const int64_t *p)
{
	struct sc_convolution c = {.groups = 1,
				   .mb = p[0],
				   .ih = p[1],
				   .iw = p[2],
				   .ic = p[3],
				   .oh = p[4],
				   .ow = p[5],
				   .oc = p[6],
				   .kh = p[7],
				   .kw = p[8],
				   .stride_h = p[9],
				   .stride_w = p[10],
				   .pad_top = p[11],
				   .pad_left = p[12]};
	convolution_case(file, group, &c);
}

/* A dense layer is a 1x1 convolution on a 1x1 image. */
static void run_dense(struct sc_safetensors *file, const char *group, const int64_t *p)
{
	struct sc_convolution c = {.groups = 1,
				   .mb = p[0],
				   .ih = 1,
				   .iw = 1,
				   .ic = p[1],
				   .oh = 1,
				   .ow = 1,
				   .oc = p[2],
				   .kh = 1,
				   .kw = 1,
				   .stride_h = 1,
				   .stride_w = 1};
	convolution_case(file, group, &c);
}

/* The running values after the step, from the kernel's statistics (4, channels), as a plan updates them. */
static void check_running(struct sc_safetensors *file, const char *group, const struct sc_batch_norm *b, const float *statistics)
{
	const int64_t channels = b->channels;
	float n = (float)(b->mb * b->height * b->width), correction = b->unbiased ? n / (n - 1) : 1;
	float *mean = recorded_floats(file, group, "mean"), *mean_after = recorded_floats(file, group, "mean_after");
	float *variance = recorded_floats(file, group, "variance");
	float *variance_after = recorded_floats(file, group, "variance_after");
	for (int64_t c = 0; c < channels; c++) {
		mean[c] = b->momentum * mean[c] + b->update * statistics[c];
		variance[c] = b->momentum * variance[c] + b->update * statistics[channels + c] * correction;
	}
	check(group, "mean_after", mean, mean_after, channels, (int64_t)n);
	check(group, "variance_after", variance, variance_after, channels, (int64_t)n);
	free(mean), free(mean_after), free(variance), free(variance_after);
}

/* Besides the sums over the pixels: a dozen operations, each rounded, after cancellation with the mean. */
#define NORMALISING 16

static void run_batch_norm(struct sc_safetensors *file, const char *group, const int64_t *p)
{
	const struct sc_kernels *k = &sc_kernels_reference;
	float *constants = recorded_floats(file, group, "constants");
	struct sc_batch_norm b = {.mb = p[0],
				  .height = p[1],
				  .width = p[2],
				  .channels = p[3],
				  .epsilon = constants[0],
				  .momentum = constants[1],
				  .update = constants[2],
				  .unbiased = constants[3] > 0};
	int64_t pixels = b.mb * b.height * b.width, count = pixels * b.channels;
	float *src = recorded_floats(file, group, "src"), *diff_dst = recorded_floats(file, group, "diff_dst");
	float *scale = recorded_floats(file, group, "scale"), *shift = recorded_floats(file, group, "shift");
	float *mean = recorded_floats(file, group, "mean"), *variance = recorded_floats(file, group, "variance");
	float *infer = recorded_floats(file, group, "infer"), *dst = recorded_floats(file, group, "dst");
	float *diff_src = recorded_floats(file, group, "diff_src");
	float *diff_scale = recorded_floats(file, group, "diff_scale"), *diff_shift = recorded_floats(file, group, "diff_shift");
	float *workspace = numbers(k->batch_norm_workspace(&b, sc_pool_threads(pool)) / (int64_t)sizeof(float));
	float *result = numbers(count), *statistics = numbers(4 * b.channels);
	float *scale_result = numbers(b.channels), *shift_result = numbers(b.channels);

	const struct sc_norm_infer inference = {src, scale, shift, mean, variance, NULL, result};
	const struct sc_norm_forward forward = {src, scale, shift, NULL, result, statistics};
	const struct sc_norm_backward backward = {.src = src,
						  .diff_dst = diff_dst,
						  .scale = scale,
						  .shift = shift,
						  .statistics = statistics,
						  .diff_src = result,
						  .diff_scale = scale_result,
						  .diff_shift = shift_result};
	k->batch_norm_infer(&b, &inference, workspace, pool);
	check(group, "infer", result, infer, count, NORMALISING);
	k->batch_norm_forward(&b, &forward, workspace, pool);
	check(group, "dst", result, dst, count, pixels + NORMALISING);
	check_running(file, group, &b, statistics);
	k->batch_norm_backward(&b, &backward, workspace, pool);
	check(group, "diff_src", result, diff_src, count, pixels + NORMALISING);
	check(group, "diff_scale", scale_result, diff_scale, b.channels, pixels + NORMALISING);
	check(group, "diff_shift", shift_result, diff_shift, b.channels, pixels);
	free(constants), free(src), free(diff_dst), free(scale), free(shift), free(mean), free(variance), free(infer), free(dst);
	free(diff_src), free(diff_scale), free(diff_shift), free(workspace), free(result), free(statistics);
	free(scale_result), free(shift_result);
}

/* No arithmetic forward: equal to the bit. Backward adds at most four gradients. */
static void run_max_pool(struct sc_safetensors *file, const char *group, const int64_t *p)
{
	const struct sc_kernels *k = &sc_kernels_reference;
	struct sc_max_pool m = {.mb = p[0],
				.ih = p[1],
				.iw = p[2],
				.oh = p[3],
				.ow = p[4],
				.channels = p[5],
				.kh = p[6],
				.kw = p[7],
				.stride_h = p[8],
				.stride_w = p[9],
				.pad_top = p[10],
				.pad_left = p[11],
				.pad_value = -INFINITY};
	int64_t src_count = m.mb * m.ih * m.iw * m.channels, dst_count = m.mb * m.oh * m.ow * m.channels;
	float *src = recorded_floats(file, group, "src"), *dst = recorded_floats(file, group, "dst");
	float *diff_dst = recorded_floats(file, group, "diff_dst"), *diff_src = recorded_floats(file, group, "diff_src");
	float *result = numbers(src_count);
	uint8_t *winner = malloc((size_t)dst_count);
	assert_non_null(winner);

	k->max_pool_forward(&m, src, result, winner, pool);
	assert_memory_equal(result, dst, (size_t)dst_count * sizeof(float));
	k->max_pool_backward(&m, diff_dst, winner, result, pool);
	check(group, "diff_src", result, diff_src, src_count, 4);
	free(src), free(dst), free(diff_dst), free(diff_src), free(result), free(winner);
}

static void run_average_pool(struct sc_safetensors *file, const char *group, const int64_t *p)
{
	const struct sc_kernels *k = &sc_kernels_reference;
	int64_t mb = p[0], pixels = p[1] * p[2], channels = p[3];
	const struct sc_average_pool a = {mb, p[1], p[2], 1, 1, channels, p[1], p[2]};
	float *src = recorded_floats(file, group, "src"), *dst = recorded_floats(file, group, "dst");
	float *diff_dst = recorded_floats(file, group, "diff_dst"), *diff_src = recorded_floats(file, group, "diff_src");
	float *result = numbers(mb * pixels * channels);

	k->average_pool_forward(&a, src, result, pool);
	check(group, "dst", result, dst, mb * channels, pixels);
	k->average_pool_backward(&a, diff_dst, result, pool);
	check(group, "diff_src", result, diff_src, mb * pixels * channels, 2);
	free(src), free(dst), free(diff_dst), free(diff_src), free(result);
}

static void run_loss(struct sc_safetensors *file, const char *group, const int64_t *p)
{
	int64_t mb = p[0], classes = p[1];
	float *scores = recorded_floats(file, group, "scores"), *loss = recorded_floats(file, group, "loss");
	float *probabilities = recorded_floats(file, group, "probabilities");
	float *diff_scores = recorded_floats(file, group, "diff_scores");
	int64_t *recorded_labels = recorded_bytes(file, group, "labels", "I64", NULL);
	float *result = numbers(mb * classes), *diff_result = numbers(mb * classes);
	int32_t *labels = malloc((size_t)mb * sizeof *labels);
	assert_non_null(labels);
	for (int64_t i = 0; i < mb; i++)
		labels[i] = (int32_t)recorded_labels[i];

	struct sc_score score = sc_softmax_cross_entropy(mb, classes, scores, labels, result, diff_result);
	check(group, "probabilities", result, probabilities, mb * classes, classes);
	check(group, "diff_scores", diff_result, diff_scores, mb * classes, classes);
	check(group, "loss", &(float){(float)score.loss}, loss, 1, classes);
	free(scores), free(loss), free(probabilities), free(diff_scores), free(recorded_labels);
	free(result), free(diff_result), free(labels);
}

static void run_sgd(struct sc_safetensors *file, const char *group, const int64_t *p)
{
	int64_t count = p[0], steps;
	float *constants = recorded_floats(file, group, "constants");
	float *learning_rates = recorded_bytes(file, group, "learning_rates", "F32", &steps);
	float *values = recorded_floats(file, group, "start"), *velocity = numbers(count);
	float *gradients = recorded_floats(file, group, "gradients"); /* (steps, count) */
	float *recorded = recorded_floats(file, group, "values");     /* (steps, count): after each step */
	struct sc_sgd s = {.momentum = constants[0],
			   .weight_decay = constants[1],
			   .nesterov = p[1],
			   .keras_form = p[2],
			   .decoupled_decay = p[3]};
	for (int64_t step = 0; step < steps; step++) {
		s.learning_rate = learning_rates[step];
		sc_kernels_reference.sgd(&s, count, values, gradients + step * count, s.momentum > 0 ? velocity : NULL, pool);
		check(group, "values", values, recorded + step * count, count, 4 * (step + 1)); /* about four roundings a step */
	}
	free(constants), free(learning_rates), free(values), free(velocity), free(gradients), free(recorded);
}

/* ---- All cases of an op in both recordings ---------------------------------------------------------------------------- */

typedef void (*case_function)(struct sc_safetensors *file, const char *group, const int64_t *problem);

/* Every tensor "<op>/<case>/problem" of the file is a case; gives their number. */
static int run_file(const char *name, const char *op, case_function function)
{
	struct sc_safetensors file;
	const char *suffix = "/problem";
	int cases = 0;
	recorded_open(&file, name);
	for (int64_t i = 0; i < file.tensor_count; i++) {
		const char *tensor = file.tensors[i].name, *end = strstr(tensor, suffix);
		if (strncmp(tensor, op, strlen(op)) || tensor[strlen(op)] != '/' || !end || end[strlen(suffix)])
			continue;
		char group[128];
		snprintf(group, sizeof group, "%.*s", (int)(end - tensor), tensor);
		int64_t *problem = recorded_bytes(&file, group, "problem", "I64", NULL);
		function(&file, group, problem);
		free(problem);
		cases++;
	}
	sc_safetensors_close(&file);
	return cases;
}

static void run_op(const char *op, double op_bound, case_function function, int pytorch_cases, int keras_cases)
{
	bound = op_bound;
	worst = 0;
	assert_int_equal(run_file("pytorch_ops.safetensors", op, function), pytorch_cases);
	assert_int_equal(run_file("keras_ops.safetensors", op, function), keras_cases);
	print_message("%s: at most %.3f * sqrt(n) * 2^-24\n", op, worst);
}

static void convolutions_agree(void **state)
{
	(void)state;
	run_op("convolution", 1.0, run_convolution, 9, 8); /* measured: 0.46 */
}

static void dense_layers_agree(void **state)
{
	(void)state;
	run_op("dense", 1.0, run_dense, 1, 1); /* measured: 0.41 */
}

static void batch_norm_agrees_in_training_and_inference(void **state)
{
	(void)state;
	run_op("batch_norm", 3.0, run_batch_norm, 3, 3); /* measured: 1.52, where a channel has 4 values */
}

static void max_pools_agree_and_ties_go_to_the_first(void **state)
{
	(void)state;
	run_op("max_pool", 0.5, run_max_pool, 3, 3); /* measured: 0 */
}

static void average_pools_agree(void **state)
{
	(void)state;
	run_op("average_pool", 1.0, run_average_pool, 1, 1); /* measured: 0.38 */
}

static void losses_agree_also_for_large_scores(void **state)
{
	(void)state;
	run_op("loss", 1.5, run_loss, 2, 2); /* measured: 0.62 */
}

static void sgd_agrees_in_both_forms_as_the_learning_rate_changes(void **state)
{
	(void)state;
	run_op("sgd", 0.5, run_sgd, 6, 6); /* measured: 0.18 */
}

static int make_pool(void **state)
{
	(void)state;
	return sc_pool_create(&pool, 2, NULL) != SC_OK;
}

static int destroy_pool(void **state)
{
	(void)state;
	sc_pool_destroy(pool);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(convolutions_agree),
		cmocka_unit_test(dense_layers_agree),
		cmocka_unit_test(batch_norm_agrees_in_training_and_inference),
		cmocka_unit_test(max_pools_agree_and_ties_go_to_the_first),
		cmocka_unit_test(average_pools_agree),
		cmocka_unit_test(losses_agree_also_for_large_scores),
		cmocka_unit_test(sgd_agrees_in_both_forms_as_the_learning_rate_changes),
	};
	return cmocka_run_group_tests(tests, make_pool, destroy_pool);
}
