/* winograd_2x2.c - forward and backward-data on maps of 2x2 pixels by Winograd's F(2x2, 2x2): see winograd_2x2.h. The arithmetic is
 * reference/winograd_2x2.c's.
 *
 * A unit of work is a group of images times a set of blocks of output channels: a thread transforms the group's sources, which stay
 * in its cache, and takes block after block of the weights through their nine places to the outputs. */
#include "engine/cpu/winograd_2x2.h"

#include "engine/cpu/cpu.h"
#include "engine/cpu/finish.h"
#include "engine/cpu/tile.h"
#include "engine/cpu/winograd_2x2_transform.h"

#define SOURCE_NUMBERS 147456 /* of transformed sources: over half of an L2 cache of 1 MiB, since each group reads all weights */
#define FEWEST_IMAGES  12     /* of a group: for fewer, the blocks are shared out as well */

struct maps {
	const struct correlation *c;
	float *scratch; /* of each slot: v (9, group, depth), m (9, group, blocks at once) */
	int64_t group, groups, set, sets;
};

static int64_t source_plane(const struct maps *w)
{
	return w->group * w->c->depth + PLACE_GAP;
}

static int64_t product_stride(const struct maps *w)
{
	return minimum(w->set, blocks_at_once(w->group)) * BLOCK;
}

static int64_t product_plane(const struct maps *w)
{
	return w->group * product_stride(w) + PLACE_GAP;
}

static int64_t scratch_numbers(const struct maps *w)
{
	return MAP_PLACES * (source_plane(w) + product_plane(w));
}

/* Every thread has the same number of units. */
static struct maps plan_maps(const struct correlation *c, int threads)
{
	struct maps w = {.c = c, .sets = 1};
	w.groups = parts_of(c->mb, maximum(FEWEST_IMAGES, SOURCE_NUMBERS / (MAP_PLACES * c->depth)));
	w.groups = parts_of(w.groups, threads) * threads;
	if (c->mb < w.groups * FEWEST_IMAGES) {
		w.sets = parts_of(threads, minimum(threads, maximum(1, c->mb / FEWEST_IMAGES)));
		w.groups = parts_of(threads, w.sets);
	}
	w.group = parts_of(c->mb, w.groups), w.groups = parts_of(c->mb, w.group);
	w.set = parts_of(blocks_of(c->width), w.sets), w.sets = parts_of(blocks_of(c->width), w.set);
	return w;
}

/* ---- Weights ---------------------------------------------------------------------------------------------------------------- */

struct weights {
	float *packed;
	int64_t depth;
};

/* Row: source channel of a block of output channels. */
static void weight_rows(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct weights *w = context;
	const int64_t plane = w->depth * BLOCK;
	for (int64_t row = begin; row < end; row++) {
		float *taps = w->packed + row / w->depth * MAP_PLACES * plane + row % w->depth * BLOCK;
		for (int64_t o = 0; o < BLOCK; o += LANES)
			transform_nine(transform_weights, taps + o, plane, taps + o, plane);
	}
}

void SC_CPU(winograd_2x2_transform)(const struct correlation *c, float *packed, struct sc_pool *pool)
{
	struct weights w = {packed, c->depth};
	sc_pool_run(pool, weight_rows, &w, blocks_of(c->width) * c->depth, 16);
}

/* ---- Products, outputs ------------------------------------------------------------------------------------------------------ */

/* One place of some blocks, of all images of a group. Where it takes several tiles, these ask for the weights that follow. */
static void multiply(const struct maps *w, int64_t images, int64_t place, struct blocks blocks, const float *v, float *m)
{
	const int64_t depth = w->c->depth, parts = parts_of(images, TILE_PIXELS), stride = product_stride(w);
	const float *weights = w->c->weights + (blocks.first * MAP_PLACES + place) * depth * BLOCK;
	struct segment segment = {.src = v + place * source_plane(w), .weights = weights, .length = depth};
	struct tile tile = {
		.segments = &segment,
		.segment_count = 1,
		.pixel_stride = depth,
		.blocks = blocks.count,
		.block_weights = MAP_PLACES * depth * BLOCK,
		.dst = m + place * product_plane(w),
		.dst_stride = stride,
		.channels = blocks.count * BLOCK,
	};
	const bool follow = place + 1 < MAP_PLACES || blocks.first + 1 < blocks_of(w->c->width);
	struct fetch fetch = {0};
	if (parts > 1 && blocks.count == 1 && follow)
		fetch = (struct fetch){weights + depth * BLOCK, parts_of(BLOCK, parts), depth * parts_of(BLOCK, parts)};
	tile.next_step = fetch.step;
	for (int64_t part = 0; part < parts; part++, advance(&fetch, 1)) {
		const int pixels = (int)(tile_begin(images, parts, part + 1) - tile_begin(images, parts, part));
		segment.last = pixels, tile.next = fetch.at;
		SC_CPU(tile_run)(pixels, &tile);
		segment.src += pixels * depth, tile.dst += pixels * stride;
	}
}

SC_INLINE void output_images(const struct maps *w, int64_t first, int64_t images, struct blocks blocks, const float *m,
			     const struct finish f)
{
	const struct correlation *c = w->c;
	const float *addend = c->residual ? c->residual : c->dst;
	const int64_t begin = blocks.first * BLOCK, end = minimum(begin + blocks.count * BLOCK, c->width);
	for (int64_t n = 0; n < images; n++)
		for (int64_t o = begin; o < end; o += LANES) {
			const float *products = m + n * product_stride(w) + o - begin, *bias = f.bias ? c->bias + o : NULL;
			const int64_t at = (first + n) * c->dst_image + o;
			lanes y[4];
			transform_products(products, product_plane(w), y);
#define FINISH(i, offset) lanes_store(c->dst + at + (offset), finished(y[i], f, bias, addend + at + (offset)));
			FINISH(0, 0)
			FINISH(1, c->dst_pixel)
			FINISH(2, c->dst_row)
			FINISH(3, c->dst_row + c->dst_pixel)
#undef FINISH
		}
}

static void output(const struct maps *w, int64_t first, int64_t images, struct blocks blocks, const float *m)
{
	const struct finish f = {w->c->bias != NULL, w->c->accumulate || w->c->residual, w->c->relu};
#define OUTPUT(how) output_images(w, first, images, blocks, m, how)
	RUN_FINISH(OUTPUT, f);
#undef OUTPUT
}

/* ---- Sharing the work ------------------------------------------------------------------------------------------------------- */

static void units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct maps *w = context;
	const int64_t depth = w->c->depth;
	float *v = w->c->scratch + slot * scratch_numbers(w), *m = v + MAP_PLACES * source_plane(w);
	for (int64_t unit = begin; unit < end; unit++) {
		const int64_t first = unit / w->sets * w->group, images = minimum(w->group, w->c->mb - first);
		const int64_t set = unit % w->sets * w->set, last = minimum(set + w->set, blocks_of(w->c->width));
		const int64_t step = product_stride(w) / BLOCK;
		transform_maps(w->c->src + first * 4 * depth, depth, images, 0, depth, depth, v, source_plane(w));
		for (int64_t block = set; block < last; block += step) {
			const struct blocks blocks = {block, minimum(step, last - block)};
			for (int64_t place = 0; place < MAP_PLACES; place++)
				multiply(w, images, place, blocks, v, m);
			output(w, first, images, blocks, m);
		}
	}
}

int64_t SC_CPU(winograd_2x2_workspace)(const struct correlation *c, int threads)
{
	const struct maps w = plan_maps(c, threads);
	return threads * scratch_numbers(&w);
}

void SC_CPU(winograd_2x2_correlate)(const struct correlation *c, struct sc_pool *pool)
{
	struct maps w = plan_maps(c, sc_pool_threads(pool));
	sc_pool_run(pool, units, &w, w.groups * w.sets, 1);
}
