/* test_weights.c - tensors go to a file in PyTorch's order of axes and come back; what does not fit is named before anything is
 * read. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/safetensors.h"
#include "io/weights.h"
#include "temporary.h"

static char file_path[80];

static int begin(void **state)
{
	int failed = make_folder(state);
	snprintf(file_path, sizeof(file_path), "%s/weights.safetensors", folder);
	return failed;
}

#define BIG 40000 /* more than one piece of the reader and writer */
static float kernel[2 * 3 * 4 * 5], dense[3 * 2] = {1, 2, 3, 4, 5, 6}, vector[BIG];

static void describe(struct sc_tensor tensors[3])
{
	tensors[0] = (struct sc_tensor){"conv.weight", 4, {2, 3, 4, 5}, 120, kernel, true};
	tensors[1] = (struct sc_tensor){"fc.weight", 2, {3, 2}, 6, dense, true};
	tensors[2] = (struct sc_tensor){"bn.running_mean", 1, {BIG}, BIG, vector, false};
}

static void write_them(struct sc_tensor tensors[3])
{
	const char *const metadata[] = {"format", "pt"};
	for (int i = 0; i < 120; i++)
		kernel[i] = (float)i;
	for (int i = 0; i < BIG; i++)
		vector[i] = (float)i / 8;
	describe(tensors);
	assert_int_equal(sc_weights_write(file_path, tensors, 3, metadata, 1, NULL), SC_OK);
}

static void files_have_pytorchs_order(void **state)
{
	(void)state;
	struct sc_tensor tensors[3];
	struct sc_safetensors file;
	float numbers[120];
	write_them(tensors);
	assert_int_equal(sc_safetensors_open(&file, file_path, NULL), SC_OK);
	const struct sc_array *t = sc_safetensors_find(&file, "conv.weight");
	assert_true(t->shape[0] == 5 && t->shape[1] == 4 && t->shape[2] == 2 && t->shape[3] == 3);
	assert_int_equal(sc_safetensors_read(&file, t, 0, numbers, sizeof(numbers), NULL), SC_OK);
	for (int o = 0; o < 5; o++)
		for (int i = 0; i < 4; i++)
			for (int tap = 0; tap < 6; tap++)
				assert_true(numbers[(o * 4 + i) * 6 + tap] == kernel[(tap * 4 + i) * 5 + o]);
	t = sc_safetensors_find(&file, "fc.weight");
	assert_int_equal(sc_safetensors_read(&file, t, 0, numbers, 24, NULL), SC_OK);
	assert_true(numbers[0] == 1 && numbers[1] == 3 && numbers[2] == 5 && numbers[3] == 2); /* (out, in) */
	sc_safetensors_close(&file);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	struct sc_tensor tensors[3];
	float before[120], last = (float)(BIG - 1) / 8;
	write_them(tensors);
	memcpy(before, kernel, sizeof(before));
	memset(kernel, 0, sizeof(kernel));
	memset(dense, 0, sizeof(dense));
	memset(vector, 0, sizeof(vector));
	assert_int_equal(sc_weights_read(file_path, tensors, 3, NULL, NULL), SC_OK);
	assert_memory_equal(kernel, before, sizeof(before));
	assert_true(dense[5] == 6 && vector[BIG - 1] == last);
}

static void mismatches_are_named_before_anything_is_read(void **state)
{
	(void)state;
	struct sc_tensor tensors[3];
	struct sc_error error = {0};
	write_them(tensors);
	kernel[7] = -1;
	tensors[2].shape[0] = tensors[2].count = BIG - 1;
	assert_int_equal(sc_weights_read(file_path, tensors, 3, NULL, &error), SC_ERROR_MISMATCH);
	assert_string_equal(error.subject, "bn.running_mean");
	assert_non_null(strstr(error.message, "expected F32 (39999), found F32 (40000)"));
	assert_true(kernel[7] == -1);
	describe(tensors);
	tensors[1].name = "fc.kernel";
	assert_int_equal(sc_weights_read(file_path, tensors, 3, NULL, &error), SC_ERROR_MISMATCH);
	assert_string_equal(error.subject, "fc.kernel");
	assert_int_equal(sc_weights_read(file_path, tensors, 1, NULL, &error), SC_ERROR_MISMATCH); /* a stranger in the file */
	assert_int_equal(sc_weights_read(file_path, tensors, 1, "fc.", &error), SC_ERROR_MISMATCH);
	assert_string_equal(error.subject, "bn.running_mean");
	assert_true(kernel[7] == -1);
}

/* Two tensors as an own file of the given format has them, the second of type `dtype`, whose numbers have `size` bytes. */
static void write_two(const char *target, const char *dtype, int64_t size)
{
	static const char numbers[120 * 8];
	struct sc_arrays_writer *writer = NULL;
	const struct sc_array arrays[] = {
		{.name = (char *)(uintptr_t) "conv.weight", .dtype = "F32", .rank = 4, .shape = {5, 4, 2, 3}, .bytes = 480},
		{.name = (char *)(uintptr_t) "fc.weight", .dtype = dtype, .rank = 2, .shape = {2, 3}, .bytes = 6 * size},
	};
	assert_int_equal(sc_arrays_writer_open(&writer, target, arrays, 2, NULL, 0, NULL), SC_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
		assert_int_equal(sc_arrays_writer_write(writer, numbers, arrays[i].bytes, NULL), SC_OK);
	}
	assert_int_equal(sc_arrays_writer_commit(writer, NULL), SC_OK);
}

/* The file is refused with its name and `message`, and no view was written to. */
static void check_untouched(const char *target, struct sc_tensor *tensors, enum sc_status expected, const char *message)
{
	struct sc_error error = {0};
	kernel[7] = dense[2] = -1;
	enum sc_status status = sc_weights_read(target, tensors, 2, NULL, &error);
	if (status != expected || !strstr(error.message, message) || !strstr(error.message, target))
		fail_msg("%s: status %d, '%s', expected '... %s ...'", target, status, error.message, message);
	assert_true(kernel[7] == -1 && dense[2] == -1);
}

static void bad_files_of_every_format_write_nothing(void **state)
{
	(void)state;
	static const char *const extensions[] = {"safetensors", "pth", "npz"};
	struct sc_tensor tensors[3];
	describe(tensors);
	for (int i = 0; i < 3; i++) {
		char target[128], bytes[8192];
		snprintf(target, sizeof(target), "%s/bad.%s", folder, extensions[i]);
		write_two(target, "F64", 8);
		check_untouched(target, tensors, SC_ERROR_MISMATCH, "fc.weight': expected F32 (2, 3), found F64 (2, 3)");
		write_two(target, "F32", 4);
		FILE *f = fopen(target, "rb");
		assert_non_null(f);
		size_t count = fread(bytes, 1, sizeof(bytes), f);
		fclose(f);
		assert_in_range(count, 600, sizeof(bytes) - 1);
		for (size_t point = 0; point < 64; point++) {
			assert_int_equal(truncate(target, (off_t)(count * (63 - point) / 64)), 0);
			check_untouched(target, tensors, SC_ERROR_FORMAT, "");
		}
	}
	memset(dense, 0, sizeof(dense));
}

/* One output of it takes more numbers than are read and written at a time. */
static void long_rows_are_read(void **state)
{
	(void)state;
	enum { INPUTS = 70000 };
	float *values = malloc(2 * INPUTS * sizeof(float)), *back = calloc(2 * INPUTS, sizeof(float));
	assert_true(values && back);
	for (int i = 0; i < 2 * INPUTS; i++)
		values[i] = (float)i;
	struct sc_tensor tensors[] = {{"fc.weight", 2, {INPUTS, 2}, 2 * INPUTS, values, true},
				      {"fc.bias", 1, {0}, 0, values, true},
				      {"none.weight", 2, {0, 2}, 0, values, true}};
	char of_file[SC_HASH_SIZE], of_memory[SC_HASH_SIZE];
	assert_int_equal(sc_weights_write(file_path, tensors, 3, NULL, 0, NULL), SC_OK);
	assert_int_equal(sc_weights_hash(of_memory, tensors, 3, NULL), SC_OK);
	assert_int_equal(sc_weights_hash_file(of_file, file_path, NULL), SC_OK);
	assert_string_equal(of_file, of_memory);
	tensors[0].values = back;
	assert_int_equal(sc_weights_read(file_path, tensors, 3, NULL, NULL), SC_OK);
	assert_memory_equal(back, values, 2 * INPUTS * sizeof(float));
	free(values);
	free(back);
}

/* An array of a name with this type and rank. */
static void write_one(const char *name, const char *dtype, int rank, int64_t bytes)
{
	struct sc_arrays_writer *writer = NULL;
	const struct sc_array array = {
		.name = (char *)(uintptr_t)name, .dtype = dtype, .rank = rank, .shape = {1, 1, 1, 1, 1, 1, 1, 1}, .bytes = bytes};
	assert_int_equal(sc_arrays_writer_open(&writer, file_path, &array, 1, NULL, 0, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_write(writer, &(int64_t){0}, bytes, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_commit(writer, NULL), SC_OK);
}

static void strangers_and_other_ranks_are_named(void **state)
{
	(void)state;
	const struct sc_tensor one = {"a", 1, {1}, 1, vector, true};
	struct sc_error error = {0};
	char *value = NULL;
	write_one("a", "F32", 8, 4);
	assert_int_equal(sc_weights_read(file_path, &one, 1, NULL, &error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "tensor 'a': expected F32 (1), found F32 (1, 1, 1, 1, 1, 1, 1, 1)"));
	write_one("b", "F32", 1, 4);
	assert_int_equal(sc_weights_read(file_path, &one, 0, NULL, &error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "tensor 'b': the model has none of this name"));
	write_one("bn1.num_batches_tracked", "I64", 0, 8); /* PyTorch's, which nothing needs */
	assert_int_equal(sc_weights_read(file_path, &one, 0, NULL, NULL), SC_OK);
	assert_int_equal(sc_weights_metadata(file_path, "shortcut.model", &value, NULL), SC_OK);
	assert_null(value);
}

static void a_file_that_becomes_shorter_is_an_error(void **state)
{
	(void)state;
	struct sc_tensor tensors[3];
	struct sc_arrays file;
	struct sc_error error = {0};
	write_them(tensors);
	assert_int_equal(sc_arrays_open(&file, file_path, NULL), SC_OK);
	assert_int_equal(truncate(file_path, 2000), 0);
	assert_int_equal(sc_weights_read_open(&file, tensors, 3, NULL, &error), SC_ERROR_READ);
	assert_non_null(strstr(error.message, "the file has become shorter"));
	sc_arrays_close(&file);
}

/* What belongs to a training is no part of a model. */
static void hashes_leave_the_training_out(void **state)
{
	(void)state;
	struct sc_tensor tensors[3];
	char with[SC_HASH_SIZE], without[SC_HASH_SIZE];
	write_them(tensors);
	tensors[2].name = "training.velocity.bn";
	assert_int_equal(sc_weights_write(file_path, tensors, 3, NULL, 0, NULL), SC_OK);
	assert_int_equal(sc_weights_hash_file(with, file_path, NULL), SC_OK);
	assert_int_equal(sc_weights_hash(without, tensors, 2, NULL), SC_OK);
	assert_string_equal(with, without);
}

static void equal_weights_have_equal_hashes(void **state)
{
	(void)state;
	struct sc_tensor tensors[3], reversed[3];
	char file[SC_HASH_SIZE], memory[SC_HASH_SIZE], other[SC_HASH_SIZE];
	write_them(tensors);
	for (int i = 0; i < 3; i++)
		reversed[i] = tensors[2 - i];
	assert_int_equal(sc_weights_hash_file(file, file_path, NULL), SC_OK);
	assert_int_equal(sc_weights_hash(memory, reversed, 3, NULL), SC_OK); /* the order given does not matter */
	assert_string_equal(file, memory);
	dense[0] = 1.0000001f;
	assert_int_equal(sc_weights_hash(other, tensors, 3, NULL), SC_OK);
	assert_string_not_equal(file, other);
	dense[0] = 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_have_pytorchs_order),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(mismatches_are_named_before_anything_is_read),
		cmocka_unit_test(bad_files_of_every_format_write_nothing),
		cmocka_unit_test(long_rows_are_read),
		cmocka_unit_test(strangers_and_other_ranks_are_named),
		cmocka_unit_test(a_file_that_becomes_shorter_is_an_error),
		cmocka_unit_test(hashes_leave_the_training_out),
		cmocka_unit_test(equal_weights_have_equal_hashes),
	};
	return cmocka_run_group_tests(tests, begin, remove_folder);
}
