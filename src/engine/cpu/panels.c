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

void SC_CPU(lay_panels)(const struct panels *p)
{
	float *to = p->to;
	for (int64_t n = 0; n < p->images; n++)
		for (int64_t y = 0; y < p->rows; y++) {
			const float *pixel = p->from.at + n * p->from.image + y * p->from.row;
			for (int64_t x = 0; x < p->columns; x++, pixel += p->from.pixel, to += p->width)
				for (int64_t c = 0, k = 0; c < p->channels; c += p->step, k++) {
					const int64_t count = minimum(p->step, p->channels - c);
					if (count == BLOCK)
						copy_channels(pixel + c, BLOCK, to + k * p->stride);
					else
						copy_channels(pixel + c, count, to + k * p->stride);
				}
		}
}
