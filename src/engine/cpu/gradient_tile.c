/* gradient_tile.c - the inner loop of weight gradients: see gradient_tile.h. Compiled for each number of rows, and for whole and
 * partial blocks of channels, and for sources as they are or spread. */
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

/* Every `row` in the macros is a constant after inlining, and so is each condition on it. */
SC_INLINE void run(const struct gradient_tile *t, const int rows, const bool whole, const bool spread)
{
	lanes acc[TILE_PIXELS][VECTORS], d[VECTORS], s;
#define LOAD(row, v) d[v] = load(diff, t->channels, v, whole);
#define FMA(row, v)                                                                                                                \
	s = spread ? lanes_load(src + row * t->row_stride + v * LANES) : s;                                                        \
	acc[row][v] = lanes_fma(s, d[v], acc[row][v]);
#define BEGIN(row, v) acc[row][v] = load(t->sums + row * t->sums_stride, t->channels, v, whole);
#define END(row, v)   store(t->sums + row * t->sums_stride, acc[row][v], t->channels, v, whole);
#define ROW_BEGIN(row)                                                                                                             \
	if (row < rows) {                                                                                                          \
		EACH_VECTOR(BEGIN, row)                                                                                            \
	}
#define ROW(row)                                                                                                                   \
	if (row < rows) {                                                                                                          \
		s = lanes_broadcast(src[row * t->row_stride]);                                                                     \
		EACH_VECTOR(FMA, row)                                                                                              \
	}
#define ROW_END(row)                                                                                                               \
	if (row < rows) {                                                                                                          \
		EACH_VECTOR(END, row)                                                                                              \
	}
	const int64_t next_src_step = t->next_src ? t->columns.next_src : 0; /* where there is none, a number in the cache is asked for */
	const int64_t next_diff_step = t->next_diff_dst ? t->columns.next_diff_dst : 0;
	EACH_ROW(ROW_BEGIN)
	for (int64_t n = 0; n < t->images.count; n++)
		for (int64_t y = 0; y < t->rows.count; y++) {
			const float *src = t->src + n * t->images.src + y * t->rows.src;
			const float *diff = t->diff_dst + n * t->images.diff_dst + y * t->rows.diff_dst;
			const float *next_src = t->next_src ? t->next_src + n * t->images.next_src + y * t->rows.next_src : src;
			const float *next_diff =
				t->next_diff_dst ? t->next_diff_dst + n * t->images.next_diff_dst + y * t->rows.next_diff_dst : src;
			for (int64_t x = 0; x < t->columns.count; x++) {
				fetch_early(next_src);
				fetch_early(next_diff);
				EACH_VECTOR(LOAD, 0)
				EACH_ROW(ROW)
				src += t->columns.src, diff += t->columns.diff_dst, next_src += next_src_step, next_diff += next_diff_step;
			}
		}
	EACH_ROW(ROW_END)
}

#define RUN(row)                                                                                                                   \
	static __attribute__((noinline)) void run_whole_##row(const struct gradient_tile *t)                                       \
	{                                                                                                                          \
		run(t, row + 1, true, false);                                                                                      \
	}                                                                                                                          \
	static __attribute__((noinline)) void run_part_##row(const struct gradient_tile *t)                                        \
	{                                                                                                                          \
		run(t, row + 1, false, false);                                                                                     \
	}                                                                                                                          \
	static __attribute__((noinline)) void run_whole_spread_##row(const struct gradient_tile *t)                                \
	{                                                                                                                          \
		run(t, row + 1, true, true);                                                                                       \
	}                                                                                                                          \
	static __attribute__((noinline)) void run_part_spread_##row(const struct gradient_tile *t)                                 \
	{                                                                                                                          \
		run(t, row + 1, false, true);                                                                                      \
	}
#define NAMES(row) {run_whole_##row, run_part_##row, run_whole_spread_##row, run_part_spread_##row},
EACH_ROW(RUN)

void SC_CPU(gradient_tile_run)(int rows, const struct gradient_tile *tile)
{
	static void (*const table[][4])(const struct gradient_tile *) = {EACH_ROW(NAMES)};
	table[rows - 1][2 * tile->spread + (tile->channels < BLOCK)](tile);
}
