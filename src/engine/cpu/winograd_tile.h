/* winograd_tile.h - a tile of Winograd's method in two dimensions: what its pixels become, and what becomes of its products. */
#ifndef SC_ENGINE_CPU_WINOGRAD_TILE_H
#define SC_ENGINE_CPU_WINOGRAD_TILE_H

#include "engine/cpu/correlation.h"
#include "engine/winograd.h"

#define PLACES 36 /* of a transformed tile */

/* Where the source of the tile with corner (top, left) lies: a pointer for each of size x size pixels, to `zeros` for those
 * outside. */
void SC_CPU(winograd_pixels)(const float *image, int64_t height, int64_t width, int64_t channels, int64_t top, int64_t left,
			     int size, const float *zeros, const float **pixels);

/* Transforms `channels` channels of the 36 pixels from `begin` on: place k of the tile goes to v + k * plane. Places that the tile
 * lacks become 0. */
void SC_CPU(winograd_source)(const float *const pixels[PLACES], struct sc_winograd_inside inside, int64_t begin, int64_t channels,
			     float *v, int64_t plane);

/* The same for the 16 pixels of a result's gradient. */
void SC_CPU(winograd_result)(const float *const pixels[16], struct sc_winograd_inside inside, int64_t channels, float *p,
			     int64_t plane);

/* Channels [begin, end) of what lies inside, from `corner` of c->dst on, with all that follows the sums. products: of the channel
 * `begin`, place k at products + k * plane; of places that the tile lacks, anything. */
void SC_CPU(winograd_output)(const struct correlation *c, struct sc_winograd_inside inside, int64_t corner, int64_t begin,
			     int64_t end, const float *products, int64_t plane);

#endif
