/* checkpoint.c - names and tensors of checkpoints, and their writing: see checkpoint.h. Reading: checkpoint_load.c. */
#include "train/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/finite.h"
#include "io/file.h"
#include "io/weights.h"

#define VELOCITY SC_TRAINING_PREFIX "velocity."

/* ---- Names ------------------------------------------------------------------------------------------------------------ */

static void name_of(char name[64], int64_t step)
{
	snprintf(name, 64, "checkpoints/step-%010" PRId64 ".safetensors", step);
}

char *sc_checkpoint_path(const char *run, int64_t step)
{
	char name[64];
	name_of(name, step);
	return sc_path_join(run, name);
}

static bool read_name(const char *name, int64_t *step)
{
	int end = 0;
	return sscanf(name, "step-%" SCNd64 ".safetensors%n", step, &end) == 1 && end > 0 && !name[end] && *step >= 0;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x < y) - (x > y);
}

enum sc_status sc_checkpoint_list(int64_t **steps, int64_t *count, const char *run, struct sc_error *error)
{
	char *path = sc_path_join(run, "checkpoints");
	DIR *folder = path ? opendir(path) : NULL;
	enum sc_status status = path ? SC_OK : sc_fail_memory(error, 0, run);
	int64_t step;
	*steps = NULL, *count = 0;
	if (!status && !folder && errno != ENOENT)
		status = sc_fail(error, SC_ERROR_READ, path, -1, "%s: cannot be opened: %s", path, strerror(errno));
	while (folder && !status) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (!entry && errno) /* none may be missing: the newest would be lost in silence */
			status = sc_fail(error, SC_ERROR_READ, path, -1, "%s: cannot be read: %s", path, strerror(errno));
		if (!entry)
			break;
		if (!read_name(entry->d_name, &step))
			continue;
		int64_t *more = realloc(*steps, (size_t)(*count + 1) * sizeof(**steps));
		if (more)
			*steps = more, more[(*count)++] = step;
		else
			status = sc_fail_memory(error, 8 * (*count + 1), "the list of checkpoints");
	}
	if (folder)
		closedir(folder);
	free(path);
	if (status) {
		free(*steps);
		*steps = NULL, *count = 0;
	}
	if (*count > 1)
		qsort(*steps, (size_t)*count, sizeof(**steps), newest_first);
	return status;
}

void sc_checkpoint_prune(const char *run, int64_t newest, int64_t before, int64_t each)
{
	int64_t *steps, count;
	if (sc_checkpoint_list(&steps, &count, run, NULL) != SC_OK)
		return; /* they go with the next one */
	for (int64_t i = 0; i < count; i++) {
		bool kept = steps[i] == newest || steps[i] == before || (each > 0 && steps[i] % each == 0);
		char *path = kept ? NULL : sc_checkpoint_path(run, steps[i]);
		if (path)
			unlink(path); /* if it stays, it does no harm */
		free(path);
	}
	free(steps);
}

/* ---- Tensors ---------------------------------------------------------------------------------------------------------- */

void sc_checkpoint_views_release(struct sc_checkpoint_views *views)
{
	free(views->tensors);
	free(views->names);
	*views = (struct sc_checkpoint_views){0};
}

enum sc_status sc_checkpoint_views_init(struct sc_checkpoint_views *views, const struct sc_model *model, float *values,
					float *velocity, struct sc_error *error)
{
	*views = (struct sc_checkpoint_views){.tensors = sc_allocate(2 * (int64_t)model->parameter_count, sizeof(*views->tensors)),
					      .names = sc_allocate(model->parameter_count, sizeof(*views->names))};
	if (!views->tensors || !views->names) {
		sc_checkpoint_views_release(views);
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

/* ---- Writing ---------------------------------------------------------------------------------------------------------- */

/* A number that is not finite would be in the checkpoint for good. */
static enum sc_status check_finite(const struct sc_checkpoint_views *views, const char *path, struct sc_error *error)
{
	for (int64_t i = 0; i < views->count; i++)
		if (!sc_all_finite(views->tensors[i].values, views->tensors[i].count))
			return sc_fail(error, SC_ERROR_NON_FINITE, views->tensors[i].name, -1,
				       "%s: not written: %s holds a number that is not finite", path, views->tensors[i].name);
	return SC_OK;
}

#define STATE_PAIRS 10

/* Keys and values; the values' texts lie in `texts`. */
static void describe_state(const char *pairs[2 * STATE_PAIRS], char texts[STATE_PAIRS][32], const struct sc_checkpoint *at)
{
	const struct {
		const char *key;
		int64_t value;
	} whole[] = {{"shortcut.step", at->step},
		     {"shortcut.epochs", at->epochs},
		     {"shortcut.epoch_step", at->epoch_step},
		     {"shortcut.epoch_images", at->images},
		     {"shortcut.epoch_correct", at->correct},
		     {"shortcut.skipped", at->skipped}};
	const struct {
		const char *key;
		double value;
	} real[] = {{"shortcut.epoch_loss", at->loss},
		    {"shortcut.epoch_seconds", at->seconds},
		    {"shortcut.rate_factor", at->rate_factor}};
	int n = 0;
	pairs[0] = "shortcut.checkpoint", pairs[1] = "1";
	for (n = 1; n < 7; n++) {
		snprintf(texts[n], sizeof(texts[n]), "%" PRId64, whole[n - 1].value);
		pairs[2 * n] = whole[n - 1].key, pairs[2 * n + 1] = texts[n];
	}
	for (; n < STATE_PAIRS; n++) {
		snprintf(texts[n], sizeof(texts[n]), "%a", real[n - 7].value);
		pairs[2 * n] = real[n - 7].key, pairs[2 * n + 1] = texts[n];
	}
}

enum sc_status sc_checkpoint_write(const struct sc_checkpoint_file *file, const struct sc_checkpoint *at, char name[64],
				   struct sc_error *error)
{
	const char *metadata[2 * STATE_PAIRS + 10];
	char texts[STATE_PAIRS][32];
	struct sc_checkpoint_views views;
	char *path = sc_checkpoint_path(file->run, at->step);
	if (!path)
		return sc_fail_memory(error, 0, file->run);
	describe_state(metadata, texts, at);
	const char *const rest[] = {"format",
				    "pt",
				    "shortcut.model",
				    file->identity->model,
				    "shortcut.training",
				    file->identity->training,
				    "shortcut.config",
				    file->identity->hash,
				    "shortcut.data",
				    file->identity->data_hash};
	memcpy(metadata + 2 * STATE_PAIRS, rest, sizeof(rest));
	enum sc_status status = sc_checkpoint_views_init(&views, file->model, file->model->values, file->velocity, error);
	if (!status) {
		status = check_finite(&views, path, error);
		if (!status)
			status = sc_weights_write_checked(path, views.tensors, views.count, metadata, STATE_PAIRS + 5, error);
		sc_checkpoint_views_release(&views);
	}
	if (!status)
		name_of(name, at->step);
	free(path);
	return status;
}
