/* test_bad_arrays.c - archives that are whole, with arrays in them that cannot be: .npz files of one header each, .pth files of one
 * pickle each. The message names the file, the array and what was expected of it. (test_zip.c damages the archive itself.) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "io/arrays.h"
#include "io/bytes.h"
#include "io/zip.h"
#include "temporary.h"

struct entry {
	const char *name;
	const void *bytes;
	size_t count;
};

static void write_archive(const struct entry *entries, size_t count)
{
	struct sc_file_writer file;
	struct sc_zip_writer writer;
	assert_int_equal(sc_file_writer_open(&file, path, NULL), SC_OK);
	sc_zip_writer_init(&writer, &file);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(sc_zip_writer_begin(&writer, entries[i].name, NULL), SC_OK);
		assert_int_equal(sc_zip_writer_write(&writer, entries[i].bytes, (int64_t)entries[i].count, NULL), SC_OK);
		assert_int_equal(sc_zip_writer_end(&writer, NULL), SC_OK);
	}
	assert_int_equal(sc_zip_writer_finish(&writer, NULL), SC_OK);
	sc_zip_writer_release(&writer);
	assert_int_equal(sc_file_writer_commit(&file, NULL), SC_OK);
}

/* The file at `path` is refused with a message that has these words in it, and the file's name. `what`: the case, for us. */
static void check_refused(const char *what, enum sc_status expected, const char *message, const char *name)
{
	struct sc_arrays arrays = {0};
	struct sc_error error = {0};
	enum sc_status status = sc_arrays_open(&arrays, path, &error);
	if (status != expected || !strstr(error.message, message) || !strstr(error.message, name) || !strstr(error.message, path))
		fail_msg("%s: status %d, '%s', expected '... %s ... %s ...'", what, status, error.message, name, message);
	assert_null(arrays.arrays); /* what the caller had is untouched */
}

/* ---- What a file is ------------------------------------------------------------------------------------------------- */

static void foreign_files_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t count;
		enum sc_status status;
		const char *message;
	} cases[] = {
		{"", 0, SC_ERROR_FORMAT, "at least 8 bytes"},
		{"PK", 2, SC_ERROR_FORMAT, "at least 8 bytes"},
		{"PK\3\4", 4, SC_ERROR_FORMAT, "no end record"},
		{"PK\5\6", 4, SC_ERROR_FORMAT, "no end record"},
		{"\x89HDF\r\n\x1a\n", 8, SC_ERROR_FORMAT, "expected an HDF5 file"},
		{"\x93NUMPY\1\0v\0{'descr'", 18, SC_ERROR_UNSUPPORTED, ".npz"},
		{"\x80\x02}q\0.\0\0\0", 9, SC_ERROR_UNSUPPORTED, "a bare pickle"},
		{"import torch\nprint(1)\n", 22, SC_ERROR_FORMAT, "not a safetensors file"},
		{"\x1f\x8b\x08\0\0\0\0\0\0\3", 10, SC_ERROR_FORMAT, "not a safetensors file"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char what[32];
		FILE *f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(cases[i].bytes, 1, cases[i].count, f), cases[i].count);
		assert_int_equal(fclose(f), 0);
		snprintf(what, sizeof(what), "file %zu", i);
		check_refused(what, cases[i].status, cases[i].message, "");
	}
}

/* ---- NumPy ---------------------------------------------------------------------------------------------------------- */

/* An archive of the array 'a' with this header and `numbers` bytes behind it. */
static void write_npz(const char *magic, const char *header, size_t length, size_t numbers)
{
	uint8_t npy[512] = {0};
	memcpy(npy, magic, 8);
	sc_store_le(npy + 8, length, 2);
	memcpy(npy + 10, header, strlen(header));
	write_archive(&(struct entry){"a.npy", npy, 10 + strlen(header) + numbers}, 1);
}

#define NPY_1                "\x93NUMPY\1\0"
#define HEADER(descr, shape) "{'descr': " descr ", 'fortran_order': False, 'shape': " shape ", }"

static void headers_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		size_t numbers;
		const char *message;
	} cases[] = {
		{HEADER("'<f4'", "(3,)"), 8, "its shape needs 12 bytes, the archive holds 8"},
		{HEADER("'<f4'", "(3,)"), 16, "its shape needs 12 bytes, the archive holds 16"},
		{HEADER("'<f4'", "(9223372036854775807, 4)"), 4, "less than 2^63 bytes"},
		{HEADER("'<f4'", "(4611686018427387904, 4)"), 0, "less than 2^63 bytes"}, /* the product wraps to 0 */
		{HEADER("'<f4'", "(9223372036854775808,)"), 4, "'descr', 'fortran_order' and 'shape'"},
		{HEADER("'<f4'", "(-1,)"), 4, "'shape' and nothing else"},
		{HEADER("'<f4'", "(1)"), 4, "'shape' and nothing else"},
		{HEADER("'<f4'", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4, "'shape' and nothing else"},
		{HEADER("'<f4'", "1"), 4, "'shape' and nothing else"},
		{HEADER("'>f4'", "(1,)"), 4, "found type '>f4'"},
		{HEADER("'|O'", "(1,)"), 4, "found type '|O'"},
		{HEADER("'<c8'", "(1,)"), 8, "found type '<c8'"},
		{HEADER("'<f4<f4<f4<f4<f4<f4'", "(1,)"), 4, "'shape' and nothing else"},
		{HEADER("[('x', '<f4')]", "(1,)"), 4, "'shape' and nothing else"},
		{HEADER("__import__('os').system('id')", "(1,)"), 4, "'shape' and nothing else"},
		{"{'descr': '<f4', 'shape': (1,)}", 4, "'shape' and nothing else"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}", 4, "'shape' and nothing else"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", 4, "'shape' and nothing else"},
		{HEADER("'<f4'", "(1,)") "}", 4, "'shape' and nothing else"},
		{HEADER("'<f4", "(1,)"), 4, "'shape' and nothing else"},
		{"", 0, ".npy format"}, /* 10 bytes are too few */
		{"  ", 0, "'shape' and nothing else"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_npz(NPY_1, cases[i].header, strlen(cases[i].header), cases[i].numbers);
		check_refused(cases[i].header, SC_ERROR_FORMAT, cases[i].message, "'a'");
	}
	static const char good[] = HEADER("'<f4'", "(1,)");
	write_npz("\x93NUMPY\4\0", good, strlen(good), 4);
	check_refused("version", SC_ERROR_FORMAT, "version 1 to 3", "'a'");
	write_npz("\x93NUMPX\1\0", good, strlen(good), 4);
	check_refused("magic", SC_ERROR_FORMAT, ".npy format", "'a'");
	write_npz(NPY_1, good, 0xffff, 4);
	check_refused("length", SC_ERROR_FORMAT, "a header that fits the file", "'a'");
	write_npz(NPY_1, good, strlen(good) + 1, 4); /* one byte of the numbers, a zero */
	check_refused("zero", SC_ERROR_FORMAT, "a header of text", "'a'");
}

static void foreign_and_repeated_entries_are_refused(void **state)
{
	(void)state;
	static const char npy[] = NPY_1 "\x3a\0{'descr': '<f4', 'fortran_order': False, 'shape': (0,), }\n";
	const struct entry twice[] = {{"a.npy", npy, sizeof(npy) - 1}, {"a.npy", npy, sizeof(npy) - 1}};
	write_archive(twice, 2);
	check_refused("twice", SC_ERROR_FORMAT, "there are two of this name", "'a.npy'");
	const struct entry foreign[] = {{"a.npy", npy, sizeof(npy) - 1}, {"run.py", "exit()", 6}};
	write_archive(foreign, 2);
	check_refused("foreign", SC_ERROR_FORMAT, "expected a PyTorch file (data.pkl) or NumPy arrays (.npy)", "'run.py'");
}

/* ---- PyTorch -------------------------------------------------------------------------------------------------------- */

/* Pickles in pieces; each has zero bytes in it. Storage 0 holds 12 floats. */
#define DICTIONARY(items)              "\x80\x02}(" items "u."
#define A                              "X\1\0\0\0a"
#define GLOBAL(name)                   "ctorch\n" name "\n"
#define STORAGE_OF(type, key, numbers) "(X\7\0\0\0storage" type key "X\3\0\0\0cpu" numbers "tQ"
#define KEY_0                                                                                                                      \
	"X\1\0\0\0"                                                                                                                \
	"0"
#define STORAGE STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, "K\x0c")
#define REBUILT(storage, first, shape, strides)                                                                                    \
	"ctorch._utils\n_rebuild_tensor_v2\n(" storage first shape strides "\x89"                                                  \
	"ccollections\nOrderedDict\n)RtR"
#define TENSOR(first, shape, strides) REBUILT(STORAGE, first, shape, strides)
#define LARGEST                       "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"
#define MINUS_1                       "J\xff\xff\xff\xff"

static const float numbers[12];

static void write_pth(const char *pickle, size_t count)
{
	const struct entry entries[] = {{"net/data.pkl", pickle, count}, {"net/data/0", numbers, sizeof(numbers)}};
	write_archive(entries, 2);
}

static const char good[] = DICTIONARY(A TENSOR("K\4", "K\2K\4\x86", "K\4K\1\x86"));

static void good_tensor_is_read(void **state)
{
	(void)state;
	struct sc_arrays arrays;
	struct sc_error error = {0};
	write_pth(good, sizeof(good) - 1);
	if (sc_arrays_open(&arrays, path, &error) != SC_OK)
		fail_msg("%s", error.message);
	const struct sc_array *a = sc_arrays_find(&arrays, "a");
	assert_true(a && a->rank == 2 && a->shape[1] == 4 && a->begin == 16 && a->bytes == 32);
	sc_arrays_close(&arrays);
}

#define CASE(pickle, message)                                                                                                      \
	{                                                                                                                          \
		DICTIONARY(A pickle), sizeof(DICTIONARY(A pickle)) - 1, "'a'", message                                             \
	}
#define WHOLE_CASE(pickle, name, message)                                                                                          \
	{                                                                                                                          \
		pickle, sizeof(pickle) - 1, name, message                                                                          \
	}

static void tensors_that_cannot_be_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *pickle;
		size_t count;
		const char *name, *message;
	} cases[] = {
		CASE("K\1", "a tensor, found something else"),
		CASE("ccollections\nOrderedDict\n)R", "a tensor, found something else"),
		CASE("ctorch._utils\n_rebuild_tensor_v2\n)R", "a tensor, found something else"),
		CASE(REBUILT("N", "K\0", "K\1\x85", "K\1\x85"), "a storage of the archive"),
		CASE(REBUILT("K\1\x85Q", "K\0", "K\1\x85", "K\1\x85"), "a storage of the archive"),
		CASE(REBUILT(STORAGE_OF("N", KEY_0, "K\x0c"), "K\0", "K\1\x85", "K\1\x85"), "a storage of a known type"),
		CASE(REBUILT(STORAGE_OF("ccollections\nOrderedDict\n", KEY_0, "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage of a known type"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), "K\0", "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage with a key"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), "X\0\0\0\0", "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage with a key"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), "X\1\0\0\0\0", "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage with a key"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), "X\x0b\0\0\0../data.pkl", "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "'net/data/../data.pkl' is not in the archive"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, "K\x0d"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("DoubleStorage"), KEY_0, "K\x0c"), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, LARGEST), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(REBUILT(STORAGE_OF(GLOBAL("FloatStorage"), KEY_0, MINUS_1), "K\0", "K\1\x85", "K\1\x85"),
		     "a storage as large as its entry"),
		CASE(TENSOR("K\0", "K\x0d\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR("K\x0c", "K\1\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR(LARGEST, "K\1\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR(MINUS_1, "K\1\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR("N", "K\1\x85", "K\1\x85"), "inside of its storage"),
		CASE(TENSOR("K\0", LARGEST LARGEST "\x86", LARGEST "K\1\x86"), "less than 2^63 numbers"),
		CASE(TENSOR("K\0", MINUS_1 "\x85", "K\1\x85"), "whole numbers"),
		CASE(TENSOR("K\0", "N\x85", "K\1\x85"), "whole numbers"),
		CASE(TENSOR("K\0", "K\2\x85", MINUS_1 "\x85"), "whole numbers"),
		CASE(TENSOR("K\0", "K\2\x85", "K\0\x85"), "contiguous"), /* one number, shown twice */
		CASE(TENSOR("K\0", "K\2K\2\x86", "K\1K\2\x86"), "contiguous"),
		CASE(TENSOR("K\0", "K\1\x85", ")"), "at most 8 dimensions"),
		CASE(TENSOR("K\0", "K\1", "K\1"), "at most 8 dimensions"),
		CASE(TENSOR("K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"), "at most 8 dimensions"),
		WHOLE_CASE(DICTIONARY(A TENSOR("K\0", "K\1\x85", "K\1\x85") A TENSOR("K\1", "K\1\x85", "K\1\x85")), "'a'",
			   "there are two arrays named"),
		WHOLE_CASE(
			DICTIONARY(A REBUILT(STORAGE_OF(GLOBAL("ComplexFloatStorage"), KEY_0, "K\6"), "K\0", "K\1\x85", "K\1\x85")),
			"'torch.ComplexFloatStorage'", "weights do not need"),
		WHOLE_CASE(DICTIONARY(A "cbuiltins\nexec\nX\1\0\0\0x\x85R"), "'builtins.exec'", "nothing was run"),
		WHOLE_CASE(DICTIONARY("K\1" TENSOR("K\0", "K\1\x85", "K\1\x85")), "", "every key of its state_dict to be a name"),
		WHOLE_CASE("\x80\x02]" A "a.", "", "a dictionary of tensors"),
		WHOLE_CASE("\x80\x04}.", "", "protocol 2"),
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char what[32];
		snprintf(what, sizeof(what), "pickle %zu", i);
		write_pth(cases[i].pickle, cases[i].count);
		check_refused(what, SC_ERROR_FORMAT, cases[i].message, cases[i].name);
	}
}

static void every_shortened_pickle_is_refused(void **state)
{
	(void)state;
	for (size_t count = 0; count < sizeof(good) - 1; count++) {
		char what[32];
		snprintf(what, sizeof(what), "%zu bytes", count);
		write_pth(good, count);
		check_refused(what, SC_ERROR_FORMAT, "pickle, byte", "");
	}
}

static void other_byte_orders_and_second_pickles_are_refused(void **state)
{
	(void)state;
	const struct entry data = {"net/data/0", numbers, sizeof(numbers)}, pickle = {"net/data.pkl", good, sizeof(good) - 1};
	const struct entry big[] = {pickle, data, {"net/byteorder", "big", 3}};
	write_archive(big, 3);
	check_refused("byteorder", SC_ERROR_UNSUPPORTED, "little-endian", "");
	const struct entry two[] = {pickle, data, {"other/data.pkl", good, sizeof(good) - 1}};
	write_archive(two, 3);
	check_refused("two pickles", SC_ERROR_FORMAT, "one data.pkl, found several", "");
}

/* ---- Memory and time ------------------------------------------------------------------------------------------------ */

static void texts_are_limited_together(void **state)
{
	(void)state;
	enum { BYTES = 9 << 20 };
	void *text = calloc(1, BYTES);
	const struct entry numpy[] = {{"shortcut.a", text, BYTES}, {"shortcut.b", text, BYTES}};
	const struct entry torch[] = {
		{"net/data.pkl", "\x80\x02}.", 4}, {"net/shortcut.a", text, BYTES}, {"net/shortcut.b", text, BYTES}};
	assert_non_null(text);
	write_archive(numpy, 2);
	check_refused("NumPy", SC_ERROR_FORMAT, "expected at most 7340032 bytes, found 9437184", "'shortcut.b'");
	write_archive(torch, 3);
	check_refused("PyTorch", SC_ERROR_FORMAT, "expected at most 7340032 bytes, found 9437184", "'net/shortcut.b'");
	free(text);
}

static enum sc_status open_from_corpus(const char *name, struct sc_error *error)
{
	struct sc_arrays arrays;
	char full[1024];
	snprintf(full, sizeof(full), "%s/tests/fuzz/corpus/torch/%s", SC_SOURCE_DIR, name);
	enum sc_status status = sc_arrays_open(&arrays, full, error);
	if (status == SC_OK)
		sc_arrays_close(&arrays);
	return status;
}

/* Each tensor of it would be found only by unpacking all that comes before it. */
static void compressed_storages_are_not_shared(void **state)
{
	(void)state;
	struct sc_error error = {0};
	assert_int_equal(open_from_corpus("deflated.pth", NULL), SC_OK);
	assert_int_equal(open_from_corpus("shared.pth", NULL), SC_OK);
	assert_int_equal(open_from_corpus("deflated_shared.pth", &error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "tensor 'last': expected a storage of its own"));
}

/* An archive of one deflated entry: `bytes` zeros. */
static void write_zeros(const char *name, size_t bytes)
{
	const size_t room = bytes / 512 + 1024, length = strlen(name);
	uint8_t *zeros = calloc(1, bytes), *file = calloc(1, room), *packed = file + 30 + length;
	z_stream z = {.next_in = zeros, .avail_in = (uInt)bytes, .next_out = packed, .avail_out = (uInt)(room - 512)};
	assert_true(zeros && file && deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	memcpy(file, "PK\3\4", 4);
	sc_store_le(file + 8, 8, 2);
	sc_store_le(file + 14, crc32(0, zeros, (uInt)bytes), 4);
	sc_store_le(file + 18, z.total_out, 4);
	sc_store_le(file + 22, bytes, 4);
	sc_store_le(file + 26, length, 2);
	memcpy(file + 30, name, length);
	uint8_t *directory = packed + z.total_out, *end = directory + 46 + length;
	memcpy(directory, "PK\1\2", 4);
	memcpy(directory + 10, file + 8, 20);
	memcpy(directory + 46, name, length);
	memcpy(end, "PK\5\6", 4);
	sc_store_le(end + 8, 1, 2);
	sc_store_le(end + 10, 1, 2);
	sc_store_le(end + 12, 46 + length, 4);
	sc_store_le(end + 16, (uint64_t)(directory - file), 4);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(file, 1, (size_t)(end - file) + 22, f), (end - file) + 22);
	assert_int_equal(fclose(f), 0);
	free(zeros);
	free(file);
}

static void a_small_archive_holds_no_large_model(void **state)
{
	(void)state;
	write_zeros("model.weights.h5", 20 << 20);
	check_refused("Keras", SC_ERROR_FORMAT, "found 20971520", "'model.weights.h5'");
	write_zeros("model.weights.h5", 1 << 20); /* not too large, only no HDF5 */
	check_refused("Keras", SC_ERROR_FORMAT, "expected an HDF5 file", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_files_are_refused),
		cmocka_unit_test(headers_that_cannot_be_are_refused),
		cmocka_unit_test(foreign_and_repeated_entries_are_refused),
		cmocka_unit_test(good_tensor_is_read),
		cmocka_unit_test(tensors_that_cannot_be_are_refused),
		cmocka_unit_test(every_shortened_pickle_is_refused),
		cmocka_unit_test(other_byte_orders_and_second_pickles_are_refused),
		cmocka_unit_test(texts_are_limited_together),
		cmocka_unit_test(compressed_storages_are_not_shared),
		cmocka_unit_test(a_small_archive_holds_no_large_model),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
