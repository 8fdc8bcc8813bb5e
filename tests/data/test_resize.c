/* Resizing with padding gives what tf.image.resize_with_pad gives. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <string.h>
#include <cmocka.h>

#include "data/resize.h"

static void an_image_keeps_its_proportions(void **state)
{
	(void)state;
	struct size_and_box {
		int64_t height, width, target_height, target_width;
		struct sc_fit_box box; /* top, left, height, width */
	} table[] = {
		{28, 28, 224, 224, {0, 0, 224, 224}},
		{28, 28, 32, 64, {0, 16, 32, 32}},
		{28, 28, 31, 64, {0, 16, 31, 31}}, /* 16.5 columns of padding: the odd one goes right */
		{20, 10, 5, 5, {0, 1, 5, 2}},
		{3, 7, 10, 10, {2, 0, 4, 10}},     /* 4.29 rows fit; the 5.71 free ones count, not the 6 whole ones */
		{1, 1000, 28, 28, {13, 0, 1, 28}}, /* never thinner than a pixel */
		{5, 5, 5, 5, {0, 0, 5, 5}},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct sc_fit_box box = sc_fit_into(table[i].height, table[i].width, table[i].target_height, table[i].target_width);
		assert_memory_equal(&box, &table[i].box, sizeof box);
	}
}

static void the_box_lies_in_the_target(void **state)
{
	(void)state;
	for (int64_t height = 1; height < 80; height += 3)
		for (int64_t width = 1; width < 80; width++)
			for (int64_t target = 1; target < 300; target += 7) {
				struct sc_fit_box box = sc_fit_into(height, width, target, 2 * target);
				assert_true(box.top >= 0 && box.left >= 0 && box.height >= 1 && box.width >= 1);
				assert_true(box.top + box.height <= target && box.left + box.width <= 2 * target);
			}
}

static void pixels_have_their_centres_at_a_half(void **state)
{
	(void)state;
	/* 2 x 2 to 4 x 4: sources at -0.25, 0.25, 0.75, 1.25, the outer ones on the border */
	const uint8_t pixels[] = {0, 100, 200, 40};
	const float expected[16] = {0, 25, 75, 100, 50, 58.75f, 76.25f, 85, 150, 126.25f, 78.75f, 55, 200, 160, 80, 40};
	float image[16];
	sc_resize_with_pad(pixels, 2, 2, 1, image, 4, 4);
	for (int i = 0; i < 16; i++)
		assert_true(image[i] == expected[i]);
}

static void shrinking_does_not_average(void **state)
{
	(void)state;
	/* 1 x 6 to 1 x 2: sources at 1 and 4, whatever lies between */
	const uint8_t pixels[] = {1, 2, 3, 4, 5, 6};
	float image[2 * 6];
	sc_resize_with_pad(pixels, 1, 6, 1, image, 1, 2);
	assert_true(image[0] == 2.0f && image[1] == 5.0f);
}

static void channels_do_not_mix(void **state)
{
	(void)state;
	const uint8_t pixels[] = {0, 9, 90, 100, 9, 10};
	float image[3 * 6 * 3];
	sc_resize_with_pad(pixels, 1, 2, 3, image, 3, 4); /* two rows of image; none above, one below */
	const float expected[12] = {0, 9, 90, 25, 9, 70, 75, 9, 30, 100, 9, 10};
	for (int i = 0; i < 12; i++) {
		assert_true(image[i] == expected[i]);
		assert_true(image[12 + i] == expected[i]);
		assert_true(image[24 + i] == 0.0f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_keeps_its_proportions),
		cmocka_unit_test(the_box_lies_in_the_target),
		cmocka_unit_test(pixels_have_their_centres_at_a_half),
		cmocka_unit_test(shrinking_does_not_average),
		cmocka_unit_test(channels_do_not_mix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
