/* winograd_few.h - products of few tiles with plain weights, which are transformed in registers while they are multiplied.
 *
 * For each pair of source and output channel, a tile costs 36 multiplications, and a transform about 90 operations, some of them
 * again and again for each row; so few tiles are done sooner than 36 transformed numbers are read from afar. The sources of a slice
 * lie a constant number of numbers apart: one pointer finds them all. */
#ifndef SC_ENGINE_CPU_WINOGRAD_FEW_H
#define SC_ENGINE_CPU_WINOGRAD_FEW_H

#include <stdbool.h>

#include "engine/cpu/lanes.h"

#define FEW_TILES (TILE_PIXELS * VECTORS < 6 ? 1 : TILE_PIXELS * VECTORS / 6) /* a register for each place of a row: 1 to 4 */
#define FEW_SLICE 64                                                          /* source channels */
#define FEW_PLANE (FEW_TILES * FEW_SLICE) /* numbers from one place of the sources to the next */

struct few {
	int tiles;            /* 1 to FEW_TILES */
	const float *sources; /* (36, FEW_TILES, FEW_SLICE), transformed */
	const float *weights; /* (9, length, BLOCK), `tap` numbers from one tap to the next */
	const float *next;    /* those of the next call, which are asked for; or NULL */
	int64_t tap, length;  /* length: 1 to FEW_SLICE source channels */
	float *products;      /* (36, tiles, BLOCK): `plane` numbers from one place to the next, `stride` from one tile */
	int64_t plane, stride;
	bool goes_on; /* the chains go on from what is in `products` */
};

void SC_CPU(winograd_few)(const struct few *f);

#endif
