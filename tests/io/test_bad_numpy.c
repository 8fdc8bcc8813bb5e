/* test_bad_numpy.c - .npz archives that are whole, with arrays in them that cannot be: files of one header each. The message names
 * the file, the array and what was expected of it. (test_zip.c damages the archive itself.) */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "io/archives.h"
#include "io/bytes.h"

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
		{HEADER("'\\x3cf4'", "(1,)"), 4, "'shape' and nothing else"},
		{HEADER("'<f4'", "(99999999999999999999,)"), 4, "'shape' and nothing else"},
		{HEADER("'<f4'", "(1 1)"), 4, "'shape' and nothing else"},
		{HEADER("'<f4'", "(1, 1 1)"), 4, "'shape' and nothing else"},
		{"{'descr': '<f4', 'fortran_order': None, 'shape': (1,)}", 4, "'shape' and nothing else"},
		{"{'descr' '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "'shape' and nothing else"},
		{"{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", 4, "'shape' and nothing else"},
		{"{descr: '<f4', 'fortran_order': False, 'shape': (1,)}", 4, "'shape' and nothing else"},
		{"{'descr", 4, "'shape' and nothing else"},
		{"{'fortran_order': False, 'shape': (1,)}", 4, "'shape' and nothing else"},
		{"{'descr': '<f4', 'fortran_order': False}", 4, "'shape' and nothing else"},
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
	write_npz("\x93NUMPY\0\0", good, strlen(good), 4);
	check_refused("version", SC_ERROR_FORMAT, "version 1 to 3", "'a'");
	write_npz("\x93NUMPY\1\1", good, strlen(good), 4);
	check_refused("version", SC_ERROR_FORMAT, "version 1 to 3", "'a'");
	write_npz("\x93NUMPX\1\0", good, strlen(good), 4);
	check_refused("magic", SC_ERROR_FORMAT, ".npy format", "'a'");
	write_npz(NPY_1, good, 0xffff, 4);
	check_refused("length", SC_ERROR_FORMAT, "a header that fits the file", "'a'");
	write_npz(NPY_1, good, strlen(good) + 1, 4); /* one byte of the numbers, a zero */
	check_refused("zero", SC_ERROR_FORMAT, "a header of text", "'a'");
}

/* Versions 2 and 3, whose headers' lengths have 32 bits; double quotes; one row or column, where the order does not matter. */
static void other_headers_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *magic, *header;
		int64_t rank;
	} cases[] = {
		{"\x93NUMPY\2\0", "{\"descr\": \"<f4\", 'fortran_order': False, 'shape': (2, 1,)}", 2},
		{"\x93NUMPY\3\0", "{'shape': (2,),'fortran_order':True,\n 'descr':'<f4'}\n", 1},
		{"\x93NUMPY\3\0", "{'shape': ( ) , 'descr': '<f8', 'fortran_order': True}", 0},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_arrays arrays;
		struct sc_error error = {0};
		uint8_t npy[512] = {0};
		const size_t length = strlen(cases[i].header);
		memcpy(npy, cases[i].magic, 8);
		sc_store_le(npy + 8, length, 4);
		memcpy(npy + 12, cases[i].header, length);
		write_archive(&(struct entry){"a.npy", npy, 12 + length + 8}, 1);
		if (sc_arrays_open(&arrays, path, &error) != SC_OK)
			fail_msg("%s: %s", cases[i].header, error.message);
		assert_true(arrays.arrays[0].rank == cases[i].rank && arrays.arrays[0].bytes == 8);
		sc_arrays_close(&arrays);
	}
}

static void headers_that_are_too_long_are_refused(void **state)
{
	(void)state;
	enum { LENGTH = 70000 };
	uint8_t *npy = calloc(1, LENGTH + 12);
	assert_non_null(npy);
	memset(npy, ' ', LENGTH + 12);
	memcpy(npy, "\x93NUMPY\2\0", 8);
	sc_store_le(npy + 8, LENGTH, 4);
	write_archive(&(struct entry){"a.npy", npy, LENGTH + 12}, 1);
	check_refused("long", SC_ERROR_FORMAT, "a header that fits the file and 65536 bytes", "'a'");
	free(npy);
}

/* The numbers are not what their checksum says. */
static void damaged_numbers_are_found(void **state)
{
	(void)state;
	static const char header[] = HEADER("'<f4'", "(64,)");
	write_npz(NPY_1, header, strlen(header), 256);
	FILE *f = fopen(path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 300, SEEK_SET), 0); /* in the midst of them */
	assert_int_equal(fputc(1, f), 1);
	assert_int_equal(fclose(f), 0);
	check_refused("numbers", SC_ERROR_FORMAT, "checksum", "'a.npy'");
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
	write_archive(&(struct entry){".npy", npy, sizeof(npy) - 1}, 1); /* an array without a name */
	check_refused("nameless", SC_ERROR_FORMAT, "expected a PyTorch file (data.pkl) or NumPy arrays (.npy)", "'.npy'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_that_cannot_be_are_refused),       cmocka_unit_test(other_headers_are_read),
		cmocka_unit_test(headers_that_are_too_long_are_refused),    cmocka_unit_test(damaged_numbers_are_found),
		cmocka_unit_test(foreign_and_repeated_entries_are_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
