/* sgd.c - one step of stochastic gradient descent, number by number.
 *
 * With w the parameter, g its gradient, v its velocity, lr the learning rate, m the momentum, wd the weight decay:
 *   decoupled decay (Keras' weight_decay)   w = w - lr wd w, first
 *   coupled decay (torch.optim.SGD)         g = g + wd w
 *   PyTorch's form    v = m v + g;      w = w - lr v,   Nesterov  w = w - lr (g + m v)
 *   Keras' form       v = m v - lr g;   w = w + v,      Nesterov  w = w + (m v - lr g) */
#include <math.h>

#include "engine/reference/reference.h"

void sc_reference_sgd(const struct sc_sgd *s, int64_t count, float *values, const float *gradients, float *velocity,
		      struct sc_pool *pool)
{
	(void)pool;
	const float lr = s->learning_rate, m = s->momentum;
	const float shrink = -(lr * s->weight_decay);
	for (int64_t i = 0; i < count; i++) {
		float w = values[i], g = gradients[i];
		if (s->weight_decay != 0) {
			if (s->decoupled_decay)
				w = fmaf(shrink, w, w);
			else
				g = fmaf(s->weight_decay, w, g);
		}
		if (!velocity) {
			w = fmaf(-lr, g, w);
		} else if (s->keras_form) {
			float v = fmaf(m, velocity[i], -(lr * g));
			velocity[i] = v;
			w += s->nesterov ? fmaf(m, v, -(lr * g)) : v;
		} else {
			float v = fmaf(m, velocity[i], g);
			velocity[i] = v;
			w = fmaf(-lr, s->nesterov ? fmaf(m, v, g) : v, w);
		}
		values[i] = w;
	}
}
