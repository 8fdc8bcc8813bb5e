/* spread.c - spreads the sources of narrow groups over the lanes of a block: see spread.h. */
#include "engine/cpu/spread.h"

/* One vector of a block: where its lanes take number 0 of their groups. */
struct vector {
	const float *base; /* of the first lane's group */
	int span;          /* numbers from there to the end of the last lane's group */
	int32_t from[LANES];
};

static struct vector make_vector(const struct spreading *s, int v, const float *src)
{
	int64_t last = s->first + s->count - 1, begin = s->first + v * LANES;
	struct vector vector;
	if (begin > last)
		begin = last; /* lanes without a channel repeat the last one: nobody looks at them */
	int64_t group = begin / s->width, end = group;
	for (int l = 0; l < LANES; l++) {
		int64_t channel = begin + l < last ? begin + l : last;
		end = channel / s->width;
		vector.from[l] = (int32_t)((end - group) * s->depth);
	}
	vector.base = src + group * s->depth;
	vector.span = (int)((end - group + 1) * s->depth);
	return vector;
}

static void spread_one_group(const struct spreading *s, int64_t pixels, const struct vector *vector, float *to)
{
	for (int64_t p = 0; p < pixels; p++)
		for (int64_t k = 0; k < s->depth; k++, to += BLOCK)
			lanes_store(to, lanes_broadcast(vector->base[p * s->src_pixel + k]));
}

static void spread_by_permutation(const struct spreading *s, int64_t pixels, const struct vector *vector, float *to)
{
	const lane_numbers from = lane_numbers_load(vector->from);
	for (int64_t p = 0; p < pixels; p++) {
		lanes x = lanes_load_first(vector->base + p * s->src_pixel, vector->span);
		for (int k = 0; k < s->depth; k++, to += BLOCK)
			lanes_store(to, lanes_permute(x, from, k));
	}
}

static void spread_lane_by_lane(const struct spreading *s, int64_t pixels, const struct vector *vector, float *to)
{
	for (int64_t p = 0; p < pixels; p++)
		for (int64_t k = 0; k < s->depth; k++, to += BLOCK)
			for (int l = 0; l < LANES; l++)
				to[l] = vector->base[p * s->src_pixel + vector->from[l] + k];
}

void SC_CPU(spread)(const struct spreading *s, int64_t pixels, const float *src, float *spread)
{
	for (int v = 0; v < VECTORS; v++) {
		struct vector vector = make_vector(s, v, src);
		float *to = spread + v * LANES;
		if (vector.span == s->depth)
			spread_one_group(s, pixels, &vector, to);
		else if (vector.span <= LANES)
			spread_by_permutation(s, pixels, &vector, to);
		else
			spread_lane_by_lane(s, pixels, &vector, to);
	}
}
