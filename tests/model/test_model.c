/* What may be asked of a model: defaults, limits, class names, and the layout of its one buffer of parameters. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "model/model.h"

static const struct sc_model_options mnist = {.height = 28, .width = 28, .channels = 1, .classes = 10};

static void zero_means_default(void **state)
{
	(void)state;
	struct sc_model *model = NULL;
	assert_int_equal(sc_model_create(&model, "resnet18", NULL, NULL), SC_OK);
	assert_int_equal(sc_model_height(model), 224);
	assert_int_equal(sc_model_width(model), 224);
	assert_int_equal(sc_model_channels(model), 3);
	assert_int_equal(sc_model_classes(model), 1000);
	assert_string_equal(sc_model_name(model), "resnet18");
	assert_string_equal(sc_model_class_name(model, 999), "999");
	assert_true(sc_model_preprocess(model)->deviation[0] == 0.0f && !sc_model_preprocess(model)->resize);
	sc_model_destroy(model);

	assert_int_equal(sc_model_create(&model, "keras-tutorial-18", &(struct sc_model_options){.channels = 1}, NULL), SC_OK);
	assert_int_equal(sc_model_classes(model), 10);
	sc_model_destroy(model);
	sc_model_destroy(NULL);
}

static void sizes_beyond_the_limits_are_refused(void **state)
{
	(void)state;
	struct options_and_word {
		struct sc_model_options options;
		const char *word;
	} table[] = {
		{{.height = -1}, "height"},        {{.height = 65537}, "height"}, {{.width = 65537}, "width"},
		{{.width = INT64_MIN}, "width"},   {{.channels = 5}, "channels"}, {{.channels = -3}, "channels"},
		{{.classes = 1048577}, "classes"}, {{.classes = -1}, "classes"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sc_model *model = NULL;
		struct sc_error error = {0};
		assert_int_equal(sc_model_create(&model, "resnet18", &table[i].options, &error), SC_ERROR_ARGUMENT);
		assert_null(model);
		assert_non_null(strstr(error.message, table[i].word));
		assert_non_null(strstr(error.message, "from 1 to"));
	}
}

static void preprocessing_is_checked_and_kept(void **state)
{
	(void)state;
	struct sc_model *model = NULL;
	struct sc_model_options options = mnist;
	options.preprocess = (struct sc_preprocess){.resize = true, .mean = {0.1307f, 9.0f}, .deviation = {0.3081f, 9.0f}};
	assert_int_equal(sc_model_create(&model, "keras-tutorial-18", &options, NULL), SC_OK);
	assert_true(sc_model_preprocess(model)->resize);
	assert_true(sc_model_preprocess(model)->mean[0] == 0.1307f && sc_model_preprocess(model)->deviation[0] == 0.3081f);
	assert_true(sc_model_preprocess(model)->mean[1] == 0.0f); /* a channel that the input lacks */
	sc_model_destroy(model);

	const struct sc_preprocess wrong[] = {
		{.deviation = {-1.0f}},
		{.deviation = {NAN}},
		{.deviation = {INFINITY}},
		{.mean = {0.5f}},
		{.mean = {NAN}, .deviation = {1.0f}},
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		options.preprocess = wrong[i];
		assert_int_equal(sc_model_create(&model, "resnet18", &options, NULL), SC_ERROR_ARGUMENT);
	}
}

static void class_names_are_copied(void **state)
{
	(void)state;
	char name[] = "cat";
	const char *names[] = {name, "Hund", "\xc3\xa9l\xc3\xa9phant", "\xf0\x9f\x90\x98"};
	struct sc_model *model = NULL;
	struct sc_model_options options = {.height = 8, .width = 8, .channels = 1, .classes = 4, .class_names = names};
	assert_int_equal(sc_model_create(&model, "keras-tutorial-18", &options, NULL), SC_OK);
	name[0] = 'r';
	assert_string_equal(sc_model_class_name(model, 0), "cat");
	assert_string_equal(sc_model_class_name(model, 3), names[3]);
	sc_model_destroy(model);
}

static void class_names_fit_for_no_terminal_are_refused(void **state)
{
	(void)state;
	char long_name[300];
	memset(long_name, 'x', sizeof long_name);
	long_name[256] = '\0';
	const char *wrong[] = {"",         "a\nb", "\x1b[2J", "\x7f",   "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
			       "\xc2\x9b", "\xff", "\x80",    long_name};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sc_model *model = NULL;
		struct sc_error error = {0};
		const char *names[] = {"fine", wrong[i]};
		struct sc_model_options options = {.height = 8, .width = 8, .channels = 1, .classes = 2, .class_names = names};
		assert_int_equal(sc_model_create(&model, "resnet18", &options, &error), SC_ERROR_ARGUMENT);
		assert_non_null(strstr(error.message, "class 1"));
	}
}

static void trained_parameters_come_first_and_are_aligned(void **state)
{
	(void)state;
	struct sc_model *model = NULL;
	struct sc_model_options options = mnist;
	options.classes = 3; /* leaves gaps */
	assert_int_equal(sc_model_create(&model, "keras-tutorial-18", &options, NULL), SC_OK);
	int64_t end[2] = {0, model->trainable_values}, numbers = 0;
	for (int i = 0; i < model->parameter_count; i++) {
		const struct sc_parameter *parameter = &model->parameters[i];
		int64_t *next = &end[!sc_parameter_trainable(parameter)];
		assert_int_equal(parameter->offset, *next); /* in the order of the nodes, nothing between */
		assert_int_equal(parameter->offset % 16, 0);
		*next = sc_round_up(parameter->offset + parameter->count, 16);
		for (int64_t gap = parameter->offset + parameter->count; gap < *next; gap++)
			assert_true(model->values[gap] == 0.0f);
		numbers += parameter->count;
	}
	assert_int_equal(end[0], model->trainable_values);
	assert_int_equal(end[1], model->value_count);
	assert_int_equal((uintptr_t)model->values % 64, 0);
	struct sc_totals totals;
	sc_model_totals(model, &totals);
	assert_int_equal(numbers, totals.parameters);
	sc_model_destroy(model);
}

static void tensors_are_views_of_the_buffer(void **state)
{
	(void)state;
	struct sc_model *model = NULL;
	assert_int_equal(sc_model_create(&model, "keras-tutorial-18", &mnist, NULL), SC_OK);
	assert_int_equal(sc_model_tensor_count(model), model->parameter_count);
	struct sc_tensor tensor;
	sc_model_tensor(model, 0, &tensor);
	assert_string_equal(tensor.name, "conv1.weight");
	assert_int_equal(tensor.rank, 4);
	assert_memory_equal(tensor.shape, ((int64_t[]){7, 7, 1, 64}), sizeof tensor.shape); /* (kernel_h, kernel_w, in, out) */
	assert_int_equal(tensor.count, 7 * 7 * 64);
	assert_ptr_equal(tensor.values, model->values);
	assert_true(tensor.trainable);
	sc_model_tensor(model, 5, &tensor);
	assert_string_equal(tensor.name, "bn1.running_var");
	assert_false(tensor.trainable);
	assert_true(tensor.values >= model->values + model->trainable_values);
	sc_model_tensor(model, model->parameter_count - 2, &tensor);
	assert_int_equal(tensor.rank, 2);
	assert_memory_equal(tensor.shape, ((int64_t[]){512, 10}), 2 * sizeof *tensor.shape); /* (in, out) */
	sc_model_destroy(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_means_default),
		cmocka_unit_test(sizes_beyond_the_limits_are_refused),
		cmocka_unit_test(preprocessing_is_checked_and_kept),
		cmocka_unit_test(class_names_are_copied),
		cmocka_unit_test(class_names_fit_for_no_terminal_are_refused),
		cmocka_unit_test(trained_parameters_come_first_and_are_aligned),
		cmocka_unit_test(tensors_are_views_of_the_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
