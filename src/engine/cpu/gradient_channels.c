/* gradient_channels.c - weight gradients whose rows are source channels: a region walks over its chunk's pixels stretch by stretch.
 * The gradient of a stretch, and for several taps the source, are laid out in the cache (panels.h) for all tiles; while these
 * compute, they ask for the next stretch, line by line, so that memory is read all the time and not only between the stretches. The
 * region's sums lie there too, tile after tile, and go to their places at the end: rows of many output channels would all want the
 * same cache sets. */
#include <string.h>

#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient.h"
#include "engine/cpu/gradient_tile.h"
#include "engine/cpu/spread.h"

#define BLOCK_LINES    ((BLOCK + 15) / 16) /* cache lines of a pixel's numbers in a block */
#define CLASHING_PIXEL 1024                /* numbers: 4 KiB */

/* Images [n0, n1), output rows [y0, y1), and the source rows [top, bottom) that they reach. */
struct stretch {
	int64_t n0, n1, y0, y1, top, bottom;
};

static int64_t stretches_of_image(const struct gradient *g)
{
	return parts_of(g->c.oh, g->stretch_h);
}

static int64_t stretch_count(const struct gradient *g, const struct region *region)
{
	return parts_of(region->n1 - region->n0, g->stretch_n) * stretches_of_image(g);
}

static struct stretch stretch_at(const struct gradient *g, const struct region *region, int64_t index)
{
	const struct sc_convolution *c = &g->c;
	int64_t n = region->n0 + index / stretches_of_image(g) * g->stretch_n, y = index % stretches_of_image(g) * g->stretch_h;
	struct stretch s = {.n0 = n, .n1 = minimum(region->n1, n + g->stretch_n), .y0 = y, .y1 = minimum(c->oh, y + g->stretch_h)};
	s.top = maximum(0, y * c->stride_h - c->pad_top);
	s.bottom = minimum(c->ih, (s.y1 - 1) * c->stride_h - c->pad_top + c->kh);
	return s;
}

/* ---- In the cache ---------------------------------------------------------------------------------------------------------- */

/* The region's sums in the cache, and a stretch: its source, pixel by pixel as it is or spread, its gradient, block by block. */
struct cached {
	float *sums; /* (taps, blocks, tiles, rows, BLOCK) */
	float *source, *diff_dst;
	int64_t pixel, number, tile; /* of the source: numbers from one pixel, one channel, the channels of one tile to the next */
	int64_t block;               /* of the gradient: numbers from one block to the next */
	int64_t sums_tile, sums_tap; /* of the sums: numbers of a tile, of a tap */
	int64_t numbers;             /* in all */
};

/* For one tap, tiles read the source where it lies: it is in the cache by then, and copying would take a twentieth of the time. But
 * lines that several tiles share do not stay there where a set of the L1 cache has to hold those of all pixels. */
static bool in_place(const struct gradient *g)
{
	const bool clash = g->source.pixel % CLASHING_PIXEL == 0 && g->rows <= 8;
	return g->c.kh == 1 && g->c.kw == 1 && !g->spread && !clash;
}

/* Pixels an odd number of cache lines apart: then the same channels of many pixels lie in different sets of the cache. */
static int64_t odd_lines(int64_t numbers)
{
	return (whole_lines(numbers) / 16 | 1) * 16;
}

/* Room for the largest stretch of the largest region. */
static struct cached cached_in(const struct gradient *g, float *scratch)
{
	int64_t reached = minimum(g->c.ih, (g->stretch_h - 1) * g->c.stride_h + g->c.kh);
	int64_t pixels = g->stretch_n * reached * g->c.iw, tiles = parts_of(g->tiles, g->tile_sets);
	int64_t blocks = parts_of(g->blocks, g->block_sets);
	struct cached in = {
		.pixel = odd_lines(minimum(g->depth, tiles * g->rows)),
		.number = 1,
		.tile = g->rows,
		.sums_tile = g->rows * BLOCK,
	};
	if (g->spread)
		in.pixel = g->depth * BLOCK, in.number = BLOCK, in.tile = g->rows * BLOCK;
	in.sums_tap = blocks * tiles * in.sums_tile;
	in.block = panel_stride(g->stretch_n * g->stretch_h * g->c.ow, BLOCK);
	const int64_t sums_numbers = g->c.kh * g->c.kw * in.sums_tap;
	const int64_t source_numbers = in_place(g) ? 0 : whole_lines(pixels * in.pixel);
	in.numbers = sums_numbers + source_numbers + blocks * in.block;
	if (scratch)
		in.sums = scratch, in.source = in.sums + sums_numbers, in.diff_dst = in.source + source_numbers;
	return in;
}

/* Of a tile of a region, for the first tap. */
static float *cached_sums(const struct region *region, const struct cached *in, int64_t block, int64_t tile)
{
	return in->sums + ((block - region->b0) * (region->t1 - region->t0) + tile - region->t0) * in->sums_tile;
}

/* Where a stretch's source lies for the tiles, from the region's first channel on. */
static struct raster tile_source(const struct gradient *g, const struct region *region, const struct stretch *s,
				 const struct cached *in)
{
	const struct raster *memory = &g->source;
	if (in_place(g))
		return (struct raster){memory->at + s->n0 * memory->image + s->top * memory->row + region->first_ic + region->i0,
				       memory->image, memory->row, memory->pixel};
	const int64_t row = g->c.iw * in->pixel;
	return (struct raster){in->source, (s->bottom - s->top) * row, row, in->pixel};
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
		.step = in->pixel,
		.width = in->pixel,
		.to = in->source,
	});
}

static void cache_gradient(const struct gradient *g, const struct region *region, const struct stretch *s, const struct cached *in)
{
	const float *from = g->diff_dst.at + s->n0 * g->diff_dst.image + s->y0 * g->diff_dst.row + region->first_oc + region->o0;
	lay_gradient(g, from, s->n1 - s->n0, s->y1 - s->y0, region->o1 - region->o0, in->diff_dst, in->block);
}

/* ---- Through the tiles ----------------------------------------------------------------------------------------------------- */

/* A tap's way over a stretch: where source, gradient and sums begin, in numbers, and in memory what the tap will read of the next
 * stretch; and a tile in which everything stands that is the same for all channels. */
struct way {
	int64_t src, diff_dst, sums, next_src, next_diff_dst;
	struct gradient_tile tile;
};

/* Tap (r, t); false: it meets nothing there. */
static bool find_way(const struct gradient *g, const struct cached *in, const struct raster *from, const struct stretch *s,
		     const struct stretch *next, int64_t r, int64_t t, struct way *way)
{
	const struct sc_convolution *c = &g->c;
	const struct raster *source = &g->source, *diff_dst = &g->diff_dst;
	int64_t y0, y1, x0, x1;
	valid_outputs(r, c->stride_h, c->pad_top, c->ih, c->oh, &y0, &y1);
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &x0, &x1);
	y0 = maximum(y0, s->y0), y1 = minimum(y1, s->y1);
	if (y0 >= y1 || x0 >= x1)
		return false;
	int64_t row = y0 * c->stride_h - c->pad_top + r - s->top, column = x0 * c->stride_w - c->pad_left + t;
	*way = (struct way){
		.src = row * from->row + column * from->pixel,
		.diff_dst = ((y0 - s->y0) * c->ow + x0) * BLOCK,
		.sums = (r * c->kw + t) * in->sums_tap,
		.next_src = next->n0 * source->image + (next->top + row) * source->row + column * source->pixel,
		.next_diff_dst = next->n0 * diff_dst->image + (next->y0 + y0 - s->y0) * diff_dst->row + x0 * diff_dst->pixel,
		.tile = {
			.row_stride = in->number,
			.images = {s->n1 - s->n0, from->image, (s->y1 - s->y0) * c->ow * BLOCK, source->image, diff_dst->image},
			.rows = {y1 - y0, c->stride_h * from->row, c->ow * BLOCK, c->stride_h * source->row, diff_dst->row},
			.columns = {x1 - x0, c->stride_w * from->pixel, BLOCK, c->stride_w * source->pixel, diff_dst->pixel},
			.sums_stride = BLOCK,
			.spread = g->spread,
		},
	};
	merge_walk(&way->tile.images, &way->tile.rows, &way->tile.columns);
	return true;
}

/* All of the region's sums take in a stretch that lies in the cache. The first block's tiles ask for the next stretch's source,
 * each for its own channels; of the gradient, each block's first tiles ask for a line of a pixel each. NULL: there is no next. */
static void run_stretch(const struct gradient *g, const struct region *region, const struct cached *in, const struct stretch *s,
			const struct stretch *next)
{
	const struct raster from = tile_source(g, region, s, in);
	struct way ways[SC_MAX_KERNEL * SC_MAX_KERNEL];
	int count = 0;
	for (int64_t tap = 0; tap < g->c.kh * g->c.kw; tap++)
		count += find_way(g, in, &from, s, next ? next : s, tap / g->c.kw, tap % g->c.kw, &ways[count]);
	for (int64_t b = region->b0; b < region->b1; b++)
		for (int64_t t = region->t0; t < region->t1; t++) {
			const int64_t first = t * g->rows, line = t - region->t0;
			const float *src = from.at + line * in->tile, *diff_dst = in->diff_dst + (b - region->b0) * in->block;
			const float *next_src = g->source.at + region->first_ic + first;
			const float *next_diff_dst = g->diff_dst.at + region->first_oc + b * BLOCK + line * 16;
			const bool asks_source = next && b == region->b0, asks_gradient = next && line < BLOCK_LINES;
			float *sums = cached_sums(region, in, b, t);
			for (int i = 0; i < count; i++) {
				struct way *way = &ways[i];
				struct gradient_tile *tile = &way->tile;
				tile->src = src + way->src, tile->diff_dst = diff_dst + way->diff_dst;
				tile->sums = sums + way->sums;
				tile->next_src = asks_source ? next_src + way->next_src : NULL;
				tile->next_diff_dst = asks_gradient && i == 0 ? next_diff_dst + way->next_diff_dst : NULL;
				tile->channels = minimum(BLOCK, region->o1 - b * BLOCK);
				SC_CPU(gradient_tile_run)((int)minimum(g->rows, g->depth - first), tile);
			}
		}
}

/* ---- Sums ------------------------------------------------------------------------------------------------------------------- */

/* From the cache to their places. One chunk's sums are the result, where taps that meet no data are 0 already, and stay so. */
static void place_sums(const struct gradient *g, const struct region *region, const struct cached *in)
{
	const struct sc_convolution *c = &g->c;
	for (int64_t tap = 0; tap < c->kh * c->kw; tap++) {
		if (g->chunks == 1 && !sc_tap_meets_data(c, tap / c->kw, tap % c->kw))
			continue;
		for (int64_t i = region->i0; i < region->i1; i++)
			for (int64_t b = region->b0; b < region->b1; b++) {
				const float *from = cached_sums(region, in, b, i / g->rows) + tap * in->sums_tap + i % g->rows * BLOCK;
				float *to = region->sums + (tap * g->depth + i) * c->oc + b * BLOCK;
				memcpy(to, from, (size_t)minimum(BLOCK, region->o1 - b * BLOCK) * sizeof(float));
			}
	}
}

int64_t SC_CPU(gradient_channels_scratch)(const struct gradient *g)
{
	return cached_in(g, NULL).numbers;
}

void SC_CPU(gradient_channels)(const struct gradient *g, const struct region *region, float *scratch)
{
	const struct cached in = cached_in(g, scratch);
	const int64_t count = stretch_count(g, region);
	struct stretch s = stretch_at(g, region, 0);
	memset(in.sums, 0, (size_t)(g->c.kh * g->c.kw * in.sums_tap) * sizeof(float));
	for (int64_t i = 0; i < count; i++) {
		const struct stretch next = stretch_at(g, region, minimum(i + 1, count - 1));
		if (s.top < s.bottom) {
			if (!in_place(g))
				cache_source(g, region, &s, &in);
			cache_gradient(g, region, &s, &in);
			run_stretch(g, region, &in, &s, i + 1 < count ? &next : NULL);
		}
		s = next;
	}
	place_sums(g, region, &in);
}
