/* hdf5.c - the data sets of an HDF5 file. (hdf5_write.c makes files; keras.c knows what the data sets are.)
 *
 * The file's first bytes are looked at here before libhdf5 sees them:
 *
 *     bytes 0-7     89 "HDF" 0d 0a 1a 0a
 *           8       version: 0 or 1, or 2 or 3
 *     version 0:    13, 14: bytes of an offset and of a length, both 8; 24: base address, 0; 40: end of the file; 48: address of a
 *                   driver's block, all ones
 *     version 1:    the same, with 4 bytes more before the base address
 *     version 2, 3: 9, 10: bytes of an offset and of a length; 12: base address; 20: address of an extension, all ones; 28: end of
 *                   the file
 *
 * The file must be as long as it says. What else it may hold libhdf5 is asked (hdf5_walk.c), in a process of its own, since some
 * files are the end of it (seen in 1.10.8). That process sends an error and a record for each data set. */
#include "io/hdf5.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/child.h"
#include "base/memory.h"
#include "io/bytes.h"
#include "io/file.h"
#include "io/hdf5_library.h"

#define START_BYTES 128
#define NOWHERE     UINT64_MAX

/* ---- The file's first bytes ----------------------------------------------------------------------------------------- */

static enum sc_status check_start(const uint8_t start[START_BYTES], int64_t bytes, const char *path, struct sc_error *error)
{
	static const struct {
		int offset_size, length_size, base, end, nowhere;
	} places[] = {{13, 14, 24, 40, 48}, {13, 14, 28, 44, 52}, {9, 10, 12, 28, 20}, {9, 10, 12, 28, 20}};
	const int version = start[8];
	if (bytes < START_BYTES || memcmp(start, SC_HDF5_MAGIC, 8) != 0)
		return sc_fail(error, SC_ERROR_FORMAT, path, 0, "%s: expected an HDF5 file, found another one or too few bytes",
			       path);
	if (version > 3)
		return sc_fail(error, SC_ERROR_UNSUPPORTED, path, 8, "%s: expected an HDF5 file of version 0 to 3, found %d", path,
			       version);
	if (start[places[version].offset_size] != 8 || start[places[version].length_size] != 8 ||
	    sc_load_le(start + places[version].base, 8) != 0 || sc_load_le(start + places[version].nowhere, 8) != NOWHERE)
		return sc_fail(error, SC_ERROR_UNSUPPORTED, path, 8,
			       "%s: expected an HDF5 file with 8-byte offsets, from its first byte on, without driver or extension",
			       path);
	const uint64_t end = sc_load_le(start + places[version].end, 8);
	if (end != (uint64_t)bytes)
		return sc_fail(error, SC_ERROR_FORMAT, path, places[version].end,
			       "%s: damaged HDF5 file: it declares %" PRIu64 " bytes and has %" PRId64, path, end, bytes);
	return SC_OK;
}

/* ---- The process that asks libhdf5 -------------------------------------------------------------------------------------- */

struct question {
	const char *path;
	const uint8_t *image;
	int64_t bytes;
};

struct verdict { /* its answer begins so */
	enum sc_status status;
	struct sc_error error;
	int64_t count; /* of records behind it */
};

struct record { /* and its name behind it */
	char dtype[8];
	int rank, name_length;
	int64_t shape[SC_ARRAY_MAX_RANK];
	int64_t bytes, begin;
};

/* In the other process. */
static void ask(const void *context, FILE *answer)
{
	const struct question *question = context;
	struct sc_arrays found = {.path = (char *)(uintptr_t)question->path};
	struct verdict verdict = {.status = SC_OK};
	verdict.status = sc_hdf5_walk(&found, question->image, question->bytes, &verdict.error);
	verdict.count = verdict.status ? 0 : found.count;
	fwrite(&verdict, sizeof verdict, 1, answer);
	for (int64_t i = 0; i < verdict.count; i++) {
		const struct sc_array *array = &found.arrays[i];
		struct record record = {
			.rank = array->rank, .name_length = (int)strlen(array->name), .bytes = array->bytes, .begin = array->begin};
		snprintf(record.dtype, sizeof record.dtype, "%s", array->dtype);
		memcpy(record.shape, array->shape, sizeof record.shape);
		fwrite(&record, sizeof record, 1, answer);
		fwrite(array->name, (size_t)record.name_length, 1, answer);
	}
}

struct answer {
	const uint8_t *at, *end;
	int64_t file_bytes;
	bool broken; /* it ended early, or is not what ask() writes */
};

static bool take(struct answer *answer, void *to, size_t bytes)
{
	if ((size_t)(answer->end - answer->at) < bytes)
		answer->broken = true;
	if (answer->broken)
		return false;
	if (bytes > 0)
		memcpy(to, answer->at, bytes);
	answer->at += bytes;
	return true;
}

static enum sc_status take_array(struct sc_arrays *arrays, struct answer *answer, struct sc_error *error)
{
	struct record record;
	if (!take(answer, &record, sizeof record))
		return SC_OK;
	if (record.name_length < 0 || record.name_length > answer->end - answer->at || record.rank < 0 ||
	    record.rank > SC_ARRAY_MAX_RANK || !memchr(record.dtype, '\0', sizeof record.dtype) || record.begin < 0 ||
	    record.bytes < 0 || record.begin > answer->file_bytes - record.bytes) {
		answer->broken = true;
		return SC_OK;
	}
	struct sc_array *array = &arrays->arrays[arrays->count];
	*array = (struct sc_array){
		.dtype = sc_dtype_find(record.dtype).name, .rank = record.rank, .bytes = record.bytes, .begin = record.begin};
	memcpy(array->shape, record.shape, sizeof array->shape);
	array->name = sc_allocate(record.name_length + 1, 1);
	if (!array->name)
		return sc_fail_memory(error, record.name_length + 1, arrays->path);
	arrays->count++;
	take(answer, array->name, (size_t)record.name_length);
	answer->broken |= !array->dtype;
	return SC_OK;
}

static enum sc_status take_arrays(struct sc_arrays *arrays, struct answer *answer, struct sc_error *error)
{
	struct verdict verdict;
	if (!take(answer, &verdict, sizeof verdict))
		return SC_OK;
	if (verdict.status) {
		if (error)
			*error = verdict.error;
		return verdict.status;
	}
	answer->broken = verdict.count < 0 || verdict.count > answer->end - answer->at;
	if (answer->broken)
		return SC_OK;
	arrays->arrays = sc_allocate(verdict.count, sizeof *arrays->arrays);
	if (!arrays->arrays)
		return sc_fail_memory(error, verdict.count * (int64_t)sizeof *arrays->arrays, arrays->path);
	enum sc_status status = SC_OK;
	for (int64_t i = 0; i < verdict.count && !status && !answer->broken; i++)
		status = take_array(arrays, answer, error);
	return status;
}

static enum sc_status list_file(struct sc_arrays *arrays, const uint8_t *image, int64_t bytes, struct sc_error *error)
{
	const struct question question = {arrays->path, image, bytes};
	struct sc_hdf5_turn turn;
	uint8_t *text = NULL;
	int64_t text_bytes = 0;
	sc_hdf5_begin(&turn); /* no other thread of ours is inside of libhdf5 when the process is copied */
	enum sc_status status = sc_child_run(ask, &question, &text, &text_bytes, arrays->path, error);
	sc_hdf5_end(&turn);
	if (status)
		return status;
	struct answer answer = {text, text + text_bytes, bytes, false};
	status = take_arrays(arrays, &answer, error);
	if (answer.broken)
		status = sc_fail(error, SC_ERROR_FORMAT, arrays->path, -1, "%s: damaged HDF5 file: libhdf5 did not survive it",
				 arrays->path);
	free(text);
	return status;
}

/* ---- The whole -------------------------------------------------------------------------------------------------------------- */

static int by_begin(const void *a, const void *b)
{
	const struct sc_array *x = a, *y = b;
	return (x->begin > y->begin) - (x->begin < y->begin);
}

static enum sc_status check_overlaps(struct sc_arrays *arrays, struct sc_error *error)
{
	int64_t end = 0;
	qsort(arrays->arrays, (size_t)arrays->count, sizeof *arrays->arrays, by_begin);
	for (int64_t i = 0; i < arrays->count; i++) {
		const struct sc_array *array = &arrays->arrays[i];
		if (array->bytes > 0 && array->begin < end)
			return sc_fail(error, SC_ERROR_FORMAT, array->name, array->begin,
				       "%s: '%.200s': its numbers lie on those of another data set", arrays->path, array->name);
		if (array->bytes > 0)
			end = array->begin + array->bytes;
	}
	return sc_arrays_sort(arrays, error);
}

static enum sc_status read_start(uint8_t start[START_BYTES], const char *path, struct sc_error *error)
{
	FILE *stream;
	int64_t bytes;
	enum sc_status status = sc_file_open(&stream, &bytes, path, error);
	if (status)
		return status;
	status = sc_file_read_at(stream, path, 0, start, bytes < START_BYTES ? bytes : START_BYTES, error);
	fclose(stream);
	return status;
}

enum sc_status sc_hdf5_list(struct sc_arrays *arrays, const uint8_t *image, int64_t bytes, struct sc_error *error)
{
	uint8_t start[START_BYTES] = {0};
	enum sc_status status = SC_OK;
	if (image)
		memcpy(start, image, (size_t)(bytes < START_BYTES ? bytes : START_BYTES));
	else
		status = read_start(start, arrays->path, error);
	if (!status)
		status = check_start(start, bytes, arrays->path, error);
	if (!status)
		status = list_file(arrays, image, bytes, error);
	return status ? status : check_overlaps(arrays, error);
}
