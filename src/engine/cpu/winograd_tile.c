/* winograd_tile.c - see winograd_tile.h. Each transform is compiled for whole tiles, where what lies inside is a constant, and for
 * those at an edge. */
#include "engine/cpu/winograd_tile.h"

#include "engine/cpu/finish.h"
#include "engine/cpu/winograd_transform.h"

static const struct sc_winograd_inside whole = {4, 4};

static bool is_whole(struct sc_winograd_inside inside)
{
	return inside.rows == 4 && inside.columns == 4;
}

void SC_CPU(winograd_pixels)(const float *image, int64_t height, int64_t width, int64_t channels, int64_t top, int64_t left,
			     int size, const float *zeros, const float **pixels)
{
	for (int64_t y = 0; y < size; y++)
		for (int64_t x = 0; x < size; x++) {
			bool inside = top + y >= 0 && top + y < height && left + x >= 0 && left + x < width;
			*pixels++ = inside ? image + ((top + y) * width + left + x) * channels : zeros;
		}
}

SC_INLINE void transform_pixels(const float *const pixels[PLACES], const struct sc_winograd_inside inside, int64_t begin,
				int64_t channels, float *v, int64_t plane)
{
	for (int64_t c = 0; c < channels; c += LANES) {
		lanes half[6][6], t[6];
#define PIXEL(y, x) lanes_load(pixels[y * 6 + x] + begin + c)
#define COLUMN(x)                                                                                                                  \
	transform_source(PIXEL(0, x), PIXEL(1, x), PIXEL(2, x), PIXEL(3, x), PIXEL(4, x), PIXEL(5, x), inside.rows, t);            \
	half[0][x] = t[0], half[1][x] = t[1], half[2][x] = t[2], half[3][x] = t[3], half[4][x] = t[4], half[5][x] = t[5];
#define STORE(y, x) lanes_store(v + (y * 6 + x) * plane + c, t[x]);
#define ROW(y)                                                                                                                     \
	transform_source(half[y][0], half[y][1], half[y][2], half[y][3], half[y][4], half[y][5], inside.columns, t);               \
	STORE(y, 0) STORE(y, 1) STORE(y, 2) STORE(y, 3) STORE(y, 4) STORE(y, 5)
		SIX(COLUMN)
		SIX(ROW)
#undef PIXEL
#undef COLUMN
#undef STORE
#undef ROW
	}
}

void SC_CPU(winograd_source)(const float *const pixels[PLACES], struct sc_winograd_inside inside, int64_t begin, int64_t channels,
			     float *v, int64_t plane)
{
	if (is_whole(inside))
		transform_pixels(pixels, whole, begin, channels, v, plane);
	else
		transform_pixels(pixels, inside, begin, channels, v, plane);
}

SC_INLINE void transform_gradients(const float *const pixels[16], const struct sc_winograd_inside inside, int64_t channels,
				   float *p, int64_t plane)
{
	for (int64_t c = 0; c < channels; c += LANES) {
		lanes half[6][4], t[6];
#define PIXEL(y, x) lanes_load(pixels[y * 4 + x] + c)
#define COLUMN(x)                                                                                                                  \
	transform_result(PIXEL(0, x), PIXEL(1, x), PIXEL(2, x), PIXEL(3, x), inside.rows, t);                                      \
	half[0][x] = t[0], half[1][x] = t[1], half[2][x] = t[2], half[3][x] = t[3], half[4][x] = t[4], half[5][x] = t[5];
#define STORE(y, x) lanes_store(p + (y * 6 + x) * plane + c, t[x]);
#define ROW(y)                                                                                                                     \
	transform_result(half[y][0], half[y][1], half[y][2], half[y][3], inside.columns, t);                                       \
	STORE(y, 0) STORE(y, 1) STORE(y, 2) STORE(y, 3) STORE(y, 4) STORE(y, 5)
		FOUR(COLUMN)
		SIX(ROW)
#undef PIXEL
#undef COLUMN
#undef STORE
#undef ROW
	}
}

void SC_CPU(winograd_result)(const float *const pixels[16], struct sc_winograd_inside inside, int64_t channels, float *p,
			     int64_t plane)
{
	if (is_whole(inside))
		transform_gradients(pixels, whole, channels, p, plane);
	else
		transform_gradients(pixels, inside, channels, p, plane);
}

SC_INLINE void transform_products(const struct correlation *c, const struct sc_winograd_inside inside, int64_t corner,
				  int64_t begin, int64_t end, const float *products, int64_t plane, const struct finish f)
{
	const float *addend = c->residual ? c->residual : c->dst;
	for (int64_t o = begin; o < end; o += LANES) {
		const float *bias = f.bias ? c->bias + o : NULL;
		lanes half[4][6], y[4], t[4];
#define PRODUCT(i, x) lanes_load(products + (i * 6 + x) * plane + o - begin)
#define COLUMN(x)                                                                                                                  \
	transform_output(PRODUCT(0, x), PRODUCT(1, x), PRODUCT(2, x), PRODUCT(3, x), PRODUCT(4, x), PRODUCT(5, x), inside.rows,    \
			 t);                                                                                                       \
	half[0][x] = t[0], half[1][x] = t[1], half[2][x] = t[2], half[3][x] = t[3];
#define STORE(x)                                                                                                                   \
	if (x < inside.columns)                                                                                                    \
		lanes_store(c->dst + at + x * c->dst_pixel, finished(y[x], f, bias, addend + at + x * c->dst_pixel));
#define ROW(i)                                                                                                                     \
	if (i < inside.rows) {                                                                                                     \
		const int64_t at = corner + i * c->dst_row + o;                                                                    \
		transform_output(half[i][0], half[i][1], half[i][2], half[i][3], half[i][4], half[i][5], inside.columns, y);       \
		STORE(0) STORE(1) STORE(2) STORE(3)                                                                                \
	}
		SIX(COLUMN)
		FOUR(ROW)
#undef PRODUCT
#undef COLUMN
#undef STORE
#undef ROW
	}
}

void SC_CPU(winograd_output)(const struct correlation *c, struct sc_winograd_inside inside, int64_t corner, int64_t begin,
			     int64_t end, const float *products, int64_t plane)
{
	const struct finish f = {c->bias != NULL, c->accumulate || c->residual, c->relu};
#define WHOLE(how) transform_products(c, whole, corner, begin, end, products, plane, how)
	if (is_whole(inside))
		RUN_FINISH(WHOLE, f);
	else
		transform_products(c, inside, corner, begin, end, products, plane, f);
#undef WHOLE
}
