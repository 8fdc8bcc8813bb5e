/* test_arrays.c - files of named arrays: what PyTorch and NumPy wrote (tests/recorded/formats, made by tools/record_formats.py) is
 * read, what we write is read again in each format, and what cannot be right is refused with a message that says why. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/arrays.h"
#include "temporary.h"

static const char *recorded(const char *name)
{
	static char full[1024];
	snprintf(full, sizeof(full), "%s/tests/recorded/formats/%s", SC_SOURCE_DIR, name);
	return full;
}

/* The array is there, of this type and shape, and its number i is (first + i) / 8. */
static void check_floats(struct sc_arrays *arrays, const char *name, int rank, const int64_t *shape, int first)
{
	const struct sc_array *array = sc_arrays_find(arrays, name);
	float numbers[64];
	if (!array)
		fail_msg("%s: no array '%s'", arrays->path, name);
	assert_string_equal(array->dtype, "F32");
	assert_int_equal(array->rank, rank);
	for (int i = 0; i < rank; i++)
		assert_int_equal(array->shape[i], shape[i]);
	assert_true(array->bytes <= (int64_t)sizeof(numbers));
	assert_int_equal(sc_arrays_read(arrays, array, 0, numbers, array->bytes, NULL), SC_OK);
	for (int64_t i = 0; i < array->bytes / 4; i++)
		assert_true(numbers[i] == (float)(first + i) / 8);
	const int64_t places[][2] = {{1, array->bytes}, {0, array->bytes + 1}, {-1, 1}, {0, -1}}; /* outside of it: offset, count */
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		assert_int_equal(sc_arrays_read(arrays, array, places[i][0], numbers, places[i][1], NULL), SC_ERROR_ARGUMENT);
}

static void what_pytorch_and_numpy_wrote_is_read(void **state)
{
	(void)state;
	static const char *const names[] = {"net.pth", "checkpoint.pth", "net.npz", "zip64.npz", "deflated.npz"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct sc_arrays arrays;
		struct sc_error error = {0};
		int64_t batches = -1;
		if (sc_arrays_open(&arrays, recorded(names[i]), &error) != SC_OK)
			fail_msg("%s", error.message);
		assert_int_equal(arrays.count, i == 4 ? 7 : 6);
		check_floats(&arrays, "conv1.weight", 4, (int64_t[]){3, 2, 2, 1}, 0);
		check_floats(&arrays, "bn1.running_var", 1, (int64_t[]){3}, 0);
		const struct sc_array *tracked = sc_arrays_find(&arrays, "bn1.num_batches_tracked");
		assert_true(tracked && tracked->rank == 0 && strcmp(tracked->dtype, "I64") == 0);
		assert_int_equal(sc_arrays_read(&arrays, tracked, 0, &batches, 8, NULL), SC_OK);
		assert_int_equal(batches, 0);
		sc_arrays_close(&arrays);
	}
}

static void tensors_may_share_a_storage(void **state)
{
	(void)state;
	struct sc_arrays arrays;
	assert_int_equal(sc_arrays_open(&arrays, recorded("shared.pth"), NULL), SC_OK);
	check_floats(&arrays, "first", 2, (int64_t[]){2, 2}, 0);
	check_floats(&arrays, "last", 1, (int64_t[]){8}, 4);
	sc_arrays_close(&arrays);
}

static void what_is_not_plain_arrays_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *name, *message;
		enum sc_status status;
	} cases[] = {
		{"module.pth", "'__main__.Net'", SC_ERROR_FORMAT}, /* a pickled object: its class would be called */
		{"legacy.pth", "before 1.6", SC_ERROR_UNSUPPORTED},
		{"strided.pth", "tensor 'turned': expected contiguous", SC_ERROR_FORMAT},
		{"fortran.npz", "array 'turned': expected rows first", SC_ERROR_FORMAT},
		{"object.npz", "array 'things': expected little-endian numbers, found type '|O'", SC_ERROR_FORMAT},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_arrays arrays;
		struct sc_error error = {0};
		if (sc_arrays_open(&arrays, recorded(cases[i].name), &error) != cases[i].status ||
		    !strstr(error.message, cases[i].message) || !strstr(error.message, cases[i].name))
			fail_msg("%s: '%s', expected '... %s ...'", cases[i].name, error.message, cases[i].message);
	}
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	static const char *const names[] = {"net.pth", "checkpoint.pth", "net.npz", "zip64.npz", "deflated.npz"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		static char bytes[8192];
		FILE *f = fopen(recorded(names[i]), "rb");
		assert_non_null(f);
		size_t count = fread(bytes, 1, sizeof(bytes), f);
		fclose(f);
		assert_in_range(count, 1000, sizeof(bytes) - 1);
		for (size_t point = 0; point < 64; point++) {
			struct sc_arrays arrays;
			struct sc_error error = {0};
			f = fopen(path, "wb");
			assert_non_null(f);
			assert_int_equal(fwrite(bytes, 1, count * point / 64, f), count * point / 64);
			fclose(f);
			if (sc_arrays_open(&arrays, path, &error) != SC_ERROR_FORMAT || !strstr(error.message, path))
				fail_msg("%s, %zu bytes: '%s'", names[i], count * point / 64, error.message);
		}
	}
}

static const float numbers[6] = {0, .125f, .25f, .375f, .5f, .625f};

static void declare(struct sc_array arrays[3])
{
	arrays[0] = (struct sc_array){
		.name = (char *)(uintptr_t) "layer.weight", .dtype = "F32", .rank = 2, .shape = {2, 3}, .bytes = 24};
	arrays[1] = (struct sc_array){.name = (char *)(uintptr_t) "a", .dtype = "I64", .bytes = 8};
	arrays[2] = (struct sc_array){.name = (char *)(uintptr_t) "none", .dtype = "F32", .rank = 1, .shape = {0}};
}

static void write_arrays(const char *target)
{
	struct sc_arrays_writer *writer = NULL;
	struct sc_array arrays[3];
	const int64_t whole = -5;
	const char *const metadata[] = {"format", "pt", "shortcut.model", "{\"a\": 1}"};
	declare(arrays);
	assert_int_equal(sc_arrays_writer_open(&writer, target, arrays, 3, metadata, 2, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_write(writer, numbers, 16, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_ERROR_ARGUMENT); /* 8 bytes are missing */
	assert_int_equal(sc_arrays_writer_write(writer, numbers + 4, 8, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_write(writer, &whole, 8, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_commit(writer, NULL), SC_OK);
}

static void what_is_written_is_read_in_every_format(void **state)
{
	(void)state;
	static const char *const extensions[] = {"safetensors", "pth", "pt", "npz"};
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		struct sc_arrays arrays;
		struct sc_error error = {0};
		char target[128];
		int64_t whole = 0;
		snprintf(target, sizeof(target), "%s/written.%s", folder, extensions[i]);
		write_arrays(target);
		if (sc_arrays_open(&arrays, target, &error) != SC_OK)
			fail_msg("%s", error.message);
		assert_int_equal(arrays.count, 3);
		check_floats(&arrays, "layer.weight", 2, (int64_t[]){2, 3}, 0);
		check_floats(&arrays, "none", 1, (int64_t[]){0}, 0);
		const struct sc_array *a = sc_arrays_find(&arrays, "a");
		assert_true(a && a->rank == 0 && strcmp(a->dtype, "I64") == 0);
		assert_int_equal(sc_arrays_read(&arrays, a, 0, &whole, 8, NULL), SC_OK);
		assert_int_equal(whole, -5);
		assert_string_equal(sc_arrays_metadata(&arrays, "shortcut.model"), "{\"a\": 1}");
		sc_arrays_close(&arrays);
	}
}

/* Of no numbers, but of a dimension that needs 64 bits. */
static void large_dimensions_are_written(void **state)
{
	(void)state;
	static const char *const extensions[] = {"safetensors", "pth", "npz"};
	const struct sc_array array = {.name = (char *)(uintptr_t) "a", .dtype = "F32", .rank = 2, .shape = {0, 3000000000}};
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
		struct sc_arrays_writer *writer = NULL;
		struct sc_arrays arrays;
		struct sc_error error = {0};
		char target[128];
		snprintf(target, sizeof(target), "%s/large.%s", folder, extensions[i]);
		assert_int_equal(sc_arrays_writer_open(&writer, target, &array, 1, NULL, 0, NULL), SC_OK);
		assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
		assert_int_equal(sc_arrays_writer_commit(writer, NULL), SC_OK);
		if (sc_arrays_open(&arrays, target, &error) != SC_OK)
			fail_msg("%s", error.message);
		assert_true(arrays.arrays[0].shape[0] == 0 && arrays.arrays[0].shape[1] == 3000000000);
		sc_arrays_close(&arrays);
	}
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
	(void)state;
	struct sc_arrays_writer *writer = NULL;
	struct sc_error error = {0};
	struct sc_array arrays[3];
	char target[128];
	declare(arrays);
	snprintf(target, sizeof(target), "%s/weights.bin", folder);
	assert_int_equal(sc_arrays_writer_open(&writer, target, arrays, 3, NULL, 0, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "weights.bin"));
	snprintf(target, sizeof(target), "%s/unwritten.npz", folder);
	arrays[0].dtype = "BF16"; /* NumPy has none */
	assert_int_equal(sc_arrays_writer_open(&writer, target, arrays, 3, NULL, 0, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_next(writer, &error), SC_ERROR_UNSUPPORTED);
	sc_arrays_writer_abandon(writer);
	assert_int_not_equal(access(target, F_OK), 0);
	char name[600];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	arrays[0].dtype = "F32";
	arrays[0].name = name;
	snprintf(target, sizeof(target), "%s/unwritten.npz", folder);
	assert_int_equal(sc_arrays_writer_open(&writer, target, arrays, 3, NULL, 0, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_next(writer, &error), SC_ERROR_UNSUPPORTED);
	assert_non_null(strstr(error.message, "its name is too long"));
	sc_arrays_writer_abandon(writer);
	declare(arrays);
	snprintf(target, sizeof(target), "%s/unwritten.safetensors", folder);
	arrays[2].name = arrays[0].name;
	assert_int_equal(sc_arrays_writer_open(&writer, target, arrays, 3, NULL, 0, &error), SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "a name that is repeated"));
	assert_int_not_equal(access(target, F_OK), 0);
	snprintf(target, sizeof(target), "%s/unwritten.pth", folder);
	arrays[0].dtype = arrays[1].dtype = "U64"; /* nor PyTorch's files */
	assert_int_equal(sc_arrays_writer_open(&writer, target, arrays, 3, NULL, 0, &error), SC_ERROR_UNSUPPORTED);
	assert_non_null(strstr(error.message, "array 'layer.weight': PyTorch's files have no numbers of type U64"));
	assert_int_not_equal(access(target, F_OK), 0);
}

/* An array more, a byte more, or less than was declared: nothing is written. */
static void what_was_not_declared_is_refused(void **state)
{
	(void)state;
	static const struct {
		int64_t bytes, more_arrays; /* of the first array, out of 24; and after it */
		const char *message;
	} cases[] = {{24, 0, "fewer arrays or bytes than declared"},
		     {20, 0, "fewer arrays or bytes than declared"},
		     {28, 0, "more bytes than declared"},
		     {24, 1, "an array more or a byte less than declared"},
		     {20, 1, "an array more or a byte less than declared"}};
	char target[128];
	snprintf(target, sizeof(target), "%s/undeclared.npz", folder);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_arrays_writer *writer = NULL;
		struct sc_error error = {0};
		struct sc_array arrays[3];
		const int64_t declared = cases[i].more_arrays || cases[i].bytes != 24 ? 1 : 2;
		declare(arrays);
		assert_int_equal(sc_arrays_writer_open(&writer, target, arrays, declared, NULL, 0, &error), SC_OK);
		assert_int_equal(sc_arrays_writer_next(writer, &error), SC_OK);
		enum sc_status status = sc_arrays_writer_write(writer, (float[7]){0}, cases[i].bytes, &error);
		if (!status && cases[i].more_arrays)
			status = sc_arrays_writer_next(writer, &error);
		if (status)
			sc_arrays_writer_abandon(writer);
		else
			status = sc_arrays_writer_commit(writer, &error);
		assert_int_equal(status, SC_ERROR_ARGUMENT);
		assert_non_null(strstr(error.message, cases[i].message));
		assert_int_not_equal(access(target, F_OK), 0);
	}
	sc_arrays_writer_abandon(NULL); /* nothing to do */
}

static void names_have_a_length(void **state)
{
	(void)state;
	static char name[0x10001], key[301] = "shortcut.";
	struct sc_arrays_writer *writer = NULL;
	struct sc_error error = {0};
	struct sc_array array = {.name = name, .dtype = "F32", .rank = 1, .shape = {1}, .bytes = 4};
	const char *const metadata[] = {key, "value"};
	char target[128];
	snprintf(target, sizeof(target), "%s/names.npz", folder);
	memset(name, 'n', sizeof(name) - 1);
	assert_int_equal(sc_arrays_writer_open(&writer, target, &array, 1, NULL, 0, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_next(writer, &error), SC_ERROR_UNSUPPORTED);
	assert_non_null(strstr(error.message, "its name is too long"));
	sc_arrays_writer_abandon(writer);
	memset(key + 9, 'k', sizeof(key) - 10);
	name[1] = '\0';
	enum sc_status status = sc_arrays_writer_open(&writer, target, &array, 1, metadata, 1, &error);
	if (!status) {
		assert_int_equal(sc_arrays_writer_next(writer, NULL), SC_OK);
		assert_int_equal(sc_arrays_writer_write(writer, numbers, 4, NULL), SC_OK);
		status = sc_arrays_writer_commit(writer, &error);
	}
	assert_int_equal(status, SC_ERROR_ARGUMENT);
	assert_non_null(strstr(error.message, "its key is too long"));
	assert_int_not_equal(access(target, F_OK), 0);
}

static void a_file_may_hold_nothing(void **state)
{
	(void)state;
	struct sc_arrays_writer *writer = NULL;
	struct sc_arrays arrays;
	char target[128];
	snprintf(target, sizeof(target), "%s/nothing.npz", folder);
	assert_int_equal(sc_arrays_writer_open(&writer, target, NULL, 0, NULL, 0, NULL), SC_OK);
	assert_int_equal(sc_arrays_writer_commit(writer, NULL), SC_OK);
	assert_int_equal(sc_arrays_open(&arrays, target, NULL), SC_OK);
	assert_int_equal(arrays.count, 0);
	sc_arrays_close(&arrays);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_pytorch_and_numpy_wrote_is_read),
		cmocka_unit_test(tensors_may_share_a_storage),
		cmocka_unit_test(what_is_not_plain_arrays_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(what_is_written_is_read_in_every_format),
		cmocka_unit_test(what_cannot_be_written_leaves_nothing),
		cmocka_unit_test(large_dimensions_are_written),
		cmocka_unit_test(what_was_not_declared_is_refused),
		cmocka_unit_test(names_have_a_length),
		cmocka_unit_test(a_file_may_hold_nothing),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
