/* winograd_2x2_gradient.c - weight gradients on maps of 2x2 pixels by Winograd's F(2x2, 2x2): see winograd_2x2.h. The arithmetic is
 * reference/winograd_2x2.c's.
 *
 * A unit of work is a slice of the source channels and a set of the output channels of one chunk (chunks.h): it walks over the
 * chunk's images in groups, transforms both tensors of a group, and takes tile after tile of the sums through the nine places;
 * after the last group, a tile's nine sums become nine taps. */
#include <string.h>

#include "engine/chunks.h"
#include "engine/cpu/cpu.h"
#include "engine/cpu/gradient.h"
#include "engine/cpu/gradient_tile.h"
#include "engine/cpu/winograd_2x2.h"
#include "engine/cpu/winograd_2x2_transform.h"

#define GROUP_IMAGES  128 /* images that are transformed at once */
#define UNIT_CHANNELS 128 /* source channels, and output channels, of a unit at most */

struct work {
	const struct sc_convolution *c;
	const float *src, *diff_dst;
	float *sums;    /* (chunks, 3, 3, ic, oc) */
	float *scratch; /* of each slot: v (9, group, slice), p (9, group, set), tiles (1, or where there are more groups all) */
	int64_t chunk_images, group, slice, slices, set, sets;
	int64_t rows, kept; /* source channels of a tile; tiles that are kept from one group to the next, each (9, rows, BLOCK) */
};

/* A part of a chunk: channels [i0, i1) of the source and [o0, o1) of the output, images [begin, end). */
struct part {
	int64_t i0, i1, o0, o1, begin, end;
	float *sums; /* (3, 3, ic, oc), from (i0, o0) on */
};

static int64_t source_plane(const struct work *w)
{
	return w->group * w->slice + PLACE_GAP;
}

static int64_t result_plane(const struct work *w)
{
	return w->group * w->set + PLACE_GAP;
}

static int64_t scratch_numbers(const struct work *w)
{
	return MAP_PLACES * (source_plane(w) + result_plane(w) + w->kept * w->rows * BLOCK);
}

static struct work plan_work(const struct sc_convolution *c)
{
	struct work w = {.c = c, .chunk_images = sc_gradient_chunk_images(c)};
	w.group = minimum(w.chunk_images, GROUP_IMAGES);
	w.slice = minimum(c->ic, UNIT_CHANNELS), w.slices = parts_of(c->ic, w.slice);
	w.set = minimum(c->oc, UNIT_CHANNELS), w.sets = parts_of(c->oc, w.set);
	w.rows = parts_of(w.slice, parts_of(w.slice, TILE_PIXELS));
	w.kept = w.group < w.chunk_images ? parts_of(w.set, BLOCK) * parts_of(w.slice, w.rows) : 1;
	return w;
}

static struct part part_at(const struct work *w, int64_t unit)
{
	const struct sc_convolution *c = w->c;
	const int64_t chunk = unit / w->slices / w->sets;
	struct part part = {
		.i0 = unit / w->sets % w->slices * w->slice,
		.o0 = unit % w->sets * w->set,
		.begin = chunk * w->chunk_images,
		.end = minimum(c->mb, (chunk + 1) * w->chunk_images),
	};
	part.i1 = minimum(c->ic, part.i0 + w->slice), part.o1 = minimum(c->oc, part.o0 + w->set);
	part.sums = w->sums + chunk * sc_weight_count(c) + part.i0 * c->oc + part.o0;
	return part;
}

/* A tile's nine sums to the taps of source channels from `row` on and of a block of output channels from `o` on. */
static void finish(const struct work *w, const struct part *part, const float *products, int64_t row, int64_t o)
{
	const int64_t ic = w->c->ic, oc = w->c->oc, count = minimum(w->rows, part->i1 - part->i0 - row);
	for (int64_t i = 0; i < count; i++)
		for (int64_t v = 0; v < BLOCK && o + v < part->o1 - part->o0; v += LANES)
			transform_nine(transform_gradient, products + i * BLOCK + v, w->rows * BLOCK,
				       part->sums + (row + i) * oc + o + v, ic * oc);
}

/* A group of images; `first` and `last`: of the chunk's groups. The result's places are read backwards. */
static void multiply(const struct work *w, const struct part *part, int64_t images, bool first, bool last, const float *v,
		     const float *p, float *products)
{
	const int64_t channels = part->i1 - part->i0, width = part->o1 - part->o0, place_numbers = w->rows * BLOCK;
	struct gradient_tile tile = {
		.row_stride = 1,
		.images = {.count = 1},
		.rows = {.count = 1},
		.columns = {.count = images, .src = w->slice, .diff_dst = w->set},
		.sums_stride = BLOCK,
	};
	for (int64_t o = 0; o < width; o += BLOCK)
		for (int64_t row = 0; row < channels; row += w->rows) {
			if (first)
				memset(products, 0, (size_t)(MAP_PLACES * place_numbers) * sizeof(float));
			for (int64_t place = 0; place < MAP_PLACES; place++) {
				tile.src = v + place * source_plane(w) + row;
				tile.diff_dst = p + (MAP_PLACES - 1 - place) * result_plane(w) + o;
				tile.sums = products + place * place_numbers;
				tile.channels = minimum(BLOCK, width - o);
				SC_CPU(gradient_tile_run)((int)minimum(w->rows, channels - row), &tile);
			}
			if (last)
				finish(w, part, products, row, o);
			if (w->kept > 1)
				products += MAP_PLACES * place_numbers;
		}
}

static void units(void *context, int slot, int64_t begin, int64_t end)
{
	const struct work *w = context;
	const struct sc_convolution *c = w->c;
	float *v = w->scratch + slot * scratch_numbers(w), *p = v + MAP_PLACES * source_plane(w);
	float *products = p + MAP_PLACES * result_plane(w);
	for (int64_t unit = begin; unit < end; unit++) {
		const struct part part = part_at(w, unit);
		for (int64_t n = part.begin; n < part.end; n += w->group) {
			const int64_t images = minimum(w->group, part.end - n);
			transform_maps(w->src + n * 4 * c->ic, c->ic, images, part.i0, part.i1, w->slice, v, source_plane(w));
			transform_maps(w->diff_dst + n * 4 * c->oc, c->oc, images, part.o0, part.o1, w->set, p, result_plane(w));
			multiply(w, &part, images, n == part.begin, n + images == part.end, v, p, products);
		}
	}
}

int64_t SC_CPU(winograd_2x2_weights_workspace)(const struct sc_convolution *c, int threads)
{
	const struct work w = plan_work(c);
	return threads * scratch_numbers(&w);
}

void SC_CPU(winograd_2x2_weights)(const struct sc_convolution *c, const float *src, const float *diff_dst, float *sums,
				  float *workspace, struct sc_pool *pool)
{
	struct work w = plan_work(c);
	w.src = src, w.diff_dst = diff_dst, w.sums = sums, w.scratch = workspace;
	sc_pool_run(pool, units, &w, sc_gradient_chunk_count(c) * w.slices * w.sets, 1);
}
