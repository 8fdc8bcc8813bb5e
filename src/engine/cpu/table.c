/* table.c - the kernels of one instruction set as a table, and its peak. */
#include "engine/cpu/cpu.h"

/* Independent chains enough to fill both multiply units, few enough to stay in registers (AVX2 has 16). */
#define CHAINS 12

/* Each chain begins with a number of its own: equal chains would be computed once. */
int64_t SC_CPU(fma_peak)(int64_t repetitions)
{
	const lanes half = lanes_broadcast(0.5f), quarter = lanes_broadcast(0.25f);
	volatile float start = 1;
	lanes a[CHAINS];
#define EACH_CHAIN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define BEGIN(i)      a[i] = lanes_broadcast(start + i);
#define FMA(i)        a[i] = lanes_fma(a[i], half, quarter);
#define END(i)        sum = lanes_add(sum, a[i]);
	EACH_CHAIN(BEGIN)
	for (int64_t n = 0; n < repetitions; n++) {
		EACH_CHAIN(FMA)
	}
	lanes sum = lanes_zero();
	EACH_CHAIN(END)
	float result[LANES];
	lanes_store(result, sum);
	start = result[0]; /* the results are wanted, so no chain may be left out */
	return repetitions * CHAINS * LANES * 2;
}

#define NAME_OF(isa) #isa
#define NAME(isa)    NAME_OF(isa)

extern const struct sc_kernels SC_CPU(kernels);
const struct sc_kernels SC_CPU(kernels) = {
	.name = NAME(SC_ISA),
	.convolution_packed_bytes = SC_CPU(convolution_packed_bytes),
	.convolution_pack = SC_CPU(convolution_pack),
	.convolution_forward_workspace = SC_CPU(convolution_forward_workspace),
	.convolution_forward = SC_CPU(convolution_forward),
	.convolution_pool_workspace = SC_CPU(convolution_pool_workspace),
	.convolution_pool_forward = SC_CPU(convolution_pool_forward),
	.convolution_backward_data_workspace = SC_CPU(convolution_backward_data_workspace),
	.convolution_backward_data = SC_CPU(convolution_backward_data),
	.convolution_backward_weights_workspace = SC_CPU(convolution_backward_weights_workspace),
	.convolution_backward_weights = SC_CPU(convolution_backward_weights),
	.batch_norm_workspace = SC_CPU(batch_norm_workspace),
	.batch_norm_forward = SC_CPU(batch_norm_forward),
	.batch_norm_again = SC_CPU(batch_norm_again),
	.batch_norm_infer = SC_CPU(batch_norm_infer),
	.batch_norm_backward = SC_CPU(batch_norm_backward),
	.relu_forward = SC_CPU(relu_forward),
	.relu_backward = SC_CPU(relu_backward),
	.add = SC_CPU(add),
	.max_pool_forward = SC_CPU(max_pool_forward),
	.max_pool_backward = SC_CPU(max_pool_backward),
	.average_pool_forward = SC_CPU(average_pool_forward),
	.average_pool_backward = SC_CPU(average_pool_backward),
	.sigmoid_forward = SC_CPU(sigmoid_forward),
	.sigmoid_backward = SC_CPU(sigmoid_backward),
	.scale_forward = SC_CPU(scale_forward),
	.scale_backward = SC_CPU(scale_backward),
	.subsample_forward = SC_CPU(subsample_forward),
	.subsample_backward = SC_CPU(subsample_backward),
	.sgd = SC_CPU(sgd),
	.sgd_idle = SC_CPU(sgd_idle),
	.largest_magnitude = SC_CPU(largest_magnitude),
	.fma_peak = SC_CPU(fma_peak),
};
