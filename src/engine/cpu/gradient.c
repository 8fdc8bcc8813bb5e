/* gradient.c - weight gradients: chunks of images, blocks of output channels, register tiles of rows.
 *
 * Each chunk (chunks.h) has its own sums, joined along the tree at the end. A unit of work is a part of one chunk's sums and so
 * walks over all of the chunk's pixels, in stretches whose source and gradient stay in the L1 cache while the taps pass over them.
 * Rows of a tile are source channels; where there are few of them (the first layer), rows are the taps of one kernel column
 * instead. */
#include <string.h>

#include "engine/chunks.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient_tile.h"
#include "engine/cpu/winograd.h"

#define FEW_CHANNELS   8
#define STRETCH_PIXELS 256
#define UNIT_NUMBERS   32768 /* sums of a unit of work: they stay in the L2 cache */

struct gradient {
	const struct sc_convolution *c;
	const float *src, *diff_dst;
	float *sums;      /* (chunks, kh, kw, ic, oc) */
	float *bias_sums; /* (chunks, oc), or NULL */
	int64_t chunk_images, chunks, blocks;
	int64_t tiles;  /* of source channels */
	int64_t groups; /* of such tiles: the rows of a unit of work */
};

static int64_t weight_count(const struct sc_convolution *c)
{
	return c->kh * c->kw * c->ic * c->oc;
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

/* A stretch of pixels: images [n0, n1), output rows [y0, y1). */
struct stretch {
	int64_t n0, n1, y0, y1;
};

static void run_tap(const struct gradient *g, const struct stretch *s, float *sums, int64_t r, int64_t t, int64_t i0, int rows,
		    int64_t o0)
{
	const struct sc_convolution *c = g->c;
	int64_t first_y, last_y, first_x, last_x;
	valid_outputs(r, c->stride_h, c->pad_top, c->ih, c->oh, &first_y, &last_y);
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &first_x, &last_x);
	first_y = maximum(first_y, s->y0), last_y = minimum(last_y, s->y1);
	if (first_y >= last_y || first_x >= last_x)
		return;
	int64_t iy = first_y * c->stride_h - c->pad_top + r, ix = first_x * c->stride_w - c->pad_left + t;
	struct gradient_tile tile = {
		.src = g->src + ((s->n0 * c->ih + iy) * c->iw + ix) * c->ic + i0,
		.diff_dst = g->diff_dst + ((s->n0 * c->oh + first_y) * c->ow + first_x) * c->oc + o0,
		.row_stride = 1,
		.images = {s->n1 - s->n0, c->ih * c->iw * c->ic, c->oh * c->ow * c->oc},
		.rows = {last_y - first_y, c->stride_h * c->iw * c->ic, c->ow * c->oc},
		.columns = {last_x - first_x, c->stride_w * c->ic, c->oc},
		.sums = sums + ((r * c->kw + t) * c->ic + i0) * c->oc + o0,
		.sums_stride = c->oc,
		.channels = minimum(BLOCK, c->oc - o0),
	};
	merge_loops(&tile.rows, &tile.columns);
	merge_loops(&tile.images, &tile.rows);
	merge_loops(&tile.rows, &tile.columns);
	SC_CPU(gradient_tile_run)(rows, &tile);
}

static int64_t channel_tiles(const struct sc_convolution *c)
{
	return (c->ic + TILE_PIXELS - 1) / TILE_PIXELS;
}

static int64_t tile_begin(const struct sc_convolution *c, int64_t tile)
{
	int64_t tiles = channel_tiles(c);
	return tile * (c->ic / tiles) + minimum(tile, c->ic % tiles);
}

/* The tiles [first, last) of source channels. */
static void run_channels(const struct gradient *g, int64_t n0, int64_t n1, float *sums, int64_t first, int64_t last, int64_t o0)
{
	const struct sc_convolution *c = g->c;
	int64_t step_y = minimum(c->oh, (STRETCH_PIXELS + c->ow - 1) / c->ow);
	int64_t step_n = step_y < c->oh ? 1 : maximum(1, STRETCH_PIXELS / (c->oh * c->ow));
	for (int64_t n = n0; n < n1; n += step_n)
		for (int64_t y = 0; y < c->oh; y += step_y) {
			struct stretch s = {n, minimum(n1, n + step_n), y, minimum(c->oh, y + step_y)};
			for (int64_t t = first; t < last; t++) {
				int64_t i0 = tile_begin(c, t);
				int rows = (int)(tile_begin(c, t + 1) - i0);
				for (int64_t tap = 0; tap < c->kh * c->kw; tap++)
					run_tap(g, &s, sums, tap / c->kw, tap % c->kw, i0, rows, o0);
			}
		}
}

/* ---- Rows are taps of a kernel column
 * -------------------------------------------------------------------------------------------- */

static void run_column(const struct gradient *g, int64_t n, int64_t y, float *sums, int64_t t, int64_t i, int64_t o0)
{
	const struct sc_convolution *c = g->c;
	int64_t first_x, last_x, top = y * c->stride_h - c->pad_top;
	valid_outputs(t, c->stride_w, c->pad_left, c->iw, c->ow, &first_x, &last_x);
	int64_t first = maximum(0, -top), last = minimum(c->kh, c->ih - top);
	if (first_x >= last_x)
		return;
	for (int64_t r = first; r < last; r += TILE_PIXELS) {
		struct gradient_tile tile = {
			.src = g->src + ((n * c->ih + top + r) * c->iw + first_x * c->stride_w - c->pad_left + t) * c->ic + i,
			.diff_dst = g->diff_dst + ((n * c->oh + y) * c->ow + first_x) * c->oc + o0,
			.row_stride = c->iw * c->ic,
			.images = {.count = 1},
			.rows = {.count = 1},
			.columns = {last_x - first_x, c->stride_w * c->ic, c->oc},
			.sums = sums + ((r * c->kw + t) * c->ic + i) * c->oc + o0,
			.sums_stride = c->kw * c->ic * c->oc,
			.channels = minimum(BLOCK, c->oc - o0),
		};
		SC_CPU(gradient_tile_run)((int)minimum(TILE_PIXELS, last - r), &tile);
	}
}

static void run_columns(const struct gradient *g, int64_t n0, int64_t n1, float *sums, int64_t o0)
{
	const struct sc_convolution *c = g->c;
	for (int64_t n = n0; n < n1; n++)
		for (int64_t y = 0; y < c->oh; y++)
			for (int64_t t = 0; t < c->kw; t++)
				for (int64_t i = 0; i < c->ic; i++)
					run_column(g, n, y, sums, t, i, o0);
}

/* ---- All
 * --------------------------------------------------------------------------------------------------------------------------- */

static void clear(const struct gradient *g, float *sums, int64_t i0, int64_t i1, int64_t o0)
{
	const struct sc_convolution *c = g->c;
	size_t bytes = (size_t)minimum(BLOCK, c->oc - o0) * sizeof(float);
	for (int64_t tap = 0; tap < c->kh * c->kw; tap++)
		for (int64_t i = i0; i < i1; i++)
			memset(sums + (tap * c->ic + i) * c->oc + o0, 0, bytes);
}

static void sum_units(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct gradient *g = context;
	for (int64_t unit = begin; unit < end; unit++) {
		int64_t group = unit % g->groups, block = unit / g->groups % g->blocks, chunk = unit / g->groups / g->blocks;
		int64_t n0 = chunk * g->chunk_images, n1 = minimum(g->c->mb, n0 + g->chunk_images);
		int64_t first = group * g->tiles / g->groups, last = (group + 1) * g->tiles / g->groups;
		float *sums = g->sums + chunk * weight_count(g->c);
		clear(g, sums, tile_begin(g->c, first), tile_begin(g->c, last), block * BLOCK);
		if (g->c->ic < FEW_CHANNELS)
			run_columns(g, n0, n1, sums, block * BLOCK);
		else
			run_channels(g, n0, n1, sums, first, last, block * BLOCK);
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
	int64_t sums = chunks > 1 ? chunks * weight_count(c) : 0; /* one chunk is summed in diff_weights itself */
	int64_t winograd = c->winograd ? SC_CPU(winograd_weights_workspace)(c, threads) : 0;
	return (whole_lines(sums) + whole_lines(chunks * c->oc) + winograd) * (int64_t)sizeof(float);
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
		.blocks = (c->oc + BLOCK - 1) / BLOCK,
		.tiles = channel_tiles(c),
	};
	int64_t block_numbers = c->kh * c->kw * c->ic * BLOCK;
	g.groups = c->ic < FEW_CHANNELS ? 1 : minimum(g.tiles, (block_numbers + UNIT_NUMBERS - 1) / UNIT_NUMBERS);
	g.sums = g.chunks > 1 ? workspace : diff_weights;
	g.bias_sums = (float *)workspace + (g.chunks > 1 ? whole_lines(g.chunks * weight_count(c)) : 0);
	if (c->winograd)
		SC_CPU(winograd_weights)(c, src, diff_dst, g.sums, g.bias_sums + whole_lines(g.chunks * c->oc), pool);
	else
		sc_pool_run(pool, sum_units, &g, g.chunks * g.blocks * g.groups, 1);
	if (g.chunks > 1)
		join_parts(g.sums, g.chunks, weight_count(c), diff_weights, pool);
	if (diff_bias) {
		sc_pool_run(pool, bias_units, &g, g.chunks, 1);
		join_parts(g.bias_sums, g.chunks, c->oc, diff_bias, pool);
	}
}
