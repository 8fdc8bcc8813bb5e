/* winograd_gradient.c - weight gradients by Winograd's F(4x4, 3x3): see winograd.h. The arithmetic is reference/winograd.c's.
 *
 * A unit of work is a slice of the source channels and a set of the output channels of one chunk (chunks.h): it walks over the
 * chunk's tiles in groups, transforms both tensors of a group, and goes on with the 36 sums of products that it keeps; at the end
 * they become nine taps. */
#include <string.h>

#include "engine/chunks.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient.h"
#include "engine/cpu/gradient_tile.h"
#include "engine/cpu/tile.h"
#include "engine/cpu/winograd.h"
#include "engine/cpu/winograd_tile.h"
#include "engine/cpu/winograd_transform.h"

#define GROUP_TILES    64  /* tiles that are transformed at once */
#define SLICE_CHANNELS 128 /* source channels and */
#define SET_CHANNELS   128 /* output channels of a unit, */
#define LEAST_CHANNELS 32  /* or fewer source channels */

struct work {
	const struct sc_convolution *c;
	const float *src, *diff_dst, *zeros;
	float *sums;    /* (chunks, 3, 3, ic, oc) */
	float *scratch; /* of each slot: v (36, group, slice), p (36, group, set), products (36, blocks of the set, slice, BLOCK) */
	int64_t tiles_h, tiles_w, chunks, chunk_images, threads;
	int64_t group, bound;             /* tiles of a group, none of which goes over a multiple of `bound` */
	struct sc_winograd_inside edge;   /* the outputs of the tiles at the lower and right edge */
	int64_t slice, slices, set, sets; /* source, output channels of a unit, and how many of these there are */
};

static int64_t source_plane(const struct work *w)
{
	return w->group * w->slice + PLACE_GAP;
}

static int64_t result_plane(const struct work *w)
{
	return w->group * w->set + PLACE_GAP;
}

static int64_t product_plane(const struct work *w)
{
	return parts_of(w->set, BLOCK) * BLOCK * w->slice + PLACE_GAP;
}

static int64_t scratch_numbers(const struct work *w)
{
	return PLACES * (source_plane(w) + result_plane(w) + product_plane(w));
}

static int64_t unit_count(const struct work *w)
{
	return w->chunks * w->slices * w->sets;
}

/* A group is some whole images, or some whole rows of tiles of an image, or a part of such a row: so those of its tiles that have a
 * place lie evenly. About GROUP_TILES, all groups the same within the bound. */
static void cut_groups(struct work *w)
{
	const int64_t image = w->tiles_h * w->tiles_w;
	int64_t unit = image;
	w->bound = w->chunk_images * image;
	if (image > GROUP_TILES)
		unit = w->tiles_w, w->bound = image;
	if (w->tiles_w > GROUP_TILES)
		unit = 1, w->bound = w->tiles_w;
	w->group = parts_of(w->bound / unit, parts_of(w->bound, GROUP_TILES)) * unit;
}

/* Where units are few, there are as many for every thread. */
static struct work plan_work(const struct sc_convolution *c, int threads)
{
	struct work w = {.c = c, .tiles_h = parts_of(c->oh, 4), .tiles_w = parts_of(c->ow, 4), .threads = threads};
	w.chunks = sc_gradient_chunk_count(c);
	w.chunk_images = sc_gradient_chunk_images(c);
	w.slice = minimum(c->ic, SLICE_CHANNELS);
	w.slices = parts_of(c->ic, w.slice);
	w.set = minimum(c->oc, SET_CHANNELS);
	w.sets = parts_of(c->oc, w.set);
	while (w.slice > LEAST_CHANNELS && unit_count(&w) < MANY_UNITS * threads && unit_count(&w) % threads != 0)
		w.slice = parts_of(w.slice / 2, 16) * 16, w.slices = parts_of(c->ic, w.slice); /* whole vectors */
	w.edge = sc_winograd_inside(w.tiles_h - 1, w.tiles_w - 1, c->oh, c->ow);
	cut_groups(&w);
	return w;
}

/* A part of a chunk's sums: `channels` source channels from `first` on, `width` output channels from first_oc on. */
struct part {
	int64_t first, channels, first_oc, width;
};

/* Both tensors of tile `tile` of the batch, as tile `at` of the group. */
static void transform_tile(const struct work *w, const struct part *part, int64_t tile, int64_t at, float *v, float *p)
{
	const struct sc_convolution *c = w->c;
	const float *pixels[PLACES];
	const int64_t x = tile % w->tiles_w * 4, y = tile / w->tiles_w % w->tiles_h * 4, n = tile / w->tiles_w / w->tiles_h;
	const struct sc_winograd_inside inside = sc_winograd_inside(y / 4, x / 4, c->oh, c->ow);
	SC_CPU(winograd_pixels)
	(w->src + n * c->ih * c->iw * c->ic + part->first, c->ih, c->iw, c->ic, y - c->pad_top, x - c->pad_left, 6, w->zeros,
	 pixels);
	SC_CPU(winograd_source)(pixels, inside, 0, part->channels, v + at * w->slice, source_plane(w));
	SC_CPU(winograd_pixels)
	(w->diff_dst + n * c->oh * c->ow * c->oc + part->first_oc, c->oh, c->ow, c->oc, y, x, 4, w->zeros, pixels);
	SC_CPU(winograd_result)(pixels, inside, part->width, p + at * w->set, result_plane(w));
}

/* The walk over those tiles of a group that have a place; false: none has. On the way it asks for the sums of the next product,
 * and for `next_step` numbers a tile of what is transformed next. */
static bool find_walk(const struct work *w, struct winograd_range group, int64_t place, int64_t next_step,
		      struct gradient_tile *tile)
{
	const int64_t count = group.end - group.begin, y = group.begin / w->tiles_w % w->tiles_h, x = group.begin % w->tiles_w;
	const int64_t width = minimum(count, w->tiles_w), height = minimum(count / width, w->tiles_h);
	const bool lower = y + height == w->tiles_h && !sc_winograd_has_point(w->edge.rows, place / 6);
	const bool right = x + width == w->tiles_w && !sc_winograd_has_point(w->edge.columns, place % 6);
	const int64_t images = count / (width * height), rows = height - lower, columns = width - right;
	if (rows == 0 || columns == 0)
		return false;
	const int64_t sums_step = parts_of(TILE_PIXELS * BLOCK, images * rows * columns);
	tile->columns = (struct walk){columns, w->slice, w->set, sums_step, next_step};
	tile->rows = (struct walk){rows, width * w->slice, width * w->set, columns * sums_step, columns * next_step};
	tile->images = (struct walk){images, height * width * w->slice, height * width * w->set, rows * columns * sums_step,
				     rows * columns * next_step};
	merge_walk(&tile->images, &tile->rows, &tile->columns);
	return true;
}

/* products += v * p over the tiles of a group. Each product asks for the sums of the next, which may lie far off, and for its share
 * of what is transformed next. */
static void multiply(const struct work *w, const struct part *part, struct winograd_range group, const float *v, const float *p,
		     float *products, struct winograd_range next_group)
{
	const struct sc_convolution *c = w->c;
	const int64_t rows = parts_of(part->channels, TILE_PIXELS), shares = PLACES / 2 * parts_of(part->width, BLOCK) * rows;
	const struct winograd_images src_images = {w->src, c->ih, c->iw * c->ic, w->tiles_h, w->tiles_w};
	const struct winograd_images diff_images = {w->diff_dst, c->oh, c->ow * c->oc, w->tiles_h, w->tiles_w};
	struct fetch src = SC_CPU(winograd_fetch)(&src_images, next_group, shares, group.end - group.begin);
	struct fetch diff_dst = SC_CPU(winograd_fetch)(&diff_images, next_group, shares, group.end - group.begin);
	for (int64_t place = 0; place < PLACES; place++) {
		struct fetch *next = place < PLACES / 2 ? &src : &diff_dst;
		struct gradient_tile tile = {.row_stride = 1, .sums_stride = BLOCK};
		if (!find_walk(w, group, place, next->step, &tile))
			continue;
		for (int64_t o = 0; o < part->width; o += BLOCK)
			for (int64_t row = 0; row < rows; row++) {
				int64_t begin = row * part->channels / rows, end = (row + 1) * part->channels / rows;
				tile.src = v + place * source_plane(w) + begin;
				tile.diff_dst = p + place * result_plane(w) + o;
				tile.sums = products + place * product_plane(w) + o * w->slice + begin * BLOCK;
				tile.next_src = tile.sums + (end - begin) * BLOCK;
				tile.next_diff_dst = next->at;
				tile.channels = minimum(BLOCK, part->width - o);
				SC_CPU(gradient_tile_run)((int)(end - begin), &tile);
				advance(next, 1);
			}
	}
}

/* products to the part of the chunk's sums (3, 3, ic, oc). */
static void finish(const struct work *w, const struct part *part, const float *products, float *sums)
{
	const int64_t ic = w->c->ic, oc = w->c->oc, plane = product_plane(w);
	for (int64_t i = 0; i < part->channels; i++)
		for (int64_t o = 0; o < part->width; o += LANES) {
			const float *e = products + o / BLOCK * BLOCK * w->slice + i * BLOCK + o % BLOCK;
			float *g = sums + (part->first + i) * oc + part->first_oc + o;
			lanes half[3][6], t[3];
#define PRODUCT(y, x) lanes_load(e + (y * 6 + x) * plane)
#define COLUMN(x)                                                                                                                  \
	transform_gradient(PRODUCT(0, x), PRODUCT(1, x), PRODUCT(2, x), PRODUCT(3, x), PRODUCT(4, x), PRODUCT(5, x), t);           \
	half[0][x] = t[0], half[1][x] = t[1], half[2][x] = t[2];
#define ROW(y)                                                                                                                     \
	transform_gradient(half[y][0], half[y][1], half[y][2], half[y][3], half[y][4], half[y][5], t);                             \
	lanes_store(g + (y * 3 + 0) * ic * oc, t[0]);                                                                              \
	lanes_store(g + (y * 3 + 1) * ic * oc, t[1]);                                                                              \
	lanes_store(g + (y * 3 + 2) * ic * oc, t[2]);
			SIX(COLUMN)
			THREE(ROW)
#undef PRODUCT
#undef COLUMN
#undef ROW
		}
}

static int64_t unit_chunk(const struct work *w, int64_t unit)
{
	return unit / w->slices / w->sets;
}

/* All tiles of a unit's chunk. */
static struct winograd_range unit_tiles(const struct work *w, int64_t unit)
{
	const int64_t image_tiles = w->tiles_h * w->tiles_w, first = unit_chunk(w, unit) * w->chunk_images;
	return (struct winograd_range){first * image_tiles, minimum(w->c->mb, first + w->chunk_images) * image_tiles};
}

/* Of the group that begins with `tile`; `end`: of its chunk's tiles. */
static int64_t group_end(const struct work *w, int64_t tile, int64_t end)
{
	return minimum(end, minimum(tile + w->group, (tile / w->bound + 1) * w->bound));
}

/* The group after the one at `tile`: of this unit, or of the one that the thread is likely to have next, or none. */
static struct winograd_range next_group(const struct work *w, int64_t unit, int64_t tile)
{
	struct winograd_range next = unit_tiles(w, unit);
	next.begin = group_end(w, tile, next.end);
	if (next.begin >= next.end && unit + w->threads < unit_count(w))
		next = unit_tiles(w, unit + w->threads);
	next.begin = minimum(next.begin, next.end), next.end = group_end(w, next.begin, next.end);
	return next;
}

static void part_units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct work *w = context;
	const struct sc_convolution *c = w->c;
	float *v = w->scratch + slot * scratch_numbers(w), *p = v + PLACES * source_plane(w);
	float *products = p + PLACES * result_plane(w);
	for (int64_t unit = begin; unit < end; unit++) {
		struct part part = {.first = unit / w->sets % w->slices * w->slice, .first_oc = unit % w->sets * w->set};
		part.channels = minimum(w->slice, c->ic - part.first), part.width = minimum(w->set, c->oc - part.first_oc);
		const struct winograd_range all = unit_tiles(w, unit);
		memset(products, 0, (size_t)(PLACES * product_plane(w)) * sizeof(float));
		for (struct winograd_range group = {all.begin, all.begin}; group.begin < all.end; group.begin = group.end) {
			group.end = group_end(w, group.begin, all.end);
			for (int64_t tile = group.begin; tile < group.end; tile++)
				transform_tile(w, &part, tile, tile - group.begin, v, p);
			multiply(w, &part, group, v, p, products, next_group(w, unit, group.begin));
		}
		finish(w, &part, products, w->sums + unit_chunk(w, unit) * 9 * c->ic * c->oc);
	}
}

int64_t SC_CPU(winograd_weights_workspace)(const struct sc_convolution *c, int threads)
{
	struct work w = plan_work(c, threads);
	return whole_lines(maximum(c->ic, c->oc)) + threads * scratch_numbers(&w);
}

void SC_CPU(winograd_weights)(const struct sc_convolution *c, const float *src, const float *diff_dst, float *sums,
			      float *workspace, struct sc_pool *pool)
{
	struct work w = plan_work(c, sc_pool_threads(pool));
	int64_t pixel = whole_lines(maximum(c->ic, c->oc));
	w.src = src, w.diff_dst = diff_dst, w.zeros = workspace, w.sums = sums, w.scratch = workspace + pixel;
	memset(workspace, 0, (size_t)pixel * sizeof(float));
	sc_pool_run(pool, part_units, &w, unit_count(&w), 1);
}
