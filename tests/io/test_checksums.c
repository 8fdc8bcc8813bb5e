/* test_checksums.c - a file whose checksums do not stand where they belong is refused; empty tensors have theirs like all others.
 * What damage is found: faults/test_damage.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "io/checksums.h"
#include "temporary.h"

static enum sc_status verify(struct sc_error *error)
{
	struct sc_safetensors file;
	if (sc_safetensors_open(&file, path, error) != SC_OK)
		fail_msg("%s", error->message);
	enum sc_status status = sc_checksums_verify(&file, error);
	sc_safetensors_close(&file);
	return status;
}

static void empty_tensors_are_sections_too(void **state)
{
	(void)state;
	const struct sc_array tensors[] = {{.name = (char *)"empty", .dtype = "F32", .rank = 1, .shape = {0}},
					   {.name = (char *)"a", .dtype = "F32", .rank = 1, .shape = {2}, .bytes = 8},
					   {.name = (char *)"void", .dtype = "F32", .rank = 1, .shape = {0}},
					   sc_checksums_tensor(4)};
	const int64_t sections = sizeof(tensors) / sizeof(tensors[0]);
	struct sc_file_writer writer;
	struct sc_checksums checksums;
	struct sc_error error = {0};
	assert_int_equal(sc_file_writer_open(&writer, path, NULL), SC_OK);
	assert_int_equal(sc_checksums_init(&checksums, sections, NULL), SC_OK);
	writer.checksums = &checksums;
	assert_int_equal(sc_safetensors_write_header(&writer, tensors, sections, NULL, 0, NULL), SC_OK);
	sc_checksums_end_section(&checksums);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(sc_file_write(&writer, "12345678", tensors[i].bytes, NULL), SC_OK);
		sc_checksums_end_section(&checksums);
	}
	assert_int_equal(sc_checksums_write(&checksums, &writer, NULL), SC_OK);
	sc_checksums_release(&checksums);
	assert_int_equal(sc_file_writer_commit(&writer, NULL), SC_OK);
	if (verify(&error) != SC_OK)
		fail_msg("%s", error.message);
}

static void they_stand_at_the_end(void **state)
{
	(void)state;
	static const struct {
		struct sc_array tensors[2];
		int64_t count;
	} cases[] = {
		{.count = 0},
		{{{.name = (char *)"a", .dtype = "U64", .rank = 1, .shape = {2}, .bytes = 16}}, 1},
		{{{.name = (char *)SC_CHECKSUMS_NAME, .dtype = "I64", .rank = 1, .shape = {2}, .bytes = 16}}, 1},
		{{{.name = (char *)SC_CHECKSUMS_NAME, .dtype = "U64", .rank = 1, .shape = {3}, .bytes = 24}}, 1},
		{{{.name = (char *)SC_CHECKSUMS_NAME, .dtype = "U64", .rank = 1, .shape = {3}, .bytes = 24},
		  {.name = (char *)"a", .dtype = "U8", .rank = 1, .shape = {1}, .bytes = 1}},
		 2},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_file_writer writer;
		struct sc_error error = {0};
		char message[160];
		assert_int_equal(sc_file_writer_open(&writer, path, NULL), SC_OK);
		assert_int_equal(sc_safetensors_write_header(&writer, cases[i].tensors, cases[i].count, NULL, 0, NULL), SC_OK);
		for (int k = 0; k < cases[i].count; k++)
			assert_int_equal(sc_file_write(&writer, (char[24]){0}, cases[i].tensors[k].bytes, NULL), SC_OK);
		assert_int_equal(sc_file_writer_commit(&writer, NULL), SC_OK);
		assert_int_equal(verify(&error), SC_ERROR_FORMAT);
		snprintf(message, sizeof(message), "%s: expected the tensor 'training.checksums' at its end, U64 [%d]", path,
			 (int)cases[i].count + 1);
		assert_string_equal(error.message, message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(empty_tensors_are_sections_too),
					   cmocka_unit_test(they_stand_at_the_end)};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
