/* gradient_columns.c - weight gradients of few source channels: rows of a tile are taps of one kernel column. */
#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient.h"
#include "engine/cpu/gradient_tile.h"

static void run_column(const struct gradient *g, const struct region *region, int64_t n, int64_t y, int64_t t, int64_t i, int64_t b)
{
	const struct sc_convolution *c = &g->c;
	int64_t first_x, last_x, top = y * c->stride_h - c->pad_top;
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &first_x, &last_x);
	int64_t first = maximum(0, -top), last = minimum(c->kh, c->ih - top);
	if (first_x >= last_x)
		return;
	const int64_t ix = first_x * c->stride_w - c->pad_left + t, tiles = parts_of(last - first, TILE_PIXELS);
	for (int64_t k = 0; k < tiles; k++) {
		const int64_t r = first + tile_begin(last - first, tiles, k);
		struct gradient_tile tile = {
			.src = g->source.at + n * g->source.image + (top + r) * g->source.row + ix * g->source.pixel +
			       region->first_ic + i,
			.diff_dst = g->diff_dst.at + n * g->diff_dst.image + y * g->diff_dst.row + first_x * c->oc +
				    region->first_oc + b * BLOCK,
			.row_stride = g->source.row,
			.images = {.count = 1},
			.rows = {.count = 1},
			.columns = {last_x - first_x, c->stride_w * c->ic, c->oc},
			.sums = region->sums + ((r * c->kw + t) * g->depth + i) * c->oc + b * BLOCK,
			.sums_stride = c->kw * g->depth * c->oc,
			.channels = minimum(BLOCK, region->o1 - b * BLOCK),
		};
		SC_CPU(gradient_tile_run)((int)(first + tile_begin(last - first, tiles, k + 1) - r), &tile);
	}
}

void SC_CPU(gradient_columns)(const struct gradient *g, const struct region *region)
{
	const struct sc_convolution *c = &g->c;
	for (int64_t b = region->b0; b < region->b1; b++)
		for (int64_t n = region->n0; n < region->n1; n++)
			for (int64_t y = 0; y < c->oh; y++)
				for (int64_t t = 0; t < c->kw; t++)
					for (int64_t i = 0; i < g->depth; i++)
						run_column(g, region, n, y, t, i, b);
}
