/* test_keras.c - Keras' weights files: what Keras wrote (tests/recorded/formats, made by tools/record_formats.py) is read, what we
 * write is read again bit by bit, and what does not fit is named: the file, the tensor, what was expected and what was found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "io/attributes.h"
#include "io/hdf5.h"
#include "io/hdf5_library.h"
#include "io/json.h"
#include "io/weights.h"
#include "model/keras.h"
#include "model/resnet.h"
#include "temporary.h"

static const char *recorded(const char *name)
{
	static char full[1024];
	snprintf(full, sizeof(full), "%s/tests/recorded/formats/%s", SC_SOURCE_DIR, name);
	return full;
}

static struct sc_model *build(struct sc_resnet *net, int64_t classes)
{
	const struct sc_model_options options = {.height = 32, .width = 32, .channels = 1, .classes = classes};
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	net->from_file = true; /* smaller than the preset of its name */
	if (sc_resnet_build(&model, net, &options, &error) != SC_OK)
		fail_msg("%s", error.message);
	return model;
}

/* So many blocks in each stage, of 2, 3, ... channels. */
static void set_stages(struct sc_resnet *net, int stages, int64_t blocks)
{
	net->stages = stages;
	for (int i = 0; i < SC_MAX_STAGES; i++) {
		net->blocks[i] = i < stages ? blocks : 0;
		net->widths[i] = i < stages ? 2 + i : 0;
	}
}

/* The nets of the recorded files: two blocks of the tutorial's, one of keras.applications'. */
static struct sc_model *tutorial(int64_t classes)
{
	struct sc_resnet net = *sc_resnet_find("keras-tutorial-18", NULL);
	set_stages(&net, 2, 1);
	net.stem_channels = 2;
	return build(&net, classes);
}

static struct sc_model *application(const char *preset, int64_t blocks)
{
	struct sc_resnet net = *sc_resnet_find(preset, NULL);
	set_stages(&net, blocks == 1 ? 1 : 2, blocks);
	return build(&net, 3);
}

/* Numbers that differ everywhere; all positive, as variances must be. */
static void fill(struct sc_model *model)
{
	for (int64_t i = 0; i < model->value_count; i++)
		model->values[i] = (float)(i + 1) / 1024;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------------- */

static void read_and_check(struct sc_model *model, const char *file)
{
	struct sc_error error = {0};
	if (sc_model_read_weights(model, recorded(file), &error) != SC_OK)
		fail_msg("%s", error.message);
	for (int i = 0; i < model->parameter_count; i++)
		for (int64_t n = 0; n < model->parameters[i].count; n++)
			if (sc_parameter_values(model, i)[n] != (float)i + (float)(n % 64) / 64)
				fail_msg("%s: number %lld of %s is %g", file, (long long)n, model->parameters[i].name,
					 (double)sc_parameter_values(model, i)[n]);
	sc_model_destroy(model);
}

static void what_keras_wrote_is_read(void **state)
{
	(void)state;
	read_and_check(tutorial(3), "tutorial.weights.h5");
	read_and_check(application("keras-resnet50", 1), "application.keras");
	read_and_check(application("keras-resnet50", 1), "application.h5");
}

/* The file is refused with this message, and the model is as it was. */
static void check_refused(struct sc_model *model, const char *file, const char *message)
{
	struct sc_error error = {0};
	fill(model);
	assert_int_not_equal(sc_model_read_weights(model, file, &error), SC_OK);
	if (!strstr(error.message, message) || !strstr(error.message, file))
		fail_msg("expected \"%s\" and \"%s\", found \"%s\"", file, message, error.message);
	for (int64_t i = 0; i < model->value_count; i++)
		assert_true(model->values[i] == (float)(i + 1) / 1024);
	sc_model_destroy(model);
}

static void a_file_of_another_model_is_refused(void **state)
{
	(void)state;
	check_refused(tutorial(5), recorded("tutorial.weights.h5"),
		      "tensor 'fc.weight': expected F32 (3, 5), found F32 (3, 3), Keras' 'fc/vars/0'");
	check_refused(application("keras-resnet50", 1), recorded("tutorial.weights.h5"),
		      "tensor 'conv1.weight': expected F32 (7, 7, 1, 64), found F32 (7, 7, 1, 2), Keras' 'conv/vars/0'");
	check_refused(application("keras-resnet50", 2), recorded("application.h5"),
		      "layer 'layer1.1.conv1': expected Keras' layer 'conv2_block2_1_conv', but it is not there");
	check_refused(application("keras-resnet50", 2), recorded("application.keras"),
		      "expected 15 convolutions, as keras-resnet50 has, found 5");
}

static uint8_t *read_whole(const char *file, size_t *bytes)
{
	FILE *stream = fopen(file, "rb");
	assert_non_null(stream);
	uint8_t *content = malloc(1 << 20);
	assert_non_null(content);
	*bytes = fread(content, 1, 1 << 20, stream);
	assert_int_equal(fclose(stream), 0);
	return content;
}

static void write_whole(const char *file, const uint8_t *content, size_t bytes)
{
	FILE *stream = fopen(file, "wb");
	assert_non_null(stream);
	assert_int_equal(fwrite(content, 1, bytes, stream), bytes);
	assert_int_equal(fclose(stream), 0);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
	(void)state;
	size_t bytes;
	uint8_t *content = read_whole(recorded("tutorial.weights.h5"), &bytes);
	for (size_t i = 0; i < 64; i++) {
		write_whole(path, content, bytes * (2 * i + 1) / 128);
		check_refused(tutorial(3), path, "damaged HDF5 file: it declares 68712 bytes and has");
	}
	write_whole(path, content, 100);
	check_refused(tutorial(3), path, "expected an HDF5 file, found another one or too few bytes");
	free(content);
	assert_int_equal(unlink(path), 0);
}

static void another_first_byte_is_refused(void **state)
{
	(void)state;
	size_t bytes;
	uint8_t *content = read_whole(recorded("tutorial.weights.h5"), &bytes);
	content[0] = 'X';
	write_whole(path, content, bytes);
	check_refused(tutorial(3), path, "");
	free(content);
	assert_int_equal(unlink(path), 0);
}

/* ---- Writing ---------------------------------------------------------------------------------------------------------- */

/* Bit by bit, in each of Keras' files; the same weights make the same bytes. */
static void round_trip_in(struct sc_model *model, const char *file)
{
	struct sc_error error = {0};
	struct sc_model *again = NULL;
	size_t bytes[2];
	uint8_t *content[2];
	char hash[2][SC_HASH_SIZE];
	for (int i = 0; i < 2; i++) {
		if (sc_model_save(model, file, &error) != SC_OK)
			fail_msg("%s", error.message);
		content[i] = read_whole(file, &bytes[i]);
	}
	assert_true(bytes[0] == bytes[1] && memcmp(content[0], content[1], bytes[0]) == 0);
	if (sc_model_load(&again, file, &error) != SC_OK)
		fail_msg("%s", error.message);
	assert_string_equal(sc_model_name(again), sc_model_name(model));
	assert_int_equal(sc_hash_file(hash[0], file, &error), SC_OK);
	assert_int_equal(sc_model_hash(model, hash[1], &error), SC_OK);
	assert_string_equal(hash[0], hash[1]);
	assert_int_equal(again->parameter_count, model->parameter_count);
	for (int i = 0; i < model->parameter_count; i++)
		assert_memory_equal(sc_parameter_values(again, i), sc_parameter_values(model, i),
				    (size_t)model->parameters[i].count * sizeof(float));
	free(content[0]);
	free(content[1]);
	sc_model_destroy(again);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(files_in_folder(), 0);
}

static void round_trip(struct sc_model *model, bool weights_alone)
{
	fill(model);
	if (weights_alone)
		round_trip_in(model, in_folder("net.weights.h5"));
	round_trip_in(model, in_folder("net.keras"));
	round_trip_in(model, in_folder("net.h5"));
	sc_model_destroy(model);
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	struct sc_resnet bottleneck = *sc_resnet_find("keras-tutorial-50", NULL);
	struct sc_resnet zeros = *sc_resnet_find("preact-cifar20", NULL);
	set_stages(&bottleneck, 4, 2);
	set_stages(&zeros, 2, 2);
	zeros.stem_channels = 2;
	round_trip(tutorial(3), true);
	round_trip(build(&bottleneck, 3), true);
	round_trip(application("keras-resnet50", 1), true);
	round_trip(application("keras-resnet50", 3), true);
	round_trip(application("keras-resnet50v2", 3), true);
	round_trip(application("seresnet50t", 2), false);
	round_trip(build(&zeros, 3), false);
}

/* The arrays of what we write and of what Keras wrote, the first without our description. */
static void names_and_shapes_are_keras(void **state)
{
	(void)state;
	struct sc_model *model = tutorial(3);
	struct sc_arrays ours, theirs;
	fill(model);
	assert_int_equal(sc_model_save(model, in_folder("net.weights.h5"), NULL), SC_OK);
	assert_int_equal(sc_arrays_open(&ours, in_folder("net.weights.h5"), NULL), SC_OK);
	assert_int_equal(sc_arrays_open(&theirs, recorded("tutorial.weights.h5"), NULL), SC_OK);
	assert_int_equal(ours.count, theirs.count);
	for (int64_t i = 0; i < ours.count; i++) {
		assert_string_equal(ours.arrays[i].name, theirs.arrays[i].name);
		assert_int_equal(ours.arrays[i].rank, theirs.arrays[i].rank);
		assert_memory_equal(ours.arrays[i].shape, theirs.arrays[i].shape, sizeof(ours.arrays[i].shape));
	}
	assert_non_null(sc_arrays_metadata(&ours, "shortcut.model"));
	assert_null(sc_arrays_metadata(&theirs, "shortcut.model"));
	sc_arrays_close(&ours);
	sc_arrays_close(&theirs);
	sc_model_destroy(model);
	assert_int_equal(unlink(in_folder("net.weights.h5")), 0);
}

/* ---- Whole models ------------------------------------------------------------------------------------------------------ */

/* "Conv2D conv1 <- input" */
static void layer_line(char line[160], json_t *layer)
{
	const json_t *inputs = json_array_get(json_object_get(layer, "inbound_nodes"), 0);
	size_t used = (size_t)snprintf(line, 160, "%s %s", json_string_value(json_object_get(layer, "class_name")),
				       json_string_value(json_object_get(layer, "name")));
	for (size_t i = 0; i < json_array_size(inputs); i++)
		used += (size_t)snprintf(line + used, 160 - used, "%s %s", i ? "," : " <-",
					 json_string_value(json_array_get(json_array_get(inputs, i), 0)));
}

static json_t *config_of(struct sc_model *model)
{
	struct sc_error error = {0};
	char *text = NULL;
	if (sc_keras_config(model, &text, &error) != SC_OK)
		fail_msg("%s", error.message);
	json_t *config = json_loads(text, 0, NULL);
	assert_non_null(config);
	free(text);
	sc_model_destroy(model);
	return config;
}

static json_t *layers_of(json_t *config)
{
	return json_object_get(json_object_get(config, "config"), "layers");
}

/* Padding that is not Keras' becomes a layer, and so do the pixels and the zeros of shortcut A. */
static void a_net_is_written_as_the_layers_of_keras(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"InputLayer input",
		"Conv2D conv1 <- input",
		"BatchNormalization bn1 <- conv1",
		"ReLU relu <- bn1",
		"Conv2D layer1.0.conv1 <- relu",
		"BatchNormalization layer1.0.bn1 <- layer1.0.conv1",
		"ReLU layer1.0.relu1 <- layer1.0.bn1",
		"Conv2D layer1.0.conv2 <- layer1.0.relu1",
		"BatchNormalization layer1.0.bn2 <- layer1.0.conv2",
		"Add layer1.0.add <- layer1.0.bn2, relu",
		"ReLU layer1.0.relu <- layer1.0.add",
		"ZeroPadding2D layer2.0.conv1.pad <- layer1.0.relu",
		"Conv2D layer2.0.conv1 <- layer2.0.conv1.pad",
		"BatchNormalization layer2.0.bn1 <- layer2.0.conv1",
		"ReLU layer2.0.relu1 <- layer2.0.bn1",
		"Conv2D layer2.0.conv2 <- layer2.0.relu1",
		"BatchNormalization layer2.0.bn2 <- layer2.0.conv2",
		"MaxPooling2D layer2.0.shortcut.pixels <- layer1.0.relu",
		"ZeroPadding2D layer2.0.shortcut <- layer2.0.shortcut.pixels",
		"Add layer2.0.add <- layer2.0.bn2, layer2.0.shortcut",
		"ReLU layer2.0.relu <- layer2.0.add",
		"GlobalAveragePooling2D avgpool <- layer2.0.relu",
		"Dense fc <- avgpool",
	};
	struct sc_resnet net = *sc_resnet_find("cifar20", NULL);
	set_stages(&net, 2, 1);
	net.stem_channels = 2;
	json_t *config = config_of(build(&net, 3)), *layers = layers_of(config);
	char line[160];
	assert_int_equal(json_array_size(layers), sizeof(lines) / sizeof(lines[0]));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		layer_line(line, json_array_get(layers, i));
		assert_string_equal(line, lines[i]);
	}
	json_decref(config);
}

static const json_t *layer_named(const json_t *layers, const char *name)
{
	size_t i;
	json_t *layer;
	json_array_foreach(layers, i, layer)
	{
		if (strcmp(json_string_value(json_object_get(layer, "name")), name) == 0)
			return json_object_get(layer, "config");
	}
	fail_msg("there is no layer %s", name);
	return NULL;
}

static void check_config(const json_t *layers, const char *name, const char *expected)
{
	char *text = json_dumps(layer_named(layers, name), JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9));
	assert_string_equal(text, expected);
	free(text);
}

static void layers_say_what_is_not_their_default(void **state)
{
	(void)state;
	json_t *config = config_of(tutorial(3)), *layers = layers_of(config);
	check_config(layers, "conv1",
		     "{\"filters\":2,\"groups\":1,\"kernel_size\":[7,7],\"name\":\"conv1\",\"padding\":\"same\","
		     "\"strides\":[2,2],\"use_bias\":true}");
	check_config(layers, "bn1", "{\"epsilon\":0.001,\"momentum\":0.99,\"name\":\"bn1\"}");
	check_config(layers, "maxpool", "{\"name\":\"maxpool\",\"padding\":\"same\",\"pool_size\":[3,3],\"strides\":[2,2]}");
	check_config(layers, "fc", "{\"activation\":\"softmax\",\"name\":\"fc\",\"units\":3}");
	json_decref(config);

	struct sc_resnet zeros = *sc_resnet_find("resnet18-a", NULL);
	set_stages(&zeros, 2, 1);
	zeros.zero_channels = SC_ZEROS_AROUND;
	zeros.widths[1] = 5;
	zeros.stem_channels = 2;
	config = config_of(build(&zeros, 3)), layers = layers_of(config);
	check_config(layers, "maxpool.pad", "{\"name\":\"maxpool.pad\",\"padding\":[[1,1],[1,1]]}");
	check_config(layers, "layer2.0.shortcut.pixels",
		     "{\"name\":\"layer2.0.shortcut.pixels\",\"padding\":\"valid\",\"pool_size\":[1,1],\"strides\":[2,2]}");
	check_config(layers, "layer2.0.shortcut",
		     "{\"data_format\":\"channels_first\",\"name\":\"layer2.0.shortcut\",\"padding\":[[0,0],[1,2]]}");
	json_decref(config);
}

static void what_keras_has_no_layer_for_is_refused(void **state)
{
	(void)state;
	struct sc_error error = {0};
	char *text = NULL;
	struct sc_resnet net = *sc_resnet_find("preact-cifar20", NULL);
	net.stem_pool = true;
	struct sc_model *model = build(&net, 3);
	assert_int_equal(sc_keras_config(model, &text, &error), SC_ERROR_UNSUPPORTED);
	assert_string_equal(error.message, "preact-cifar20: layer 'maxpool': Keras has no max-pool whose padding is not \"same\" "
					   "and never wins, unless a rectifier comes before it");
	assert_null(text);
	assert_int_equal(sc_model_save(model, in_folder("net.keras"), &error), SC_ERROR_UNSUPPORTED);
	assert_int_equal(files_in_folder(), 0);
	sc_model_destroy(model);
}

/* Of layers equally far from the end, keras.applications has the shortcut's first, although its name is the last. */
static void the_older_form_tells_layers_in_order(void **state)
{
	(void)state;
	char text[256];
	struct sc_model *model = application("keras-resnet50", 1);
	fill(model);
	assert_int_equal(sc_model_save(model, in_folder("net.h5"), NULL), SC_OK);
	sc_model_destroy(model);
	read_attribute(text, in_folder("net.h5"), "model_weights", "layer_names");
	assert_string_equal(text, "conv1_conv conv1_bn conv2_block1_1_conv conv2_block1_1_bn conv2_block1_2_conv conv2_block1_2_bn "
				  "conv2_block1_0_conv conv2_block1_3_conv conv2_block1_0_bn conv2_block1_3_bn predictions ");
	read_attribute(text, in_folder("net.h5"), "model_weights/conv1_bn", "weight_names");
	assert_string_equal(text, "conv1_bn/gamma conv1_bn/beta conv1_bn/moving_mean conv1_bn/moving_variance ");
	read_attribute(text, in_folder("net.h5"), "/", "model_config");
	assert_memory_equal(text, "{\"module\":\"keras.src.models.functional\",\"class_name\":\"Functional\"", 64);
	assert_int_equal(unlink(in_folder("net.h5")), 0);
}

/* ---- What does not fit ------------------------------------------------------------------------------------------------- */

/* Writes zeros as the tutorial's net, but those arrays whose names begin with `name` are of another type, or, where `dtype` is
 * NULL, not there. */
static enum sc_status write_edited(const char *name, const char *dtype, struct sc_error *error)
{
	struct sc_model *model = tutorial(3);
	struct sc_array declared[64];
	struct sc_tensor views[64];
	char names[64][SC_KERAS_PATH];
	static const uint8_t zeros[4096];
	struct sc_arrays_writer *writer = NULL;
	int64_t count = 0;
	for (int i = 0; i < model->parameter_count; i++)
		sc_model_tensor(model, i, &views[i]);
	assert_int_equal(sc_keras_name(model, SC_KERAS_WEIGHTS_FILE, views, names, NULL), SC_OK);
	for (int i = 0; i < model->parameter_count; i++) {
		const bool edited = strncmp(names[i], name, strlen(name)) == 0;
		struct sc_array *array = &declared[count];
		if (edited && !dtype)
			continue;
		*array = (struct sc_array){.name = names[i], .dtype = edited ? dtype : "F32", .rank = views[i].rank};
		memcpy(array->shape, views[i].shape, sizeof(views[i].shape));
		array->bytes = views[i].count * sc_dtype_find(array->dtype).bytes;
		count++;
	}
	sc_model_destroy(model);
	enum sc_status status = sc_arrays_writer_open(&writer, in_folder("edited.weights.h5"), declared, count, NULL, 0, error);
	if (status)
		return status;
	for (int64_t i = 0; i < count; i++) {
		assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
		assert_int_equal(sc_arrays_writer_write(writer, zeros, declared[i].bytes, NULL), SC_OK);
	}
	return sc_arrays_writer_commit(writer, error);
}

static void what_is_missing_or_of_another_type_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *name, *dtype, *message;
	} cases[] = {
		{"conv/vars/0", "F64",
		 "tensor 'conv1.weight': expected F32 (7, 7, 1, 2), found F64 (7, 7, 1, 2), Keras' 'conv/vars/0'"},
		{"fc/vars/1", "I32", "tensor 'fc.bias': expected F32 (3), found I32 (3), Keras' 'fc/vars/1'"},
		{"bn/vars/3", NULL, "tensor 'bn1.running_var': expected F32 (2) in Keras' layer 'bn', but it is not there"},
		{"fc", NULL, "expected 1 dense layers, as keras-tutorial-18 has, found 0"},
		{"layers/resnet_block_1/listLayers/residual/conv3", NULL,
		 "expected 6 convolutions, as keras-tutorial-18 has, found 5"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(write_edited(cases[i].name, cases[i].dtype, NULL), SC_OK);
		check_refused(tutorial(3), in_folder("edited.weights.h5"), cases[i].message);
	}
	assert_int_equal(unlink(in_folder("edited.weights.h5")), 0);
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
	(void)state;
	struct sc_error error = {0};
	assert_int_equal(write_edited("conv/vars/0", "BOOL", &error), SC_ERROR_UNSUPPORTED);
	assert_non_null(strstr(error.message, "array 'conv/vars/0': our HDF5 files have no numbers of type BOOL"));
	assert_int_equal(files_in_folder(), 0);

	struct sc_resnet cifar = *sc_resnet_find("cifar20", NULL);
	struct sc_model *model = build(&cifar, 10);
	assert_int_equal(sc_model_save(model, in_folder("net.weights.h5"), &error), SC_ERROR_UNSUPPORTED);
	assert_non_null(strstr(error.message, "cifar20: expected a net of keras.applications"));
	sc_model_destroy(model);

	struct sc_array array = {.name = "model_weights/fc/fc/bias", .dtype = "F32", .rank = 1, .shape = {1}, .bytes = 4};
	struct sc_arrays_writer *writer = NULL;
	const char *const layers[] = {SC_KERAS_CONFIG, "{}"};
	assert_int_equal(sc_arrays_writer_open(&writer, in_folder("net.keras"), &array, 1, NULL, 0, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "needs its layers, and they are not given"));
	array.name = "fc/bias";
	assert_int_equal(sc_arrays_writer_open(&writer, in_folder("net.h5"), &array, 1, layers, 1, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "array 'fc/bias': expected a name model_weights/LAYER/NAME"));
	assert_int_equal(files_in_folder(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_keras_wrote_is_read),
		cmocka_unit_test(a_file_of_another_model_is_refused),
		cmocka_unit_test(a_file_cut_anywhere_is_refused),
		cmocka_unit_test(another_first_byte_is_refused),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(names_and_shapes_are_keras),
		cmocka_unit_test(a_net_is_written_as_the_layers_of_keras),
		cmocka_unit_test(layers_say_what_is_not_their_default),
		cmocka_unit_test(what_keras_has_no_layer_for_is_refused),
		cmocka_unit_test(the_older_form_tells_layers_in_order),
		cmocka_unit_test(what_is_missing_or_of_another_type_is_named),
		cmocka_unit_test(what_cannot_be_written_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
