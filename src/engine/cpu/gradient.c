/* gradient.c - weight gradients: chunks of images, blocks of output channels, register tiles of rows.
 *
 * Each chunk (chunks.h) has its own sums, joined along the tree at the end. A unit of work is a part of one chunk's sums and so
 * walks over all of the chunk's pixels, in stretches whose source and gradient stay in the L1 cache while the taps pass over them.
 * Rows of a tile are source channels; where there are few of them (the first layer), rows are the taps of one kernel column
 * instead. A block of output channels lies in one group, or in several narrow ones side by side: then its source is spread first.
 */
#include <string.h>

#include "engine/chunks.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient_tile.h"
#include "engine/cpu/spread.h"
#include "engine/cpu/winograd.h"

#define FEW_CHANNELS   8
#define STRETCH_PIXELS 256
#define UNIT_NUMBERS   32768 /* sums of a unit of work: they stay in the L2 cache */

struct gradient {
	const struct sc_convolution *c;
	const float *src, *diff_dst;
	float *sums;      /* (chunks, kh, kw, depth, oc) */
	float *bias_sums; /* (chunks, oc), or NULL */
	float *scratch;   /* (threads, scratch_numbers): spread sources */
	int64_t chunk_images, chunks, blocks;
	bool spread;
	int64_t depth; /* source channels of a group */
	int64_t tiles; /* of source channels */
	int64_t sets;  /* of such tiles: the rows of a unit of work */
};

/* Output channels that a unit of work sums for: of one group, or of some that lie side by side. */
struct block {
	int64_t first, channels;
	int64_t src; /* first channel of the group's source */
};

static bool is_spread(const struct sc_convolution *c)
{
	return side_by_side(c->groups, sc_group_ic(c), sc_group_oc(c));
}

static int64_t blocks_in_group(const struct sc_convolution *c)
{
	return (sc_group_oc(c) + BLOCK - 1) / BLOCK;
}

static int64_t block_count(const struct sc_convolution *c)
{
	return is_spread(c) ? (c->oc + BLOCK - 1) / BLOCK : c->groups * blocks_in_group(c);
}

static struct block block_at(const struct gradient *g, int64_t index)
{
	const struct sc_convolution *c = g->c;
	if (g->spread)
		return (struct block){index * BLOCK, minimum(BLOCK, c->oc - index * BLOCK), 0};
	int64_t group = index / blocks_in_group(c), offset = index % blocks_in_group(c) * BLOCK;
	return (struct block){group * sc_group_oc(c) + offset, minimum(BLOCK, sc_group_oc(c) - offset), group * g->depth};
}

/* Output rows whose source is spread at once, and the numbers that takes. */
static int64_t spread_rows(const struct sc_convolution *c)
{
	return spread_band(c->oh, c->stride_h, c->kh, c->iw * sc_group_ic(c) * BLOCK);
}

static int64_t scratch_numbers(const struct sc_convolution *c)
{
	int64_t rows = minimum(c->ih, (spread_rows(c) - 1) * c->stride_h + c->kh);
	return is_spread(c) ? whole_lines(rows * c->iw * sc_group_ic(c) * BLOCK) : 0;
}

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

/* ---- Rows are source channels -------------------------------------------------------------------------------------------------
 */

/* A stretch of pixels: images [n0, n1), output rows [y0, y1), and their source: `src` is row `top` of image n0, first channel of
 * the group. */
struct stretch {
	int64_t n0, n1, y0, y1;
	const float *src;
	int64_t top;
};

static void run_tap(const struct gradient *g, const struct stretch *s, float *sums, int64_t r, int64_t t, int64_t i0, int rows,
		    const struct block *b)
{
	const struct sc_convolution *c = g->c;
	int64_t number = g->spread ? BLOCK : 1, pixel = g->spread ? g->depth * BLOCK : c->ic;
	int64_t first_y, last_y, first_x, last_x;
	valid_outputs(r, c->stride_h, c->pad_top, c->ih, c->oh, &first_y, &last_y);
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &first_x, &last_x);
	first_y = maximum(first_y, s->y0), last_y = minimum(last_y, s->y1);
	if (first_y >= last_y || first_x >= last_x)
		return;
	int64_t iy = first_y * c->stride_h - c->pad_top + r, ix = first_x * c->stride_w - c->pad_left + t;
	struct gradient_tile tile = {
		.src = s->src + ((iy - s->top) * c->iw + ix) * pixel + i0 * number,
		.diff_dst = g->diff_dst + ((s->n0 * c->oh + first_y) * c->ow + first_x) * c->oc + b->first,
		.row_stride = number,
		.images = {s->n1 - s->n0, c->ih * c->iw * pixel, c->oh * c->ow * c->oc},
		.rows = {last_y - first_y, c->stride_h * c->iw * pixel, c->ow * c->oc},
		.columns = {last_x - first_x, c->stride_w * pixel, c->oc},
		.sums = sums + ((r * c->kw + t) * g->depth + i0) * c->oc + b->first,
		.sums_stride = c->oc,
		.channels = b->channels,
		.spread = g->spread,
	};
	merge_loops(&tile.rows, &tile.columns);
	merge_loops(&tile.images, &tile.rows);
	merge_loops(&tile.rows, &tile.columns);
	SC_CPU(gradient_tile_run)(rows, &tile);
}

static int64_t channel_tiles(const struct sc_convolution *c)
{
	return (sc_group_ic(c) + TILE_PIXELS - 1) / TILE_PIXELS;
}

static int64_t tile_begin(const struct gradient *g, int64_t tile)
{
	return tile * (g->depth / g->tiles) + minimum(tile, g->depth % g->tiles);
}

/* The tiles [first, last) of source channels over one stretch. */
static void run_stretch(const struct gradient *g, const struct stretch *s, float *sums, int64_t first, int64_t last,
			const struct block *b)
{
	for (int64_t t = first; t < last; t++) {
		int64_t i0 = tile_begin(g, t);
		int rows = (int)(tile_begin(g, t + 1) - i0);
		for (int64_t tap = 0; tap < g->c->kh * g->c->kw; tap++)
			run_tap(g, s, sums, tap / g->c->kw, tap % g->c->kw, i0, rows, b);
	}
}

static void run_channels(const struct gradient *g, int64_t n0, int64_t n1, float *sums, int64_t first, int64_t last,
			 const struct block *b)
{
	const struct sc_convolution *c = g->c;
	int64_t step_y = minimum(c->oh, (STRETCH_PIXELS + c->ow - 1) / c->ow);
	int64_t step_n = step_y < c->oh ? 1 : maximum(1, STRETCH_PIXELS / (c->oh * c->ow));
	for (int64_t n = n0; n < n1; n += step_n)
		for (int64_t y = 0; y < c->oh; y += step_y) {
			const float *src = g->src + n * c->ih * c->iw * c->ic + b->src;
			struct stretch s = {n, minimum(n1, n + step_n), y, minimum(c->oh, y + step_y), src, 0};
			run_stretch(g, &s, sums, first, last, b);
		}
}

/* Groups side by side: all tiles, band by band. */
static void run_spread(const struct gradient *g, int64_t n0, int64_t n1, float *sums, const struct block *b, float *scratch)
{
	const struct sc_convolution *c = g->c;
	const struct spreading spreading = {c->ic, g->depth, sc_group_oc(c), b->first, b->channels};
	int64_t step_y = spread_rows(c);
	for (int64_t n = n0; n < n1; n++)
		for (int64_t y = 0; y < c->oh; y += step_y) {
			struct stretch s = {n, n + 1, y, minimum(c->oh, y + step_y), scratch, 0};
			int64_t bottom = minimum(c->ih, (s.y1 - 1) * c->stride_h - c->pad_top + c->kh);
			s.top = maximum(0, y * c->stride_h - c->pad_top);
			if (s.top >= bottom)
				continue;
			SC_CPU(spread)
			(&spreading, (bottom - s.top) * c->iw, g->src + (n * c->ih + s.top) * c->iw * c->ic, scratch);
			run_stretch(g, &s, sums, 0, g->tiles, b);
		}
}

/* ---- Rows are taps of a kernel column
 * -------------------------------------------------------------------------------------------- */

static void run_column(const struct gradient *g, int64_t n, int64_t y, float *sums, int64_t t, int64_t i, const struct block *b)
{
	const struct sc_convolution *c = g->c;
	int64_t first_x, last_x, top = y * c->stride_h - c->pad_top;
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &first_x, &last_x);
	int64_t first = maximum(0, -top), last = minimum(c->kh, c->ih - top);
	if (first_x >= last_x)
		return;
	for (int64_t r = first; r < last; r += TILE_PIXELS) {
		struct gradient_tile tile = {
			.src = g->src + ((n * c->ih + top + r) * c->iw + first_x * c->stride_w - c->pad_left + t) * c->ic + b->src +
			       i,
			.diff_dst = g->diff_dst + ((n * c->oh + y) * c->ow + first_x) * c->oc + b->first,
			.row_stride = c->iw * c->ic,
			.images = {.count = 1},
			.rows = {.count = 1},
			.columns = {last_x - first_x, c->stride_w * c->ic, c->oc},
			.sums = sums + ((r * c->kw + t) * g->depth + i) * c->oc + b->first,
			.sums_stride = c->kw * g->depth * c->oc,
			.channels = b->channels,
		};
		SC_CPU(gradient_tile_run)((int)minimum(TILE_PIXELS, last - r), &tile);
	}
}

static void run_columns(const struct gradient *g, int64_t n0, int64_t n1, float *sums, const struct block *b)
{
	const struct sc_convolution *c = g->c;
	for (int64_t n = n0; n < n1; n++)
		for (int64_t y = 0; y < c->oh; y++)
			for (int64_t t = 0; t < c->kw; t++)
				for (int64_t i = 0; i < g->depth; i++)
					run_column(g, n, y, sums, t, i, b);
}

/* ---- All
 * --------------------------------------------------------------------------------------------------------------------------- */

static void clear(const struct gradient *g, float *sums, int64_t i0, int64_t i1, const struct block *b)
{
	const struct sc_convolution *c = g->c;
	bool is_result = g->chunks == 1; /* where taps that meet no data are 0, and stay so */
	for (int64_t tap = 0; tap < c->kh * c->kw; tap++)
		for (int64_t i = i0; i < i1 && (!is_result || sc_tap_meets_data(c, tap / c->kw, tap % c->kw)); i++)
			memset(sums + (tap * g->depth + i) * c->oc + b->first, 0, (size_t)b->channels * sizeof(float));
}

static void sum_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct gradient *g = context;
	for (int64_t unit = begin; unit < end; unit++) {
		int64_t set = unit % g->sets, chunk = unit / g->sets / g->blocks;
		struct block b = block_at(g, unit / g->sets % g->blocks);
		int64_t n0 = chunk * g->chunk_images, n1 = minimum(g->c->mb, n0 + g->chunk_images);
		int64_t first = set * g->tiles / g->sets, last = (set + 1) * g->tiles / g->sets;
		float *sums = g->sums + chunk * sc_weight_count(g->c);
		clear(g, sums, tile_begin(g, first), tile_begin(g, last), &b);
		if (g->spread)
			run_spread(g, n0, n1, sums, &b, g->scratch + slot * scratch_numbers(g->c));
		else if (g->depth < FEW_CHANNELS)
			run_columns(g, n0, n1, sums, &b);
		else
			run_channels(g, n0, n1, sums, first, last, &b);
	}
}

static void bias_units(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct gradient *g = context;
	const struct sc_convolution *c = g->c;
	int64_t pixels = c->oh * c->ow;
	for (int64_t chunk = begin; chunk < end; chunk++) {
		float *sums = g->bias_sums + chunk * c->oc;
		int64_t p0 = chunk * g->chunk_images * pixels, p1 = minimum(c->mb, (chunk + 1) * g->chunk_images) * pixels;
		memset(sums, 0, (size_t)c->oc * sizeof(float));
		for (int64_t p = p0; p < p1; p++)
			for (int64_t o = 0; o < c->oc; o++)
				sums[o] += g->diff_dst[p * c->oc + o];
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
	int64_t chunks = sc_gradient_chunk_count(c);
	int64_t sums = chunks > 1 ? chunks * sc_weight_count(c) : 0; /* one chunk is summed in diff_weights itself */
	int64_t scratch = c->winograd ? SC_CPU(winograd_weights_workspace)(c, threads) : threads * scratch_numbers(c);
	return (whole_lines(sums) + whole_lines(chunks * c->oc) + scratch) * (int64_t)sizeof(float);
}

void SC_CPU(convolution_backward_weights)(const struct sc_convolution *c, const float *src, const float *diff_dst,
					  float *diff_weights, float *diff_bias, void *workspace, struct sc_pool *pool)
{
	struct gradient g = {
		.c = c,
		.src = src,
		.diff_dst = diff_dst,
		.chunk_images = sc_gradient_chunk_images(c),
		.chunks = sc_gradient_chunk_count(c),
		.blocks = block_count(c),
		.spread = is_spread(c),
		.depth = sc_group_ic(c),
		.tiles = channel_tiles(c),
	};
	int64_t block_numbers = c->kh * c->kw * g.depth * BLOCK;
	g.sets = g.spread || g.depth < FEW_CHANNELS ? 1 : minimum(g.tiles, (block_numbers + UNIT_NUMBERS - 1) / UNIT_NUMBERS);
	g.sums = g.chunks > 1 ? workspace : diff_weights;
	g.bias_sums = (float *)workspace + (g.chunks > 1 ? whole_lines(g.chunks * sc_weight_count(c)) : 0);
	g.scratch = g.bias_sums + whole_lines(g.chunks * c->oc);
	if (c->winograd)
		SC_CPU(winograd_weights)(c, src, diff_dst, g.sums, g.scratch, pool);
	else
		sc_pool_run(pool, sum_units, &g, g.chunks * g.blocks * g.sets, 1);
	if (g.chunks > 1)
		join_parts(g.sums, g.chunks, sc_weight_count(c), diff_weights, pool);
	if (diff_bias) {
		sc_pool_run(pool, bias_units, &g, g.chunks, 1);
		join_parts(g.bias_sums, g.chunks, c->oc, diff_bias, pool);
	}
}
