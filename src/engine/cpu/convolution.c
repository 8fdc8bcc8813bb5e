/* convolution.c - forward and backward-data convolutions as correlations: which taps, which pixels, where the packed weights go.
 *
 * Narrow groups are one correlation, side by side (spread.h); others are one correlation each, a part of the convolution. */
#include <string.h>

#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/spread.h"
#include "engine/cpu/winograd.h"
#include "engine/cpu/winograd_2x2.h"

/* ---- Forward --------------------------------------------------------------------------------------------------------------- */

static bool forward_together(const struct sc_convolution *c)
{
	return c->groups == 1 || side_by_side(c->groups, sc_group_ic(c), sc_group_oc(c));
}

static struct correlation forward_correlation(const struct sc_convolution *c)
{
	bool together = forward_together(c);
	return (struct correlation){
		.mb = c->mb,
		.src_h = c->ih,
		.src_w = c->iw,
		.src_pixel = c->ic,
		.depth = sc_group_ic(c),
		.groups = together ? c->groups : 1,
		.out_h = c->oh,
		.out_w = c->ow,
		.width = together ? c->oc : sc_group_oc(c),
		.dst_image = c->oh * c->ow * c->oc,
		.dst_row = c->ow * c->oc,
		.dst_pixel = c->oc,
		.taps_h = c->kh,
		.taps_w = c->kw,
		.step_h = c->stride_h,
		.step_w = c->stride_w,
		.pad_h = c->pad_top,
		.pad_w = c->pad_left,
		.late = c->late,
	};
}

static struct packing forward_packing(const struct sc_convolution *c)
{
	return (struct packing){
		.kw = c->kw,
		.row = c->oc,
		.groups = forward_together(c) ? c->groups : 1,
		.ic = sc_group_ic(c),
		.oc = sc_group_oc(c),
		.taps_h = c->kh,
		.taps_w = c->kw,
		.step_h = 1,
		.step_w = 1,
	};
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

/* Whether weights that Winograd's method has transformed take the place of packed ones, and more room. */
static bool packs_transformed(const struct sc_convolution *c)
{
	return c->winograd && !c->late && !by_winograd_2x2(c);
}

static void pack_part(const struct sc_convolution *c, const struct correlation *correlation, const struct packing *packing,
		       struct sc_pool *pool)
{
	SC_CPU(pack)(packing, pool);
	if (by_winograd_2x2(c))
		SC_CPU(winograd_2x2_transform)(correlation, packing->packed, pool);
}

/* Scratch of each thread, or what Winograd's method needs. */
static int64_t scratch_of(const struct sc_convolution *c, const struct correlation *correlation, int threads)
{
	if (by_winograd_2x2(c))
		return SC_CPU(winograd_2x2_workspace)(correlation, threads);
	return c->winograd ? SC_CPU(winograd_workspace)(correlation, threads) : threads * SC_CPU(correlation_scratch)(correlation);
}

static void run(const struct sc_convolution *c, const struct correlation *correlation, struct sc_pool *pool)
{
	if (by_winograd_2x2(c))
		SC_CPU(winograd_2x2_correlate)(correlation, pool);
	else if (c->winograd)
		SC_CPU(winograd_correlate)(correlation, correlation->scratch, pool);
	else
		SC_CPU(correlate)(correlation, pool);
}

/* Groups that are not side by side are one correlation each: a part. */
static int64_t forward_parts(const struct sc_convolution *c)
{
	return forward_together(c) ? 1 : c->groups;
}

/* Numbers of the packed weights of a part. */
static int64_t forward_part_count(const struct sc_convolution *c)
{
	struct correlation correlation = forward_correlation(c);
	struct packing packing = forward_packing(c);
	return whole_lines(packs_transformed(c) ? SC_CPU(winograd_weight_count)(&correlation) : SC_CPU(packed_count)(&packing));
}

int64_t SC_CPU(convolution_packed_bytes)(const struct sc_convolution *c)
{
	return forward_parts(c) * forward_part_count(c) * (int64_t)sizeof(float);
}

void SC_CPU(convolution_pack)(const struct sc_convolution *c, const float *weights, float *packed, struct sc_pool *pool)
{
	struct correlation correlation = forward_correlation(c);
	struct packing packing = forward_packing(c);
	if (packs_transformed(c)) {
		const struct winograd_taps taps = {weights, c->ic * c->oc, c->oc, BLOCK};
		SC_CPU(winograd_pack)(&correlation, &taps, packed, pool);
		return;
	}
	limit_to_used(&packing, &correlation, c->winograd);
	for (int64_t part = 0; part < forward_parts(c); part++) {
		packing.weights = weights + part * sc_group_oc(c), packing.packed = packed + part * forward_part_count(c);
		pack_part(c, &correlation, &packing, pool);
	}
}

/* The bias of any part is followed by a whole block. */
static int64_t whole_bias_count(const struct sc_convolution *c)
{
	return (blocks_of(c->oc) + (c->groups > 1)) * BLOCK;
}

/* Workspace: bias filled up to whole blocks, scratch. */
int64_t SC_CPU(convolution_forward_workspace)(const struct sc_convolution *c, int threads)
{
	struct correlation correlation = forward_correlation(c);
	return (whole_lines(whole_bias_count(c)) + scratch_of(c, &correlation, threads)) * (int64_t)sizeof(float);
}

/* The bias, filled up to whole blocks, at the beginning of the workspace; scratch after it. */
static struct correlation with_bias(const struct sc_convolution *c, const struct sc_convolution_forward *t, float *workspace)
{
	struct correlation correlation = forward_correlation(c);
	int64_t bias_count = whole_bias_count(c);
	if (t->bias) {
		memcpy(workspace, t->bias, (size_t)c->oc * sizeof(float));
		memset(workspace + c->oc, 0, (size_t)(bias_count - c->oc) * sizeof(float));
	}
	correlation.relu = t->relu, correlation.scratch = workspace + whole_lines(bias_count);
	return correlation;
}

void SC_CPU(convolution_forward)(const struct sc_convolution *c, const struct sc_convolution_forward *t, void *workspace,
				 struct sc_pool *pool)
{
	struct correlation correlation = with_bias(c, t, workspace);
	const float *whole_bias = workspace;
	for (int64_t part = 0; part < forward_parts(c); part++) {
		int64_t first = part * sc_group_oc(c);
		correlation.src = t->src + part * sc_group_ic(c), correlation.dst = t->dst + first;
		correlation.weights = t->packed + part * forward_part_count(c);
		correlation.bias = t->bias ? whole_bias + first : NULL;
		correlation.residual = t->residual ? t->residual + first : NULL;
		run(c, &correlation, pool);
	}
}

int64_t SC_CPU(convolution_pool_workspace)(const struct sc_convolution *c, const struct sc_max_pool *m, int threads)
{
	return (whole_lines(whole_bias_count(c)) + threads * SC_CPU(pooled_scratch)(m)) * (int64_t)sizeof(float);
}

void SC_CPU(convolution_pool_forward)(const struct sc_convolution *c, const struct sc_max_pool *m,
				      const struct sc_convolution_forward *t, void *workspace, struct sc_pool *pool)
{
	struct correlation correlation = with_bias(c, t, workspace);
	correlation.src = t->src, correlation.weights = t->packed, correlation.bias = t->bias ? workspace : NULL;
	SC_CPU(correlate_pooled)(&correlation, m, t->dst, pool);
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
	struct axis a = {.count = parts_of(size - offset, stride)};
	a.taps = lowest < kernel ? parts_of(kernel - lowest, stride) : 0;
	a.first_tap = lowest + stride * (a.taps - 1);
	a.pad = a.taps - 1 - (offset + pad - lowest) / stride;
	return a;
}

static bool backward_together(const struct sc_convolution *c)
{
	return c->groups == 1 || side_by_side(c->groups, sc_group_oc(c), sc_group_ic(c));
}

static void class_correlation(const struct sc_convolution *c, int64_t offset_h, int64_t offset_w, struct correlation *correlation,
			      struct packing *packing)
{
	struct axis h = class_axis(offset_h, c->ih, c->kh, c->stride_h, c->pad_top);
	struct axis w = class_axis(offset_w, c->iw, c->kw, c->stride_w, c->pad_left);
	bool together = backward_together(c);
	if (h.taps == 0 || w.taps == 0)
		h.taps = w.taps = 0;
	*correlation = (struct correlation){
		.mb = c->mb,
		.src_h = c->oh,
		.src_w = c->ow,
		.src_pixel = c->oc,
		.depth = sc_group_oc(c),
		.groups = together ? c->groups : 1,
		.out_h = h.count,
		.out_w = w.count,
		.width = together ? c->ic : sc_group_ic(c),
		.dst_image = c->ih * c->iw * c->ic,
		.dst_row = c->stride_h * c->iw * c->ic,
		.dst_pixel = c->stride_w * c->ic,
		.taps_h = h.taps,
		.taps_w = w.taps,
		.step_h = 1,
		.step_w = 1,
		.pad_h = h.pad,
		.pad_w = w.pad,
		.late = c->late,
	};
	*packing = (struct packing){
		.kw = c->kw,
		.row = c->oc,
		.groups = together ? c->groups : 1,
		.ic = sc_group_ic(c),
		.oc = sc_group_oc(c),
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

/* Classes and parts follow each other, so the workspace is that of the largest: packed weights, scratch. Winograd's method
 * transforms what is packed. */
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
			if (packs_transformed(c))
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
	int64_t packed, transformed, scratch, parts = backward_together(c) ? 1 : c->groups;
	backward_data_sizes(c, sc_pool_threads(pool), &packed, &transformed, &scratch);
	for (int64_t y = 0; y < minimum(c->stride_h, c->ih); y++)
		for (int64_t x = 0; x < minimum(c->stride_w, c->iw); x++) {
			struct correlation correlation;
			struct packing packing;
			class_correlation(c, y, x, &correlation, &packing);
			correlation.weights = packing.packed = workspace;
			correlation.scratch = (float *)workspace + packed + transformed;
			correlation.accumulate = accumulate;
			for (int64_t part = 0; part < parts; part++) {
				packing.weights = weights + part * sc_group_oc(c);
				pack_part(c, &correlation, &packing, pool);
				if (packs_transformed(c)) {
					const struct winograd_taps taps = {workspace, c->oc * BLOCK, BLOCK, 9 * c->oc * BLOCK};
					correlation.weights = (float *)workspace + packed;
					SC_CPU(winograd_pack)(&correlation, &taps, (float *)workspace + packed, pool);
				}
				correlation.src = diff_dst + part * sc_group_oc(c);
				correlation.dst = diff_src + (y * c->iw + x) * c->ic + part * sc_group_ic(c);
				run(c, &correlation, pool);
			}
		}
}
