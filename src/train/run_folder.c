/* run_folder.c - the files of a run and the order in which they are written: see run_folder.h.
 *
 * A checkpoint is what counts. The rows of steps and epochs are on the disk before the checkpoint that they belong to, so that
 * going on from any checkpoint finds them; rows of what came after it are dropped then, and made again. */
#include "train/run_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "train/receipt.h"

/* ---- Opening ---------------------------------------------------------------------------------------------------------- */

static enum sc_status make_folders(const char *path, struct sc_error *error)
{
	char *checkpoints = sc_path_join(path, "checkpoints");
	enum sc_status status = checkpoints ? sc_folder_make(checkpoints, error) : sc_fail_memory(error, 0, path);
	free(checkpoints);
	int reason = status ? 0 : sc_folder_sync(path); /* whoever made RUN may not have waited for its name */
	if (reason)
		status = sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: the folder cannot be written: %s", path, strerror(reason));
	return status;
}

static void clean(const char *path)
{
	char *checkpoints = sc_path_join(path, "checkpoints");
	if (checkpoints)
		sc_folder_clean(checkpoints);
	free(checkpoints);
	sc_folder_clean(path);
}

/* config: path of config.json. */
static enum sc_status check_config(struct sc_run_folder *folder, const char *config, const struct sc_fit_options *options,
				   struct sc_error *error)
{
	bool grown;
	if (!options->resume && access(config, F_OK) == 0)
		return sc_fail(error, SC_ERROR_ARGUMENT, folder->path, -1,
			       "%s: it holds a run already; choose another folder, or resume it", folder->path);
	if (!options->resume)
		return SC_OK;
	enum sc_status status = sc_run_config_check(config, &folder->identity, options, &grown, error);
	return !status && grown ? sc_run_config_write(config, &folder->identity, error) : status;
}

static enum sc_status open_folder(struct sc_run_folder *folder, const char *config, const struct sc_fit_options *options,
				  struct sc_error *error)
{
	enum sc_status status = make_folders(folder->path, error);
	if (!status)
		status = sc_folder_lock(&folder->lock, folder->path, error);
	if (status)
		return status;
	clean(folder->path);
	return check_config(folder, config, options, error);
}

enum sc_status sc_run_folder_open(struct sc_run_folder *folder, const struct sc_model *model, const struct sc_data *data,
				  const struct sc_fit_options *options, struct sc_error *error)
{
	const char *run = options->run;
	*folder = (struct sc_run_folder){
		.path = sc_copy_string(run), .lock = -1, .capacity = options->epochs, .newest = -1, .before = -1};
	folder->rows = sc_allocate(folder->capacity, sizeof(folder->rows[0]));
	char *config = sc_path_join(run, "config.json");
	enum sc_status status = folder->path && folder->rows && config ? SC_OK : sc_fail_memory(error, 0, run);
	if (!status && options->resume && access(config, F_OK) != 0)
		status = sc_fail(error, SC_ERROR_NOT_FOUND, run, -1, "%s: cannot be opened: %s", config, strerror(errno));
	if (!status)
		status = sc_run_identity_init(&folder->identity, model, data, options, error);
	if (!status)
		status = open_folder(folder, config, options, error);
	free(config);
	if (status)
		sc_run_folder_release(folder);
	return status;
}

void sc_run_folder_release(struct sc_run_folder *folder)
{
	if (!folder->path && !folder->rows)
		return;
	if (folder->lock >= 0)
		sc_folder_unlock(folder->lock);
	sc_run_identity_release(&folder->identity);
	sc_steps_release(&folder->steps);
	free(folder->rows);
	free(folder->path);
	*folder = (struct sc_run_folder){.lock = -1};
}

/* ---- Beginning and going on ------------------------------------------------------------------------------------------- */

static struct sc_checkpoint_file checkpoint_of(const struct sc_run_folder *folder, struct sc_model *model, float *velocity)
{
	return (struct sc_checkpoint_file){folder->path, &folder->identity, model, velocity, INT64_MAX};
}

enum sc_status sc_run_folder_begin(struct sc_run_folder *folder, struct sc_model *model, float *velocity,
				   const struct sc_checkpoint *at, int64_t steps_per_epoch, struct sc_error *error)
{
	char name[64], *config = sc_path_join(folder->path, "config.json");
	enum sc_status status = config ? SC_OK : sc_fail_memory(error, 0, folder->path);
	sc_checkpoint_prune(folder->path, -1, -1, 0); /* those of a beginning that did not come to its config.json */
	if (!status)
		status = sc_model_hash(model, folder->initial, error);
	folder->rows_pending = true; /* the receipt of the beginning */
	if (!status)
		status = sc_steps_init(&folder->steps, folder->path, 0, steps_per_epoch, error);
	if (!status)
		status = sc_run_folder_save(folder, model, velocity, at, name, error);
	if (!status)
		status = sc_run_config_write(config, &folder->identity, error);
	free(config);
	return status;
}

static enum sc_status keep_rows(struct sc_run_folder *folder, int64_t epochs, struct sc_error *error)
{
	if (epochs > folder->capacity) {
		struct sc_epoch_row *more = realloc(folder->rows, (size_t)epochs * sizeof(*more));
		if (!more)
			return sc_fail_memory(error, epochs * (int64_t)sizeof(*more), "the history");
		folder->rows = more;
		folder->capacity = epochs;
	}
	folder->row_count = epochs;
	folder->rows_pending = false;
	if (epochs == 0)
		return SC_OK;
	char *history = sc_path_join(folder->path, "history.json");
	enum sc_status status =
		history ? sc_history_read_json(history, folder->rows, epochs, error) : sc_fail_memory(error, 0, folder->path);
	free(history);
	return status;
}

enum sc_status sc_run_folder_load(struct sc_run_folder *folder, struct sc_model *model, float *velocity, struct sc_checkpoint *at,
				  int64_t steps_per_epoch, struct sc_error *error)
{
	struct sc_checkpoint_file file = checkpoint_of(folder, model, velocity);
	struct sc_checkpoint found;
	enum sc_status status = sc_checkpoint_load(&file, &found, error);
	if (!status)
		status = keep_rows(folder, found.epochs, error);
	if (status)
		return status;
	if (sc_receipt_read(folder->path, 0, folder->initial, error) == SC_ERROR_MEMORY)
		return SC_ERROR_MEMORY;
	sc_steps_release(&folder->steps);
	status = sc_steps_init(&folder->steps, folder->path, found.step, steps_per_epoch, error);
	if (!status) {
		folder->before = folder->newest == found.step ? folder->before : -1;
		folder->newest = found.step;
		*at = found;
	}
	return status;
}

/* ---- Saving ----------------------------------------------------------------------------------------------------------- */

void sc_run_folder_add_epoch(struct sc_run_folder *folder, const struct sc_epoch_row *row)
{
	if (row->epoch > folder->capacity)
		return;
	folder->rows[row->epoch - 1] = *row;
	folder->row_count = row->epoch;
	folder->rows_pending = true;
}

static enum sc_status save_history(struct sc_run_folder *folder, struct sc_error *error)
{
	if (!folder->rows_pending)
		return SC_OK;
	char *csv = sc_path_join(folder->path, "history.csv"), *json = sc_path_join(folder->path, "history.json");
	enum sc_status status = csv && json ? SC_OK : sc_fail_memory(error, 0, folder->path);
	if (!status)
		status = sc_history_write_json(json, folder->rows, folder->row_count, error);
	if (!status)
		status = sc_history_write_csv(csv, folder->rows, folder->row_count, error);
	const struct sc_receipt receipt = {&folder->identity, folder->engine, folder->initial, folder->rows, folder->row_count};
	if (!status)
		status = sc_receipt_write(folder->path, &receipt, error);
	folder->rows_pending = status != SC_OK;
	free(csv);
	free(json);
	return status;
}

enum sc_status sc_run_folder_save(struct sc_run_folder *folder, struct sc_model *model, float *velocity,
				  const struct sc_checkpoint *at, char name[64], struct sc_error *error)
{
	struct sc_checkpoint_file file = checkpoint_of(folder, model, velocity);
	enum sc_status status = save_history(folder, error);
	if (!status)
		status = sc_steps_save(&folder->steps, error);
	if (!status)
		status = sc_checkpoint_write(&file, at, name, error);
	if (status)
		return status;
	if (folder->newest != at->step) {
		folder->before = folder->newest;
		folder->newest = at->step;
	}
	if (folder->before >= 0) /* until then an older one, of which nothing is known, is the second generation */
		sc_checkpoint_prune(folder->path, folder->newest, folder->before, folder->keep_each);
	return SC_OK;
}

void sc_run_folder_make_room(struct sc_run_folder *folder)
{
	struct sc_error error;
	if (sc_steps_make_room(&folder->steps, &error) != SC_OK)
		sc_log_line(SC_LOG_WARNING, "%s; rows of the steps to come will be missing", error.message);
}

enum sc_status sc_run_folder_save_weights(const struct sc_run_folder *folder, const struct sc_model *model, struct sc_error *error)
{
	char *weights = sc_path_join(folder->path, "weights.safetensors");
	enum sc_status status = weights ? sc_model_save(model, weights, error) : sc_fail_memory(error, 0, folder->path);
	free(weights);
	return status;
}
