/* arrays.c - which reader a file needs, and what is the same for all of them. */
#include "io/arrays.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/hdf5.h"
#include "io/zip.h"

static const struct sc_dtype dtypes[] = {
	{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},  {"I32", 4},     {"I16", 2},     {"I8", 1},
	{"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1},   {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1},
};

struct sc_dtype sc_dtype_find(const char *name)
{
	for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++)
		if (strcmp(name, dtypes[i].name) == 0)
			return dtypes[i];
	return (struct sc_dtype){NULL, 0};
}

/* ---- What a file is ------------------------------------------------------------------------------------------------- */

/* PyTorch's if there is a data.pkl in it, Keras' if there is a model.weights.h5, else NumPy's. */
static enum sc_status choose_archive(const struct sc_array_reader **reader, const char *path, struct sc_error *error)
{
	struct sc_zip zip;
	enum sc_status status = sc_zip_open(&zip, path, error);
	if (status)
		return status;
	*reader = sc_zip_find(&zip, SC_KERAS_WEIGHTS) ? &sc_keras_reader : &sc_npz_reader;
	for (int64_t i = 0; i < zip.count; i++) {
		size_t length = strlen(zip.entries[i].name);
		if (length > 9 && strcmp(zip.entries[i].name + length - 9, "/data.pkl") == 0)
			*reader = &sc_torch_reader;
	}
	sc_zip_close(&zip);
	return SC_OK;
}

static enum sc_status read_beginning(uint8_t bytes[16], const char *path, struct sc_error *error)
{
	FILE *stream;
	int64_t size;
	enum sc_status status = sc_file_open(&stream, &size, path, error);
	if (status)
		return status;
	memset(bytes, 0, 16);
	errno = 0;
	if (fread(bytes, 1, 16, stream) < 16 && ferror(stream))
		status = sc_fail(error, SC_ERROR_READ, path, 0, "%s: cannot be read: %s", path, strerror(errno));
	fclose(stream);
	return status;
}

static enum sc_status choose_reader(const struct sc_array_reader **reader, const char *path, struct sc_error *error)
{
	uint8_t bytes[16];
	enum sc_status status = read_beginning(bytes, path, error);
	if (status)
		return status;
	if (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0)
		return choose_archive(reader, path, error);
	if (memcmp(bytes, SC_HDF5_MAGIC, 8) == 0) {
		*reader = &sc_hdf5_reader;
		return SC_OK;
	}
	if (memcmp(bytes, "\x93NUMPY", 6) == 0)
		return sc_fail(error, SC_ERROR_UNSUPPORTED, path, 0,
			       "%s: one array (.npy) has no name: expected several in a .npz, as numpy.savez makes it", path);
	if (bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5 && bytes[8] != '{')
		return sc_fail(error, SC_ERROR_UNSUPPORTED, path, 0,
			       "%s: a bare pickle, as PyTorch before 1.6 wrote: expected what torch.save makes since then", path);
	*reader = &sc_safetensors_reader; /* its header's length may look like anything */
	return SC_OK;
}

enum sc_status sc_arrays_open(struct sc_arrays *arrays, const char *path, struct sc_error *error)
{
	struct sc_arrays made = {.path = sc_copy_string(path)};
	if (!made.path)
		return sc_fail_memory(error, (int64_t)strlen(path), "a path");
	enum sc_status status = choose_reader(&made.reader, path, error);
	if (!status)
		status = made.reader->open(&made, error);
	if (status)
		sc_arrays_close(&made);
	else
		*arrays = made;
	return status;
}

void sc_arrays_close(struct sc_arrays *arrays)
{
	if (arrays->file)
		arrays->reader->close(arrays->file);
	for (int64_t i = 0; i < arrays->count; i++)
		free(arrays->arrays[i].name);
	for (int64_t i = 0; i < 2 * arrays->metadata_count; i++)
		free(arrays->metadata[i]);
	free(arrays->arrays);
	free(arrays->metadata);
	free(arrays->path);
	*arrays = (struct sc_arrays){0};
}

/* ---- What is in it ---------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct sc_array *)a)->name, ((const struct sc_array *)b)->name);
}

const struct sc_array *sc_arrays_find(const struct sc_arrays *arrays, const char *name)
{
	struct sc_array key = {.name = (char *)(uintptr_t)name};
	return arrays->count ? bsearch(&key, arrays->arrays, (size_t)arrays->count, sizeof key, by_name) : NULL;
}

const char *sc_arrays_metadata(const struct sc_arrays *arrays, const char *key)
{
	for (int64_t i = 0; i < arrays->metadata_count; i++)
		if (strcmp(arrays->metadata[2 * i], key) == 0)
			return arrays->metadata[2 * i + 1];
	return NULL;
}

enum sc_status sc_arrays_read(struct sc_arrays *arrays, const struct sc_array *array, int64_t offset, void *buffer, int64_t count,
			      struct sc_error *error)
{
	if (offset < 0 || count < 0 || count > array->bytes || offset > array->bytes - count)
		return sc_fail(error, SC_ERROR_ARGUMENT, array->name, -1,
			       "%s: array '%.120s' has %" PRId64 " bytes, asked for %" PRId64 " from byte %" PRId64, arrays->path,
			       array->name, array->bytes, count, offset);
	return arrays->reader->read(arrays, array, offset, buffer, count, error);
}

/* ---- For readers ------------------------------------------------------------------------------------------------------ */

enum sc_status sc_arrays_reserve(struct sc_arrays *arrays, int64_t count, int64_t pairs, struct sc_error *error)
{
	arrays->arrays = sc_allocate(count, sizeof *arrays->arrays);
	arrays->metadata = sc_allocate(2 * pairs, sizeof *arrays->metadata);
	if (!arrays->arrays || !arrays->metadata)
		return sc_fail_memory(error, count * (int64_t)sizeof *arrays->arrays, arrays->path);
	return SC_OK;
}

bool sc_arrays_is_own_key(const char *key)
{
	return strncmp(key, "shortcut.", 9) == 0;
}

enum sc_status sc_arrays_sort(struct sc_arrays *arrays, struct sc_error *error)
{
	qsort(arrays->arrays, (size_t)arrays->count, sizeof *arrays->arrays, by_name);
	for (int64_t i = 1; i < arrays->count; i++)
		if (strcmp(arrays->arrays[i].name, arrays->arrays[i - 1].name) == 0)
			return sc_fail(error, SC_ERROR_FORMAT, arrays->arrays[i].name, -1,
				       "%s: there are two arrays named '%.120s'", arrays->path, arrays->arrays[i].name);
	return SC_OK;
}
