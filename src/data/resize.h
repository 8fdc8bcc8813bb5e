/* resize.h - images fitted into another size with their proportions kept, as tf.image.resize_with_pad does it. */
#ifndef SC_DATA_RESIZE_H
#define SC_DATA_RESIZE_H

#include "data/data.h"

/* Where the resized image lies in the target; around it is padding. */
struct sc_fit_box {
	int64_t top, left, height, width;
};
struct sc_fit_box sc_fit_into(int64_t height, int64_t width, int64_t target_height, int64_t target_width);

/* pixels (height, width, channels) -> image (target_height, target_width, channels), numbers from 0 to 255; padding is 0. */
void sc_resize_with_pad(const uint8_t *pixels, int64_t height, int64_t width, int64_t channels, float *image, int64_t target_height,
			int64_t target_width);

#endif
