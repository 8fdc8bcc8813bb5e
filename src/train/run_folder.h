/* run_folder.h - what a training leaves on disk:
 *
 *     RUN/checkpoints/step-N.safetensors    all that is needed to go on (train/checkpoint.h); the last two are kept, or more
 *     RUN/config.json                       the model, the data and every training option; with it the folder is a run
 *     RUN/weights.safetensors               the weights after the newest finished epoch, or where the training ended
 *     RUN/history.csv, history.json         a row an epoch
 *     RUN/receipt.json                      by what it was made, and the hash of the weights after each epoch (train/receipt.h)
 *     RUN/steps.csv                         a row a step, up to the newest checkpoint
 *     RUN/lock                              empty; locked while a process trains there
 *
 * Everything but steps.csv, which only grows, is written whole or not at all. */
#ifndef SC_TRAIN_RUN_FOLDER_H
#define SC_TRAIN_RUN_FOLDER_H

#include "engine/plan.h"
#include "train/checkpoint.h"
#include "train/history.h"
#include "train/steps.h"

struct sc_run_folder {
	char *path; /* NULL: nothing is written */
	int lock;
	struct sc_run_identity identity;
	struct sc_steps steps;
	struct sc_epoch_row *rows; /* [capacity] */
	int64_t row_count, capacity;
	bool rows_pending;      /* the history on the disk lacks some */
	const struct sc_engine *engine; /* what trains: for the receipt; set by the owner */
	char initial[SC_HASH_SIZE]; /* hash of the weights before the first step, or "" */
	int64_t keep_each;          /* checkpoints of multiples of so many steps are kept; 0: none */
	int64_t newest, before; /* steps of the two newest checkpoints that are known to be whole, or -1 */
};

/* Makes the folder, locks it, removes what killed writers left there. Nothing else is written yet. A folder that holds a run
 * already is refused, unless it is to be resumed: then its config.json must agree. */
enum sc_status sc_run_folder_open(struct sc_run_folder *folder, const struct sc_model *model, const struct sc_data *data,
				  const struct sc_fit_options *options, struct sc_error *error);
void sc_run_folder_release(struct sc_run_folder *folder);

/* A new run: the checkpoint of its beginning, then config.json. */
enum sc_status sc_run_folder_begin(struct sc_run_folder *folder, struct sc_model *model, float *velocity,
				   const struct sc_checkpoint *at, int64_t steps_per_epoch, struct sc_error *error);
/* Loads the newest checkpoint that is whole, and forgets the rows of what came after it. Serves going back, too. */
enum sc_status sc_run_folder_load(struct sc_run_folder *folder, struct sc_model *model, float *velocity, struct sc_checkpoint *at,
				  int64_t steps_per_epoch, struct sc_error *error);
/* Rows of epochs and steps, then the checkpoint; the one before the last goes. name: gets the checkpoint's name inside the run. After
 * a failure, sc_run_folder_make_room before the next step: rows wait for the next save. */
enum sc_status sc_run_folder_save(struct sc_run_folder *folder, struct sc_model *model, float *velocity,
				  const struct sc_checkpoint *at, char name[64], struct sc_error *error);
void sc_run_folder_make_room(struct sc_run_folder *folder);
/* The row of its epoch, for the next save. Cannot fail. */
void sc_run_folder_add_epoch(struct sc_run_folder *folder, const struct sc_epoch_row *row);
enum sc_status sc_run_folder_save_weights(const struct sc_run_folder *folder, const struct sc_model *model, struct sc_error *error);

#endif
