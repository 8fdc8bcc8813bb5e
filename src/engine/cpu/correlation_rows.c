/* correlation_rows.c - correlations along rows: a tile is neighbouring pixels of one output row, sources read in place. Taps at the
 * edges of the image serve a part of the tile.
 *
 * As many blocks of output channels as have their weights in the L2 cache together are done row by row, so that sources are read
 * from memory once; beyond that, sets of blocks are the outermost loop. While the tiles of a strip compute, they ask for what is
 * read next. */
#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/tile.h"

#define STRIP_TILES    8     /* tiles of a row that make a unit of work */
#define CACHED_WEIGHTS 98304 /* numbers: what may be used of an L2 cache of 1 MiB for weights */
#define CACHE_LINE     16    /* numbers */
#define GRAIN          8     /* units that a thread takes at once, and that ask for the weights that come after them */
#define TURNS          2     /* of each thread, where it takes whole sets: so that a slow one can leave some to others */

/* ---- Any taps -------------------------------------------------------------------------------------------------------------- */

/* Which pixels of a tile a tap column serves, and how many columns after it serve all pixels too and so make one stretch with it.
 */
struct column {
	int64_t tap, count;
	int first, last;
};

/* Columns of the tile of `pixels` pixels from x0 on; gives how many there are. */
static int64_t tile_columns(const struct correlation *c, int64_t x0, int pixels, struct column *columns)
{
	bool gapless = c->src_pixel == (c->spread ? c->depth * BLOCK : c->depth);
	int64_t count = 0;
	for (int64_t s = 0; s < c->taps_w; s++) {
		int64_t start = x0 * c->step_w + s - c->pad_w; /* source column of pixel 0 */
		int64_t first = start < 0 ? parts_of(-start, c->step_w) : 0;
		int64_t last = start >= c->src_w ? 0 : (c->src_w - 1 - start) / c->step_w + 1;
		last = minimum(last, pixels);
		if (first >= last)
			continue;
		struct column *previous = count ? &columns[count - 1] : NULL;
		bool all = gapless && first == 0 && last == pixels;
		if (all && previous && previous->first == 0 && previous->last == pixels && previous->tap + previous->count == s)
			previous->count++;
		else
			columns[count++] = (struct column){.tap = s, .count = 1, .first = (int)first, .last = (int)last};
	}
	return count;
}

/* The tile at (n, y, x0), its segments yet to be told. */
static struct tile result_tile(const struct correlation *c, struct blocks blocks, int64_t n, int64_t y, int64_t x0)
{
	int64_t at = n * c->dst_image + y * c->dst_row + x0 * c->dst_pixel + blocks.first * BLOCK;
	return (struct tile){
		.blocks = blocks.count,
		.block_weights = chain_length(c) * BLOCK,
		.dst = c->dst + at,
		.dst_stride = c->dst_pixel,
		.residual = c->residual ? c->residual + at : NULL,
		.bias = c->bias ? c->bias + blocks.first * BLOCK : NULL,
		.channels = minimum(blocks.count * BLOCK, c->width - blocks.first * BLOCK),
		.accumulate = c->accumulate,
		.relu = c->relu,
		.spread = c->spread,
	};
}

/* Tiles [first, last) of row y of image n. */
struct strip {
	int64_t n, y, first, last;
};

static const float *strip_source(const struct correlation *c, const struct strip *s, int64_t tile)
{
	int64_t x = tile_begin(c->out_w, row_tiles(c), tile) * c->step_w;
	return c->src + ((s->n * c->src_h + s->y * c->step_h) * c->src_w + x) * c->src_pixel;
}

static void run_row_tile(const struct correlation *c, struct blocks blocks, int64_t n, int64_t y, int64_t x0, int pixels,
			 const struct fetch *fetch)
{
	struct column columns[SC_MAX_KERNEL];
	struct segment segments[SC_MAX_KERNEL * SC_MAX_KERNEL];
	int64_t column_count = tile_columns(c, x0, pixels, columns), count = 0, first, last;
	int64_t top = y * c->step_h - c->pad_h;
	const float *weights = c->weights + blocks.first * chain_length(c) * BLOCK;
	valid_taps(top, c->taps_h, c->src_h, &first, &last);
	for (int64_t r = first; r < last; r++)
		for (int64_t i = 0; i < column_count; i++) {
			const struct column *column = &columns[i];
			int64_t x = (x0 + column->first) * c->step_w + column->tap - c->pad_w;
			segments[count++] = (struct segment){
				.src = c->src + ((n * c->src_h + top + r) * c->src_w + x) * c->src_pixel,
				.weights = weights + (r * c->taps_w + column->tap) * c->depth * BLOCK,
				.length = column->count * c->depth,
				.first = column->first,
				.last = column->last,
			};
		}
	struct tile tile = result_tile(c, blocks, n, y, x0);
	tile.segments = segments, tile.segment_count = count, tile.pixel_stride = c->step_w * c->src_pixel;
	tile.next = fetch->at, tile.next_step = fetch->step;
	SC_CPU(tile_run)(pixels, &tile);
}

static void run_row_tiles(const struct correlation *c, struct blocks blocks, const struct strip *s, struct fetch fetch)
{
	int64_t tiles = row_tiles(c);
	for (int64_t t = s->first; t < s->last; t++, advance(&fetch, blocks.count)) {
		int64_t x0 = tile_begin(c->out_w, tiles, t);
		run_row_tile(c, blocks, s->n, s->y, x0, (int)(tile_begin(c->out_w, tiles, t + 1) - x0), &fetch);
	}
}

void SC_CPU(correlate_row)(const struct correlation *c, struct blocks blocks, int64_t n, int64_t y, int64_t first, int64_t last)
{
	const struct strip strip = {n, y, first, last};
	run_row_tiles(c, blocks, &strip, (struct fetch){0});
}

/* ---- One tap --------------------------------------------------------------------------------------------------------------- */

static void run_pointwise_tiles(const struct correlation *c, struct blocks blocks, const struct strip *s, struct fetch fetch)
{
	const int64_t tiles = row_tiles(c), width = c->out_w / tiles, wider = c->out_w % tiles, stride = c->step_w * c->src_pixel;
	struct segment segment = {
		.src = strip_source(c, s, s->first),
		.weights = c->weights + blocks.first * c->depth * BLOCK,
		.length = c->depth,
	};
	struct tile tile = result_tile(c, blocks, s->n, s->y, tile_begin(c->out_w, tiles, s->first));
	tile.segments = &segment, tile.segment_count = 1, tile.pixel_stride = stride, tile.next_step = fetch.step;
	for (int64_t t = s->first; t < s->last; t++, advance(&fetch, blocks.count)) {
		const int pixels = (int)(width + (t < wider));
		segment.last = pixels, tile.next = fetch.at;
		SC_CPU(tile_run)(pixels, &tile);
		segment.src += pixels * stride, tile.dst += pixels * tile.dst_stride;
		if (tile.residual)
			tile.residual += pixels * tile.dst_stride;
	}
}

/* ---- What is read next ----------------------------------------------------------------------------------------------------- */

static int64_t row_strips(const struct correlation *c)
{
	return parts_of(row_tiles(c), STRIP_TILES);
}

/* Blocks of output channels in sets that are done together, and units of work, strips, in each set. */
struct rows {
	const struct correlation *c;
	int64_t sets, units;
};

static int64_t first_block(const struct rows *rows, int64_t set)
{
	return set * blocks_of(rows->c->width) / rows->sets;
}

static struct fetch fetch_of(const struct correlation *c, const float *at, int64_t numbers, int64_t tiles)
{
	const int64_t chain = chain_length(c);
	if (numbers <= 0 || chain == 0)
		return (struct fetch){0};
	const int64_t step = parts_of(numbers, tiles * chain);
	return (struct fetch){at, step, step * chain};
}

/* The next set's weights; nothing before the last units of a set, or where a set is sooner computed than read. `unit`: of the set.
 */
static struct fetch next_weights(const struct rows *rows, int64_t set, int64_t unit, int64_t tiles)
{
	const struct correlation *c = rows->c;
	const int64_t units = minimum(rows->units, GRAIN), begin = rows->units - units;
	if (set + 1 == rows->sets || unit < begin)
		return (struct fetch){0};
	const int64_t block = chain_length(c) * BLOCK, first = first_block(rows, set + 1);
	const int64_t share = (first_block(rows, set + 2) - first) * block / units;
	const struct fetch fetch = fetch_of(c, c->weights + first * block + (unit - begin) * share, share, tiles);
	return fetch.step <= CACHE_LINE ? fetch : (struct fetch){0};
}

/* The strip, or the source rows, that the next unit is the first to read. */
static struct fetch next_sources(const struct correlation *c, const struct strip *s, int64_t count)
{
	const int64_t tiles = row_tiles(c);
	const float *at = NULL;
	int64_t numbers = 0;
	if (s->last < tiles && c->taps_h == 1) {
		at = strip_source(c, s, s->last);
		numbers = strip_source(c, s, minimum(tiles, 2 * s->last - s->first)) - at;
	} else if (s->first == 0 && s->last == tiles) {
		int64_t row = s->n * c->src_h + s->y * c->step_h - c->pad_h + maximum(c->taps_h, c->step_h);
		int64_t count_rows = minimum(minimum(c->taps_h, c->step_h), c->mb * c->src_h - row);
		at = count_rows > 0 ? c->src + row * c->src_w * c->src_pixel : NULL;
		numbers = count_rows * c->src_w * c->src_pixel;
	}
	return fetch_of(c, at, c->src_pixel == c->depth ? numbers : 0, count);
}

/* ---- Units of work --------------------------------------------------------------------------------------------------------- */

/* Tile by tile, each for all blocks: its segments are found once, and its sources stay in the L1 cache. */
static void run_strip(const struct rows *rows, int64_t set, const struct strip *strip, struct fetch fetch)
{
	const int64_t first = first_block(rows, set);
	const struct blocks blocks = {first, first_block(rows, set + 1) - first};
	if (pointwise(rows->c))
		run_pointwise_tiles(rows->c, blocks, strip, fetch);
	else
		run_row_tiles(rows->c, blocks, strip, fetch);
}

static void row_units(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct rows *rows = context;
	const struct correlation *c = rows->c;
	int64_t tiles = row_tiles(c), strips = row_strips(c);
	for (int64_t i = begin; i < end; i++) {
		const int64_t set = i / rows->units, unit = i % rows->units, first = unit % strips * STRIP_TILES;
		const struct strip strip = {
			.n = unit / strips / c->out_h,
			.y = unit / strips % c->out_h,
			.first = first,
			.last = minimum(tiles, first + STRIP_TILES),
		};
		const int64_t count = (first_block(rows, set + 1) - first_block(rows, set)) * (strip.last - strip.first);
		struct fetch fetch = next_weights(rows, set, unit, count);
		if (!fetch.at)
			fetch = next_sources(c, &strip, count);
		run_strip(rows, set, &strip, fetch);
	}
}

/* Where weights are the larger part of what is read, and a set has few units, each thread has sets of its own, one after the other,
 * and so knows which weights it reads next. */
void SC_CPU(correlate_rows)(const struct correlation *c, struct sc_pool *pool)
{
	const int64_t chain = chain_length(c), blocks = blocks_of(c->width), threads = sc_pool_threads(pool);
	const int64_t together = maximum(1, CACHED_WEIGHTS / maximum(1, chain * BLOCK));
	struct rows rows = {c, parts_of(blocks, together), c->mb * c->out_h * row_strips(c)};
	int64_t grain = minimum(c->out_h, GRAIN);
	if (chain * c->width > c->mb * c->src_h * c->src_w * c->depth && rows.units < GRAIN * threads) {
		const int64_t turns = TURNS * threads;
		rows.sets = minimum(parts_of(blocks, blocks_at_once(c->out_w)), parts_of(rows.sets, turns) * turns);
		grain = parts_of(rows.sets, turns) * rows.units;
	}
	sc_pool_run(pool, row_units, &rows, rows.sets * rows.units, grain);
}
