/* checkpoint.h - weights and momenta in one safetensors file, with the place in the training that they belong to.
 *
 * Tensors: the model's, and "optimizer.velocity.NAME" for each that is trained, if there is momentum. Metadata: "shortcut.model"
 * (the description), "shortcut.epoch", "shortcut.step", "shortcut.seed". */
#ifndef SC_TRAIN_CHECKPOINT_H
#define SC_TRAIN_CHECKPOINT_H

#include "model/model.h"

struct sc_checkpoint {
	int64_t epoch, step; /* finished */
	uint64_t seed;
};

/* Writes RUN/checkpoints/epoch-NNNN.safetensors and RUN/weights.safetensors, then removes the checkpoint before the last one.
 * velocity: [model->trainable_values] or NULL. name: gets the checkpoint's name inside the run. */
enum sc_status sc_checkpoint_write(const char *run, const struct sc_model *model, const float *velocity,
				   const struct sc_checkpoint *at, char name[64], struct sc_error *error);
/* Where the newest checkpoint of a run stands. */
enum sc_status sc_checkpoint_find(const char *run, struct sc_checkpoint *at, struct sc_error *error);
/* Loads it; model and velocity change only if all of it could be read. */
enum sc_status sc_checkpoint_read(const char *run, const struct sc_checkpoint *at, struct sc_model *model, float *velocity,
				  struct sc_error *error);

#endif
