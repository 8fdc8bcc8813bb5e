/* keras.c - Keras' files: reading. (keras_write.c writes; hdf5.c reads what is under them.)
 *
 *     .weights.h5     HDF5 whose data sets are <path of a layer>/vars/<number>; the path says where in the model the layer stands,
 *                     "layers/conv2d_3" or "layers/resnet_block/listLayers/residual/conv1"
 *     .keras          a ZIP archive with such a file, model.weights.h5; config.json and metadata.json are not read
 *     .h5             (Keras 2, or the whole model) HDF5: <layer>/<layer>/kernel, gamma, ..., in Keras 2 followed by ":0"; in
 *                     the file of a whole model under model_weights/
 *
 * Arrays have these paths as their names, without model_weights/. What belongs to a training (optimizer, metrics) is left out. Our
 * own files have a data set shortcut.model of bytes besides, a model's description; those of that kind are metadata. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/arrays.h"
#include "io/hdf5.h"
#include "io/zip.h"

#define LARGEST_IMAGE (INT64_C(1) << 32)
#define SMALL_IMAGE   (INT64_C(1) << 24)
#define LARGEST_RATIO 16 /* of a larger image to its archive: weights hardly shrink */
#define LARGEST_TEXT  (INT64_C(1) << 24)

struct keras_file {
	FILE *stream; /* of an HDF5 file */
	struct sc_zip zip;
	const struct sc_zip_entry *entry; /* in an archive */
};

static void keras_close(void *opened)
{
	struct keras_file *file = opened;
	if (file->stream)
		fclose(file->stream);
	sc_zip_close(&file->zip);
	free(file);
}

static enum sc_status keras_read(struct sc_arrays *arrays, const struct sc_array *array, int64_t offset, void *buffer,
				 int64_t count, struct sc_error *error)
{
	struct keras_file *file = arrays->file;
	if (file->entry)
		return sc_zip_read(&file->zip, file->entry, array->begin + offset, buffer, count, error);
	return sc_file_read_at(file->stream, arrays->path, array->begin + offset, buffer, count, error);
}

/* ---- Which data sets are a model's ------------------------------------------------------------------------------------- */

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_metadata(const struct sc_array *array)
{
	return sc_arrays_is_own_key(array->name) && strcmp(array->dtype, "U8") == 0 && array->rank == 1;
}

static bool is_of_training(const char *name)
{
	return begins(name, "optimizer/") || begins(name, "optimizer_weights/") || begins(name, "_");
}

static enum sc_status take_text(struct sc_arrays *arrays, const struct sc_array *array, struct sc_error *error)
{
	if (array->bytes > LARGEST_TEXT)
		return sc_fail(error, SC_ERROR_FORMAT, array->name, -1, "%s: '%.120s': expected at most 16 MiB of text, found more",
			       arrays->path, array->name);
	char **pair = &arrays->metadata[2 * arrays->metadata_count++];
	pair[0] = sc_copy_string(array->name);
	pair[1] = sc_allocate(array->bytes + 1, 1);
	if (!pair[0] || !pair[1])
		return sc_fail_memory(error, array->bytes, arrays->path);
	return keras_read(arrays, array, 0, pair[1], array->bytes, error);
}

/* Texts become metadata, others of no use go, and names lose their first part. */
static enum sc_status sift(struct sc_arrays *arrays, struct sc_error *error)
{
	static const char whole_model[] = "model_weights/";
	int64_t kept = 0;
	enum sc_status status = SC_OK;
	arrays->metadata = sc_allocate(2 * arrays->count, sizeof *arrays->metadata);
	if (!arrays->metadata)
		return sc_fail_memory(error, arrays->count * (int64_t)sizeof *arrays->metadata, arrays->path);
	for (int64_t i = 0; i < arrays->count; i++) {
		struct sc_array *array = &arrays->arrays[i];
		if (!status && is_metadata(array))
			status = take_text(arrays, array, error);
		if (is_metadata(array) || is_of_training(array->name)) {
			free(array->name);
			continue;
		}
		if (begins(array->name, whole_model))
			memmove(array->name, array->name + sizeof whole_model - 1, strlen(array->name) - sizeof whole_model + 2);
		arrays->arrays[kept++] = *array;
	}
	arrays->count = kept;
	return status ? status : sc_arrays_sort(arrays, error);
}

/* ---- Files ----------------------------------------------------------------------------------------------------------------- */

/* The image will be held in memory, of which a small archive gets little. */
static int64_t largest_image(int64_t archive_bytes)
{
	const int64_t limit = SMALL_IMAGE + LARGEST_RATIO * archive_bytes;
	return limit < LARGEST_IMAGE ? limit : LARGEST_IMAGE;
}

static enum sc_status open_archive(struct sc_arrays *arrays, struct keras_file *file, struct sc_error *error)
{
	uint8_t *image;
	enum sc_status status = sc_zip_open(&file->zip, arrays->path, error);
	if (status)
		return status;
	file->entry = sc_zip_find(&file->zip, SC_KERAS_WEIGHTS);
	if (!file->entry)
		return sc_fail(error, SC_ERROR_FORMAT, arrays->path, -1,
			       "%s: expected " SC_KERAS_WEIGHTS " in the archive, found none", arrays->path);
	status = sc_zip_read_whole(&file->zip, file->entry, largest_image(file->zip.file_bytes), &image, error);
	if (status)
		return status;
	status = sc_hdf5_list(arrays, image, file->entry->bytes, error);
	free(image);
	return status;
}

static enum sc_status open_plain(struct sc_arrays *arrays, struct keras_file *file, struct sc_error *error)
{
	int64_t bytes;
	enum sc_status status = sc_file_open(&file->stream, &bytes, arrays->path, error);
	return status ? status : sc_hdf5_list(arrays, NULL, bytes, error);
}

static enum sc_status open_by(enum sc_status (*list)(struct sc_arrays *, struct keras_file *, struct sc_error *),
			      struct sc_arrays *arrays, struct sc_error *error)
{
	struct keras_file *file = sc_allocate(1, sizeof *file);
	if (!file)
		return sc_fail_memory(error, sizeof *file, arrays->path);
	arrays->file = file;
	enum sc_status status = list(arrays, file, error);
	return status ? status : sift(arrays, error);
}

static enum sc_status keras_open(struct sc_arrays *arrays, struct sc_error *error)
{
	return open_by(open_archive, arrays, error);
}

static enum sc_status hdf5_open(struct sc_arrays *arrays, struct sc_error *error)
{
	return open_by(open_plain, arrays, error);
}

const struct sc_array_reader sc_keras_reader = {"Keras", keras_open, keras_read, keras_close, true};
const struct sc_array_reader sc_hdf5_reader = {"HDF5", hdf5_open, keras_read, keras_close, true};
