/* correlation_batch.c - correlations across the batch, for narrow maps: a tile is the same pixel of many images. All its pixels
 * have the same valid taps, and no arithmetic meets padding; the sources are gathered first, since images lie at strides that a
 * cache maps onto the same lines. */
#include <string.h>

#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/tile.h"

#define GATHER_TILES  4 /* tiles whose sources are gathered at once */
#define GATHER_BLOCKS 4 /* blocks of output channels that share one gathering */

/* Gathered sources of a pixel: its valid taps' stretches one after the other. Rows are kept off each other's cache sets. */
static int64_t gathered_stride(const struct correlation *c)
{
	return chain_length(c) + 16;
}

static int64_t gathered_images(const struct correlation *c)
{
	return minimum(c->mb, GATHER_TILES * TILE_PIXELS);
}

/* A pixel of the lattice and its valid taps. */
struct pixel {
	int64_t y, x, top, left, first_h, last_h, first_w, last_w;
};

static struct pixel pixel_at(const struct correlation *c, int64_t index)
{
	struct pixel p = {.y = index / c->out_w, .x = index % c->out_w};
	p.top = p.y * c->step_h - c->pad_h;
	p.left = p.x * c->step_w - c->pad_w;
	valid_taps(p.top, c->taps_h, c->src_h, &p.first_h, &p.last_h);
	valid_taps(p.left, c->taps_w, c->src_w, &p.first_w, &p.last_w);
	return p;
}

static void gather(const struct correlation *c, const struct pixel *p, int64_t n0, int64_t images, float *gathered)
{
	bool gapless = c->src_pixel == c->depth;
	int64_t columns = p->last_w - p->first_w, copies = gapless ? 1 : columns, length = (gapless ? columns : 1) * c->depth;
	for (int64_t n = 0; n < images; n++)
		for (int64_t r = p->first_h; r < p->last_h; r++) {
			const float *from =
				c->src + (((n0 + n) * c->src_h + p->top + r) * c->src_w + p->left + p->first_w) * c->src_pixel;
			float *to = gathered + n * gathered_stride(c) + (r - p->first_h) * columns * c->depth;
			for (int64_t i = 0; i < copies; i++)
				memcpy(to + i * length, from + i * c->src_pixel, (size_t)length * sizeof(float));
		}
}

static void run_batch_tiles(const struct correlation *c, const struct pixel *p, struct blocks blocks, int64_t n0, int64_t images,
			    const float *gathered)
{
	struct segment segments[SC_MAX_KERNEL];
	int64_t length = (p->last_w - p->first_w) * c->depth, tiles = parts_of(images, TILE_PIXELS);
	int64_t rows = length ? p->last_h - p->first_h : 0;
	for (int64_t t = 0; t < tiles; t++) {
		int64_t begin = tile_begin(images, tiles, t);
		int pixels = (int)(tile_begin(images, tiles, t + 1) - begin);
		for (int64_t r = 0; r < rows; r++)
			segments[r] = (struct segment){
				.src = gathered + begin * gathered_stride(c) + r * length,
				.weights = c->weights +
					   (((blocks.first * c->taps_h + p->first_h + r) * c->taps_w + p->first_w) * c->depth) * BLOCK,
				.length = length,
				.last = pixels,
			};
		int64_t at = (n0 + begin) * c->dst_image + p->y * c->dst_row + p->x * c->dst_pixel + blocks.first * BLOCK;
		struct tile tile = {
			.segments = segments,
			.segment_count = rows,
			.pixel_stride = gathered_stride(c),
			.blocks = blocks.count,
			.block_weights = chain_length(c) * BLOCK,
			.dst = c->dst + at,
			.dst_stride = c->dst_image,
			.residual = c->residual ? c->residual + at : NULL,
			.bias = c->bias ? c->bias + blocks.first * BLOCK : NULL,
			.channels = minimum(blocks.count * BLOCK, c->width - blocks.first * BLOCK),
			.accumulate = c->accumulate,
			.relu = c->relu,
		};
		SC_CPU(tile_run)(pixels, &tile);
	}
}

static void batch_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct correlation *c = context;
	int64_t group = gathered_images(c), groups = parts_of(c->mb, group);
	int64_t pixels = c->out_h * c->out_w, blocks = blocks_of(c->width);
	float *gathered = c->scratch + slot * SC_CPU(batch_scratch)(c);
	for (int64_t unit = begin; unit < end; unit++) {
		struct pixel p = pixel_at(c, unit % pixels);
		int64_t n0 = unit / pixels % groups * group, images = minimum(group, c->mb - n0);
		int64_t first = unit / pixels / groups * GATHER_BLOCKS;
		gather(c, &p, n0, images, gathered);
		run_batch_tiles(c, &p, (struct blocks){first, minimum(GATHER_BLOCKS, blocks - first)}, n0, images, gathered);
	}
}

int64_t SC_CPU(batch_scratch)(const struct correlation *c)
{
	return gathered_images(c) * gathered_stride(c);
}

void SC_CPU(correlate_batch)(const struct correlation *c, struct sc_pool *pool)
{
	struct correlation shared = *c;
	int64_t group = gathered_images(c), groups = parts_of(c->mb, group);
	int64_t shares = parts_of(blocks_of(c->width), GATHER_BLOCKS);
	sc_pool_run(pool, batch_units, &shared, shares * groups * c->out_h * c->out_w, 1);
}
