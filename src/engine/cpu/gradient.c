/* gradient.c - weight gradients: chunks of images, regions of the weights, register tiles of rows.
 *
 * Each chunk (chunks.h) has its own sums, joined along the tree at the end. A unit of work is a region of one chunk's sums, small
 * enough for the L2 cache, and walks over all of the chunk's pixels, stretch by stretch: source and gradient of a stretch are laid
 * out in panels (panels.h), which the tiles of all taps then read from the cache. Rows of a tile are source channels; where there
 * are few of them (the first layer), rows are the taps of one kernel column instead. A region lies in one group, or in several
 * narrow ones side by side: then its source is spread instead (spread.h).
 */
#include <string.h>

#include "engine/chunks.h"
#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient_tile.h"
#include "engine/cpu/panels.h"
#include "engine/cpu/spread.h"
#include "engine/cpu/winograd.h"

#define FEW_CHANNELS   8
#define STRETCH_PIXELS 128
#define REGION_NUMBERS 65536 /* sums of a unit of work */
#define REGION_BLOCKS  8     /* of output channels in a region, at most */
#define MANY_UNITS     8     /* of work for each thread: then it does not matter how many there are */
#define PANEL          ((TILE_PIXELS + LANES - 1) / LANES * LANES)

struct gradient {
	struct sc_convolution c; /* see dissolve_strides */
	struct raster source, diff_dst;
	float *sums;      /* (chunks, kh, kw, depth, oc) */
	float *bias_sums; /* (chunks, oc), or NULL */
	float *scratch;   /* (threads, scratch_numbers) */
	int64_t chunk_images, chunks;
	bool spread, by_columns;
	int64_t depth;                 /* source channels of a group */
	int64_t parts, width;          /* that share no source channels; output channels of one */
	int64_t rows;                  /* source channels of a tile */
	int64_t tiles, blocks;         /* of a part: of source channels, of output channels */
	int64_t tile_sets, block_sets; /* of a part: one of each makes a region */
	int64_t stretch_n, stretch_h;  /* images and output rows of a stretch */
};

/* Tiles [t0, t1) and blocks [b0, b1) of a part: its source channels [i0, i1), its output channels [o0, o1); images [n0, n1). */
struct region {
	int64_t t0, t1, b0, b1, n0, n1;
	int64_t i0, i1, o0, o1;
	int64_t first_ic, first_oc; /* channels with which the part begins */
	float *sums;                /* of the chunk, from the part's first output channel on */
};

/* Images [n0, n1), output rows [y0, y1), and the source rows [top, bottom) that they reach. */
struct stretch {
	int64_t n0, n1, y0, y1, top, bottom;
};

/* A stretch in the cache: its source, tile by tile or spread, and its gradient, block by block. */
struct cached {
	float *source, *diff_dst;
	int64_t pixel, number; /* of the source: numbers from one pixel, one channel to the next */
	int64_t tile, block;   /* numbers from one to the next */
	int64_t numbers;       /* in all */
};

/* ---- What is done together -------------------------------------------------------------------------------------------------- */

/* A 1x1 kernel without padding reads one source pixel for each output pixel: the raster leaves out the others. */
static void dissolve_strides(struct gradient *g)
{
	struct sc_convolution *c = &g->c;
	if (c->kh != 1 || c->kw != 1 || c->pad_top || c->pad_left || (c->oh - 1) * c->stride_h >= c->ih ||
	    (c->ow - 1) * c->stride_w >= c->iw)
		return;
	g->source.row *= c->stride_h, g->source.pixel *= c->stride_w;
	c->ih = c->oh, c->iw = c->ow, c->stride_h = c->stride_w = 1;
}

/* Regions are as square as may be: then each panel is read often. Where they are few, every thread gets as many. */
static void cut_regions(struct gradient *g, int64_t threads)
{
	int64_t pairs = maximum(1, REGION_NUMBERS / (g->c.kh * g->c.kw * TILE_PIXELS * BLOCK)), blocks = 1;
	while (blocks < minimum(g->blocks, REGION_BLOCKS) && (blocks + 1) * (blocks + 1) <= pairs)
		blocks++;
	int64_t tiles = g->spread || g->by_columns ? g->tiles : maximum(1, pairs / blocks);
	g->block_sets = (g->blocks + blocks - 1) / blocks;
	g->tile_sets = (g->tiles + tiles - 1) / tiles;
	if (g->tile_sets > 1 && g->chunks * g->parts * g->block_sets * g->tile_sets < MANY_UNITS * threads)
		g->tile_sets = minimum(g->tiles, (g->tile_sets + threads - 1) / threads * threads);
}

static void cut_stretches(struct gradient *g)
{
	const struct sc_convolution *c = &g->c;
	g->stretch_h = minimum(c->oh, (STRETCH_PIXELS + c->ow - 1) / c->ow);
	if (g->spread)
		g->stretch_h = minimum(g->stretch_h, spread_band(c->oh, c->stride_h, c->kh, c->iw * g->depth * BLOCK));
	bool whole = g->stretch_h == c->oh && !g->spread;
	g->stretch_n = whole ? minimum(g->chunk_images, maximum(1, STRETCH_PIXELS / (c->oh * c->ow))) : 1;
}

static struct gradient plan_gradient(const struct sc_convolution *c, int threads)
{
	struct gradient g = {
		.c = *c,
		.source = {.image = c->ih * c->iw * c->ic, .row = c->iw * c->ic, .pixel = c->ic},
		.diff_dst = {.image = c->oh * c->ow * c->oc, .row = c->ow * c->oc, .pixel = c->oc},
		.chunk_images = sc_gradient_chunk_images(c),
		.chunks = sc_gradient_chunk_count(c),
		.spread = side_by_side(c->groups, sc_group_ic(c), sc_group_oc(c)),
		.depth = sc_group_ic(c),
	};
	g.by_columns = !g.spread && g.depth < FEW_CHANNELS;
	g.parts = g.spread ? blocks_of(c->oc) : c->groups;
	g.width = g.spread ? BLOCK : sc_group_oc(c);
	g.tiles = (g.depth + TILE_PIXELS - 1) / TILE_PIXELS;
	g.rows = (g.depth + g.tiles - 1) / g.tiles;
	g.tiles = (g.depth + g.rows - 1) / g.rows;
	g.blocks = blocks_of(g.width);
	if (!g.by_columns && !g.spread)
		dissolve_strides(&g);
	cut_regions(&g, threads);
	cut_stretches(&g);
	return g;
}

static struct region region_at(const struct gradient *g, int64_t unit)
{
	int64_t tile_set = unit % g->tile_sets, block_set = unit / g->tile_sets % g->block_sets;
	int64_t part = unit / g->tile_sets / g->block_sets % g->parts, chunk = unit / g->tile_sets / g->block_sets / g->parts;
	int64_t first_oc = part * g->width;
	struct region region = {
		.t0 = tile_set * g->tiles / g->tile_sets,
		.t1 = (tile_set + 1) * g->tiles / g->tile_sets,
		.b0 = block_set * g->blocks / g->block_sets,
		.b1 = (block_set + 1) * g->blocks / g->block_sets,
		.n0 = chunk * g->chunk_images,
		.n1 = minimum(g->c.mb, (chunk + 1) * g->chunk_images),
		.first_ic = g->spread ? 0 : part * g->depth,
		.first_oc = first_oc,
		.sums = g->sums + chunk * sc_weight_count(&g->c) + first_oc,
	};
	region.i0 = region.t0 * g->rows, region.i1 = minimum(g->depth, region.t1 * g->rows);
	region.o0 = region.b0 * BLOCK, region.o1 = minimum(minimum(g->width, g->c.oc - first_oc), region.b1 * BLOCK);
	return region;
}

/* Room for the largest stretch of the largest region. */
static struct cached cached_in(const struct gradient *g, float *scratch)
{
	int64_t reached = minimum(g->c.ih, (g->stretch_h - 1) * g->c.stride_h + g->c.kh);
	int64_t pixels = g->stretch_n * reached * g->c.iw, tiles = (g->tiles + g->tile_sets - 1) / g->tile_sets;
	int64_t blocks = (g->blocks + g->block_sets - 1) / g->block_sets;
	struct cached in = {.source = scratch, .pixel = PANEL, .number = 1, .tile = panel_stride(pixels, PANEL)};
	int64_t source_numbers = tiles * in.tile;
	if (g->spread) {
		in.pixel = g->depth * BLOCK, in.number = BLOCK, in.tile = g->rows * BLOCK;
		source_numbers = whole_lines(pixels * in.pixel);
	}
	in.block = panel_stride(g->stretch_n * g->stretch_h * g->c.ow, BLOCK);
	in.diff_dst = scratch ? scratch + source_numbers : NULL;
	in.numbers = source_numbers + blocks * in.block;
	return in;
}

static int64_t scratch_numbers(const struct gradient *g)
{
	return g->by_columns ? 0 : cached_in(g, NULL).numbers;
}

/* ---- Rows are source channels ----------------------------------------------------------------------------------------------- */

/* Output positions [first, last) of an axis that tap `tap` takes from inside the source. */
static void valid_outputs(int64_t tap, int64_t stride, int64_t pad, int64_t size, int64_t outputs, int64_t *first, int64_t *last)
{
	int64_t shift = tap - pad;
	*first = shift < 0 ? (-shift + stride - 1) / stride : 0;
	*last = shift >= size ? 0 : minimum(outputs, (size - 1 - shift) / stride + 1);
	*last = maximum(*last, *first);
}

/* Two loops that move evenly, one inside the other, are one loop: longer runs for the register tile, the same order. */
static void merge_loops(struct walk *outer, struct walk *inner)
{
	if (outer->count == 1)
		return;
	bool even = inner->count == 1 || (outer->src_stride == inner->count * inner->src_stride &&
					  outer->diff_stride == inner->count * inner->diff_stride);
	if (!even)
		return;
	if (inner->count == 1)
		*inner = *outer;
	else
		inner->count *= outer->count;
	outer->count = 1;
}

/* One tap of `tile` over a stretch; the tile says where its panels and its sums begin. */
static void run_tap(const struct gradient *g, const struct stretch *s, const struct cached *in, int64_t r, int64_t t,
		    const struct gradient_tile *tile, int rows)
{
	const struct sc_convolution *c = &g->c;
	int64_t first_y, last_y, first_x, last_x;
	valid_outputs(r, c->stride_h, c->pad_top, c->ih, c->oh, &first_y, &last_y);
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &first_x, &last_x);
	first_y = maximum(first_y, s->y0), last_y = minimum(last_y, s->y1);
	if (first_y >= last_y || first_x >= last_x)
		return;
	int64_t iy = first_y * c->stride_h - c->pad_top + r, ix = first_x * c->stride_w - c->pad_left + t;
	struct gradient_tile at = *tile;
	at.src += ((iy - s->top) * c->iw + ix) * in->pixel;
	at.diff_dst += ((first_y - s->y0) * c->ow + first_x) * BLOCK;
	at.sums += (r * c->kw + t) * g->depth * c->oc;
	at.images = (struct walk){s->n1 - s->n0, (s->bottom - s->top) * c->iw * in->pixel, (s->y1 - s->y0) * c->ow * BLOCK};
	at.rows = (struct walk){last_y - first_y, c->stride_h * c->iw * in->pixel, c->ow * BLOCK};
	at.columns = (struct walk){last_x - first_x, c->stride_w * in->pixel, BLOCK};
	merge_loops(&at.rows, &at.columns);
	merge_loops(&at.images, &at.rows);
	merge_loops(&at.rows, &at.columns);
	SC_CPU(gradient_tile_run)(rows, &at);
}

/* All of the region's sums take in a stretch that lies in the cache. */
static void run_stretch(const struct gradient *g, const struct region *region, const struct stretch *s, const struct cached *in)
{
	for (int64_t b = region->b0; b < region->b1; b++)
		for (int64_t t = region->t0; t < region->t1; t++) {
			int64_t first = t * g->rows, tile_rows = minimum(g->rows, g->depth - first);
			struct gradient_tile tile = {
				.src = in->source + (t - region->t0) * in->tile,
				.diff_dst = in->diff_dst + (b - region->b0) * in->block,
				.row_stride = in->number,
				.sums = region->sums + first * g->c.oc + b * BLOCK,
				.sums_stride = g->c.oc,
				.channels = minimum(BLOCK, region->o1 - b * BLOCK),
				.spread = g->spread,
			};
			for (int64_t tap = 0; tap < g->c.kh * g->c.kw; tap++)
				run_tap(g, s, in, tap / g->c.kw, tap % g->c.kw, &tile, (int)tile_rows);
		}
}

static void cache_source(const struct gradient *g, const struct region *region, const struct stretch *s, const struct cached *in)
{
	struct raster from = g->source;
	from.at += s->n0 * from.image + s->top * from.row + region->first_ic;
	if (g->spread) {
		const struct spreading spreading = {from.pixel, g->depth, sc_group_oc(&g->c), region->first_oc, region->o1};
		SC_CPU(spread)(&spreading, (s->bottom - s->top) * g->c.iw, from.at, in->source);
		return;
	}
	from.at += region->i0;
	SC_CPU(lay_panels)
	(&(struct panels){
		.from = from,
		.images = s->n1 - s->n0,
		.rows = s->bottom - s->top,
		.columns = g->c.iw,
		.channels = region->i1 - region->i0,
		.step = g->rows,
		.width = PANEL,
		.to = in->source,
		.stride = in->tile,
	});
}

static void cache_gradient(const struct gradient *g, const struct region *region, const struct stretch *s, const struct cached *in)
{
	struct raster from = g->diff_dst;
	from.at += s->n0 * from.image + s->y0 * from.row + region->first_oc + region->o0;
	SC_CPU(lay_panels)
	(&(struct panels){
		.from = from,
		.images = s->n1 - s->n0,
		.rows = s->y1 - s->y0,
		.columns = g->c.ow,
		.channels = region->o1 - region->o0,
		.step = BLOCK,
		.width = BLOCK,
		.to = in->diff_dst,
		.stride = in->block,
	});
}

static void run_channels(const struct gradient *g, const struct region *region, float *scratch)
{
	const struct sc_convolution *c = &g->c;
	const struct cached in = cached_in(g, scratch);
	for (int64_t n = region->n0; n < region->n1; n += g->stretch_n)
		for (int64_t y = 0; y < c->oh; y += g->stretch_h) {
			struct stretch s = {n, minimum(region->n1, n + g->stretch_n), y, minimum(c->oh, y + g->stretch_h), 0, 0};
			s.top = maximum(0, y * c->stride_h - c->pad_top);
			s.bottom = minimum(c->ih, (s.y1 - 1) * c->stride_h - c->pad_top + c->kh);
			if (s.top >= s.bottom)
				continue;
			cache_source(g, region, &s, &in);
			cache_gradient(g, region, &s, &in);
			run_stretch(g, region, &s, &in);
		}
}

/* ---- Rows are taps of a kernel column --------------------------------------------------------------------------------------- */

static void run_column(const struct gradient *g, const struct region *region, int64_t n, int64_t y, int64_t t, int64_t i, int64_t b)
{
	const struct sc_convolution *c = &g->c;
	int64_t first_x, last_x, top = y * c->stride_h - c->pad_top;
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &first_x, &last_x);
	int64_t first = maximum(0, -top), last = minimum(c->kh, c->ih - top);
	if (first_x >= last_x)
		return;
	for (int64_t r = first; r < last; r += TILE_PIXELS) {
		int64_t ix = first_x * c->stride_w - c->pad_left + t;
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
		SC_CPU(gradient_tile_run)((int)minimum(TILE_PIXELS, last - r), &tile);
	}
}

static void run_columns(const struct gradient *g, const struct region *region)
{
	const struct sc_convolution *c = &g->c;
	for (int64_t b = region->b0; b < region->b1; b++)
		for (int64_t n = region->n0; n < region->n1; n++)
			for (int64_t y = 0; y < c->oh; y++)
				for (int64_t t = 0; t < c->kw; t++)
					for (int64_t i = 0; i < g->depth; i++)
						run_column(g, region, n, y, t, i, b);
}

/* ---- All -------------------------------------------------------------------------------------------------------------------- */

static void clear(const struct gradient *g, const struct region *region)
{
	const struct sc_convolution *c = &g->c;
	bool is_result = g->chunks == 1; /* where taps that meet no data are 0, and stay so */
	const size_t bytes = (size_t)(region->o1 - region->o0) * sizeof(float);
	for (int64_t tap = 0; tap < c->kh * c->kw; tap++) {
		if (is_result && !sc_tap_meets_data(c, tap / c->kw, tap % c->kw))
			continue;
		for (int64_t i = region->i0; i < region->i1; i++)
			memset(region->sums + (tap * g->depth + i) * c->oc + region->o0, 0, bytes);
	}
}

static void sum_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct gradient *g = context;
	for (int64_t unit = begin; unit < end; unit++) {
		struct region region = region_at(g, unit);
		clear(g, &region);
		if (g->by_columns)
			run_columns(g, &region);
		else
			run_channels(g, &region, g->scratch + slot * scratch_numbers(g));
	}
}

static void bias_units(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct gradient *g = context;
	const struct sc_convolution *c = &g->c;
	int64_t pixels = c->oh * c->ow;
	for (int64_t chunk = begin; chunk < end; chunk++) {
		float *sums = g->bias_sums + chunk * c->oc;
		int64_t p0 = chunk * g->chunk_images * pixels, p1 = minimum(c->mb, (chunk + 1) * g->chunk_images) * pixels;
		memset(sums, 0, (size_t)c->oc * sizeof(float));
		for (int64_t p = p0; p < p1; p++)
			for (int64_t o = 0; o < c->oc; o++)
				sums[o] += g->diff_dst.at[p * c->oc + o];
	}
}

struct join {
	float *parts;  /* (count, size) */
	float *result; /* (size) */
	int64_t count, size;
};

static void join_units(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct join *j = context;
	const int64_t unit = 1024;
	int64_t first = begin * unit, last = minimum(j->size, end * unit);
	SC_FOR_TREE(distance, p, j->count)
	for (int64_t i = first; i < last; i++)
		j->parts[p * j->size + i] += j->parts[(p + distance) * j->size + i];
	if (first < last)
		memcpy(j->result + first, j->parts + first, (size_t)(last - first) * sizeof(float));
}

static void join_parts(float *parts, int64_t count, int64_t size, float *result, struct sc_pool *pool)
{
	struct join j = {parts, result, count, size};
	sc_pool_run(pool, join_units, &j, (size + 1023) / 1024, 1);
}

int64_t SC_CPU(convolution_backward_weights_workspace)(const struct sc_convolution *c, int threads)
{
	struct gradient g = plan_gradient(c, threads);
	int64_t sums = g.chunks > 1 ? g.chunks * sc_weight_count(c) : 0; /* one chunk is summed in diff_weights itself */
	int64_t scratch = c->winograd ? SC_CPU(winograd_weights_workspace)(c, threads) : threads * scratch_numbers(&g);
	return (whole_lines(sums) + whole_lines(g.chunks * c->oc) + scratch) * (int64_t)sizeof(float);
}

void SC_CPU(convolution_backward_weights)(const struct sc_convolution *c, const float *src, const float *diff_dst,
					  float *diff_weights, float *diff_bias, void *workspace, struct sc_pool *pool)
{
	struct gradient g = plan_gradient(c, sc_pool_threads(pool));
	g.source.at = src, g.diff_dst.at = diff_dst;
	g.sums = g.chunks > 1 ? workspace : diff_weights;
	g.bias_sums = (float *)workspace + (g.chunks > 1 ? whole_lines(g.chunks * sc_weight_count(c)) : 0);
	g.scratch = g.bias_sums + whole_lines(g.chunks * c->oc);
	if (c->winograd)
		SC_CPU(winograd_weights)(c, src, diff_dst, g.sums, g.scratch, pool);
	else
		sc_pool_run(pool, sum_units, &g, g.chunks * g.parts * g.block_sets * g.tile_sets, 1);
	if (g.chunks > 1)
		join_parts(g.sums, g.chunks, sc_weight_count(c), diff_weights, pool);
	if (diff_bias) {
		sc_pool_run(pool, bias_units, &g, g.chunks, 1);
		join_parts(g.bias_sums, g.chunks, c->oc, diff_bias, pool);
	}
}
