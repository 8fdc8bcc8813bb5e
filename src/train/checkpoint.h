/* checkpoint.h - all that a training needs to go on, in one safetensors file, every byte of which is under a checksum.
 *
 * RUN/checkpoints/step-NNNNNNNNNN.safetensors, N being the steps that are finished. The bytes are those of io/safetensors.c:
 *
 *     the header      JSON, with the metadata below
 *     the buffer      the model's tensors (running statistics too), F32, in the model's order
 *                     "training.velocity.NAME" for each that is trained, F32, if there is momentum
 *                     "training.checksums", U64, as io/checksums.c says
 *
 * Metadata, all of it strings; whole numbers are decimal, real ones are C's hexadecimal "%a":
 *
 *     shortcut.checkpoint      version of this list: "1"
 *     shortcut.model           the model's description
 *     shortcut.training        the training options, as config.json has them: the seed and the schedule among them
 *     shortcut.config          the run's identity (train/run_config.h)
 *     shortcut.data            the data's fingerprint
 *     shortcut.step            finished steps in all
 *     shortcut.epochs          finished epochs
 *     shortcut.epoch_step      finished steps of the epoch under way
 *     shortcut.epoch_images    images that these have seen
 *     shortcut.epoch_correct   images of them that were classified rightly
 *     shortcut.epoch_loss      mean loss of them
 *     shortcut.epoch_seconds   time that they took
 *     shortcut.skipped         steps in a row, up to now, that were left out because of a number that was not finite
 *     shortcut.rate_factor     what going back has made of the learning rate: 1, 1/2, ...
 *
 * The order of samples is a function of seed and epoch, so the position inside the epoch is epoch_step. */
#ifndef SC_TRAIN_CHECKPOINT_H
#define SC_TRAIN_CHECKPOINT_H

#include "model/model.h"
#include "train/run_config.h"

struct sc_checkpoint { /* where a training is */
	int64_t step, epochs, epoch_step;
	int64_t images, correct; /* of the epoch under way */
	double loss, seconds;
	int64_t skipped;
	double rate_factor;
};

struct sc_checkpoint_file {
	const char *run;
	const struct sc_run_identity *identity;
	struct sc_model *model;
	float *velocity; /* [model->trainable_values], or NULL */
	int64_t at_most; /* loading: not one of a later step */
};

/* Writes the checkpoint. name: gets its name inside the run. A weight that is not finite is SC_ERROR_NON_FINITE, and nothing is
 * written. */
enum sc_status sc_checkpoint_write(const struct sc_checkpoint_file *file, const struct sc_checkpoint *at, char name[64],
				   struct sc_error *error);
/* Removes all checkpoints but those of steps `newest` and `before` and, if `each` is not 0, of multiples of it. */
void sc_checkpoint_prune(const char *run, int64_t newest, int64_t before, int64_t each);
/* Loads the newest checkpoint that is whole, and logs a warning for each damaged one before it. SC_ERROR_NOT_FOUND: there is none.
 * SC_ERROR_MISMATCH: it belongs to another identity. Model and velocity change only if all of it could be read. */
enum sc_status sc_checkpoint_load(const struct sc_checkpoint_file *file, struct sc_checkpoint *at, struct sc_error *error);
/* As the two above share it: the path of a step's checkpoint; NULL where there is no memory. */
char *sc_checkpoint_path(const char *run, int64_t step);
/* The steps of the run's checkpoints, newest first, in a new array; *count 0 with a NULL array: none. */
enum sc_status sc_checkpoint_list(int64_t **steps, int64_t *count, const char *run, struct sc_error *error);

/* Both ways: the model's tensors over `values`, then the velocities over `velocity` (if not NULL), with names of their own. */
struct sc_checkpoint_views {
	struct sc_tensor *tensors;
	char (*names)[128];
	int64_t count;
};
enum sc_status sc_checkpoint_views_init(struct sc_checkpoint_views *views, const struct sc_model *model, float *values,
					float *velocity, struct sc_error *error);
void sc_checkpoint_views_release(struct sc_checkpoint_views *views);

#endif
