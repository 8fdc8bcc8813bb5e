/* Models in files: saved, loaded, refused, hashed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "io/weights.h"
#include "model/resnet.h"

static char folder[256], file[300], run_file[300];

static int make_folder(void **state)
{
	(void)state;
	const char *base = getenv("TMPDIR");
	snprintf(folder, sizeof folder, "%.200s/shortcut-test-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof file, "%s/net.safetensors", folder);
	snprintf(run_file, sizeof run_file, "%s/weights.safetensors", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(file);
	unlink(run_file);
	return rmdir(folder); /* fails if something was left behind */
}

/* A model with numbers that are cheap to make and differ everywhere; all positive, as variances must be. */
static struct sc_model *create(uint32_t seed, int64_t classes)
{
	struct sc_model *model = NULL;
	const struct sc_model_options options = {.height = 28,
						 .width = 28,
						 .channels = 1,
						 .classes = classes,
						 .preprocess = {.mean = {0.1307f}, .deviation = {0.3081f}}};
	assert_int_equal(sc_resnet_build(&model, sc_resnet_find("resnet18", NULL), &options, NULL), SC_OK);
	for (int i = 0; i < model->parameter_count; i++)
		for (int64_t n = 0; n < model->parameters[i].count; n++)
			sc_parameter_values(model, i)[n] = (float)((seed += 2654435769u) >> 8) * 0x1p-24f;
	return model;
}

static size_t value_bytes(const struct sc_model *model)
{
	return (size_t)model->value_count * sizeof(float);
}

static void a_saved_model_loads_from_its_file_and_from_its_run(void **state)
{
	(void)state;
	struct sc_model *model = create(3, 10), *copy = NULL;
	model->values[model->value_count - 16] = 0.25f; /* a running variance */
	assert_int_equal(sc_model_save(model, run_file, NULL), SC_OK);
	const char *const places[] = {run_file, folder};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sc_model_load(&copy, places[i], NULL), SC_OK);
		assert_string_equal(sc_model_name(copy), "resnet18");
		assert_int_equal(sc_model_classes(copy), 10);
		assert_true(sc_model_preprocess(copy)->mean[0] == 0.1307f);
		assert_memory_equal(copy->values, model->values, value_bytes(model));
		sc_model_destroy(copy);
	}
	sc_model_destroy(model);
}

static void hashes_follow_the_weights(void **state)
{
	(void)state;
	char hash[SC_HASH_SIZE], of_file[SC_HASH_SIZE], of_run[SC_HASH_SIZE], other[SC_HASH_SIZE];
	struct sc_model *model = create(3, 10);
	assert_int_equal(sc_model_save(model, run_file, NULL), SC_OK);
	assert_int_equal(sc_model_hash(model, hash, NULL), SC_OK);
	assert_int_equal(sc_hash_file(of_file, run_file, NULL), SC_OK);
	assert_int_equal(sc_hash_file(of_run, folder, NULL), SC_OK);
	assert_string_equal(hash, of_file);
	assert_string_equal(hash, of_run);
	model->values[0] += 1.0f;
	assert_int_equal(sc_model_hash(model, other, NULL), SC_OK);
	assert_string_not_equal(hash, other);
	sc_model_destroy(model);
}

static void a_file_carries_its_description_and_the_format(void **state)
{
	(void)state;
	char *format = NULL, *description = NULL;
	struct sc_model *model = create(3, 10);
	assert_int_equal(sc_model_save(model, file, NULL), SC_OK);
	assert_int_equal(sc_weights_metadata(file, "format", &format, NULL), SC_OK);
	assert_string_equal(format, "pt");
	assert_int_equal(sc_weights_metadata(file, "shortcut.model", &description, NULL), SC_OK);
	assert_non_null(strstr(description, "\"resnet18\""));
	free(format);
	free(description);
	sc_model_destroy(model);
}

static void write_bare(const struct sc_model *model, const char *path)
{
	struct sc_tensor *tensors = calloc((size_t)model->parameter_count, sizeof *tensors);
	assert_non_null(tensors);
	for (int i = 0; i < model->parameter_count; i++)
		sc_model_tensor(model, i, &tensors[i]);
	assert_int_equal(sc_weights_write(path, tensors, model->parameter_count, NULL, 0, NULL), SC_OK);
	free(tensors);
}

static void weights_without_description_need_a_model(void **state)
{
	(void)state;
	struct sc_error error = {0};
	struct sc_model *model = create(3, 10), *copy = NULL;
	write_bare(model, file);
	assert_int_equal(sc_model_load(&copy, file, &error), SC_ERROR_FORMAT);
	assert_null(copy);
	assert_non_null(strstr(error.message, "--model"));
	assert_non_null(strstr(error.message, file));

	copy = create(4, 10);
	assert_int_equal(sc_model_read_weights(copy, file, NULL), SC_OK);
	assert_memory_equal(copy->values, model->values, value_bytes(model));
	sc_model_destroy(copy);
	sc_model_destroy(model);
}

static void weights_of_another_net_change_nothing(void **state)
{
	(void)state;
	struct sc_error error = {0};
	struct sc_model *model = create(3, 10), *other = create(4, 7);
	assert_int_equal(sc_model_save(other, file, NULL), SC_OK);
	float *before = malloc(value_bytes(model));
	assert_non_null(before);
	memcpy(before, model->values, value_bytes(model));
	assert_int_equal(sc_model_read_weights(model, file, &error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "fc."));
	assert_memory_equal(before, model->values, value_bytes(model));
	free(before);
	sc_model_destroy(model);
	sc_model_destroy(other);
}

static void numbers_that_no_training_gives_are_refused(void **state)
{
	(void)state;
	struct sc_error error = {0};
	struct sc_model *model = create(3, 10), *bad = create(4, 10);
	float first = model->values[0];
	bad->values[5] = NAN;
	assert_int_equal(sc_model_save(bad, file, NULL), SC_OK);
	assert_int_equal(sc_model_read_weights(model, file, &error), SC_ERROR_NON_FINITE);
	assert_non_null(strstr(error.message, "conv1.weight"));
	bad->values[5] = 0.0f;
	bad->values[bad->value_count - 1] = -1.0f; /* the last running variance */
	assert_int_equal(sc_model_save(bad, file, NULL), SC_OK);
	assert_int_equal(sc_model_read_weights(model, file, &error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "layer4.1.bn2.running_var"));
	assert_true(model->values[0] == first);
	sc_model_destroy(model);
	sc_model_destroy(bad);
}

static void what_is_not_there_is_an_error(void **state)
{
	(void)state;
	struct sc_model *model = NULL;
	struct sc_error error = {0};
	char hash[SC_HASH_SIZE], missing[320];
	snprintf(missing, sizeof missing, "%s/none", folder);
	unlink(run_file);
	assert_int_not_equal(sc_model_load(&model, missing, &error), SC_OK);
	assert_non_null(strstr(error.message, missing));
	assert_int_not_equal(sc_model_load(&model, folder, &error), SC_OK);
	assert_non_null(strstr(error.message, "weights.safetensors"));
	assert_int_not_equal(sc_hash_file(hash, folder, &error), SC_OK);
	assert_null(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_saved_model_loads_from_its_file_and_from_its_run),
		cmocka_unit_test(hashes_follow_the_weights),
		cmocka_unit_test(a_file_carries_its_description_and_the_format),
		cmocka_unit_test(weights_without_description_need_a_model),
		cmocka_unit_test(weights_of_another_net_change_nothing),
		cmocka_unit_test(numbers_that_no_training_gives_are_refused),
		cmocka_unit_test(what_is_not_there_is_an_error),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
