/* The table of layers and its totals, as text and as structs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/layers.h"
#include "model/resnet.h"

static struct sc_model *build(const char *name, int64_t side, int64_t channels, int64_t classes)
{
	struct sc_model *model = NULL;
	const struct sc_model_options options = {.height = side, .width = side, .channels = channels, .classes = classes};
	assert_int_equal(sc_resnet_build(&model, sc_resnet_find(name, NULL), &options, NULL), SC_OK);
	return model;
}

/* The summary as a string; the caller frees it. Not inlined: gcc 12 then takes the string for a part of the local pointer. */
static __attribute__((noinline)) char *summarise(const struct sc_model *model, int columns)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	assert_non_null(stream);
	sc_model_summary(model, stream, columns);
	fclose(stream);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("not in the summary: \"%s\"\n%s", line, text);
}

static size_t longest_line_of_table(const char *text)
{
	size_t longest = 0;
	const char *end = strstr(text, "\nParameters  "); /* the totals below the table keep their width */
	for (const char *line = strstr(text, "\n\n") + 2; line < end; line += strcspn(line, "\n") + 1)
		longest = strcspn(line, "\n") > longest ? strcspn(line, "\n") : longest;
	return longest;
}

static void the_tutorials_summary_has_its_totals(void **state)
{
	(void)state;
	struct sc_model *model = build("keras-tutorial-18", 224, 1, 10);
	char *text = summarise(model, 0);
	assert_has(text, "keras-tutorial-18: input 224 x 224 x 1, 10 classes\n");
	assert_has(text, "conv1                  convolution 7x7/2  112 x 112 x 64  input                 3,200     39,337,984\n");
	assert_has(text, "maxpool                max pool 3x3/2     56 x 56 x 64    relu ");
	assert_has(text, "                                                          maxpool\n"); /* the second input of an add */
	assert_has(text, "fc                     dense              10              avgpool               5,130          5,120\n");
	assert_has(text, "\nParameters                 11,186,186\n  trainable                11,178,378\n  non-trainable          "
			 "       7,808\n");
	assert_true(longest_line_of_table(text) <= 100);
	free(text);
	sc_model_destroy(model);
}

static void the_table_fits_the_columns(void **state)
{
	(void)state;
	struct sc_model *model = build("resnet50", 224, 3, 1000);
	static const int widths[] = {60, 72, 80, 90, 100, 120, 160};
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		char *text = summarise(model, widths[i]);
		assert_true(longest_line_of_table(text) <= (size_t)widths[i]);
		assert_has(text, "layer3.5.conv3"); /* names, shapes and counts are never cut */
		assert_has(text, "14 x 14 x 1024");
		assert_has(text, "262,144");
		free(text);
	}
	char *wide = summarise(model, 160), *narrow = summarise(model, 40);
	assert_has(wide, "layer2.0.downsample.1");
	assert_has(narrow, "14 x 14 x 1024");
	assert_null(strstr(narrow, "Connected to"));
	free(wide);
	free(narrow);
	sc_model_destroy(model);
}

static void a_layer_tells_its_shape_and_cost(void **state)
{
	(void)state;
	struct sc_model *model = build("resnet18", 28, 1, 10);
	struct sc_layer layer;
	assert_int_equal(sc_model_layer_count(model), model->node_count);
	sc_model_layer(model, 1, &layer);
	assert_string_equal(layer.name, "conv1");
	assert_string_equal(layer.type, "convolution");
	assert_string_equal(layer.detail, "7x7/2 1->64");
	assert_string_equal(layer.inputs, "input");
	assert_int_equal(layer.height, 14);
	assert_int_equal(layer.channels, 64);
	assert_int_equal(layer.parameters, 49 * 64);
	assert_int_equal(layer.macs, 14 * 14 * 49 * 64);
	assert_int_equal(layer.output_bytes, 14 * 14 * 64 * 4);
	sc_model_layer(model, 2, &layer);
	assert_string_equal(layer.type, "batch norm");
	assert_int_equal(layer.parameters, 4 * 64);
	assert_int_equal(layer.trainable, 2 * 64);
	assert_int_equal(layer.macs, 0);
	sc_model_layer(model, 10, &layer);
	assert_string_equal(layer.inputs, "layer1.0.bn2, maxpool");
	sc_model_layer(model, model->node_count - 1, &layer);
	assert_string_equal(layer.detail, "512->10");
	sc_model_destroy(model);
}

static void counts_have_separators(void **state)
{
	(void)state;
	char text[SC_COUNT_SIZE];
	assert_string_equal(sc_count_text(text, 0), "0");
	assert_string_equal(sc_count_text(text, 999), "999");
	assert_string_equal(sc_count_text(text, 1000), "1,000");
	assert_string_equal(sc_count_text(text, 11186186), "11,186,186");
	assert_string_equal(sc_count_text(text, -123456), "-123,456");
	assert_string_equal(sc_count_text(text, INT64_MAX), "9,223,372,036,854,775,807");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tutorials_summary_has_its_totals),
		cmocka_unit_test(the_table_fits_the_columns),
		cmocka_unit_test(a_layer_tells_its_shape_and_cost),
		cmocka_unit_test(counts_have_separators),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
