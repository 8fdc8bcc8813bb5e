/* groups.c - correlations of narrow groups side by side: bands of rows, spread for one block of channels, then in register tiles.
 */
#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/spread.h"

static int64_t band_of(const struct correlation *c)
{
	return spread_band(c->out_h, c->step_h, c->taps_h, c->src_w * c->depth * BLOCK);
}

int64_t SC_CPU(groups_scratch)(const struct correlation *c)
{
	int64_t rows = minimum(c->src_h, (band_of(c) - 1) * c->step_h + c->taps_h);
	return rows * c->src_w * c->depth * BLOCK;
}

/* Output rows [y0, y1) of image n, one block. */
static void run_band(const struct correlation *c, int64_t block, int64_t n, int64_t y0, int64_t y1, float *scratch)
{
	int64_t top = y0 * c->step_h - c->pad_h, bottom = (y1 - 1) * c->step_h - c->pad_h + c->taps_h;
	int64_t first = minimum(maximum(top, 0), c->src_h), last = maximum(minimum(bottom, c->src_h), first);
	const struct spreading spreading = {
		.src_pixel = c->src_pixel,
		.depth = c->depth,
		.width = c->width / c->groups,
		.first = block * BLOCK,
		.count = minimum(BLOCK, c->width - block * BLOCK),
	};
	SC_CPU(spread)
	(&spreading, (last - first) * c->src_w, c->src + (n * c->src_h + first) * c->src_w * c->src_pixel, scratch);
	struct correlation band = *c;
	band.src = scratch, band.src_pixel = c->depth * BLOCK, band.spread = true;
	band.src_h = last - first, band.pad_h = first - top, band.out_h = y1 - y0;
	int64_t at = n * c->dst_image + y0 * c->dst_row;
	band.dst = c->dst + at, band.residual = c->residual ? c->residual + at : NULL;
	for (int64_t y = 0; y < band.out_h; y++)
		SC_CPU(correlate_row)(&band, (struct blocks){block, 1}, 0, y, 0, row_tiles(&band));
}

static void band_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct correlation *c = context;
	int64_t blocks = blocks_of(c->width), band = band_of(c), bands = parts_of(c->out_h, band);
	float *scratch = c->scratch + slot * SC_CPU(groups_scratch)(c);
	for (int64_t unit = begin; unit < end; unit++) {
		int64_t block = unit % blocks, y = unit / blocks % bands * band, n = unit / blocks / bands;
		run_band(c, block, n, y, minimum(c->out_h, y + band), scratch);
	}
}

void SC_CPU(correlate_groups)(const struct correlation *c, struct sc_pool *pool)
{
	int64_t band = band_of(c), bands = parts_of(c->out_h, band);
	struct correlation shared = *c;
	sc_pool_run(pool, band_units, &shared, blocks_of(c->width) * bands * c->mb, 1);
}
