/* tile.c - the inner loop of forward and backward-data convolutions: see tile.h.
 *
 * It is written once for any number of pixels and compiled for each number from 1 to TILE_PIXELS, and for sources as they are or
 * spread, so that the accumulators are registers. A segment that leaves out up to three pixels at one end of the tile (the left or
 * right edge of an image) has a loop of its own; other ranges, which only tiny images with wide kernels have, go pixel by pixel
 * through memory. */
#include "engine/cpu/finish.h"
#include "engine/cpu/tile.h"

#define WEIGHTS_AHEAD 1536 /* numbers */

/* Weights are read once for each tile, from a cache that is some way off, or from memory, and the processor does not look far
 * enough ahead by itself. */
SC_INLINE void fetch_weights(const float *weights)
{
	for (int i = 0; i < BLOCK; i += 16)
		__builtin_prefetch(weights + WEIGHTS_AHEAD + i);
}

/* Every `row` in the macros below is a constant after inlining, and so is each condition on it. */

SC_INLINE void multiply(const struct segment *s, const float *next, int64_t next_step, int64_t stride,
			lanes acc[TILE_PIXELS][VECTORS], const int first, const int last, const bool spread)
{
	const int64_t step = spread ? BLOCK : 1;
	const float *src = s->src, *weights = s->weights;
	for (int64_t k = 0; k < s->length; k++, src += step, weights += BLOCK, next += next_step) {
		lanes w[VECTORS], x;
		fetch_weights(weights);
		fetch_early(next);
#define LOAD(row, v) w[v] = lanes_load(weights + v * LANES);
#define FMA(row, v)                                                                                                                \
	x = spread ? lanes_load(src + (row - first) * stride + v * LANES) : x;                                                     \
	acc[row][v] = lanes_fma(x, w[v], acc[row][v]);
#define ROW(row)                                                                                                                   \
	if (row >= first && row < last) {                                                                                          \
		x = lanes_broadcast(src[(row - first) * stride]);                                                                  \
		EACH_VECTOR(FMA, row)                                                                                              \
	}
		EACH_VECTOR(LOAD, 0)
		EACH_ROW(ROW)
#undef LOAD
#undef FMA
#undef ROW
	}
}

static __attribute__((noinline)) void multiply_in_memory(const struct segment *s, int64_t stride, float acc[TILE_PIXELS][BLOCK],
							 const bool spread)
{
	for (int p = s->first; p < s->last; p++)
		for (int v = 0; v < VECTORS; v++) {
			lanes sum = lanes_load(acc[p] + v * LANES);
			for (int64_t k = 0; k < s->length; k++) {
				const float *src = s->src + (p - s->first) * stride + (spread ? k * BLOCK + v * LANES : k);
				sum = lanes_fma(spread ? lanes_load(src) : lanes_broadcast(*src),
						lanes_load(s->weights + k * BLOCK + v * LANES), sum);
			}
			lanes_store(acc[p] + v * LANES, sum);
		}
}

SC_INLINE void multiply_any(const struct segment *s, int64_t stride, lanes acc[TILE_PIXELS][VECTORS], const int pixels,
			    const bool spread)
{
	float memory[TILE_PIXELS][BLOCK];
#define OUT(row, v) lanes_store(memory[row] + v * LANES, acc[row][v]);
#define IN(row, v)  acc[row][v] = lanes_load(memory[row] + v * LANES);
#define ROW_OUT(row)                                                                                                               \
	if (row < pixels) {                                                                                                        \
		EACH_VECTOR(OUT, row)                                                                                              \
	}
#define ROW_IN(row)                                                                                                                \
	if (row < pixels) {                                                                                                        \
		EACH_VECTOR(IN, row)                                                                                               \
	}
	EACH_ROW(ROW_OUT)
	multiply_in_memory(s, stride, memory, spread);
	EACH_ROW(ROW_IN)
#undef OUT
#undef IN
#undef ROW_OUT
#undef ROW_IN
}

SC_INLINE void finish(const struct tile *t, const float *addend, int row, int v, lanes sum, const struct finish f, const bool whole)
{
	const int64_t at = row * t->dst_stride + v * LANES;
	const int count = whole ? LANES : lanes_of(t->channels, v);
	const float *bias = f.bias ? t->bias + v * LANES : NULL;
	if (count == LANES)
		lanes_store(t->dst + at, finished(sum, f, bias, addend + at));
	else if (count > 0)
		lanes_store_first(t->dst + at, finished_first(sum, f, bias, addend + at, count), count);
}

SC_INLINE void finish_rows(const struct tile *t, const float *addend, lanes acc[TILE_PIXELS][VECTORS], const int pixels,
			   const struct finish f, const bool whole)
{
#define FINISH(row, v) finish(t, addend, row, v, acc[row][v], f, whole);
#define ROW_FINISH(row)                                                                                                            \
	if (row < pixels) {                                                                                                        \
		EACH_VECTOR(FINISH, row)                                                                                           \
	}
	EACH_ROW(ROW_FINISH)
#undef FINISH
#undef ROW_FINISH
}

SC_INLINE void finish_tile(const struct tile *t, lanes acc[TILE_PIXELS][VECTORS], const int pixels)
{
	const float *addend = t->residual ? t->residual : t->dst;
	const struct finish f = {t->bias != NULL, t->accumulate || t->residual, t->relu};
#define WHOLE(how) finish_rows(t, addend, acc, pixels, how, true)
	if (t->channels == BLOCK)
		RUN_FINISH(WHOLE, f);
	else
		finish_rows(t, addend, acc, pixels, f, false);
#undef WHOLE
}

SC_INLINE void run(const struct tile *t, const int pixels, const bool spread)
{
	lanes acc[TILE_PIXELS][VECTORS];
#define ZERO(row, v)  acc[row][v] = lanes_zero();
#define ROW_ZERO(row) EACH_VECTOR(ZERO, row)
	EACH_ROW(ROW_ZERO)
	const float *next = t->next ? t->next : t->dst; /* where there is none, what is in the cache is asked for */
	const int64_t next_step = t->next ? t->next_step : 0;
	for (int64_t i = 0; i < t->segment_count; next += t->segments[i].length * next_step, i++) {
		const struct segment *s = &t->segments[i];
		int left = s->first, right = pixels - s->last;
		if (left == 0 && right == 0)
			multiply(s, next, next_step, t->pixel_stride, acc, 0, pixels, spread);
		else if (pixels > 1 && left == 1 && right == 0)
			multiply(s, next, next_step, t->pixel_stride, acc, 1, pixels, spread);
		else if (pixels > 2 && left == 2 && right == 0)
			multiply(s, next, next_step, t->pixel_stride, acc, 2, pixels, spread);
		else if (pixels > 3 && left == 3 && right == 0)
			multiply(s, next, next_step, t->pixel_stride, acc, 3, pixels, spread);
		else if (pixels > 1 && left == 0 && right == 1)
			multiply(s, next, next_step, t->pixel_stride, acc, 0, pixels - 1, spread);
		else if (pixels > 2 && left == 0 && right == 2)
			multiply(s, next, next_step, t->pixel_stride, acc, 0, pixels - 2, spread);
		else if (pixels > 3 && left == 0 && right == 3)
			multiply(s, next, next_step, t->pixel_stride, acc, 0, pixels - 3, spread);
		else
			multiply_any(s, t->pixel_stride, acc, pixels, spread);
	}
	finish_tile(t, acc, pixels);
#undef ZERO
#undef ROW_ZERO
}

#define RUN(row)                                                                                                                   \
	static __attribute__((noinline)) void run_##row(const struct tile *t)                                                      \
	{                                                                                                                          \
		run(t, row + 1, false);                                                                                            \
	}                                                                                                                          \
	static __attribute__((noinline)) void run_spread_##row(const struct tile *t)                                               \
	{                                                                                                                          \
		run(t, row + 1, true);                                                                                             \
	}
#define NAMES(row) {run_##row, run_spread_##row},
EACH_ROW(RUN)

void SC_CPU(tile_run)(int pixels, const struct tile *tile)
{
	static void (*const table[][2])(const struct tile *) = {EACH_ROW(NAMES)};
	table[pixels - 1][tile->spread](tile);
}
