/* optimizer.h - which parameters an update touches, and how. The arithmetic is the engine's. */
#ifndef SC_TRAIN_OPTIMIZER_H
#define SC_TRAIN_OPTIMIZER_H

#include "engine/plan.h"

/* One step of SGD over the model's trainable parameters. gradients, velocity: [model->trainable_values]; velocity may be NULL where
 * momentum is 0. */
void sc_sgd_update(const struct sc_engine *engine, struct sc_model *model, const float *gradients, float *velocity,
		   const struct sc_optimizer *optimizer, float learning_rate);

#endif
