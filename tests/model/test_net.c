/* Nets as JSON: what is written comes back, what is wrong is named, and a model whose net came from a file carries it along. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "io/file.h"
#include "model/net.h"

static const struct sc_model_options small = {.height = 32, .width = 32, .classes = 10};

static enum sc_status read_text(struct sc_resnet *net, const char *text, struct sc_error *error)
{
	json_t *object = json_loads(text, JSON_DECODE_ANY, NULL);
	assert_non_null(object);
	enum sc_status status = sc_net_from_json(net, object, "net.json", "net.json", error);
	json_decref(object);
	return status;
}

static void same_model(const struct sc_model *a, const struct sc_model *b)
{
	assert_int_equal(a->node_count, b->node_count);
	for (int i = 0; i < a->node_count; i++) {
		const struct sc_node *x = &a->nodes[i], *y = &b->nodes[i];
		assert_string_equal(x->name, y->name);
		assert_int_equal(x->kind, y->kind);
		assert_memory_equal(x->inputs, y->inputs, sizeof x->inputs);
		assert_memory_equal(&x->window, &y->window, sizeof x->window);
		assert_true(x->epsilon == y->epsilon && x->momentum == y->momentum && x->update == y->update);
		assert_true(x->unbiased == y->unbiased && x->pad_value == y->pad_value && x->zeros_before == y->zeros_before);
	}
	assert_int_equal(a->parameter_count, b->parameter_count);
	for (int i = 0; i < a->parameter_count; i++) {
		assert_int_equal(a->parameters[i].initialiser, b->parameters[i].initialiser);
		assert_int_equal(a->parameters[i].count, b->parameters[i].count);
		assert_string_equal(a->parameters[i].name, b->parameters[i].name);
	}
}

static void every_preset_comes_back(void **state)
{
	(void)state;
	for (int i = 0; sc_model_preset(i); i++) {
		const struct sc_resnet *preset = sc_resnet_find(sc_model_preset(i), NULL);
		struct sc_resnet net;
		struct sc_model *a = NULL, *b = NULL;
		json_t *object = sc_net_to_json(preset);
		assert_int_equal(sc_net_from_json(&net, object, "net.json", "net.json", NULL), SC_OK);
		json_decref(object);
		assert_string_equal(net.name, preset->name);
		assert_int_equal(net.classes, preset->classes);
		assert_int_equal(sc_resnet_build(&a, preset, &small, NULL), SC_OK);
		assert_int_equal(sc_resnet_build(&b, &net, &small, NULL), SC_OK);
		same_model(a, b);
		sc_model_destroy(a);
		sc_model_destroy(b);
	}
}

static void absent_fields_are_those_of_resnet18(void **state)
{
	(void)state;
	struct sc_resnet net;
	struct sc_model *a = NULL, *b = NULL;
	assert_int_equal(read_text(&net, "{}", NULL), SC_OK);
	assert_string_equal(net.name, "custom");
	assert_int_equal(sc_resnet_build(&a, &net, &small, NULL), SC_OK);
	assert_int_equal(sc_model_create(&b, "resnet18", &small, NULL), SC_OK);
	same_model(a, b);
	sc_model_destroy(a);
	sc_model_destroy(b);
}

static void what_is_wrong_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} table[] = {
		{"[]", "net.json: expected a JSON object with the fields of a net"},
		{"{\"block\": \"big\"}", "net.json: \"block\": expected one of \"basic\", \"bottleneck\", found \"big\""},
		{"{\"block\": 1}", "net.json: \"block\": expected one of \"basic\", \"bottleneck\", found 1"},
		{"{\"blocks\": [2, 2]}", "net.json: \"widths\": expected as many numbers as \"blocks\" has, 2, found 4"},
		{"{\"blocks\": []}", "net.json: \"blocks\": expected an array of 1 to 8 whole numbers from 1 to 1000, found []"},
		{"{\"blocks\": [2, 0, 2, 2]}",
		 "net.json: \"blocks\": expected an array of 1 to 8 whole numbers from 1 to 1000, found [2,0,2,2]"},
		{"{\"blocks\": [500, 500, 1, 1]}", "net.json: \"blocks\": expected at most 1000 in all, found 1002"},
		{"{\"widths\": [1, 1, 1, 1, 1, 1, 1, 1, 1]}",
		 "net.json: \"widths\": expected an array of 1 to 8 whole numbers from 1 to 65536"
		 ", found [1,1,1,1,1,1,1,1,1]"},
		{"{\"stem_deep\": [32]}",
		 "net.json: \"stem_deep\": expected an array of 0 or 2 whole numbers from 1 to 65536, found [32]"},
		{"{\"stem_kernel\": 16}", "net.json: \"stem_kernel\": expected a whole number from 1 to 15, found 16"},
		{"{\"stem_kernel\": 3.0}", "net.json: \"stem_kernel\": expected a whole number from 1 to 15, found 3.0"},
		{"{\"stem_pool\": 1}", "net.json: \"stem_pool\": expected true or false, found 1"},
		{"{\"epsilon\": -0.5}", "net.json: \"epsilon\": expected a number from 0 to 1, found -0.5"},
		{"{\"epsilon\": null}", "net.json: \"epsilon\": expected a number from 0 to 1, found null"},
		{"{\"name\": \"../x\"}",
		 "net.json: \"name\": expected a name of 1 to 63 letters, digits and - _ ., found \"../x\""},
		{"{\"name\": \"\"}", "net.json: \"name\": expected a name of 1 to 63 letters, digits and - _ ., found \"\""},
		{"{\"block\": \"bottleneck\", \"group_width\": 4, \"widths\": [8, 8, 8, 8]}",
		 "net.json: \"widths\": 8 * group_width 4 / 64 leaves no channel"},
		{"{\"dropout\": 0.5}",
		 "net.json: \"dropout\" is not a field of a net; 'shortcut summary resnet18 --describe' shows all"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sc_resnet net;
		struct sc_error error = {0};
		assert_int_equal(read_text(&net, table[i].text, &error), SC_ERROR_FORMAT);
		assert_string_equal(error.message, table[i].message);
	}
}

/* Writes `text` to a file that ends in .json; gives its path. */
static const char *write_file(const char *text)
{
	static char path[64];
	snprintf(path, sizeof path, "/tmp/shortcut-net-%ld.json", (long)getpid());
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return path;
}

#define NET                                                                                                                        \
	"{\"name\": \"tiny\", \"blocks\": [1, 1], \"widths\": [8, 16], \"squeeze\": 4, \"average_down\": true, \"stem_deep\": "    \
	"[4, 4]}"

static void a_models_net_travels_with_its_description(void **state)
{
	(void)state;
	struct sc_model *model = NULL, *copy = NULL, *again = NULL;
	char *text = NULL, *net = NULL;
	const char *path = write_file(NET);
	assert_int_equal(sc_model_create(&model, path, &small, NULL), SC_OK);
	assert_string_equal(sc_model_name(model), "tiny");
	assert_int_equal(sc_model_describe(model, &text, NULL), SC_OK);
	assert_int_equal(sc_model_from_description(&copy, text, "weights", NULL), SC_OK);
	same_model(model, copy);
	assert_int_equal(sc_model_net(copy, &net, NULL), SC_OK);
	write_file(net);
	assert_int_equal(sc_model_create(&again, path, &small, NULL), SC_OK);
	same_model(model, again);
	unlink(path);
	free(text), free(net);
	sc_model_destroy(model), sc_model_destroy(copy), sc_model_destroy(again);
}

static void the_file_is_named_where_its_net_cannot_be_built(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} table[] = {
		{"{\"shortcut\": \"zeros\", \"widths\": [64, 32, 32, 32]}",
		 "layer2.0.shortcut: 64 channels after 0 channels of zeros do not fit into 32"},
		{"{\"shortcut\": \"none\", \"zero_init_last\": true}",
		 "zero_init_last: the blocks of custom have no shortcuts, so their last BatchNorm cannot begin at 0"},
		{"{", "not valid JSON: line 1: string or '}' expected near end of file"},
		{"{\"groups\": 1, \"groups\": 2}", "not valid JSON: line 1: duplicate object key near '\"groups\"'"},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sc_model *model = NULL;
		struct sc_error error = {0};
		const char *path = write_file(table[i].text);
		char expected[256];
		snprintf(expected, sizeof expected, "%s: %s", path, table[i].message);
		assert_int_not_equal(sc_model_create(&model, path, &small, &error), SC_OK);
		assert_string_equal(error.message, expected);
		assert_null(model);
		unlink(path);
	}
	struct sc_model *model = NULL;
	assert_int_equal(sc_model_create(&model, "/nowhere/net.json", NULL, NULL), SC_ERROR_NOT_FOUND);
}

static void the_documents_name_every_field(void **state)
{
	(void)state;
	static const struct {
		const char *path, *around; /* what stands before and after a field's name */
	} documents[] = {{SC_SOURCE_DIR "/docs/net.md", "`"}, {SC_SOURCE_DIR "/docs/shortcut.1.scd", "*"}};
	json_t *object = sc_net_to_json(sc_resnet_find("resnet18", NULL));
	for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
		char *text = NULL, wanted[64];
		const char *key;
		json_t *value;
		assert_int_equal(sc_file_read_text(&text, documents[i].path, 1 << 20, NULL), SC_OK);
		json_object_foreach(object, key, value)
		{
			(void)value;
			snprintf(wanted, sizeof wanted, "%s%s%s", documents[i].around, key, documents[i].around);
			if (!strstr(text, wanted))
				fail_msg("%s says nothing of %s", documents[i].path, wanted);
		}
		free(text);
	}
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_preset_comes_back),
		cmocka_unit_test(absent_fields_are_those_of_resnet18),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(a_models_net_travels_with_its_description),
		cmocka_unit_test(the_file_is_named_where_its_net_cannot_be_built),
		cmocka_unit_test(the_documents_name_every_field),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
