/* test_status.c - the table of statuses as text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "shortcut.h"

static void test_every_status_has_a_name_and_a_sentence(void **state)
{
	(void)state;
	assert_string_equal(sc_status_name(SC_OK), "SC_OK");
	assert_string_equal(sc_status_sentence(SC_OK), "success");
	assert_string_equal(sc_status_name(SC_ERROR_FORMAT), "SC_ERROR_FORMAT");
	assert_string_equal(sc_status_sentence(SC_ERROR_FORMAT), "the content of a file is not valid");
	assert_string_equal(sc_status_name(SC_ERROR_SYSTEM), "SC_ERROR_SYSTEM");
}

static void test_a_number_that_is_no_status_has_texts_too(void **state)
{
	(void)state;
	assert_string_equal(sc_status_name((enum sc_status)99), "SC_ERROR_UNKNOWN");
	assert_string_equal(sc_status_sentence((enum sc_status)99), "an unknown status");
}

static void test_version_agrees_with_its_parts(void **state)
{
	(void)state;
	char version[32];
	snprintf(version, sizeof version, "%d.%d.%d", SC_VERSION_MAJOR, SC_VERSION_MINOR, SC_VERSION_PATCH);
	assert_string_equal(sc_version(), version);
	assert_string_equal(sc_version(), SC_VERSION);
}

static void test_build_description_is_one_line_and_names_the_libraries(void **state)
{
	(void)state;
	static const char *const expected[] = {"jansson ", "libpng 1.6", "nettle ", "xxhash 0.8", "zlib 1."};
	assert_null(strchr(sc_build_description(), '\n'));
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		assert_non_null(strstr(sc_build_description(), expected[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_status_has_a_name_and_a_sentence),
		cmocka_unit_test(test_a_number_that_is_no_status_has_texts_too),
		cmocka_unit_test(test_version_agrees_with_its_parts),
		cmocka_unit_test(test_build_description_is_one_line_and_names_the_libraries),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
