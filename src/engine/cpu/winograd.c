/* winograd.c - forward and backward-data by Winograd's F(4x4, 3x3): see winograd.h. The arithmetic is reference/winograd.c's.
 *
 * A unit of work is a group of tiles times a set of blocks of output channels: a thread transforms the group's sources, multiplies
 * them with the set's weights, and transforms back, with nothing handed from one thread to another.
 *
 * Weights were transformed before, once for all; or that comes late: the plain ones are read, a quarter as many, and transformed
 * slice by slice, for few tiles in registers (winograd_few.h), else in the cache; each slice goes on with the products of the one
 * before it. */
#include <string.h>

#include "engine/cpu/cpu.h"
#include "engine/cpu/tile.h"
#include "engine/cpu/winograd.h"
#include "engine/cpu/winograd_few.h"
#include "engine/cpu/winograd_tile.h"
#include "engine/cpu/winograd_transform.h"

#define GROUP_NUMBERS 131072  /* of transformed sources and products: a group of tiles takes half of an L2 cache of 1 MiB, */
#define GROUP_TILES   20      /* or more where it had fewer tiles, since each group reads all weights of its set */
#define FEWEST_TILES  12      /* of a group: for fewer, the blocks are shared out as well */
#define KEPT_WEIGHTS  1048576 /* numbers: what the caches keep of a set's weights from one group to the next */
#define MOST_TILES    (GROUP_NUMBERS / (2 * PLACES * SC_WINOGRAD_CHANNELS) + 1) /* of a group */
#define SLICE_NUMBERS 73728   /* of weights that are transformed at once in the cache */

struct winograd {
	const struct correlation *c;
	const float *zeros; /* (depth) */
	float *scratch;     /* of each slot: v (36, group, depth), for few tiles slice by slice; m (36, group, set's blocks); u */
	int64_t tiles_h, tiles_w, tiles, group, groups, threads;
	struct sc_winograd_inside edge; /* the outputs of the tiles at the lower and right edge */
	int64_t set, sets; /* blocks of a set, and how many sets there are */
	bool few;          /* weights are transformed in registers */
	int64_t slice;     /* or those of so many source channels at once in the cache, u (36, blocks at once, slice, BLOCK) */
};

/* Source channels that lie together in v. */
static int64_t source_slice(const struct winograd *w)
{
	return w->few ? FEW_SLICE : w->c->depth;
}

static int64_t source_plane(const struct winograd *w)
{
	return w->few ? FEW_PLANE : w->group * w->c->depth + PLACE_GAP;
}

static int64_t source_numbers(const struct winograd *w)
{
	return parts_of(w->c->depth, source_slice(w)) * PLACES * source_plane(w);
}

static int64_t product_stride(const struct winograd *w)
{
	return w->set * BLOCK;
}

static int64_t product_plane(const struct winograd *w)
{
	return w->group * product_stride(w) + PLACE_GAP;
}

static int64_t slice_plane(const struct winograd *w)
{
	return blocks_at_once(w->group) * w->slice * BLOCK + PLACE_GAP;
}

static int64_t scratch_numbers(const struct winograd *w)
{
	return source_numbers(w) + PLACES * (product_plane(w) + (w->slice ? slice_plane(w) : 0));
}

/* As many groups as it takes for every thread to have the same number of units. */
static struct winograd plan_tiles(const struct correlation *c, int threads)
{
	struct winograd w = {.c = c, .tiles_h = parts_of(c->out_h, 4), .tiles_w = parts_of(c->out_w, 4), .threads = threads};
	w.tiles = c->mb * w.tiles_h * w.tiles_w;
	w.edge = sc_winograd_inside(w.tiles_h - 1, w.tiles_w - 1, c->out_h, c->out_w);
	w.sets = 1;
	w.groups = parts_of(w.tiles, maximum(GROUP_TILES, GROUP_NUMBERS / (PLACES * (c->depth + c->width))));
	if (w.groups >= threads)
		w.groups = parts_of(w.groups, threads) * threads;
	else {
		w.sets = parts_of(threads, minimum(threads, maximum(1, w.tiles / FEWEST_TILES)));
		w.groups = parts_of(threads, w.sets);
	}
	w.group = parts_of(w.tiles, w.groups), w.groups = parts_of(w.tiles, w.group);
	w.set = parts_of(blocks_of(c->width), w.sets), w.sets = parts_of(blocks_of(c->width), w.set);
	w.few = c->late && w.group <= FEW_TILES;
	if (c->late && !w.few)
		w.slice = minimum(c->depth, maximum(1, SLICE_NUMBERS / (PLACES * BLOCK * blocks_at_once(w.group))));
	return w;
}

/* ---- Groups ----------------------------------------------------------------------------------------------------------------- */

/* The tiles of a group, in such an order that those which have a place are neighbours, whichever place it is. */
struct group {
	int64_t first, count, tiles[MOST_TILES]; /* `count` tiles from `first` on */
	struct winograd_range having[2][2];      /* [lower edge has the place][right edge has it] */
};

/* Where a tile's outputs do not all lie inside; in that order. */
enum kind { LOWER_EDGE, WHOLE, RIGHT_EDGE, CORNER, KINDS };

static int64_t tile_row(const struct winograd *w, int64_t tile)
{
	return tile / w->tiles_w % w->tiles_h;
}

static int64_t tile_column(const struct winograd *w, int64_t tile)
{
	return tile % w->tiles_w;
}

static struct sc_winograd_inside tile_inside(const struct winograd *w, int64_t tile)
{
	return sc_winograd_inside(tile_row(w, tile), tile_column(w, tile), w->c->out_h, w->c->out_w);
}

static enum kind kind_of(const struct winograd *w, int64_t row, int64_t column)
{
	const bool lower = row == w->tiles_h - 1 && w->edge.rows < 4, right = column == w->tiles_w - 1 && w->edge.columns < 4;
	return lower ? right ? CORNER : LOWER_EDGE : right ? RIGHT_EDGE : WHOLE;
}

static void order_tiles(const struct winograd *w, int64_t first, int64_t count, struct group *g)
{
	enum kind kinds[MOST_TILES];
	int64_t row = tile_row(w, first), column = tile_column(w, first), ends[KINDS] = {0}, at[KINDS] = {0};
	for (int64_t i = 0; i < count; i++) {
		ends[kinds[i] = kind_of(w, row, column)]++;
		if (++column == w->tiles_w)
			column = 0, row = row + 1 < w->tiles_h ? row + 1 : 0;
	}
	for (int kind = 1; kind < KINDS; kind++)
		at[kind] = ends[kind - 1], ends[kind] += at[kind];
	for (int64_t i = 0; i < count; i++)
		g->tiles[at[kinds[i]]++] = first + i;
	g->first = first, g->count = count;
	g->having[1][1] = (struct winograd_range){0, count};
	g->having[1][0] = (struct winograd_range){0, ends[WHOLE]};
	g->having[0][1] = (struct winograd_range){ends[LOWER_EDGE], ends[RIGHT_EDGE]};
	g->having[0][0] = (struct winograd_range){ends[LOWER_EDGE], ends[WHOLE]};
}

static struct winograd_range tiles_having(const struct winograd *w, const struct group *g, int64_t place)
{
	return g->having[sc_winograd_has_point(w->edge.rows, place / 6)][sc_winograd_has_point(w->edge.columns, place % 6)];
}

static int64_t weight_plane(const struct correlation *c)
{
	return blocks_of(c->width) * c->depth * BLOCK + PLACE_GAP;
}

/* ---- Weights ---------------------------------------------------------------------------------------------------------------- */

/* One source channel of a vector of output channels: its taps, `tap` numbers apart, to the places of u, `plane` numbers apart. */
SC_INLINE void transform_taps(const float *taps, int64_t tap, float *u, int64_t plane)
{
	lanes half[6][3], t[6];
#define TAP(y, x) lanes_load(taps + (y * 3 + x) * tap)
#define COLUMN(x)                                                                                                                  \
	transform_weights(TAP(0, x), TAP(1, x), TAP(2, x), t);                                                                     \
	half[0][x] = t[0], half[1][x] = t[1], half[2][x] = t[2], half[3][x] = t[3], half[4][x] = t[4], half[5][x] = t[5];
#define STORE(y, x) lanes_store(u + (y * 6 + x) * plane, t[x]);
#define ROW(y)                                                                                                                     \
	transform_weights(half[y][0], half[y][1], half[y][2], t);                                                                  \
	STORE(y, 0) STORE(y, 1) STORE(y, 2) STORE(y, 3) STORE(y, 4) STORE(y, 5)
	THREE(COLUMN)
	SIX(ROW)
#undef TAP
#undef COLUMN
#undef STORE
#undef ROW
}

struct weights {
	const struct winograd_taps *taps;
	int64_t depth, width, plane; /* plane: numbers from one place to the next */
	float *transformed;
};

/* Row: source channel of a block of output channels. A last block that is not whole is filled up with zeros. */
static void weight_rows(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct weights *w = context;
	for (int64_t row = begin; row < end; row++) {
		int64_t block = row / w->depth;
		const float *taps = w->taps->weights + block * w->taps->block + row % w->depth * w->taps->source;
		for (int v = 0; v < VECTORS; v++) {
			float *u = w->transformed + row * BLOCK + v * LANES;
			if (block * BLOCK + v * LANES < w->width)
				transform_taps(taps + v * LANES, w->taps->tap, u, w->plane);
			else
				for (int64_t place = 0; place < PLACES; place++)
					lanes_store(u + place * w->plane, lanes_zero());
		}
	}
}

int64_t SC_CPU(winograd_weight_count)(const struct correlation *c)
{
	return PLACES * weight_plane(c);
}

void SC_CPU(winograd_pack)(const struct correlation *c, const struct winograd_taps *taps, float *transformed, struct sc_pool *pool)
{
	struct weights w = {taps, c->depth, c->width, weight_plane(c), transformed};
	sc_pool_run(pool, weight_rows, &w, blocks_of(c->width) * c->depth, 16);
}

/* ---- Sources ---------------------------------------------------------------------------------------------------------------- */

static void transform_tiles(const struct winograd *w, const struct group *g, float *v)
{
	const struct correlation *c = w->c;
	const int64_t slice = source_slice(w), plane = source_plane(w);
	for (int64_t i = 0; i < g->count; i++) {
		const int64_t tile = g->tiles[i], y = 4 * tile_row(w, tile) - c->pad_h, x = 4 * tile_column(w, tile) - c->pad_w;
		const float *image = c->src + tile / w->tiles_w / w->tiles_h * c->src_h * c->src_w * c->depth;
		const float *pixels[PLACES];
		SC_CPU(winograd_pixels)(image, c->src_h, c->src_w, c->depth, y, x, 6, w->zeros, pixels);
		for (int64_t begin = 0; begin < c->depth; begin += slice) {
			float *to = v + begin / slice * PLACES * plane + i * slice;
			SC_CPU(winograd_source)(pixels, tile_inside(w, tile), begin, minimum(slice, c->depth - begin), to, plane);
		}
	}
}

/* ---- What comes next -------------------------------------------------------------------------------------------------------- */

/* The images' rows before a tile. */
static int64_t rows_before(const struct winograd_images *images, int64_t tile)
{
	const int64_t row = tile / images->tiles_w;
	return row / images->tiles_h * images->height + minimum(4 * (row % images->tiles_h), images->height);
}

struct fetch SC_CPU(winograd_fetch)(const struct winograd_images *images, struct winograd_range tiles, int64_t shares,
				    int64_t steps)
{
	const int64_t end = parts_of(tiles.end, images->tiles_w) * images->tiles_w, top = rows_before(images, tiles.begin);
	const int64_t share = parts_of((rows_before(images, end) - top) * images->row, shares);
	return (struct fetch){share > 0 ? images->first + top * images->row : NULL, parts_of(share, steps), share};
}

/* ---- Products --------------------------------------------------------------------------------------------------------------- */

/* Transformed weights of some source channels and blocks of output channels. */
struct factors {
	const float *first;    /* of place 0 */
	int64_t plane, block;  /* numbers from one place, one block to the next */
	int64_t begin, length; /* source channels */
	struct blocks blocks;
};

/* For these tiles of a group: one place of some weights. m: the products of the group's first tile and of the first block. */
static void multiply(const struct winograd *w, const struct factors *f, int64_t place, struct winograd_range tiles, const float *v,
		     float *m, struct fetch *fetch)
{
	const int64_t depth = w->c->depth, count = tiles.end - tiles.begin, parts = parts_of(count, TILE_PIXELS);
	struct segment segment = {
		.src = v + place * source_plane(w) + tiles.begin * depth + f->begin,
		.weights = f->first + place * f->plane,
		.length = f->length,
	};
	struct tile tile = {
		.segments = &segment,
		.segment_count = 1,
		.pixel_stride = depth,
		.blocks = f->blocks.count,
		.block_weights = f->block,
		.dst = m + tiles.begin * product_stride(w),
		.dst_stride = product_stride(w),
		.channels = f->blocks.count * BLOCK,
		.goes_on = f->begin > 0,
		.next_step = fetch->step,
	};
	for (int64_t part = 0; part < parts; part++, advance(fetch, f->blocks.count)) {
		const int pixels = (int)(tile_begin(count, parts, part + 1) - tile_begin(count, parts, part));
		segment.last = pixels, tile.next = fetch->at;
		SC_CPU(tile_run)(pixels, &tile);
		segment.src += pixels * depth, tile.dst += pixels * tile.dst_stride;
	}
}

static float *products_of(const struct winograd *w, float *m, int64_t place, int64_t block)
{
	return m + place * product_plane(w) + block * BLOCK;
}

/* The weights of the products after these, of a set that begins with block `first`: of the next blocks, or of the next place. */
static struct fetch fetch_weights(const struct winograd *w, const struct factors *f, int64_t place, int64_t first, int64_t last,
				  int64_t parts)
{
	if (parts == 1) /* it reads its own weights no later than it would ask for others */
		return (struct fetch){0};
	const int64_t after = f->blocks.first + f->blocks.count, step = parts_of(BLOCK, parts);
	const bool ends = after == last;
	const float *at = w->c->weights + (place + ends) % PLACES * f->plane + (ends ? first : after) * f->block;
	return (struct fetch){at, step, step * f->length};
}

/* The blocks [first, last), their weights transformed before. While it computes, it asks for the weights that come next; or, where
 * these are still in the cache, for the sources of the group that the thread is likely to have next, then for where this one's
 * results go: from memory and to it at the last moment, they would take a fifth of the time at 56x56x64. */
static void multiply_early(const struct winograd *w, const struct group *g, int64_t first, int64_t last, const float *v, float *m)
{
	const struct correlation *c = w->c;
	const int64_t block_numbers = c->depth * BLOCK, parts = parts_of(g->count, TILE_PIXELS);
	const int64_t shares = PLACES / 2 * (last - first) * parts, next = minimum(g->first + w->threads * w->group, w->tiles);
	const bool kept = PLACES * (last - first) * block_numbers <= KEPT_WEIGHTS;
	const struct winograd_images src = {c->src, c->src_h, c->src_w * c->depth, w->tiles_h, w->tiles_w};
	const struct winograd_images dst = {c->dst, c->out_h, c->dst_row, w->tiles_h, w->tiles_w};
	const struct winograd_range now = {g->first, g->first + g->count}, later = {next, minimum(next + w->group, w->tiles)};
	struct fetch sources = SC_CPU(winograd_fetch)(&src, later, shares, c->depth);
	struct fetch results = SC_CPU(winograd_fetch)(&dst, now, shares, c->depth);
	for (int64_t place = 0; place < PLACES; place++) {
		const struct winograd_range tiles = tiles_having(w, g, place);
		const int64_t count = tiles.end - tiles.begin;
		if (count == 0)
			continue;
		const int64_t step = blocks_at_once(count);
		for (int64_t block = first; block < last; block += step) {
			const struct factors f = {
				.first = c->weights + block * block_numbers,
				.plane = weight_plane(c),
				.block = block_numbers,
				.length = c->depth,
				.blocks = {block, minimum(step, last - block)},
			};
			struct fetch weights = fetch_weights(w, &f, place, first, last, parts_of(count, TILE_PIXELS));
			struct fetch *fetch = !kept ? &weights : place < PLACES / 2 ? &sources : &results;
			multiply(w, &f, place, tiles, v, products_of(w, m, place, block - first), fetch);
		}
	}
}

/* Plain weights are (blocks, 9, depth, BLOCK). */
static const float *plain_weights(const struct winograd *w, int64_t block, int64_t channel)
{
	return w->c->weights + (9 * block * w->c->depth + channel) * BLOCK;
}

/* Transforms what f names of the plain weights. */
static void transform_slice(const struct winograd *w, const struct factors *f, float *u)
{
	const int64_t tap = w->c->depth * BLOCK;
	for (int64_t b = 0; b < f->blocks.count; b++) {
		const float *taps = plain_weights(w, f->blocks.first + b, f->begin);
		for (int64_t i = 0; i < f->length * BLOCK; i += LANES)
			transform_taps(taps + i, tap, u + b * f->block + i, f->plane);
	}
}

/* The blocks [first, last), whose weights are transformed slice by slice into u. */
static void multiply_late(const struct winograd *w, const struct group *g, int64_t first, int64_t last, const float *v, float *m,
			  float *u)
{
	const int64_t step = blocks_at_once(w->group), depth = w->c->depth;
	for (int64_t block = first; block < last; block += step)
		for (int64_t begin = 0; begin < depth; begin += w->slice) {
			const struct factors f = {
				.first = u,
				.plane = slice_plane(w),
				.block = w->slice * BLOCK,
				.begin = begin,
				.length = minimum(w->slice, depth - begin),
				.blocks = {block, minimum(step, last - block)},
			};
			struct fetch nothing = {0};
			transform_slice(w, &f, u);
			for (int64_t place = 0; place < PLACES; place++)
				multiply(w, &f, place, tiles_having(w, g, place), v, products_of(w, m, place, block - first),
					 &nothing);
		}
}

/* The blocks [first, last) for few tiles: their weights are transformed in registers. */
static void multiply_few(const struct winograd *w, int64_t first, int64_t last, int64_t tiles, const float *v, float *m)
{
	const int64_t depth = w->c->depth;
	struct few few = {.tiles = (int)tiles, .tap = depth * BLOCK, .plane = product_plane(w), .stride = product_stride(w)};
	for (int64_t block = first; block < last; block++)
		for (int64_t begin = 0; begin < depth; begin += FEW_SLICE) {
			const bool ends = begin + FEW_SLICE >= depth;
			few.sources = v + begin * PLACES * FEW_TILES;
			few.weights = plain_weights(w, block, begin);
			few.next = block + ends < last ? plain_weights(w, block + ends, ends ? 0 : begin + FEW_SLICE) : NULL;
			few.length = minimum(FEW_SLICE, depth - begin);
			few.products = products_of(w, m, 0, block - first);
			few.goes_on = begin > 0;
			SC_CPU(winograd_few)(&few);
		}
}

/* ---- Outputs ---------------------------------------------------------------------------------------------------------------- */

static void output_tiles(const struct winograd *w, const struct group *g, int64_t begin, int64_t end, const float *m)
{
	const struct correlation *c = w->c;
	for (int64_t i = 0; i < g->count; i++) {
		const int64_t tile = g->tiles[i], y = 4 * tile_row(w, tile), x = 4 * tile_column(w, tile);
		const int64_t corner = tile / w->tiles_w / w->tiles_h * c->dst_image + y * c->dst_row + x * c->dst_pixel;
		const float *products = m + i * product_stride(w);
		SC_CPU(winograd_output)(c, tile_inside(w, tile), corner, begin, end, products, product_plane(w));
	}
}

/* ---- Sharing the work ------------------------------------------------------------------------------------------------------- */

static void units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct winograd *w = context;
	float *v = w->scratch + slot * scratch_numbers(w), *m = v + source_numbers(w);
	for (int64_t unit = begin; unit < end; unit++) {
		int64_t origin = unit / w->sets * w->group, tiles = minimum(w->group, w->tiles - origin);
		int64_t first = unit % w->sets * w->set, last = minimum(first + w->set, blocks_of(w->c->width));
		struct group g;
		order_tiles(w, origin, tiles, &g);
		transform_tiles(w, &g, v);
		if (w->few)
			multiply_few(w, first, last, tiles, v, m);
		else if (w->slice)
			multiply_late(w, &g, first, last, v, m, m + PLACES * product_plane(w));
		else
			multiply_early(w, &g, first, last, v, m);
		output_tiles(w, &g, first * BLOCK, minimum(last * BLOCK, w->c->width), m);
	}
}

int64_t SC_CPU(winograd_workspace)(const struct correlation *c, int threads)
{
	struct winograd w = plan_tiles(c, threads);
	return whole_lines(c->depth) + threads * scratch_numbers(&w);
}

void SC_CPU(winograd_correlate)(const struct correlation *c, float *workspace, struct sc_pool *pool)
{
	struct winograd w = plan_tiles(c, sc_pool_threads(pool));
	w.zeros = workspace, w.scratch = workspace + whole_lines(c->depth);
	memset(workspace, 0, (size_t)c->depth * sizeof(float));
	sc_pool_run(pool, units, &w, w.groups * w.sets, 1);
}
