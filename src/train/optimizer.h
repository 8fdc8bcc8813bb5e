/* optimizer.h - which parameters an update touches, and how. The arithmetic is the engine's. */
#ifndef SC_TRAIN_OPTIMIZER_H
#define SC_TRAIN_OPTIMIZER_H

#include "engine/plan.h"

/* One step of SGD over the model's trainable parameters. gradients, velocity: [model->trainable_values]; velocity may be NULL where
 * momentum is 0. Idle numbers wait: they make their steps together in sc_sgd_catch_up, the same bits for less memory traffic. It is due
 * before anybody asks for them: before the model is saved, tested or handed back. */
void sc_sgd_update(const struct sc_engine *engine, struct sc_model *model, struct sc_stretches *stretches, const float *gradients,
		   float *velocity, const struct sc_optimizer *optimizer, float learning_rate);
void sc_sgd_catch_up(const struct sc_engine *engine, struct sc_model *model, struct sc_stretches *stretches, float *velocity,
		     const struct sc_optimizer *optimizer);

/* How large the model's numbers can be: kept up to date by arithmetic on the bounds, so that no pass over the numbers is needed to
 * know that an update leaves them finite. */
struct sc_update_bounds {
	double values, velocity;
};
struct sc_update_bounds sc_update_bounds_unknown(void);
/* Moves the bounds on, for an update with gradients of at most `largest`. True where they tell that it leaves all numbers finite. */
bool sc_sgd_surely_finite(struct sc_update_bounds *bounds, const struct sc_optimizer *optimizer, float learning_rate, float largest);
/* Where they do not, the numbers are measured: NULL, or the name of the first parameter that would not be finite after the update. */
const char *sc_sgd_overflow(struct sc_update_bounds *bounds, const struct sc_engine *engine, const struct sc_model *model,
			    const float *gradients, const float *velocity, const struct sc_optimizer *optimizer, float learning_rate,
			    float largest);

#endif
