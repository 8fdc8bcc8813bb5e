/* safetensors.c - the safetensors format: reading. (safetensors_write.c writes.)
 *
 *     bytes 0-7     length n of the header, little-endian 64 bits, at most 100,000,000
 *     n bytes       the header: a JSON object, beginning with '{', filled up at its end with spaces
 *     then          the buffer: the tensors' numbers, little-endian, rows first
 *
 * The header has an entry for each tensor, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, positions
 * counted from the start of the buffer, and may have "__metadata__", an object of strings. Tensors cover the buffer exactly: no
 * hole, no overlap, nothing left over. Everything is checked before a tensor is read. */
#include "io/safetensors.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/json.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the files are little-endian, and so must the machine be"
#endif

#define LONGEST_HEADER 100000000

/* ---- Header ------------------------------------------------------------------------------------------------------- */

static enum sc_status bad_tensor(const char *path, const char *name, struct sc_error *error, const char *expected)
{
	return sc_fail(error, SC_ERROR_FORMAT, path, 8, "%s: tensor '%.120s': expected %s", path, name, expected);
}

/* A JSON integer that is not negative. */
static bool whole_number(const json_t *value, int64_t *number)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*number = json_integer_value(value);
	return true;
}

static enum sc_status read_dtype(struct sc_array *t, const json_t *dtype, const char *path, struct sc_error *error)
{
	if (!json_is_string(dtype))
		return bad_tensor(path, t->name, error, "\"dtype\" to be a string");
	const struct sc_dtype known = sc_dtype_find(json_string_value(dtype));
	if (known.name) {
		t->dtype = known.name;
		t->bytes = known.bytes;
		return SC_OK;
	}
	return sc_fail(error, SC_ERROR_FORMAT, path, 8, "%s: tensor '%.120s': unknown dtype '%.40s'", path, t->name,
		       json_string_value(dtype));
}

/* t->bytes: of one number before, of all of them after. */
static enum sc_status read_shape(struct sc_array *t, const json_t *shape, const char *path, struct sc_error *error)
{
	if (!json_is_array(shape))
		return bad_tensor(path, t->name, error, "\"shape\" to be a list");
	if (json_array_size(shape) > SC_ARRAY_MAX_RANK)
		return sc_fail(error, SC_ERROR_FORMAT, path, 8, "%s: tensor '%.120s': expected at most %d dimensions, found %zu",
			       path, t->name, SC_ARRAY_MAX_RANK, json_array_size(shape));
	t->rank = (int)json_array_size(shape);
	for (int i = 0; i < t->rank; i++)
		if (!whole_number(json_array_get(shape, (size_t)i), &t->shape[i]) || !sc_multiply(t->bytes, t->shape[i], &t->bytes))
			return bad_tensor(path, t->name, error, "a shape of whole numbers that makes less than 2^63 bytes");
	return SC_OK;
}

static enum sc_status read_offsets(struct sc_array *t, const json_t *offsets, const char *path, int64_t buffer,
				   struct sc_error *error)
{
	int64_t end;
	if (!json_is_array(offsets) || json_array_size(offsets) != 2 || !whole_number(json_array_get(offsets, 0), &t->begin) ||
	    !whole_number(json_array_get(offsets, 1), &end))
		return bad_tensor(path, t->name, error, "\"data_offsets\" to be two whole numbers");
	if (t->begin > end || end > buffer)
		return sc_fail(error, SC_ERROR_FORMAT, path, 8,
			       "%s: tensor '%.120s': expected data_offsets inside the file's buffer of %" PRId64
			       " bytes, found [%" PRId64 ", %" PRId64 "]",
			       path, t->name, buffer, t->begin, end);
	if (end - t->begin != t->bytes)
		return sc_fail(error, SC_ERROR_FORMAT, path, 8,
			       "%s: tensor '%.120s': its shape needs %" PRId64 " bytes, its data_offsets give %" PRId64, path,
			       t->name, t->bytes, end - t->begin);
	return SC_OK;
}

static enum sc_status read_tensor(struct sc_array *t, const json_t *entry, const char *path, int64_t buffer, struct sc_error *error)
{
	const json_t *dtype = json_object_get(entry, "dtype"), *shape = json_object_get(entry, "shape");
	const json_t *offsets = json_object_get(entry, "data_offsets");
	if (!dtype || !shape || !offsets || json_object_size(entry) != 3)
		return bad_tensor(path, t->name, error, "\"dtype\", \"shape\" and \"data_offsets\", and nothing else");
	enum sc_status status = read_dtype(t, dtype, path, error);
	if (!status)
		status = read_shape(t, shape, path, error);
	if (!status)
		status = read_offsets(t, offsets, path, buffer, error);
	return status;
}

static enum sc_status read_metadata(struct sc_safetensors *file, json_t *metadata, struct sc_error *error)
{
	const char *key;
	json_t *value;
	if (!json_is_object(metadata))
		return sc_fail(error, SC_ERROR_FORMAT, file->path, 8, "%s: expected __metadata__ to be an object of strings",
			       file->path);
	const int64_t texts = 2 * (int64_t)json_object_size(metadata);
	file->metadata = sc_allocate(texts, sizeof(char *));
	if (!file->metadata)
		return sc_fail_memory(error, texts * (int64_t)sizeof(char *), file->path);
	json_object_foreach(metadata, key, value)
	{
		if (!json_is_string(value))
			return sc_fail(error, SC_ERROR_FORMAT, file->path, 8,
				       "%s: expected __metadata__ to hold strings, but '%.120s' is none", file->path, key);
		char **pair = &file->metadata[2 * file->metadata_count++];
		pair[0] = sc_copy_string(key);
		pair[1] = sc_copy_string(json_string_value(value));
		if (!pair[0] || !pair[1])
			return sc_fail_memory(error, (int64_t)json_string_length(value), file->path);
	}
	return SC_OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sc_array *)a)->name, ((const struct sc_array *)b)->name);
}

static int by_begin(const void *a, const void *b)
{
	const struct sc_array *x = a, *y = b;
	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	return (x->bytes > y->bytes) - (x->bytes < y->bytes); /* empty tensors before the one that begins where they lie */
}

/* Sorted by position, the tensors must follow each other from 0 to the end. Then they are sorted by name. */
static enum sc_status check_cover(struct sc_safetensors *file, int64_t buffer, struct sc_error *error)
{
	int64_t position = 0;
	qsort(file->tensors, (size_t)file->tensor_count, sizeof *file->tensors, by_begin);
	for (int64_t i = 0; i < file->tensor_count; i++) {
		const struct sc_array *t = &file->tensors[i];
		if (t->begin != position)
			return sc_fail(error, SC_ERROR_FORMAT, file->path, 8,
				       "%s: tensor '%.120s': expected to begin at %lld of the buffer, found %lld (%s)", file->path,
				       t->name, (long long)position, (long long)t->begin,
				       t->begin < position ? "an overlap" : "a hole");
		position += t->bytes;
	}
	if (position != buffer)
		return sc_fail(error, SC_ERROR_FORMAT, file->path, 8, "%s: its tensors need a buffer of %lld bytes, found %lld",
			       file->path, (long long)position, (long long)buffer);
	qsort(file->tensors, (size_t)file->tensor_count, sizeof *file->tensors, by_name);
	return SC_OK;
}

static enum sc_status read_entries(struct sc_safetensors *file, json_t *header, int64_t header_end, int64_t buffer,
				   struct sc_error *error)
{
	const char *name;
	json_t *entry;
	enum sc_status status = SC_OK;
	const int64_t entries = (int64_t)json_object_size(header);
	file->tensors = sc_allocate(entries, sizeof *file->tensors);
	if (!file->tensors)
		return sc_fail_memory(error, entries * (int64_t)sizeof *file->tensors, file->path);
	json_object_foreach(header, name, entry)
	{
		if (strcmp(name, "__metadata__") == 0) {
			status = read_metadata(file, entry, error);
		} else {
			struct sc_array *t = &file->tensors[file->tensor_count++];
			t->name = sc_copy_string(name);
			status = t->name ? read_tensor(t, entry, file->path, buffer, error)
					 : sc_fail_memory(error, (int64_t)strlen(name), file->path);
		}
		if (status)
			return status;
	}
	status = check_cover(file, buffer, error);
	for (int64_t i = 0; i < file->tensor_count; i++)
		file->tensors[i].begin += header_end; /* from now on a position in the file */
	return status;
}

static enum sc_status parse_header(struct sc_safetensors *file, const char *text, int64_t length, int64_t buffer,
				   struct sc_error *error)
{
	if (length == 0 || text[0] != '{') /* jansson would let space come first */
		return sc_fail(error, SC_ERROR_FORMAT, file->path, 8, "%s: expected its header to begin with '{'", file->path);
	json_error_t reason;
	enum sc_status status;
	json_t *header = sc_json_parse(text, length, file->path, &reason, &status, error);
	if (status == SC_ERROR_MEMORY)
		return status;
	if (!header)
		return sc_fail(error, SC_ERROR_FORMAT, file->path, 8 + reason.position,
			       "%s: its header is not valid JSON at byte %d: %s", file->path, 8 + reason.position, reason.text);
	status = read_entries(file, header, 8 + length, buffer, error);
	json_decref(header);
	return status;
}

static enum sc_status read_header(struct sc_safetensors *file, int64_t file_bytes, struct sc_error *error)
{
	uint64_t length;
	if (file_bytes < (int64_t)sizeof length)
		return sc_fail(error, SC_ERROR_FORMAT, file->path, 0,
			       "%s: expected a safetensors file of at least 8 bytes, found %lld", file->path,
			       (long long)file_bytes);
	enum sc_status status = sc_file_read_at(file->stream, file->path, 0, &length, sizeof length, error);
	if (status)
		return status;
	if (length > LONGEST_HEADER || (int64_t)length > file_bytes - 8)
		return sc_fail(error, SC_ERROR_FORMAT, file->path, 0,
			       "%s: not a safetensors file, or a damaged one: it declares a header of %" PRIu64
			       " bytes in a file of %" PRId64,
			       file->path, length, file_bytes);
	char *text = malloc(length ? length : 1);
	if (!text)
		return sc_fail_memory(error, (int64_t)length, file->path);
	status = sc_file_read_at(file->stream, file->path, 8, text, (int64_t)length, error);
	if (!status)
		status = parse_header(file, text, (int64_t)length, file_bytes - 8 - (int64_t)length, error);
	free(text);
	return status;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

enum sc_status sc_safetensors_open(struct sc_safetensors *file, const char *path, struct sc_error *error)
{
	struct sc_safetensors made = {0};
	int64_t bytes;
	enum sc_status status = sc_file_open(&made.stream, &bytes, path, error);
	if (status)
		return status;
	made.path = sc_copy_string(path);
	status = made.path ? read_header(&made, bytes, error) : sc_fail_memory(error, (int64_t)strlen(path), "a path");
	if (status)
		sc_safetensors_close(&made);
	else
		*file = made;
	return status;
}

void sc_safetensors_close(struct sc_safetensors *file)
{
	if (file->stream)
		fclose(file->stream);
	for (int64_t i = 0; i < file->tensor_count; i++)
		free(file->tensors[i].name);
	for (int64_t i = 0; i < 2 * file->metadata_count; i++)
		free(file->metadata[i]);
	free(file->tensors);
	free(file->metadata);
	free(file->path);
	*file = (struct sc_safetensors){0};
}

const struct sc_array *sc_safetensors_find(const struct sc_safetensors *file, const char *name)
{
	struct sc_array key = {.name = (char *)(uintptr_t)name};
	return file->tensor_count ? bsearch(&key, file->tensors, (size_t)file->tensor_count, sizeof key, by_name) : NULL;
}

const char *sc_safetensors_metadata(const struct sc_safetensors *file, const char *key)
{
	for (int64_t i = 0; i < file->metadata_count; i++)
		if (strcmp(file->metadata[2 * i], key) == 0)
			return file->metadata[2 * i + 1];
	return NULL;
}

enum sc_status sc_safetensors_read(struct sc_safetensors *file, const struct sc_array *tensor, int64_t offset, void *buffer,
				   int64_t count, struct sc_error *error)
{
	if (offset < 0 || count < 0 || count > tensor->bytes || offset > tensor->bytes - count)
		return sc_fail(error, SC_ERROR_ARGUMENT, tensor->name, -1,
			       "%s: tensor '%.120s' has %" PRId64 " bytes, asked for %" PRId64 " from byte %" PRId64, file->path,
			       tensor->name, tensor->bytes, count, offset);
	if (fseeko(file->stream, tensor->begin + offset, SEEK_SET) != 0)
		return sc_fail(error, SC_ERROR_READ, file->path, tensor->begin + offset, "%s: cannot be read: %s", file->path,
			       strerror(errno));
	errno = 0;
	if (fread(buffer, 1, (size_t)count, file->stream) != (size_t)count)
		return sc_fail(error, SC_ERROR_READ, file->path, tensor->begin + offset,
			       "%s: tensor '%.120s': reading %" PRId64 " bytes from byte %" PRId64 " failed: %s", file->path,
			       tensor->name, count, tensor->begin + offset,
			       errno ? strerror(errno) : "the file has become shorter");
	return SC_OK;
}

/* ---- As arrays of a file --------------------------------------------------------------------------------------------- */

static enum sc_status open_arrays(struct sc_arrays *arrays, struct sc_error *error)
{
	struct sc_safetensors *file = sc_allocate(1, sizeof *file);
	if (!file)
		return sc_fail_memory(error, sizeof *file, arrays->path);
	enum sc_status status = sc_safetensors_open(file, arrays->path, error);
	if (status) {
		free(file);
		return status;
	}
	arrays->file = file;
	arrays->count = file->tensor_count;
	arrays->arrays = file->tensors;
	arrays->metadata_count = file->metadata_count;
	arrays->metadata = file->metadata;
	file->tensor_count = file->metadata_count = 0; /* they belong to `arrays` now */
	file->tensors = NULL;
	file->metadata = NULL;
	return SC_OK;
}

static enum sc_status read_array(struct sc_arrays *arrays, const struct sc_array *array, int64_t offset, void *buffer,
				 int64_t count, struct sc_error *error)
{
	return sc_safetensors_read(arrays->file, array, offset, buffer, count, error);
}

static void close_arrays(void *file)
{
	sc_safetensors_close(file);
	free(file);
}

const struct sc_array_reader sc_safetensors_reader = {"safetensors", open_arrays, read_array, close_arrays, false};
