/* file.c - models in files whose metadata carries the description, so that they need nothing beside them.
 *
 * The bytes of the format are src/io's subject. A run folder stands for the weights.safetensors in it. */
#include "io/file.h"
#include "io/weights.h"
#include "model/keras.h"
#include "model/model.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DESCRIPTION_KEY "shortcut.model"
#define RUN_WEIGHTS     "weights.safetensors"

/* `path` itself, or the weights in the folder that it names; the caller frees it. */
static enum sc_status find_weights(char **weights, const char *path, struct sc_error *error)
{
	struct stat found;
	bool folder = stat(path, &found) == 0 && S_ISDIR(found.st_mode);
	*weights = folder ? sc_path_join(path, RUN_WEIGHTS) : sc_copy_string(path);
	return *weights ? SC_OK : sc_fail_memory(error, (int64_t)strlen(path), "a path");
}

/* Views of all tensors, in values that lie like the model's; NULL where there is no memory. The caller frees them. */
static struct sc_tensor *make_views(const struct sc_model *model, float *values)
{
	struct sc_tensor *views = sc_allocate(model->parameter_count, sizeof *views);
	for (int i = 0; views && i < model->parameter_count; i++) {
		sc_model_tensor(model, i, &views[i]);
		views[i].values = values + model->parameters[i].offset;
	}
	return views;
}

static enum sc_status fail_views(const struct sc_model *model, struct sc_error *error)
{
	return sc_fail_memory(error, model->parameter_count * (int64_t)sizeof(struct sc_tensor), "the list of tensors");
}

/* Numbers that no training gives: refused here, or they would spread through every score without a word. */
static enum sc_status check_values(const struct sc_model *model, const struct sc_tensor *views, const char *path,
				   struct sc_error *error)
{
	for (int i = 0; i < model->parameter_count; i++) {
		bool variance = model->parameters[i].role == SC_ROLE_RUNNING_VARIANCE;
		for (int64_t n = 0; n < views[i].count; n++) {
			float value = views[i].values[n];
			if (!isfinite(value))
				return sc_fail(error, SC_ERROR_NON_FINITE, path, -1,
					       "%s: number %" PRId64 " of %s is not finite (in the engine's order of axes)", path,
					       n, views[i].name);
			if (variance && value < 0.0f)
				return sc_fail(error, SC_ERROR_FORMAT, path, -1,
					       "%s: number %" PRId64 " of %s is %g; a variance cannot be negative", path, n,
					       views[i].name, (double)value);
		}
	}
	return SC_OK;
}

/* All of the file's numbers into `values`, which lie like the model's; on failure they are anything. */
static enum sc_status read_values(const struct sc_model *model, float *values, const char *weights, struct sc_error *error)
{
	struct sc_arrays file;
	struct sc_tensor *views = make_views(model, values);
	if (!views)
		return fail_views(model, error);
	enum sc_status status = sc_arrays_open(&file, weights, error);
	if (status == SC_OK) {
		if (file.reader->keras)
			status = sc_keras_match(model, &file, views, error);
		if (status == SC_OK)
			status = sc_weights_read_open(&file, views, model->parameter_count, SC_TRAINING_PREFIX, error);
		if (status == SC_OK)
			status = check_values(model, views, weights, error);
		sc_arrays_close(&file);
	}
	free(views);
	return status;
}

enum sc_status sc_model_fill(struct sc_model *model, const char *weights, struct sc_error *error)
{
	return read_values(model, model->values, weights, error);
}

enum sc_status sc_model_read_weights(struct sc_model *model, const char *path, struct sc_error *error)
{
	/* Read beside the model first: an error half-way through the file must leave it as it was. */
	struct sc_arena fresh = {0};
	char *weights = NULL;
	enum sc_status status = find_weights(&weights, path, error);
	if (status == SC_OK)
		status = sc_arena_init(&fresh, model->storage.bytes, "the parameters to be read", error);
	if (status == SC_OK)
		status = read_values(model, fresh.base, weights, error);
	if (status == SC_OK)
		memcpy(model->values, fresh.base, (size_t)model->value_count * sizeof(float));
	sc_arena_release(&fresh);
	free(weights);
	return status;
}

/* The net that a file's description tells of. */
static enum sc_status open_described(struct sc_model **out, const char *weights, struct sc_error *error)
{
	char *text = NULL;
	enum sc_status status = sc_weights_metadata(weights, DESCRIPTION_KEY, &text, error);
	if (status != SC_OK)
		return status;
	if (!text)
		return sc_fail(error, SC_ERROR_FORMAT, weights, -1,
			       "%s carries no description of its model (metadata \"" DESCRIPTION_KEY
			       "\"): say which model it belongs to with --model NAME",
			       weights);
	status = sc_model_from_description(out, text, weights, error);
	free(text);
	return status;
}

enum sc_status sc_model_open(struct sc_model **out, char **weights, const char *name, const struct sc_model_options *options,
			     const char *path, struct sc_error *error)
{
	char *found = NULL;
	enum sc_status status = find_weights(&found, path, error);
	if (status == SC_OK)
		status = name ? sc_model_by_name(out, name, options, error) : open_described(out, found, error);
	if (status == SC_OK)
		*weights = found;
	else
		free(found);
	return status;
}

enum sc_status sc_model_load_as(struct sc_model **out, const char *name, const struct sc_model_options *options, const char *path,
				struct sc_error *error)
{
	struct sc_model *model = NULL;
	char *weights = NULL;
	enum sc_status status = sc_model_open(&model, &weights, name, options, path, error);
	if (status != SC_OK)
		return status;
	status = sc_model_fill(model, weights, error);
	free(weights);
	if (status == SC_OK)
		*out = model;
	else
		sc_model_destroy(model);
	return status;
}

enum sc_status sc_model_load(struct sc_model **out, const char *path, struct sc_error *error)
{
	return sc_model_load_as(out, NULL, NULL, path, error);
}

/* One of Keras' files: with its names and, where it holds a whole model, its layers. */
static enum sc_status write_keras(const struct sc_model *model, enum sc_keras_file file, struct sc_tensor *views, const char *path,
				  const char *description, struct sc_error *error)
{
	char *config = NULL;
	char(*names)[SC_KERAS_PATH] = sc_allocate(model->parameter_count, sizeof *names);
	enum sc_status status = names ? sc_keras_name(model, file, views, names, error)
				      : sc_fail_memory(error, model->parameter_count * (int64_t)sizeof *names, "Keras' names");
	if (status == SC_OK && file != SC_KERAS_WEIGHTS_FILE)
		status = sc_keras_config(model, &config, error);
	const char *const metadata[] = {DESCRIPTION_KEY, description, SC_KERAS_CONFIG, config};
	if (status == SC_OK)
		status = sc_weights_write(path, views, model->parameter_count, metadata, config ? 2 : 1, error);
	free(config);
	free(names);
	return status;
}

static enum sc_status write_views(const struct sc_model *model, struct sc_tensor *views, const char *path, const char *description,
				  struct sc_error *error)
{
	const char *const metadata[] = {"format", "pt", DESCRIPTION_KEY, description};
	const enum sc_keras_file keras = sc_arrays_keras_file(path);
	if (keras != SC_KERAS_NONE)
		return write_keras(model, keras, views, path, description, error);
	return sc_weights_write(path, views, model->parameter_count, metadata, 2, error);
}

enum sc_status sc_model_save(const struct sc_model *model, const char *path, struct sc_error *error)
{
	char *text = NULL;
	enum sc_status status = sc_model_describe(model, &text, error);
	if (status != SC_OK)
		return status;
	struct sc_tensor *views = make_views(model, model->values);
	status = views ? write_views(model, views, path, text, error) : fail_views(model, error);
	free(views);
	free(text);
	return status;
}

enum sc_status sc_model_hash(const struct sc_model *model, char hash[SC_HASH_SIZE], struct sc_error *error)
{
	struct sc_tensor *views = make_views(model, model->values);
	if (!views)
		return fail_views(model, error);
	enum sc_status status = sc_weights_hash(hash, views, model->parameter_count, error);
	free(views);
	return status;
}

/* Whether the file has Keras' names and axes, of which hashes are not made, and says which net it belongs to. */
static enum sc_status is_described_keras(bool *is, const char *weights, struct sc_error *error)
{
	struct sc_arrays file;
	enum sc_status status = sc_arrays_open(&file, weights, error);
	if (status != SC_OK)
		return status;
	*is = file.reader->keras && sc_arrays_metadata(&file, DESCRIPTION_KEY);
	sc_arrays_close(&file);
	return SC_OK;
}

static enum sc_status hash_model_file(char hash[SC_HASH_SIZE], const char *weights, struct sc_error *error)
{
	struct sc_model *model = NULL;
	enum sc_status status = sc_model_load(&model, weights, error);
	if (status == SC_OK)
		status = sc_model_hash(model, hash, error);
	sc_model_destroy(model);
	return status;
}

enum sc_status sc_hash_file(char hash[SC_HASH_SIZE], const char *path, struct sc_error *error)
{
	char *weights = NULL;
	bool keras = false;
	enum sc_status status = find_weights(&weights, path, error);
	if (status == SC_OK)
		status = is_described_keras(&keras, weights, error);
	if (status == SC_OK)
		status = (keras ? hash_model_file : sc_weights_hash_file)(hash, weights, error);
	free(weights);
	return status;
}
