/* keras_write.c - Keras 3's .weights.h5, as Model.load_weights takes it. The format: keras.c.
 *
 * Keras asks for its groups by their paths and for nothing else, so the metadata's data sets, behind all others, do not disturb it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/arrays_write.h"
#include "io/hdf5.h"

static bool is_kept(const char *key)
{
	return strncmp(key, "shortcut.", 9) == 0; /* others mean nothing outside of safetensors */
}

/* The arrays and, behind them, a data set of bytes for each pair of the metadata that is kept. */
static enum sc_status write_head(struct sc_arrays_writer *writer, struct sc_array *all, struct sc_error *error)
{
	int64_t count = writer->count, bytes;
	uint8_t *head;
	for (int64_t i = 0; i < writer->count; i++)
		all[i] = writer->arrays[i];
	for (int64_t i = 0; i < writer->metadata_count; i++) {
		const int64_t length = (int64_t)strlen(writer->metadata[2 * i + 1]);
		if (is_kept(writer->metadata[2 * i]))
			all[count++] = (struct sc_array){.name = (char *)(uintptr_t)writer->metadata[2 * i],
							 .dtype = "U8",
							 .rank = 1,
							 .shape = {length},
							 .bytes = length};
	}
	enum sc_status status = sc_hdf5_head(&head, &bytes, all, count, writer->file.path, error);
	if (status)
		return status;
	status = sc_file_write(&writer->file, head, bytes, error);
	free(head);
	return status;
}

static enum sc_status hdf5_begin(struct sc_arrays_writer *writer, struct sc_error *error)
{
	const int64_t most = writer->count + writer->metadata_count;
	struct sc_array *all = sc_allocate(most, sizeof *all);
	enum sc_status status =
		all ? write_head(writer, all, error) : sc_fail_memory(error, most * (int64_t)sizeof *all, writer->file.path);
	free(all);
	return status;
}

static enum sc_status hdf5_next(struct sc_arrays_writer *writer, struct sc_error *error)
{
	(void)writer;
	(void)error;
	return SC_OK;
}

static enum sc_status hdf5_write(struct sc_arrays_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	return sc_file_write(&writer->file, bytes, count, error);
}

static enum sc_status hdf5_finish(struct sc_arrays_writer *writer, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	for (int64_t i = 0; i < writer->metadata_count && !status; i++) {
		const char *value = writer->metadata[2 * i + 1];
		if (is_kept(writer->metadata[2 * i]))
			status = sc_file_write(&writer->file, value, (int64_t)strlen(value), error);
	}
	return status;
}

const struct sc_array_writer sc_hdf5_writer = {{".weights.h5"}, hdf5_begin, hdf5_next, hdf5_write, hdf5_finish, true};
