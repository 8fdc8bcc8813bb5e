/* test_error.c - messages: whole, on one line, and harmless whatever names they carry. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static void test_fail_fills_the_error_and_returns_the_status(void **state)
{
	(void)state;
	struct sc_error error = {0};
	enum sc_status status = sc_fail(&error, SC_ERROR_FORMAT, "a.idx", 4, "%s: expected %d, found %d", "a.idx", 3, 1);
	assert_int_equal(status, SC_ERROR_FORMAT);
	assert_int_equal(error.status, SC_ERROR_FORMAT);
	assert_int_equal(error.offset, 4);
	assert_string_equal(error.subject, "a.idx");
	assert_string_equal(error.message, "a.idx: expected 3, found 1");
}

static void test_fail_needs_neither_error_nor_subject(void **state)
{
	(void)state;
	struct sc_error error = {0};
	assert_int_equal(sc_fail(NULL, SC_ERROR_READ, "x", -1, "%s", "y"), SC_ERROR_READ);
	assert_int_equal(sc_fail(&error, SC_ERROR_READ, NULL, -1, "y"), SC_ERROR_READ);
	assert_string_equal(error.subject, "");
	assert_int_equal(error.offset, -1);
}

static void test_memory_has_its_usual_sentence(void **state)
{
	(void)state;
	struct sc_error error = {0};
	assert_int_equal(sc_fail_memory(&error, 640, "the plan"), SC_ERROR_MEMORY);
	assert_string_equal(error.message, "no memory for the plan: 640 bytes wanted");
}

static void test_hostile_names_are_made_harmless(void **state)
{
	(void)state;
	static const struct {
		const char *name, *shown;
	} table[] = {
		{"plain.idx", "plain.idx"},
		{"a\nerror: forged", "a\\x0aerror: forged"},
		{"\033[2J\r\t\x7f", "\\x1b[2J\\x0d\\x09\\x7f"},
		{"\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80"}, /* letters, a sign, a face */
		{"\x9b"
		 "31m",
		 "\\x9b31m"},                                 /* CSI as one byte */
		{"\xc2\x9b", "\\xc2\\x9b"},                   /* CSI as UTF-8 */
		{"\xe2\x80\xae", "\\xe2\\x80\\xae"},          /* right-to-left override */
		{"\xe2\x81\xa6", "\\xe2\\x81\\xa6"},          /* left-to-right isolate */
		{"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},          /* line separator */
		{"\xc0\x8a", "\\xc0\\x8a"},                   /* a newline, overlong */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},          /* a surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* past U+10FFFF */
		{"\xe2\x82", "\\xe2\\x82"},                   /* cut short */
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sc_error error = {0};
		sc_fail(&error, SC_ERROR_READ, table[i].name, -1, "%s", table[i].name);
		assert_string_equal(error.message, table[i].shown);
		assert_string_equal(error.subject, table[i].shown);
	}
}

static void test_long_texts_lose_their_middle(void **state)
{
	(void)state;
	struct sc_error error = {0};
	char path[4000];
	memset(path, 'p', sizeof path - 1);
	path[sizeof path - 1] = '\0';
	path[0] = '/';
	sc_fail(&error, SC_ERROR_NOT_FOUND, path, -1, "%s: not found", path);
	assert_int_equal(strlen(error.message), sizeof error.message - 1);
	assert_memory_equal(error.message, "/pppp", 5);
	assert_non_null(strstr(error.message, "pp...pp"));
	assert_string_equal(error.message + strlen(error.message) - 11, ": not found");
	assert_int_equal(strlen(error.subject), sizeof error.subject - 1);
}

static void test_shortening_keeps_characters_whole(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 3; shift++) {
		struct sc_error error = {0};
		char text[1000] = "";
		for (size_t i = 0; i < shift; i++)
			strcat(text, "x");
		for (size_t i = 0; i < 300; i++)
			strcat(text, "\xe2\x82\xac");
		sc_fail(&error, SC_ERROR_READ, "", -1, "%s", text);
		char *gap = strstr(error.message, "...");
		assert_non_null(gap);
		assert_int_equal((size_t)(gap - error.message - (ptrdiff_t)shift) % 3, 0);
		assert_int_equal(strlen(gap + 3) % 3, 0);
	}
}

static void test_an_error_may_be_made_of_itself(void **state)
{
	(void)state;
	struct sc_error error = {0};
	sc_fail(&error, SC_ERROR_READ, "inner", 7, "inner words");
	sc_fail(&error, SC_ERROR_READ, error.subject, error.offset, "outer: %s", error.message);
	assert_string_equal(error.subject, "inner");
	assert_string_equal(error.message, "outer: inner words");
}

static void remember_line(void *user, enum sc_log_level level, const char *message)
{
	snprintf(user, 64, "%d %s", (int)level, message);
}

static void test_log_lines_reach_the_callback(void **state)
{
	(void)state;
	char line[64] = "";
	sc_log_line(SC_LOG_WARNING, "nobody listens");
	sc_log_set(remember_line, line);
	sc_log_line(SC_LOG_WARNING, "%d of %s", 3, "a\nb");
	assert_string_equal(line, "1 3 of a\\x0ab");
	sc_log_set(NULL, NULL);
	sc_log_line(SC_LOG_INFO, "nobody listens");
	assert_string_equal(line, "1 3 of a\\x0ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail_fills_the_error_and_returns_the_status),
		cmocka_unit_test(test_fail_needs_neither_error_nor_subject),
		cmocka_unit_test(test_memory_has_its_usual_sentence),
		cmocka_unit_test(test_hostile_names_are_made_harmless),
		cmocka_unit_test(test_long_texts_lose_their_middle),
		cmocka_unit_test(test_shortening_keeps_characters_whole),
		cmocka_unit_test(test_an_error_may_be_made_of_itself),
		cmocka_unit_test(test_log_lines_reach_the_callback),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
