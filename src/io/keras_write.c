/* keras_write.c - Keras' files: writing. The formats: keras.c.
 *
 *     .weights.h5     what Model.load_weights takes. Keras asks for its groups by their paths and for nothing else, so the data
 *                     sets of the metadata, behind all others, do not disturb it
 *     .keras          a whole model, what load_model takes: a ZIP archive of metadata.json, config.json and model.weights.h5;
 *                     the config, the model's layers, comes as the metadata's SC_KERAS_CONFIG
 *     .h5             the same in the older form: arrays model_weights/<layer>/<layer>/kernel in the order of the layers;
 *                     attributes tell that order, the arrays of each layer, and the config */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "io/arrays_write.h"
#include "io/hdf5.h"

#define KERAS_VERSION "3.0.0" /* the first that reads all this */
#define WEIGHTS_GROUP "model_weights"
#define GROUP_SIZE    160

/* The layers of the model, which a file that holds a whole one must have. */
static enum sc_status find_config(const struct sc_arrays_writer *writer, const char **config, struct sc_error *error)
{
	for (int64_t i = 0; i < writer->metadata_count; i++)
		if (strcmp(writer->metadata[2 * i], SC_KERAS_CONFIG) == 0) {
			*config = writer->metadata[2 * i + 1];
			return SC_OK;
		}
	return sc_fail(
		error, SC_ERROR_ARGUMENT, writer->file.path, -1,
		"%s: a file of Keras that holds a whole model needs its layers, and they are not given; .weights.h5 does not",
		writer->file.path);
}

/* ---- The attributes of a .h5 ------------------------------------------------------------------------------------------- */

struct notes {
	char (*groups)[GROUP_SIZE]; /* of the layers: "model_weights/conv1" */
	const char **layers;        /* their names: "conv1" */
	const char **weights;       /* [count of arrays]: their names inside of their layer's group */
	const char *config;
	int64_t attribute_count;
	struct sc_hdf5_attribute *attributes;
};

static const char *const version = KERAS_VERSION, *const backend = "tensorflow"; /* whose axes they are */

static void add_attribute(struct notes *notes, const char *group, const char *name, const char *const *texts, int64_t count)
{
	notes->attributes[notes->attribute_count++] = (struct sc_hdf5_attribute){group, name, texts, count};
}

/* Arrays of one layer follow each other. */
static enum sc_status note_layers(struct notes *notes, const struct sc_arrays_writer *writer, struct sc_error *error)
{
	static const char start[] = WEIGHTS_GROUP "/";
	const size_t start_length = sizeof start - 1;
	int64_t layers = 0;
	for (int64_t i = 0; i < writer->count; i++) {
		const char *name = writer->arrays[i].name;
		const size_t length =
			strncmp(name, start, start_length) == 0 ? start_length + strcspn(name + start_length, "/") : 0;
		if (length == 0 || length >= GROUP_SIZE || name[length] == '\0')
			return sc_fail(error, SC_ERROR_ARGUMENT, name, -1,
				       "%s: array '%.120s': expected a name " WEIGHTS_GROUP "/LAYER/NAME", writer->file.path, name);
		notes->weights[i] = name + length + 1;
		const bool same =
			layers && strncmp(notes->groups[layers - 1], name, length) == 0 && !notes->groups[layers - 1][length];
		if (!same) {
			snprintf(notes->groups[layers], GROUP_SIZE, "%.*s", (int)length, name);
			notes->layers[layers] = notes->groups[layers] + start_length;
			add_attribute(notes, notes->groups[layers++], "weight_names", &notes->weights[i], 0);
		}
		notes->attributes[notes->attribute_count - 1].count++;
	}
	add_attribute(notes, WEIGHTS_GROUP, "layer_names", notes->layers, layers);
	return SC_OK;
}

static enum sc_status take_notes(struct notes *notes, const struct sc_arrays_writer *writer, struct sc_error *error)
{
	const int64_t count = writer->count;
	notes->groups = sc_allocate(count, sizeof *notes->groups);
	notes->layers = sc_allocate(count, sizeof *notes->layers);
	notes->weights = sc_allocate(count, sizeof *notes->weights);
	notes->attributes = sc_allocate(count + 6, sizeof *notes->attributes);
	if (!notes->groups || !notes->layers || !notes->weights || !notes->attributes)
		return sc_fail_memory(error, count * GROUP_SIZE, writer->file.path);
	enum sc_status status = find_config(writer, &notes->config, error);
	if (!status)
		status = note_layers(notes, writer, error);
	if (status)
		return status;
	add_attribute(notes, WEIGHTS_GROUP, "keras_version", &version, SC_HDF5_SINGLE);
	add_attribute(notes, WEIGHTS_GROUP, "backend", &backend, SC_HDF5_SINGLE);
	add_attribute(notes, "/", "keras_version", &version, SC_HDF5_SINGLE);
	add_attribute(notes, "/", "backend", &backend, SC_HDF5_SINGLE);
	add_attribute(notes, "/", "model_config", &notes->config, SC_HDF5_SINGLE);
	return SC_OK;
}

static void release_notes(struct notes *notes)
{
	free(notes->groups);
	free(notes->layers);
	free(notes->weights);
	free(notes->attributes);
}

/* ---- An HDF5 file, by itself or in an archive ------------------------------------------------------------------------------ */

static enum sc_status put(struct sc_arrays_writer *writer, const void *bytes, int64_t count, struct sc_error *error)
{
	if (writer->format->keras == SC_KERAS_ARCHIVE)
		return sc_archive_write(writer, bytes, count, error);
	return sc_file_write(&writer->file, bytes, count, error);
}

/* The arrays and, behind them, a data set of bytes for each pair of the metadata that is kept. `all`: room for them. */
static enum sc_status put_head(struct sc_arrays_writer *writer, struct sc_array *all, const struct notes *notes,
			       struct sc_error *error)
{
	int64_t count = writer->count, bytes;
	uint8_t *head;
	for (int64_t i = 0; i < writer->count; i++)
		all[i] = writer->arrays[i];
	for (int64_t i = 0; i < writer->metadata_count; i++) {
		const int64_t length = (int64_t)strlen(writer->metadata[2 * i + 1]);
		if (sc_arrays_is_own_key(writer->metadata[2 * i]))
			all[count++] = (struct sc_array){.name = (char *)(uintptr_t)writer->metadata[2 * i],
							 .dtype = "U8",
							 .rank = 1,
							 .shape = {length},
							 .bytes = length};
	}
	const struct sc_hdf5_content content = {all, count, notes->attributes, notes->attribute_count};
	enum sc_status status = sc_hdf5_head(&head, &bytes, &content, writer->file.path, error);
	if (status)
		return status;
	status = put(writer, head, bytes, error);
	free(head);
	return status;
}

static enum sc_status begin_hdf5(struct sc_arrays_writer *writer, const struct notes *notes, struct sc_error *error)
{
	const int64_t most = writer->count + writer->metadata_count;
	struct sc_array *all = sc_allocate(most, sizeof *all);
	enum sc_status status =
		all ? put_head(writer, all, notes, error) : sc_fail_memory(error, most * (int64_t)sizeof *all, writer->file.path);
	free(all);
	return status;
}

static enum sc_status finish_hdf5(struct sc_arrays_writer *writer, struct sc_error *error)
{
	enum sc_status status = SC_OK;
	for (int64_t i = 0; i < writer->metadata_count && !status; i++) {
		const char *value = writer->metadata[2 * i + 1];
		if (sc_arrays_is_own_key(writer->metadata[2 * i]))
			status = put(writer, value, (int64_t)strlen(value), error);
	}
	return status;
}

/* ---- The three formats --------------------------------------------------------------------------------------------------- */

static enum sc_status weights_begin(struct sc_arrays_writer *writer, struct sc_error *error)
{
	return begin_hdf5(writer, &(struct notes){0}, error);
}

static enum sc_status legacy_begin(struct sc_arrays_writer *writer, struct sc_error *error)
{
	struct notes notes = {0};
	enum sc_status status = take_notes(&notes, writer, error);
	if (!status)
		status = begin_hdf5(writer, &notes, error);
	release_notes(&notes);
	return status;
}

static enum sc_status archive_begin(struct sc_arrays_writer *writer, struct sc_error *error)
{
	const char *config = NULL;
	enum sc_status status = find_config(writer, &config, error);
	if (!status)
		status = sc_archive_write_entry(writer, "metadata.json", "{\"keras_version\": \"" KERAS_VERSION "\"}", error);
	if (!status)
		status = sc_archive_write_entry(writer, "config.json", config, error);
	if (!status)
		status = sc_archive_begin(writer, SC_KERAS_WEIGHTS, error);
	return status ? status : begin_hdf5(writer, &(struct notes){0}, error);
}

static enum sc_status archive_finish(struct sc_arrays_writer *writer, struct sc_error *error)
{
	enum sc_status status = finish_hdf5(writer, error);
	return status ? status : sc_archive_finish(writer, error);
}

const struct sc_array_writer sc_keras_weights_writer = {{".weights.h5"}, weights_begin,        NULL, put,
							finish_hdf5,     SC_KERAS_WEIGHTS_FILE};
const struct sc_array_writer sc_keras_writer = {{".keras"}, archive_begin, NULL, put, archive_finish, SC_KERAS_ARCHIVE};
const struct sc_array_writer sc_keras_legacy_writer = {{".h5"}, legacy_begin, NULL, put, finish_hdf5, SC_KERAS_LEGACY};
