/* optimizer.c - one update: all parameters lie in one buffer, so it is one loop over stretches of it. */
#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/finite.h"

static bool decays(const struct sc_parameter *p, const struct sc_optimizer *optimizer)
{
	return optimizer->decay_all || p->role == SC_ROLE_KERNEL;
}

static struct sc_sgd step_of(const struct sc_optimizer *optimizer, float learning_rate)
{
	return (struct sc_sgd){
		.learning_rate = learning_rate,
		.momentum = optimizer->momentum,
		.nesterov = optimizer->nesterov,
		.keras_form = optimizer->momentum_form == SC_MOMENTUM_KERAS,
		.decoupled_decay = optimizer->weight_decay_form == SC_DECAY_DECOUPLED,
	};
}

void sc_sgd_update(const struct sc_engine *engine, struct sc_model *model, struct sc_stretches *stretches, const float *gradients,
		   float *velocity, const struct sc_optimizer *optimizer, float learning_rate)
{
	struct sc_sgd sgd = step_of(optimizer, learning_rate);
	if (optimizer->momentum == 0)
		velocity = NULL;
	for (int i = 0; i < stretches->count; i++) {
		const struct sc_stretch *s = &stretches->list[i];
		if (s->idle)
			continue;
		sgd.weight_decay = decays(&model->parameters[s->parameter], optimizer) ? optimizer->weight_decay : 0;
		engine->kernels->sgd(&sgd, s->count, model->values + s->offset, gradients + s->offset,
				     velocity ? velocity + s->offset : NULL, engine->pool);
	}
	stretches->late_rates[stretches->late_steps++] = learning_rate;
	if (stretches->late_steps == sizeof(stretches->late_rates) / sizeof(stretches->late_rates[0]))
		sc_sgd_catch_up(engine, model, stretches, velocity, optimizer);
}

void sc_sgd_catch_up(const struct sc_engine *engine, struct sc_model *model, struct sc_stretches *stretches, float *velocity,
		     const struct sc_optimizer *optimizer)
{
	struct sc_sgd sgd = step_of(optimizer, 0);
	if (optimizer->momentum == 0)
		velocity = NULL;
	for (int i = 0; i < stretches->count; i++) {
		const struct sc_stretch *s = &stretches->list[i];
		if (!s->idle)
			continue;
		sgd.weight_decay = decays(&model->parameters[s->parameter], optimizer) ? optimizer->weight_decay : 0;
		engine->kernels->sgd_idle(&sgd, stretches->late_rates, stretches->late_steps, s->count, model->values + s->offset,
					  velocity ? velocity + s->offset : NULL, engine->pool);
	}
	stretches->late_steps = 0;
}

/* ---- Whether an update leaves all numbers finite ------------------------------------------------------------------------------ */

#define SURE      1e37       /* far enough from the largest float, 3.4e38, for all that rounding adds in an update */
#define ROUNDING  (1 + 1e-6) /* more than the roundings of an update can add to a bound */
#define DRY_COUNT 1024

struct sc_update_bounds sc_update_bounds_unknown(void)
{
	return (struct sc_update_bounds){(double)INFINITY, (double)INFINITY};
}

/* The formulas of engine/reference/sgd.c, with each number replaced by the most that it can be. */
static bool move_bounds(struct sc_update_bounds *b, const struct sc_optimizer *o, double rate, double gradient)
{
	double m = (double)o->momentum, decay = (double)o->weight_decay, values = b->values;
	if (o->weight_decay_form == SC_DECAY_DECOUPLED)
		values += rate * decay * values;
	else
		gradient += decay * values;
	if (o->momentum != 0 && o->momentum_form == SC_MOMENTUM_KERAS) {
		gradient *= rate;
		rate = 1;
	}
	double velocity = m * b->velocity + gradient;
	values += rate * (o->nesterov ? m * velocity + gradient : velocity);
	*b = (struct sc_update_bounds){values * ROUNDING, velocity * ROUNDING};
	return values < SURE && velocity < SURE && gradient < SURE;
}

static bool stays_finite(const struct sc_engine *engine, const struct sc_sgd *sgd, int64_t count, const float *values,
			 const float *gradients, const float *velocity)
{
	float dry_values[DRY_COUNT], dry_velocity[DRY_COUNT];
	for (int64_t done = 0; done < count; done += DRY_COUNT) {
		int64_t now = count - done < DRY_COUNT ? count - done : DRY_COUNT;
		memcpy(dry_values, values + done, (size_t)now * sizeof(float));
		if (velocity)
			memcpy(dry_velocity, velocity + done, (size_t)now * sizeof(float));
		engine->kernels->sgd(sgd, now, dry_values, gradients + done, velocity ? dry_velocity : NULL, engine->pool);
		if (!sc_all_finite(dry_values, now) || (velocity && !sc_all_finite(dry_velocity, now)))
			return false;
	}
	return true;
}

bool sc_sgd_surely_finite(struct sc_update_bounds *bounds, const struct sc_optimizer *optimizer, float learning_rate, float largest)
{
	return move_bounds(bounds, optimizer, (double)learning_rate, (double)largest);
}

const char *sc_sgd_overflow(struct sc_update_bounds *bounds, const struct sc_engine *engine, const struct sc_model *model,
			    const float *gradients, const float *velocity, const struct sc_optimizer *optimizer, float learning_rate,
			    float largest)
{
	int64_t count = model->trainable_values;
	if (optimizer->momentum == 0)
		velocity = NULL;
	bounds->values = (double)engine->kernels->largest_magnitude(count, model->values, engine->pool);
	bounds->velocity = velocity ? (double)engine->kernels->largest_magnitude(count, velocity, engine->pool) : 0;
	if (sc_sgd_surely_finite(bounds, optimizer, learning_rate, largest))
		return NULL;
	*bounds = sc_update_bounds_unknown();
	struct sc_sgd sgd = step_of(optimizer, learning_rate);
	for (int i = 0; i < model->parameter_count; i++) {
		const struct sc_parameter *p = &model->parameters[i];
		sgd.weight_decay = decays(p, optimizer) ? optimizer->weight_decay : 0;
		if (sc_parameter_trainable(p) && !stays_finite(engine, &sgd, p->count, model->values + p->offset,
							       gradients + p->offset, velocity ? velocity + p->offset : NULL))
			return p->name;
	}
	return NULL;
}

static const struct sc_optimizer *or_default(const struct sc_optimizer *optimizer)
{
	static const struct sc_optimizer defaults = {0};
	return optimizer ? optimizer : &defaults;
}

void sc_plan_update_late(struct sc_plan *plan, const struct sc_optimizer *optimizer)
{
	const struct sc_optimizer *o = or_default(optimizer);
	sc_sgd_update(sc_plan_engine(plan), sc_plan_model(plan), sc_plan_stretches(plan), sc_plan_gradients(plan), sc_plan_velocity(plan), o,
		      o->learning_rate != 0 ? o->learning_rate : 0.01f);
	sc_plan_update_statistics(plan);
}

void sc_plan_catch_up(struct sc_plan *plan, const struct sc_optimizer *optimizer)
{
	sc_sgd_catch_up(sc_plan_engine(plan), sc_plan_model(plan), sc_plan_stretches(plan), sc_plan_velocity(plan), or_default(optimizer));
}

void sc_plan_update(struct sc_plan *plan, const struct sc_optimizer *optimizer)
{
	sc_plan_update_late(plan, optimizer);
	sc_plan_catch_up(plan, optimizer);
}
