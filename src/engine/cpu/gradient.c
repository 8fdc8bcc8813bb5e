/* gradient.c - weight gradients: chunks of images, regions of the weights: see gradient.h. The chunks' sums are joined along the
 * tree at the end. */
#include <string.h>

#include "engine/chunks.h"
#include "engine/cpu/correlation.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient.h"
#include "engine/cpu/spread.h"
#include "engine/cpu/winograd.h"
#include "engine/cpu/winograd_2x2.h"

#define FEW_CHANNELS   8
#define STRETCH_PIXELS 192
#define REGION_NUMBERS 98304 /* sums of a unit of work */
#define REGION_BLOCKS  8     /* of output channels in a region, at most */
#define JOIN_NUMBERS   1024  /* of the sums that are joined as a unit of work */

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
	if (g->by_columns) /* two share what is read of the source */
		blocks = g->chunks * g->parts * parts_of(g->blocks, 2) >= MANY_UNITS * threads ? minimum(g->blocks, 2) : 1;
	const bool all_tiles = g->spread || g->by_columns;
	g->block_sets = parts_of(g->blocks, blocks);
	g->tile_sets = all_tiles ? 1 : parts_of(g->tiles, maximum(1, pairs / blocks));
	const int64_t units = g->chunks * g->parts * g->block_sets * g->tile_sets;
	if (!all_tiles && units < MANY_UNITS * threads && (g->tile_sets > 1 || units % threads != 0))
		g->tile_sets = minimum(g->tiles, parts_of(g->tile_sets, threads) * threads);
}

static void cut_stretches(struct gradient *g)
{
	const struct sc_convolution *c = &g->c;
	g->stretch_h = minimum(c->oh, parts_of(STRETCH_PIXELS, c->ow));
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
	g.tiles = parts_of(g.depth, TILE_PIXELS);
	g.rows = parts_of(g.depth, g.tiles);
	g.tiles = parts_of(g.depth, g.rows);
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

static int64_t scratch_numbers(const struct gradient *g)
{
	return g->by_columns ? SC_CPU(gradient_columns_scratch)(g) : SC_CPU(gradient_channels_scratch)(g);
}

/* ---- All -------------------------------------------------------------------------------------------------------------------- */

static void sum_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct gradient *g = context;
	for (int64_t unit = begin; unit < end; unit++) {
		struct region region = region_at(g, unit);
		float *scratch = g->scratch + slot * scratch_numbers(g);
		if (g->by_columns)
			SC_CPU(gradient_columns)(g, &region, scratch);
		else
			SC_CPU(gradient_channels)(g, &region, scratch);
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
	int64_t first = begin * JOIN_NUMBERS, last = minimum(j->size, end * JOIN_NUMBERS);
	SC_FOR_TREE(distance, p, j->count)
	for (int64_t i = first; i < last; i++)
		j->parts[p * j->size + i] += j->parts[(p + distance) * j->size + i];
	if (first < last)
		memcpy(j->result + first, j->parts + first, (size_t)(last - first) * sizeof(float));
}

static void join_parts(float *parts, int64_t count, int64_t size, float *result, struct sc_pool *pool)
{
	struct join j = {parts, result, count, size};
	sc_pool_run(pool, join_units, &j, parts_of(size, JOIN_NUMBERS), 1);
}

int64_t SC_CPU(convolution_backward_weights_workspace)(const struct sc_convolution *c, int threads)
{
	struct gradient g = plan_gradient(c, threads);
	int64_t sums = g.chunks > 1 ? g.chunks * sc_weight_count(c) : 0; /* one chunk is summed in diff_weights itself */
	int64_t scratch = by_winograd_2x2(c) ? SC_CPU(winograd_2x2_weights_workspace)(c, threads)
			  : c->winograd      ? SC_CPU(winograd_weights_workspace)(c, threads)
					     : threads * scratch_numbers(&g);
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
	if (by_winograd_2x2(c))
		SC_CPU(winograd_2x2_weights)(c, src, diff_dst, g.sums, g.scratch, pool);
	else if (c->winograd)
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
