/* test_bad_arrays.c - files that hold no named arrays, or more of them than anybody needs. The message names the file and what was
 * expected. (test_bad_numpy.c and test_bad_torch.c: arrays that cannot be; test_zip.c: the archive itself.) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <zlib.h>

#include "io/archives.h"
#include "io/bytes.h"

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
		{"\x80\x01}q\0.\0\0\0", 9, SC_ERROR_FORMAT,
		 "not a safetensors file"}, /* protocols that no pickle of torch.save has */
		{"\x80\x06}q\0.\0\0\0", 9, SC_ERROR_FORMAT, "not a safetensors file"},
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

/* The length of its header, 640, begins as a pickle does. */
static void a_safetensors_file_is_no_pickle(void **state)
{
	(void)state;
	struct sc_arrays arrays;
	char bytes[648];
	memset(bytes, ' ', sizeof(bytes));
	memcpy(bytes, "\x80\2\0\0\0\0\0\0{}", 10);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, sizeof(bytes), f), sizeof(bytes));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(sc_arrays_open(&arrays, path, NULL), SC_OK);
	assert_int_equal(arrays.count, 0);
	sc_arrays_close(&arrays);
}

/* What the file was when its reader was chosen, it need not be when that reader opens it. */
static void files_that_become_others_are_refused(void **state)
{
	(void)state;
	static const struct {
		const struct sc_array_reader *reader;
		const char *message;
	} cases[] = {{&sc_torch_reader, "expected a PyTorch archive with a data.pkl, found none"},
		     {&sc_keras_reader, "expected model.weights.h5 in the archive, found none"}};
	write_archive(&(struct entry){"other", "", 0}, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_arrays arrays = {.reader = cases[i].reader, .path = strdup(path)};
		struct sc_error error = {0};
		assert_int_equal(cases[i].reader->open(&arrays, &error), SC_ERROR_FORMAT);
		assert_non_null(strstr(error.message, cases[i].message));
		sc_arrays_close(&arrays);
	}
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
		cmocka_unit_test(a_safetensors_file_is_no_pickle),
		cmocka_unit_test(files_that_become_others_are_refused),
		cmocka_unit_test(texts_are_limited_together),
		cmocka_unit_test(compressed_storages_are_not_shared),
		cmocka_unit_test(a_small_archive_holds_no_large_model),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
