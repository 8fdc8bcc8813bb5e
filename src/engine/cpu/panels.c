/* panels.c - lays pixels out in panels: see panels.h. */
#include "engine/cpu/cpu.h"
#include "engine/cpu/panels.h"

/* `count` channels of a pixel, filled up to `width`. */
SC_INLINE void copy_channels(const float *from, int64_t count, int64_t width, float *to)
{
	for (int64_t c = 0; c < width; c += LANES) {
		int64_t left = minimum(LANES, maximum(0, count - c));
		lanes_store(to + c, left == LANES ? lanes_load(from + c) : lanes_load_first(from + c, (int)left));
	}
}

void SC_CPU(lay_panels)(const struct panels *p)
{
	float *to = p->to;
	for (int64_t n = 0; n < p->images; n++)
		for (int64_t y = 0; y < p->rows; y++) {
			const float *pixel = p->from.at + n * p->from.image + y * p->from.row;
			for (int64_t x = 0; x < p->columns; x++, pixel += p->from.pixel, to += p->width)
				for (int64_t c = 0, k = 0; c < p->channels; c += p->step, k++)
					copy_channels(pixel + c, minimum(p->step, p->channels - c), p->width, to + k * p->stride);
		}
}
