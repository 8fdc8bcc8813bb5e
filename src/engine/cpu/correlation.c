/* correlation.c - cuts a correlation into register tiles and shares them among the threads.
 *
 * Two ways to choose the pixels of a tile, with the same bits:
 *   - along a row: neighbouring pixels of one output row, sources read in place. Taps at the edges of the image serve a part of the
 *     tile. A 1x1 kernel whose pixels lie a multiple of 2 KiB apart has them gathered first: all would want the same few cache
 * sets.
 *   - across the batch, for narrow maps: the same pixel of many images. All pixels of a tile then have the same valid taps, and no
 *     arithmetic meets padding; the sources are gathered first, since images lie at strides that a cache maps onto the same lines.
 * As many blocks of output channels as have their weights in the L2 cache together are done row by row, so that sources are read
 * from memory once; beyond that, blocks are the outermost loop. */
#include <string.h>

#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/tile.h"

#define NARROW         7     /* maps of fewer pixels a row are tiled across the batch */
#define MANY_IMAGES    4     /* ... from this many images on */
#define GATHER_TILES   4     /* tiles whose sources are gathered at once */
#define GATHER_BLOCKS  4     /* blocks of output channels that share one gathering */
#define STRIP_TILES    8     /* tiles of a row that make a unit of work */
#define CLASHING       512   /* numbers: sources of pixels a multiple of this apart want the same cache sets */
#define CACHED_WEIGHTS 98304 /* numbers: what may be used of an L2 cache of 1 MiB for weights */
#define MAX_TAPS       SC_MAX_KERNEL

/* The taps [first, last) of an axis that a window beginning at `start` has inside [0, size). */
static void valid_taps(int64_t start, int64_t taps, int64_t size, int64_t *first, int64_t *last)
{
	*first = minimum(maximum(-start, 0), taps);
	*last = maximum(minimum(size - start, taps), *first);
}

static bool across_batch(const struct correlation *c)
{
	return c->out_w < NARROW && c->mb >= MANY_IMAGES;
}

/* A 1x1 correlation without step or padding sees no rows: the whole batch is one row of pixels. */
static struct correlation flattened(const struct correlation *c)
{
	struct correlation flat = *c;
	bool pointwise = c->taps_h == 1 && c->taps_w == 1 && c->step_h == 1 && c->step_w == 1 && c->pad_h == 0 && c->pad_w == 0;
	if (pointwise && c->out_h == c->src_h && c->out_w == c->src_w && c->dst_row == c->out_w * c->dst_pixel &&
	    c->dst_image == c->out_h * c->dst_row) {
		flat.out_w = flat.src_w = c->mb * c->out_h * c->out_w;
		flat.mb = flat.out_h = flat.src_h = 1;
	}
	return flat;
}

/* ---- Along a row -------------------------------------------------------------------------------------------------------- */

/* Which pixels of a tile a tap column serves, and how many columns after it serve all pixels too and so make one stretch with it.
 */
struct column {
	int64_t tap, count;
	int first, last;
};

/* Columns of the tile of `pixels` pixels from x0 on; gives how many there are. */
static int64_t tile_columns(const struct correlation *c, int64_t x0, int pixels, struct column *columns)
{
	int64_t count = 0;
	for (int64_t s = 0; s < c->taps_w; s++) {
		int64_t start = x0 * c->step_w + s - c->pad_w; /* source column of pixel 0 */
		int64_t first = start < 0 ? (-start + c->step_w - 1) / c->step_w : 0;
		int64_t last = start >= c->src_w ? 0 : (c->src_w - 1 - start) / c->step_w + 1;
		last = minimum(last, pixels);
		if (first >= last)
			continue;
		struct column *previous = count ? &columns[count - 1] : NULL;
		bool all = first == 0 && last == pixels;
		if (all && previous && previous->first == 0 && previous->last == pixels && previous->tap + previous->count == s)
			previous->count++;
		else
			columns[count++] = (struct column){.tap = s, .count = 1, .first = (int)first, .last = (int)last};
	}
	return count;
}

/* Asks for the cache lines that the tile will write: they come from memory while it computes (88 instead of 82 % of the peak at
 * 56x56x64, batch 16). */
static void prefetch_results(const struct tile *tile, int pixels)
{
	for (int p = 0; p < pixels; p++)
		for (int v = 0; v < VECTORS; v++)
			__builtin_prefetch(tile->dst + p * tile->dst_stride + v * LANES, 1);
}

/* Whether the sources of a strip are gathered first. */
static bool gathers_strips(const struct correlation *c)
{
	bool pointwise = c->taps_h == 1 && c->taps_w == 1 && c->pad_h == 0 && c->pad_w == 0;
	return pointwise && c->step_w * c->depth % CLASHING == 0 && (c->out_w - 1) * c->step_w < c->src_w;
}

/* Sources are kept off each other's cache sets. */
static int64_t strip_stride(const struct correlation *c)
{
	return c->depth + 16;
}

static void gather_strip(const struct correlation *c, int64_t n, int64_t y, int64_t begin, int64_t end, float *gathered)
{
	const float *row = c->src + (n * c->src_h + y * c->step_h) * c->src_w * c->depth;
	for (int64_t x = begin; x < end; x++)
		memcpy(gathered + (x - begin) * strip_stride(c), row + x * c->step_w * c->depth, (size_t)c->depth * sizeof(float));
}

/* The tile at (n, y, x0) of a block of output channels, its segments yet to be told. */
static struct tile result_tile(const struct correlation *c, int64_t block, int64_t n, int64_t y, int64_t x0)
{
	int64_t at = n * c->dst_image + y * c->dst_row + x0 * c->dst_pixel + block * BLOCK;
	return (struct tile){
		.dst = c->dst + at,
		.dst_stride = c->dst_pixel,
		.residual = c->residual ? c->residual + at : NULL,
		.bias = c->bias ? c->bias + block * BLOCK : NULL,
		.channels = minimum(BLOCK, c->width - block * BLOCK),
		.accumulate = c->accumulate,
		.relu = c->relu,
	};
}

static void run_gathered_tile(const struct correlation *c, int64_t block, struct tile tile, const float *gathered, int pixels)
{
	const struct segment segment = {
		.src = gathered,
		.weights = c->weights + block * c->depth * BLOCK,
		.length = c->depth,
		.last = pixels,
	};
	tile.segments = &segment, tile.segment_count = 1, tile.pixel_stride = strip_stride(c);
	prefetch_results(&tile, pixels);
	SC_CPU(tile_run)(pixels, &tile);
}

static void run_row_tile(const struct correlation *c, int64_t block, struct tile tile, int64_t n, int64_t y, int64_t x0, int pixels)
{
	struct column columns[MAX_TAPS];
	struct segment segments[MAX_TAPS * MAX_TAPS];
	int64_t column_count = tile_columns(c, x0, pixels, columns), count = 0, first, last;
	int64_t top = y * c->step_h - c->pad_h;
	const float *weights = c->weights + block * c->taps_h * c->taps_w * c->depth * BLOCK;
	valid_taps(top, c->taps_h, c->src_h, &first, &last);
	for (int64_t r = first; r < last; r++)
		for (int64_t i = 0; i < column_count; i++) {
			const struct column *column = &columns[i];
			int64_t x = (x0 + column->first) * c->step_w + column->tap - c->pad_w;
			segments[count++] = (struct segment){
				.src = c->src + ((n * c->src_h + top + r) * c->src_w + x) * c->depth,
				.weights = weights + (r * c->taps_w + column->tap) * c->depth * BLOCK,
				.length = column->count * c->depth,
				.first = column->first,
				.last = column->last,
			};
		}
	tile.segments = segments, tile.segment_count = count, tile.pixel_stride = c->step_w * c->depth;
	prefetch_results(&tile, pixels);
	SC_CPU(tile_run)(pixels, &tile);
}

/* Tiles of nearly equal width, none wider than TILE_PIXELS: tile i of `tiles` over `pixels` begins here. */
static int64_t tile_begin(int64_t pixels, int64_t tiles, int64_t i)
{
	return i * (pixels / tiles) + minimum(i, pixels % tiles);
}

/* Blocks that are done together, and groups of them. */
static int64_t groups_of_blocks(const struct correlation *c)
{
	int64_t together = maximum(1, CACHED_WEIGHTS / maximum(1, c->taps_h * c->taps_w * c->depth * BLOCK));
	return (blocks_of(c->width) + together - 1) / together;
}

static void row_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct correlation *c = context;
	int64_t tiles = (c->out_w + TILE_PIXELS - 1) / TILE_PIXELS, strips = (tiles + STRIP_TILES - 1) / STRIP_TILES;
	int64_t blocks = blocks_of(c->width), groups = groups_of_blocks(c);
	float *gathered = gathers_strips(c) ? c->scratch + slot * SC_CPU(correlation_scratch)(c) : NULL;
	for (int64_t unit = begin; unit < end; unit++) {
		int64_t strip = unit % strips, y = unit / strips % c->out_h;
		int64_t n = unit / strips / c->out_h % c->mb, group = unit / strips / c->out_h / c->mb;
		int64_t first = strip * STRIP_TILES, last = minimum(tiles, first + STRIP_TILES);
		int64_t left = tile_begin(c->out_w, tiles, first);
		if (gathered)
			gather_strip(c, n, y, left, tile_begin(c->out_w, tiles, last), gathered);
		for (int64_t block = group * blocks / groups; block < (group + 1) * blocks / groups; block++)
			for (int64_t t = first; t < last; t++) {
				int64_t x0 = tile_begin(c->out_w, tiles, t);
				int pixels = (int)(tile_begin(c->out_w, tiles, t + 1) - x0);
				struct tile tile = result_tile(c, block, n, y, x0);
				if (gathered)
					run_gathered_tile(c, block, tile, gathered + (x0 - left) * strip_stride(c), pixels);
				else
					run_row_tile(c, block, tile, n, y, x0, pixels);
			}
	}
}

/* ---- Across the batch ------------------------------------------------------------------------------------------------------ */

/* Gathered sources of a pixel: its valid taps' stretches one after the other. Rows are kept off each other's cache sets. */
static int64_t gathered_stride(const struct correlation *c)
{
	return c->taps_h * c->taps_w * c->depth + 16;
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
	int64_t length = (p->last_w - p->first_w) * c->depth;
	for (int64_t n = 0; n < images; n++)
		for (int64_t r = p->first_h; r < p->last_h; r++)
			memcpy(gathered + n * gathered_stride(c) + (r - p->first_h) * length,
			       c->src + (((n0 + n) * c->src_h + p->top + r) * c->src_w + p->left + p->first_w) * c->depth,
			       (size_t)length * sizeof(float));
}

static void run_batch_tiles(const struct correlation *c, const struct pixel *p, int64_t block, int64_t n0, int64_t images,
			    const float *gathered)
{
	struct segment segments[MAX_TAPS];
	int64_t length = (p->last_w - p->first_w) * c->depth, tiles = (images + TILE_PIXELS - 1) / TILE_PIXELS;
	int64_t rows = length ? p->last_h - p->first_h : 0;
	for (int64_t t = 0; t < tiles; t++) {
		int64_t begin = tile_begin(images, tiles, t);
		int pixels = (int)(tile_begin(images, tiles, t + 1) - begin);
		for (int64_t r = 0; r < rows; r++)
			segments[r] = (struct segment){
				.src = gathered + begin * gathered_stride(c) + r * length,
				.weights = c->weights +
					   (((block * c->taps_h + p->first_h + r) * c->taps_w + p->first_w) * c->depth) * BLOCK,
				.length = length,
				.last = pixels,
			};
		int64_t at = (n0 + begin) * c->dst_image + p->y * c->dst_row + p->x * c->dst_pixel + block * BLOCK;
		struct tile tile = {
			.segments = segments,
			.segment_count = rows,
			.pixel_stride = gathered_stride(c),
			.dst = c->dst + at,
			.dst_stride = c->dst_image,
			.residual = c->residual ? c->residual + at : NULL,
			.bias = c->bias ? c->bias + block * BLOCK : NULL,
			.channels = minimum(BLOCK, c->width - block * BLOCK),
			.accumulate = c->accumulate,
			.relu = c->relu,
		};
		SC_CPU(tile_run)(pixels, &tile);
	}
}

static void batch_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct correlation *c = context;
	int64_t group = gathered_images(c), groups = (c->mb + group - 1) / group;
	int64_t pixels = c->out_h * c->out_w, blocks = blocks_of(c->width);
	float *gathered = c->scratch + slot * SC_CPU(correlation_scratch)(c);
	for (int64_t unit = begin; unit < end; unit++) {
		struct pixel p = pixel_at(c, unit % pixels);
		int64_t n0 = unit / pixels % groups * group, images = minimum(group, c->mb - n0);
		int64_t first = unit / pixels / groups * GATHER_BLOCKS;
		gather(c, &p, n0, images, gathered);
		for (int64_t block = first; block < minimum(blocks, first + GATHER_BLOCKS); block++)
			run_batch_tiles(c, &p, block, n0, images, gathered);
	}
}

/* ------------------------------------------------------------------------------------------------------------------------------ */

int64_t SC_CPU(correlation_scratch)(const struct correlation *given)
{
	struct correlation c = flattened(given);
	if (across_batch(&c))
		return gathered_images(&c) * gathered_stride(&c);
	return gathers_strips(&c) ? STRIP_TILES * TILE_PIXELS * strip_stride(&c) : 0;
}

void SC_CPU(correlate)(const struct correlation *given, struct sc_pool *pool)
{
	struct correlation c = flattened(given);
	int64_t blocks = blocks_of(c.width);
	if (across_batch(&c)) {
		int64_t group = gathered_images(&c), groups = (c.mb + group - 1) / group;
		int64_t shares = (blocks + GATHER_BLOCKS - 1) / GATHER_BLOCKS;
		sc_pool_run(pool, batch_units, &c, shares * groups * c.out_h * c.out_w, 1);
	} else {
		int64_t tiles = (c.out_w + TILE_PIXELS - 1) / TILE_PIXELS, strips = (tiles + STRIP_TILES - 1) / STRIP_TILES;
		sc_pool_run(pool, row_units, &c, groups_of_blocks(&c) * c.mb * c.out_h * strips, minimum(c.out_h, 8));
	}
}
