/* pack.c - weights in the order in which the register tile reads them: (blocks, taps_h, taps_w, depth, BLOCK).
 *
 * Done once a step, since the weights change with each. Taps that never meet the source (maps smaller than the kernel) are skipped.
 */
#include <string.h>

#include "engine/cpu/correlation.h"

static int64_t depth_of(const struct packing *p)
{
	return p->transposed ? p->oc : p->ic;
}

static int64_t width_of(const struct packing *p)
{
	return p->groups * (p->transposed ? p->ic : p->oc);
}

int64_t SC_CPU(packed_count)(const struct packing *p)
{
	return blocks_of(width_of(p)) * p->taps_h * p->taps_w * depth_of(p) * BLOCK;
}

/* Block of output channels of the kernel's tap: rows of (ic, row) cut to BLOCK columns. */
static void copy_columns(const struct packing *p, const float *tap, int64_t first, int64_t channels, float *packed)
{
	for (int64_t i = 0; i < p->ic; i++, packed += BLOCK) {
		const float *row = tap + i * p->row + first;
		if (channels == BLOCK) {
			for (int v = 0; v < VECTORS; v++)
				lanes_store(packed + v * LANES, lanes_load(row + v * LANES));
			continue;
		}
		for (int64_t c = 0; c < BLOCK; c++)
			packed[c] = c < channels ? row[c] : 0;
	}
}

/* Block of input channels of the kernel's tap, transposed: packed[o][c] = tap[first + c][o], each within its group. In squares that
 * stay in the L1 cache. */
static void copy_rows(const struct packing *p, const float *tap, int64_t first, int64_t channels, float *packed)
{
	const int64_t square = 16;
	const float *rows[BLOCK];
	for (int64_t c = 0; c < BLOCK; c++)
		rows[c] = c < channels ? tap + (first + c) % p->ic * p->row + (first + c) / p->ic * p->oc : NULL;
	for (int64_t o0 = 0; o0 < p->oc; o0 += square)
		for (int64_t c = 0; c < BLOCK; c += 4) {
			const int64_t o1 = minimum(o0 + square, p->oc);
			int64_t o = o0;
			for (; c + 4 <= channels && o + 4 <= o1; o += 4)
				transpose_four(rows + c, o, packed + o * BLOCK + c, BLOCK);
			for (; o < o1; o++)
				for (int64_t i = c; i < c + 4; i++)
					packed[o * BLOCK + i] = rows[i] ? rows[i][o] : 0;
		}
}

static void pack_units(void *context, int slot, int64_t begin, int64_t end)
{
	(void)slot;
	const struct packing *p = context;
	int64_t rows = p->used_bottom - p->used_top, columns = p->used_right - p->used_left;
	for (int64_t unit = begin; unit < end; unit++) {
		int64_t block = unit / (rows * columns), tap = unit % (rows * columns);
		int64_t r = p->used_top + tap / columns, s = p->used_left + tap % columns;
		int64_t kernel_tap = (p->first_h + r * p->step_h) * p->kw + p->first_w + s * p->step_w;
		const float *from = p->weights + kernel_tap * p->ic * p->row;
		float *to = p->packed + ((block * p->taps_h + r) * p->taps_w + s) * depth_of(p) * BLOCK;
		int64_t first = block * BLOCK, left = width_of(p) - first;
		int64_t channels = left < BLOCK ? left : BLOCK;
		if (p->transposed)
			copy_rows(p, from, first, channels, to);
		else
			copy_columns(p, from, first, channels, to);
	}
}

void SC_CPU(pack)(const struct packing *p, struct sc_pool *pool)
{
	int64_t taps = (p->used_bottom - p->used_top) * (p->used_right - p->used_left);
	if (taps > 0)
		sc_pool_run(pool, pack_units, (void *)(uintptr_t)p, blocks_of(width_of(p)) * taps, 1);
}
