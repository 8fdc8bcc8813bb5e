/* First values: the right distribution for each kind of parameter, and a pure function of the seed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "model/resnet.h"

/* The first two stages of a preset: fewer numbers, the same rules. */
static struct sc_model *create(const char *name, uint64_t seed, int64_t classes)
{
	struct sc_model *model = NULL;
	struct sc_resnet small = *sc_resnet_find(name, NULL);
	small.stages = 2;
	const struct sc_model_options options = {.height = 28, .width = 28, .channels = 1, .classes = classes};
	assert_int_equal(sc_resnet_build(&model, &small, &options, NULL), SC_OK);
	sc_model_initialise(model, seed);
	return model;
}

static struct sc_tensor tensor(const struct sc_model *model, const char *name)
{
	struct sc_tensor found;
	for (int64_t i = 0; i < sc_model_tensor_count(model); i++) {
		sc_model_tensor(model, i, &found);
		if (!strcmp(found.name, name))
			return found;
	}
	fail_msg("no tensor %s", name);
	return found;
}

struct moments {
	double mean, deviation, largest;
};

static struct moments measure(struct sc_tensor t)
{
	double sum = 0, squares = 0, largest = 0;
	for (int64_t i = 0; i < t.count; i++) {
		sum += (double)t.values[i];
		squares += (double)t.values[i] * (double)t.values[i];
		largest = fmax(largest, fabs((double)t.values[i]));
	}
	double mean = sum / (double)t.count;
	return (struct moments){mean, sqrt(squares / (double)t.count - mean * mean), largest};
}

static void assert_constant(struct sc_tensor t, float value)
{
	for (int64_t i = 0; i < t.count; i++)
		assert_true(t.values[i] == value);
}

static void torchvision_starts_as_torch_does(void **state)
{
	(void)state;
	struct sc_model *model = create("resnet18", 1, 1000);
	struct moments m = measure(tensor(model, "layer2.1.conv2.weight")); /* N(0, 2 / (9 * 128)), 147,456 numbers */
	assert_true(fabs(m.mean) < 4 * sqrt(2.0 / (9 * 128) / 147456));
	assert_true(fabs(m.deviation / sqrt(2.0 / (9 * 128)) - 1) < 0.01);
	m = measure(tensor(model, "conv1.weight")); /* fan_out 49 * 64, fan_in 49 */
	assert_true(fabs(m.deviation / sqrt(2.0 / (49 * 64)) - 1) < 0.05);
	m = measure(tensor(model, "layer2.0.downsample.0.weight")); /* fan_out 128 */
	assert_true(fabs(m.deviation / sqrt(2.0 / 128) - 1) < 0.05);
	m = measure(tensor(model, "fc.weight")); /* U(-a, a), a = 1 / sqrt(128) */
	assert_true(m.largest <= 1 / sqrt(128.0) && m.largest > 0.999 / sqrt(128.0));
	assert_true(fabs(m.deviation * sqrt(3.0) * sqrt(128.0) - 1) < 0.01);
	m = measure(tensor(model, "fc.bias"));
	assert_true(m.largest <= 1 / sqrt(128.0) && m.largest > 0.9 / sqrt(128.0));
	assert_constant(tensor(model, "bn1.weight"), 1.0f);
	assert_constant(tensor(model, "bn1.bias"), 0.0f);
	assert_constant(tensor(model, "bn1.running_mean"), 0.0f);
	assert_constant(tensor(model, "bn1.running_var"), 1.0f);
	sc_model_destroy(model);
}

static void the_tutorials_net_starts_as_keras_does(void **state)
{
	(void)state;
	struct sc_model *model = create("keras-tutorial-18", 1, 10);
	double bound = sqrt(6.0 / (9 * 64 + 9 * 128));
	struct moments m = measure(tensor(model, "layer2.0.conv1.weight"));
	assert_true(m.largest <= bound && m.largest > 0.999 * bound);
	assert_true(fabs(m.deviation * sqrt(3.0) / bound - 1) < 0.01);
	m = measure(tensor(model, "fc.weight"));
	assert_true(m.largest <= sqrt(6.0 / (128 + 10)) && m.largest > 0.99 * sqrt(6.0 / (128 + 10)));
	assert_constant(tensor(model, "fc.bias"), 0.0f);
	assert_constant(tensor(model, "layer2.0.downsample.0.bias"), 0.0f);
	sc_model_destroy(model);
}

static void a_seed_gives_the_same_bits_another_seed_others(void **state)
{
	(void)state;
	struct sc_model *one = create("resnet18", 7, 10), *same = create("resnet18", 7, 10), *other = create("resnet18", 8, 10);
	size_t bytes = (size_t)one->value_count * sizeof(float);
	assert_memory_equal(one->values, same->values, bytes);
	assert_memory_not_equal(one->values, other->values, 64);
	sc_model_initialise(other, 7);
	assert_memory_equal(one->values, other->values, bytes);
	sc_model_destroy(one);
	sc_model_destroy(same);
	sc_model_destroy(other);
}

/* So that what a lab sees is the shortcut's doing. */
static void plain_and_residual_twins_start_from_the_same_bits(void **state)
{
	(void)state;
	static const char *const twins[][2] = {{"cifar20", "plain-cifar20"}, {"resnet18-a", "plain18"}};
	for (size_t t = 0; t < sizeof twins / sizeof *twins; t++) {
		struct sc_model *residual = create(twins[t][0], 5, 10), *plain = create(twins[t][1], 5, 10);
		assert_int_equal(residual->parameter_count, plain->parameter_count);
		for (int i = 0; i < plain->parameter_count; i++)
			assert_string_equal(residual->parameters[i].name, plain->parameters[i].name);
		assert_int_equal(residual->value_count, plain->value_count);
		assert_memory_equal(residual->values, plain->values, (size_t)plain->value_count * sizeof(float));
		sc_model_destroy(residual);
		sc_model_destroy(plain);
	}
}

static void a_block_may_begin_as_its_shortcut(void **state)
{
	(void)state;
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	struct sc_model_options options = {.height = 32, .width = 32, .classes = 10, .zero_init_last = true};
	assert_int_equal(sc_model_create(&model, "resnet50", &options, NULL), SC_OK);
	assert_true(tensor(model, "layer1.0.bn3.weight").values[0] == 0.0f);
	assert_true(tensor(model, "layer4.2.bn3.weight").values[2047] == 0.0f);
	assert_true(tensor(model, "layer1.0.bn2.weight").values[0] == 1.0f);
	assert_true(tensor(model, "layer1.0.downsample.1.weight").values[0] == 1.0f);
	sc_model_destroy(model);
	model = NULL;
	assert_int_equal(sc_model_create(&model, "plain18", &options, &error), SC_ERROR_ARGUMENT);
	assert_string_equal(error.message,
			    "zero_init_last: the blocks of plain18 have no shortcuts, so their last BatchNorm cannot begin "
			    "at 0");
	assert_int_equal(sc_model_create(&model, "keras-resnet50v2", &options, &error), SC_ERROR_ARGUMENT);
	assert_null(model);
	options.zero_init_last = false; /* timm's nets always do */
	assert_int_equal(sc_model_create(&model, "seresnet18", &options, NULL), SC_OK);
	assert_true(tensor(model, "layer1.0.bn2.weight").values[0] == 0.0f);
	assert_true(tensor(model, "layer1.0.se.fc1.bias").values[0] != 0.0f);
	sc_model_destroy(model);
}

static void tensors_of_one_shape_differ(void **state)
{
	(void)state;
	struct sc_model *model = create("resnet18", 0, 10);
	struct sc_tensor a = tensor(model, "layer1.0.conv1.weight"), b = tensor(model, "layer1.0.conv2.weight");
	assert_memory_not_equal(a.values, b.values, 64);
	sc_model_destroy(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(torchvision_starts_as_torch_does),
		cmocka_unit_test(the_tutorials_net_starts_as_keras_does),
		cmocka_unit_test(a_seed_gives_the_same_bits_another_seed_others),
		cmocka_unit_test(plain_and_residual_twins_start_from_the_same_bits),
		cmocka_unit_test(a_block_may_begin_as_its_shortcut),
		cmocka_unit_test(tensors_of_one_shape_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
