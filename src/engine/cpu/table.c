/* table.c - the kernels of one instruction set as a table, and its peak. */
#include "engine/cpu/cpu.h"

/* Independent chains enough to fill both multiply units, few enough to stay in registers (AVX2 has 16). */
#define CHAINS 12

int64_t SC_CPU(fma_peak)(int64_t repetitions)
{
	const lanes half = lanes_broadcast(0.5f), quarter = lanes_broadcast(0.25f);
	lanes a = half, b = half, c = half, d = half, e = half, f = half, g = half, h = half, i = half, j = half, k = half, l = half;
	for (int64_t n = 0; n < repetitions; n++) {
		a = lanes_fma(a, half, quarter), b = lanes_fma(b, half, quarter), c = lanes_fma(c, half, quarter);
		d = lanes_fma(d, half, quarter), e = lanes_fma(e, half, quarter), f = lanes_fma(f, half, quarter);
		g = lanes_fma(g, half, quarter), h = lanes_fma(h, half, quarter), i = lanes_fma(i, half, quarter);
		j = lanes_fma(j, half, quarter), k = lanes_fma(k, half, quarter), l = lanes_fma(l, half, quarter);
	}
	/* The sum goes through memory that the compiler must believe in, so that no chain is left out. */
	volatile float sink;
	float sum[LANES];
	lanes_store(sum, lanes_add(lanes_add(lanes_add(lanes_add(a, b), lanes_add(c, d)), lanes_add(lanes_add(e, f), lanes_add(g, h))),
				   lanes_add(lanes_add(i, j), lanes_add(k, l))));
	sink = sum[0];
	(void)sink;
	return repetitions * CHAINS * LANES * 2;
}

#define NAME_OF(isa) #isa
#define NAME(isa) NAME_OF(isa)

extern const struct sc_kernels SC_CPU(kernels);
const struct sc_kernels SC_CPU(kernels) = {
	.name = NAME(SC_ISA),
	.convolution_forward_workspace = SC_CPU(convolution_forward_workspace),
	.convolution_forward = SC_CPU(convolution_forward),
	.convolution_backward_data_workspace = SC_CPU(convolution_backward_data_workspace),
	.convolution_backward_data = SC_CPU(convolution_backward_data),
	.convolution_backward_weights_workspace = SC_CPU(convolution_backward_weights_workspace),
	.convolution_backward_weights = SC_CPU(convolution_backward_weights),
	.batch_norm_workspace = SC_CPU(batch_norm_workspace),
	.batch_norm_forward = SC_CPU(batch_norm_forward),
	.batch_norm_infer = SC_CPU(batch_norm_infer),
	.batch_norm_backward = SC_CPU(batch_norm_backward),
	.relu_forward = SC_CPU(relu_forward),
	.relu_backward = SC_CPU(relu_backward),
	.add = SC_CPU(add),
	.max_pool_forward = SC_CPU(max_pool_forward),
	.max_pool_backward = SC_CPU(max_pool_backward),
	.average_pool_forward = SC_CPU(average_pool_forward),
	.average_pool_backward = SC_CPU(average_pool_backward),
	.sgd = SC_CPU(sgd),
	.fma_peak = SC_CPU(fma_peak),
};
