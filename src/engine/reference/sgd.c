/* sgd.c - one step of stochastic gradient descent, number by number.
 *
 * With w the parameter, g its gradient, v its velocity, lr the learning rate, m the momentum, wd the weight decay:
 *   decoupled decay (Keras' weight_decay)   w = w - lr wd w, first
 *   coupled decay (torch.optim.SGD)         g = g + wd w
 *   PyTorch's form    v = m v + g;      w = w - lr v,   Nesterov  w = w - lr (g + m v)
 *   Keras' form       v = m v - lr g;   w = w + v,      Nesterov  w = w + (m v - lr g) */
#include <math.h>

#include "engine/reference/reference.h"

/* velocity: NULL without momentum. */
static void step(const struct sc_sgd *s, float lr, float g, float *value, float *velocity)
{
	const float m = s->momentum;
	float w = *value;
	if (s->weight_decay != 0) {
		if (s->decoupled_decay)
			w = fmaf(-(lr * s->weight_decay), w, w);
		else
			g = fmaf(s->weight_decay, w, g);
	}
	if (!velocity) {
		w = fmaf(-lr, g, w);
	} else if (s->keras_form) {
		float v = *velocity = fmaf(m, *velocity, -(lr * g));
		w += s->nesterov ? fmaf(m, v, -(lr * g)) : v;
	} else {
		float v = *velocity = fmaf(m, *velocity, g);
		w = fmaf(-lr, s->nesterov ? fmaf(m, v, g) : v, w);
	}
	*value = w;
}

void sc_reference_sgd(const struct sc_sgd *s, int64_t count, float *values, const float *gradients, float *velocity,
		      struct sc_pool *pool)
{
	(void)pool;
	for (int64_t i = 0; i < count; i++)
		step(s, s->learning_rate, gradients[i], &values[i], velocity ? &velocity[i] : NULL);
}

void sc_reference_sgd_idle(const struct sc_sgd *s, const float *learning_rates, int64_t steps, int64_t count, float *values,
			   float *velocity, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t i = 0; i < count; i++)
		for (int64_t n = 0; n < steps; n++)
			step(s, learning_rates[n], 0, &values[i], velocity ? &velocity[i] : NULL);
}
