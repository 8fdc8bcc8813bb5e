/* Pixels become a batch: scaled, resized, the same for any number of threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "data/data.h"

static void pixels_stay_as_they_are_by_default(void **state)
{
	(void)state;
	const struct sc_preprocess none = {0};
	const struct sc_batch_shape shape = {.preprocess = &none, .height = 1, .width = 3, .channels = 1};
	float image[3];
	sc_batch_image(&shape, (const uint8_t[]){0, 7, 255}, 1, 3, image);
	assert_true(image[0] == 0.0f && image[1] == 7.0f && image[2] == 255.0f);
}

static void scaling_is_one_fma_with_rounded_constants(void **state)
{
	(void)state;
	const struct sc_preprocess preprocess = {.mean = {0.485f, 0.456f, 0.406f}, .deviation = {0.229f, 0.224f, 0.225f}};
	const struct sc_batch_shape shape = {.preprocess = &preprocess, .height = 2, .width = 1, .channels = 3};
	const uint8_t pixels[] = {0, 100, 255, 17, 128, 3};
	float image[6];
	sc_batch_image(&shape, pixels, 2, 1, image);
	for (int i = 0; i < 6; i++) {
		double mean = (double)preprocess.mean[i % 3], deviation = (double)preprocess.deviation[i % 3];
		float factor = (float)(1 / (255 * deviation)), offset = (float)(-mean / deviation);
		assert_true(image[i] == fmaf((float)pixels[i], factor, offset));
		assert_true(fabs((double)image[i] - (pixels[i] / 255.0 - mean) / deviation) < 1e-6);
	}
}

static void resized_padding_is_a_black_pixel(void **state)
{
	(void)state;
	const struct sc_preprocess preprocess = {.resize = true, .mean = {0.5f}, .deviation = {0.25f}};
	const struct sc_batch_shape shape = {.preprocess = &preprocess, .height = 4, .width = 8, .channels = 1};
	const uint8_t white[] = {255, 255, 255, 255};
	float image[32];
	sc_batch_image(&shape, white, 2, 2, image); /* 4 x 4, with two columns of padding on both sides */
	for (int i = 0; i < 32; i++)
		assert_true(fabsf(image[i] - (i % 8 >= 2 && i % 8 < 6 ? 2.0f : -2.0f)) < 1e-6f);
}

static void channels_are_swapped_for_nets_that_take_blue_first(void **state)
{
	(void)state;
	const struct sc_preprocess preprocess = {.bgr = true, .resize = true, .mean = {0.1f, 0.2f, 0.3f}, .deviation = {1, 1, 1}};
	struct sc_batch_shape shape = {.preprocess = &preprocess, .height = 1, .width = 1, .channels = 3};
	const uint8_t pixel[] = {255, 51, 0}; /* red, green, blue */
	float image[12];
	sc_batch_image(&shape, pixel, 1, 1, image);
	assert_true(fabsf(image[0] + 0.1f) < 1e-6f && fabsf(image[1]) < 1e-6f && fabsf(image[2] - 0.7f) < 1e-6f);
	shape.height = shape.width = 2; /* resized */
	sc_batch_image(&shape, pixel, 1, 1, image);
	for (int i = 0; i < 4; i++)
		assert_true(fabsf(image[3 * i] + 0.1f) < 1e-6f && fabsf(image[3 * i + 2] - 0.7f) < 1e-6f);
}

static void images_must_fit_the_model(void **state)
{
	(void)state;
	struct sc_preprocess preprocess = {0};
	const struct sc_batch_shape shape = {.preprocess = &preprocess, .height = 28, .width = 32, .channels = 1};
	struct sc_error error = {0};
	assert_int_equal(sc_batch_check(&shape, 28, 32, 1, "mnist", NULL), SC_OK);
	assert_int_equal(sc_batch_check(&shape, 28, 28, 1, "mnist", &error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "mnist"));
	assert_non_null(strstr(error.message, "28x28"));
	assert_non_null(strstr(error.message, "28x32"));
	preprocess.resize = true;
	assert_int_equal(sc_batch_check(&shape, 28, 28, 1, "mnist", NULL), SC_OK);
	assert_int_equal(sc_batch_check(&shape, 28, 28, 3, "mnist", &error), SC_ERROR_MISMATCH);
	assert_non_null(strstr(error.message, "3 channels"));
}

#define COUNT 37
#define SIDE  6

static void a_batch_is_the_same_for_any_number_of_threads(void **state)
{
	(void)state;
	static uint8_t pixels[COUNT * SIDE * SIDE * 2], labels[COUNT];
	static float image[9 * 10 * 2], one[COUNT * 9 * 10 * 2], many[COUNT * 9 * 10 * 2];
	int64_t indices[COUNT];
	int32_t batch_labels[COUNT];
	for (size_t i = 0; i < sizeof pixels; i++)
		pixels[i] = (uint8_t)(i * 2654435761u >> 13);
	for (int i = 0; i < COUNT; i++) {
		labels[i] = (uint8_t)(i % 7);
		indices[i] = (i * 5 + 3) % COUNT;
	}
	const struct sc_data data = {
		.count = COUNT, .height = SIDE, .width = SIDE, .channels = 2, .pixels = pixels, .labels = labels};
	const struct sc_preprocess preprocess = {.resize = true, .mean = {0.1f, 0.2f}, .deviation = {0.3f, 0.4f}};
	const struct sc_batch_shape shape = {.preprocess = &preprocess, .height = 9, .width = 10, .channels = 2};
	for (int threads = 1; threads <= 3; threads++) {
		struct sc_pool *pool = NULL;
		assert_int_equal(sc_pool_create(&pool, threads, NULL), SC_OK);
		sc_batch_fill(&shape, &data, indices, COUNT, pool, threads == 1 ? one : many, batch_labels);
		sc_pool_destroy(pool);
		if (threads > 1)
			assert_memory_equal(one, many, sizeof one);
	}
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(batch_labels[i], labels[indices[i]]);
		sc_batch_image(&shape, sc_data_image(&data, indices[i]), SIDE, SIDE, image);
		assert_memory_equal(one + i * 9 * 10 * 2, image, sizeof image);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pixels_stay_as_they_are_by_default),
		cmocka_unit_test(scaling_is_one_fma_with_rounded_constants),
		cmocka_unit_test(resized_padding_is_a_black_pixel),
		cmocka_unit_test(channels_are_swapped_for_nets_that_take_blue_first),
		cmocka_unit_test(images_must_fit_the_model),
		cmocka_unit_test(a_batch_is_the_same_for_any_number_of_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
