/* winograd_few.c - see winograd_few.h. A row of the six times six places at a time: the products of its places are registers, and
 * so are its transformed weights, which go as soon as they have been multiplied. */
#include "engine/cpu/winograd_few.h"
#include "engine/cpu/winograd_transform.h"

/* Row y of the places, vector v of the block, `tiles` tiles. The first nine rows ask for a tap of the next weights each. */
SC_INLINE void multiply_row(const struct few *f, int v, const int y, const int tiles)
{
	const int row = 6 * v + y;
	const int64_t tap = f->tap;
	const float *sources = f->sources + 6 * y * FEW_PLANE, *taps = f->weights + v * LANES;
	const float *next = f->next && row < 9 ? f->next + row * tap : f->weights;
	float *products = f->products + 6 * y * f->plane + v * LANES;
	lanes acc[6][4];
#define EACH_TILE(DO, x) DO(x, 0) DO(x, 1) DO(x, 2) DO(x, 3)
#define LOAD(x, i)                                                                                                                 \
	if (i < tiles)                                                                                                             \
		acc[x][i] = f->goes_on ? lanes_load(products + x * f->plane + i * f->stride) : lanes_zero();
#define STORE(x, i)                                                                                                                \
	if (i < tiles)                                                                                                             \
		lanes_store(products + x * f->plane + i * f->stride, acc[x][i]);
#define FMA(x, i)                                                                                                                  \
	if (i < tiles)                                                                                                             \
		acc[x][i] = lanes_fma(lanes_broadcast(sources[x * FEW_PLANE + i * FEW_SLICE]), t[x], acc[x][i]);
#define COLUMN(x)                                                                                                                  \
	transform_weights(lanes_load(taps + x * tap), lanes_load(taps + (3 + x) * tap), lanes_load(taps + (6 + x) * tap), t);      \
	half[x] = t[y];
#define PLACE_LOAD(x)  EACH_TILE(LOAD, x)
#define PLACE_STORE(x) EACH_TILE(STORE, x)
#define PLACE_FMA(x)   EACH_TILE(FMA, x)
	SIX(PLACE_LOAD)
	for (int64_t k = 0; k < f->length; k++, sources++, taps += BLOCK, next += BLOCK) {
		lanes half[3], t[6];
		for (int i = 0; i < BLOCK; i += 16)
			fetch_early(next + i);
		THREE(COLUMN)
		transform_weights(half[0], half[1], half[2], t);
		SIX(PLACE_FMA)
	}
	SIX(PLACE_STORE)
#undef EACH_TILE
#undef LOAD
#undef STORE
#undef FMA
#undef COLUMN
#undef PLACE_LOAD
#undef PLACE_STORE
#undef PLACE_FMA
}

SC_INLINE void multiply(const struct few *f, const int tiles)
{
#define ROW(y) multiply_row(f, v, y, tiles);
	for (int v = 0; v < VECTORS; v++) {
		SIX(ROW)
	}
#undef ROW
}

void SC_CPU(winograd_few)(const struct few *f)
{
#define RUN(count)                                                                                                                 \
	if (count <= FEW_TILES && count == f->tiles)                                                                               \
		multiply(f, count);
	RUN(1) RUN(2) RUN(3) RUN(4)
#undef RUN
}
