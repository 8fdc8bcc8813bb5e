/* tile.c - the inner loop of forward and backward-data convolutions: see tile.h.
 *
 * It is written once for any number of pixels and blocks and compiled for each number of pixels from 1 to TILE_PIXELS, with one
 * block or with as many as are done at once, and for sources as they are or spread, so that the accumulators are registers. A row
 * of accumulators is one block of one pixel; those of the first block come first. A segment that leaves out up to three pixels at
 * one end of the tile (the left or right edge of an image) has a loop of its own; other ranges, which only tiny images with wide
 * kernels have, go through memory. */
#include "engine/cpu/finish.h"
#include "engine/cpu/tile.h"

#define WEIGHTS_AHEAD 1536 /* numbers */
#define AHEAD_PIXELS  4    /* of a tile that asks for its weights */

/* Weights are read once for each tile, from a cache that is some way off, or from memory, and the processor does not look far
 * enough ahead by itself. With fewer pixels it does: what it holds of the loop at once reaches further than this. */
SC_INLINE void fetch_weights(const float *weights)
{
	for (int i = 0; i < BLOCK; i += 16)
		__builtin_prefetch(weights + WEIGHTS_AHEAD + i);
}

/* The cache lines that a tile writes, and the residual that it reads in the end, come from memory while it computes (88 instead of
 * 82 % of the peak at 56x56x64, batch 16). */
SC_INLINE void fetch_results(const struct tile *t, int64_t block, const int pixels, const int blocks)
{
#define EACH_LINE(FETCH, row)                                                                                                      \
	if (row < pixels * blocks)                                                                                                 \
		for (int i = 0; i < BLOCK; i += 16)                                                                                \
			FETCH(row % pixels * t->dst_stride + (block + row / pixels) * BLOCK + i);
#define RESULT(at)        __builtin_prefetch(t->dst + (at), 1)
#define RESIDUAL(at)      fetch_early(t->residual + (at))
#define ROW_RESULT(row)   EACH_LINE(RESULT, row)
#define ROW_RESIDUAL(row) EACH_LINE(RESIDUAL, row)
	EACH_ROW(ROW_RESULT)
	if (t->residual) {
		EACH_ROW(ROW_RESIDUAL)
	}
#undef EACH_LINE
#undef RESULT
#undef RESIDUAL
#undef ROW_RESULT
#undef ROW_RESIDUAL
}

/* Every `row` in the macros below is a constant after inlining, and so is each condition on it.
 *
 * Each block has its turn with all pixels, and its weights leave their registers then: beside the accumulators there is room for
 * those of one. So the sources are read again, which the compiler, knowing them, would rather keep at the accumulators' expense;
 * for one pixel's there is room. */

SC_INLINE void multiply(const struct segment *s, int64_t block, const float *next, int64_t next_step, const struct tile *t,
			lanes acc[TILE_PIXELS][VECTORS], const int first, const int last, const int pixels, const int blocks,
			const bool spread)
{
	const int64_t step = spread ? BLOCK : 1, stride = t->pixel_stride, block_weights = t->block_weights;
	const float *src = s->src, *weights = s->weights + block * block_weights;
	for (int64_t k = 0; k < s->length; k++, src += step, weights += BLOCK, next += next_step) {
		lanes x;
		fetch_early(next);
#define FETCH(row)                                                                                                                 \
	if (row < blocks && last - first >= AHEAD_PIXELS)                                                                          \
		fetch_weights(weights + row * block_weights);
#define FMA(row, v)                                                                                                                \
	x = spread ? lanes_load(src + (row % pixels - first) * stride + v * LANES) : x;                                            \
	acc[row][v] = lanes_fma(x, lanes_load(weights + row / pixels * block_weights + v * LANES), acc[row][v]);
#define ROW(row)                                                                                                                   \
	if (row < pixels * blocks && row % pixels >= first && row % pixels < last) {                                               \
		if (pixels > 1 && row >= pixels && row % pixels == first)                                                          \
			src = anew(src);                                                                                           \
		x = lanes_broadcast(src[(row % pixels - first) * stride]);                                                         \
		EACH_VECTOR(FMA, row)                                                                                              \
	}
		EACH_ROW(FETCH)
		EACH_ROW(ROW)
#undef FETCH
#undef FMA
#undef ROW
	}
}

static __attribute__((noinline)) void multiply_in_memory(const struct segment *s, int64_t block, const struct tile *t,
							 float acc[TILE_PIXELS][BLOCK], const int pixels, const int blocks,
							 const bool spread)
{
	for (int row = 0; row < pixels * blocks; row++) {
		const int pixel = row % pixels;
		if (pixel < s->first || pixel >= s->last)
			continue;
		for (int v = 0; v < VECTORS; v++) {
			const float *src = s->src + (pixel - s->first) * t->pixel_stride + (spread ? v * LANES : 0);
			const float *weights = s->weights + (block + row / pixels) * t->block_weights + v * LANES;
			lanes sum = lanes_load(acc[row] + v * LANES);
			for (int64_t k = 0; k < s->length; k++)
				sum = lanes_fma(spread ? lanes_load(src + k * BLOCK) : lanes_broadcast(src[k]),
						lanes_load(weights + k * BLOCK), sum);
			lanes_store(acc[row] + v * LANES, sum);
		}
	}
}

SC_INLINE void multiply_any(const struct segment *s, int64_t block, const struct tile *t, lanes acc[TILE_PIXELS][VECTORS],
			    const int pixels, const int blocks, const bool spread)
{
	float memory[TILE_PIXELS][BLOCK];
#define OUT(row, v) lanes_store(memory[row] + v * LANES, acc[row][v]);
#define IN(row, v)  acc[row][v] = lanes_load(memory[row] + v * LANES);
#define ROW_OUT(row)                                                                                                               \
	if (row < pixels * blocks) {                                                                                               \
		EACH_VECTOR(OUT, row)                                                                                              \
	}
#define ROW_IN(row)                                                                                                                \
	if (row < pixels * blocks) {                                                                                               \
		EACH_VECTOR(IN, row)                                                                                               \
	}
	EACH_ROW(ROW_OUT)
	multiply_in_memory(s, block, t, memory, pixels, blocks, spread);
	EACH_ROW(ROW_IN)
#undef OUT
#undef IN
#undef ROW_OUT
#undef ROW_IN
}

/* What is added is read before anything is stored: rows often lie multiples of 4 KiB apart, and a processor that compares no more
 * than that much of two addresses would make each read wait for the store before it. */
SC_INLINE void finish_rows(const struct tile *t, const float *addend, int64_t block, lanes acc[TILE_PIXELS][VECTORS],
			   const int pixels, const int blocks, const struct finish f, const bool whole)
{
#define CHANNEL(row, v) ((block + row / pixels) * BLOCK + v * LANES)
#define AT(row, v)      (row % pixels * t->dst_stride + CHANNEL(row, v))
#define COUNT(row, v)   (whole ? LANES : lanes_of(t->channels - CHANNEL(row, 0), v))
#define ADD(row, v)                                                                                                                \
	acc[row][v] = added_first(acc[row][v], f, f.bias ? t->bias + CHANNEL(row, v) : NULL, addend + AT(row, v), COUNT(row, v));
#define STORE(row, v)                                                                                                              \
	if (COUNT(row, v) == LANES)                                                                                                \
		lanes_store(t->dst + AT(row, v), rectified(acc[row][v], f));                                                       \
	else if (COUNT(row, v) > 0)                                                                                                \
		lanes_store_first(t->dst + AT(row, v), rectified(acc[row][v], f), COUNT(row, v));
#define ROW_ADD(row)                                                                                                               \
	if (row < pixels * blocks) {                                                                                               \
		EACH_VECTOR(ADD, row)                                                                                              \
	}
#define ROW_STORE(row)                                                                                                             \
	if (row < pixels * blocks) {                                                                                               \
		EACH_VECTOR(STORE, row)                                                                                            \
	}
	EACH_ROW(ROW_ADD)
	EACH_ROW(ROW_STORE)
#undef CHANNEL
#undef AT
#undef COUNT
#undef ADD
#undef STORE
#undef ROW_ADD
#undef ROW_STORE
}

SC_INLINE void finish_tile(const struct tile *t, int64_t block, lanes acc[TILE_PIXELS][VECTORS], const int pixels, const int blocks)
{
	const float *addend = t->residual ? t->residual : t->dst;
	const struct finish f = {t->bias != NULL, t->accumulate || t->residual, t->relu};
#define WHOLE(how) finish_rows(t, addend, block, acc, pixels, blocks, how, true)
	if (t->channels >= (block + blocks) * BLOCK)
		RUN_FINISH(WHOLE, f);
	else
		finish_rows(t, addend, block, acc, pixels, blocks, f, false);
#undef WHOLE
}

/* Blocks [block, block + blocks). */
SC_INLINE void run(const struct tile *t, int64_t block, const float *next, const int pixels, const int blocks, const bool spread)
{
	lanes acc[TILE_PIXELS][VECTORS];
#define ZERO(row, v)  acc[row][v] = lanes_zero();
#define LOAD(row, v)  acc[row][v] = lanes_load(t->dst + row % pixels * t->dst_stride + (block + row / pixels) * BLOCK + v * LANES);
#define ROW_ZERO(row) EACH_VECTOR(ZERO, row)
#define ROW_LOAD(row)                                                                                                              \
	if (row < pixels * blocks) {                                                                                               \
		EACH_VECTOR(LOAD, row)                                                                                             \
	}
	if (t->goes_on) {
		EACH_ROW(ROW_LOAD)
	} else {
		EACH_ROW(ROW_ZERO)
	}
	fetch_results(t, block, pixels, blocks);
	const int64_t next_step = next ? t->next_step * blocks : 0;
	next = next ? next : t->dst; /* where there is none, what is in the cache is asked for */
#define MULTIPLY(first, last) multiply(s, block, next, next_step, t, acc, first, last, pixels, blocks, spread)
	for (int64_t i = 0; i < t->segment_count; next += t->segments[i].length * next_step, i++) {
		const struct segment *s = &t->segments[i];
		int left = s->first, right = pixels - s->last;
		if (left == 0 && right == 0)
			MULTIPLY(0, pixels);
		else if (pixels > 1 && left == 1 && right == 0)
			MULTIPLY(1, pixels);
		else if (pixels > 2 && left == 2 && right == 0)
			MULTIPLY(2, pixels);
		else if (pixels > 3 && left == 3 && right == 0)
			MULTIPLY(3, pixels);
		else if (pixels > 1 && left == 0 && right == 1)
			MULTIPLY(0, pixels - 1);
		else if (pixels > 2 && left == 0 && right == 2)
			MULTIPLY(0, pixels - 2);
		else if (pixels > 3 && left == 0 && right == 3)
			MULTIPLY(0, pixels - 3);
		else
			multiply_any(s, block, t, acc, pixels, blocks, spread);
	}
	finish_tile(t, block, acc, pixels, blocks);
#undef MULTIPLY
#undef ZERO
#undef LOAD
#undef ROW_ZERO
#undef ROW_LOAD
}

typedef void run_function(const struct tile *t, int64_t block, const float *next);

#define RUN(row)                                                                                                                   \
	static __attribute__((noinline)) void run_##row(const struct tile *t, int64_t block, const float *next)                    \
	{                                                                                                                          \
		run(t, block, next, row + 1, 1, false);                                                                            \
	}                                                                                                                          \
	static __attribute__((noinline)) void run_spread_##row(const struct tile *t, int64_t block, const float *next)             \
	{                                                                                                                          \
		run(t, block, next, row + 1, 1, true);                                                                             \
	}                                                                                                                          \
	static __attribute__((noinline)) void run_wide_##row(const struct tile *t, int64_t block, const float *next)               \
	{                                                                                                                          \
		if (tile_blocks(row + 1) > 1)                                                                                      \
			run(t, block, next, row + 1, tile_blocks(row + 1), false);                                                 \
	}
#define NAMES(row) {run_##row, run_spread_##row, run_wide_##row},
EACH_ROW(RUN)

/* Of a block's chain. */
static int64_t steps_of(const struct tile *t)
{
	int64_t steps = 0;
	for (int64_t i = 0; i < t->segment_count; i++)
		steps += t->segments[i].length;
	return steps;
}

void SC_CPU(tile_run)(int pixels, const struct tile *tile)
{
	static run_function *const table[][3] = {EACH_ROW(NAMES)};
	const int at_once = tile_blocks(pixels);
	const float *next = tile->next;
	if (tile->blocks == 1) { /* Winograd's tiles are short: the loop below costs them 2 % */
		table[pixels - 1][tile->spread](tile, 0, next);
		return;
	}
	const int64_t asked = next ? steps_of(tile) * tile->next_step : 0; /* by a block */
	for (int64_t block = 0, count; block < tile->blocks; block += count) {
		count = block + at_once <= tile->blocks ? at_once : 1;
		table[pixels - 1][count > 1 ? 2 : 0](tile, block, next);
		if (next)
			next += count * asked;
	}
}
