/* subsample.c - every stride-th pixel, with channels of zeros added: the parameter-free shortcut (option A) of He, Zhang, Ren, Sun:
 * "Deep residual learning for image recognition", 2015. No arithmetic: numbers are copied. */
#include <string.h>

#include "engine/reference/reference.h"

void sc_reference_subsample_forward(const struct sc_subsample *s, const float *src, float *dst, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t n = 0; n < s->mb; n++)
		for (int64_t y = 0; y < s->oh; y++)
			for (int64_t x = 0; x < s->ow; x++)
				for (int64_t c = 0; c < s->oc; c++) {
					int64_t i = c - s->zeros_before;
					const float *pixel = &src[((n * s->ih + y * s->stride) * s->iw + x * s->stride) * s->ic];
					dst[((n * s->oh + y) * s->ow + x) * s->oc + c] = i >= 0 && i < s->ic ? pixel[i] : 0;
				}
}

/* Pixels that were left out get 0; the gradient of added channels goes nowhere. */
void sc_reference_subsample_backward(const struct sc_subsample *s, const float *diff_dst, float *diff_src, struct sc_pool *pool)
{
	(void)pool;
	memset(diff_src, 0, (size_t)(s->mb * s->ih * s->iw * s->ic) * sizeof(float));
	for (int64_t n = 0; n < s->mb; n++)
		for (int64_t y = 0; y < s->oh; y++)
			for (int64_t x = 0; x < s->ow; x++)
				for (int64_t i = 0; i < s->ic; i++)
					diff_src[((n * s->ih + y * s->stride) * s->iw + x * s->stride) * s->ic + i] =
						diff_dst[((n * s->oh + y) * s->ow + x) * s->oc + s->zeros_before + i];
}
