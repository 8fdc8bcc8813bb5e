/* test_plan.c - plans: nothing that lives at the same time shares memory, the promise is kept, gradients are those of the whole
 * net, and nothing in the model changes before an update. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine/schedule.h"
#include "narrow.h"

/* No BatchNorm begins at 0: what stands before one that does would have no gradient. */
static struct sc_model *make_model(const char *name, int64_t size)
{
	const struct sc_model_options options = {.height = size, .width = size, .channels = 1, .classes = 10, .seed = 3};
	struct sc_model *model = make_narrow(name, &options);
	assert_non_null(model);
	for (int i = 0; i < model->parameter_count; i++)
		if (model->parameters[i].role == SC_ROLE_SCALE)
			model->parameters[i].initialiser = SC_INIT_ONE;
	sc_model_initialise(model, options.seed);
	return model;
}

static struct sc_plan *make_plan(struct sc_model *model, enum sc_mode mode, int64_t batch, int threads, const char *isa)
{
	struct sc_plan *plan = NULL;
	struct sc_error error = {0};
	const struct sc_plan_options options = {.mode = mode, .batch = batch, .compute = {threads, isa}};
	if (sc_plan_create(&plan, model, &options, &error) != SC_OK)
		fail_msg("%s", error.message);
	return plan;
}

static void fill(struct sc_plan *plan)
{
	struct sc_random random = sc_random_stream(5, SC_PURPOSE_INITIALISE, 0, 0);
	float *images = sc_plan_images(plan);
	for (int64_t i = 0; i < node_numbers(plan, 0); i++)
		images[i] = sc_random_uniform(&random) - 0.5f;
	for (int64_t i = 0; plan->labels != SC_NONE && i < plan->batch; i++)
		sc_plan_labels(plan)[i] = (int32_t)(i % 10);
}

/* ---- Memory -------------------------------------------------------------------------------------------------------------- */

static void check_buffers(const struct sc_plan *plan)
{
	for (int a = 0; a < plan->buffer_count; a++)
		for (int b = 0; b < a; b++) {
			const struct buffer *x = &plan->buffers[a], *y = &plan->buffers[b];
			bool together = x->prepared || (x->first <= y->last && y->first <= x->last);
			bool overlap = x->offset < y->offset + y->bytes && y->offset < x->offset + x->bytes;
			assert_false(x->prepared == y->prepared && together && overlap);
			assert_true(x->offset + x->bytes <= (x->prepared ? plan->prepared_bytes : plan->arena_bytes));
		}
}

static void living_buffers_do_not_overlap(void **state)
{
	(void)state;
	static const char *const names[] = {"resnet18", "resnet50", "keras-tutorial-18", "seresnet50t"};
	for (int i = 0; i < 4; i++) {
		struct sc_model *model = make_model(names[i], 33);
		for (int mode = SC_MODE_TRAIN; mode <= SC_MODE_INFER; mode++) {
			struct sc_plan *plan = make_plan(model, (enum sc_mode)mode, 2, 2, NULL);
			check_buffers(plan);
			sc_plan_destroy(plan);
		}
		sc_model_destroy(model);
	}
}

/* Every step reads only what an earlier one, or the caller, has written. */
static void steps_read_what_was_written(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18", 33);
	struct sc_plan *plan = make_plan(model, SC_MODE_TRAIN, 2, 1, NULL);
	bool *written = calloc((size_t)plan->buffer_count, 1);
	written[plan->value[0]] = written[plan->labels] = true;
	for (int i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];
		bool forward = s->pass == PASS_FORWARD || s->pass == PASS_AGAIN;
		const int reads[] = {s->src,
				     s->second,
				     forward ? SC_NONE : s->dst,
				     s->pass == PASS_FORWARD ? SC_NONE : s->extra,
				     s->diff_dst,
				     s->accumulate ? s->diff_src : SC_NONE};
		for (int k = 0; k < 6; k++)
			assert_true(reads[k] == SC_NONE || written[reads[k]]);
		const int writes[] = {s->dst, s->extra, s->diff_src, s->diff_second};
		for (int k = 0; k < 4; k++)
			if (writes[k] != SC_NONE)
				written[writes[k]] = true;
	}
	free(written);
	sc_plan_destroy(plan);
	sc_model_destroy(model);
}

/* Liveness pays: the arena is smaller than all tensors side by side, by far for inference. */
static void arena_is_shared(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18", 64);
	for (int mode = SC_MODE_TRAIN; mode <= SC_MODE_INFER; mode++) {
		struct sc_plan *plan = make_plan(model, (enum sc_mode)mode, 4, 1, NULL);
		int64_t kept = sc_plan_prepared_bytes(plan), sum = -kept;
		for (int i = 0; i < plan->buffer_count; i++)
			sum += plan->buffers[i].bytes;
		assert_true(sc_plan_arena_bytes(plan) - kept < (mode == SC_MODE_TRAIN ? sum / 2 : sum / 4));
		sc_plan_destroy(plan);
	}
	sc_model_destroy(model);
}

/* ---- Numbers --------------------------------------------------------------------------------------------------------------------
 */

/* The whole net's gradient, all branches and sums of it, against the loss itself: between two points w- and w+, which lie on either
 * side of w along the gradient, the loss changes by <gradient, w+ - w->. They are so far apart that this is 2e-3; the loss is known
 * to about 1e-6 from float32 activations, and its curvature's part is of third order. LIMIT is 2 %. */
#define LIMIT 0.02
static void check_gradient(const char *name)
{
	struct sc_model *model = make_model(name, 96);
	struct sc_plan *plan = make_plan(model, SC_MODE_TRAIN, 4, 2, NULL);
	int64_t count = model->trainable_values;
	float *kept = malloc((size_t)count * sizeof(float)), *gradient = malloc((size_t)count * sizeof(float));
	double norm = 0, expected = 0, loss[2];
	fill(plan);
	sc_plan_run_step(plan);
	memcpy(kept, model->values, (size_t)count * sizeof(float));
	memcpy(gradient, sc_plan_gradients(plan), (size_t)count * sizeof(float));
	for (int64_t i = 0; i < count; i++)
		norm += (double)gradient[i] * (double)gradient[i];
	for (int side = -1; side <= 1; side += 2) {
		for (int64_t i = 0; i < count; i++) {
			model->values[i] = (float)((double)kept[i] + side * 1e-3 / norm * (double)gradient[i]);
			expected += side * (double)gradient[i] * (double)model->values[i];
		}
		fill(plan); /* a run may write over images and labels */
		loss[side > 0] = sc_plan_run_step(plan).loss;
	}
	double found = loss[1] - loss[0];
	if (!(fabs(found - expected) < LIMIT * fabs(expected)))
		fail_msg("%s: the loss changes by %.9g, its gradient says %.9g", name, found, expected);
	free(kept);
	free(gradient);
	sc_plan_destroy(plan);
	sc_model_destroy(model);
}

static void gradient_is_that_of_the_loss(void **state)
{
	(void)state;
	check_gradient("keras-tutorial-18");
	check_gradient("resnet50");
	check_gradient("seresnet18");
	check_gradient("resnet18d");
}

static void step_leaves_the_model_alone(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18", 28);
	struct sc_plan *plan = make_plan(model, SC_MODE_TRAIN, 2, 1, NULL);
	char before[SC_HASH_SIZE], after[SC_HASH_SIZE];
	assert_int_equal(sc_model_hash(model, before, NULL), SC_OK);
	fill(plan);
	sc_plan_run_step(plan);
	assert_int_equal(sc_model_hash(model, after, NULL), SC_OK);
	assert_string_equal(before, after);
	sc_plan_update(plan, NULL);
	assert_int_equal(sc_model_hash(model, after, NULL), SC_OK);
	assert_string_not_equal(before, after);
	sc_plan_destroy(plan);
	sc_model_destroy(model);
}

/* A prediction does not depend on what else is in its batch, nor on the size of the batch. */
static void batch_neighbours_change_nothing(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18", 28);
	struct sc_plan *one = make_plan(model, SC_MODE_INFER, 1, 1, NULL), *many = make_plan(model, SC_MODE_INFER, 9, 2, NULL);
	float images[9 * 28 * 28], scores[9 * 10], alone[10];
	fill(many);
	memcpy(images, sc_plan_images(many), sizeof(images));
	sc_plan_forward(many, images, scores);
	for (int i = 0; i < 9; i++) {
		sc_plan_forward(one, images + i * 28 * 28, alone);
		assert_memory_equal(alone, scores + i * 10, sizeof(alone));
	}
	sc_plan_destroy(one);
	sc_plan_destroy(many);
	sc_model_destroy(model);
}

static void first_bad_tensor_is_named(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18", 28);
	struct sc_plan *plan = make_plan(model, SC_MODE_TRAIN, 2, 1, NULL);
	struct sc_tensor tensor;
	int64_t index = 0;
	do
		sc_model_tensor(model, index++, &tensor);
	while (strcmp(tensor.name, "layer3.1.conv2.weight") != 0);
	tensor.values[5] = NAN;
	fill(plan);
	assert_true(isnan(sc_plan_run_step(plan).loss));
	fill(plan);
	struct sc_non_finite found;
	assert_true(sc_plan_find_non_finite(plan, &found));
	assert_string_equal(found.layer, "layer3.1.conv2");
	assert_string_equal(found.tensor, "layer3.1.conv2.weight");
	assert_true(isnan(found.value) && found.image == -1);
	tensor.values[5] = 0.1f;
	fill(plan);
	sc_plan_images(plan)[28 * 28 + 7] = INFINITY;
	assert_true(sc_plan_find_non_finite(plan, &found));
	assert_string_equal(found.tensor, "images");
	assert_int_equal(found.image, 1);
	fill(plan);
	assert_false(sc_plan_find_non_finite(plan, &found));
	sc_plan_destroy(plan);
	sc_model_destroy(model);
}

/* ---- Words and errors
 * ------------------------------------------------------------------------------------------------------------ */

static void plans_describe_themselves(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18", 28);
	struct sc_plan *plan = make_plan(model, SC_MODE_TRAIN, 4, 1, "sse2");
	struct sc_plan_step step;
	int64_t flops = 0;
	sc_plan_describe_step(plan, 0, &step);
	assert_string_equal(step.pass, "forward");
	assert_string_equal(step.layer, "conv1");
	assert_string_equal(step.kernel, "convolution direct sse2");
	assert_string_equal(step.shape, "28x28x1 -> 14x14x16");
	assert_int_equal(step.flops, 2 * 4 * 14 * 14 * 16 * 49);
	for (int64_t i = 0; i < sc_plan_step_count(plan); i++) {
		sc_plan_describe_step(plan, i, &step);
		if (strcmp(step.pass, "forward") == 0 && (strstr(step.kernel, "direct") || strstr(step.kernel, "winograd")))
			flops += step.flops;
	}
	struct sc_totals totals;
	sc_model_totals(model, &totals);
	assert_int_equal(flops, 2 * 4 * totals.macs);
	sc_plan_destroy(plan);
	sc_model_destroy(model);
}

/* Counts the steps whose kernel's name holds a text. */
static int steps_with(const struct sc_plan *plan, const char *text)
{
	int count = 0;
	for (int64_t i = 0; i < sc_plan_step_count(plan); i++) {
		struct sc_plan_step step;
		sc_plan_describe_step(plan, i, &step);
		count += strstr(step.kernel, text) != NULL;
	}
	return count;
}

/* Steps that do several layers at once say so, and give the bits of single ones: scores, loss, gradients, statistics. */
static void fused_steps_give_the_same_bits(void **state)
{
	(void)state;
	static const char *const names[] = {"resnet18", "resnet18d", "resnet50", "keras-tutorial-18", "seresnet18"};
	/* Blocks: each ends with an addition and a rectifier; but where a gate comes between, only the projections of three do. */
	static const int groups[] = {8, 8, 16, 8, 3};
	for (int i = 0; i < 5; i++) {
		struct sc_model *model = make_model(names[i], 33);
		struct sc_plan *fused = make_plan(model, SC_MODE_TRAIN, 3, 2, NULL), *apart = NULL;
		const struct sc_plan_options options = {.batch = 3, .compute = {.threads = 2, .no_fuse = true}};
		assert_int_equal(sc_plan_create(&apart, model, &options, NULL), SC_OK);
		assert_int_equal(steps_with(fused, "batch norm + add + relu"), 2 * groups[i]); /* forward and backward */
		assert_int_equal(steps_with(apart, " + "), 0);
		assert_true(sc_plan_promised_bytes(fused) < sc_plan_promised_bytes(apart));
		fill(fused), fill(apart);
		struct sc_score a = sc_plan_run_step(fused), b = sc_plan_run_step(apart);
		assert_true(a.loss == b.loss && a.correct == b.correct);
		assert_memory_equal(sc_plan_gradients(fused), sc_plan_gradients(apart), (size_t)model->trainable_values * 4);
		sc_plan_update_statistics(fused);
		float *values = malloc((size_t)model->value_count * 4);
		memcpy(values, model->values, (size_t)model->value_count * 4);
		sc_model_initialise(model, 3);
		sc_plan_update_statistics(apart);
		assert_memory_equal(values, model->values, (size_t)model->value_count * 4);
		free(values);
		sc_plan_destroy(fused), sc_plan_destroy(apart);
		sc_model_destroy(model);
	}
}

/* Moves the running statistics away from their first values, so that folding them in changes the weights. */
static void train_a_step(struct sc_model *model)
{
	struct sc_plan *plan = make_plan(model, SC_MODE_TRAIN, 3, 2, NULL);
	fill(plan);
	sc_plan_run_step(plan);
	sc_plan_update_statistics(plan);
	sc_plan_destroy(plan);
}

/* Index of a layer by its name. */
static int64_t layer_of(const struct sc_model *model, const char *name)
{
	struct sc_layer layer = {.name = ""};
	int64_t i = -1;
	while (strcmp(layer.name, name) != 0)
		sc_model_layer(model, ++i, &layer);
	return i;
}

/* A plan that keeps all outputs gives the same bits, and what it shows of a layer is what the next layer reads: an addition's
 * output is the sum, a rectifier's has no negative number, and none was written over. */
static void kept_outputs_are_those_of_the_layers(void **state)
{
	(void)state;
	struct sc_model *model = make_model("cifar20", 12);
	struct sc_plan *plain = make_plan(model, SC_MODE_TRAIN, 3, 2, NULL), *kept = NULL;
	const struct sc_plan_options options = {.batch = 3, .keep_outputs = true};
	assert_int_equal(sc_plan_create(&kept, model, &options, NULL), SC_OK);
	check_buffers(kept);
	fill(plain), fill(kept);
	sc_plan_run_step(plain), sc_plan_run_step(kept);
	assert_memory_equal(sc_plan_gradients(plain), sc_plan_gradients(kept), (size_t)model->trainable_values * 4);
	assert_null(sc_plan_layer_output(plain, 1));

	const float *images = sc_plan_layer_output(kept, 0), *norm = sc_plan_layer_output(kept, layer_of(model, "layer1.0.bn2"));
	const float *input = sc_plan_layer_output(kept, layer_of(model, "relu"));
	const float *sum = sc_plan_layer_output(kept, layer_of(model, "layer1.0.add"));
	const float *result = sc_plan_layer_output(kept, layer_of(model, "layer1.0.relu"));
	assert_ptr_equal(images, sc_plan_images(kept));
	for (int i = 0; i < 3 * 12 * 12 * 4; i++) {
		assert_true(sum[i] == norm[i] + input[i]);
		assert_true(result[i] == (sum[i] > 0 ? sum[i] : 0));
	}
	sc_plan_destroy(plain), sc_plan_destroy(kept);
	sc_model_destroy(model);
}

/* For inference nothing is folded: BatchNorm's output is there, and the scores differ from folded ones by rounding alone (1e-4 of
 * the largest: 20 layers of float32). */
static void kept_outputs_of_inference_are_not_folded(void **state)
{
	(void)state;
	struct sc_model *model = make_model("cifar20", 12);
	train_a_step(model);
	struct sc_plan *folded = make_plan(model, SC_MODE_INFER, 3, 2, NULL), *kept = NULL;
	const struct sc_plan_options options = {.mode = SC_MODE_INFER, .batch = 3, .keep_outputs = true};
	assert_int_equal(sc_plan_create(&kept, model, &options, NULL), SC_OK);
	check_buffers(kept);
	assert_int_equal(steps_with(kept, "fold"), 0);
	fill(folded), fill(kept);
	sc_plan_run_forward(folded), sc_plan_run_forward(kept);
	const float *norm = sc_plan_layer_output(kept, layer_of(model, "bn1"));
	const float *relu = sc_plan_layer_output(kept, layer_of(model, "relu"));
	float largest = 0;
	for (int i = 0; i < 3 * 10; i++)
		largest = fmaxf(largest, fabsf(sc_plan_scores(kept)[i]));
	for (int i = 0; i < 3 * 10; i++)
		assert_true(fabsf(sc_plan_scores(kept)[i] - sc_plan_scores(folded)[i]) <= 1e-4f * largest);
	for (int i = 0; i < 3 * 12 * 12 * 4; i++)
		assert_true(relu[i] == (norm[i] > 0 ? norm[i] : 0));
	assert_null(sc_plan_tensor_gradient(kept, 0));
	sc_plan_destroy(folded), sc_plan_destroy(kept);
	sc_model_destroy(model);
}

static void fused_inference_gives_the_same_bits(void **state)
{
	(void)state;
	static const char *const names[] = {"resnet18", "resnet50", "keras-tutorial-18", "cifar20", "plain-cifar20", "seresnet50t"};
	for (int i = 0; i < 6; i++) {
		struct sc_model *model = make_model(names[i], 33);
		train_a_step(model);
		struct sc_plan *fused = make_plan(model, SC_MODE_INFER, 3, 2, NULL), *apart = NULL;
		const struct sc_plan_options options = {
			.mode = SC_MODE_INFER, .batch = 3, .compute = {.threads = 1, .no_fuse = true}};
		assert_int_equal(sc_plan_create(&apart, model, &options, NULL), SC_OK);
		assert_int_equal(steps_with(fused, "batch norm"), steps_with(fused, "fold batch norm"));
		assert_true(steps_with(fused, " + relu") > 0 && steps_with(apart, " + ") == 0);
		fill(fused), fill(apart);
		sc_plan_run_forward(fused), sc_plan_run_forward(apart);
		assert_memory_equal(sc_plan_scores(fused), sc_plan_scores(apart), 3 * 10 * sizeof(float));
		sc_plan_destroy(fused), sc_plan_destroy(apart);
		sc_model_destroy(model);
	}
}

static void infer_plans_take_new_parameters_when_refreshed(void **state)
{
	(void)state;
	struct sc_model *model = make_model("cifar20", 32);
	struct sc_plan *plan = make_plan(model, SC_MODE_INFER, 1, 1, NULL);
	float before[10], changed[10], fresh[10];
	fill(plan);
	sc_plan_run_forward(plan);
	memcpy(before, sc_plan_scores(plan), sizeof(before));
	train_a_step(model);
	fill(plan);
	sc_plan_run_forward(plan);
	assert_memory_equal(before, sc_plan_scores(plan), sizeof(before));
	sc_plan_refresh(plan);
	fill(plan);
	sc_plan_run_forward(plan);
	memcpy(changed, sc_plan_scores(plan), sizeof(changed));
	sc_plan_destroy(plan);
	plan = make_plan(model, SC_MODE_INFER, 1, 1, NULL);
	fill(plan);
	sc_plan_run_forward(plan);
	memcpy(fresh, sc_plan_scores(plan), sizeof(fresh));
	assert_memory_equal(changed, fresh, sizeof(fresh));
	assert_memory_not_equal(before, fresh, sizeof(fresh));
	sc_plan_destroy(plan);
	sc_model_destroy(model);
}

static void bad_options_are_refused(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18", 28);
	struct sc_plan *plan = NULL;
	struct sc_error error = {0};
	assert_int_equal(sc_plan_create(&plan, model, &(struct sc_plan_options){.batch = -1}, &error), SC_ERROR_ARGUMENT);
	assert_int_equal(sc_plan_create(&plan, model, &(struct sc_plan_options){.batch = 1 << 21}, &error), SC_ERROR_ARGUMENT);
	assert_int_equal(sc_plan_create(&plan, model, &(struct sc_plan_options){.compute = {.threads = -3}}, &error),
			 SC_ERROR_ARGUMENT);
	assert_int_equal(sc_plan_create(&plan, model, &(struct sc_plan_options){.compute = {.instruction_set = "mmx"}}, &error),
			 SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "mmx"));
	assert_null(plan);
	sc_model_destroy(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(living_buffers_do_not_overlap),
		cmocka_unit_test(steps_read_what_was_written),
		cmocka_unit_test(arena_is_shared),
		cmocka_unit_test(gradient_is_that_of_the_loss),
		cmocka_unit_test(step_leaves_the_model_alone),
		cmocka_unit_test(batch_neighbours_change_nothing),
		cmocka_unit_test(first_bad_tensor_is_named),
		cmocka_unit_test(plans_describe_themselves),
		cmocka_unit_test(fused_steps_give_the_same_bits),
		cmocka_unit_test(kept_outputs_are_those_of_the_layers),
		cmocka_unit_test(kept_outputs_of_inference_are_not_folded),
		cmocka_unit_test(fused_inference_gives_the_same_bits),
		cmocka_unit_test(infer_plans_take_new_parameters_when_refreshed),
		cmocka_unit_test(bad_options_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
