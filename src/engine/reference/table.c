/* table.c - the reference ops as a table of kernels. */
#include <math.h>

#include "engine/reference/reference.h"

int64_t sc_reference_fma_peak(int64_t repetitions)
{
	volatile float sink = 0;
	float sum = sink;
	for (int64_t i = 0; i < repetitions; i++)
		sum = fmaf(sum, 0.5f, 0.25f);
	sink = sum;
	return 2 * repetitions;
}

const struct sc_kernels sc_kernels_reference = {
	.name = "reference",
	.convolution_packed_bytes = sc_reference_convolution_packed_bytes,
	.convolution_pack = sc_reference_convolution_pack,
	.convolution_forward_workspace = sc_reference_convolution_forward_workspace,
	.convolution_forward = sc_reference_convolution_forward,
	.convolution_pool_workspace = sc_reference_convolution_pool_workspace,
	.convolution_pool_forward = sc_reference_convolution_pool_forward,
	.convolution_backward_data_workspace = sc_reference_convolution_backward_data_workspace,
	.convolution_backward_data = sc_reference_convolution_backward_data,
	.convolution_backward_weights_workspace = sc_reference_convolution_backward_weights_workspace,
	.convolution_backward_weights = sc_reference_convolution_backward_weights,
	.batch_norm_workspace = sc_reference_batch_norm_workspace,
	.batch_norm_forward = sc_reference_batch_norm_forward,
	.batch_norm_again = sc_reference_batch_norm_again,
	.batch_norm_infer = sc_reference_batch_norm_infer,
	.batch_norm_backward = sc_reference_batch_norm_backward,
	.relu_forward = sc_reference_relu_forward,
	.relu_backward = sc_reference_relu_backward,
	.add = sc_reference_add,
	.max_pool_forward = sc_reference_max_pool_forward,
	.max_pool_backward = sc_reference_max_pool_backward,
	.average_pool_forward = sc_reference_average_pool_forward,
	.average_pool_backward = sc_reference_average_pool_backward,
	.sigmoid_forward = sc_reference_sigmoid_forward,
	.sigmoid_backward = sc_reference_sigmoid_backward,
	.scale_forward = sc_reference_scale_forward,
	.scale_backward = sc_reference_scale_backward,
	.subsample_forward = sc_reference_subsample_forward,
	.subsample_backward = sc_reference_subsample_backward,
	.sgd = sc_reference_sgd,
	.sgd_idle = sc_reference_sgd_idle,
	.largest_magnitude = sc_reference_largest_magnitude,
	.fma_peak = sc_reference_fma_peak,
};
