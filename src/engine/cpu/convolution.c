/* convolution.c - forward and backward-data convolutions as correlations: which taps, which pixels, where the packed weights go. */
#include <string.h>

#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/winograd.h"

/* ---- Forward --------------------------------------------------------------------------------------------------------------- */

static struct correlation forward_correlation(const struct sc_convolution *c)
{
	return (struct correlation){
		.mb = c->mb,
		.src_h = c->ih,
		.src_w = c->iw,
		.depth = c->ic,
		.out_h = c->oh,
		.out_w = c->ow,
		.width = c->oc,
		.dst_image = c->oh * c->ow * c->oc,
		.dst_row = c->ow * c->oc,
		.dst_pixel = c->oc,
		.taps_h = c->kh,
		.taps_w = c->kw,
		.step_h = c->stride_h,
		.step_w = c->stride_w,
		.pad_h = c->pad_top,
		.pad_w = c->pad_left,
	};
}

static struct packing forward_packing(const struct sc_convolution *c)
{
	return (struct packing){.kw = c->kw, .ic = c->ic, .oc = c->oc, .taps_h = c->kh, .taps_w = c->kw, .step_h = 1, .step_w = 1};
}

/* The taps of an axis that some window meets: windows begin at -pad, -pad + step, ...; `out` of them. */
static void used_taps(int64_t taps, int64_t pad, int64_t step, int64_t out, int64_t size, int64_t *first, int64_t *last)
{
	*first = minimum(maximum(pad - (out - 1) * step, 0), taps);
	*last = maximum(minimum(size + pad, taps), *first);
}

/* Winograd's method mixes all taps, whether they meet the source or not. */
static void limit_to_used(struct packing *p, const struct correlation *c, bool winograd)
{
	p->used_top = p->used_left = 0;
	p->used_bottom = c->taps_h;
	p->used_right = c->taps_w;
	if (winograd)
		return;
	used_taps(c->taps_h, c->pad_h, c->step_h, c->out_h, c->src_h, &p->used_top, &p->used_bottom);
	used_taps(c->taps_w, c->pad_w, c->step_w, c->out_w, c->src_w, &p->used_left, &p->used_right);
}

/* Scratch of each thread, or what Winograd's method needs. */
static int64_t scratch_of(const struct sc_convolution *c, const struct correlation *correlation, int threads)
{
	return c->winograd ? SC_CPU(winograd_workspace)(correlation, threads) : threads * SC_CPU(correlation_scratch)(correlation);
}

/* Numbers of a correlation's weights as it reads them. */
static int64_t weights_of(const struct sc_convolution *c, const struct correlation *correlation, const struct packing *packing)
{
	return c->winograd ? SC_CPU(winograd_weight_count)(correlation) : SC_CPU(packed_count)(packing);
}

static void run(const struct sc_convolution *c, const struct correlation *correlation, struct sc_pool *pool)
{
	if (c->winograd)
		SC_CPU(winograd_correlate)(correlation, correlation->scratch, pool);
	else
		SC_CPU(correlate)(correlation, pool);
}

int64_t SC_CPU(convolution_packed_bytes)(const struct sc_convolution *c)
{
	struct correlation correlation = forward_correlation(c);
	struct packing packing = forward_packing(c);
	return weights_of(c, &correlation, &packing) * (int64_t)sizeof(float);
}

void SC_CPU(convolution_pack)(const struct sc_convolution *c, const float *weights, float *packed, struct sc_pool *pool)
{
	struct correlation correlation = forward_correlation(c);
	struct packing packing = forward_packing(c);
	if (c->winograd) {
		const struct winograd_taps taps = {weights, c->ic * c->oc, c->oc, BLOCK};
		SC_CPU(winograd_pack)(&correlation, &taps, packed, pool);
		return;
	}
	packing.weights = weights, packing.packed = packed;
	limit_to_used(&packing, &correlation, false);
	SC_CPU(pack)(&packing, pool);
}

/* Workspace: bias filled up to whole blocks, scratch. */
int64_t SC_CPU(convolution_forward_workspace)(const struct sc_convolution *c, int threads)
{
	struct correlation correlation = forward_correlation(c);
	return (whole_lines(blocks_of(c->oc) * BLOCK) + scratch_of(c, &correlation, threads)) * (int64_t)sizeof(float);
}

void SC_CPU(convolution_forward)(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace,
				 struct sc_pool *pool)
{
	struct correlation correlation = forward_correlation(c);
	float *whole_bias = workspace;
	int64_t bias_count = blocks_of(c->oc) * BLOCK;
	if (t->bias) {
		memcpy(whole_bias, t->bias, (size_t)c->oc * sizeof(float));
		memset(whole_bias + c->oc, 0, (size_t)(bias_count - c->oc) * sizeof(float));
	}
	correlation.src = t->src, correlation.weights = t->packed, correlation.bias = t->bias ? whole_bias : NULL;
	correlation.residual = t->residual, correlation.relu = t->relu, correlation.dst = t->dst;
	correlation.scratch = whole_bias + whole_lines(bias_count);
	run(c, &correlation, pool);
}

/* ---- Backward data ----------------------------------------------------------------------------------------------------------- */

/* One axis of a class of source pixels: those at `offset`, offset + stride, ... All of them are reached by the taps
 * first, first - stride, ... in the order of rising output position, and output position j + tap - pad serves the j-th of them. */
struct axis {
	int64_t count, taps, first_tap, pad;
};

static struct axis class_axis(int64_t offset, int64_t size, int64_t kernel, int64_t stride, int64_t pad)
{
	int64_t lowest = (offset + pad) % stride;
	struct axis a = {.count = (size - offset + stride - 1) / stride};
	a.taps = lowest < kernel ? (kernel - lowest + stride - 1) / stride : 0;
	a.first_tap = lowest + stride * (a.taps - 1);
	a.pad = a.taps - 1 - (offset + pad - lowest) / stride;
	return a;
}

static void class_correlation(const struct sc_convolution *c, int64_t offset_h, int64_t offset_w, struct correlation *correlation,
			      struct packing *packing)
{
	struct axis h = class_axis(offset_h, c->ih, c->kh, c->stride_h, c->pad_top);
	struct axis w = class_axis(offset_w, c->iw, c->kw, c->stride_w, c->pad_left);
	if (h.taps == 0 || w.taps == 0)
		h.taps = w.taps = 0;
	*correlation = (struct correlation){
		.mb = c->mb,
		.src_h = c->oh,
		.src_w = c->ow,
		.depth = c->oc,
		.out_h = h.count,
		.out_w = w.count,
		.width = c->ic,
		.dst_image = c->ih * c->iw * c->ic,
		.dst_row = c->stride_h * c->iw * c->ic,
		.dst_pixel = c->stride_w * c->ic,
		.taps_h = h.taps,
		.taps_w = w.taps,
		.step_h = 1,
		.step_w = 1,
		.pad_h = h.pad,
		.pad_w = w.pad,
	};
	*packing = (struct packing){
		.kw = c->kw,
		.ic = c->ic,
		.oc = c->oc,
		.taps_h = h.taps,
		.taps_w = w.taps,
		.first_h = h.first_tap,
		.first_w = w.first_tap,
		.step_h = -c->stride_h,
		.step_w = -c->stride_w,
		.transposed = true,
	};
	limit_to_used(packing, correlation, c->winograd);
}

/* Classes follow each other, so the workspace is that of the largest: packed weights, scratch. Winograd's method transforms what
 * is packed. */
static void backward_data_sizes(const struct sc_convolution *c, int threads, int64_t *packed, int64_t *transformed,
				int64_t *scratch)
{
	*packed = *transformed = *scratch = 0;
	for (int64_t y = 0; y < minimum(c->stride_h, c->ih); y++)
		for (int64_t x = 0; x < minimum(c->stride_w, c->iw); x++) {
			struct correlation correlation;
			struct packing packing;
			class_correlation(c, y, x, &correlation, &packing);
			*packed = maximum(*packed, whole_lines(SC_CPU(packed_count)(&packing)));
			if (c->winograd)
				*transformed = SC_CPU(winograd_weight_count)(&correlation);
			*scratch = maximum(*scratch, scratch_of(c, &correlation, threads));
		}
}

int64_t SC_CPU(convolution_backward_data_workspace)(const struct sc_convolution *c, int threads)
{
	int64_t packed, transformed, scratch;
	backward_data_sizes(c, threads, &packed, &transformed, &scratch);
	return (packed + transformed + scratch) * (int64_t)sizeof(float);
}

void SC_CPU(convolution_backward_data)(const struct sc_convolution *c, const float *diff_dst, const float *weights, float *diff_src,
				       bool accumulate, void *workspace, struct sc_pool *pool)
{
	int64_t packed, transformed, scratch;
	backward_data_sizes(c, sc_pool_threads(pool), &packed, &transformed, &scratch);
	for (int64_t y = 0; y < minimum(c->stride_h, c->ih); y++)
		for (int64_t x = 0; x < minimum(c->stride_w, c->iw); x++) {
			struct correlation correlation;
			struct packing packing;
			class_correlation(c, y, x, &correlation, &packing);
			packing.weights = weights, packing.packed = workspace;
			SC_CPU(pack)(&packing, pool);
			correlation.src = diff_dst, correlation.weights = workspace, correlation.accumulate = accumulate;
			correlation.dst = diff_src + (y * c->iw + x) * c->ic;
			correlation.scratch = (float *)workspace + packed + transformed;
			if (c->winograd) {
				const struct winograd_taps taps = {workspace, c->oc * BLOCK, BLOCK, 9 * c->oc * BLOCK};
				correlation.weights = (float *)workspace + packed;
				SC_CPU(winograd_pack)(&correlation, &taps, (float *)workspace + packed, pool);
			}
			run(c, &correlation, pool);
		}
}
