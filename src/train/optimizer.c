/* optimizer.c - one update: all parameters lie in one buffer, so it is one loop over stretches with the same weight decay. */
#include "train/optimizer.h"

static bool decays(const struct sc_parameter *p, const struct sc_optimizer *optimizer)
{
	return optimizer->decay_all || p->role == SC_ROLE_KERNEL;
}

void sc_sgd_update(const struct sc_engine *engine, struct sc_model *model, const float *gradients, float *velocity,
		   const struct sc_optimizer *optimizer, float learning_rate)
{
	struct sc_sgd sgd = {
		.learning_rate = learning_rate,
		.momentum = optimizer->momentum,
		.nesterov = optimizer->nesterov,
		.keras_form = optimizer->momentum_form == SC_MOMENTUM_KERAS,
		.decoupled_decay = optimizer->weight_decay_form == SC_DECAY_DECOUPLED,
	};
	if (optimizer->momentum == 0)
		velocity = NULL;
	for (int i = 0; i < model->parameter_count; i++) {
		const struct sc_parameter *p = &model->parameters[i];
		if (!sc_parameter_trainable(p))
			continue;
		sgd.weight_decay = decays(p, optimizer) ? optimizer->weight_decay : 0;
		engine->kernels->sgd(&sgd, p->count, model->values + p->offset, gradients + p->offset,
				     velocity ? velocity + p->offset : NULL, engine->pool);
	}
}

void sc_plan_update(struct sc_plan *plan, const struct sc_optimizer *optimizer)
{
	const struct sc_optimizer defaults = {0};
	if (!optimizer)
		optimizer = &defaults;
	float learning_rate = optimizer->learning_rate != 0 ? optimizer->learning_rate : 0.01f;
	sc_sgd_update(sc_plan_engine(plan), sc_plan_model(plan), sc_plan_gradients(plan), sc_plan_velocity(plan), optimizer,
		      learning_rate);
	sc_plan_update_statistics(plan);
}
