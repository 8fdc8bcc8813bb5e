/* convolve.h - a forward convolution from plain weights: memory, packing and run in one call. */
#ifndef SC_TESTS_ENGINE_CONVOLVE_H
#define SC_TESTS_ENGINE_CONVOLVE_H

#include <stdlib.h>

#include "engine/kernels.h"

/* t.packed is filled in. pool NULL: for kernels that need none. */
static inline void convolve(const struct sc_kernels *k, const struct sc_convolution *c, const float *weights,
			    struct sc_convolution_forward t, struct sc_pool *pool)
{
	float *packed = aligned_alloc(64, ((size_t)k->convolution_packed_bytes(c) + 63) / 64 * 64);
	void *workspace = aligned_alloc(
		64, ((size_t)k->convolution_forward_workspace(c, pool ? sc_pool_threads(pool) : 1) + 63) / 64 * 64 + 64);
	if (!packed || !workspace)
		abort();
	k->convolution_pack(c, weights, packed, pool);
	t.packed = packed;
	k->convolution_forward(c, &t, workspace, pool);
	free(packed);
	free(workspace);
}

#endif
