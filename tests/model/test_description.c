/* A model's description as JSON text, there and back; and texts that are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/model.h"
#include "model/resnet.h"

static void what_is_described_comes_back(void **state)
{
	(void)state;
	const char *names[] = {"T-shirt", "say \"hi\"", "\xc3\xa9t\xc3\xa9"};
	const struct sc_model_options options = {
		.height = 40,
		.width = 30,
		.channels = 3,
		.classes = 3,
		.preprocess = {.resize = true, .bgr = true, .mean = {0.485f, 0.456f, 0.1f}, .deviation = {0.229f, 0.224f, 1e-7f}},
		.class_names = names,
	};
	struct sc_model *model = NULL, *copy = NULL;
	char *text = NULL, *again = NULL;
	assert_int_equal(sc_resnet_build(&model, sc_resnet_find("keras-tutorial-18", NULL), &options, NULL), SC_OK);
	assert_int_equal(sc_model_describe(model, &text, NULL), SC_OK);
	assert_int_equal(sc_model_from_description(&copy, text, "test", NULL), SC_OK);
	assert_string_equal(copy->name, "keras-tutorial-18");
	assert_int_equal(copy->height, 40);
	assert_int_equal(copy->width, 30);
	assert_int_equal(copy->channels, 3);
	assert_int_equal(copy->classes, 3);
	assert_true(copy->preprocess.resize && copy->preprocess.bgr);
	assert_memory_equal(copy->preprocess.mean, model->preprocess.mean, sizeof model->preprocess.mean);
	assert_memory_equal(copy->preprocess.deviation, model->preprocess.deviation, sizeof model->preprocess.deviation);
	for (int i = 0; i < 3; i++)
		assert_string_equal(copy->class_names[i], names[i]);
	assert_int_equal(copy->node_count, model->node_count);
	assert_int_equal(copy->value_count, model->value_count);
	assert_int_equal(sc_model_describe(copy, &again, NULL), SC_OK);
	assert_string_equal(text, again);
	free(text);
	free(again);
	sc_model_destroy(model);
	sc_model_destroy(copy);
}

static void the_shortest_description(void **state)
{
	(void)state;
	struct sc_model *model = NULL;
	assert_int_equal(sc_model_from_description(&model, "{\"model\": \"resnet18\", \"input\": [28, 28, 1], \"classes\": 10}",
						   "test", NULL),
			 SC_OK);
	assert_string_equal(sc_model_class_name(model, 9), "9");
	assert_true(sc_model_preprocess(model)->deviation[0] == 0.0f);
	sc_model_destroy(model);
}

static void texts_that_are_no_description_are_refused(void **state)
{
	(void)state;
	struct text_and_word {
		const char *text, *word;
	} table[] = {
		{"", "JSON"},
		{"{", "JSON"},
		{"[]", "object"},
		{"null", "JSON"},
		{"{\"model\":\"resnet18\",\"model\":\"resnet18\"}", "JSON"}, /* twice */
		{"{}", "\"model\""},
		{"{\"model\":7}", "\"model\""},
		{"{\"model\":\"resnet18\"}", "\"input\""},
		{"{\"model\":\"resnet19\",\"input\":[8,8,1],\"classes\":2}", "resnet19"},
		{"{\"model\":\"resnet18\",\"input\":[8,8],\"classes\":2}", "\"input\""},
		{"{\"model\":\"resnet18\",\"input\":[8,8,0],\"classes\":2}", "\"input\""},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1.0],\"classes\":2}", "\"input\""},
		{"{\"model\":\"resnet18\",\"input\":[8,8,9],\"classes\":2}", "channels"},
		{"{\"model\":\"resnet18\",\"input\":[8,99999,1],\"classes\":2}", "width"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1]}", "\"classes\""},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":\"2\"}", "\"classes\""},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":9223372036854775807}", "classes"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"dropout\":0.5}", "dropout"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"class_names\":[\"a\"]}", "class_names"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"class_names\":[\"a\",1]}", "class_names"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"class_names\":[\"a\",\"\\u001b\"]}", "class 1"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"preprocess\":[]}", "\"preprocess\""},
		{"{\"model\":\"resnet18\",\"input\":[8,8,3],\"classes\":2,\"preprocess\":{\"bgr\":1}}", "\"bgr\""},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"preprocess\":{\"bgr\":true}}", "3 channels"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"preprocess\":{\"crop\":1}}", "crop"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"preprocess\":{\"resize\":1}}", "resize"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"preprocess\":{\"mean\":[1,2]}}", "mean"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"preprocess\":{\"deviation\":[-1]}}", "deviation"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1],\"classes\":2,\"preprocess\":{\"deviation\":[1e300]}}", "deviation"},
		{"{\"model\":\"resnet18\",\"input\":[8,8,1000000],\"classes\":2,\"preprocess\":{\"mean\":[1,2,3,4,5]}}", "mean"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sc_model *model = NULL;
		struct sc_error error = {0};
		enum sc_status status = sc_model_from_description(&model, table[i].text, "net.safetensors", &error);
		if (status != SC_ERROR_FORMAT || !strstr(error.message, table[i].word) || !strstr(error.message, "net.safetensors"))
			fail_msg("%s: status %d, %s", table[i].text, (int)status, error.message);
		assert_null(model);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_described_comes_back),
		cmocka_unit_test(the_shortest_description),
		cmocka_unit_test(texts_that_are_no_description_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
