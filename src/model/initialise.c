/* initialise.c - the first values of the parameters, as pure functions of the seed.
 *
 * Each tensor has its own Philox stream (purpose SC_PURPOSE_INITIALISE, sample = its index), drawn in the order of the buffer, so a
 * tensor's values depend on no other tensor. Bounds and deviations are computed in double; each value is rounded to float once. */
#include "base/exact.h"
#include "base/random.h"
#include "model/model.h"

/* U(-bound, bound) */
static void fill_uniform(float *values, int64_t count, double bound, struct sc_random random)
{
	for (int64_t i = 0; i < count; i++)
		values[i] = (float)(bound * (2.0 * (double)sc_random_uniform(&random) - 1.0));
}

static void fill_normal(float *values, int64_t count, double deviation, struct sc_random random)
{
	for (int64_t i = 0; i < count; i++)
		values[i] = (float)(deviation * sc_random_normal(&random));
}

static void fill_constant(float *values, int64_t count, float value)
{
	for (int64_t i = 0; i < count; i++)
		values[i] = value;
}

void sc_model_initialise(struct sc_model *model, uint64_t seed)
{
	for (int i = 0; i < model->parameter_count; i++) {
		const struct sc_parameter *parameter = &model->parameters[i];
		float *values = sc_parameter_values(model, i);
		double fan_in = (double)parameter->fan_in, fan_out = (double)parameter->fan_out;
		struct sc_random random = sc_random_stream(seed, SC_PURPOSE_INITIALISE, 0, (uint64_t)i);
		switch (parameter->initialiser) {
		case SC_INIT_ZERO:
			fill_constant(values, parameter->count, 0.0f);
			break;
		case SC_INIT_ONE:
			fill_constant(values, parameter->count, 1.0f);
			break;
		case SC_INIT_GLOROT_UNIFORM:
			fill_uniform(values, parameter->count, sc_square_root(6.0 / (fan_in + fan_out)), random);
			break;
		case SC_INIT_HE_NORMAL_FAN_OUT:
			fill_normal(values, parameter->count, sc_square_root(2.0 / fan_out), random);
			break;
		case SC_INIT_TORCH_LINEAR:
			fill_uniform(values, parameter->count, 1.0 / sc_square_root(fan_in), random);
			break;
		}
	}
}
