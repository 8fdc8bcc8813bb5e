/* gradient_columns.c - weight gradients of few source channels: rows of a tile are taps of one kernel column. The gradient of an
 * output row, of two blocks of channels where there is work enough, is laid out in the cache for all of them, and the first ask for
 * the next row. */
#include <string.h>

#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient.h"
#include "engine/cpu/gradient_tile.h"

/* One or two blocks of output channels of an output row. */
struct output_row {
	int64_t n, y, block;
	int64_t channels;      /* of the blocks */
	const float *diff_dst; /* (blocks, ow, BLOCK), in the cache */
	const float *next;     /* the row that is laid out next, in memory; or NULL */
};

/* Column t of the kernel, source channel i. Of each pixel to come it asks for cache line `line`, if the blocks have it. */
static void run_column(const struct gradient *g, const struct region *region, const struct output_row *row, int64_t t, int64_t i,
		       int64_t line)
{
	const struct sc_convolution *c = &g->c;
	int64_t first_x, last_x, top = row->y * c->stride_h - c->pad_top;
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &first_x, &last_x);
	int64_t first = maximum(0, -top), last = minimum(c->kh, c->ih - top);
	if (first_x >= last_x)
		return;
	const int64_t ix = first_x * c->stride_w - c->pad_left + t, tiles = parts_of(last - first, TILE_PIXELS);
	const bool asks = row->next && line * 16 < row->channels;
	for (int64_t k = 0; k < tiles; k++) {
		const int64_t r = first + tile_begin(last - first, tiles, k);
		struct gradient_tile tile = {
			.src = g->source.at + row->n * g->source.image + (top + r) * g->source.row + ix * g->source.pixel +
			       region->first_ic + i,
			.diff_dst = row->diff_dst + first_x * BLOCK,
			.next_diff_dst = asks && k == 0 ? row->next + first_x * g->diff_dst.pixel + line * 16 : NULL,
			.row_stride = g->source.row,
			.images = {.count = 1},
			.rows = {.count = 1},
			.columns = {last_x - first_x, c->stride_w * c->ic, BLOCK, 0, g->diff_dst.pixel},
			.sums = region->sums + ((r * c->kw + t) * g->depth + i) * c->oc + row->block * BLOCK,
			.sums_stride = c->kw * g->depth * c->oc,
			.channels = row->channels,
			.block_diff = panel_stride(c->ow, BLOCK),
		};
		SC_CPU(gradient_tile_run)((int)(first + tile_begin(last - first, tiles, k + 1) - r), &tile);
	}
}

int64_t SC_CPU(gradient_columns_scratch)(const struct gradient *g)
{
	return 2 * panel_stride(g->c.ow, BLOCK);
}

/* Two blocks at once where that fills the registers: a source number is then read half as often. */
static int64_t blocks_together(const struct gradient *g, const struct region *region, int64_t block)
{
	return 2 * g->c.kh <= TILE_PIXELS && (block + 2) * BLOCK <= region->o1 ? 2 : 1;
}

static void clear(const struct gradient *g, const struct region *region)
{
	const struct sc_convolution *c = &g->c;
	const bool is_result = g->chunks == 1; /* where taps that meet no data are 0, and stay so */
	const size_t bytes = (size_t)(region->o1 - region->o0) * sizeof(float);
	for (int64_t tap = 0; tap < c->kh * c->kw; tap++) {
		if (is_result && !sc_tap_meets_data(c, tap / c->kw, tap % c->kw))
			continue;
		for (int64_t i = region->i0; i < region->i1; i++)
			memset(region->sums + (tap * g->depth + i) * c->oc + region->o0, 0, bytes);
	}
}

void SC_CPU(gradient_columns)(const struct gradient *g, const struct region *region, float *scratch)
{
	const struct sc_convolution *c = &g->c;
	clear(g, region);
	for (int64_t b = region->b0, blocks; b < region->b1; b += blocks) {
		const float *next = g->diff_dst.at + region->n0 * g->diff_dst.image + region->first_oc + b * BLOCK;
		blocks = blocks_together(g, region, b);
		const int64_t channels = minimum(blocks * BLOCK, region->o1 - b * BLOCK);
		for (int64_t n = region->n0; n < region->n1; n++)
			for (int64_t y = 0; y < c->oh; y++) {
				lay_gradient(g, next, 1, 1, channels, scratch, panel_stride(c->ow, BLOCK));
				next += g->diff_dst.row; /* images lie end to end */
				const bool ends = n + 1 == region->n1 && y + 1 == c->oh;
				const struct output_row row = {n, y, b, channels, scratch, ends ? NULL : next};
				for (int64_t k = 0; k < c->kw * g->depth; k++)
					run_column(g, region, &row, k / g->depth, k % g->depth, k);
			}
	}
}
