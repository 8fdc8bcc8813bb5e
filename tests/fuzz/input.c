/* input.c - see input.h. */
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "io/zip.h"
#include "temporary.h"

#define REQUIRE(condition) ((condition) ? (void)0 : broken(#condition))

/* The fuzzer, or the sanitizer under it, keeps the input of an abort. */
static _Noreturn void broken(const char *condition)
{
	fprintf(stderr, "expected: %s\n", condition);
	abort();
}

/* ---- Files ---------------------------------------------------------------------------------------------------------- */

static void remove_at_exit(void)
{
	remove_folder(NULL);
}

const char *fuzz_folder(void)
{
	static bool made;
	if (!made) {
		REQUIRE(make_folder(NULL) == 0 && atexit(remove_at_exit) == 0);
		made = true;
	}
	return folder;
}

const char *fuzz_file(const char *name, const uint8_t *bytes, size_t count)
{
	static char full[256];
	snprintf(full, sizeof(full), "%s/%s", fuzz_folder(), name);
	FILE *stream = fopen(full, "wb");
	REQUIRE(stream && fwrite(bytes, 1, count, stream) == count && fclose(stream) == 0);
	return full;
}

const char *fuzz_archive(const struct fuzz_entry *entries, size_t count)
{
	struct sc_file_writer file;
	struct sc_zip_writer writer;
	fuzz_folder();
	REQUIRE(sc_file_writer_open(&file, path, NULL) == SC_OK);
	sc_zip_writer_init(&writer, &file);
	for (size_t i = 0; i < count; i++) {
		REQUIRE(sc_zip_writer_begin(&writer, entries[i].name, NULL) == SC_OK);
		REQUIRE(sc_zip_writer_write(&writer, entries[i].bytes, (int64_t)entries[i].count, NULL) == SC_OK);
		REQUIRE(sc_zip_writer_end(&writer, NULL) == SC_OK);
	}
	REQUIRE(sc_zip_writer_finish(&writer, NULL) == SC_OK);
	sc_zip_writer_release(&writer);
	REQUIRE(sc_file_writer_commit(&file, NULL) == SC_OK);
	return path;
}

/* ---- Promises ------------------------------------------------------------------------------------------------------- */

enum sc_status fuzz_check(enum sc_status status, const struct sc_error *error, const char *subject)
{
	if (status == SC_OK)
		return status;
	REQUIRE(strcmp(sc_status_name(status), sc_status_name(error->status)) == 0);
	REQUIRE(error->message[0] != '\0' && memchr(error->message, '\0', sizeof(error->message)));
	REQUIRE(strchr(error->message, '\n') == NULL);
	if (status != SC_ERROR_MEMORY && subject && !strstr(error->message, subject)) {
		fprintf(stderr, "expected '%s' in: %s\n", subject, error->message);
		abort();
	}
	return status;
}

static void read_numbers(struct sc_arrays *arrays, const struct sc_array *array)
{
	enum { PIECE = 4096 };
	uint8_t piece[PIECE];
	struct sc_error error = {0};
	enum sc_status status = SC_OK;
	int64_t bytes = sc_dtype_find(array->dtype).bytes;
	REQUIRE(array->rank >= 0 && array->rank <= SC_ARRAY_MAX_RANK);
	for (int i = 0; i < array->rank; i++)
		REQUIRE(sc_multiply(bytes, array->shape[i], &bytes));
	REQUIRE(bytes == array->bytes);
	for (int64_t done = 0; done < bytes && !status; done += PIECE) {
		int64_t count = bytes - done < PIECE ? bytes - done : PIECE;
		status = fuzz_check(sc_arrays_read(arrays, array, done, piece, count, &error), &error, arrays->path);
	}
}

static enum sc_status open_with(const struct sc_array_reader *reader, struct sc_arrays *arrays, const char *from,
				struct sc_error *error)
{
	if (!reader)
		return sc_arrays_open(arrays, from, error);
	*arrays = (struct sc_arrays){.reader = reader, .path = sc_copy_string(from)};
	enum sc_status status = reader->open(arrays, error);
	if (status)
		sc_arrays_close(arrays);
	return status;
}

int fuzz_arrays(const struct sc_array_reader *reader, const char *from)
{
	struct sc_arrays arrays;
	struct sc_error error = {0};
	if (fuzz_check(open_with(reader, &arrays, from, &error), &error, from) != SC_OK)
		return 0;
	for (int64_t i = 0; i < arrays.count; i++)
		read_numbers(&arrays, &arrays.arrays[i]);
	sc_arrays_close(&arrays);
	return 0;
}
