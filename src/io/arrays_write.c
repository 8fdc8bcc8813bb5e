/* arrays_write.c - named arrays to a file of the format that its name asks for. The formats: safetensors_write.c, torch_write.c,
 * npz_write.c, keras_write.c. */
#include "io/arrays_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/safetensors.h"

/* ---- safetensors: the header, then the bytes as they come ------------------------------------------------------------ */

static enum sc_status safetensors_begin(struct sc_arrays_writer *writer, struct sc_error *error)
{
	return sc_safetensors_write_header(&writer->file, writer->arrays, writer->count, writer->metadata, writer->metadata_count,
					   error);
}

static enum sc_status safetensors_write(struct sc_arrays_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	return sc_file_write(&writer->file, bytes, count, error);
}

const struct sc_array_writer sc_safetensors_writer = {{".safetensors"}, safetensors_begin, NULL, safetensors_write, NULL,
						      SC_KERAS_NONE};

/* ---- Archives --------------------------------------------------------------------------------------------------------- */

enum sc_status sc_archive_begin(struct sc_arrays_writer *writer, const char *name, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	if (!writer->zip.file)
		sc_zip_writer_init(&writer->zip, &writer->file);
	else
		status = sc_zip_writer_end(&writer->zip, error);
	return status ? status : sc_zip_writer_begin(&writer->zip, name, error);
}

enum sc_status sc_archive_write(struct sc_arrays_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	return sc_zip_writer_write(&writer->zip, bytes, count, error);
}

enum sc_status sc_archive_finish(struct sc_arrays_writer *writer, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	if (!writer->zip.file) /* no array, no metadata */
		sc_zip_writer_init(&writer->zip, &writer->file);
	else
		status = sc_zip_writer_end(&writer->zip, error);
	return status ? status : sc_zip_writer_finish(&writer->zip, error);
}

enum sc_status sc_archive_write_entry(struct sc_arrays_writer *writer, const char *name, const char *text, struct sc_error *error)
{
	enum sc_status status = sc_archive_begin(writer, name, error);
	return status ? status : sc_archive_write(writer, text, (int64_t)strlen(text), error);
}

enum sc_status sc_archive_write_metadata(struct sc_arrays_writer *writer, const char *folder, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	for (int64_t i = 0; i < writer->metadata_count && !status; i++) {
		const char *key = writer->metadata[2 * i], *value = writer->metadata[2 * i + 1];
		char name[256];
		if (!sc_arrays_is_own_key(key))
			continue;
		if (snprintf(name, sizeof name, "%s%s", folder, key) >= (int)sizeof name)
			return sc_fail(error, SC_ERROR_ARGUMENT, writer->file.path, -1,
				       "%s: metadata '%.40s...': its key is too long", writer->file.path, key);
		status = sc_archive_write_entry(writer, name, value, error);
	}
	return status;
}

/* ---- All formats ------------------------------------------------------------------------------------------------------ */

/* A longer end comes before a shorter one that it ends with. */
static const struct sc_array_writer *const formats[] = {&sc_safetensors_writer,   &sc_torch_writer, &sc_npz_writer,
							&sc_keras_weights_writer, &sc_keras_writer, &sc_keras_legacy_writer};

/* NULL: none. */
static const struct sc_array_writer *find_format(const char *path)
{
	size_t length = strlen(path);
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		for (int k = 0; formats[i]->extensions[k]; k++) {
			size_t end = strlen(formats[i]->extensions[k]);
			if (length > end && strcmp(path + length - end, formats[i]->extensions[k]) == 0)
				return formats[i];
		}
	return NULL;
}

enum sc_keras_file sc_arrays_keras_file(const char *path)
{
	const struct sc_array_writer *format = find_format(path);
	return format ? format->keras : SC_KERAS_NONE;
}

static void release(struct sc_arrays_writer *writer)
{
	sc_zip_writer_release(&writer->zip);
	free(writer);
}

enum sc_status sc_arrays_writer_open(struct sc_arrays_writer **out, const char *path, const struct sc_array *arrays, int64_t count,
				     const char *const *metadata, int64_t metadata_count, struct sc_error *error)
{
	const struct sc_array_writer *format = find_format(path);
	if (!format)
		return sc_fail(error, SC_ERROR_ARGUMENT, path, -1,
			       "%s: expected a name that ends with .safetensors, .pth, .pt, .npz or, for Keras, .weights.h5, "
			       ".keras or .h5",
			       path);
	struct sc_arrays_writer *writer = sc_allocate(1, sizeof *writer);
	if (!writer)
		return sc_fail_memory(error, sizeof *writer, path);
	writer->format = format;
	writer->arrays = arrays;
	writer->count = count;
	writer->metadata = metadata;
	writer->metadata_count = metadata_count;
	enum sc_status status = sc_file_writer_open(&writer->file, path, error);
	if (status) {
		free(writer);
		return status;
	}
	status = format->begin(writer, error);
	if (status)
		sc_arrays_writer_abandon(writer);
	else
		*out = writer;
	return status;
}

enum sc_status sc_arrays_writer_next(struct sc_arrays_writer *writer, struct sc_error *error)
{
	if (writer->next == writer->count || writer->missing > 0)
		return sc_fail(error, SC_ERROR_ARGUMENT, writer->file.path, -1, "%s: an array more or a byte less than declared",
			       writer->file.path);
	enum sc_status status = writer->format->next ? writer->format->next(writer, error) : SC_OK;
	writer->missing = writer->arrays[writer->next++].bytes;
	return status;
}

enum sc_status sc_arrays_writer_write(struct sc_arrays_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	if (count > writer->missing)
		return sc_fail(error, SC_ERROR_ARGUMENT, writer->file.path, -1, "%s: more bytes than declared", writer->file.path);
	writer->missing -= count;
	return writer->format->write(writer, bytes, count, error);
}

enum sc_status sc_arrays_writer_commit(struct sc_arrays_writer *writer, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	if (writer->next < writer->count || writer->missing > 0)
		status = sc_fail(error, SC_ERROR_ARGUMENT, writer->file.path, -1, "%s: fewer arrays or bytes than declared",
				 writer->file.path);
	if (!status && writer->format->finish)
		status = writer->format->finish(writer, error);
	if (status) {
		sc_arrays_writer_abandon(writer);
		return status;
	}
	status = sc_file_writer_commit(&writer->file, error);
	release(writer);
	return status;
}

void sc_arrays_writer_abandon(struct sc_arrays_writer *writer)
{
	if (!writer)
		return;
	sc_file_writer_abandon(&writer->file);
	release(writer);
}
