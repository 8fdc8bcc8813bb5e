/* gate.c - sigmoid, and channels scaled by numbers of their own image: the gate of squeeze-and-excitation (Hu, Shen, Albanie, Sun,
 * Wu: "Squeeze-and-excitation networks", 2017), whose other parts are pools and 1x1 convolutions. */
#include <math.h>

#include "base/exact.h"
#include "engine/reference/reference.h"

/* In double, rounded once. */
void sc_reference_sigmoid_forward(int64_t count, const float *src, float *dst, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t i = 0; i < count; i++)
		dst[i] = (float)sc_sigmoid((double)src[i]);
}

void sc_reference_sigmoid_backward(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t i = 0; i < count; i++)
		diff_src[i] = diff_dst[i] * (dst[i] * (1 - dst[i]));
}

void sc_reference_scale_forward(const struct sc_scale *s, const float *src, const float *factor, float *dst, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t n = 0; n < s->mb; n++)
		for (int64_t p = 0; p < s->pixels; p++)
			for (int64_t c = 0; c < s->channels; c++)
				dst[(n * s->pixels + p) * s->channels + c] =
					src[(n * s->pixels + p) * s->channels + c] * factor[n * s->channels + c];
}

/* The gradient of a factor is one chain over the pixels of its image. */
void sc_reference_scale_backward(const struct sc_scale *s, const struct sc_scale_backward *t, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t n = 0; n < s->mb; n++)
		for (int64_t c = 0; c < s->channels; c++) {
			float sum = 0, factor = t->factor[n * s->channels + c];
			for (int64_t p = 0; p < s->pixels; p++) {
				int64_t at = (n * s->pixels + p) * s->channels + c;
				sum = fmaf(t->diff_dst[at], t->src[at], sum);
				t->diff_src[at] = t->diff_dst[at] * factor;
			}
			t->diff_factor[n * s->channels + c] = sum;
		}
}
