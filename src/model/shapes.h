/* shapes.h - how large the output of a window (a convolution or a pool) is, and how much padding it needs. */
#ifndef SC_MODEL_SHAPES_H
#define SC_MODEL_SHAPES_H

#include "model/model.h"

enum sc_padding {
	SC_PADDING_SYMMETRIC, /* kernel / 2 on each side, as torchvision pads */
	SC_PADDING_SAME       /* as much as ceil(in / stride) outputs need; the odd pixel goes right and bottom, as in Keras */
};

/* Kernel and stride of `window` are given; fills its padding, and the height and width of the output. `node` names the window in
 * errors: a kernel or stride under 1, an input under 1 or an output that would be under 1 is SC_ERROR_ARGUMENT. */
enum sc_status sc_window_place(struct sc_window *window, enum sc_padding padding, int64_t height, int64_t width,
			       int64_t *out_height, int64_t *out_width, const char *node, struct sc_error *error);
/* The size of the output where the padding of `window` is given as well. */
enum sc_status sc_window_output(const struct sc_window *window, int64_t height, int64_t width, int64_t *out_height,
				int64_t *out_width, const char *node, struct sc_error *error);

#endif
