/* optimizer.h - which parameters an update touches, and how. The arithmetic is the engine's. */
#ifndef SC_TRAIN_OPTIMIZER_H
#define SC_TRAIN_OPTIMIZER_H

#include "engine/plan.h"

/* One step of SGD over the model's trainable parameters. gradients, velocity: [model->trainable_values]; velocity may be NULL where
 * momentum is 0. */
void sc_sgd_update(const struct sc_engine *engine, struct sc_model *model, const float *gradients, float *velocity,
		   const struct sc_optimizer *optimizer, float learning_rate);

/* How large the model's numbers can be: kept up to date by arithmetic on the bounds, so that no pass over the numbers is needed to
 * know that an update leaves them finite. */
struct sc_update_bounds {
	double values, velocity;
};
struct sc_update_bounds sc_update_bounds_unknown(void);
/* Before an update with gradients of at most `largest`: NULL, or the name of the first parameter that would not be finite after it.
 * Moves the bounds on; the numbers themselves are measured only where the bounds have become too wide to tell. */
const char *sc_sgd_overflow(struct sc_update_bounds *bounds, const struct sc_engine *engine, const struct sc_model *model,
			    const float *gradients, const float *velocity, const struct sc_optimizer *optimizer, float learning_rate,
			    float largest);

#endif
