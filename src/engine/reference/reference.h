/* reference.h - every op in plain loops: what the other kernels must equal, bit for bit.
 *
 * Read these to learn what is computed, and in which order; they use one thread and no workspace beyond what they ask for. */
#ifndef SC_ENGINE_REFERENCE_REFERENCE_H
#define SC_ENGINE_REFERENCE_REFERENCE_H

#include "engine/kernels.h"

extern const struct sc_kernels sc_kernels_reference;

int64_t sc_reference_convolution_packed_bytes(const struct sc_convolution *c);
void sc_reference_convolution_pack(const struct sc_convolution *c, const float *weights, float *packed, struct sc_pool *pool);
int64_t sc_reference_convolution_forward_workspace(const struct sc_convolution *c, int threads);
void sc_reference_convolution_forward(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace,
				      struct sc_pool *pool);
/* What becomes of the sum of element i, in output channel o: bias, residual, rectifier. */
float sc_reference_convolution_finish(const struct sc_convolution_forward *t, int64_t i, int64_t o, float sum);
int64_t sc_reference_convolution_pool_workspace(const struct sc_convolution *c, const struct sc_max_pool *m, int threads);
void sc_reference_convolution_pool_forward(const struct sc_convolution *c, const struct sc_max_pool *m,
					   const struct sc_convolution_forward *t, void *workspace, struct sc_pool *pool);
int64_t sc_reference_convolution_backward_data_workspace(const struct sc_convolution *c, int threads);
void sc_reference_convolution_backward_data(const struct sc_convolution *c, const float *diff_dst, const float *weights,
					    float *diff_src, bool accumulate, void *workspace, struct sc_pool *pool);
int64_t sc_reference_convolution_backward_weights_workspace(const struct sc_convolution *c, int threads);
void sc_reference_convolution_backward_weights(const struct sc_convolution *c, const float *src, const float *diff_dst,
					       float *diff_weights, float *diff_bias, void *workspace, struct sc_pool *pool);

/* The same three by Winograd's method (winograd.c); the functions above call them where c->winograd. */
int64_t sc_reference_winograd_workspace(const struct sc_convolution *c); /* of forward and backward-data */
void sc_reference_winograd_forward(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace);
void sc_reference_winograd_backward_data(const struct sc_convolution *c, const float *diff_dst, const float *weights,
					 float *diff_src, bool accumulate, void *workspace);
void sc_reference_winograd_weights(const struct sc_convolution *c, const float *src, const float *diff_dst, float *parts);
/* And on maps of 2x2 pixels (winograd_2x2.c); those above call them where sc_winograd_is_2x2. */
void sc_reference_winograd_2x2_forward(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace);
void sc_reference_winograd_2x2_backward_data(const struct sc_convolution *c, const float *diff_dst, const float *weights,
					     float *diff_src, bool accumulate, void *workspace);
void sc_reference_winograd_2x2_weights(const struct sc_convolution *c, const float *src, const float *diff_dst, float *parts);

int64_t sc_reference_batch_norm_workspace(const struct sc_batch_norm *b, int threads);
void sc_reference_batch_norm_forward(const struct sc_batch_norm *b, const struct sc_norm_forward *t, void *workspace,
				     struct sc_pool *pool);
void sc_reference_batch_norm_again(const struct sc_batch_norm *b, const struct sc_norm_forward *t, struct sc_pool *pool);
void sc_reference_batch_norm_infer(const struct sc_batch_norm *b, const struct sc_norm_infer *t, void *workspace,
				   struct sc_pool *pool);
void sc_reference_batch_norm_backward(const struct sc_batch_norm *b, const struct sc_norm_backward *t, void *workspace,
				      struct sc_pool *pool);

void sc_reference_relu_forward(int64_t count, const float *src, float *dst, struct sc_pool *pool);
void sc_reference_relu_backward(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool);
void sc_reference_add(int64_t count, const float *a, const float *b, float *sum, struct sc_pool *pool);

void sc_reference_max_pool_forward(const struct sc_max_pool *m, const float *src, float *dst, uint8_t *winner,
				   struct sc_pool *pool);
void sc_reference_max_pool_backward(const struct sc_max_pool *m, const float *diff_dst, const uint8_t *winner, float *diff_src,
				    struct sc_pool *pool);
void sc_reference_average_pool_forward(const struct sc_average_pool *a, const float *src, float *dst, struct sc_pool *pool);
void sc_reference_average_pool_backward(const struct sc_average_pool *a, const float *diff_dst, float *diff_src,
					struct sc_pool *pool);

void sc_reference_sigmoid_forward(int64_t count, const float *src, float *dst, struct sc_pool *pool);
void sc_reference_sigmoid_backward(int64_t count, const float *dst, const float *diff_dst, float *diff_src, struct sc_pool *pool);
void sc_reference_scale_forward(const struct sc_scale *s, const float *src, const float *factor, float *dst, struct sc_pool *pool);
void sc_reference_scale_backward(const struct sc_scale *s, const struct sc_scale_backward *t, struct sc_pool *pool);

void sc_reference_subsample_forward(const struct sc_subsample *s, const float *src, float *dst, struct sc_pool *pool);
void sc_reference_subsample_backward(const struct sc_subsample *s, const float *diff_dst, float *diff_src, struct sc_pool *pool);

void sc_reference_sgd_idle(const struct sc_sgd *s, const float *learning_rates, int64_t steps, int64_t count, float *values,
			   float *velocity, struct sc_pool *pool);
void sc_reference_sgd(const struct sc_sgd *s, int64_t count, float *values, const float *gradients, float *velocity,
		      struct sc_pool *pool);
float sc_reference_largest_magnitude(int64_t count, const float *numbers, struct sc_pool *pool);
int64_t sc_reference_fma_peak(int64_t repetitions);

#endif
