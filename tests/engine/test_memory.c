/* test_memory.c - training in less memory: the same weights to the bit, within the amount, and a refusal that names what would do. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "model/graph.h"
#include "narrow.h"
#include "shortcut.h"

#define BATCH 4
#define SIDE  16
#define STEPS 3

static int norm_of_convolution(struct sc_graph *graph, const char *convolution, const char *norm, int input)
{
	const struct sc_filter filter = {.kernel = 3, .stride = 1, .channels = 16};
	return sc_graph_batch_norm(graph, norm, sc_graph_convolution(graph, convolution, input, &filter), SC_INIT_ONE);
}

/* What no preset has: a block that begins with a pool, so that no backward step reads its input; inside it an addition whose operands
 * are both computed again, and at its end one that could be written over the input. */
static struct sc_model *make_odd_model(void)
{
	struct sc_model *model = sc_allocate(1, sizeof(*model));
	struct sc_graph graph;
	assert_non_null(model);
	model->height = model->width = SIDE, model->channels = 3, model->classes = 10;
	sc_graph_init(&graph, model, &sc_resnet_find("resnet18", NULL)->style, NULL);
	const struct sc_filter stem = {.kernel = 3, .stride = 1, .channels = 16};
	int x = sc_graph_convolution(&graph, "conv1", sc_graph_input(&graph), &stem);
	sc_graph_set_prefix(&graph, "first.");
	int pool = sc_graph_max_pool(&graph, "pool", x, 3, 1, -1);
	int inner = sc_graph_add(&graph, "add1", norm_of_convolution(&graph, "conv1", "bn1", pool), pool);
	int y = norm_of_convolution(&graph, "conv2", "bn2", sc_graph_relu(&graph, "relu", inner));
	x = sc_graph_add(&graph, "add2", x, y);
	sc_graph_set_prefix(&graph, "second.");
	x = sc_graph_add(&graph, "add", norm_of_convolution(&graph, "conv", "bn", x), x);
	sc_graph_set_prefix(&graph, "%s", "");
	sc_graph_dense(&graph, "fc", sc_graph_average_pool(&graph, "avgpool", x, 0), 10);
	assert_int_equal(sc_graph_finish(&graph), SC_OK);
	assert_int_equal(sc_arena_init(&model->storage, model->value_count * (int64_t)sizeof(float), "parameters", NULL), SC_OK);
	model->values = model->storage.base;
	sc_model_initialise(model, 7);
	return model;
}

static struct sc_model *make_model(const char *preset)
{
	if (strcmp(preset, "odd") == 0)
		return make_odd_model();
	const struct sc_model_options options = {.height = SIDE, .width = SIDE, .channels = 3, .classes = 10, .seed = 7};
	struct sc_model *model = make_narrow(preset, &options);
	assert_non_null(model);
	return model;
}

static struct sc_plan_options limited(int64_t memory, bool no_fuse)
{
	return (struct sc_plan_options){.batch = BATCH, .memory = memory, .compute = {.threads = 2, .no_fuse = no_fuse}};
}

/* STEPS updates on random images, none of which the memory may change. */
static void train(struct sc_model *model, struct sc_plan *plan)
{
	static float images[BATCH * SIDE * SIDE * 3];
	static const int32_t labels[BATCH] = {3, 1, 4, 1};
	const struct sc_optimizer optimizer = {.learning_rate = 0.05f, .momentum = 0.9f};
	struct sc_random random = sc_random_stream(1, SC_PURPOSE_INITIALISE, 0, 0);
	assert_int_equal(sc_model_height(model), SIDE);
	for (int step = 0; step < STEPS; step++) {
		for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++)
			images[i] = sc_random_uniform(&random) - 0.5f;
		sc_plan_step(plan, images, labels);
		sc_plan_update(plan, &optimizer);
	}
}

/* What the refusal of a single byte names. */
static int64_t smallest_amount(const char *preset, bool no_fuse)
{
	struct sc_model *model = make_model(preset);
	struct sc_plan_options options = limited(1, no_fuse);
	struct sc_plan *plan = NULL;
	struct sc_error error = {0};
	long long megabytes, least, found;
	assert_int_equal(sc_plan_create(&plan, model, &options, &error), SC_ERROR_MEMORY);
	assert_int_equal(sscanf(error.message, "memory: expected at least %lldM (%lld bytes), found %lld bytes", &megabytes, &least, &found), 3);
	assert_true(megabytes << 20 >= least && (megabytes - 1) << 20 < least);
	assert_int_equal(found, 1);
	options.memory = least - 1;
	assert_int_equal(sc_plan_create(&plan, model, &options, &error), SC_ERROR_MEMORY);
	sc_model_destroy(model);
	return least;
}

/* The model after training in so much memory (0: any); *promised and *again: what its plan says. */
static struct sc_model *train_within(const char *preset, bool no_fuse, int64_t memory, int64_t *promised, int64_t *again)
{
	struct sc_model *model = make_model(preset);
	struct sc_plan_options options = limited(memory, no_fuse);
	struct sc_plan *plan = NULL;
	struct sc_error error = {0};
	if (sc_plan_create(&plan, model, &options, &error) != SC_OK)
		fail_msg("%s: %s", preset, error.message);
	train(model, plan);
	*promised = sc_plan_promised_bytes(plan);
	*again = sc_plan_block_count(plan);
	sc_plan_destroy(plan);
	return model;
}

static void check_bits(const char *preset, bool no_fuse)
{
	int64_t whole, none, least = smallest_amount(preset, no_fuse);
	struct sc_model *expected = train_within(preset, no_fuse, 0, &whole, &none);
	assert_int_equal(none, 0);
	assert_true(least < whole);
	const int64_t limits[] = {whole, (least + whole) / 2, least};
	int64_t before = 0;
	for (int i = 0; i < 3; i++) {
		int64_t promised, again;
		struct sc_model *model = train_within(preset, no_fuse, limits[i], &promised, &again);
		assert_true(promised <= limits[i]);
		assert_true(i == 0 ? again == 0 : again >= before && again > 0);
		if (memcmp(model->values, expected->values, (size_t)expected->value_count * sizeof(float)) != 0)
			fail_msg("%s%s: other weights within %lld bytes", preset, no_fuse ? ", not fused" : "", (long long)limits[i]);
		before = again;
		sc_model_destroy(model);
	}
	sc_model_destroy(expected);
}

static void less_memory_gives_the_same_bits(void **state)
{
	(void)state;
	static const char *const nets[] = {"cifar20", "resnet50d", "preact-cifar20", "seresnet18", "plain-cifar20", "odd"};
	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		check_bits(nets[i], false);
	check_bits("seresnet18", true);
}

/* Each block is its inside's arithmetic once more; the stem's is one convolution, as its rectifier is computed again in any case. */
static void blocks_are_described(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18");
	struct sc_plan_options options = limited(smallest_amount("resnet18", false), false);
	struct sc_plan *plan = NULL;
	struct sc_plan_block stem, block;
	int64_t again = 0, of_convolutions = 0;
	assert_int_equal(sc_plan_create(&plan, model, &options, NULL), SC_OK);
	assert_int_equal(sc_plan_block_count(plan), 8); /* the stem, and all of the eight blocks but the last */
	sc_plan_describe_block(plan, 0, &stem);
	assert_string_equal(stem.name, "conv1 to maxpool");
	assert_int_equal(stem.flops, 2 * BATCH * 8 * 8 * 16 * 7 * 7 * 3); /* 8x8 pixels of 16 channels, 7x7x3 taps */
	sc_plan_describe_block(plan, 7, &block);
	assert_string_equal(block.name, "layer4.0");
	for (int64_t i = 0; i < sc_plan_block_count(plan); i++) {
		sc_plan_describe_block(plan, i, &block);
		assert_true(block.bytes > 0 && block.flops > 0);
		again += block.flops;
	}
	for (int64_t i = 0; i < sc_plan_step_count(plan); i++) {
		struct sc_plan_step step;
		sc_plan_describe_step(plan, i, &step);
		if (strcmp(step.pass, "forward again") == 0 && strncmp(step.kernel, "convolution", 11) == 0)
			of_convolutions += step.flops;
	}
	assert_int_equal(again, of_convolutions);
	sc_plan_destroy(plan);
	sc_model_destroy(model);
}

/* Nothing can be left out of an infer plan: it is what it is, or refused. */
static void an_infer_plan_is_only_checked(void **state)
{
	(void)state;
	struct sc_model *model = make_model("resnet18");
	struct sc_plan_options options = {.mode = SC_MODE_INFER, .batch = BATCH};
	struct sc_plan *plan = NULL;
	assert_int_equal(sc_plan_create(&plan, model, &options, NULL), SC_OK);
	options.memory = sc_plan_promised_bytes(plan);
	sc_plan_destroy(plan);
	assert_int_equal(sc_plan_create(&plan, model, &options, NULL), SC_OK);
	sc_plan_destroy(plan);
	options.memory--;
	assert_int_equal(sc_plan_create(&plan, model, &options, NULL), SC_ERROR_MEMORY);
	sc_model_destroy(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(less_memory_gives_the_same_bits), cmocka_unit_test(blocks_are_described),
					   cmocka_unit_test(an_infer_plan_is_only_checked)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
