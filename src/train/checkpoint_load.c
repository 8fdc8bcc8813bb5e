/* checkpoint_load.c - the newest checkpoint that is whole: see checkpoint.h. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/checksums.h"
#include "io/weights.h"
#include "train/checkpoint.h"

static enum sc_status bad_metadata(const struct sc_safetensors *file, const char *key, const char *expected, struct sc_error *error)
{
	const char *found = sc_safetensors_metadata(file, key);
	return sc_fail(error, SC_ERROR_FORMAT, file->path, -1, "%s: expected %s as metadata \"%s\", found %.60s", file->path,
		       expected, key, found ? found : "nothing");
}

static enum sc_status read_whole(const struct sc_safetensors *file, const char *key, int64_t *number, struct sc_error *error)
{
	const char *text = sc_safetensors_metadata(file, key);
	char *end = NULL;
	errno = 0;
	*number = text ? strtoll(text, &end, 10) : 0;
	bool good = text && *text && !*end && !errno && *number >= 0;
	return good ? SC_OK : bad_metadata(file, key, "a whole number", error);
}

static enum sc_status read_real(const struct sc_safetensors *file, const char *key, double *number, struct sc_error *error)
{
	const char *text = sc_safetensors_metadata(file, key);
	char *end = NULL;
	*number = text ? strtod(text, &end) : 0;
	bool good = text && *text && !*end && isfinite(*number);
	return good ? SC_OK : bad_metadata(file, key, "a finite number", error);
}

static enum sc_status read_state(const struct sc_safetensors *file, int64_t step, struct sc_checkpoint *at, struct sc_error *error)
{
	enum sc_status status;
	int64_t version;
	if ((status = read_whole(file, "shortcut.checkpoint", &version, error)) ||
	    (status = read_whole(file, "shortcut.step", &at->step, error)) ||
	    (status = read_whole(file, "shortcut.epochs", &at->epochs, error)) ||
	    (status = read_whole(file, "shortcut.epoch_step", &at->epoch_step, error)) ||
	    (status = read_whole(file, "shortcut.epoch_images", &at->images, error)) ||
	    (status = read_whole(file, "shortcut.epoch_correct", &at->correct, error)) ||
	    (status = read_whole(file, "shortcut.skipped", &at->skipped, error)) ||
	    (status = read_real(file, "shortcut.epoch_loss", &at->loss, error)) ||
	    (status = read_real(file, "shortcut.epoch_seconds", &at->seconds, error)) ||
	    (status = read_real(file, "shortcut.rate_factor", &at->rate_factor, error)))
		return status;
	if (version != 1)
		return bad_metadata(file, "shortcut.checkpoint", "1", error);
	if (at->step != step)
		return sc_fail(error, SC_ERROR_FORMAT, file->path, -1,
			       "%s: expected the checkpoint of step %" PRId64 ", found that of %" PRId64, file->path, step,
			       at->step);
	return SC_OK;
}

/* Model and velocity at once, or neither. */
static enum sc_status read_numbers(const struct sc_checkpoint_file *into, const char *path, struct sc_error *error)
{
	const struct sc_model *model = into->model;
	int64_t values = model->value_count, trained = into->velocity ? model->trainable_values : 0;
	struct sc_arena fresh = {0};
	struct sc_checkpoint_views views;
	enum sc_status status = sc_arena_init(&fresh, (values + trained) * (int64_t)sizeof(float), "a checkpoint", error);
	if (status)
		return status;
	float *numbers = fresh.base;
	status = sc_checkpoint_views_init(&views, model, numbers, trained ? numbers + values : NULL, error);
	if (!status) {
		status = sc_weights_read(path, views.tensors, views.count, SC_CHECKSUMS_NAME, error);
		sc_checkpoint_views_release(&views);
	}
	if (!status) {
		memcpy(model->values, numbers, (size_t)values * sizeof(float));
		if (trained)
			memcpy(into->velocity, numbers + values, (size_t)trained * sizeof(float));
	}
	sc_arena_release(&fresh);
	return status;
}

static enum sc_status load_step(const struct sc_checkpoint_file *into, int64_t step, struct sc_checkpoint *at,
				struct sc_error *error)
{
	char *path = sc_checkpoint_path(into->run, step);
	struct sc_checkpoint found = {0};
	struct sc_safetensors file;
	enum sc_status status = path ? sc_safetensors_open(&file, path, error) : sc_fail_memory(error, 0, into->run);
	free(path);
	if (status)
		return status;
	status = sc_checksums_verify(&file, error);
	const char *identity = sc_safetensors_metadata(&file, "shortcut.config");
	if (!status && (!identity || strcmp(identity, into->identity->hash) != 0))
		status = sc_fail(error, SC_ERROR_MISMATCH, file.path, -1,
				 "%s: it was written with other settings than those of the run's config.json", file.path);
	if (!status)
		status = read_state(&file, step, &found, error);
	if (!status)
		status = read_numbers(into, file.path, error);
	if (!status)
		*at = found;
	sc_safetensors_close(&file);
	return status;
}

/* What an older checkpoint may stand in for. Lack of memory, or another run's settings, it could only hide. */
static bool is_damage(enum sc_status status)
{
	return status == SC_ERROR_FORMAT || status == SC_ERROR_READ || status == SC_ERROR_NOT_FOUND;
}

enum sc_status sc_checkpoint_load(const struct sc_checkpoint_file *file, struct sc_checkpoint *at, struct sc_error *error)
{
	int64_t *steps, count, i = 0;
	struct sc_error reason = {0};
	enum sc_status status = sc_checkpoint_list(&steps, &count, file->run, error);
	if (status)
		return status;
	status = SC_ERROR_NOT_FOUND;
	while (i < count && steps[i] > file->at_most)
		i++;
	bool any = i < count;
	for (; i < count; i++) {
		status = load_step(file, steps[i], at, &reason);
		if (!is_damage(status))
			break;
		sc_log_line(SC_LOG_WARNING, "%s; %s", reason.message,
			    i + 1 < count ? "going back to the checkpoint before it" : "there is none before it");
	}
	free(steps);
	if (!any)
		return sc_fail(error, SC_ERROR_NOT_FOUND, file->run, -1,
			       "%s: expected a run with checkpoints/step-N.safetensors, found none", file->run);
	if (status)
		return sc_fail(error, status, reason.subject, reason.offset, "%s", reason.message);
	return SC_OK;
}
