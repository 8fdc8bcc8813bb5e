/* test_safetensors.c - every rule of the format is checked: what must be read is read, what breaks a rule is refused with a message
 * that says which. Files are made from a header and a number of data bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/safetensors.h"
#include "temporary.h"

static void write_bytes(const void *bytes, size_t count)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, count, f), count);
	assert_int_equal(fclose(f), 0);
}

/* length: what the first eight bytes say; the header follows, then `data` zero bytes. */
static void write_file(uint64_t length, const char *header, size_t data)
{
	size_t text = strlen(header);
	char *bytes = calloc(8 + text + data + 1, 1);
	assert_non_null(bytes);
	memcpy(bytes, &length, 8);
	memcpy(bytes + 8, header, text);
	write_bytes(bytes, 8 + text + data);
	free(bytes);
}

static const char good[] = "{\"b\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[4,20]},"
			   "\"a\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[0,4]},\"__metadata__\":{\"k\":\"v\"}}  ";

static void good_file_is_read(void **state)
{
	(void)state;
	struct sc_safetensors file;
	float numbers[4] = {1, 1, 1, 1};
	write_file(strlen(good), good, 20);
	assert_int_equal(sc_safetensors_open(&file, path, NULL), SC_OK);
	assert_int_equal(file.tensor_count, 2);
	assert_string_equal(file.tensors[0].name, "a"); /* by name */
	const struct sc_array *b = sc_safetensors_find(&file, "b");
	assert_non_null(b);
	assert_string_equal(b->dtype, "F32");
	assert_int_equal(b->rank, 2);
	assert_int_equal(b->bytes, 16);
	assert_int_equal(b->begin, 8 + strlen(good) + 4);
	assert_int_equal(sc_safetensors_read(&file, b, 0, numbers, 16, NULL), SC_OK);
	assert_true(numbers[3] == 0);
	assert_int_equal(sc_safetensors_read(&file, b, 8, numbers, 12, NULL), SC_ERROR_ARGUMENT); /* past its end */
	assert_null(sc_safetensors_find(&file, "c"));
	assert_string_equal(sc_safetensors_metadata(&file, "k"), "v");
	assert_null(sc_safetensors_metadata(&file, "b"));
	sc_safetensors_close(&file);
}

#define A(entry)            "{\"a\":" entry "}"
#define F32(shape, offsets) A("{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}")

static void every_broken_rule_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		size_t data;
		const char *message; /* a part of it */
	} cases[] = {
		{"[]", 0, "begin with '{'"},
		{"null", 0, "begin with '{'"},
		{" {}", 0, "begin with '{'"},
		{"{", 0, "not valid JSON"},
		{"{}x", 0, "not valid JSON"},
		{"{\"a\":1,\"a\":2}", 0, "not valid JSON"},
		{"{\"a\":\"\xff\"}", 0, "not valid JSON"},
		{"{}", 1, "found 1"},
		{A("1"), 0, "\"dtype\", \"shape\""},
		{A("{\"dtype\":\"F32\",\"shape\":[1]}"), 4, "\"dtype\", \"shape\""},
		{A("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":1}"), 4, "nothing else"},
		{A("{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}"), 4, "F31"},
		{A("{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}"), 4, "\"dtype\""},
		{F32("1", "[0,4]"), 4, "list"},
		{F32("[-1]", "[0,4]"), 4, "whole numbers"},
		{F32("[1.5]", "[0,4]"), 4, "whole numbers"},
		{F32("[1e0]", "[0,4]"), 4, "whole numbers"},
		{F32("[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "8 dimensions"},
		{F32("[9223372036854775807,4]", "[0,4]"), 4, "2^63 bytes"},
		{F32("[4611686018427387904,4]", "[0,4]"), 4, "2^63 bytes"}, /* the product wraps to the right size */
		{F32("[1]", "[4,0]"), 4, "data_offsets"},
		{F32("[1]", "[-4,0]"), 4, "data_offsets"},
		{F32("[1]", "[0,8]"), 4, "data_offsets"},
		{F32("[1]", "[0,4,8]"), 4, "data_offsets"},
		{F32("[1]", "[0]"), 4, "data_offsets"},
		{F32("[2]", "[0,4]"), 4, "needs 8 bytes"},
		{F32("[1]", "[0,0]"), 0, "needs 4 bytes"},
		{F32("[1]", "[4,8]"), 8, "a hole"},
		{F32("[1]", "[0,4]"), 8, "found 8"},
		{"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_"
		 "offsets\":[0,4]}}",
		 4, "an overlap"},
		{"{\"__metadata__\":{\"k\":1}}", 0, "strings"},
		{"{\"__metadata__\":[]}", 0, "__metadata__"},
		{F32("[1]", "7"), 4, "data_offsets"},
		{F32("[1]", "[0,\"4\"]"), 4, "data_offsets"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_safetensors file;
		struct sc_error error = {0};
		write_file(strlen(cases[i].header), cases[i].header, cases[i].data);
		if (sc_safetensors_open(&file, path, &error) != SC_ERROR_FORMAT || !strstr(error.message, cases[i].message) ||
		    !strstr(error.message, path))
			fail_msg("%s with %zu bytes: '%s', expected '... %s ...'", cases[i].header, cases[i].data, error.message,
				 cases[i].message);
	}
}

static void absurd_lengths_are_refused(void **state)
{
	(void)state;
	static const uint64_t lengths[] = {
		0, 1, 7, 100000001, 1u << 31, (uint64_t)1 << 63, UINT64_MAX, sizeof(good) + 20, sizeof(good) + 1000};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct sc_safetensors file;
		write_file(lengths[i], good, 20);
		assert_int_equal(sc_safetensors_open(&file, path, NULL), SC_ERROR_FORMAT);
	}
}

/* A header of 3 MB that would take 250 MB as JSON values. */
static void headers_of_millions_of_values_are_refused(void **state)
{
	(void)state;
	enum { COUNT = (1 << 20) + 8 };
	struct sc_safetensors file;
	struct sc_error error = {0};
	char *header = malloc(3 * COUNT + 16), *at = header;
	assert_non_null(header);
	at += sprintf(at, "{\"a\":[");
	for (int i = 0; i < COUNT; i++, at += 3)
		memcpy(at, "{},", 3);
	sprintf(at, "0]}");
	write_file(strlen(header), header, 0);
	assert_int_equal(sc_safetensors_open(&file, path, &error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "more values than"));
	free(header);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	char bytes[8 + sizeof(good) + 20] = {0};
	uint64_t length = strlen(good);
	memcpy(bytes, &length, 8);
	memcpy(bytes + 8, good, length);
	for (size_t count = 0; count < 8 + length + 20; count++) {
		struct sc_safetensors file;
		struct sc_error error = {0};
		write_bytes(bytes, count);
		if (sc_safetensors_open(&file, path, &error) != SC_ERROR_FORMAT)
			fail_msg("%zu bytes: accepted", count);
	}
}

static void what_is_no_file_is_refused(void **state)
{
	(void)state;
	struct sc_safetensors file;
	struct sc_error error = {0};
	assert_int_equal(sc_safetensors_open(&file, "/nowhere/at.all", &error), SC_ERROR_NOT_FOUND);
	assert_int_equal(sc_safetensors_open(&file, folder, &error), SC_ERROR_READ);
	assert_non_null(strstr(error.message, "expected a file"));
	assert_int_equal(sc_safetensors_open(&file, "/dev/zero", &error), SC_ERROR_READ);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	const struct sc_array tensors[] = {
		{.name = "zwei", .dtype = "F32", .rank = 2, .shape = {2, 3}, .bytes = 24},
		{.name = "\"eins\" \xc3\xa4", .dtype = "U8", .rank = 1, .shape = {3}, .bytes = 3},
		{.name = "empty", .dtype = "F64", .rank = 1, .shape = {0}, .bytes = 0},
	};
	const char *const metadata[] = {"format", "pt", "text", "{\"a\": 1}"};
	const float numbers[6] = {1, 2, 3, 4, 5, 6};
	struct sc_file_writer writer;
	struct sc_safetensors file;
	uint8_t bytes[3];
	assert_int_equal(sc_file_writer_open(&writer, path, NULL), SC_OK);
	assert_int_equal(sc_safetensors_write_header(&writer, tensors, 3, metadata, 2, NULL), SC_OK);
	assert_int_equal(sc_file_write(&writer, numbers, 24, NULL), SC_OK);
	assert_int_equal(sc_file_write(&writer, "abc", 3, NULL), SC_OK);
	assert_int_equal(sc_file_writer_commit(&writer, NULL), SC_OK);
	assert_int_equal(sc_safetensors_open(&file, path, NULL), SC_OK);
	assert_int_equal(file.tensor_count, 3);
	const struct sc_array *eins = sc_safetensors_find(&file, tensors[1].name), *zwei = sc_safetensors_find(&file, "zwei");
	assert_true(eins && zwei && zwei->begin % 64 == 0);
	assert_int_equal(sc_safetensors_read(&file, eins, 0, bytes, 3, NULL), SC_OK);
	static const int64_t outside[][2] = {{-1, 2}, {0, -1}, {0, 4}, {2, 2}, {INT64_MAX, 1}}; /* offset, count */
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		assert_int_equal(sc_safetensors_read(&file, eins, outside[i][0], bytes, outside[i][1], NULL), SC_ERROR_ARGUMENT);
	assert_memory_equal(bytes, "abc", 3);
	assert_string_equal(sc_safetensors_metadata(&file, "text"), "{\"a\": 1}");
	sc_safetensors_close(&file);
}

static void an_empty_file_has_no_tensor(void **state)
{
	(void)state;
	struct sc_safetensors file;
	write_file(2, "{}", 0);
	assert_int_equal(sc_safetensors_open(&file, path, NULL), SC_OK);
	assert_null(sc_safetensors_find(&file, "a"));
	sc_safetensors_close(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_file_is_read),           cmocka_unit_test(every_broken_rule_is_named),
		cmocka_unit_test(absurd_lengths_are_refused),  cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(what_is_no_file_is_refused),  cmocka_unit_test(headers_of_millions_of_values_are_refused),
		cmocka_unit_test(an_empty_file_has_no_tensor), cmocka_unit_test(what_is_written_is_read),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
