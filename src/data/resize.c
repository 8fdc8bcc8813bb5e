/* resize.c - bilinear resizing with padding, after tf.image.resize_with_pad (TensorFlow 2, antialias off).
 *
 * Everything is IEEE float32 in the order written here, so that the same pixels come out everywhere. Source coordinate of output x:
 * (x + 0.5) * (in / out) - 0.5. Value: top = tl + (tr - tl) * fx, bottom = bl + (br - bl) * fx, top + (bottom - top) * fy: first
 * along the row, then down. Coordinates beyond the border use the border's pixel. */
#include "data/resize.h"

#include <math.h>
#include <string.h>

static int64_t at_least(int64_t value, int64_t least)
{
	return value > least ? value : least;
}

/* TensorFlow's own arithmetic, roundings included, but never less than one pixel (there it is an error). */
struct sc_fit_box sc_fit_into(int64_t height, int64_t width, int64_t target_height, int64_t target_width)
{
	float ratio = fmaxf((float)width / (float)target_width, (float)height / (float)target_height);
	float fitted_height = (float)height / ratio, fitted_width = (float)width / ratio;
	return (struct sc_fit_box){
		.height = at_least((int64_t)floorf(fitted_height), 1),
		.width = at_least((int64_t)floorf(fitted_width), 1),
		.top = at_least((int64_t)floorf(((float)target_height - fitted_height) / 2.0f), 0),
		.left = at_least((int64_t)floorf(((float)target_width - fitted_width) / 2.0f), 0),
	};
}

/* Two neighbours on an axis, and how far the point lies towards the second. */
struct neighbours {
	int64_t lower, upper;
	float fraction;
};

static struct neighbours find_neighbours(int64_t out, float scale, int64_t size)
{
	float at = ((float)out + 0.5f) * scale - 0.5f, below = floorf(at);
	int64_t lower = at_least((int64_t)below, 0), upper = (int64_t)ceilf(at);
	return (struct neighbours){.lower = lower < size ? lower : size - 1,
				   .upper = upper < size ? at_least(upper, 0) : size - 1,
				   .fraction = at - below};
}

static float lerp(float a, float b, float fraction)
{
	return a + (b - a) * fraction;
}

/* top, bottom: source rows (width, channels); row: (out_width, channels). */
static void resize_row(const uint8_t *top, const uint8_t *bottom, float fraction, int64_t width, int64_t channels, float *row,
		       int64_t out_width)
{
	float scale = (float)width / (float)out_width;
	for (int64_t x = 0; x < out_width; x++) {
		struct neighbours column = find_neighbours(x, scale, width);
		for (int64_t c = 0; c < channels; c++) {
			int64_t left = column.lower * channels + c, right = column.upper * channels + c;
			float above = lerp((float)top[left], (float)top[right], column.fraction);
			float below = lerp((float)bottom[left], (float)bottom[right], column.fraction);
			row[x * channels + c] = lerp(above, below, fraction);
		}
	}
}

static void clear(float *values, int64_t count)
{
	memset(values, 0, (size_t)count * sizeof *values);
}

void sc_resize_with_pad(const uint8_t *pixels, int64_t height, int64_t width, int64_t channels, float *image, int64_t target_height,
			int64_t target_width)
{
	struct sc_fit_box box = sc_fit_into(height, width, target_height, target_width);
	float scale = (float)height / (float)box.height;
	int64_t right = target_width - box.left - box.width;
	clear(image, box.top * target_width * channels);
	for (int64_t y = 0; y < box.height; y++) {
		struct neighbours line = find_neighbours(y, scale, height);
		float *row = image + (box.top + y) * target_width * channels;
		clear(row, box.left * channels);
		resize_row(pixels + line.lower * width * channels, pixels + line.upper * width * channels, line.fraction, width,
			   channels, row + box.left * channels, box.width);
		clear(row + (box.left + box.width) * channels, right * channels);
	}
	int64_t end = box.top + box.height;
	clear(image + end * target_width * channels, (target_height - end) * target_width * channels);
}
