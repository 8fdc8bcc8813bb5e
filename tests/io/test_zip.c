/* test_zip.c - archives: what is written is read, and each number of the format that may lie is made to lie. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "io/bytes.h"
#include "io/zip.h"
#include "temporary.h"

static const char first_text[] = "the first entry", second_text[] = "and the second";

static void write_archive(void)
{
	struct sc_file_writer file;
	struct sc_zip_writer writer;
	assert_int_equal(sc_file_writer_open(&file, path, NULL), SC_OK);
	sc_zip_writer_init(&writer, &file);
	assert_int_equal(sc_zip_writer_begin(&writer, "folder/first", NULL), SC_OK);
	assert_int_equal(sc_zip_writer_write(&writer, first_text, 4, NULL), SC_OK);
	assert_int_equal(sc_zip_writer_write(&writer, first_text + 4, sizeof(first_text) - 4, NULL), SC_OK);
	assert_int_equal(sc_zip_writer_end(&writer, NULL), SC_OK);
	assert_int_equal(sc_zip_writer_begin(&writer, "a second", NULL), SC_OK);
	assert_int_equal(sc_zip_writer_write(&writer, second_text, sizeof(second_text), NULL), SC_OK);
	assert_int_equal(sc_zip_writer_end(&writer, NULL), SC_OK);
	assert_int_equal(sc_zip_writer_finish(&writer, NULL), SC_OK);
	sc_zip_writer_release(&writer);
	assert_int_equal(sc_file_writer_commit(&file, NULL), SC_OK);
}

static uint8_t *read_file(int64_t *count)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(1 << 16);
	assert_true(f && bytes);
	*count = (int64_t)fread(bytes, 1, 1 << 16, f);
	fclose(f);
	return bytes;
}

static void write_file(const uint8_t *bytes, int64_t count)
{
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, (size_t)count, f), count);
	assert_int_equal(fclose(f), 0);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	struct sc_zip zip;
	uint8_t *text;
	char part[5] = {0};
	write_archive();
	assert_int_equal(sc_zip_open(&zip, path, NULL), SC_OK);
	assert_int_equal(zip.count, 2);
	assert_string_equal(zip.entries[0].name, "a second"); /* by name */
	const struct sc_zip_entry *first = sc_zip_find(&zip, "folder/first");
	assert_non_null(first);
	assert_int_equal(first->begin % 64, 0);
	assert_int_equal(sc_zip_read_whole(&zip, first, 100, &text, NULL), SC_OK);
	assert_string_equal((char *)text, first_text);
	free(text);
	assert_int_equal(sc_zip_read(&zip, first, 4, part, 4, NULL), SC_OK);
	assert_string_equal(part, "firs");
	static const int64_t outside[][2] = {{13, 4}, {0, 17}, {-1, 4}, {0, -1}, {INT64_MAX, 1}}; /* offset, count */
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		assert_int_equal(sc_zip_read(&zip, first, outside[i][0], part, outside[i][1], NULL), SC_ERROR_ARGUMENT);
	assert_int_equal(sc_zip_read_whole(&zip, first, 15, &text, NULL), SC_ERROR_FORMAT);
	assert_null(sc_zip_find(&zip, "first"));
	sc_zip_close(&zip);
}

/* Opens the archive and checks every entry; the message of what was found wrong. */
static enum sc_status open_and_check(struct sc_error *error)
{
	struct sc_zip zip;
	enum sc_status status = sc_zip_open(&zip, path, error);
	if (status)
		return status;
	for (int64_t i = 0; i < zip.count && !status; i++)
		status = sc_zip_check(&zip, &zip.entries[i], error);
	sc_zip_close(&zip);
	return status;
}

enum place { LOCAL, DIRECTORY, DIRECTORY_OF_SECOND, END };

static int64_t find(const uint8_t *bytes, int64_t count, enum place place)
{
	const char *magic = place == LOCAL ? "PK\3\4" : place == END ? "PK\5\6" : "PK\1\2";
	int skip = place == DIRECTORY_OF_SECOND;
	for (int64_t i = 0; i + 4 <= count; i++)
		if (memcmp(bytes + i, magic, 4) == 0 && skip-- == 0)
			return i;
	fail_msg("no such place");
	return 0;
}

static void every_lie_is_found(void **state)
{
	(void)state;
	static const struct {
		enum place place;
		int offset, bytes;
		uint64_t value;
		const char *message;
	} lies[] = {
		{END, 4, 2, 1, "several files"},
		{END, 8, 2, 1, "several files"},
		{END, 10, 2, 1, "several files"},
		{END, 8, 4, 0x00030003, "more entries than its directory can hold"},
		{END, 8, 4, 0x00010001, "more than the entries it declares"},
		{END, 12, 4, 0x7fffffff, "end record"},
		{END, 12, 4, 0xffffffff, "end record"},
		{END, 16, 4, 0, "end record"},
		{END, 16, 4, 0xffffffff, "end record"},
		{END, 20, 2, 1, "no end record"},
		{DIRECTORY, 0, 4, 0, "makes no sense"},
		{DIRECTORY, 8, 2, 1, "encrypted"},
		{DIRECTORY, 8, 2, 0x40, "encrypted"},
		{DIRECTORY, 10, 2, 12, "another method"},
		{DIRECTORY, 10, 2, 8, "do not agree"},
		{DIRECTORY, 16, 4, 1, "do not agree"},
		{DIRECTORY, 20, 4, 1, "two sizes differ"},
		{DIRECTORY, 20, 8, 0x7fffffff7fffffff, "leaves the file"},
		{DIRECTORY, 20, 8, 0x0000000f0000000f, "do not agree"},
		{DIRECTORY, 20, 4, 0xffffffff, "makes no sense"}, /* no extra part with the large number */
		{DIRECTORY, 28, 2, 0, "makes no sense"},
		{DIRECTORY, 28, 2, 0xffff, "makes no sense"},
		{DIRECTORY, 30, 2, 0xffff, "makes no sense"},
		{DIRECTORY, 32, 2, 0xffff, "makes no sense"},
		{DIRECTORY, 32, 2, 20, "makes no sense"}, /* a comment that is the beginning of the second */
		{DIRECTORY, 42, 4, 0x7fffffff, "outside"},
		{DIRECTORY, 42, 4, 4, "no such entry"},
		{DIRECTORY, 46, 1, 'F', "do not agree"},
		{DIRECTORY, 46, 1, 0, "makes no sense"},
		{DIRECTORY_OF_SECOND, 42, 4, 0, "no such entry"},
		{LOCAL, 6, 2, 1, "do not agree"},
		{LOCAL, 8, 2, 8, "do not agree"},
		{LOCAL, 14, 4, 7, "do not agree"},
		{LOCAL, 18, 4, 7, "do not agree"},
		{LOCAL, 22, 4, 7, "do not agree"},
		{LOCAL, 26, 2, 7, "no such entry"},
		{LOCAL, 28, 2, 0xffff, "leaves the file"},
		{LOCAL, 64, 1, 'T', "checksum"}, /* the content */
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct sc_error error = {0};
		int64_t count;
		write_archive();
		uint8_t *bytes = read_file(&count);
		sc_store_le(bytes + find(bytes, count, lies[i].place) + lies[i].offset, lies[i].value, lies[i].bytes);
		write_file(bytes, count);
		free(bytes);
		if (open_and_check(&error) != SC_ERROR_FORMAT || !strstr(error.message, lies[i].message) ||
		    !strstr(error.message, path))
			fail_msg("lie %zu: '%s', expected '... %s ...'", i, error.message, lies[i].message);
	}
}

/* ---- Large numbers -------------------------------------------------------------------------------------------------------- */

/* The archive with the larger end record (at count - 98), its locator (at count - 42) and the small one (at count - 22). */
static uint8_t *read_with_large_end(int64_t *count)
{
	write_archive();
	uint8_t *bytes = read_file(count);
	int64_t end = *count - 22;
	uint64_t entries = sc_load_le(bytes + end + 10, 2), size = sc_load_le(bytes + end + 12, 4),
		 begin = sc_load_le(bytes + end + 16, 4);
	memmove(bytes + end + 76, bytes + end, 22);
	memset(bytes + end, 0, 76);
	memcpy(bytes + end, "PK\6\6", 4);
	sc_store_le(bytes + end + 24, entries, 8);
	sc_store_le(bytes + end + 32, entries, 8);
	sc_store_le(bytes + end + 40, size, 8);
	sc_store_le(bytes + end + 48, begin, 8);
	memcpy(bytes + end + 56, "PK\6\7", 4);
	sc_store_le(bytes + end + 56 + 8, (uint64_t)end, 8);
	*count += 76;
	return bytes;
}

static void every_lie_of_the_larger_end_record_is_found(void **state)
{
	(void)state;
	enum { LARGE = -98, LOCATOR = -42, SMALL = -22 };
	static const struct {
		int place, bytes;
		uint64_t value;
		int small; /* a number of the small record that is then ffff..., 0: none */
		const char *message; /* NULL: it does not matter */
	} lies[] = {
		{LARGE, 1, 'P', 0, NULL},
		{LARGE, 1, 'p', 0, "its ZIP64 record makes no sense"},
		{LARGE + 24, 8, 1, 0, "its ZIP64 record makes no sense"},
		{LARGE + 32, 8, 1, 0, "its ZIP64 record makes no sense"},
		{LARGE + 40, 8, 1, 0, "its ZIP64 record makes no sense"},
		{LARGE + 48, 8, 1, 0, "its ZIP64 record makes no sense"},
		{LARGE + 40, 8, INT64_MAX, SMALL + 12, "right before its end record"},
		{LARGE + 40, 8, UINT64_MAX, SMALL + 12, "its ZIP64 record makes no sense"},
		{LARGE + 48, 8, UINT64_MAX, SMALL + 16, "its ZIP64 record makes no sense"},
		{LOCATOR, 1, 'p', 0, "right before its end record"}, /* there is no larger record, then */
		{LOCATOR + 8, 8, UINT64_MAX, 0, "its ZIP64 record lies outside of the file"},
		{LOCATOR + 8, 8, 0, 0, "its ZIP64 record makes no sense"},
	};
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct sc_error error = {0};
		int64_t count;
		uint8_t *bytes = read_with_large_end(&count);
		sc_store_le(bytes + count + lies[i].place, lies[i].value, lies[i].bytes);
		if (lies[i].small)
			sc_store_le(bytes + count + lies[i].small, UINT64_MAX, 4);
		write_file(bytes, count);
		free(bytes);
		enum sc_status status = open_and_check(&error);
		if (lies[i].message ? status != SC_ERROR_FORMAT || !strstr(error.message, lies[i].message) : status != SC_OK)
			fail_msg("lie %zu: '%s', expected '... %s ...'", i, error.message, lies[i].message);
	}
}

/* Both of the larger record's numbers of entries lie, and say the same: beyond all, which the small one has no room for; one. */
static void a_number_of_entries_that_cannot_be_is_refused(void **state)
{
	(void)state;
	static const struct {
		uint64_t large, small;
	} cases[] = {{UINT64_MAX, 0xffff}, {1, 2}};
	for (int i = 0; i < 2; i++) {
		struct sc_error error = {0};
		int64_t count;
		uint8_t *bytes = read_with_large_end(&count);
		sc_store_le(bytes + count - 98 + 24, cases[i].large, 8);
		sc_store_le(bytes + count - 98 + 32, cases[i].large, 8);
		sc_store_le(bytes + count - 22 + 8, cases[i].small << 16 | cases[i].small, 4);
		write_file(bytes, count);
		free(bytes);
		assert_int_equal(open_and_check(&error), SC_ERROR_FORMAT);
		assert_non_null(strstr(error.message, "its ZIP64 record makes no sense"));
	}
}

/* The archive's first entry gets these extra parts in the directory, and sizes that are to be looked for in them. */
static void extra_parts_are_read_or_refused(void **state)
{
	(void)state;
	static const struct {
		const char *extra;
		int bytes;
		bool good;
	} cases[] = {
		{"\1\0\x10\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0", 20, true},
		{"ab\1\0x\1\0\x10\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0", 25, true}, /* behind another part */
		{"\1\0\x10\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0abc", 23, true},      /* too short for a part */
		{"\1\0\x08\0\x10\0\0\0\0\0\0\0", 12, false},                             /* one number of two */
		{"\1\0\x11\0\x10\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0", 20, false},          /* longer than what is there */
		{"ab\0\0", 4, false},
		{"\1\0\x10\0\xff\xff\xff\xff\xff\xff\xff\xff\x10\0\0\0\0\0\0\0", 20, false}, /* more than 2^63 */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_error error = {0};
		int64_t count;
		const int extra = cases[i].bytes;
		write_archive();
		uint8_t *bytes = read_file(&count);
		uint8_t *entry = bytes + find(bytes, count, DIRECTORY), *end = entry + 46 + 12;
		memmove(end + extra, end, (size_t)(bytes + count - end));
		memcpy(end, cases[i].extra, (size_t)extra);
		count += extra;
		sc_store_le(entry + 20, UINT64_MAX, 8);
		sc_store_le(entry + 30, (uint64_t)extra, 2);
		uint8_t *size = bytes + count - 22 + 12;
		sc_store_le(size, sc_load_le(size, 4) + (uint64_t)extra, 4);
		write_file(bytes, count);
		free(bytes);
		enum sc_status status = open_and_check(&error);
		if (cases[i].good ? status != SC_OK : status != SC_ERROR_FORMAT || !strstr(error.message, "makes no sense"))
			fail_msg("case %zu: '%s'", i, error.message);
	}
}

/* A file of 300 MB, all but its end a hole. */
static void a_directory_beyond_all_is_refused(void **state)
{
	(void)state;
	static const uint8_t end[22] = {'P', 'K', 5, 6, [8] = 1, [10] = 1, [15] = 0x12};
	struct sc_error error = {0};
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fseeko(f, 0x12000000, SEEK_SET), 0);
	assert_int_equal(fwrite(end, 1, sizeof(end), f), sizeof(end));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(open_and_check(&error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "more entries than its directory can hold"));
}

static void an_empty_archive_is_read(void **state)
{
	(void)state;
	static const uint8_t end[22] = {'P', 'K', 5, 6};
	struct sc_zip zip;
	write_file(end, sizeof(end));
	assert_int_equal(sc_zip_open(&zip, path, NULL), SC_OK);
	assert_int_equal(zip.count, 0);
	assert_null(sc_zip_find(&zip, "anything"));
	sc_zip_close(&zip);
}

/* ---- The whole of it --------------------------------------------------------------------------------------------------------- */

/* The second entry's place in the directory is made that of the first, with its name and sizes: a bomb's way. */
static void overlaps_and_repeated_names_are_refused(void **state)
{
	(void)state;
	struct sc_error error = {0};
	int64_t count;
	write_archive();
	uint8_t *bytes = read_file(&count), *grown = malloc((size_t)count + 100);
	assert_non_null(grown);
	int64_t first = find(bytes, count, DIRECTORY), end = find(bytes, count, END), length = 46 + 12;
	memcpy(grown, bytes, (size_t)(first + length)); /* first, first, and the end */
	memcpy(grown + first + length, bytes + first, (size_t)length);
	memcpy(grown + first + 2 * length, bytes + end, 22);
	sc_store_le(grown + first + 2 * length + 12, (uint64_t)(2 * length), 4);
	write_file(grown, first + 2 * length + 22);
	assert_int_equal(open_and_check(&error), SC_ERROR_FORMAT);
	assert_non_null(strstr(error.message, "overlaps"));
	free(bytes);
	free(grown);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	int64_t count;
	write_archive();
	uint8_t *bytes = read_file(&count);
	for (int64_t kept = 0; kept < count; kept++) {
		write_file(bytes, kept);
		if (open_and_check(NULL) != SC_ERROR_FORMAT)
			fail_msg("%lld bytes: accepted", (long long)kept);
	}
	bytes[count] = 0; /* and one byte more */
	write_file(bytes, count + 1);
	assert_int_equal(open_and_check(NULL), SC_ERROR_FORMAT);
	free(bytes);
}

/* An archive of one deflated entry of `count` bytes, which says that it has `declared`. */
static void write_deflated(const uint8_t *content, size_t count, uint64_t declared, size_t extra)
{
	uint8_t file[4096] = "PK\3\4", packed[2048];
	z_stream z = {0};
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (uint8_t *)(uintptr_t)content;
	z.avail_in = (uInt)count;
	z.next_out = packed;
	z.avail_out = sizeof(packed);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	uint64_t size = z.total_out + extra, checksum = crc32(0, content, (uInt)count);
	deflateEnd(&z);
	memset(packed + size - extra, 0, extra);
	sc_store_le(file + 8, 8, 2);
	sc_store_le(file + 14, checksum, 4);
	sc_store_le(file + 18, size, 4);
	sc_store_le(file + 22, declared, 4);
	sc_store_le(file + 26, 1, 2);
	file[30] = 'x';
	memcpy(file + 31, packed, size);
	uint8_t *directory = file + 31 + size;
	memcpy(directory, "PK\1\2", 4);
	memcpy(directory + 10, file + 8, 20);
	directory[46] = 'x';
	memcpy(directory + 47, "PK\5\6", 4);
	sc_store_le(directory + 47 + 8, 1, 2);
	sc_store_le(directory + 47 + 10, 1, 2);
	sc_store_le(directory + 47 + 12, 47, 4);
	sc_store_le(directory + 47 + 16, 31 + size, 4);
	write_file(file, (int64_t)(31 + size + 47 + 22));
}

static void deflated_entries_are_read_and_checked(void **state)
{
	(void)state;
	static uint8_t content[100000];
	static const struct {
		uint64_t declared;
		size_t extra;
		const char *message;
	} cases[] = {
		{99999, 0, "more than it declares"},
		{100001, 0, "less than it declares"},
		{100000, 3, "follows its packed bytes"},
		{0x7fffffff, 0, "can hold"},
	};
	struct sc_zip zip;
	uint8_t bytes[1000];
	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i / 512);
	write_deflated(content, sizeof(content), sizeof(content), 0);
	assert_int_equal(sc_zip_open(&zip, path, NULL), SC_OK);
	assert_int_equal(sc_zip_check(&zip, &zip.entries[0], NULL), SC_OK);
	static const int64_t places[] = {0, 1000, 50000, 99000, 7}; /* forwards, and back */
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		assert_int_equal(sc_zip_read(&zip, &zip.entries[0], places[i], bytes, sizeof(bytes), NULL), SC_OK);
		assert_memory_equal(bytes, content + places[i], sizeof(bytes));
	}
	sc_zip_close(&zip);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sc_error error = {0};
		write_deflated(content, sizeof(content), cases[i].declared, cases[i].extra);
		if (open_and_check(&error) != SC_ERROR_FORMAT || !strstr(error.message, cases[i].message))
			fail_msg("case %zu: '%s'", i, error.message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(every_lie_is_found),
		cmocka_unit_test(every_lie_of_the_larger_end_record_is_found),
		cmocka_unit_test(a_number_of_entries_that_cannot_be_is_refused),
		cmocka_unit_test(extra_parts_are_read_or_refused),
		cmocka_unit_test(a_directory_beyond_all_is_refused),
		cmocka_unit_test(an_empty_archive_is_read),
		cmocka_unit_test(overlaps_and_repeated_names_are_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(deflated_entries_are_read_and_checked),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
