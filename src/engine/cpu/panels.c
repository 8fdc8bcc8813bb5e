/* panels.c - lays pixels out in panels: see panels.h. */
#include "engine/cpu/cpu.h"
#include "engine/cpu/panels.h"

SC_INLINE void copy_channels(const float *from, int64_t count, float *to)
{
	int64_t c = 0;
	for (; c + LANES <= count; c += LANES)
		lanes_store(to + c, lanes_load(from + c));
	if (c < count)
		lanes_store_first(to + c, lanes_load_first(from + c, (int)(count - c)), (int)(count - c));
}

/* `count` channels of a row of pixels. */
SC_INLINE void lay_row(const struct panels *p, const float *from, int64_t count, float *to)
{
	for (int64_t x = 0; x < p->columns; x++, from += p->from.pixel, to += p->width)
		copy_channels(from, count, to);
}

/* A row of each panel after the other: lines that are written must be in the L1 cache, and come there in time where one follows the
 * other. */
void SC_CPU(lay_panels)(const struct panels *p)
{
	float *to = p->to;
	for (int64_t n = 0; n < p->images; n++)
		for (int64_t y = 0; y < p->rows; y++, to += p->columns * p->width) {
			const float *row = p->from.at + n * p->from.image + y * p->from.row;
			for (int64_t c = 0, k = 0; c < p->channels; c += p->step, k++) {
				const int64_t count = minimum(p->step, p->channels - c);
				if (count == BLOCK)
					lay_row(p, row + c, BLOCK, to + k * p->stride);
				else
					lay_row(p, row + c, count, to + k * p->stride);
			}
		}
}
