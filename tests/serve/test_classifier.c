/* A classifier gives the bits of sc_predict, with and without a cache; and no cache file, whatever is in it, changes them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/random.h"
#include "model/model.h"
#include "temporary.h"

enum { SIDE = 20, IMAGES = 5, CLASSES = 10 };

static uint8_t pixels[IMAGES][SIDE * SIDE];
static struct sc_image images[IMAGES];
static char weights[80], cache[80];

/* Images, and a net with statistics and biases that are not what they begin as, in FOLDER/net.safetensors. */
static void save_net(const char *name, uint64_t seed)
{
	struct sc_model *model = NULL;
	const struct sc_model_options options = {.height = SIDE, .width = SIDE, .channels = 1, .classes = CLASSES, .seed = seed};
	struct sc_random random = sc_random_stream(seed, SC_PURPOSE_AUGMENT, 0, 0);
	assert_int_equal(sc_model_create(&model, name, &options, NULL), SC_OK);
	for (int i = 0; i < model->parameter_count; i++)
		for (int64_t n = 0; n < model->parameters[i].count && model->parameters[i].rank == 1; n++)
			sc_parameter_values(model, i)[n] = 0.5f + sc_random_uniform(&random);
	snprintf(weights, sizeof(weights), "%s/net.safetensors", folder);
	snprintf(cache, sizeof(cache), "%s/a/cache", folder);
	assert_int_equal(sc_model_save(model, weights, NULL), SC_OK);
	sc_model_destroy(model);
	for (int i = 0; i < IMAGES; i++) {
		for (int n = 0; n < SIDE * SIDE; n++)
			pixels[i][n] = (uint8_t)sc_random_below(&random, 256);
		images[i] = (struct sc_image){SIDE, SIDE, 1, pixels[i]};
	}
}

static void predict(float *probabilities)
{
	struct sc_model *model = NULL;
	assert_int_equal(sc_model_load(&model, weights, NULL), SC_OK);
	assert_int_equal(sc_predict(model, images, IMAGES, probabilities, NULL), SC_OK);
	sc_model_destroy(model);
}

/* Whether the weights came from the cache. */
static bool classify(const char *where, int64_t batch, float *probabilities)
{
	struct sc_classifier *classifier = NULL;
	struct sc_error error = {0};
	const struct sc_classifier_options options = {.batch = batch, .cache = where};
	if (sc_classifier_open(&classifier, weights, &options, &error))
		fail_msg("%s", error.message);
	assert_int_equal(sc_classifier_predict(classifier, images, IMAGES, probabilities, NULL), SC_OK);
	bool mapped = sc_classifier_is_mapped(classifier);
	sc_classifier_destroy(classifier);
	return mapped;
}

/* Names of the cache's files; the last one into `file`, if there is any. */
static int cache_files(char file[200])
{
	int count = 0;
	DIR *entries = opendir(cache);
	for (struct dirent *entry; entries && (entry = readdir(entries));)
		if (entry->d_name[0] != '.') {
			snprintf(file, 200, "%s/%.100s", cache, entry->d_name);
			count++;
		}
	if (entries)
		closedir(entries);
	return count;
}

static void the_bits_are_those_of_sc_predict(void **state)
{
	(void)state;
	/* Convolutions with bias and no BatchNorm; BatchNorms that nothing folds. */
	static const char *const names[] = {"keras-tutorial-18", "preact-cifar20"};
	for (int i = 0; i < 2; i++) {
		float expected[IMAGES * CLASSES], found[IMAGES * CLASSES];
		save_net(names[i], 1);
		predict(expected);
		assert_false(classify(NULL, 0, found));
		assert_memory_equal(found, expected, sizeof(expected));
		assert_false(classify(cache, 2, found)); /* two batches and one image */
		assert_memory_equal(found, expected, sizeof(expected));
		assert_true(classify(cache, 3, found)); /* the copy serves other batches */
		assert_memory_equal(found, expected, sizeof(expected));
	}
}

/* For one image, large weights of Winograd's method are packed otherwise than for two. */
static void a_copy_serves_only_batches_that_it_is_packed_for(void **state)
{
	(void)state;
	char net[80];
	float expected[IMAGES * CLASSES], found[IMAGES * CLASSES];
	snprintf(net, sizeof(net), "%s/wide.json", folder);
	FILE *file = fopen(net, "w");
	assert_non_null(file);
	fputs("{\"name\": \"wide\", \"blocks\": [1], \"widths\": [192], \"stem_kernel\": 3, \"stem_stride\": 2, \"stem_pool\": false}",
	      file);
	assert_int_equal(fclose(file), 0);
	save_net(net, 1);
	predict(expected);
	for (int64_t batch = 1; batch <= 2; batch++)
		for (int again = 0; again < 2; again++) {
			assert_int_equal(classify(cache, batch, found), again);
			assert_memory_equal(found, expected, sizeof(expected));
		}
}

static void a_copy_serves_only_the_file_that_it_was_made_of(void **state)
{
	(void)state;
	float first[IMAGES * CLASSES], second[IMAGES * CLASSES], found[IMAGES * CLASSES];
	save_net("cifar20", 2);
	classify(cache, 0, first);
	assert_true(classify(cache, 0, found));
	save_net("cifar20", 3); /* the same name, net and length */
	predict(second);
	assert_false(classify(cache, 0, found));
	assert_memory_equal(found, second, sizeof(second));
	assert_memory_not_equal(first, second, sizeof(second));
}

static void damage(const char *file, long place)
{
	FILE *stream = fopen(file, "r+b");
	assert_non_null(stream);
	fseek(stream, place, SEEK_SET);
	int byte = fgetc(stream);
	fseek(stream, place, SEEK_SET);
	fputc(byte ^ 1, stream);
	fclose(stream);
}

static void a_damaged_copy_is_made_again(void **state)
{
	(void)state;
	float expected[IMAGES * CLASSES], found[IMAGES * CLASSES];
	char file[200];
	struct stat information;
	char command[120];
	snprintf(command, sizeof(command), "rm -rf %s", cache);
	assert_int_equal(system(command), 0);
	save_net("cifar20", 4);
	classify(cache, 0, expected);
	assert_int_equal(cache_files(file), 1);
	assert_int_equal(stat(file, &information), 0);
	const long places[] = {0, 8, 16, 24, 32, 40, 4096, 5000, (long)information.st_size - 1};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		damage(file, places[i]);
		assert_false(classify(cache, 0, found));
		assert_memory_equal(found, expected, sizeof(expected));
		assert_true(classify(cache, 0, found)); /* it was made anew */
	}
	for (long length = 0; length < information.st_size; length += information.st_size / 16) {
		assert_int_equal(truncate(file, length), 0);
		assert_false(classify(cache, 0, found));
		assert_memory_equal(found, expected, sizeof(expected));
	}
	assert_int_equal(cache_files(file), 1);
}

static void a_cache_that_cannot_be_written_is_done_without(void **state)
{
	(void)state;
	float expected[IMAGES * CLASSES], found[IMAGES * CLASSES];
	save_net("cifar20", 5);
	predict(expected);
	assert_false(classify(weights, 0, found)); /* a file, no folder */
	assert_memory_equal(found, expected, sizeof(expected));
	assert_false(classify("/proc/nothing", 0, found));
	assert_memory_equal(found, expected, sizeof(expected));
}

static void the_copies_used_last_are_kept(void **state)
{
	(void)state;
	float found[IMAGES * CLASSES];
	char file[200];
	for (uint64_t seed = 10; seed < 22; seed++) {
		save_net("cifar20", 10); /* the first one is used all the time */
		assert_true(classify(cache, 0, found) || seed == 10);
		save_net("cifar20", seed + 1);
		classify(cache, 0, found);
	}
	assert_int_equal(cache_files(file), 8);
}

static void wrong_images_and_files_are_refused(void **state)
{
	(void)state;
	struct sc_classifier *classifier = NULL;
	struct sc_error error = {0};
	float found[IMAGES * CLASSES];
	save_net("cifar20", 6);
	assert_int_equal(sc_classifier_open(&classifier, "/nowhere.safetensors", NULL, &error), SC_ERROR_NOT_FOUND);
	assert_int_equal(sc_classifier_open(&classifier, weights, &(struct sc_classifier_options){.model = "resnet17"}, &error),
			 SC_ERROR_NOT_FOUND);
	assert_int_equal(sc_classifier_open(&classifier, weights, &(struct sc_classifier_options){.batch = -1}, &error),
			 SC_ERROR_ARGUMENT);
	assert_null(classifier);
	assert_int_equal(sc_classifier_open(&classifier, weights, NULL, NULL), SC_OK);
	assert_int_equal(sc_classifier_predict(classifier, images, 0, found, &error), SC_ERROR_ARGUMENT);
	struct sc_image wrong = {SIDE, SIDE - 1, 1, pixels[0]};
	assert_int_equal(sc_classifier_predict(classifier, &wrong, 1, found, &error), SC_ERROR_MISMATCH);
	assert_int_equal(sc_classifier_predict(classifier, images, IMAGES, found, NULL), SC_OK); /* it still works */
	sc_classifier_destroy(classifier);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bits_are_those_of_sc_predict),
		cmocka_unit_test(a_copy_serves_only_batches_that_it_is_packed_for),
		cmocka_unit_test(a_copy_serves_only_the_file_that_it_was_made_of),
		cmocka_unit_test(a_damaged_copy_is_made_again),
		cmocka_unit_test(a_cache_that_cannot_be_written_is_done_without),
		cmocka_unit_test(the_copies_used_last_are_kept),
		cmocka_unit_test(wrong_images_and_files_are_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
