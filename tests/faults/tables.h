/* tables.h - a run's tables as they must be equal after whatever happened: all columns but the last, the seconds. */
#ifndef SC_TESTS_FAULTS_TABLES_H
#define SC_TESTS_FAULTS_TABLES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"

/* The caller frees it. */
static inline char *read_table(const char *run, const char *name)
{
	char path_of_table[160], *text = NULL;
	snprintf(path_of_table, sizeof(path_of_table), "%s/%s", run, name);
	assert_int_equal(sc_file_read_text(&text, path_of_table, 1 << 20, NULL), SC_OK);
	char *to = text, *end;
	for (char *line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		char *comma = end;
		while (*comma != ',')
			comma--;
		memmove(to, line, (size_t)(comma - line));
		to += comma - line;
		*to++ = '\n';
	}
	*to = '\0';
	return text;
}

/* Weights, rows of steps and rows of epochs of two runs. */
static inline void expect_equal_runs(const char *run, const char *whole)
{
	static const char *const tables[] = {"steps.csv", "history.csv"};
	char hash[SC_HASH_SIZE], expected_hash[SC_HASH_SIZE];
	for (int i = 0; i < 2; i++) {
		char *found = read_table(run, tables[i]), *expected = read_table(whole, tables[i]);
		assert_string_equal(found, expected);
		free(found);
		free(expected);
	}
	assert_int_equal(sc_hash_file(hash, run, NULL), SC_OK);
	assert_int_equal(sc_hash_file(expected_hash, whole, NULL), SC_OK);
	assert_string_equal(hash, expected_hash);
}

#endif
