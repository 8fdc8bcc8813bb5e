/* gradient_tile.c - the inner loop of weight gradients: see gradient_tile.h. Compiled for each number of rows, for whole and partial
 * blocks of channels, and for sources whose rows are neighbours, or spread, or anywhere; for few rows, for two whole blocks. */
#include "engine/cpu/gradient_tile.h"

SC_INLINE lanes load(const float *numbers, int64_t channels, int v, const bool whole)
{
	return whole ? lanes_load(numbers + v * LANES) : lanes_load_first(numbers + v * LANES, lanes_of(channels, v));
}

SC_INLINE void store(float *numbers, lanes a, int64_t channels, int v, const bool whole)
{
	if (whole)
		lanes_store(numbers + v * LANES, a);
	else
		lanes_store_first(numbers + v * LANES, a, lanes_of(channels, v));
}

/* Where the tile reads, and what it asks for. */
struct place {
	const float *src, *diff_dst, *next_src, *next_diff_dst;
};

/* The innermost loop of the walk. Every `row` in the macros is a constant after inlining, and so is each condition on it: a row of
 * accumulators is one block of one row of the tile; those of the first block come first, and each block has its turn (see tile.c). */
SC_INLINE void multiply(const struct gradient_tile *t, struct place at, lanes acc[TILE_PIXELS][VECTORS], const int rows,
			const int blocks, const int64_t row_stride, const bool whole, const bool spread, const bool asks)
{
	const int64_t src_step = t->columns.src, diff_step = t->columns.diff_dst, channels = t->channels, block_diff = t->block_diff;
	const int64_t next_src_step = t->next_src ? t->columns.next_src : 0; /* where there is none, a number in the cache is asked for */
	const int64_t next_diff_step = t->next_diff_dst ? t->columns.next_diff_dst : 0;
	lanes d[VECTORS], s;
#define LOAD(block, v) d[v] = load(at.diff_dst + block * block_diff, channels, v, whole);
#define FMA(row, v)                                                                                                                \
	s = spread ? lanes_load(at.src + row * row_stride + v * LANES) : s;                                                        \
	acc[row][v] = lanes_fma(s, d[v], acc[row][v]);
#define ROW(row)                                                                                                                   \
	if (row < rows * blocks) {                                                                                                 \
		if (row % rows == 0) {                                                                                             \
			at.src = row ? anew(at.src) : at.src;                                                                      \
			EACH_VECTOR(LOAD, row / rows)                                                                              \
		}                                                                                                                  \
		s = lanes_broadcast(at.src[row % rows * row_stride]);                                                              \
		EACH_VECTOR(FMA, row)                                                                                              \
	}
	for (int64_t x = 0; x < t->columns.count; x++) {
		if (asks) {
			fetch_early(at.next_src), fetch_early(at.next_diff_dst);
			at.next_src += next_src_step, at.next_diff_dst += next_diff_step;
		}
		EACH_ROW(ROW)
		at.src += src_step, at.diff_dst += diff_step;
	}
#undef LOAD
#undef FMA
#undef ROW
}

/* A tile that asks for nothing has a loop without the instructions for it: where vectors are short, these would be a sixth of all,
 * and a processor that two threads share executes no more than half as many as alone. What is stored might change what the pointers
 * lead to, for all that the compiler knows: what is needed afterwards is read before. */
SC_INLINE void run(const struct gradient_tile *t, const int rows, const int blocks, const int64_t row_stride, const bool whole,
		   const bool spread)
{
	const int64_t channels = t->channels, sums_stride = t->sums_stride;
	float *const sums = t->sums;
	lanes acc[TILE_PIXELS][VECTORS];
#define BEGIN(row, v) acc[row][v] = load(sums + row % rows * sums_stride + row / rows * BLOCK, channels, v, whole);
#define END(row, v)   store(sums + row % rows * sums_stride + row / rows * BLOCK, acc[row][v], channels, v, whole);
#define ROW_BEGIN(row)                                                                                                             \
	if (row < rows * blocks) {                                                                                                 \
		EACH_VECTOR(BEGIN, row)                                                                                            \
	}
#define ROW_END(row)                                                                                                               \
	if (row < rows * blocks) {                                                                                                 \
		EACH_VECTOR(END, row)                                                                                              \
	}
	EACH_ROW(ROW_BEGIN)
	for (int64_t n = 0; n < t->images.count; n++)
		for (int64_t y = 0; y < t->rows.count; y++) {
			struct place at = {
				.src = t->src + n * t->images.src + y * t->rows.src,
				.diff_dst = t->diff_dst + n * t->images.diff_dst + y * t->rows.diff_dst,
			};
			at.next_src = t->next_src ? t->next_src + n * t->images.next_src + y * t->rows.next_src : at.src;
			at.next_diff_dst = at.src;
			if (t->next_diff_dst)
				at.next_diff_dst = t->next_diff_dst + n * t->images.next_diff_dst + y * t->rows.next_diff_dst;
			if (t->next_src || t->next_diff_dst)
				multiply(t, at, acc, rows, blocks, row_stride, whole, spread, true);
			else
				multiply(t, at, acc, rows, blocks, row_stride, whole, spread, false);
		}
	EACH_ROW(ROW_END)
#undef BEGIN
#undef END
#undef ROW_BEGIN
#undef ROW_END
}

#define RUN_KIND(kind, row, row_stride, spread)                                                                                    \
	static __attribute__((noinline)) void run_##kind##_whole_##row(const struct gradient_tile *t)                              \
	{                                                                                                                          \
		run(t, row + 1, 1, row_stride, true, spread);                                                                      \
	}                                                                                                                          \
	static __attribute__((noinline)) void run_##kind##_part_##row(const struct gradient_tile *t)                               \
	{                                                                                                                          \
		run(t, row + 1, 1, row_stride, false, spread);                                                                     \
	}
#define RUN(row)                                                                                                                   \
	RUN_KIND(neighbours, row, 1, false)                                                                                        \
	RUN_KIND(spread, row, BLOCK, true)                                                                                         \
	RUN_KIND(strided, row, t->row_stride, false)                                                                               \
	static __attribute__((noinline)) void run_pair_##row(const struct gradient_tile *t)                                        \
	{                                                                                                                          \
		if (2 * (row + 1) <= TILE_PIXELS)                                                                                  \
			run(t, row + 1, 2, t->row_stride, true, false);                                                            \
	}
#define NAMES(row) {run_neighbours_whole_##row, run_neighbours_part_##row, run_spread_whole_##row, run_spread_part_##row,          \
		    run_strided_whole_##row,    run_strided_part_##row,    run_pair_##row},
EACH_ROW(RUN)

void SC_CPU(gradient_tile_run)(int rows, const struct gradient_tile *tile)
{
	static void (*const table[][7])(const struct gradient_tile *) = {EACH_ROW(NAMES)};
	const int kind = tile->spread ? 1 : tile->row_stride == 1 ? 0 : 2;
	table[rows - 1][tile->channels > BLOCK ? 6 : 2 * kind + (tile->channels < BLOCK)](tile);
}
