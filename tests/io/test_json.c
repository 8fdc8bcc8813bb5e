/* test_json.c - a float is written with as few digits as say which float it is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <stdlib.h>

#include "io/json.h"

static void floats_have_few_digits(void **state)
{
	(void)state;
	static const struct {
		float value;
		const char *text;
	} cases[] = {
		{0, "0.0"},
		{1, "1.0"},
		{0.1f, "0.1"},
		{-0.1f, "-0.1"},
		{1e-5f, "1e-5"},
		{1e-14f, "1e-14"},
		{1e-30f, "1e-30"},
		{FLT_MAX, "3.40282347e38"},
		{FLT_TRUE_MIN, "1.40129846e-45"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *number = sc_json_real(cases[i].value);
		char *text = sc_json_text(number, JSON_ENCODE_ANY | SC_JSON_REAL);
		assert_non_null(text);
		assert_true(strtof(text, NULL) == cases[i].value);
		assert_string_equal(text, cases[i].text);
		free(text);
		json_decref(number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(floats_have_few_digits)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
