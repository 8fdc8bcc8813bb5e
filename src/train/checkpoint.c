/* checkpoint.c - weights and momenta after an epoch: see checkpoint.h. */
#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "io/weights.h"

#define VELOCITY "optimizer.velocity."

/* ---- Names ------------------------------------------------------------------------------------------------------------------- */

static void name_of(char name[64], int64_t epoch)
{
	snprintf(name, 64, "checkpoints/epoch-%04" PRId64 ".safetensors", epoch);
}

static char *path_of(const char *run, int64_t epoch)
{
	char name[64];
	name_of(name, epoch);
	return sc_path_join(run, name);
}

/* ---- Tensors
 * --------------------------------------------------------------------------------------------------------------------- */

/* The model's tensors over `values`, then the velocities over `velocity` (if not NULL), with names of their own. */
struct views {
	struct sc_tensor *tensors;
	char (*names)[sizeof(VELOCITY) + 96];
	int64_t count;
};

static void release_views(struct views *views)
{
	free(views->tensors);
	free(views->names);
}

static enum sc_status make_views(struct views *views, const struct sc_model *model, float *values, float *velocity,
				 struct sc_error *error)
{
	*views = (struct views){.tensors = sc_allocate(2 * model->parameter_count, sizeof(*views->tensors)),
				.names = sc_allocate(model->parameter_count, sizeof(*views->names))};
	if (!views->tensors || !views->names) {
		release_views(views);
		return sc_fail_memory(error, 0, "a checkpoint");
	}
	for (int i = 0; i < model->parameter_count; i++) {
		struct sc_tensor *t = &views->tensors[views->count++];
		sc_model_tensor(model, i, t);
		t->values = values + model->parameters[i].offset;
	}
	for (int i = 0; velocity && i < model->parameter_count; i++) {
		if (!sc_parameter_trainable(&model->parameters[i]))
			continue;
		struct sc_tensor *t = &views->tensors[views->count++];
		snprintf(views->names[i], sizeof(views->names[i]), VELOCITY "%s", model->parameters[i].name);
		sc_model_tensor(model, i, t);
		t->name = views->names[i];
		t->values = velocity + model->parameters[i].offset;
	}
	return SC_OK;
}

/* ---- Writing -------------------------------------------------------------------------------------------------------------------
 */

static enum sc_status write_file(const char *path, const struct sc_model *model, const float *velocity,
				 const struct sc_checkpoint *at, struct sc_error *error)
{
	char epoch[24], step[24], seed[24], *description = NULL;
	struct views views;
	enum sc_status status = sc_model_describe(model, &description, error);
	if (status)
		return status;
	snprintf(epoch, sizeof(epoch), "%" PRId64, at->epoch);
	snprintf(step, sizeof(step), "%" PRId64, at->step);
	snprintf(seed, sizeof(seed), "%" PRIu64, at->seed);
	const char *const metadata[] = {"format",        "pt", "shortcut.model", description, "shortcut.epoch", epoch,
					"shortcut.step", step, "shortcut.seed",  seed};
	status = make_views(&views, model, model->values, (float *)(uintptr_t)velocity, error); /* only read */
	if (!status) {
		status = sc_weights_write(path, views.tensors, views.count, metadata, 5, error);
		release_views(&views);
	}
	free(description);
	return status;
}

enum sc_status sc_checkpoint_write(const char *run, const struct sc_model *model, const float *velocity,
				   const struct sc_checkpoint *at, char name[64], struct sc_error *error)
{
	char *path = path_of(run, at->epoch), *old = path_of(run, at->epoch - 2),
	     *weights = sc_path_join(run, "weights.safetensors");
	enum sc_status status = path && old && weights ? SC_OK : sc_fail_memory(error, 0, run);
	if (!status)
		status = write_file(path, model, velocity, at, error);
	if (!status)
		status = sc_model_save(model, weights, error);
	if (!status) {
		name_of(name, at->epoch);
		unlink(old); /* if it stays, it does no harm */
	}
	free(path);
	free(old);
	free(weights);
	return status;
}

/* ---- Reading -------------------------------------------------------------------------------------------------------------------
 */

static int64_t newest_epoch(DIR *folder)
{
	int64_t newest = 0;
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		int64_t epoch;
		int end = 0;
		if (sscanf(entry->d_name, "epoch-%" SCNd64 ".safetensors%n", &epoch, &end) == 1 && end > 0 && !entry->d_name[end] &&
		    epoch > newest)
			newest = epoch;
	}
	return newest;
}

static enum sc_status read_number(const char *path, const char *key, uint64_t *number, struct sc_error *error)
{
	char *text = NULL;
	enum sc_status status = sc_weights_metadata(path, key, &text, error);
	if (status)
		return status;
	char *end = NULL;
	errno = 0;
	*number = text ? strtoull(text, &end, 10) : 0;
	if (!text || !*text || *end || errno)
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1, "%s: expected a whole number as metadata \"%s\", found %s", path,
				 key, text ? text : "nothing");
	free(text);
	return status;
}

enum sc_status sc_checkpoint_find(const char *run, struct sc_checkpoint *at, struct sc_error *error)
{
	char *folder_path = sc_path_join(run, "checkpoints");
	DIR *folder = folder_path ? opendir(folder_path) : NULL;
	int64_t epoch = folder ? newest_epoch(folder) : 0;
	if (folder)
		closedir(folder);
	free(folder_path);
	if (epoch == 0)
		return sc_fail(error, SC_ERROR_NOT_FOUND, run, -1,
			       "%s: expected a run with checkpoints/epoch-NNNN.safetensors, found none", run);
	char *path = path_of(run, epoch);
	if (!path)
		return sc_fail_memory(error, 0, run);
	uint64_t said = 0, step = 0, seed = 0;
	enum sc_status status = read_number(path, "shortcut.epoch", &said, error);
	if (!status)
		status = read_number(path, "shortcut.step", &step, error);
	if (!status)
		status = read_number(path, "shortcut.seed", &seed, error);
	if (!status && ((int64_t)said != epoch || (int64_t)step < 0))
		status = sc_fail(error, SC_ERROR_FORMAT, path, -1,
				 "%s: expected the checkpoint of epoch %" PRId64 ", found that of %" PRIu64, path, epoch, said);
	if (!status)
		*at = (struct sc_checkpoint){.epoch = epoch, .step = (int64_t)step, .seed = seed};
	free(path);
	return status;
}

enum sc_status sc_checkpoint_read(const char *run, const struct sc_checkpoint *at, struct sc_model *model, float *velocity,
				  struct sc_error *error)
{
	char *path = path_of(run, at->epoch);
	struct sc_arena fresh = {0};
	struct views views;
	int64_t values = model->value_count, trained = velocity ? model->trainable_values : 0;
	if (!path)
		return sc_fail_memory(error, 0, run);
	enum sc_status status = sc_arena_init(&fresh, (values + trained) * (int64_t)sizeof(float), "a checkpoint", error);
	if (!status) {
		float *numbers = fresh.base;
		status = make_views(&views, model, numbers, velocity ? numbers + values : NULL, error);
		if (!status) {
			status = sc_weights_read(path, views.tensors, views.count, NULL, error);
			release_views(&views);
		}
		if (!status) {
			memcpy(model->values, numbers, (size_t)values * sizeof(float));
			if (velocity)
				memcpy(velocity, numbers + values, (size_t)trained * sizeof(float));
		}
	}
	sc_arena_release(&fresh);
	free(path);
	return status;
}
