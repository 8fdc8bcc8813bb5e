/* shapes.c - the size rules of convolutions and pools: which padding, and how many outputs fit.
 *
 * One rule covers both styles: out = floor((in + padding before + padding after - kernel) / stride) + 1. The styles differ only in
 * the padding they choose. Sizes are bounded far below 2^31 here (model.c), so sums of a few of them cannot overflow. */
#include "model/shapes.h"

#include <inttypes.h>

#define LARGEST_SIDE ((int64_t)1 << 30)

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Padding of one axis. `same` (Keras): ceil(in / stride) outputs, the odd pixel after. */
static void pad_axis(enum sc_padding padding, int64_t in, int64_t kernel, int64_t stride, int64_t *before, int64_t *after)
{
	if (padding == SC_PADDING_SYMMETRIC) {
		*before = *after = kernel / 2;
		return;
	}
	int64_t out = (in + stride - 1) / stride;
	int64_t total = larger(0, (out - 1) * stride + kernel - in);
	*before = total / 2;
	*after = total - *before;
}

static bool side_is_valid(int64_t side)
{
	return side >= 1 && side <= LARGEST_SIDE;
}

static enum sc_status check_window(const struct sc_window *window, int64_t height, int64_t width, const char *node,
				   struct sc_error *error)
{
	if (!side_is_valid(window->kernel_h) || !side_is_valid(window->kernel_w) || !side_is_valid(window->stride_h) ||
	    !side_is_valid(window->stride_w))
		return sc_fail(error, SC_ERROR_ARGUMENT, node, -1,
			       "%s: kernel %" PRId64 "x%" PRId64 " with stride %" PRId64 "x%" PRId64 "; each must be at least 1",
			       node, window->kernel_h, window->kernel_w, window->stride_h, window->stride_w);
	if (!side_is_valid(height) || !side_is_valid(width))
		return sc_fail(error, SC_ERROR_ARGUMENT, node, -1, "%s: an input of %" PRId64 "x%" PRId64 " pixels is not possible",
			       node, height, width);
	return SC_OK;
}

enum sc_status sc_window_output(const struct sc_window *window, int64_t height, int64_t width, int64_t *out_height,
				int64_t *out_width, const char *node, struct sc_error *error)
{
	enum sc_status status = check_window(window, height, width, node, error);
	if (status != SC_OK)
		return status;
	int64_t room_h = height + window->pad_top + window->pad_bottom - window->kernel_h;
	int64_t room_w = width + window->pad_left + window->pad_right - window->kernel_w;
	if (room_h < 0 || room_w < 0)
		return sc_fail(error, SC_ERROR_ARGUMENT, node, -1,
			       "%s: a %" PRId64 "x%" PRId64 " window does not fit into %" PRId64 "x%" PRId64
			       " pixels and their padding: the output would be empty",
			       node, window->kernel_h, window->kernel_w, height, width);
	*out_height = room_h / window->stride_h + 1;
	*out_width = room_w / window->stride_w + 1;
	return SC_OK;
}

enum sc_status sc_window_place(struct sc_window *window, enum sc_padding padding, int64_t height, int64_t width,
			       int64_t *out_height, int64_t *out_width, const char *node, struct sc_error *error)
{
	enum sc_status status = check_window(window, height, width, node, error);
	if (status != SC_OK)
		return status;
	pad_axis(padding, height, window->kernel_h, window->stride_h, &window->pad_top, &window->pad_bottom);
	pad_axis(padding, width, window->kernel_w, window->stride_w, &window->pad_left, &window->pad_right);
	return sc_window_output(window, height, width, out_height, out_width, node, error);
}
