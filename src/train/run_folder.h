/* run_folder.h - what a training leaves on disk:
 *
 *     RUN/config.json                       the model, the data and every training option, written first
 *     RUN/weights.safetensors               the newest weights
 *     RUN/checkpoints/epoch-NNNN.safetensors  weights and momenta after an epoch; the last two are kept
 *     RUN/history.csv, history.json         a row an epoch
 *     RUN/steps.csv                         a row a step
 *
 * Everything but steps.csv, which only grows, is written whole or not at all. */
#ifndef SC_TRAIN_RUN_FOLDER_H
#define SC_TRAIN_RUN_FOLDER_H

#include <stdio.h>

#include "data/data.h"
#include "model/model.h"
#include "train/history.h"

struct sc_run_folder {
	char *path; /* NULL: nothing is written */
	FILE *steps;
	char *steps_buffer;
	struct sc_epoch_row *rows; /* [capacity] */
	int64_t row_count, capacity;
};

/* A new run: makes the folder and writes config.json. A folder that holds a run already is refused. */
enum sc_status sc_run_folder_create(struct sc_run_folder *folder, const char *path, const struct sc_model *model,
				    const struct sc_data *data, const struct sc_fit_options *options, struct sc_error *error);
/* Goes on with a run after `epoch` epochs and `step` steps: its config.json must agree with the options; later rows are dropped. */
enum sc_status sc_run_folder_resume(struct sc_run_folder *folder, const char *path, const struct sc_data *data,
				    const struct sc_fit_options *options, int64_t epoch, int64_t step, struct sc_error *error);
void sc_run_folder_release(struct sc_run_folder *folder);

/* A row of steps.csv; its errors are found at the end of the epoch. Allocates nothing. */
void sc_run_folder_step(struct sc_run_folder *folder, const struct sc_progress_event *event, double seconds);
/* Adds the row and writes the history. */
enum sc_status sc_run_folder_epoch(struct sc_run_folder *folder, const struct sc_epoch_row *row, struct sc_error *error);

#endif
