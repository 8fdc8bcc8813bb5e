/* elementwise.c - rectifier and addition, number by number. NaN passes through both. */
#include "base/finite.h"
#include "engine/reference/reference.h"

void sc_reference_relu_forward(int64_t count, const float *src, float *dst, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t i = 0; i < count; i++)
		dst[i] = src[i] < 0 ? 0 : src[i];
}

/* The gradient passes where the result was positive. */
void sc_reference_relu_backward(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t i = 0; i < count; i++)
		diff_src[i] = dst[i] > 0 ? diff_dst[i] : 0;
}

void sc_reference_add(int64_t count, const float *a, const float *b, float *sum, struct sc_pool *pool)
{
	(void)pool;
	for (int64_t i = 0; i < count; i++)
		sum[i] = a[i] + b[i];
}

float sc_reference_largest_magnitude(int64_t count, const float *numbers, struct sc_pool *pool)
{
	(void)pool;
	return sc_largest_magnitude(numbers, count);
}
