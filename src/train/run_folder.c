/* run_folder.c - the files of a run, but for weights and checkpoints: see run_folder.h. */
#include "train/run_folder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/file.h"
#include "train/run_config.h"

#define STEPS_BUFFER  (1 << 16) /* bytes: given to the stream, so that a step allocates nothing */
#define LONGEST_STEPS ((int64_t)1 << 32)
#define STEPS_HEADER  "step,epoch,loss,accuracy,learning_rate,seconds\n"

static enum sc_status steps_failed(const char *path, struct sc_error *error)
{
	return sc_fail(error, SC_ERROR_WRITE, path, -1, "%s: steps.csv cannot be written: %s", path, strerror(errno ? errno : EIO));
}

static enum sc_status open_steps(struct sc_run_folder *folder, struct sc_error *error)
{
	char *path = sc_path_join(folder->path, "steps.csv");
	if (!path)
		return sc_fail_memory(error, 0, folder->path);
	folder->steps = fopen(path, "ae");
	free(path);
	if (!folder->steps)
		return steps_failed(folder->path, error);
	folder->steps_buffer = malloc(STEPS_BUFFER);
	if (!folder->steps_buffer)
		return sc_fail_memory(error, STEPS_BUFFER, folder->path);
	setvbuf(folder->steps, folder->steps_buffer, _IOFBF, STEPS_BUFFER);
	return SC_OK;
}

/* Writes steps.csv anew with the rows up to step `last` of `text` (the old content, or NULL). */
static enum sc_status begin_steps(const struct sc_run_folder *folder, const char *text, int64_t last, struct sc_error *error)
{
	struct sc_file_writer writer;
	char *path = sc_path_join(folder->path, "steps.csv");
	enum sc_status status = path ? sc_file_writer_open(&writer, path, error) : sc_fail_memory(error, 0, folder->path);
	if (!status) {
		fputs(STEPS_HEADER, writer.stream);
		const char *line = text ? strchr(text, '\n') : NULL;
		while (line && line[1]) {
			const char *end = strchr(++line, '\n');
			if (!end || strtoll(line, NULL, 10) > last)
				break;
			fwrite(line, 1, (size_t)(end - line + 1), writer.stream);
			line = end;
		}
		status = sc_file_writer_commit(&writer, error);
	}
	free(path);
	return status;
}

static enum sc_status prepare(struct sc_run_folder *folder, const char *path, int64_t epochs, struct sc_error *error)
{
	*folder = (struct sc_run_folder){.path = sc_copy_string(path), .capacity = epochs};
	folder->rows = sc_allocate(epochs, sizeof(folder->rows[0]));
	return folder->path && folder->rows ? SC_OK : sc_fail_memory(error, 0, path);
}

enum sc_status sc_run_folder_create(struct sc_run_folder *folder, const char *path, const struct sc_model *model,
				    const struct sc_data *data, const struct sc_fit_options *options, struct sc_error *error)
{
	enum sc_status status = prepare(folder, path, options->epochs, error);
	char *checkpoints = sc_path_join(path, "checkpoints"), *config = sc_path_join(path, "config.json");
	if (!status && !(checkpoints && config))
		status = sc_fail_memory(error, 0, path);
	if (!status && access(config, F_OK) == 0)
		status = sc_fail(error, SC_ERROR_ARGUMENT, path, -1,
				 "%s: it holds a run already; choose another folder, or resume it", path);
	if (!status)
		status = sc_folder_make(checkpoints, error);
	if (!status)
		status = sc_run_config_write(config, model, data, options, error);
	if (!status)
		status = begin_steps(folder, NULL, 0, error);
	if (!status)
		status = open_steps(folder, error);
	free(checkpoints);
	free(config);
	if (status)
		sc_run_folder_release(folder);
	return status;
}

static enum sc_status keep_rows(struct sc_run_folder *folder, int64_t epoch, int64_t step, struct sc_error *error)
{
	char *history = sc_path_join(folder->path, "history.json"), *steps = sc_path_join(folder->path, "steps.csv"), *text = NULL;
	enum sc_status status = history && steps ? SC_OK : sc_fail_memory(error, 0, folder->path);
	if (!status)
		status = sc_history_read_json(history, folder->rows, epoch, error);
	if (!status)
		status = sc_file_read_text(&text, steps, LONGEST_STEPS, error);
	if (!status)
		status = begin_steps(folder, text, step, error);
	folder->row_count = epoch;
	free(history);
	free(steps);
	free(text);
	return status;
}

enum sc_status sc_run_folder_resume(struct sc_run_folder *folder, const char *path, const struct sc_data *data,
				    const struct sc_fit_options *options, int64_t epoch, int64_t step, struct sc_error *error)
{
	enum sc_status status = prepare(folder, path, options->epochs > epoch ? options->epochs : epoch, error);
	char *config = sc_path_join(path, "config.json");
	if (!status && !config)
		status = sc_fail_memory(error, 0, path);
	if (!status)
		status = sc_run_config_check(config, data, options, error);
	if (!status)
		status = keep_rows(folder, epoch, step, error);
	if (!status)
		status = open_steps(folder, error);
	free(config);
	if (status)
		sc_run_folder_release(folder);
	return status;
}

void sc_run_folder_release(struct sc_run_folder *folder)
{
	if (folder->steps)
		fclose(folder->steps);
	free(folder->steps_buffer);
	free(folder->rows);
	free(folder->path);
	*folder = (struct sc_run_folder){0};
}

void sc_run_folder_step(struct sc_run_folder *folder, const struct sc_progress_event *event, double seconds)
{
	if (folder->steps)
		fprintf(folder->steps, "%" PRId64 ",%" PRId64 ",%.9g,%.9g,%.9g,%.6f\n", event->global_step, event->epoch,
			event->step_loss, event->step_accuracy, (double)event->learning_rate, seconds);
}

enum sc_status sc_run_folder_epoch(struct sc_run_folder *folder, const struct sc_epoch_row *row, struct sc_error *error)
{
	if (!folder->path)
		return SC_OK;
	folder->rows[folder->row_count++] = *row;
	if (fflush(folder->steps) != 0 || ferror(folder->steps))
		return steps_failed(folder->path, error);
	char *csv = sc_path_join(folder->path, "history.csv"), *json = sc_path_join(folder->path, "history.json");
	enum sc_status status = csv && json ? SC_OK : sc_fail_memory(error, 0, folder->path);
	if (!status)
		status = sc_history_write_csv(csv, folder->rows, folder->row_count, error);
	if (!status)
		status = sc_history_write_json(json, folder->rows, folder->row_count, error);
	free(csv);
	free(json);
	return status;
}
