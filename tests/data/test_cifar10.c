/* CIFAR-10's binary files: small ones made here, and ones that are wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "data/data.h"
#include "temporary.h"

#define RECORD 3073 /* bytes */
#define IMAGES 2    /* in each file */

static const char *const files[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
				    "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt"};
#define FILE_COUNT (sizeof files / sizeof *files)
static const char meta[] = "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n\n";

static const char *path_of(const char *name)
{
	static char full[128];
	snprintf(full, sizeof full, "%s/%s", folder, name);
	return full;
}

static void write_file(const char *name, const void *bytes, size_t count)
{
	FILE *stream = fopen(path_of(name), "wb");
	assert_non_null(stream);
	assert_int_equal(fwrite(bytes, 1, count, stream), count);
	assert_int_equal(fclose(stream), 0);
}

/* Image `image` of file `file`: label (3 file + image) % 10; red counts up, green is the file's number, blue the image's. */
static void make_batch(uint8_t bytes[IMAGES * RECORD], int file)
{
	for (int image = 0; image < IMAGES; image++) {
		uint8_t *record = bytes + image * RECORD;
		record[0] = (uint8_t)((3 * file + image) % 10);
		for (int p = 0; p < 1024; p++) {
			record[1 + p] = (uint8_t)(p % 251);
			record[1025 + p] = (uint8_t)file;
			record[2049 + p] = (uint8_t)(100 + image);
		}
	}
}

/* All seven files, before each test. */
static int write_all(void **state)
{
	(void)state;
	uint8_t bytes[IMAGES * RECORD];
	for (size_t i = 0; i < 6; i++) {
		make_batch(bytes, (int)i);
		write_file(files[i], bytes, sizeof bytes);
	}
	write_file(files[6], meta, sizeof meta - 1);
	return 0;
}

static enum sc_status open_part(enum sc_part part, struct sc_error *error)
{
	struct sc_data *data = NULL;
	enum sc_status status = sc_data_open(&data, folder, &(struct sc_data_options){.part = part}, error);
	assert_int_equal(status == SC_OK, data != NULL);
	sc_data_destroy(data);
	return status;
}

static void a_folder_is_recognised_and_read(void **state)
{
	(void)state;
	struct sc_data *data = NULL;
	assert_int_equal(sc_data_open(&data, folder, NULL, NULL), SC_OK);
	assert_int_equal(sc_data_count(data), 5 * IMAGES);
	assert_int_equal(sc_data_height(data), 32);
	assert_int_equal(sc_data_width(data), 32);
	assert_int_equal(sc_data_channels(data), 3);
	assert_int_equal(sc_data_classes(data), 10);
	for (int i = 0; i < 5 * IMAGES; i++) {
		const uint8_t *image = sc_data_image(data, i);
		assert_int_equal(sc_data_label(data, i), (3 * (i / IMAGES) + i % IMAGES) % 10);
		for (int p = 0; p < 1024; p++)
			assert_memory_equal(image + 3 * p,
					    ((uint8_t[]){(uint8_t)(p % 251), (uint8_t)(i / IMAGES), (uint8_t)(100 + i % IMAGES)}),
					    3);
	}
	assert_string_equal(sc_data_class_name(data, 0), "zero");
	assert_string_equal(sc_data_class_name(data, 9), "nine");
	sc_data_destroy(data);
}

static void the_test_part_is_one_file(void **state)
{
	(void)state;
	struct sc_data *data = NULL;
	for (size_t i = 0; i < 5; i++)
		unlink(path_of(files[i]));
	assert_int_equal(sc_data_open(&data, folder, &(struct sc_data_options){.part = SC_TEST}, NULL), SC_OK);
	assert_int_equal(sc_data_count(data), IMAGES);
	assert_int_equal(sc_data_label(data, 0), 5);
	sc_data_destroy(data);
}

static void without_names_there_are_the_papers(void **state)
{
	(void)state;
	struct sc_data *data = NULL;
	unlink(path_of("batches.meta.txt"));
	assert_int_equal(sc_data_open(&data, folder, NULL, NULL), SC_OK);
	assert_string_equal(sc_data_class_name(data, 0), "airplane");
	assert_string_equal(sc_data_class_name(data, 9), "truck");
	sc_data_destroy(data);
}

static void names_that_are_wrong_are_refused(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "a\nb\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "0\n1\n\n3\n4\n5\n6\n7\n8\n9\n",
					    "0\n1\n\x1b[2J\n3\n4\n5\n6\n7\n8\n9\n"};
	struct sc_error error = {0};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		write_file("batches.meta.txt", wrong[i], strlen(wrong[i]));
		assert_int_equal(open_part(SC_TRAIN, &error), SC_ERROR_FORMAT);
		assert_string_equal(error.subject, path_of("batches.meta.txt"));
	}
}

/* Both names of its folder, of which the second is what the archive unpacks to. */
static void it_is_found_by_name(void **state)
{
	(void)state;
	static const char *const names[] = {"cifar10", "cifar-10-batches-bin"};
	const struct sc_data_options options = {.data_dir = folder, .part = SC_TEST};
	struct sc_data *data = NULL;
	struct sc_error error = {0};
	char link[128];
	assert_int_equal(sc_data_open(&data, "cifar10", &options, &error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, path_of("cifar-10-batches-bin")));
	for (int i = 0; i < 2; i++) {
		snprintf(link, sizeof link, "%s", path_of(names[i]));
		assert_int_equal(symlink(".", link), 0);
		assert_int_equal(sc_data_open(&data, "cifar10", &options, NULL), SC_OK);
		sc_data_destroy(data);
		data = NULL;
		unlink(link);
	}
}

static void files_that_are_cut_are_refused(void **state)
{
	(void)state;
	uint8_t bytes[IMAGES * RECORD + 1] = {0};
	struct sc_error error = {0};
	for (int file = 0; file < 6; file++) {
		make_batch(bytes, file);
		for (size_t length = 0; length <= sizeof bytes; length += length < RECORD - 3 ? 61 : 1) {
			bool whole = length > 0 && length % RECORD == 0;
			if (length > RECORD + 3 && length < 2 * RECORD - 3)
				continue;
			write_file(files[file], bytes, length);
			enum sc_status status = open_part(file < 5 ? SC_TRAIN : SC_TEST, &error);
			enum sc_status expected = !whole                                   ? SC_ERROR_FORMAT
						  : file == 5 || length == IMAGES * RECORD ? SC_OK
											   : SC_ERROR_MISMATCH;
			assert_int_equal(status, expected);
		}
		write_file(files[file], bytes, IMAGES * RECORD);
	}
}

static void a_missing_file_is_named(void **state)
{
	(void)state;
	struct sc_error error = {0};
	unlink(path_of("data_batch_4.bin"));
	assert_int_equal(open_part(SC_TRAIN, &error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, "data_batch_4.bin"));
	assert_non_null(strstr(error.message, folder));
}

static void a_label_out_of_range_is_named_with_its_byte(void **state)
{
	(void)state;
	uint8_t bytes[IMAGES * RECORD];
	struct sc_error error = {0};
	make_batch(bytes, 1);
	bytes[RECORD] = 10;
	write_file("data_batch_2.bin", bytes, sizeof bytes);
	assert_int_equal(open_part(SC_TRAIN, &error), SC_ERROR_FORMAT);
	assert_int_equal(error.offset, RECORD);
	assert_non_null(strstr(error.message, "label 1 (byte 3073) is 10; expected 0 to 9"));
}

static void other_folders_are_told_apart(void **state)
{
	(void)state;
	struct sc_error error = {0};
	for (size_t i = 0; i < FILE_COUNT; i++)
		unlink(path_of(files[i]));
	assert_int_equal(open_part(SC_TRAIN, &error), SC_ERROR_NOT_FOUND);
	assert_non_null(strstr(error.message, "data_batch_1.bin"));
	assert_non_null(strstr(error.message, "train-images-idx3-ubyte"));
	write_file("data_batch_1", "", 0);
	assert_int_equal(open_part(SC_TRAIN, &error), SC_ERROR_UNSUPPORTED);
	assert_non_null(strstr(error.message, "Python version"));
	unlink(path_of("data_batch_1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_folder_is_recognised_and_read, write_all),
		cmocka_unit_test_setup(the_test_part_is_one_file, write_all),
		cmocka_unit_test_setup(without_names_there_are_the_papers, write_all),
		cmocka_unit_test_setup(names_that_are_wrong_are_refused, write_all),
		cmocka_unit_test_setup(it_is_found_by_name, write_all),
		cmocka_unit_test_setup(files_that_are_cut_are_refused, write_all),
		cmocka_unit_test_setup(a_missing_file_is_named, write_all),
		cmocka_unit_test_setup(a_label_out_of_range_is_named_with_its_byte, write_all),
		cmocka_unit_test_setup(other_folders_are_told_apart, write_all),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
