/* winograd_2x2.h - 3x3 convolutions of maps of 2x2 pixels by Winograd's F(2x2, 2x2) (sc_winograd_is_2x2): what convolution.c and
 * gradient.c hand on. Each image has nine places; there are as many transformed weights as plain ones, and they stand where these
 * stood. */
#ifndef SC_ENGINE_CPU_WINOGRAD_2X2_H
#define SC_ENGINE_CPU_WINOGRAD_2X2_H

#include "base/pool.h"
#include "engine/cpu/correlation.h"
#include "engine/cpu/winograd.h"
#include "engine/kernels.h"
#include "engine/winograd.h"

#define MAP_PLACES 9

static inline bool by_winograd_2x2(const struct sc_convolution *c)
{
	return c->winograd && sc_winograd_is_2x2(c);
}

/* Transforms weights as `pack` has laid them out, (blocks, 3, 3, depth, BLOCK), in place. */
void SC_CPU(winograd_2x2_transform)(const struct correlation *c, float *packed, struct sc_pool *pool);
/* Counts are of numbers. */
int64_t SC_CPU(winograd_2x2_workspace)(const struct correlation *c, int threads);
void SC_CPU(winograd_2x2_correlate)(const struct correlation *c, struct sc_pool *pool);

/* sums: one part (3, 3, ic, oc) for each chunk (chunks.h). Workspace: numbers. */
int64_t SC_CPU(winograd_2x2_weights_workspace)(const struct sc_convolution *c, int threads);
void SC_CPU(winograd_2x2_weights)(const struct sc_convolution *c, const float *src, const float *diff_dst, float *sums,
				  float *workspace, struct sc_pool *pool);

#endif
