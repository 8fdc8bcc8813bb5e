/* Output sizes and padding of convolutions and pools, in torchvision's and in Keras' style. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "model/shapes.h"

struct expectation {
	enum sc_padding padding;
	int64_t in, kernel, stride, out, before, after;
};

static void sizes_follow_the_frameworks(void **state)
{
	(void)state;
	static const struct expectation table[] = {
		/* torchvision: the same on both sides */
		{SC_PADDING_SYMMETRIC, 224, 7, 2, 112, 3, 3},
		{SC_PADDING_SYMMETRIC, 112, 3, 2, 56, 1, 1},
		{SC_PADDING_SYMMETRIC, 28, 7, 2, 14, 3, 3},
		{SC_PADDING_SYMMETRIC, 7, 3, 2, 4, 1, 1},
		{SC_PADDING_SYMMETRIC, 7, 1, 2, 4, 0, 0},
		{SC_PADDING_SYMMETRIC, 1, 7, 2, 1, 3, 3},
		/* Keras: an even input with stride 2 has its odd pixel of padding after, an odd one is symmetric */
		{SC_PADDING_SAME, 224, 7, 2, 112, 2, 3},
		{SC_PADDING_SAME, 112, 3, 2, 56, 0, 1},
		{SC_PADDING_SAME, 28, 7, 2, 14, 2, 3},
		{SC_PADDING_SAME, 7, 3, 2, 4, 1, 1},
		{SC_PADDING_SAME, 7, 3, 1, 7, 1, 1},
		{SC_PADDING_SAME, 56, 1, 2, 28, 0, 0},
		{SC_PADDING_SAME, 1, 3, 2, 1, 1, 1},
		{SC_PADDING_SAME, 5, 2, 1, 5, 0, 1},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const struct expectation *e = &table[i];
		struct sc_window window = {.kernel_h = e->kernel, .kernel_w = 1, .stride_h = e->stride, .stride_w = 1};
		int64_t height = 0, width = 0;
		assert_int_equal(sc_window_place(&window, e->padding, e->in, 9, &height, &width, "conv", NULL), SC_OK);
		assert_int_equal(height, e->out);
		assert_int_equal(window.pad_top, e->before);
		assert_int_equal(window.pad_bottom, e->after);
		assert_int_equal(width, 9); /* the axes do not touch each other */
		assert_int_equal(window.pad_left, 0);
		assert_int_equal(window.pad_right, 0);
	}
}

static void an_empty_output_is_an_error_that_names_the_node(void **state)
{
	(void)state;
	struct sc_error error = {0};
	struct sc_window window = {.kernel_h = 5, .kernel_w = 5, .stride_h = 1, .stride_w = 1};
	int64_t height = 0, width = 0;
	assert_int_equal(sc_window_output(&window, 5, 4, &height, &width, "layer1.0.conv1", &error), SC_ERROR_ARGUMENT);
	assert_string_equal(error.subject, "layer1.0.conv1");
	assert_non_null(strstr(error.message, "layer1.0.conv1"));
	assert_non_null(strstr(error.message, "5x5"));
	assert_non_null(strstr(error.message, "5x4"));

	window.pad_right = 1;
	assert_int_equal(sc_window_output(&window, 5, 4, &height, &width, "layer1.0.conv1", &error), SC_OK);
	assert_int_equal(height, 1);
	assert_int_equal(width, 1);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	int64_t height, width;
	struct sc_window no_stride = {.kernel_h = 3, .kernel_w = 3, .stride_h = 0, .stride_w = 1};
	struct sc_window no_kernel = {.kernel_h = 3, .kernel_w = -1, .stride_h = 1, .stride_w = 1};
	struct sc_window window = {.kernel_h = 3, .kernel_w = 3, .stride_h = 1, .stride_w = 1};
	assert_int_equal(sc_window_place(&no_stride, SC_PADDING_SAME, 8, 8, &height, &width, "x", NULL), SC_ERROR_ARGUMENT);
	assert_int_equal(sc_window_place(&no_kernel, SC_PADDING_SAME, 8, 8, &height, &width, "x", NULL), SC_ERROR_ARGUMENT);
	assert_int_equal(sc_window_place(&window, SC_PADDING_SAME, 0, 8, &height, &width, "x", NULL), SC_ERROR_ARGUMENT);
	assert_int_equal(sc_window_place(&window, SC_PADDING_SAME, 8, INT64_MAX, &height, &width, "x", NULL), SC_ERROR_ARGUMENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_follow_the_frameworks),
		cmocka_unit_test(an_empty_output_is_an_error_that_names_the_node),
		cmocka_unit_test(nonsense_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
