/* cpu.h - the functions behind the table of kernels of one instruction set (table.c), and small helpers they share. */
#ifndef SC_ENGINE_CPU_CPU_H
#define SC_ENGINE_CPU_CPU_H

#include "engine/cpu/lanes.h"
#include "engine/kernels.h"

int64_t SC_CPU(convolution_packed_bytes)(const struct sc_convolution *c);
void SC_CPU(convolution_pack)(const struct sc_convolution *c, const float *weights, float *packed, struct sc_pool *pool);
int64_t SC_CPU(convolution_forward_workspace)(const struct sc_convolution *c, int threads);
void SC_CPU(convolution_forward)(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace,
				 struct sc_pool *pool);
int64_t SC_CPU(convolution_pool_workspace)(const struct sc_convolution *c, const struct sc_max_pool *m, int threads);
void SC_CPU(convolution_pool_forward)(const struct sc_convolution *c, const struct sc_max_pool *m,
				      const struct sc_convolution_forward *t, void *workspace, struct sc_pool *pool);
int64_t SC_CPU(convolution_backward_data_workspace)(const struct sc_convolution *c, int threads);
void SC_CPU(convolution_backward_data)(const struct sc_convolution *c, const float *diff_dst, const float *weights, float *diff_src,
				       bool accumulate, void *workspace, struct sc_pool *pool);
int64_t SC_CPU(convolution_backward_weights_workspace)(const struct sc_convolution *c, int threads);
void SC_CPU(convolution_backward_weights)(const struct sc_convolution *c, const float *src, const float *diff_dst,
					  float *diff_weights, float *diff_bias, void *workspace, struct sc_pool *pool);

int64_t SC_CPU(batch_norm_workspace)(const struct sc_batch_norm *b, int threads);
void SC_CPU(batch_norm_forward)(const struct sc_batch_norm *b, const struct sc_norm_forward *t, void *workspace,
				struct sc_pool *pool);
void SC_CPU(batch_norm_again)(const struct sc_batch_norm *b, const struct sc_norm_forward *t, struct sc_pool *pool);
void SC_CPU(batch_norm_infer)(const struct sc_batch_norm *b, const struct sc_norm_infer *t, void *workspace, struct sc_pool *pool);
void SC_CPU(batch_norm_backward)(const struct sc_batch_norm *b, const struct sc_norm_backward *t, void *workspace,
				 struct sc_pool *pool);

void SC_CPU(relu_forward)(int64_t count, const float *src, float *dst, struct sc_pool *pool);
void SC_CPU(relu_backward)(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool);
void SC_CPU(add)(int64_t count, const float *a, const float *b, float *sum, struct sc_pool *pool);
void SC_CPU(max_pool_forward)(const struct sc_max_pool *m, const float *src, float *dst, uint8_t *winner, struct sc_pool *pool);
void SC_CPU(max_pool_backward)(const struct sc_max_pool *m, const float *diff_dst, const uint8_t *winner, float *diff_src,
			       struct sc_pool *pool);
/* A row of max-pooling: rows (kh) are those of the source that its windows see, NULL for one outside; winner (ow, channels) or
 * NULL. */
void SC_CPU(max_pool_row)(const struct sc_max_pool *m, const float *const *rows, float *dst, uint8_t *winner);
void SC_CPU(average_pool_forward)(const struct sc_average_pool *a, const float *src, float *dst, struct sc_pool *pool);
void SC_CPU(average_pool_backward)(const struct sc_average_pool *a, const float *diff_dst, float *diff_src, struct sc_pool *pool);
void SC_CPU(sigmoid_forward)(int64_t count, const float *src, float *dst, struct sc_pool *pool);
void SC_CPU(sigmoid_backward)(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool);
void SC_CPU(scale_forward)(const struct sc_scale *s, const float *src, const float *factor, float *dst, struct sc_pool *pool);
void SC_CPU(scale_backward)(const struct sc_scale *s, const struct sc_scale_backward *t, struct sc_pool *pool);
void SC_CPU(subsample_forward)(const struct sc_subsample *s, const float *src, float *dst, struct sc_pool *pool);
void SC_CPU(subsample_backward)(const struct sc_subsample *s, const float *diff_dst, float *diff_src, struct sc_pool *pool);
void SC_CPU(sgd_idle)(const struct sc_sgd *s, const float *learning_rates, int64_t steps, int64_t count, float *values,
		      float *velocity, struct sc_pool *pool);
void SC_CPU(sgd)(const struct sc_sgd *s, int64_t count, float *values, const float *gradients, float *velocity,
		 struct sc_pool *pool);
float SC_CPU(largest_magnitude)(int64_t count, const float *numbers, struct sc_pool *pool);
int64_t SC_CPU(fma_peak)(int64_t repetitions);

/* Before a loop whose result may be one of its operands, number for number: no other overlap, so vectors are safe. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

SC_INLINE int64_t minimum(int64_t a, int64_t b)
{
	return a < b ? a : b;
}
SC_INLINE int64_t maximum(int64_t a, int64_t b)
{
	return a > b ? a : b;
}
/* Parts of `size` that `count` things make, the last one perhaps smaller. */
SC_INLINE int64_t parts_of(int64_t count, int64_t size)
{
	return (count + size - 1) / size;
}
/* Numbers rounded up to whole cache lines, so that parts of a workspace do not share one. */
SC_INLINE int64_t whole_lines(int64_t numbers)
{
	return parts_of(numbers, 16) * 16;
}

#endif
