/* test_file.c - files are written whole or not at all: a reader sees the old content until the new one is there. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "temporary.h"

static void expect_content(const char *content)
{
	char *text = NULL;
	assert_int_equal(sc_file_read_text(&text, path, 100, NULL), SC_OK);
	assert_string_equal(text, content);
	free(text);
}

static void write_file(const char *content)
{
	struct sc_file_writer writer;
	assert_int_equal(sc_file_writer_open(&writer, path, NULL), SC_OK);
	assert_int_equal(sc_file_write(&writer, content, (int64_t)strlen(content), NULL), SC_OK);
	assert_int_equal(sc_file_writer_commit(&writer, NULL), SC_OK);
}

static void old_or_new(void **state)
{
	(void)state;
	struct sc_file_writer writer;
	write_file("old");
	assert_int_equal(sc_file_writer_open(&writer, path, NULL), SC_OK);
	assert_int_equal(sc_file_write(&writer, "new", 3, NULL), SC_OK);
	expect_content("old");
	assert_int_equal(sc_file_writer_commit(&writer, NULL), SC_OK);
	expect_content("new");
	assert_int_equal(sc_file_writer_open(&writer, path, NULL), SC_OK);
	assert_int_equal(sc_file_write(&writer, "never", 5, NULL), SC_OK);
	sc_file_writer_abandon(&writer);
	expect_content("new");
	assert_int_equal(files_in_folder(), 1);
}

static void two_writers_do_not_meet(void **state)
{
	(void)state;
	struct sc_file_writer one, two;
	assert_int_equal(sc_file_writer_open(&one, path, NULL), SC_OK);
	assert_int_equal(sc_file_writer_open(&two, path, NULL), SC_OK);
	assert_int_equal(sc_file_write(&one, "one", 3, NULL), SC_OK);
	assert_int_equal(sc_file_write(&two, "two", 3, NULL), SC_OK);
	assert_int_equal(sc_file_writer_commit(&two, NULL), SC_OK);
	assert_int_equal(sc_file_writer_commit(&one, NULL), SC_OK);
	expect_content("one");
	assert_int_equal(files_in_folder(), 1);
}

/* No more than 4 KiB may be written: the old file stays, nothing is left beside it. */
static void failed_write_keeps_the_old_file(void **state)
{
	(void)state;
	struct rlimit limit, small;
	struct sc_file_writer writer;
	struct sc_error error = {0};
	char block[1024] = {0};
	write_file("old");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(sc_file_writer_open(&writer, path, NULL), SC_OK);
	enum sc_status status = SC_OK;
	for (int i = 0; i < 64 && !status; i++)
		status = sc_file_write(&writer, block, sizeof(block), &error);
	if (status)
		sc_file_writer_abandon(&writer);
	else
		status = sc_file_writer_commit(&writer, &error);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(status, SC_ERROR_WRITE);
	assert_non_null(strstr(error.message, "File too large"));
	expect_content("old");
	assert_int_equal(files_in_folder(), 1);
}

static void impossible_targets_are_refused(void **state)
{
	(void)state;
	struct sc_file_writer writer;
	struct sc_error error = {0};
	char below[160];
	write_file("old");
	snprintf(below, sizeof(below), "%s/below", path);
	assert_int_equal(sc_file_writer_open(&writer, folder, &error), SC_ERROR_WRITE);
	assert_int_equal(sc_file_writer_open(&writer, below, &error), SC_ERROR_WRITE);
	sc_file_writer_abandon(&writer); /* nothing to do */
	assert_int_equal(sc_file_writer_open(&writer, "/nowhere/file", &error), SC_ERROR_WRITE);
	assert_non_null(strstr(error.message, "/nowhere/file"));
	assert_int_equal(sc_folder_make(below, &error), SC_ERROR_WRITE);
	assert_int_equal(files_in_folder(), 1);
}

static void only_files_are_opened(void **state)
{
	(void)state;
	FILE *stream;
	int64_t bytes;
	char pipe[160], *text;
	struct sc_error error = {0};
	snprintf(pipe, sizeof(pipe), "%s/pipe", folder);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(sc_file_open(&stream, &bytes, pipe, &error), SC_ERROR_READ); /* and does not wait for a writer */
	assert_non_null(strstr(error.message, "pipe"));
	assert_int_equal(sc_file_open(&stream, &bytes, folder, &error), SC_ERROR_READ);
	assert_int_equal(sc_file_open(&stream, &bytes, "/dev/null", &error), SC_ERROR_READ);
	assert_non_null(strstr(error.message, "expected a file, found a device"));
	assert_int_equal(sc_file_open(&stream, &bytes, "/nowhere", &error), SC_ERROR_NOT_FOUND);
	write_file("four");
	assert_int_equal(sc_file_read_text(&text, path, 3, &error), SC_ERROR_FORMAT); /* longer than allowed */
	unlink(pipe);
}

static void folders_are_made_all_the_way(void **state)
{
	(void)state;
	char deep[160];
	struct stat found;
	snprintf(deep, sizeof(deep), "%s/a/b//c/", folder);
	assert_int_equal(sc_folder_make(deep, NULL), SC_OK);
	assert_int_equal(sc_folder_make(deep, NULL), SC_OK);
	assert_int_equal(stat(deep, &found), 0);
	assert_true(S_ISDIR(found.st_mode));
}

/* What a killed writer has left goes, whatever else there is stays. */
static void only_temporary_files_are_cleaned_away(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool kept;
	} files[] = {
		{"a.tmp-1-0", false},    {"step.tmp-123-45", false}, {".tmp-1-0", true},  {"a.tmp-1", true},   {"a.tmp-1-", true},
		{"a.tmp-1-0.txt", true}, {"a.tmp--0", true},         {"a.tmp-x-0", true}, {"a.tmp-1x0", true}, {"a", true},
	};
	char under[160], file[224];
	snprintf(under, sizeof(under), "%s/left", folder);
	assert_int_equal(sc_folder_make(under, NULL), SC_OK);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(file, sizeof(file), "%s/%s", under, files[i].name);
			if (pass == 0)
				assert_int_equal(fclose(fopen(file, "w")), 0);
			else if ((access(file, F_OK) == 0) != files[i].kept)
				fail_msg("%s is %s", file, files[i].kept ? "gone" : "still there");
			if (pass == 0 && i + 1 == sizeof(files) / sizeof(files[0]))
				sc_folder_clean(under);
		}
}

static void every_name_stands_in_a_folder(void **state)
{
	(void)state;
	assert_int_equal(sc_folder_sync("/"), 0);
	assert_int_equal(sc_folder_sync("/tmp//"), 0);
	assert_int_equal(sc_folder_sync("name"), 0);
	assert_int_equal(sc_folder_sync(""), 0);
	assert_int_equal(sc_folder_sync("/nowhere/at/all"), ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_or_new),
		cmocka_unit_test(two_writers_do_not_meet),
		cmocka_unit_test(failed_write_keeps_the_old_file),
		cmocka_unit_test(impossible_targets_are_refused),
		cmocka_unit_test(only_files_are_opened),
		cmocka_unit_test(folders_are_made_all_the_way),
		cmocka_unit_test(only_temporary_files_are_cleaned_away),
		cmocka_unit_test(every_name_stands_in_a_folder),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
