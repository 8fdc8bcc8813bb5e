/* archives.h - archives of any entries, and what is wrong with them as a reader of named arrays says it. */
#ifndef SC_TESTS_IO_ARCHIVES_H
#define SC_TESTS_IO_ARCHIVES_H

#include <string.h>

#include "io/arrays.h"
#include "io/zip.h"
#include "temporary.h"

struct entry {
	const char *name;
	const void *bytes;
	size_t count;
};

static inline void write_archive(const struct entry *entries, size_t count)
{
	struct sc_file_writer file;
	struct sc_zip_writer writer;
	assert_int_equal(sc_file_writer_open(&file, path, NULL), SC_OK);
	sc_zip_writer_init(&writer, &file);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(sc_zip_writer_begin(&writer, entries[i].name, NULL), SC_OK);
		assert_int_equal(sc_zip_writer_write(&writer, entries[i].bytes, (int64_t)entries[i].count, NULL), SC_OK);
		assert_int_equal(sc_zip_writer_end(&writer, NULL), SC_OK);
	}
	assert_int_equal(sc_zip_writer_finish(&writer, NULL), SC_OK);
	sc_zip_writer_release(&writer);
	assert_int_equal(sc_file_writer_commit(&file, NULL), SC_OK);
}

/* The file at `path` is refused with a message that has these words in it, and the file's name. `what`: the case, for us. */
static inline void check_refused(const char *what, enum sc_status expected, const char *message, const char *name)
{
	struct sc_arrays arrays = {0};
	struct sc_error error = {0};
	enum sc_status status = sc_arrays_open(&arrays, path, &error);
	if (status != expected || !strstr(error.message, message) || !strstr(error.message, name) || !strstr(error.message, path))
		fail_msg("%s: status %d, '%s', expected '... %s ... %s ...'", what, status, error.message, name, message);
	assert_null(arrays.arrays); /* what the caller had is untouched */
}

#endif
