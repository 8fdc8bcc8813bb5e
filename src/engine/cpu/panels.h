/* panels.h - pixels laid out for the register tiles of weight gradients.
 *
 * In memory a pixel has all its channels together, so the few that a tile takes of each pixel lie a whole pixel apart: a cache line
 * for each, and where the distance is a power of two, all in the same few sets of the cache. In panels they lie end to end: panel k
 * has the channels [k * step, (k + 1) * step) of every pixel, `width` numbers a pixel; those past the last channel are not set. One
 * panel may have all the channels: then its pixels are an uneven number of lines apart instead, by their width. */
#ifndef SC_ENGINE_CPU_PANELS_H
#define SC_ENGINE_CPU_PANELS_H

#include "engine/cpu/lanes.h"

/* Where pixels lie: numbers from one image, row, pixel to the next. */
struct raster {
	const float *at;
	int64_t image, row, pixel;
};

struct panels {
	struct raster from;            /* its first pixel, the first channel that counts */
	int64_t images, rows, columns; /* pixels, in the order in which they lie in a panel */
	int64_t channels, step, width; /* step <= width */
	float *to;                     /* panel k is (images, rows, columns, width), from k * stride on */
	int64_t stride;
};

/* Numbers from one panel to the next: panels are kept off each other's cache sets. */
static inline int64_t panel_stride(int64_t pixels, int64_t width)
{
	return pixels * width + 16;
}

void SC_CPU(lay_panels)(const struct panels *p);

#endif
