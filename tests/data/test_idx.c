/* MNIST in its four files, found by name or folder; and folders that are wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "data/data.h"

#define MNIST SC_SOURCE_DIR "/data/mnist"

static char folder[256];

static const char *path_of(const char *name)
{
	static char path[320];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	(void)state;
	const char *base = getenv("TMPDIR");
	snprintf(folder, sizeof folder, "%.200s/shortcut-test-XXXXXX", base ? base : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static int empty_folder(void **state)
{
	(void)state;
	static const char *const names[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
					    "t10k-labels-idx1-ubyte"};
	for (size_t i = 0; i < 4; i++)
		unlink(path_of(names[i]));
	return 0;
}

static int remove_folder(void **state)
{
	empty_folder(state);
	return rmdir(folder);
}

static void write_file(const char *name, const void *bytes, size_t count)
{
	FILE *stream = fopen(path_of(name), "wb");
	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, count, stream), count);
	assert_int_equal(fclose(stream), 0);
}

/* Three test images of 2 x 2 pixels. */
static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255};
static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9};

static void write_test_part(void)
{
	write_file("t10k-images-idx3-ubyte", images, sizeof images);
	write_file("t10k-labels-idx1-ubyte", labels, sizeof labels);
}

static enum sc_status open_test_part(struct sc_error *error)
{
	struct sc_data *data = NULL;
	enum sc_status status = sc_data_open(&data, folder, &(struct sc_data_options){.part = SC_TEST}, error);
	assert_int_equal(status == SC_OK, data != NULL);
	sc_data_destroy(data);
	return status;
}

static void mnist_is_what_the_world_knows(void **state)
{
	(void)state;
	static const int64_t expected[10] = {5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949};
	int64_t counts[10] = {0}, sum = 0;
	struct sc_data *train = NULL, *test = NULL;
	assert_int_equal(sc_data_open(&train, MNIST, NULL, NULL), SC_OK);
	assert_int_equal(sc_data_open(&test, MNIST, &(struct sc_data_options){.part = SC_TEST}, NULL), SC_OK);
	assert_int_equal(sc_data_count(train), 60000);
	assert_int_equal(sc_data_count(test), 10000);
	assert_int_equal(sc_data_height(train), 28);
	assert_int_equal(sc_data_width(train), 28);
	assert_int_equal(sc_data_channels(train), 1);
	assert_int_equal(sc_data_classes(train), 10);
	assert_string_equal(sc_data_class_name(train, 0), "0");
	assert_string_equal(sc_data_class_name(train, 9), "9");
	for (int64_t i = 0; i < 60000; i++)
		counts[sc_data_label(train, i)]++;
	assert_memory_equal(counts, expected, sizeof expected);
	assert_int_equal(sc_data_label(train, 0), 5);
	assert_int_equal(sc_data_label(test, 0), 7);
	for (int64_t i = 0; i < 60000 * 784; i++)
		sum += train->pixels[i];
	assert_int_equal(sum, 1567298545); /* the mean of 0.1307 */
	assert_ptr_equal(sc_data_image(train, 2), train->pixels + 2 * 784);
	sc_data_destroy(train);
	sc_data_destroy(test);
	sc_data_destroy(NULL);
}

static void names_are_looked_up(void **state)
{
	(void)state;
	struct sc_data *data = NULL;
	struct sc_error error = {0};
	struct sc_data_options options = {.part = SC_TEST, .data_dir = SC_SOURCE_DIR "/data"};
	assert_int_equal(sc_data_open(&data, "mnist", &options, NULL), SC_OK);
	sc_data_destroy(data);
	data = NULL;

	assert_int_equal(setenv("SHORTCUT_DATA", SC_SOURCE_DIR "/data", 1), 0);
	options.data_dir = NULL;
	assert_int_equal(sc_data_open(&data, "mnist", &options, NULL), SC_OK);
	sc_data_destroy(data);
	data = NULL;
	assert_int_equal(unsetenv("SHORTCUT_DATA"), 0);

	options.data_dir = folder;
	assert_int_equal(sc_data_open(&data, "mnist", &options, &error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, path_of("mnist")));
	assert_int_equal(sc_data_open(&data, "cifar1000", &options, &error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, "known: mnist"));
	assert_int_equal(sc_data_open(&data, MNIST "/t10k-labels-idx1-ubyte.gz", &options, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "not a folder"));
	assert_null(data);
}

static void plain_files_are_read(void **state)
{
	(void)state;
	struct sc_data *data = NULL;
	write_test_part();
	assert_int_equal(sc_data_open(&data, folder, &(struct sc_data_options){.part = SC_TEST}, NULL), SC_OK);
	assert_int_equal(sc_data_count(data), 3);
	assert_int_equal(sc_data_height(data), 2);
	assert_memory_equal(sc_data_image(data, 1), ((uint8_t[]){5, 6, 7, 8}), 4);
	assert_int_equal(sc_data_label(data, 2), 9);
	sc_data_destroy(data);
}

static void a_missing_file_is_named(void **state)
{
	(void)state;
	struct sc_error error = {0};
	write_test_part();
	unlink(path_of("t10k-labels-idx1-ubyte"));
	assert_int_equal(open_test_part(&error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, folder));
	assert_non_null(strstr(error.message, "t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte.gz"));
	write_test_part();
	unlink(path_of("t10k-images-idx3-ubyte"));
	assert_int_equal(open_test_part(&error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, "t10k-images-idx3-ubyte"));
}

static void counts_must_agree(void **state)
{
	(void)state;
	struct sc_error error = {0};
	static const uint8_t two[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 0};
	write_test_part();
	write_file("t10k-labels-idx1-ubyte", two, sizeof two);
	assert_int_equal(open_test_part(&error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "2 labels"));
	assert_non_null(strstr(error.message, "3 images"));
}

static void a_label_out_of_range_is_named_with_its_byte(void **state)
{
	(void)state;
	struct sc_error error = {0};
	static const uint8_t ten[] = {0, 0, 8, 1, 0, 0, 0, 3, 7, 10, 9};
	write_test_part();
	write_file("t10k-labels-idx1-ubyte", ten, sizeof ten);
	assert_int_equal(open_test_part(&error), SC_ERROR_FORMAT);
	assert_int_equal(error.offset, 9);
	assert_string_equal(error.subject, path_of("t10k-labels-idx1-ubyte"));
	assert_non_null(strstr(error.message, "label 1 (byte 9) is 10; expected 0 to 9"));
}

static void files_that_are_cut_or_swapped_are_refused(void **state)
{
	(void)state;
	struct sc_error error = {0};
	for (size_t length = 0; length < sizeof images; length += 5) {
		write_test_part();
		write_file("t10k-images-idx3-ubyte", images, length);
		assert_int_not_equal(open_test_part(&error), SC_OK);
	}
	write_test_part();
	write_file("t10k-images-idx3-ubyte", labels, sizeof labels);
	assert_int_not_equal(open_test_part(&error), SC_OK);
}

static void no_images_is_an_error(void **state)
{
	(void)state;
	struct sc_error error = {0};
	static const uint8_t no_images[] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 2}, no_labels[] = {0, 0, 8, 1, 0, 0, 0, 0};
	write_file("t10k-images-idx3-ubyte", no_images, sizeof no_images);
	write_file("t10k-labels-idx1-ubyte", no_labels, sizeof no_labels);
	assert_int_equal(open_test_part(&error), SC_ERROR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mnist_is_what_the_world_knows),
		cmocka_unit_test(names_are_looked_up),
		cmocka_unit_test_teardown(plain_files_are_read, empty_folder),
		cmocka_unit_test_teardown(a_missing_file_is_named, empty_folder),
		cmocka_unit_test_teardown(counts_must_agree, empty_folder),
		cmocka_unit_test_teardown(a_label_out_of_range_is_named_with_its_byte, empty_folder),
		cmocka_unit_test_teardown(files_that_are_cut_or_swapped_are_refused, empty_folder),
		cmocka_unit_test_teardown(no_images_is_an_error, empty_folder),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
